"""Kinds without options of their own: dummy, ifb. Shown by `ip -d link show type dummy`."""

from __future__ import annotations

from netwright.links.options import Options

__all__ = ["Dummy", "Ifb"]


class Dummy(Options):
    """Swallows what is sent; it is there for its addresses."""


class Ifb(Options):
    """Where the received traffic of other links is redirected, to be shaped."""
