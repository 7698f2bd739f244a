"""`python -m netwright.lab.up` brings up the lab on its stdin; an error is one line on stdout."""

from __future__ import annotations

import json
import sys

from netwright.lab.control import up
from netwright.lab.spec import LabError, LabSpec

__all__ = ["main"]


def main() -> int:
    """The exit status: 0, or 1 with the error on stdout."""
    try:
        up(LabSpec.from_json(json.load(sys.stdin)))
    except LabError as error:
        sys.stdout.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
