"""Where the files of ours are, and what the next boot reads of them: parameters, modules, and a
script with the unit that runs it."""

from __future__ import annotations

from netwright import boot
from netwright.file import LINK
from netwright.snapshot import DIRECTORY, OURS, RUNTIME
from netwright.state import NetworkState
from netwright.step import Phase

__all__ = ["base", "files", "ledger_paths", "parameters", "phases"]

_HEAD = "# Written by netwright for the network {name!r}; changes here are overwritten.\n"
_UNITS = "/etc/systemd/system"

_UNIT = """\
[Unit]
Description=Network {name} as declared (netwright)
After=systemd-sysctl.service systemd-modules-load.service systemd-udev-settle.service
After=network-pre.target systemd-networkd.service networking.service NetworkManager.service
After=network.service netfilter-persistent.service nftables.service firewalld.service ufw.service
After=iptables.service ip6tables.service
Before=network-online.target docker.service
ConditionPathExists={script}

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh {script}

[Install]
WantedBy=multi-user.target
"""


# ifupdown's "--all" comes before all interfaces, busybox has none of it. What waits for an address
# of an interface waits beside it, or it would never come.
_HOOK = """\
#!/bin/sh
{head}case ${{IFACE:-}} in
  --all | lo) ;;
  *) exit 0 ;;
esac
NETWRIGHT_TRIES=0 sh {script} > /dev/null 2>&1 || sh {script} > /dev/null 2>&1 < /dev/null &
"""
_START = """\
#!/bin/sh
{head}sh {script}
"""


def base(name: str) -> str:
    """The directory whose files change together."""
    return f"{DIRECTORY}/{name}"


def ledger_paths(name: str, keep: bool) -> tuple[str, str]:
    """The ledger, and what the next snapshot has to read; that of a network which no boot brings
    back goes with it."""
    if keep:
        return f"{base(name)}/ledger.json", f"{base(name)}/reads"
    return f"{RUNTIME}/{name}.json", f"{RUNTIME}/{name}.reads"


def _boot(name: str) -> tuple[str, str, str]:
    return f"{base(name)}/sysctl.conf", f"{base(name)}/modules.conf", f"{base(name)}/boot"


def parameters(name: str) -> str:
    """The file of parameters among those of the system."""
    return _elsewhere(name)[0]


def _elsewhere(name: str) -> tuple[str, ...]:
    # The parameters' file sorts after the vendors' files and after 99-sysctl.conf, since of two
    # entries for one parameter the later one counts.
    return (
        *(f"{start}{name}{end}" for start, end in OURS),
        f"{_UNITS}/multi-user.target.wants/netwright-{name}.service",
    )


def phases(name: str) -> dict[str, Phase]:
    """Every path that may be ours under a name, and the phase of its step."""
    ledgers = (*ledger_paths(name, True), *ledger_paths(name, False))
    return {
        **dict.fromkeys((*_boot(name), *_elsewhere(name)), Phase.FILE),
        **dict.fromkeys(ledgers, Phase.LEDGER),
    }


def files(name: str, declared: NetworkState, init: str = "systemd") -> dict[str, str]:
    """Path -> content of what brings a declaration back at boot.

    + init: what starts it, see `site.Site`
    """
    parameters, modules, script = _boot(name)
    to_parameters, to_modules, unit, hook, start, enabled = _elsewhere(name)
    head = _HEAD.format(name=name)
    found = {}
    if declared.sysctl:
        # With slashes: a dot in a link's name stays one.
        lines = "".join(f"{key} = {value}\n" for key, value in sorted(declared.sysctl.items()))
        found[parameters] = head + lines
        found[to_parameters] = f"{LINK}{parameters}\n"
    if declared.modules:
        found[modules] = head + "".join(f"{module}\n" for module in declared.modules)
        found[to_modules] = f"{LINK}{modules}\n"
    steps = boot.steps(declared)
    if steps:
        found[script] = boot.render(name, steps)
        if init == "ifupdown":
            found[hook] = _HOOK.format(head=head, script=script)
        elif init == "openrc":
            found[start] = _START.format(head=head, script=script)
        elif init == "systemd":
            found[unit] = head + _UNIT.format(name=name, script=script)
            found[enabled] = f"{LINK}../{unit.rpartition('/')[2]}\n"
    return found
