"""Take all that is ours off every host, runtime and boot: `pyinfra INVENTORY THIS_FILE`.

Reads of each host's data: `network_name` (`*`: every name's, also by `--data network_name='*'`),
`confirm`.
"""

import sys

from pyinfra import host, state
from pyinfra.connectors.ssh import SSHConnector

from netwright.operations import network
from netwright.operations.converge import actual_host


def _confirm() -> int:
    """Where the controller is on the host itself, nothing can cut it off."""
    given = host.data.get("confirm")
    if given is not None:
        return int(given)
    return 30 if isinstance(actual_host().connector, SSHConnector) else 0


# As in network.py.
state.check_for_changes |= "--dry" in sys.argv
network.absent(
    name="No network of ours",
    network_name=host.data.get("network_name", "network"),
    confirm=_confirm(),
)
