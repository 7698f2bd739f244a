"""`python -m netwright.lab.plug HOSTDIR` plugs a host in; the supervisor calls it at each boot."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from netwright.lab import wire
from netwright.lab.spec import LabSpec

__all__ = ["main"]


def main(directory: Path) -> None:
    """Give the host its links, as far as they are outside of it.

    Args:
        directory: the host's.
    """
    lab_directory = directory.parent.parent
    lab = LabSpec.from_json(json.loads((lab_directory / "lab.json").read_text()))
    host, switch = lab.host(directory.name), lab_directory / "switch"
    if host.engine == "vm":
        wire.plug_machine(host, switch)
    else:
        wire.plug(host, switch, directory / "netns")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
