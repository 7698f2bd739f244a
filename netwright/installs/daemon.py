"""daemon.json: shown by `docker info`, changed by a reload (SIGHUP) or by a restart.

Docker 20.10 has no --validate, and what it does not know keeps it from starting: so every key is
checked here, against dockerd(8), before the file is written.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Change", "change", "merge", "parse", "problems", "render", "stops"]


def _is(*types: type) -> Callable[[Any], bool]:
    # True is an int as well, in Python only.
    return lambda value: isinstance(value, types) and (bool in types or not isinstance(value, bool))


def _strings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _texts(value: Any) -> bool:
    """A mapping of strings; docker takes no number and no true here."""
    return isinstance(value, dict) and all(isinstance(each, str) for each in value.values())


def _pools(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(each, dict) and set(each) == {"base", "size"} for each in value
    )


_TEXT, _NUMBER, _FLAG, _MAP = _is(str), _is(int), _is(bool), _is(dict)
_KINDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "text": (_TEXT, "a text"),
    "number": (_NUMBER, "a whole number"),
    "flag": (_FLAG, "true or false"),
    "map": (_MAP, "a mapping"),
    "strings": (_strings, "a list of texts"),
    "texts": (_texts, "a mapping with texts, numbers in quotes"),
    "pools": (_pools, "a list of {base, size}"),
}
_KEYS = {
    "text": "bip bridge cgroup-parent containerd containerd-namespace data-root default-gateway"
    " default-gateway-v6 default-ipc-mode default-runtime default-shm-size exec-root fixed-cidr"
    " fixed-cidr-v6 group init-path ip log-driver log-level metrics-addr pidfile seccomp-profile"
    " storage-driver swarm-default-advertise-addr tlscacert tlscert tlskey userland-proxy-path"
    " userns-remap default-cgroupns-mode",
    "number": "max-concurrent-downloads max-concurrent-uploads max-download-attempts mtu"
    " network-control-plane-mtu oom-score-adjust shutdown-timeout cpu-rt-period cpu-rt-runtime",
    "flag": "debug experimental icc init ip-forward ip-masq ip6tables iptables ipv6 live-restore"
    " no-new-privileges raw-logs selinux-enabled tls tlsverify userland-proxy",
    "map": "builder default-ulimits features runtimes",
    "strings": "allow-nondistributable-artifacts authorization-plugins dns dns-opts dns-search"
    " exec-opts insecure-registries labels node-generic-resources registry-mirrors storage-opts",
    "texts": "log-opts",
    "pools": "default-address-pools",
}
KNOWN = {key: kind for kind, keys in _KEYS.items() for key in keys.split()}
# dockerd(8), "Configuration reload behavior"; anything else is read at the start only.
RELOADED = frozenset(
    {
        "allow-nondistributable-artifacts",
        "authorization-plugins",
        "debug",
        "default-runtime",
        "features",
        "insecure-registries",
        "labels",
        "live-restore",
        "max-concurrent-downloads",
        "max-concurrent-uploads",
        "max-download-attempts",
        "registry-mirrors",
        "runtimes",
        "shutdown-timeout",
    }
)


@dataclass(frozen=True)
class Change:
    """What has to be done: the file's new text, and how it takes effect; or why it may not."""

    text: str | None = None
    act: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    refused: str | None = None


def problems(declared: Mapping[str, Any]) -> Iterator[str]:
    """What would keep the daemon from starting, or would not do what it says."""
    for key, value in declared.items():
        if key == "hosts":
            yield "hosts: the unit already says -H fd://, and with both dockerd does not start"
        elif key not in KNOWN:
            near = difflib.get_close_matches(key, KNOWN, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            yield f"{key}: is no key of daemon.json that is known here{hint}"
        elif value is not None and not _KINDS[KNOWN[key]][0](value):
            yield f"{key}: {json.dumps(value)[:60]} is not {_KINDS[KNOWN[key]][1]}"


def parse(text: str) -> dict[str, Any]:
    """A file that is there; none, or an empty one, is an empty mapping.

    Raises ValueError for what is no mapping in JSON.
    """
    if not text.strip():
        return {}
    found = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError("it is no mapping")
    return found


def merge(current: Mapping[str, Any], declared: Mapping[str, Any]) -> dict[str, Any]:
    """Key by key: what is declared counts, null takes a key away, all else stays."""
    merged = {**current, **declared}
    return {key: value for key, value in merged.items() if value is not None}


def render(values: Mapping[str, Any]) -> str:
    """As the file has it: sorted, so that the same is the same."""
    return json.dumps(values, indent=2, sort_keys=True) + "\n"


def change(
    current: Mapping[str, Any], declared: Mapping[str, Any], running: int, live_restore: bool
) -> Change:
    """What a declaration changes on a host.

    + current: the file that is there
    + running: how many containers run
    + live_restore: whether the running daemon leaves them alone when it ends
    """
    wanted = merge(current, declared)
    keys = tuple(sorted(key for key in {*current, *wanted} if current.get(key) != wanted.get(key)))
    if not keys:
        return Change()
    act: tuple[str, ...] = ("reload",)
    if not RELOADED.issuperset(keys):
        first = wanted.get("live-restore") is True and not live_restore
        act = ("reload", "restart") if first else ("restart",)
        if running and not live_restore and not first:
            slow = ", ".join(sorted(set(keys) - RELOADED))
            why = f"{slow} needs a restart, which would stop {running} running containers;"
            return Change(keys=keys, refused=f"{why} set live-restore to true, or stop them")
    return Change(render(wanted), act, keys)


def stops(running: int, live_restore: bool) -> str | None:
    """Why the daemon may not be started again; None if no container minds.

    + running: how many containers run
    + live_restore: whether the running daemon leaves them alone when it ends
    """
    if not running or live_restore:
        return None
    return (
        f"a restart would stop {running} running containers; set live-restore first, or stop them"
    )
