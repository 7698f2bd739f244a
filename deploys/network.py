"""Converge every host of the inventory to its declared network: `pyinfra INVENTORY THIS_FILE`.

Reads of each host's data: `network`, `network_name`, `confirm`, `persist`, `prune`.
"""

from pyinfra import host, inventory
from pyinfra.api import DeployError
from pyinfra.connectors.ssh import SSHConnector

from netwright.errors import DeclarationError
from netwright.operations import network
from netwright.operations.converge import actual_host
from netwright.operations.declared import Settings, inventory_directory, settings


def _all_settings() -> dict[str, Settings | None]:
    """Every host's settings; wrong declarations end the run, before any host is changed."""
    base = inventory_directory()
    found: dict[str, Settings | None] = {}
    wrong: list[str] = []
    for each in inventory:
        try:
            found[each.name] = settings(dict(each.data.dict()), base)  # type: ignore[no-untyped-call]
        except DeclarationError as error:
            wrong += [f"{each.name}: {problem}" for problem in error.problems]
    if wrong:
        raise DeployError("the declaration is wrong, no host was changed:\n" + "\n".join(wrong))
    return found


def _confirm(wanted: Settings) -> int:
    """Where the controller is on the host itself, nothing can cut it off."""
    if wanted.confirm is not None:
        return wanted.confirm
    return 30 if isinstance(actual_host().connector, SSHConnector) else 0


_settings = _all_settings()[host.name]
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
