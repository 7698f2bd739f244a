"""Converge every host of the inventory to its declared network: `pyinfra INVENTORY THIS_FILE`.

Reads of each host's data: `network`, `network_name`, `confirm`, `persist`, `prune`.
"""

import atexit
import gc
import sys

from pyinfra import host, state
from pyinfra.connectors.ssh import SSHConnector

from netwright.operations import network
from netwright.operations.converge import actual_host
from netwright.operations.declared import Settings, all_settings


def _confirm(wanted: Settings) -> int:
    """Where the controller is on the host itself, nothing can cut it off."""
    if wanted.confirm is not None:
        return wanted.confirm
    return 30 if isinstance(actual_host().connector, SSHConnector) else 0


# What a run makes stays to its end, which comes soon: nothing is gained by looking for garbage.
gc.set_threshold(1_000_000)
# The interpreter's last look at a large heap takes longer than a small host.
atexit.register(gc.freeze)
# With -y pyinfra asks no operation what it would do, but a dry run has nothing else to show.
state.check_for_changes |= "--dry" in sys.argv
_settings = all_settings(state.inventory)[host.name]
if _settings is None:
    host.noop("no network is declared")
else:
    network.state(
        name="Network",
        network=_settings.network,
        network_name=_settings.name,
        prune=_settings.prune,
        persist=_settings.persist,
        confirm=_confirm(_settings),
    )
