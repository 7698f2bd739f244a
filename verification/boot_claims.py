"""What the next boot will make of a host: the host's own tools are asked, not our files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from netwright import boot
from netwright.state import NetworkState
from netwright.verification.claim import Claim
from netwright.verification.seen import Seen

__all__ = ["boot_claim", "is_ours"]


def is_ours(seen: Seen) -> bool:
    """Whether a run has ever said what a boot brings back; what was set by hand has no boot."""
    return seen.told("boot ours").strip() == "yes"


def boot_claim(state: NetworkState) -> Claim:
    """That a boot brings all of it back: started, with its parameters and modules."""

    def find(seen: Seen) -> str:
        found = "; ".join(_wrong(state, seen))
        return found or "brings it back"

    return Claim("boot", "brings it back", find)


def _wrong(state: NetworkState, seen: Seen) -> Iterator[str]:
    # What is only to be away needs nothing that brings it back.
    if boot.steps(state) and "enabled" not in seen.told("boot start").split():
        yield "nothing starts it"
    yield from _parameters(state, seen)
    lines = {line.strip().replace("-", "_") for line in seen.told("boot modules").splitlines()}
    for module in state.modules or ():
        if module.replace("-", "_") not in lines:
            yield f"no file has the module {module} loaded"


def _parameters(state: NetworkState, seen: Seen) -> Iterator[str]:
    text = seen.told("boot parameters")
    if not text:
        # Without systemd our own script alone sets them.
        return
    values = _decided(text)
    for key, value in (state.sysctl or {}).items():
        there = " ".join(values[key].split()) if key in values else None
        if there is None:
            yield f"no file of sysctl.d sets {key}"
        elif there != value:
            yield f"sysctl.d gives {key} {there}, not {value}"


def _decided(text: str) -> Mapping[str, str]:
    """Key with slashes -> the value that is applied last."""
    values: dict[str, str] = {}
    for line in map(str.strip, text.splitlines()):
        name, equals, value = line.partition("=")
        if not line or line[0] in "#;":
            continue
        name = name.removeprefix("-").strip()
        dot, slash = name.find("."), name.find("/")
        if dot != -1 and (slash == -1 or dot < slash):
            name = name.translate(str.maketrans("./", "/."))
        if equals:
            values[name] = value
        else:
            # An exclusion: no value of an earlier line counts.
            values.pop(name, None)
    return values
