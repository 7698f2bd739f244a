"""The scripts that `explain` runs on a host: what is there, one packet under trace, and a look
afterwards.

What marks the packet is a table of nftables that belongs to a process (`flags owner`): the kernel
itself removes it when that process ends, and that ends when the script does, however it ends. No
rule of anybody's is touched, no table of iptables is made.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from shlex import quote

from netwright.model import HOST

__all__ = ["GATE", "MARK", "TABLE", "Question", "armed", "look", "over", "places", "trace"]

MARK = "=netwright-explain="
TABLE = "netwright-explain"
WAIT = 4
"""Seconds that an answer is waited for: a neighbour that nobody answers for is given up after 3."""
LIFE = 60
"""Seconds after which what was started ends by itself, whoever was killed."""
GATE = 40
"""Seconds that a host waits to be told that the packet has been sent from another one."""

_START = f"""LC_ALL=C
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
nw_say() {{ printf '\\n%s\\n' "{MARK} $*"; }}
nw_in() {{
  nw_place=$1
  shift
  if [ "$nw_place" = {HOST} ]; then "$@"; else ip netns exec "$nw_place" "$@"; fi
}}
"""


@dataclass(frozen=True)
class Question:
    """One packet: from a namespace to an address; `number` is its source port, or its ICMP id."""

    netns: str
    address: str
    kind: str = "icmp"
    port: int = 0
    number: int = 20001

    @property
    def family(self) -> str:
        """As nft names it."""
        return "ip6" if ":" in self.address else "ip"


def places(question: Question) -> str:
    """What decides where the packet may come by on this host: namespaces, addresses, the first
    route, and where NAT may send it."""
    asked = f"{quote(question.netns)} ip -o route get {quote(question.address)}"
    tool, names = "iptables", "/proc/net/ip_tables_names"
    if question.family == "ip6":
        tool, names = "ip6tables", "/proc/net/ip6_tables_names"
    return f"""{{
{_START}
for nw_tool in nft xtables-monitor ip; do
  command -v $nw_tool > /dev/null || nw_say "lacks $nw_tool"
done
nw_names=$(ip netns list | cut -d' ' -f1)
for nw_name in {HOST} $nw_names; do
  nw_say "netns $nw_name"
  nw_in "$nw_name" ip -o address show
  nw_in "$nw_name" {tool}-nft-save -t nat 2> /dev/null | grep -e --to-destination
  # Asking legacy for a table by its name would make it.
  [ -z "$(nw_in "$nw_name" cat {names} 2> /dev/null)" ] ||
    nw_in "$nw_name" {tool}-legacy-save | grep -e --to-destination
done
nw_say route
nw_in {asked} 2>&1
exit 0
}}
"""


def _table(question: Question, first: bool) -> Iterator[str]:
    """The lines for nft: marks the packet and its answer, and sees how far they get.

    + first: whether the packet starts in this namespace
    """
    # xtables-monitor 1.8.9 dies of rules in tables `ip` that iptables has no words for.
    family = "inet"
    yield f"add table {family} {TABLE} {{ flags owner; }}"
    hooks = [("request", "prerouting"), ("reply", "prerouting"), ("reply", "output")]
    if first:
        hooks.append(("request", "output"))
    for what, hook in hooks:
        yield from _chain(family, f"{what}-{hook}", hook, -350)
    for hook in ("forward", "input", "postrouting"):
        yield from _chain(family, f"seen-{hook}", hook, 400)
    for what, hook in hooks:
        match = f"meta nfproto {'ipv6' if question.family == 'ip6' else 'ipv4'}"
        if (what, hook) == ("request", "output"):
            match += f" {question.family} daddr {question.address}"
        match += f" {_match(question, what)} meta nftrace set 1"
        yield f"add rule {family} {TABLE} {what}-{hook} {match}"
    yield f"add table bridge {TABLE} {{ flags owner; }}"
    yield from _chain("bridge", "request-prerouting", "prerouting", -350)
    for hook in ("forward", "input", "output", "postrouting"):
        yield from _chain("bridge", f"seen-{hook}", hook, 400)
    match = f"meta protocol {question.family} {_match(question, 'request')}"
    yield f"add rule bridge {TABLE} request-prerouting {match} meta nftrace set 1"


def _chain(family: str, name: str, hook: str, priority: int) -> Iterator[str]:
    kind = f"type filter hook {hook} priority {priority}; policy accept;"
    yield f"add chain {family} {TABLE} {name} {{ {kind} }}"


def _match(question: Question, what: str) -> str:
    """Wherever it comes by: NAT may have changed its addresses, and hardly ever its number."""
    if question.kind == "icmp":
        v6 = question.family == "ip6"
        icmp, protocol = ("icmpv6", "ipv6-icmp") if v6 else ("icmp", "icmp")
        match = f"meta l4proto {protocol} {icmp} type echo-{what}"
        return f"{match} {icmp} id {question.number}"
    side = "sport" if what == "request" else "dport"
    match = f"meta l4proto {question.kind} {question.kind} {side} {question.number}"
    if question.kind == "tcp":
        match += f" tcp flags & (syn|ack|rst) {'== syn' if what == 'request' else '!= ack'}"
    return match


_OPEN = f"""
umask 077
nw_dir=$(mktemp -d "/run/{TABLE}.${{nw_gate}}XXXXXX") || exit 3
mkfifo "$nw_dir/alive" || exit 3
# Whoever reads from it learns of this shell's end, also of one by SIGKILL.
exec 9<> "$nw_dir/alive"
# A shell of its own for each: a group would keep a copy of 9.
( exec 9>&-
  timeout {LIFE} cat "$nw_dir/alive"
  while read -r nw_pid; do kill "$nw_pid" 2> /dev/null; done < "$nw_dir/pids"
  rm -rf "$nw_dir" ) > /dev/null 2>&1 &
nw_end() {{ exec 9>&-; wait; }}
trap nw_end EXIT
trap 'exit 130' HUP INT TERM
: > "$nw_dir/pids"
# How many listen to traces there, and how much they have not read yet.
nw_listeners() {{
  nw_count=0 nw_unread=0
  nw_in "$1" cat /proc/net/netlink > "$nw_dir/netlink"
  while read -r _ nw_proto _ nw_groups nw_rmem _; do
    [ "$nw_proto" = 12 ] || continue
    case $nw_groups in
      *[13579bdf]??) nw_count=$((nw_count + 1)) nw_unread=$((nw_unread + nw_rmem)) ;;
    esac
  done < "$nw_dir/netlink"
}}
nw_open() {{
  cat > "$nw_dir/$1.rules"
  ( exec 9>&-
    {{ cat "$nw_dir/$1.rules"; timeout {LIFE} cat "$nw_dir/alive"; }} |
      nw_in "$2" nft -i > "$nw_dir/$1.nft" 2>&1 ) &
  nw_listeners "$2"
  nw_wanted=$((nw_count + 1))
  ( exec 9>&-
    exec > "$nw_dir/$1.trace" 2>&1
    [ "$2" = {HOST} ] || exec ip netns exec "$2" timeout {LIFE} xtables-monitor --trace
    exec timeout {LIFE} xtables-monitor --trace ) &
  echo $! >> "$nw_dir/pids"
  echo $! > "$nw_dir/$1.pid"
  nw_left=100
  until nw_listeners "$2"; [ "$nw_count" -ge "$nw_wanted" ] &&
    nw_in "$2" nft list chain inet {TABLE} seen-postrouting > /dev/null 2>&1; do
    nw_left=$((nw_left - 1))
    if [ $nw_left -le 0 ]; then
      nw_say "problem $2"
      cat "$nw_dir/$1.nft" "$nw_dir/$1.trace"
      exit 3
    fi
    sleep 0.1
  done
}}
# Until all that was traced has been written.
nw_drain() {{
  nw_left=50 nw_before=none
  while [ $nw_left -gt 0 ]; do
    nw_listeners "$2"
    nw_size=$(wc -c < "$nw_dir/$1.trace")
    [ "$nw_unread $nw_size" = "0 $nw_before" ] && break
    nw_before=$nw_size nw_left=$((nw_left - 1))
    sleep 0.1
  done
  read -r nw_pid < "$nw_dir/$1.pid"
  [ -d "/proc/$nw_pid" ] || nw_say "broken $2"
}}
nw_counters() {{
  nw_in "$1" sh -c 'cat /proc/net/netstat /proc/net/snmp /proc/net/snmp6 2> /dev/null'
}}
# The tables that are there: asking for one by its name would make it.
nw_legacy() {{
  [ -n "$(nw_in "$1" cat "/proc/net/$nw_names" 2> /dev/null)" ] || return 0
  nw_in "$1" "$nw_tools-legacy-save" -c
}}
# The rules of the chains that were met, so that they can be numbered.
nw_rules() {{
  {{ printf '*%s\\n' raw mangle nat filter security
    sed -n 's/^ TRACE: [0-9]* [0-9a-f]* [^:]*:\\([^:]*\\):rule:.*/-A \\1 /p' "$nw_dir/$1.trace"
  }} | sort -u > "$nw_dir/chains"
  for nw_tool in $nw_tools-nft-save; do
    nw_in "$2" "$nw_tool" 2> /dev/null | grep -F -f "$nw_dir/chains"
  done
}}
"""


def trace(question: Question, netns: Sequence[str], gate: str = "") -> str:
    """Sends the packet and prints what became of it, namespace by namespace.

    + netns: those in which it is looked for, that of the question among them
    + gate: letters and digits: another host sends it; `armed` waits until it may, `over` tells
      that it has
    """
    lines = [_START, f"nw_gate={gate and f'{gate}.'}"]
    lines.append(f"nw_tools={'ip6tables' if question.family == 'ip6' else 'iptables'}")
    lines.append(_OPEN)
    for number, name in enumerate(netns):
        table = "\n".join(_table(question, not gate and name == question.netns))
        lines.append(f"nw_open {number} {quote(name)} <<'NETWRIGHT'\n{table}\nNETWRIGHT")
    for name in netns:
        lines.append(f"nw_say before {quote(name)}\nnw_counters {quote(name)}")
        lines.append(f"nw_say rested {quote(name)}\nnw_legacy {quote(name)}")
    lines.append(_GATE if gate else f"nw_say answer\n{_send(question)}")
    for number, name in enumerate(netns):
        word = quote(name)
        lines.append(f"nw_drain {number} {word}\nnw_say after {word}\nnw_counters {word}")
        lines.append(f'nw_say trace {word}\ncat "$nw_dir/{number}.trace"')
        lines.append(f"nw_say rules {word}\nnw_rules {number} {word}")
        lines.append(f"nw_say native {word}\nnw_native {number} {word}")
        lines.append(f"nw_say legacy {word}\nnw_legacy {word}")
    legacy = "ip6_tables_names" if question.family == "ip6" else "ip_tables_names"
    lines.insert(2, f"nw_names={legacy}\n{_NATIVE}")
    return "{\n" + "\n".join(lines) + "\nnw_say end\nexit 0\n}\n"


_GATE = f"""
: > "$nw_dir/armed"
nw_left={GATE}0
until [ -e "$nw_dir/over" ]; do
  nw_left=$((nw_left - 1))
  if [ $nw_left -le 0 ]; then nw_say late; break; fi
  sleep 0.1
done"""


def armed(gate: str) -> str:
    """Waits until a trace behind a gate sees all that comes by; exit status 1 if it never does."""
    return f"""{{
nw_left=200 nw_seen=
while [ $nw_left -gt 0 ]; do
  for nw_dir in /run/{TABLE}.{gate}.*; do
    [ -e "$nw_dir/armed" ] && exit 0
    if [ -d "$nw_dir" ]; then nw_seen=1; elif [ -n "$nw_seen" ]; then exit 1; fi
  done
  nw_left=$((nw_left - 1))
  sleep 0.1
done
exit 1
}}
"""


def over(gate: str) -> str:
    """Tells a trace behind a gate that the packet has been sent and answered, or was not."""
    return f"""{{
for nw_dir in /run/{TABLE}.{gate}.*; do
  [ ! -d "$nw_dir" ] || : > "$nw_dir/over"
done
exit 0
}}
"""


# The rules of tables that are not iptables' are known by their handle.
_NATIVE = f"""nw_native() {{
  sed -n 's/^ TRACE: [0-9]* [0-9a-f]* \\([^:]*\\):[^:]*:rule:0x[^ ]* *$/\\1/p' \\
    "$nw_dir/$1.trace" | sort -u | while read -r nw_table; do
    [ "$nw_table" = {TABLE} ] && continue
    nw_in "$2" nft -a list tables | while read -r _ nw_of nw_its _; do
      [ "$nw_its" = "$nw_table" ] && nw_in "$2" nft -a list table "$nw_of" "$nw_its"
    done
  done
}}
"""


def _send(question: Question) -> str:
    """What sends it: one packet, or as many as it takes until an answer is given up."""
    at = quote(question.address)
    bracketed = quote(f"[{question.address}]" if question.family == "ip6" else question.address)
    netns, number, wait = quote(question.netns), question.number, WAIT
    if question.kind == "icmp":
        send = f"ping -n -c 1 -W {wait} -e {number} {at}"
        tool = "ping"
    else:
        kind = f"{question.kind.upper()}{'6' if question.family == 'ip6' else '4'}"
        to = f"{kind}:{bracketed}:{question.port},sourceport={number}"
        tool = "socat"
        if question.kind == "tcp":
            send = f"socat -u /dev/null {to},reuseaddr,connect-timeout={wait}"
        else:
            send = f"socat -t {wait} - {to}"
    send = f"nw_in {netns} {send}"
    if question.kind == "udp":
        send = f"echo netwright | {send}"
    return f"""if command -v {tool} > /dev/null; then
  {{ {send}; echo "status $?"; }} 2>&1 | tr -cd '\\11\\12\\40-\\176' | tail -n 20
else
  nw_say lacks {tool}
fi"""


@dataclass(frozen=True)
class Route:
    """A routing decision to ask for."""

    netns: str
    address: str
    source: str = ""
    iif: str = ""


_LOOKS = (
    ("links", "ip -j -d link show"),
    ("neighbours", "ip -j neighbour show"),
    ("fdb", "bridge -j fdb show"),
)


def look(question: Question, routes: Iterable[Route], last: str) -> str:
    """What the packet's way is explained with.

    + routes: one for each namespace at most
    + last: the namespace of which links, neighbours and bridges are told; empty: of none
    """
    lines = [_START]
    v = "ipv6" if question.family == "ip6" else "ipv4"
    for item in routes:
        name = quote(item.netns)
        words = ["ip", "-o", "route", "get", item.address]
        words += ["from", item.source] if item.source else []
        words += ["iif", item.iif] if item.iif else []
        command = " ".join(quote(word) for word in words)
        lines.append(f"nw_say route {name}\nnw_in {name} {command} 2>&1")
        command = f"ip -o route show table all match {quote(item.address)}"
        lines.append(f"nw_say matching {name}\nnw_in {name} {command}")
        if item.iif:
            path = quote(f"/proc/sys/net/{v}/conf/{item.iif}/forwarding")
            lines.append(f"nw_say forwards {name}\nnw_in {name} cat {path} 2> /dev/null")
    for what, command in _LOOKS if last else ():
        lines.append(f"nw_say {what} {quote(last)}\nnw_in {quote(last)} {command}")
    return "{\n" + "\n".join([*lines, "nw_say end"]) + "\nexit 0\n}\n"
