"""What a host needs before its BIRD may be configured: the package, and how the unit starts it."""

from __future__ import annotations

from pathlib import Path

from pyinfra.operations import apt, files, systemd

from netwright.installs.fabric_evidence import DROPIN, Evidence

__all__ = ["install"]


def install(evidence: Evidence, templates: Path) -> None:
    """A package that is there stays as it is: an upgrade restarts BIRD."""
    if evidence.installed is None:
        apt.packages(name="BIRD", packages=["bird2"], update=True, no_recommends=True)
    settings = templates / "bird.dropin"
    # What was read with all the rest isn't asked for again.
    if evidence.dropin.strip() != settings.read_text().strip():
        files.put(name="Unit's settings", src=str(settings), dest=DROPIN, mode="644")
        systemd.daemon_reload(name="Unit's settings read")
