"""What a host is asked about tables and sets: `iptables -C` for each rule, `iptables -S` for all.

The declared rules are added one by one in a throw-away namespace, so that their order can be
compared. Nothing of this is the converging side's: that goes by iptables-save and -restore.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from shlex import quote

from netwright.ipset import Ipset
from netwright.iptables import FAMILIES, Chain
from netwright.iptables_rule import tokens
from netwright.state import Namespace

__all__ = ["parts"]

_CHECK = """n=0
check() {
  n=$((n + 1))
  if words=$(TOOL -w 10 "$@" 2>&1); then echo "$n yes"; else echo "$n $words" | head -n 1; fi
}
"""
# Chains and sets that others made have to be there for rules that lead to them.
_ASIDE = """chains=$(TOOL -w 10 -t TABLE -S | grep '^-N')
sets=$(if command -v ipset > /dev/null; then ipset save | grep '^create'; fi)
export chains sets
unshare -n sh -c BODY
"""
_STUBS = """[ -z "$sets" ] || echo "$sets" | ipset restore || exit 1
[ -z "$chains" ] || echo "$chains" | while read -r _ name; do
  TOOL -t TABLE -N "$name" || exit 1
done
"""
_MEMBERS = "sed -e '1,/^Members:/d' -e 's/ timeout [0-9]*//' -e 's/ packets .*//' | sort"


def parts(space: Namespace) -> Iterator[tuple[str, str]]:
    """Name and shell text of everything to be read in a namespace."""
    for tool in FAMILIES:
        for table, chains in (getattr(space, tool) or {}).items():
            yield f"{tool} {table}", f"{tool} -w 10 -t {table} -S"
            yield f"{tool} {table} rules", "".join(_checks(tool, table, chains))
            yield f"{tool} {table} aside", _aside(tool, table, chains)
    for name, item in (space.ipsets or {}).items():
        yield f"ipset {name}", f"ipset list -t {name} && echo Members: && {_listed(name)}"
        if item.entries is not None:
            yield f"ipset {name} aside", f"unshare -n sh -c {quote(_made(name, item))}"


def _checks(tool: str, table: str, chains: Mapping[str, Chain]) -> Iterator[str]:
    yield _CHECK.replace("TOOL", tool)
    for name, chain in chains.items():
        for text in chain.rules or ():
            words = " ".join(map(quote, tokens(text)))
            yield f"check -t {table} -C {name} {words}\n"


def _aside(tool: str, table: str, chains: Mapping[str, Chain]) -> str:
    lines = [_STUBS.replace("TOOL", tool).replace("TABLE", table)]
    for name, chain in chains.items():
        for text in chain.rules or ():
            words = " ".join(map(quote, tokens(text)))
            lines.append(f"{tool} -w 10 -t {table} -A {name} {words} || exit 1\n")
    lines.append(f"{tool} -t {table} -S\n")
    frame = _ASIDE.replace("TOOL", tool).replace("TABLE", table)
    return frame.replace("BODY", quote("".join(lines)))


def _listed(name: str) -> str:
    return f"ipset list {name} | {_MEMBERS}"


def _made(name: str, item: Ipset) -> str:
    family = f" family {item.family}" if item.family else ""
    span = f" range {item.range}" if item.range else ""
    comment = " comment" if item.comment else ""
    timeout = f" timeout {item.timeout}" if item.timeout is not None else ""
    lines = [f"ipset create {name} {item.type}{family}{span}{timeout}{comment} || exit 1"]
    lines += [f"ipset -exist add {name} {entry} || exit 1" for entry in item.entries or ()]
    return "\n".join([*lines, _listed(name)])
