"""One command reads all that a declaration names on a host; nothing here is the snapshot's.

`script` renders the command, `parse` takes its output apart, `seen.py` says what it means.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from shlex import quote

from netwright.links.options import Options
from netwright.model import HOST
from netwright.state import Namespace, NetworkState
from netwright.verification import tables
from netwright.verification.boot_parts import boot_parts
from netwright.verification.effective import keys_needed
from netwright.verification.kind_reads import reads

__all__ = ["Answer", "parse", "script", "wanted"]

MARK = "=netwright-reads="
_IN, _HERE, _DONE = "in", "here", "done"

# What each part runs, in its namespace. Every family by itself: ip doesn't say which a default
# route is of, and IPv6 may be switched off where nothing of it is declared.
_PARTS = {
    "links": "ip -j -d address show",
    "routes inet": "ip -4 -j -d -N route show table all",
    "routes inet6": "ip -6 -j -d -N route show table all",
    "rules inet": "ip -4 -j -N rule show",
    "rules inet6": "ip -6 -j -N rule show",
    "neighbours": "ip -j neighbour show nud permanent",
    "proxies": "ip -j neighbour show proxy",
    "nsids": "ip -j netns list-id",
    "ipvs": "sed -n p /proc/net/ip_vs",
}

# Where a module shows that has no entry of its own under /sys/module, because it is built in.
_EVIDENCE = {
    "8021q": "/proc/net/vlan",
    "bonding": "/sys/class/net/bonding_masters",
    "br_netfilter": "/proc/sys/net/bridge",
    "ip6_tables": "/proc/net/ip6_tables_names",
    "ip_tables": "/proc/net/ip_tables_names",
    "ip_vs": "/proc/net/ip_vs",
    "tun": "/sys/class/misc/tun",
    "nf_conntrack": "/proc/sys/net/netfilter/nf_conntrack_max",
}

_HEAD = f"""LC_ALL=C PATH=$PATH:/usr/sbin:/sbin
export LC_ALL PATH
part() {{
  echo "{MARK} $1"
  shift
  "$@"
  echo "{MARK} {_DONE} $?"
}}
"""
# Where there is nsenter: `ip netns exec` copies all mounts, of which each namespace is one.
_INSIDE = """inside() {
  name=$1
  shift
  if command -v nsenter > /dev/null; then
    nsenter --net="/run/netns/$name" "$@"
  else
    ip netns exec "$name" "$@"
  fi
}
"""
_ROOT = """if [ "$(id -u)" != 0 ]; then
  echo 'it needs root; set _sudo=True in the inventory'
  exit
fi
"""


@dataclass
class Answer:
    """What one namespace printed: each part's output, or the tool's words for why there is none."""

    here: bool = False
    parts: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    words: str = ""
    """What was said outside of all parts: why a namespace can't be entered."""


def wanted(netns: str, space: Namespace) -> tuple[list[str], list[str]]:
    """The parts and the parameters that a namespace's declaration asks for."""
    parts = ["links"]
    for room in ("routes", "rules"):
        families = {item.family for item in getattr(space, room) or ()}
        parts += [f"{room} {family}" for family in sorted(map(str, families))]
    if space.neighbours:
        parts += ["neighbours", "proxies"]
    if space.ipvs:
        parts.append("ipvs")
    # The names that the host's namespace has for the others are in its list of them.
    if netns != HOST and _reaches_a_third(netns, space):
        parts.append("nsids")
    return parts, keys_needed(space.sysctl or {})


def _reaches_a_third(netns: str, space: Namespace) -> bool:
    return any(
        place not in (None, netns, HOST)
        for link in (space.links or {}).values()
        for place in (
            link.link_netns,
            link.veth.peer.netns if link.veth is not None and link.veth.peer is not None else None,
        )
    )


def script(state: NetworkState, boots: str = "") -> str:
    """The POSIX shell script that prints it all; it only reads.

    + boots: the name of the network which the next boot has to bring back; empty: none
    """
    return "".join(_script(state, boots))


def _script(state: NetworkState, boots: str) -> Iterator[str]:
    # Each namespace's shell starts with the same lines.
    head = _HEAD + tables.FUNCTIONS
    yield f"head={quote(head)}\n{head}"
    yield _INSIDE
    yield _ROOT
    yield "part netns ip -j netns list 2>&1\n"
    for module in state.modules or ():
        yield _module(module)
    for part, command in boot_parts(boots, state) if boots else ():
        yield f"part {quote(part)} {command} 2>&1\n"
    for netns, space in state.namespaces():
        if space.state == "absent":
            continue
        body = "".join(_space(space, *wanted(netns, space)))
        yield f"echo {quote(f'{MARK} {_IN} {netns}')}\n"
        if netns == HOST:
            yield body
        else:
            yield f'inside {quote(netns)} sh -c "$head"{quote(body)} 2>&1\n'


def _module(name: str) -> str:
    plain = name.replace("-", "_")
    tests = [f"test -d /sys/module/{plain}"]
    tests += [f"test -e {_EVIDENCE[plain]}"] if plain in _EVIDENCE else []
    # modules.builtin names files, which are spelled with either sign.
    pattern = "/" + plain.replace("_", "[-_]") + "[.]ko$"
    tests.append(f'grep -qs {quote(pattern)} "/lib/modules/$(uname -r)/modules.builtin"')
    return f"part {quote(f'module {name}')} sh -c {quote(' || '.join(tests))}\n"


def _space(space: Namespace, parts: list[str], keys: list[str]) -> Iterator[str]:
    yield f"echo '{MARK} {_HERE}'\n"
    for name in parts:
        yield f"part {quote(name)} {_PARTS[name]} 2>&1\n"
    for name, command in (*dict(_of_kinds(space)).items(), *tables.parts(space)):
        yield f"part {quote(name)} {command}\n"
    if keys:
        # One process for all; a parameter that isn't there leaves no line.
        yield f"cd /proc/sys && part sysctl xargs grep -Hs '' <<'{MARK}'\n"
        yield "".join(f"{key}\n" for key in keys)
        yield f"{MARK}\ncd /\n"


def _of_kinds(space: Namespace) -> Iterator[tuple[str, str]]:
    for link in (space.links or {}).values():
        if link.state != "absent":
            for options in link.given().values():
                if isinstance(options, Options):
                    yield from reads(options)


def parse(output: str) -> tuple[Answer, dict[str, Answer]]:
    """What the host said for all, and each namespace's answer.

    A part that failed is kept with the tool's words, so that only what asks for it fails.
    """
    general = current = Answer()
    spaces: dict[str, Answer] = {}
    part, lines = "", list[str]()
    for line in output.splitlines():
        if not line.startswith(f"{MARK} "):
            lines.append(line)
            continue
        word, _, rest = line.removeprefix(f"{MARK} ").partition(" ")
        if word == _IN:
            current.words = _words(lines)
            current = spaces.setdefault(rest, Answer())
        elif word == _HERE:
            current.here = True
        elif word == _DONE:
            # xargs and grep fail for each parameter that isn't there.
            kept = current.parts if rest == "0" or part == "sysctl" else current.failed
            kept[part] = "\n".join(lines)
        else:
            part = f"{word} {rest}".strip()
        lines = []
    current.words = _words(lines)
    return general, spaces


def _words(lines: list[str]) -> str:
    return " / ".join(line for line in lines if line)
