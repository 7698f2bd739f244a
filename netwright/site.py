"""What else on a host sets its network, and what its start runs: read, warned of, never touched."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import NamedTuple

from netwright.errors import Problem
from netwright.iptables import FAMILIES
from netwright.links.link import Link, SeenLink
from netwright.state import NetworkState

__all__ = ["READ", "Site", "at_boot", "parse", "problems"]

READ = r"""
nw_unit_on() {
  for nw_path in /etc/systemd/system/*.wants/"$1".service; do
    [ -L "$nw_path" ] && return 0
  done
  return 1
}
nw_site() {
  printf '@@ site\n'
  nw_first=''
  [ ! -r /proc/1/comm ] || read -r nw_first < /proc/1/comm
  case $nw_first in
    init | openrc-init | runit | busybox | s6-svscan)
      if [ -d /run/systemd/system ]; then echo 'init systemd'
      elif [ -d /etc/network/if-pre-up.d ]; then echo 'init ifupdown'
      elif [ -d /etc/local.d ]; then echo 'init openrc'
      else echo 'init none'; fi
      ;;
    # Also in an image that is being made, where something else is the first process.
    *) echo 'init systemd' ;;
  esac
  for nw_path in /run/sysctl.d/*.conf /etc/sysctl.d/*.conf /usr/local/lib/sysctl.d/*.conf \
    /usr/lib/sysctl.d/*.conf /lib/sysctl.d/*.conf; do
    [ ! -e "$nw_path" ] && [ ! -L "$nw_path" ] || printf 'file %s\n' "$nw_path"
  done
  LC_ALL=C grep -sH '^[^#;]' /run/sysctl.d/*.conf /etc/sysctl.d/*.conf \
    /usr/local/lib/sysctl.d/*.conf /usr/lib/sysctl.d/*.conf /lib/sysctl.d/*.conf
  if [ -d /run/systemd/netif/links ]; then
    grep -s '^NETWORK_FILE=' /run/systemd/netif/links/* /dev/null | sed 's/^/networkd /'
  fi
  if [ -d /run/NetworkManager/devices ]; then
    grep -s '^connection-uuid=' /run/NetworkManager/devices/* /dev/null | sed 's/^/manager /'
  fi
  [ ! -s /run/network/ifstate ] || sed 's/^/ifupdown /' /run/network/ifstate
  for nw_path in /sys/fs/cgroup /sys/fs/cgroup/systemd /sys/fs/cgroup/unified; do
    [ ! -d "$nw_path/system.slice/firewalld.service" ] || { echo 'firewall firewalld'; break; }
  done
  [ -f /etc/ufw/ufw.conf ] && grep -qs '^ENABLED=yes' /etc/ufw/ufw.conf && echo 'firewall ufw'
  nw_unit_on nftables && grep -qs '^flush ruleset' /etc/nftables.conf && echo 'firewall nftables'
  return 0
}
"""
"""Shell: `nw_site` prints a section; it looks at files alone and asks no daemon."""

_DIRECTORIES = ("/etc", "/run", "/usr/local/lib", "/usr/lib", "/lib")
"""Of two files of one name in the sysctl.d of these the first counts."""
_FIREWALLS = {
    "firewalld": "firewalld is running: a packet has to pass its tables as well, and with its"
    " iptables backend a reload of it removes what is declared here",
    "ufw": "ufw is enabled: it sets the policies of INPUT, OUTPUT and FORWARD itself; declare no"
    " policy here, or disable ufw",
    "nftables": "nftables.service is enabled, and its /etc/nftables.conf flushes everything: a"
    " reload of it removes what is declared here until the next run; take `flush ruleset` out",
}
_MANAGERS = {
    "networkd": "systemd-networkd sets it up too ({}): what both set changes when networkd is"
    " restarted; declare here what that file leaves alone, or say Unmanaged=yes there",
    "manager": "NetworkManager sets it up too (connection {}): what both set changes with every"
    " activation; declare here what the connection leaves alone, or make the device unmanaged",
    "ifupdown": "ifupdown sets it up too ({}): what both set changes with every ifup; declare"
    " here what /etc/network/interfaces leaves alone",
}
_NO_BOOT = (
    "nothing on this host starts it: there is no systemd, no /etc/network/if-pre-up.d and no"
    " /etc/local.d; have it run by what this host has, or set `persist: false`"
)


@dataclass(frozen=True)
class Site:
    """What was seen."""

    init: str = "systemd"
    """systemd | ifupdown | openrc | none: what starts our boot script."""
    files: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Path of each file of parameters -> its lines."""
    indexes: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    """Number of a link -> who sets it up, and by what."""
    names: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Name of a link -> the same."""
    firewalls: tuple[str, ...] = ()


def parse(lines: Iterable[str]) -> Site:
    """The section that `nw_site` printed."""
    init = "systemd"
    files: dict[str, list[str]] = {}
    indexes: dict[int, tuple[str, str]] = {}
    names: dict[str, tuple[str, str]] = {}
    firewalls = []
    for line in lines:
        what, _, rest = line.partition(" ")
        if what == "init":
            init = rest
        elif what == "file":
            files.setdefault(rest, [])
        elif line.startswith("/"):
            path, _, text = line.partition(":")
            files.setdefault(path, []).append(text)
        elif what in ("networkd", "manager"):
            path, _, text = rest.partition(":")
            number = path.rpartition("/")[2]
            if number.isdigit() and (value := text.partition("=")[2]):
                indexes[int(number)] = what, value
        elif what == "ifupdown":
            ifname, _, logical = rest.partition("=")
            if ifname != "lo":
                names[ifname] = what, f"as {logical or ifname}"
        elif what == "firewall":
            firewalls.append(rest)
    read = {path: tuple(found) for path, found in files.items()}
    return Site(init, read, indexes, names, tuple(firewalls))


def problems(
    site: Site, ours: str, declared: NetworkState, current: NetworkState, keep: bool
) -> Iterator[Problem]:
    """Who else has a hand in what is declared, one line each.

    + ours: the path of our file of parameters
    + declared: a canonical declaration
    + current: what the host shows
    + keep: whether the next boot shall have it too
    """
    if keep and site.init == "none":
        yield Problem("persist", _NO_BOOT)
    seen = current.links or {}
    for ifname, link in (declared.links or {}).items():
        who = _manager(site, ifname, seen.get(ifname))
        if who is not None and link.given().keys() - {"kind", "state", "port"}:
            yield Problem(f"links.{ifname}", _MANAGERS[who[0]].format(who[1]))
    if any(getattr(declared, family) for family in FAMILIES):
        yield from (Problem("iptables", _FIREWALLS[name]) for name in site.firewalls)
    if keep:
        yield from _overridden(site, ours, declared.sysctl or {})


def _manager(site: Site, ifname: str, seen: Link | None) -> tuple[str, str] | None:
    if ifname in site.names:
        return site.names[ifname]
    return site.indexes.get(seen.index) if isinstance(seen, SeenLink) else None


def _overridden(site: Site, ours: str, declared: Mapping[str, str]) -> Iterator[Problem]:
    """Parameters that a file which is read after ours decides otherwise."""
    found = _read({**site.files, ours: [f"{key}={value}" for key, value in declared.items()]})
    for key, value in declared.items():
        path, other = found.own.get(key, (ours, value))
        if path != ours and (other is None or " ".join(other.split()) != value):
            does = "keeps it out" if other is None else f"sets {other}"
            what = (
                f"{path} {does} and is read after ours: `sysctl --system` and udev will go by it;"
                f" declared is {value}: take the line out there"
            )
            yield Problem(f"sysctl.{key}", what)


class _Read(NamedTuple):
    """What files say, the one that is read later before the others."""

    own: dict[str, tuple[str, str | None]]
    """Parameter -> file and value; None: an exclusion, which keeps patterns away."""
    patterns: list[tuple[str, str, str]]
    """Pattern, file and value."""


def at_boot(files: Mapping[str, Iterable[str]], key: str) -> tuple[str, str] | None:
    """The file that decides a parameter at boot, and its value, by systemd-sysctl's rules.

    A line of its own goes before every pattern, also one that excludes it (`-key` alone).

    + files: path -> lines
    + key: with slashes
    """
    found = _read(files)
    if key in found.own:
        path, value = found.own[key]
        return None if value is None else (path, value)
    covering = [(path, value) for name, path, value in found.patterns if _covers(name, key)]
    return covering[-1] if covering else None


def _read(files: Mapping[str, Iterable[str]]) -> _Read:
    found = _Read({}, [])
    for path in sorted(_in_force(files), key=_order):
        for line in files[path]:
            name, equals, value = line.strip().partition("=")
            name = _slashed(name.strip().removeprefix("-").strip())
            if any(sign in name for sign in "*?["):
                found.patterns.append((name, path, value.strip()))
            else:
                found.own[name] = path, value.strip() if equals else None
    return found


def _covers(pattern: str, key: str) -> bool:
    """As glob(7) does for paths: no sign stands for a slash."""
    return key.count("/") == pattern.count("/") and fnmatchcase(key, pattern)


def _in_force(files: Mapping[str, Iterable[str]]) -> list[str]:
    """Without those that one of the same name in an earlier directory stands for."""
    found: dict[str, str] = {}
    for path in files:
        directory, _, name = path.rpartition("/")
        known = found.get(name)
        if known is None or _rank(directory) < _rank(known.rpartition("/")[0]):
            found[name] = path
    return list(found.values())


def _rank(directory: str) -> int:
    start = directory.removesuffix("/sysctl.d")
    return _DIRECTORIES.index(start) if start in _DIRECTORIES else len(_DIRECTORIES)


def _order(path: str) -> str:
    return path.rpartition("/")[2]


def _slashed(name: str) -> str:
    """As systemd-sysctl and sysctl do: the first sign decides which of both separates."""
    for sign in name:
        if sign == "/":
            return name
        if sign == ".":
            return name.translate(str.maketrans("./", "/."))
    return name
