"""What a plan for a cluster is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from netwright.installs.etcd_evidence import Listed

__all__ = ["Plan", "Step"]

Kind = Literal["bootstrap", "start", "aside", "restart", "join", "promote", "remove"]


@dataclass(frozen=True)
class Step:
    """One thing to do, to hosts that may be done at once; `member` is whom it is about, `pem`
    what is trusted from then on."""

    kind: Kind | Literal["trust", "leaf"]
    hosts: tuple[str, ...]
    why: str
    member: Listed | None = None
    pem: str = field(default="", repr=False)

    @property
    def risky(self) -> bool:
        """Whether there is something to lose, so that a snapshot comes first."""
        return self.kind in ("restart", "join", "remove")

    def __str__(self) -> str:
        whom = ", ".join(self.hosts) or (self.member.name or self.member.hex if self.member else "")
        return f"{self.kind} {whom}: {self.why}"


@dataclass(frozen=True)
class Plan:
    """Steps, in order; with problems there are none, since then nothing may be changed.
    `passing`: they may go away by themselves, as an election does."""

    steps: tuple[Step, ...] = ()
    problems: tuple[str, ...] = ()
    passing: bool = False
