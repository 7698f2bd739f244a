"""A notebook server in a namespace, behind a port of its host (S11):

    pyinfra INVENTORY deploys/network.py deploys/notebook.py

Reads the data key `notebook`: `by` (dnat, proxy), `netns`, `address`, `port`, `front`, `token`. The
namespace, and with `by: dnat` the rule, are the network's: `inventories/notebook.py` has both.
"""

from pathlib import Path

from pyinfra import host
from pyinfra.api import DeployError
from pyinfra.facts.deb import DebPackages
from pyinfra.operations import apt, files, server, systemd

import netwright.deploys
from netwright.errors import DeclarationError
from netwright.installs.notebook import Settings
from netwright.installs.read import read

_TEMPLATES = Path(netwright.deploys.__path__[0]) / "templates"
_UNITS = "/etc/systemd/system"


def _settings() -> Settings | None:
    try:
        data = host.data.get("notebook")
        return None if data is None else read(Settings, "notebook", data)
    except DeclarationError as error:
        lines = "\n".join(f"{host.name}: {problem}" for problem in error.problems)
        raise DeployError(f"the declaration is wrong, no host was changed:\n{lines}") from None


def _service(name: str, settings: Settings, *after: object) -> None:
    unit = files.template(
        name=f"Unit {name}",
        src=str(_TEMPLATES / f"{name}.service.j2"),
        dest=f"{_UNITS}/{name}.service",
        mode="644",
        **settings.model_dump(),
    )
    systemd.daemon_reload(name=f"Unit {name} read", _if=unit.did_change)
    systemd.service(name=f"Service {name}", service=f"{name}.service", running=True, enabled=True)
    changed = [each for each in (unit, *after) if hasattr(each, "did_change")]
    server.shell(
        name=f"Service {name} started again",
        commands=[f"systemctl restart {name}.service"],
        _if=lambda: any(each.did_change() for each in changed),
    )


def _install(settings: Settings) -> None:
    packages = ["jupyter-notebook"]
    if settings.by == "proxy":
        packages.append("node-configurable-http-proxy")
    missing = [name for name in packages if name not in (host.get_fact(DebPackages) or {})]
    if missing:
        apt.packages(name="Packages", packages=missing, update=True, no_recommends=True)
    server.user(
        name="User",
        user="notebook",
        system=True,
        home="/var/lib/notebook",
        ensure_home=True,
        shell="/usr/sbin/nologin",
    )
    files.directory(name="Configuration's directory", path="/etc/notebook", mode="755")
    config = files.template(
        name="Configuration",
        src=str(_TEMPLATES / "notebook.config.j2"),
        dest="/etc/notebook/config.py",
        user="root",
        group="notebook",
        mode="640",
        token=settings.token,
    )
    _service("notebook", settings, config)
    if settings.by == "proxy":
        _service("notebook-proxy", settings)


_found = _settings()
if _found is None:
    host.noop("no notebook is declared")
else:
    _install(_found)
