"""What `pyinfra INVENTORY FILE` runs; `include` is for deploys of one's own."""

from __future__ import annotations

from pathlib import Path

__all__ = ["include"]


def include(name: str) -> None:
    """
    Run one of these deploys from a deploy of one's own, wherever pip has put it.

    + name: its file's name, without the end: `network`, `etcd`, `docker`, `fabric`, ...

    Reads and writes what the deploy does.
    Raises ValueError for a name that there isn't.

    **Example:**

    .. code:: python

        from netwright.deploys import include

        include("network")
    """
    here = Path(__file__).parent
    names = sorted(path.stem for path in here.glob("*.py") if path.name != "__init__.py")
    if name not in names:
        raise ValueError(f"no deploy {name!r}; there: {', '.join(names)}")
    # Its file stands for itself: pyinfra runs it once for each host.
    from pyinfra import local

    local.include(str(here / f"{name}.py"))
