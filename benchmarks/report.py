"""The tables and the plot of the documentation, made of what was measured."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.fleet import Fleet
from benchmarks.goals import Goal, Results
from benchmarks.profile import Stage

__all__ = ["Measured", "machine", "markdown", "plot"]

LeftOut = Mapping[tuple[str, int], str]

ONCE = 30.0
"""Seconds of a run from nothing, from which on a tool's runs are few."""
KINDS = {"cold": "from nothing", "again": "without change", "changed": "one thing changed"}


@dataclass(frozen=True)
class Measured:
    """All of it."""

    results: Results
    left_out: LeftOut
    managers: tuple[Results, LeftOut]
    profiles: Mapping[int, list[Stage]]
    planned: Mapping[int, tuple[float, float]]
    fleet: Fleet


def machine() -> str:
    """What this was measured on."""
    model = next(
        (line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
         if line.startswith("model name")), platform.machine(),
    )  # fmt: skip
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} x {model}, {memory:.0f} GiB, Linux {platform.release()}"


def markdown(measured: Measured, reached: Iterable[Goal], rounds: int) -> str:
    """The page."""
    lines = [
        "# How fast", "",
        "W(n): n namespaces, each with a veth on one hairpin bridge, an address, `lo`, a default",
        "route and two parameters; 5n iptables rules in three chains; 20 parameters of the host.",
        f"Measured by `python -m benchmarks {' '.join(sys.argv[1:])}` over SSH on a lab host,",
        f"all tools in turn, medians of {rounds} (what takes over {ONCE:.0f} s is done once,",
        "and not with one thing changed),",
        f"on: {machine()}.",
        "MB are those of the controller's largest process, and never less than the bench's own: it",
        "forks them.", "", "![seconds over n](benchmarks.svg)", "",
        *_table(measured.results, measured.left_out), "", "## Managers of links", "",
        "L(n), what they can express: n pairs of veths, one end on a bridge, one with an address.",
        "The manager's time is that of `ifreload -a`, or of `networkctl reload` and the wait until",
        "all is there. Each is done once.", "", *_table(*measured.managers), "",
        "## Where the time goes", "",
        "A run for W(n), each stage by itself and one after the other; kB are those that go to the",
        "host or come from it.", "", *_stages(measured.profiles), "",
        *_made_of(measured), "", "## The planner alone", "",
        "| things | seconds | MB |", "|---:|---:|---:|",
        *(f"| {size:,} | {seconds:.3f} | {memory:.0f} |"
          for size, (seconds, memory) in measured.planned.items()),
        "", "## Fleets", "",
        "A pair of veths and a namespace on each host; they are names of one lab host, each with",
        "a connection and a run of its own.", "",
        "| hosts | run | seconds | CPU s | MB |", "|---:|---|---:|---:|---:|",
        *(f"| {size} | {words} | {item.seconds:.2f} | {item.processor:.2f} | {item.memory:.0f} |"
          for size, both in measured.fleet.items()
          for words, item in zip(("from nothing", "without change"), both, strict=True)),
        "", "## Goals", "", "```", *map(str, reached), "```", "",
    ]  # fmt: skip
    return "\n".join(lines)


def _table(results: Results, left_out: Mapping[tuple[str, int], str]) -> Iterator[str]:
    yield "| n | tool | run | seconds | times netwright | commands | kB sent | CPU s | MB |"
    yield "|---:|---|---|---:|---:|---:|---:|---:|---:|"
    for (name, number, kind), item in sorted(results.items(), key=_order):
        ours = results.get(("netwright", number, kind))
        times = f"{item.seconds / ours.seconds:.1f}" if ours else ""
        yield (
            f"| {number} | {name} | {KINDS[kind]} | {item.seconds:.2f} | {times} | {item.commands}"
            f" | {item.sent / 1000:.0f} | {item.processor:.2f} | {item.memory:.0f} |"
        )
    for (name, number), why in left_out.items():
        # The tool's last words would break the table.
        yield f"| {number} | {name} | not measured: {why.partition(':')[0]} | | | | | | |"


def _stages(profiles: Mapping[int, list[Stage]]) -> Iterator[str]:
    heads = "".join(f" n = {number}: s | kB |" for number in profiles)
    yield f"| stage |{heads}"
    yield f"|---|{'---:|---:|' * len(profiles)}"
    for row in zip(*profiles.values(), strict=True):
        cells = (
            f" {stage.seconds:.2f} | {'' if stage.size is None else round(stage.size / 1000)} |"
            for stage in row
        )
        yield f"| {row[0].what} |{''.join(cells)}"


def _made_of(measured: Measured) -> Iterator[str]:
    """What stands between a run from nothing and the script by hand."""
    yield "A run from nothing, by whose time it is, beside the script by hand. The start is mostly"
    yield "pyinfra's own imports. The host's time ends with what is read back; meanwhile the kernel"
    yield "takes what each new end says of itself (IPv6's neighbours and groups) to all the others"
    yield "on the bridge, and the script by hand has ended before that."
    yield ""
    for number, stages in measured.profiles.items():
        parts = [stage for stage in stages if not stage.what.startswith("without change")]
        start, own, host = (
            sum(stage.seconds for stage in parts if stage.who == who)
            for who in ("start", "controller", "host")
        )
        by_hand = measured.results.get(("by hand", number, "cold"))
        beside = f"; by hand {by_hand.seconds:.2f} s" if by_hand else ""
        yield (
            f"- n = {number}: start {start:.2f} s, the controller after that {own:.2f} s, the host,"
            f" with two connections and what is read back, {host:.2f} s{beside}"
        )


def _order(item: tuple[tuple[str, int, str], object]) -> tuple[int, int, str]:
    (name, number, kind), _ = item
    return number, list(KINDS).index(kind), name


def plot(results: Results, path: Path) -> None:
    """Seconds over n, both logarithmic, a panel for each kind of run."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, len(KINDS), figsize=(12, 4), sharey=True)
    for panel, (kind, words) in zip(panels, KINDS.items(), strict=True):
        for name in dict.fromkeys(key[0] for key in results):
            points = sorted((n, item.seconds) for (who, n, what), item in results.items()
                            if (who, what) == (name, kind))  # fmt: skip
            if points:
                panel.plot(*zip(*points, strict=True), marker="o", label=name)
        panel.set(title=words, xscale="log", yscale="log", xlabel="namespaces")
        panel.grid(visible=True, which="both", alpha=0.3)
    panels[0].set_ylabel("seconds")
    panels[0].legend()
    figure.tight_layout()
    figure.savefig(path)
