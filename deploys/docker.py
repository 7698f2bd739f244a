"""A Docker engine on the hosts of the group `docker`, and what runs on it: `pyinfra INVENTORY ...`

Reads the data key `docker` of hosts and group; see docs/docker.md.
"""

from pyinfra import host, inventory
from pyinfra.api import DeployError
from pyinfra.operations import systemd

from netwright.errors import DeclarationError
from netwright.installs.docker import Settings
from netwright.operations import docker, docker_daemon, docker_files
from netwright.operations.converge import actual_host
from netwright.operations.declared import inventory_directory
from netwright.operations.declared_installs import engines, in_group


def _all_settings() -> dict[str, Settings]:
    """Every host's settings; wrong ones end the run, before any host is changed."""
    try:
        return engines(in_group(inventory, "docker"), inventory_directory())
    except DeclarationError as error:
        lines = "\n".join(str(problem) for problem in error.problems)
        raise DeployError(f"the declaration is wrong, no host was changed:\n{lines}") from None


_settings = _all_settings().get(host.name)
if _settings is None:
    host.noop("no Docker is declared")
else:
    _upgrade = docker_files.due(_settings)
    if _why := docker_daemon.refused(actual_host(), _settings.daemon, _upgrade):
        raise DeployError(f"{host.name}: docker: {_why} no host was changed")
    docker_files.install(_settings)
    if _settings.daemon:
        docker_daemon.daemon(name="Daemon's settings", settings=_settings.daemon)
    docker_daemon.upgraded(name="Daemon of the installed version")
    systemd.service(name="Daemon", service="docker.service", running=True, enabled=True)
    docker_files.users(_settings)
    for _name, _network in _settings.networks.items():
        docker_files.network(_name, _network)
    for _name, _image in _settings.images.items():
        docker.image(name=f"Image {_name}", image=_name, declared=_image)
    for _name, _container in _settings.containers.items():
        docker.container(name=f"Container {_name}", container=_name, declared=_container)
