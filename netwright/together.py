"""Several scripts that go to a host as one command, and what each of them has printed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

__all__ = ["apart", "together"]

_MARK = "=netwright-script= "


def together(scripts: Mapping[str, str]) -> str:
    """One script that runs them one after the other, each in a shell of its own.

    + scripts: by a name without blanks
    """
    return "".join(
        f"(\n{text}\n) </dev/null\nprintf '\\n%s %s\\n' '{_MARK}{name}' $?\n"
        for name, text in scripts.items()
    )


def apart(output: Iterable[str]) -> dict[str, list[str]]:
    """What each of them printed, by name; those that failed, or did not run, are not in it."""
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in output:
        if line.startswith(_MARK):
            name, _, status = line.removeprefix(_MARK).rpartition(" ")
            if status == "0":
                found[name] = lines
            lines = []
        else:
            lines.append(line)
    return found
