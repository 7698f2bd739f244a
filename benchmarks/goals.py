"""What the project promises, held against what was measured: one line for each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from benchmarks.fleet import Fleet
from benchmarks.measure import Figures
from benchmarks.planner import exponent

__all__ = ["Goal", "goals"]

Results = Mapping[tuple[str, int, str], Figures]
"""(contender, n, `cold` | `again` | `changed`) -> medians."""


@dataclass(frozen=True)
class Goal:
    """`figure` is to be at most (or, with `least`, at least) `bound`; None: not measured."""

    what: str
    figure: float | None
    bound: float
    least: bool = False

    def __str__(self) -> str:
        if self.figure is None:
            return f"not measured  {self.what}"
        met = self.figure >= self.bound if self.least else self.figure <= self.bound
        sign = ">=" if self.least else "<="
        word = "met" if met else "NOT MET"
        return f"{word:12}  {self.what}: {self.figure:.2f} ({sign} {self.bound:g})"


def goals(
    results: Results,
    planned: Mapping[int, tuple[float, float]],
    fleet: Fleet,
    waiting: int | None = None,
    tested: float | None = None,
) -> Iterator[Goal]:
    """All of them.

    + waiting: hosts of a wave that waited for a slow one
    + tested: seconds that the last `make test` took, as build/test-seconds has it
    """
    for number, bound in ((100, 2.0), (1000, 1.3)):
        yield Goal(
            f"from nothing, n = {number}: times the script by hand",
            _ratio(results, ("netwright", number, "cold"), ("by hand", number, "cold")), bound,
        )  # fmt: skip
    again = results.get(("netwright", 1000, "again"))
    yield Goal("without change, n = 1000: commands", float(again.commands) if again else None, 1)
    yield Goal(
        "without change, n = 1000: times the script by hand from nothing",
        _ratio(results, ("netwright", 1000, "again"), ("by hand", 1000, "cold")), 0.5,
    )  # fmt: skip
    for other, bound in (("Ansible", 100.0), ("pyinfra's operations", 25.0)):
        for kind, words in (("cold", "from nothing"), ("again", "without change")):
            ratio = _ratio(results, (other, 100, kind), ("netwright", 100, kind))
            yield Goal(f"{words}, n = 100: times faster than {other}", ratio, bound, least=True)
    if planned:
        yield Goal("planner, 10,000 things: seconds", planned[10_000][0], 1)
        yield Goal("planner, up to 100,000 things: exponent", exponent(dict(planned)), 1.1)
        yield Goal("planner, 100,000 things: MB", planned[100_000][1], 300)
    for number, words in enumerate(("from nothing", "without change")):
        known = {1, 50} <= fleet.keys()
        ratio = fleet[50][number].processor / fleet[1][number].processor if known else None
        yield Goal(f"{words}, 50 hosts: times the controller's CPU of one", ratio, 50)
    yield Goal("10 hosts, one of them slow: hosts that waited for it", waiting, 0)
    minutes = None if tested is None else tested / 60
    yield Goal("make test, the last that was noted: minutes", minutes, 20)


def _ratio(
    results: Results, one: tuple[str, int, str], other: tuple[str, int, str]
) -> float | None:
    if one not in results or other not in results:
        return None
    return results[one].seconds / results[other].seconds
