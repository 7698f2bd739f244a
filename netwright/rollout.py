"""Many hosts in waves: how many are in each, and what became of whom."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from netwright.errors import DeclarationError, Problem

__all__ = ["FATES", "Fate", "report", "waves"]

FATES = ("confirmed", "as declared", "undone", "unchanged", "untouched", "unclear")
"""What can become of a host: `unchanged` could not be changed, `untouched` was not tried, `unclear`
does not answer, and undoes the change by itself."""


@dataclass(frozen=True)
class Fate:
    """What became of one host, and why, where there is a reason."""

    host: str
    what: str
    wave: int = 0
    why: str = ""


def waves(hosts: Sequence[str], sizes: str) -> list[list[str]]:
    """The hosts of each wave, in order.

    + hosts: those that have something to change
    + sizes: of the waves, each a number or a percentage of all, like `1,10%,100%`; the last one
      takes all that are left

    Raises DeclarationError.

    Example:

        >>> waves(["a", "b", "c", "d"], "1,50%,100%")
        [['a'], ['b', 'c'], ['d']]
    """
    numbers = [_number(item.strip(), len(hosts)) for item in sizes.split(",")]
    found, left = [], list(hosts)
    for number in numbers[:-1]:
        found.append(left[:number])
        left = left[number:]
    found.append(left)
    return [wave for wave in found if wave]


def _number(text: str, count: int) -> int:
    match = re.fullmatch(r"([1-9][0-9]*)(%?)", text)
    if match is None or (match[2] and int(match[1]) > 100):
        what = f"{text!r} is neither a number of hosts nor a percentage, like 1,10%,100%"
        raise DeclarationError([Problem("--waves", what)])
    number = int(match[1])
    # Upwards: a wave of none would be none.
    return -(-count * number // 100) if match[2] else number


def report(fates: Mapping[str, Fate]) -> Iterator[str]:
    """A line for each host, and one with the numbers."""
    width = max((len(name) for name in fates), default=0)
    for fate in fates.values():
        wave = f"  wave {fate.wave}" if fate.wave else ""
        why = f"  {fate.why}" if fate.why else ""
        yield f"{fate.host:{width}}  {fate.what}{wave}{why}"
    counts = ((what, sum(fate.what == what for fate in fates.values())) for what in FATES)
    yield ", ".join(f"{count} {what}" for what, count in counts if count)
