"""Reading of iptables' tables and of ipsets, and of what the host's own tools make of what is
declared: iptables prints most rules otherwise than they were written.

Each declared rule is loaded into a chain of its own in a throw-away namespace, and printed from
there; the lines that come out are the ones to look for in the live chain. Declared entries of sets
are put into empty copies of the live sets likewise.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from netwright.iptables import Chain, is_builtin
from netwright.state import Namespace

__all__ = ["FUNCTIONS", "SeenTable", "entries_of", "numbered", "parse", "parts", "sets_of"]

Tables = Mapping[str, Mapping[str, Chain]]

_FAMILIES = ("iptables", "ip6tables")
_CHAIN = "NETWRIGHT-"
_MARK, _END = "=netwright-rules=", "=netwright-end="
_PLAIN = re.compile(r"[A-Za-z0-9_./:,=+@%!^*-]+")

# Sets are created empty as they are live; so are the chains that somebody else's rules jump to.
FUNCTIONS = f"""scratch() {{
  {{
    ! command -v ipset > /dev/null || ipset save | grep '^create '
    cat
  }} | unshare -n sh -c '
    sets=
    while IFS= read -r line && [ "$line" != {_MARK} ]; do
      sets="$sets$line
"
    done
    [ -z "$sets" ] || printf %s "$sets" | ipset restore -exist || exit
    case $1 in
      ipset) ipset save ;;
      *) "$1-restore" --noflush -w 10 && "$1-save" ;;
    esac' scratch "$1"
}}
rules() {{
  {{
    echo {_MARK}
    "$1-save" | awk '/^[*]/ || /^COMMIT/ {{ print }} /^:/ && $2 == "-" {{ print $1 " - [0:0]" }}'
    cat
  }} | scratch "$1"
}}
"""


def numbered(tables: Tables) -> Iterator[tuple[int, str, str, str]]:
    """Every declared rule: a number for it, its table, its chain, its text."""
    rules = (
        (table, name, text)
        for table, chains in tables.items()
        for name, chain in chains.items()
        for text in chain.rules or ()
    )
    yield from ((number, *rule) for number, rule in enumerate(rules))


def parts(space: Namespace) -> Iterator[tuple[str, str]]:
    """The names of parts to read, and the shell text that prints each."""
    for family in _FAMILIES:
        tables = getattr(space, family)
        if tables is not None:
            yield family, f"{family}-save 2>&1"
            yield f"{family} rules", _rules(family, tables)
    if space.ipsets is not None:
        yield "ipsets", "ipset save 2>&1"
    for name, item in (space.ipsets or {}).items():
        if item.entries is not None:
            yield f"ipset {name}", _entries(name, item.entries)


def _rules(family: str, tables: Tables) -> str:
    lines = "".join(f"{line}\n" for line in _restored(tables))
    return f"rules {family} 2>&1 <<'{_END}'\n{lines}{_END}"


def _restored(tables: Tables) -> Iterator[str]:
    for table, chains in tables.items():
        rules = [(number, text) for number, place, _, text in numbered(tables) if place == table]
        yield f"*{table}"
        # The live ones are there already; one that is missing must not make its rules unreadable.
        yield from (f":{name} - [0:0]" for name in chains if not is_builtin(table, name))
        yield from (f":{_CHAIN}{number} - [0:0]" for number, _ in rules)
        yield from (f"-A {_CHAIN}{number} {_words(text)}" for number, text in rules)
        yield "COMMIT"


def _words(text: str) -> str:
    """iptables-restore knows no quotes but double ones."""
    return " ".join(
        word if _PLAIN.fullmatch(word) else '"' + re.sub(r'([\\"])', r"\\\1", word) + '"'
        for word in shlex.split(text)
    )


def _entries(name: str, entries: Iterable[str]) -> str:
    lines = "".join(f"add {name} {entry}\n" for entry in entries)
    return f"scratch ipset 2>&1 <<'{_END}'\n{lines}{_END}"


@dataclass
class SeenTable:
    """One table: each chain's policy (`-` for a user chain) and its lines."""

    policies: dict[str, str] = field(default_factory=dict)
    lines: dict[str, list[str]] = field(default_factory=dict)

    def canonical(self, number: int) -> list[str]:
        """The lines that the declared rule of that number becomes; several if it names several
        addresses."""
        return self.lines.get(f"{_CHAIN}{number}", [])


def parse(text: str) -> dict[str, SeenTable]:
    """From `iptables-save`."""
    found: dict[str, SeenTable] = {}
    table = SeenTable()
    for line in text.splitlines():
        if line.startswith("*"):
            table = found.setdefault(line[1:].strip(), SeenTable())
        elif line.startswith(":"):
            name, policy = line[1:].split(" ")[:2]
            table.policies[name] = policy
            table.lines.setdefault(name, [])
        elif line.startswith("-A "):
            name, _, rule = line[3:].partition(" ")
            table.lines.setdefault(name, []).append(rule)
    return found


def sets_of(text: str) -> dict[str, dict[str, str]]:
    """From `ipset save`: each set's words by name; a flag's value is its own name."""
    found = {}
    for line in text.splitlines():
        verb, *words = line.split(" ")
        if verb == "create":
            name, kind, *rest = words
            found[name] = {"type": kind, **dict(_pairs(rest))}
    return found


def _pairs(words: Iterable[str]) -> Iterator[tuple[str, str]]:
    rest = iter(words)
    for word in rest:
        yield word, word if word in ("counters", "comment", "skbinfo") else next(rest, "")


def entries_of(text: str, name: str) -> tuple[str, ...]:
    """From `ipset save`: a set's entries, without the time they have left and what they counted."""
    head = f"add {name} "
    lines = (line.removeprefix(head) for line in text.splitlines() if line.startswith(head))
    return tuple(sorted(re.sub(r" (?:timeout|packets|bytes) \d+", "", line) for line in lines))
