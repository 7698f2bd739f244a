"""What a host is like: one POSIX shell script that reads it all, and the parse of what it prints.

The script needs iproute2 and the usual utilities on the target. It reads the host's own namespace,
every namespace that is declared or that an earlier run made, just those parameters that are asked
for, and what is ours in /etc and /run.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from netwright import (
    ipset,
    iptables,
    iptables_scratch,
    ipvs,
    neighbour,
    netlink_shell,
    route,
    rule,
    site,
    sysctl,
)
from netwright.errors import Problem, SnapshotError
from netwright.iptables_scratch import Scratch
from netwright.iptables_shell import READ
from netwright.links import bridge_vlan, vxlan, wireguard
from netwright.links import link as links
from netwright.links.link import SeenLink
from netwright.links.tuntap import Tun
from netwright.links.veth import Peer, Veth
from netwright.lock_shell import ALIVE
from netwright.many_shell import MANY
from netwright.model import HOST
from netwright.module import EVIDENCE
from netwright.pack_shell import PACK, unpacked
from netwright.parameter import known
from netwright.place_shell import PLACE
from netwright.site import Site
from netwright.state import Namespace, NetworkState

__all__ = ["DIRECTORY", "NO_LEDGER", "RUNTIME", "Snapshot", "parse", "reads", "script"]

DIRECTORY = "/etc/netwright"
"""Where ledgers stand: NAME/ledger.json, and NAME/reads: what the next snapshot has to read."""
RUNTIME = "/run/netwright"
"""The journals of runs, NAME; the ledgers of what no boot brings back, NAME.json and NAME.reads."""
NO_LEDGER = "4294967295 0"
"""What cksum says of nothing."""

OURS = (
    ("/etc/sysctl.d/99-zz-netwright-", ".conf"),
    ("/etc/modules-load.d/netwright-", ".conf"),
    ("/etc/systemd/system/netwright-", ".service"),
    ("/etc/network/if-pre-up.d/netwright-", ""),
    ("/etc/local.d/netwright-", ".start"),
)
"""How what the next boot reads is called outside of our directory, around the name."""

_MARK = "@@ "
_TABLES = ("ipsets", *iptables.FAMILIES)
_SHOWN = ("netns", "netlink")
"""Sections that show a namespace: by ip, or as the kernel told it."""


@dataclass(frozen=True)
class Snapshot:
    """A host as it was at one moment."""

    state: NetworkState
    ledgers: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    """Path -> content of the files of ours that are there."""
    interrupted: Mapping[str, str] = field(default_factory=dict)
    """Name -> whose run under that name never came to its end."""
    working: Mapping[str, str] = field(default_factory=dict)
    """Name -> whose run under that name is at work just now."""
    undone: Mapping[str, str] = field(default_factory=dict)
    """Name -> whose run under that name was not confirmed, and so undone by the host."""
    names: frozenset[str] = frozenset()
    """Of which there is anything of ours, a ledger or what the next boot reads."""
    stamps: Mapping[str, str] | None = None
    """Name -> what tells whether another run came since; None for a host that nobody has read."""
    scratch: Scratch = field(default_factory=Scratch)
    """What the host's own iptables makes of the declared rules."""
    site: Site = field(default_factory=Site)
    """What else sets its network, and what its start runs."""


def reads(state: NetworkState) -> list[str]:
    """What the snapshot has to read for a state: `NETNS`, `NETNS PARAMETER`, `NETNS @ids`."""
    lines: set[str] = set()
    for name, space in state.namespaces():
        lines.add(name)
        goes = space.state == "absent"
        if goes or any(_is_between(name, link) for link in (space.links or {}).values()):
            lines.add(f"{name} @ids")
        if goes or any(item.family == "inet6" for item in space.rules or ()):
            lines.add(f"{name} @rules6")
        if space.ipvs:
            lines.add(f"{name} @ipvs")
        lines |= {f"{name} @{room}" for room in _TABLES if getattr(space, room)}
        for link in (space.links or {}).values():
            lines |= {f"{name} {what}" for what in _of_link(link)}
        lines |= {f"{name} {key}" for key in _keys(space)}
    return sorted(lines)


def _is_between(name: str, link: links.Link) -> bool:
    """Whether a link is, or may be, an end of a pair in two namespaces, none of them the host's."""
    if link.state == "absent":
        return name != HOST
    if link.link_netns not in (None, name):
        return True
    peer = link.veth.peer if link.veth is not None else None
    return peer is not None and HOST not in (name, peer.netns) and peer.netns not in (None, name)


def _of_link(link: links.Link) -> Iterator[str]:
    """What has a tool of its own to show it."""
    if any(part is not None and part.vlans is not None for part in (link.port, link.bridge)):
        yield "@vlans"
    if link.vxlan is not None and link.vxlan.fdb is not None:
        yield "@fdb"
    if link.kind in ("tun", "tap"):
        yield "@tuntap"
    if link.wireguard is not None:
        yield "@wireguard"
        if link.wireguard.private_key_file:
            yield f"@key {link.wireguard.private_key_file}"
        for peer in link.wireguard.peers or ():
            if peer.preshared_key_file:
                yield f"@psk {peer.preshared_key_file}"


def _keys(space: Namespace) -> Iterator[str]:
    for key in space.sysctl or {}:
        yield key
        parameter, ifname = known(key), sysctl.link_of(key)
        if parameter is not None and ifname is not None and parameter.combine != "alone":
            # `all` decides with it, and for accept_redirects forwarding does.
            yield key.replace(f"/{ifname}/", "/all/")
            if parameter.combine == "redirects":
                yield sysctl.link_key("ipv4", ifname, "forwarding")
        if key.startswith(sysctl.DEFAULT):
            # It goes for links that are there, too.
            yield key.replace("/default/", "/*/")
        if key in sysctl.SETS_FORWARDING:
            # A change of it sets every link's own.
            below = sysctl.SETS_FORWARDING[key]
            yield f"{below}/*/forwarding"
            if below == "net/ipv4/conf":
                yield f"{below}/{sysctl.ALL_REDIRECTS}"


_SCRIPT = r"""
NW_SHOW='address show
route show table all
rule show
neigh show nud permanent
neigh show proxy'
# What changes while it is shown is shown again.
nw_show() {
  for _ in 1 2 3 4 5; do
    printf '@@ netns %s\n' "$1"
    { nw_words=$(nw_exec='exec'; nw_ip "$1" -j -d -N -batch - 2>&1 >&3 <<NW_END
$NW_SHOW
NW_END
    ); } 3>&1
    nw_ended=$?
    case $nw_words in *'was interrupted'*) ;; *) break ;; esac
  done
  [ -z "$nw_words" ] || printf '%s\n' "$nw_words" >&2
  return $nw_ended
}
# The numbers of owners, where ip has found names.
nw_owners() {
  printf '@@ tuntap %s\n' "$1"
  nw_ip "$1" -j -d link show type tun |
    grep -o -e '"user":"[^"]*"' -e '"group":"[^"]*"' | tr -d '"' | tr : ' ' | sort -u |
    while read -r what name; do
      case $what in
        user) getent passwd "$name" ;;
        group) getent group "$name" ;;
      esac | sed "s/^\([^:]*\):[^:]*:\([0-9]*\).*/$what \1 \2/"
    done
}
# Of keys nothing but public ones and hashes goes to the controller.
nw_hash() {
  printf %s "$1" | sha256sum | cut -c 1-32
}
nw_wireguard() {
  printf '@@ wireguard %s\n' "$1"
  command -v wg > /dev/null || return 0
  for nw_what in public-key listen-port fwmark allowed-ips endpoints persistent-keepalive; do
    nw_in "$1" wg show all "$nw_what" | sed "s/^/$nw_what /" || return 1
  done
  nw_in "$1" wg show all preshared-keys | while read -r link peer key; do
    [ "$key" = '(none)' ] || key=$(nw_hash "$key")
    printf 'preshared-keys %s %s %s\n' "$link" "$peer" "$key"
  done
}
nw_key() {
  printf '@@ key %s\n' "$2"
  [ -r "$2" ] && command -v wg > /dev/null || return 0
  case $1 in
    @key) wg pubkey < "$2" 2> /dev/null || : ;;
    @psk) nw_hash "$(cat "$2")" ;;
  esac
}
# The kernel looks for /proc/sys/net/ipv4 among those of all namespaces: once for all that is below.
nw_key_of() {
  nw_below=${1#net/ipv[46]/}
  case $nw_name in
    host) nw_dir=/proc/sys/${1%"$nw_below"} ;;
    *) nw_dir='' nw_below=/proc/sys/$1 ;;
  esac
  [ "$nw_dir" = "$nw_under" ] || nw_flush || return 1
  nw_under=$nw_dir nw_keys="$nw_keys $nw_below"
}
nw_flush() {
  [ -n "$nw_keys" ] || return 0
  printf '@@ sysctl %s %s\n' "$nw_name" "$nw_under"
  # Not by the shell's read: it goes byte by byte, and the kernel ends a parameter after the first.
  # shellcheck disable=SC2086 # the paths, and patterns of them
  case $nw_name:$nw_keys in
    host:*) (! cd "$nw_under" 2> /dev/null || grep -sH '' -- $nw_keys) ;;
    *\**) nw_in "$nw_name" sh -c "grep -sH '' $nw_keys" ;;
    *) nw_in "$nw_name" grep -sH '' $nw_keys ;;
  esac
  # 1 and 2 mean a parameter that is not there, which is an answer too.
  [ $? -le 2 ] || return 1
  nw_keys=''
}
nw_services() {
  printf '@@ ipvs %s\n' "$1"
  # Without the module there are none; ipvsadm would load it.
  nw_in "$1" test -e /proc/net/ip_vs || return 0
  command -v ipvsadm > /dev/null || {
    echo 'ipvsadm is not installed (package ipvsadm)' >&2
    return 1
  }
  nw_in "$1" ipvsadm -Sn
}
nw_read() {
  nw_name='' nw_keys='' nw_under=''
  while read -r name what; do
    if [ "$name" != "$nw_name" ]; then
      nw_flush || return 1
      nw_name=$name nw_there=1
      if [ "$name" = host ] || [ -e "/run/netns/$name" ]; then
        nw_show "$name" || return 1
      else
        nw_there=''
      fi
    fi
    [ -n "$nw_there" ] || continue
    case $what in
      '') ;;
      @rules6)
        printf '@@ rules6 %s\n' "$name"
        nw_ip "$name" -6 -j -d -N rule show
        ;;
      @ids)
        printf '@@ ids %s\n' "$name"
        if [ "$name" = host ]; then ip -j netns list; else nw_ip "$name" -j netns list-id; fi
        ;;
      @iptables | @ip6tables) nw_tables "$name" "${what#@}" ;;
      @ipsets) nw_sets "$name" ;;
      @vlans)
        printf '@@ vlans %s\n' "$name"
        nw_bridge "$name" -j -compressvlans vlan show
        ;;
      @fdb)
        printf '@@ fdb %s\n' "$name"
        nw_bridge "$name" -j fdb show
        ;;
      @tuntap) nw_owners "$name" ;;
      @wireguard) nw_wireguard "$name" ;;
      "@key "* | "@psk "*) nw_key "${what%% *}" "${what#* }" ;;
      @ipvs) nw_services "$name" ;;
      *) nw_key_of "$what" ;;
    esac || return 1
  done
  nw_flush
}
# What another run takes away while it is read is read again.
nw_often() {
  for _ in 1 2 3 4; do
    "$@" 2> /dev/null && return 0
  done
  "$@"
}
# Those there are, then the lines of all of them by one process.
nw_files() {
  printf '@@ files\n'
  for path; do
    shift
    # Another run's, for a moment.
    case $path in *.nw-new/*) continue ;; esac
    if [ -L "$path" ]; then
      printf '@@ file %s\n|-> %s\n' "$path" "$(readlink "$path")"
      continue
    fi
    [ -f "$path" ] || continue
    printf '@@ file %s\n' "$path"
    set -- "$@" "$path"
  done
  [ $# != 0 ] || return 0
  printf '@@ lines\n'
  LC_ALL=C grep -H '' "$@"
  # 1 means that all of them are empty.
  [ $? -le 1 ]
}
# What the next run's plan is made for: another run that comes between changes it.
nw_stamp() {
  if [ -f "NW_DIRECTORY/$1/ledger.json" ] && [ -f "NW_RUNTIME/$1.json" ]; then
    cat "NW_DIRECTORY/$1/ledger.json" "NW_RUNTIME/$1.json" 2> /dev/null | cksum
  elif [ -f "NW_DIRECTORY/$1/ledger.json" ]; then
    cksum < "NW_DIRECTORY/$1/ledger.json"
  elif [ -f "NW_RUNTIME/$1.json" ]; then
    cksum < "NW_RUNTIME/$1.json"
  else
    echo 'NW_NOTHING'
  fi
}
# Whether a run is still at work after some seconds.
nw_busy() {
  nw_tries=0
  while nw_locked "$1"; do
    nw_tries=$((nw_tries + 1))
    [ "$nw_tries" -le 50 ] || return 0
    sleep 0.2
  done
  return 1
}
nw_is_root() {
  while read -r nw_what _ nw_user _; do
    [ "$nw_what" != Uid: ] || break
  done < /proc/self/status
  [ "$nw_user" = 0 ]
}
# A change that waits for its confirmation, or for its undo.
nw_waits() {
  [ -f "$1/pending" ] || [ -f "$1/expired" ] || return 1
  read -r nw_now _ < /proc/uptime
  read -r nw_until < "$1/deadline" && [ "${nw_now%.*}" -le "$((nw_until + 5))" ]
}
nw_wanted() {
  set --
NW_EARLIER
  LC_ALL=C sort -u - "$@" <<'NW_END'
NW_READS
NW_END
}
nw_whole_snapshot() {
  command -v ip > /dev/null || { echo 'ip is not installed (package iproute2)' >&2; return 1; }
  nw_is_root || { echo 'needs root: set _sudo=True in the inventory' >&2; return 1; }
NW_TMP
  printf '@@ modules\n'
  [ ! -r /proc/modules ] || cut -d' ' -f1 /proc/modules
NW_EVIDENCE
  nw_site
  nw_often nw_files NW_FILES || return 1
  for path in NW_DIRECTORY/*/ledger.json NW_RUNTIME/*.json; do
    [ -f "$path" ] || continue
    path=${path%/ledger.json} && path=${path%.json} && path=${path##*/}
    printf '@@ stamp %s\n|' "$path"
    nw_stamp "$path" || echo
  done
  printf '@@ names\n'
  for path in NW_DIRECTORY/* NW_RUNTIME/*.json NW_OURS; do
    [ ! -e "$path" ] && [ ! -L "$path" ] || printf '%s\n' "$path"
  done
  for path in /run/netwright/*; do
    case ${path##*/} in *.*) continue ;; esac
    [ -f "$path/who" ] || continue
    # Its end, or its undo by the guard if it was killed, is worth waiting for.
    if nw_waits "$path" || nw_busy "$path"; then
      printf '@@ working %s\n' "${path##*/}"
    elif [ -f "$path/who" ]; then
      printf '@@ interrupted %s\n' "${path##*/}"
    fi
    [ ! -f "$path/who" ] || cat "$path/who"
    [ ! -f "$path/pending" ] || echo '(it waits for its confirmation)'
  done
  for path in /run/netwright/*.undone; do
    [ -f "$path" ] || continue
    path=${path%.undone}
    printf '@@ undone %s\n' "${path##*/}"
    sed 's/^/|/' "$path.undone"
  done
  nw_asked=$(nw_often nw_wanted) || return 1
  printf '%s\n' "$nw_asked" | NW_READER || return 1
NW_ASIDE
  printf '@@ end\n'
}
nw_snapshot() {
  NW_PRINTER nw_whole_snapshot
}
"""


_EARLIER = f"""  for path in {DIRECTORY}/*/reads {RUNTIME}/*.reads; do
    case $path in *.nw-new/*) continue ;; esac
    [ ! -f "$path" ] || set -- "$@" "$path"
  done"""
_MANY = 20
"""Namespaces, below which the processes cost more than they save."""
_LONG = 500
"""Rules, with which an answer is long."""
_TMP = """  nw_tmp=$(mktemp -d 2> /dev/null) || nw_tmp=$(mktemp -d -p /run) || return 1
  trap 'rm -rf "$nw_tmp"' EXIT"""


def _declared(rules: str) -> str:
    if not rules:
        return "nw_tmp=''\n"
    end = f"NW_{hashlib.sha256(rules.encode()).hexdigest()[:24]}"
    return f"nw_declared() {{\n  cat <<'{end}'\n{rules}\n{end}\n}}\n"


def functions(
    wanted: Iterable[str],
    files: Iterable[str] = (),
    rules: str = "",
    unread: Container[str] | None = None,
) -> str:
    """The shell functions, of which `nw_snapshot` prints the snapshot.

    + wanted: what `reads` gave
    + files: paths of ours to read besides the ledgers
    + rules: what `iptables_scratch.render` gave
    + unread: names of namespaces to leave out; None: read those of earlier runs, too
    """
    wanted = tuple(line for line in wanted if line.split(" ")[0] not in (unread or ()))
    evidence = "\n".join(
        f"  [ ! -e {path} ] || printf '%s\\n' {name}" for name, path in EVIDENCE.items()
    )
    many = len({line.split(" ")[0] for line in wanted}) >= _MANY
    globs = " ".join([f"{DIRECTORY}/*/ledger.json", f"{RUNTIME}/*.json", *files])
    return (
        (PLACE + READ + ALIVE + site.READ + (MANY if many else "") + PACK + _SCRIPT)
        .replace("NW_ASIDE", "  nw_scratch || return 1" if rules else "")
        .replace("NW_TMP", _TMP if rules else "")
        .replace("NW_EVIDENCE", evidence)
        .replace("NW_FILES", globs)
        .replace("NW_EARLIER", _EARLIER if unread is None else "")
        .replace("NW_READER", "nw_read_all" if many else "nw_read")
        .replace("NW_PRINTER", "nw_packed" if many or rules.count("\n") > _LONG else "")
        .replace("NW_OURS", " ".join(f"{start}*{end}" for start, end in OURS))
        .replace("NW_READS", "\n".join(sorted({HOST, f"{HOST} @ids", f"{HOST} @rules6", *wanted})))
        .replace("NW_NOTHING", NO_LEDGER)
        .replace("NW_DIRECTORY", DIRECTORY)
        .replace("NW_RUNTIME", RUNTIME)
    ) + _declared(rules)


def script(wanted: Iterable[str], files: Iterable[str] = (), rules: str = "") -> str:
    """The whole script, for `sh` on its standard input: nothing runs before all has arrived."""
    return f"{functions(wanted, files, rules)}\nnw_snapshot < /dev/null\n"


def parse(output: Iterable[str], unread: Mapping[str, Namespace] | None = None) -> Snapshot:
    """What the script printed, as types.

    + unread: namespaces that it was told to leave out, as they were

    Raises SnapshotError when it isn't whole.
    """
    sections: dict[tuple[str, str], list[str]] = {}
    body: list[str] = []
    for line in unpacked(output):
        if line.startswith(_MARK):
            kind, _, name = line[len(_MARK) :].strip().partition(" ")
            if kind in _SHOWN:
                # One that was shown again.
                for how in _SHOWN:
                    sections.pop((how, name), None)
            elif kind == "files":
                # As they are from here on.
                old = [item for item in sections if item[0] in ("file", "lines")]
                for item in old:
                    del sections[item]
            body = sections.setdefault((kind, name), [])
        elif line:
            body.append(line)
    if ("end", "") not in sections or ("netns", HOST) not in sections:
        raise SnapshotError([Problem("", f"the host's answer is not whole: {_tail(body)}")])
    spaces = {name: _namespace(name, sections) for kind, name in sections if kind in _SHOWN}
    others = {name: _copied(space) for name, space in (unread or {}).items()}
    _pair(spaces, others, sections)
    host = spaces.pop(HOST)
    spaces |= others
    files = _files(sections)
    modules = tuple(name.replace("-", "_") for name in sections.get(("modules", ""), ()))
    return Snapshot(
        NetworkState.model_construct(**host.given(), modules=modules, netns=spaces),
        ledgers={
            path.removesuffix("/ledger.json").removesuffix(".json").rpartition("/")[2]: text
            for path, text in files.items()
            if path.endswith(".json")
        },
        files=files,
        interrupted=_named(sections, "interrupted"),
        working=_named(sections, "working"),
        names=frozenset(map(_owner, sections.get(("names", ""), ()))),
        stamps={name: text.removeprefix("|") for name, text in _named(sections, "stamp").items()},
        undone={name: _undone(text) for name, text in _named(sections, "undone").items()},
        scratch=iptables_scratch.parse(sections),
        site=site.parse(sections.get(("site", ""), ())),
    )


def _files(sections: Mapping[tuple[str, str], list[str]]) -> dict[str, str]:
    """Links have their line with them; those of files stand together, after each one's path."""
    found = {
        name: [line[1:] for line in lines]
        for (kind, name), lines in sections.items()
        if kind == "file"
    }
    for line in sections.get(("lines", ""), ()):
        path, _, text = line.partition(":")
        # Of one with zeros in it, after a loss of power, an older grep says something else.
        if path in found:
            found[path].append(text)
    return {path: "".join(f"{line}\n" for line in lines) for path, lines in found.items()}


def _named(sections: Mapping[tuple[str, str], list[str]], wanted: str) -> dict[str, str]:
    return {name: " ".join(lines) for (kind, name), lines in sections.items() if kind == wanted}


def _owner(path: str) -> str:
    """The name under which a file of ours stands."""
    for start, end in (*OURS, (f"{RUNTIME}/", ".json")):
        if path.startswith(start):
            return path[len(start) :].removesuffix(end)
    return path.removeprefix(f"{DIRECTORY}/")


def _undone(text: str) -> str:
    """Whose change it was, and what could not be undone of it."""
    who, _, left = text.removeprefix("|").partition("|@@ undo")
    left = " ".join(left.replace("|", " ").split())
    return f"{who.strip()}; what could not be undone: {left}" if left else who.strip()


def _tail(lines: list[str]) -> str:
    return lines[-1][:200] if lines else "it is empty"


def _json(line: str, what: str) -> list[dict[str, Any]]:
    try:
        found: list[dict[str, Any]] = json.loads(line)
    except ValueError:
        raise SnapshotError([Problem(what, f"is not what ip prints: {line[:200]}")]) from None
    return [item for item in found if item]


def _entries(
    name: str, sections: Mapping[tuple[str, str], list[str]]
) -> Iterable[list[dict[str, Any]]]:
    """Those of links, routes, rules, neighbours and proxies."""
    if ("netlink", name) in sections:
        return *netlink_shell.parse(sections["netlink", name]), [], [], []
    lines = sections["netns", name]
    if len(lines) != 5:
        raise SnapshotError([Problem(name, f"the host's answer is not whole: {_tail(lines)}")])
    return [_json(line, name) for line in lines]


def _namespace(name: str, sections: Mapping[tuple[str, str], list[str]]) -> Namespace:
    entries, routes, rules, neighbours, proxies = _entries(name, sections)
    rules6 = [_json(line, name) for line in sections.get(("rules6", name), ())]
    seen_rules = [rule.parse(entry, "inet") for entry in rules]
    seen_rules += [rule.parse(entry, "inet6") for part in rules6 for entry in part]
    seen_routes = [route.parse(entry) for entry in routes]
    tables: dict[str, Any] = {
        tool: iptables.parse(sections.get((tool, name), ())) for tool in iptables.FAMILIES
    }
    shown: dict[str, links.Link] = {entry["ifname"]: links.parse(entry) for entry in entries}
    _tell_more(shown, name, sections)
    _number_owners(shown, sections.get(("tuntap", name), ()))
    return Namespace.model_construct(
        sysctl=dict(_parameters(name, sections)),
        links=shown,
        routes=tuple(item for item in seen_routes if item is not None),
        rules=tuple(item for item in seen_rules if item is not None),
        neighbours=tuple(neighbour.parse(entry) for entry in (*neighbours, *proxies)),
        ipvs=ipvs.parse(sections.get(("ipvs", name), ())),
        ipsets=ipset.parse(sections.get(("ipset", name), ())),
        **tables,
    )


def _tell_more(
    shown: dict[str, links.Link], name: str, sections: Mapping[tuple[str, str], list[str]]
) -> None:
    """What `ip link` doesn't show of links, where it was asked for."""
    vlans = [item for line in sections.get(("vlans", name), ()) for item in _json(line, name)]
    for ifname, found in bridge_vlan.parse(vlans).items():
        link = shown.get(ifname)
        if link is not None and link.port is not None:
            shown[ifname] = link.but(port=link.port.but(vlans=found))
        elif link is not None and link.bridge is not None:
            shown[ifname] = link.but(bridge=link.bridge.but(vlans=found))
    entries = [item for line in sections.get(("fdb", name), ()) for item in _json(line, name)]
    for ifname, link in shown.items():
        if link.vxlan is not None and ("fdb", name) in sections:
            own = [item for item in entries if item.get("ifname") == ifname]
            shown[ifname] = link.but(vxlan=link.vxlan.but(fdb=vxlan.entries(own, link.vxlan)))
    if ("wireguard", name) not in sections:
        return
    keys = {path: lines[0] for (kind, path), lines in sections.items() if kind == "key" and lines}
    for ifname, options in wireguard.parse(sections["wireguard", name], keys).items():
        if ifname in shown:
            shown[ifname] = shown[ifname].but(wireguard=options)


def _number_owners(shown: dict[str, links.Link], lines: Iterable[str]) -> None:
    numbers = {(what, name): int(number) for what, name, number in map(str.split, lines)}
    for ifname, link in shown.items():
        if isinstance(link.options, Tun):
            owner, group = link.options.owner, link.options.group
            told = link.options.but(
                owner=numbers.get(("user", str(owner)), owner),
                group=numbers.get(("group", str(group)), group),
            )
            shown[ifname] = link.but(**{str(link.kind): told})


_ROOT = "/proc/sys/"
_UNDER = (f" {_ROOT}", f" {_ROOT}net/ipv4/", f" {_ROOT}net/ipv6/")
"""Where the host's own parameters are read from, as the answer names it."""


def _parameters(
    name: str, sections: Mapping[tuple[str, str], list[str]]
) -> Iterator[tuple[str, str]]:
    for under in _UNDER if name == HOST else ("",):
        start = under.strip().removeprefix(_ROOT)
        for line in sections.get(("sysctl", f"{name}{under}"), ()):
            path, _, value = line.partition(":")
            yield start + path.removeprefix(_ROOT), " ".join(value.split())


def _copied(space: Namespace) -> Namespace:
    return space.model_copy(update={"links": dict(space.links or {})})


def _pair(
    read: dict[str, Namespace],
    others: dict[str, Namespace],
    sections: Mapping[tuple[str, str], list[str]],
) -> None:
    """Find the other end of every veth: in another namespace the kernel shows it as a number."""
    spaces = {**read, **others}
    ids = {
        name: {
            entry.get("id", entry.get("nsid")): entry.get("name", HOST)
            for line in lines
            for entry in _json(line, name)
        }
        for (kind, name), lines in sections.items()
        if kind == "ids"
    }
    by_index = {
        (name, link.index): (ifname, link)
        for name, space in spaces.items()
        for ifname, link in (space.links or {}).items()
        if isinstance(link, SeenLink) and link.kind == "veth"
    }
    _stand(read, spaces, ids)
    peers: dict[tuple[str, str], Peer] = {}
    for (name, _), (ifname, link) in by_index.items():
        if name in others:
            continue
        if link.peer_name:
            peers[name, ifname] = Peer.model_construct(name=link.peer_name, netns=name)
            continue
        there = name if link.peer_netnsid is None else ids.get(name, {}).get(link.peer_netnsid)
        other = by_index.get((there or "", link.peer_index))
        if other is not None and other[1].peer_index == link.index:
            peers[name, ifname] = Peer.model_construct(name=other[0], netns=there)
            peers[str(there), other[0]] = Peer.model_construct(name=ifname, netns=name)
    for (name, ifname), peer in peers.items():
        space_links = spaces[name].links or {}
        space_links[ifname] = space_links[ifname].but(veth=Veth.model_construct(peer=peer))


def _stand(
    read: dict[str, Namespace],
    spaces: dict[str, Namespace],
    ids: Mapping[str, Mapping[Any, Any]],
) -> None:
    """Find the parents that lie in other namespaces."""
    names = {
        (name, link.index): ifname
        for name, space in spaces.items()
        for ifname, link in (space.links or {}).items()
        if isinstance(link, SeenLink)
    }
    for name, space in read.items():
        for ifname, link in (space.links or {}).items():
            options = link.options
            if not isinstance(link, SeenLink) or options is None or not options.PARENT:
                continue
            if link.peer_netnsid is None:
                continue
            there = ids.get(name, {}).get(link.peer_netnsid)
            index = link.peer_index or _index(link.parent, space)
            parent = names.get((there or "", index))
            told = options.but(**{options.PARENT: parent})
            (space.links or {})[ifname] = link.but(link_netns=there, **{str(link.kind): told})


def _index(shown: str | None, space: Namespace) -> int:
    """A number that `ip` has taken for a link of the wrong namespace."""
    if shown is None:
        return 0
    link = (space.links or {}).get(shown)
    if isinstance(link, SeenLink):
        return link.index
    return int(shown[2:]) if shown[:2] == "if" and shown[2:].isdigit() else 0
