"""From which version etcd can go to which: one minor version at a time, and never back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from netwright.installs.etcd_evidence import Evidence

__all__ = ["problems"]

# etcd's own guide: members of an earlier 3.5 can leave a store that 3.6 refuses.
BEFORE_3_6 = (3, 5, 26)


def problems(seen: Mapping[str, Evidence], versions: Mapping[str, str]) -> Iterator[str]:
    """What forbids to go to the declared versions, by host.

    + versions: what is about to be installed, by host
    """
    for host, wanted in versions.items():
        running = seen[host].version
        if running is None:
            continue
        now, then = _numbers(running), _numbers(wanted)
        say = f"{host}: version {running} -> {wanted}: "
        if then[:2] < now[:2]:
            yield f"{say}etcd does not go back; restore a snapshot that is as old"
        elif then[0] != now[0] or then[1] > now[1] + 1:
            yield f"{say}one minor version at a time, {now[0]}.{now[1] + 1} is the next"
        elif now[:2] == (3, 5) and then[:2] == (3, 6) and now < BEFORE_3_6:
            yield f"{say}first to {'.'.join(map(str, BEFORE_3_6))} or later"


def _numbers(version: str) -> tuple[int, ...]:
    found = [int(each) for each in re.findall(r"\d+", version)[:3]]
    return tuple([*found, 0, 0, 0][:3])
