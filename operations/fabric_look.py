"""What a fabric's hosts show: each is read by one command, all at the same time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from gevent.pool import Pool

from netwright.installs import fabric_evidence
from netwright.installs.fabric_evidence import Evidence
from netwright.installs.fabric_network import NAME
from netwright.operations import ahead
from netwright.operations.converge import Wanted
from netwright.operations.remote import look, named
from netwright.state import load
from netwright.together import apart, together

__all__ = ["PARALLEL", "all_of", "with_networks"]

PARALLEL = 20
_LOOK = 40


def all_of(hosts: Iterable[str]) -> dict[str, Evidence]:
    """What each host shows. Raises Failed if one can't be read."""
    return _each(
        hosts, lambda host: look(host, fabric_evidence.script(), fabric_evidence.parse, _LOOK)
    )


def with_networks(
    hosts: Iterable[str], networks: Mapping[str, Mapping[str, Any]]
) -> dict[str, Evidence]:
    """The same, and what has to be known of each host's network, kept for its own operation.

    + networks: what the hosts declare, by name; that which is asked of a host has to be right
    """
    return _each(hosts, lambda host: _both(host, Wanted(load(networks[host]), NAME)))


def _each(hosts: Iterable[str], read: Callable[[str], Evidence]) -> dict[str, Evidence]:
    pool = Pool(PARALLEL)
    found = pool.map(lambda host: (host, read(host)), hosts)
    return dict(found)


def _both(host: str, wanted: Wanted) -> Evidence:
    scripts = {"fabric": fabric_evidence.script(), "network": wanted.script()}

    def parse(output: list[str]) -> Evidence:
        found = apart(output)
        ahead.keep(named(host), wanted, found.get("network", []))
        return fabric_evidence.parse(found.get("fabric", []))

    # Namespaces take their time.
    return look(host, together(scripts), parse, _LOOK + len(wanted.declared.netns or ()) // 5)
