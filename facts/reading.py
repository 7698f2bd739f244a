"""What a host knows at this moment, for people who look for a fault: nothing here is declared."""

from __future__ import annotations

import json
from typing import Any

from pyinfra.api import FactBase, QuoteString, StringCommand
from pyinfra.api.exceptions import FactProcessError
from typing_extensions import override

from netwright.model import HOST

__all__ = ["Conntrack", "Lookup", "Member", "SeenNeighbours", "Tables"]


def _inside(netns: str, *words: str | QuoteString) -> StringCommand:
    place = () if netns == HOST else ("ip", "netns", "exec", QuoteString(netns))
    return StringCommand(*place, *words)


def _json(output: list[str]) -> list[dict[str, Any]]:
    try:
        found: list[dict[str, Any]] = json.loads("".join(output) or "[]")
    except ValueError:
        raise FactProcessError(f"not what ip prints: {' '.join(output)[:200]}") from None
    return [item for item in found if item]


class Conntrack(FactBase[dict[str, int]]):
    """How many connections are tracked: `count`, `max`, and what was counted since the boot
    (`insert_failed`, `drop`, `early_drop`, ...), summed over the processors.

    + netns: the namespace; `host` for the host's own

    Reads only; needs root. Empty where connections are not tracked; the sums need the package
    conntrack.

    Example: `pyinfra INVENTORY fact netwright.facts.reading.Conntrack`
    """

    @override
    def command(self, netns: str = HOST) -> StringCommand:
        script = (
            "cd /proc/sys/net/netfilter 2>/dev/null || exit 0;"
            " for name in count max; do"
            ' [ ! -r "nf_conntrack_$name" ] || echo "$name=$(cat "nf_conntrack_$name")"; done;'
            " ! command -v conntrack >/dev/null || conntrack -S"
        )
        return _inside(netns, "sh", "-c", QuoteString(script))

    @override
    def process(self, output: list[str]) -> dict[str, int]:
        found: dict[str, int] = {}
        for word in " ".join(output).split():
            name, equals, value = word.partition("=")
            if equals and value.isdigit() and name != "cpu":
                found[name] = found.get(name, 0) + int(value)
        return found


class Lookup(FactBase[dict[str, Any]]):
    """Where the kernel would send a packet: `dev`, `gateway`, `prefsrc`, as `ip route get` says;
    `error` with its words where nowhere.

    + dst: the packet's destination, an address
    + src: its source
    + iif: the link that it came in on; left out: it is the host's own
    + mark: its mark
    + netns: the namespace; `host` for the host's own

    Reads only.

    Example: `pyinfra INVENTORY fact netwright.facts.reading.Lookup dst=10.8.0.1`
    """

    @override
    def command(
        self,
        dst: str,
        src: str | None = None,
        iif: str | None = None,
        mark: int | str | None = None,
        netns: str = HOST,
    ) -> StringCommand:
        words: list[str | QuoteString] = ["ip", "-j", "route", "get", "to", QuoteString(dst)]
        for word, value in (("from", src), ("iif", iif), ("mark", mark)):
            if value is not None:
                words += [word, QuoteString(str(value))]
        # The words of a refusal are an answer.
        return StringCommand(_inside(netns, *words), "2>&1", "||", "true")

    @override
    def process(self, output: list[str]) -> dict[str, Any]:
        if not "".join(output).startswith("["):
            return {"error": " ".join(output).removeprefix("RTNETLINK answers: ")}
        found = _json(output)
        return found[0] if found else {}


class Member(FactBase[bool]):
    """Whether an ipset has an entry, as the kernel tests it: an address is in a network's entry.

    + ipset: the set
    + entry: the entry, as `ipset test` takes it
    + netns: the namespace; `host` for the host's own

    Reads only; needs root and the package ipset.

    Example: `pyinfra INVENTORY fact netwright.facts.reading.Member ipset=blocked entry=10.9.0.1`
    """

    @override
    def command(self, ipset: str, entry: str, netns: str = HOST) -> StringCommand:
        test = _inside(netns, "ipset", "test", QuoteString(ipset), QuoteString(entry))
        return StringCommand(test, "2>&1", "||", "true")

    @override
    def process(self, output: list[str]) -> bool:
        text = " ".join(output)
        if " is in set " not in text and " is NOT in set " not in text:
            raise FactProcessError(f"ipset can't say: {text}")
        return " is in set " in text


class SeenNeighbours(FactBase[list[dict[str, Any]]]):
    """All neighbours, also those that the kernel has learnt: `dst`, `dev`, `lladdr`, `state`.

    + netns: the namespace; `host` for the host's own

    Reads only.

    Example: `pyinfra INVENTORY fact netwright.facts.reading.SeenNeighbours`
    """

    @override
    def command(self, netns: str = HOST) -> StringCommand:
        return _inside(netns, "ip", "-j", "neighbour", "show")

    @override
    def process(self, output: list[str]) -> list[dict[str, Any]]:
        return _json(output)


class Tables(FactBase[dict[str, list[dict[str, Any]]]]):
    """Every route by its table, those of the kernel's table `local` as well.

    + netns: the namespace; `host` for the host's own

    Reads only.

    Example: `pyinfra INVENTORY fact netwright.facts.reading.Tables`
    """

    @override
    def command(self, netns: str = HOST) -> StringCommand:
        return _inside(netns, "ip", "-j", "-d", "route", "show", "table", "all")

    @override
    def process(self, output: list[str]) -> dict[str, list[dict[str, Any]]]:
        found: dict[str, list[dict[str, Any]]] = {}
        for route in _json(output):
            found.setdefault(str(route.get("table", "main")), []).append(route)
        return found
