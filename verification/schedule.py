"""Which checks run beside which. Pure.

What hopes for an answer or for silence disturbs nobody. But:

- a listener answers whoever asks for its port;
- a router grants each host only so many errors a second, so one that waits for errors uses up
  those that another waits for, and would make one that must see none seem silent;
- `with` changes the host.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping

from netwright.check import Check
from netwright.verification.place import Place
from netwright.verification.probe import Probe

__all__ = ["Key", "Lane", "Stage", "stages"]

Key = tuple[str, int]
"""The host whose declaration a check stands in, and its number there."""
Lane = list[Key]
"""Checks that run one after the other."""
Stage = list[Lane]
"""Lanes that run side by side."""


def stages(checks: Mapping[Key, Check], place: Callable[[Key], Place]) -> Iterator[Stage]:
    """The stages, one after the other, of all checks in their order.

    + place: where a check starts
    """
    plain = [key for key, check in checks.items() if check.with_ is None]
    alone = [key for key in plain if not checks[key].listen]
    errors = [key for key in alone if checks[key].expect in ("refused", "unreachable")]
    yield [[key] for key in alone if key not in errors]
    yield _lanes({key: {place(key)} for key in errors})
    yield _lanes({key: _disturbs(checks[key], place(key)) for key in plain if checks[key].listen})
    yield from ([[key]] for key, check in checks.items() if check.with_ is not None)


def _disturbs(check: Check, place: Place) -> set[Hashable]:
    """What one with listeners must have for itself."""
    ports = {item.port for item in check.listen or ()}
    own = () if check.expect in (None, "ok") else (place,)
    return {*ports, Probe.of(check).port, *own}


def _lanes(needs: Mapping[Key, set[Hashable]]) -> Stage:
    """Those that need the same, also by way of others, in one lane."""
    lanes: list[tuple[set[Hashable], Lane]] = []
    for key, need in needs.items():
        met = [lane for lane in lanes if lane[0] & need]
        lanes = [lane for lane in lanes if not lane[0] & need]
        keys = [other for _, lane in met for other in lane]
        lanes.append((need.union(*(lane[0] for lane in met)), [*keys, key]))
    return [lane for _, lane in lanes]
