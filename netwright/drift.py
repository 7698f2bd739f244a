"""What has drifted on a host: what a run would do there now, as things that are not as declared."""

from __future__ import annotations

import json

from netwright.errors import HostError
from netwright.file import Files
from netwright.report import of_run
from netwright.run import Run
from netwright.watch import Drift

__all__ = ["drifts"]


def drifts(made: Run | HostError) -> dict[str, Drift]:
    """All that is not as declared: a whole thing once, not each of its attributes as well.

    + made: what a run would do now, or why it could not do anything
    """
    if isinstance(made, HostError):
        found = [Drift(item.path, item.what, None) for item in made.problems]
        return {item.key: item for item in found}
    changes = [
        change
        for change in of_run(
            "", Run(made.name, made.declared, made.desired, made.network, Files())
        ).changes
        if not change["goes_along"] and change["action"] != "put back"
    ]
    # What is taken away to be made again otherwise is one thing.
    whole: dict[str, Drift] = {}
    for item in changes:
        if item["action"] in ("create", "remove"):
            drift = Drift(item["path"], item["before"], item["after"])
            other = whole.get(drift.path, drift)
            present = drift.present if other.present is None else other.present
            declared = drift.declared if other.declared is None else other.declared
            whole[drift.path] = Drift(drift.path, present, declared)
    found = [
        Drift(item["path"], item["before"], item["after"])
        for item in changes
        if item["path"] not in whole
        and not any(item["path"].startswith(f"{path}.") for path in whole)
    ]
    return {item.key: item for item in map(_plain, (*whole.values(), *found))}


def _plain(drift: Drift) -> Drift:
    """Of what JSON has and nothing else: who watches knows none of the types."""
    return Drift(drift.path, *json.loads(json.dumps([drift.present, drift.declared])))
