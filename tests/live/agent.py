"""Process 1 of a sandbox: runs what the test sends it, and reads the kernel by pyroute2 alone.

A request is one JSON line, and so is its answer. Started by `sandbox.py` in mount, network and
process namespaces of its own, so that `netns 1` and every path of ours are the sandbox's.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from socket import AF_INET, AF_INET6, AF_UNSPEC
from typing import Any

from pyroute2 import IPRoute, NetlinkError
from pyroute2.netlink.rtnl.ndmsg import NTF_PROXY, NUD_PERMANENT

_RUN = ("/run/netns", "/run/netwright", "/run/upper", "/run/work")
_OURS = ("/run/netwright", "/etc/netwright", "/etc/sysctl.d", "/etc/modules-load.d")
_CLONE_NEWNET = 0x40000000
_IFF_UP, _IFF_PROMISC, _PERMANENT, _KERNEL = 1, 0x100, 0x80, 2
_libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Answer until the other side closes."""
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
    for path in _RUN:
        Path(path).mkdir()
    options = "lowerdir=/etc,upperdir=/run/upper,workdir=/run/work"
    subprocess.run(["mount", "-t", "overlay", "-o", options, "overlay", "/etc"], check=True)
    for path in _OURS:
        subprocess.run(["rm", "-rf", path], check=True)
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    print(json.dumps("ready"), file=answers)
    for line in sys.stdin:
        request = json.loads(line)
        answer = {"sh": _sh, "read": _read, "reset": _reset}[request.pop("do")](**request)
        print(json.dumps(answer), file=answers)
        _reap()


def _reap() -> None:
    """Process 1 inherits what a killed script leaves behind."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def _sh(script: str, kill_after: float | None = None) -> dict[str, Any]:
    """Run a script as a host's sh would get it; kill it and all that it started at a moment."""
    with subprocess.Popen(
        ["sh"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        timer = None
        if kill_after is not None:
            timer = threading.Timer(kill_after, os.killpg, (process.pid, signal.SIGKILL))
            timer.start()
        try:
            out, err = process.communicate(script)
        finally:
            if timer is not None:
                timer.cancel()
    return {"status": process.returncode, "out": out.splitlines(), "err": err.splitlines()}


def _namespaces() -> list[str]:
    return ["host", *sorted(os.listdir("/run/netns"))]


def _within(name: str, function: Callable[[], Any]) -> Any:
    """Call a function in a thread that is in the namespace; /proc/sys/net is the thread's too."""
    found: list[Any] = []

    def body() -> None:
        if name != "host":
            with open(f"/run/netns/{name}", "rb") as file:
                if _libc.setns(file.fileno(), _CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), f"setns {name}")
        found.append(function())

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    return found[0]


def _read() -> dict[str, Any]:
    """Everything that a run could have changed, in every namespace."""
    return {name: _within(name, _one) for name in _namespaces()} | {"files": _files()}


def _files() -> dict[str, str]:
    return {
        str(path): path.read_text()
        for place in _OURS
        for path in sorted(Path(place).rglob("*"))
        if path.is_file()
    }


def _one() -> dict[str, Any]:
    with IPRoute() as ip:
        links = {item["index"]: item for item in ip.get_links()}
        names = {index: item.get("IFLA_IFNAME") for index, item in links.items()}
        neighbours = [
            *ip.get_neighbours(AF_UNSPEC),
            *(item for f in (AF_INET, AF_INET6) for item in _proxies(ip, f)),
        ]
        return {
            "links": {names[index]: _link(item, names) for index, item in links.items()},
            "addresses": sorted(
                [names[item["index"]], f"{item.get('IFA_ADDRESS')}/{item['prefixlen']}"]
                for item in ip.get_addr()
                if item["flags"] & _PERMANENT and not _own(item)
            ),
            "routes": sorted(
                _route(item, names)
                for family in (AF_INET, AF_INET6)
                for item in ip.get_routes(family=family)
                if item["proto"] != _KERNEL
            ),
            "connected": sorted(
                _route(item, names)
                for item in ip.get_routes(family=AF_INET)
                if item["proto"] == _KERNEL and item["type"] == 1
            ),
            "rules": sorted(
                _attributes(item, "FRA_") + f" {item['family']} {item['dst_len']} {item['src_len']}"
                for family in (AF_INET, AF_INET6)
                for item in ip.get_rules(family=family)
            ),
            "neighbours": sorted(
                [names[item["ifindex"]], item.get("NDA_DST"), item.get("NDA_LLADDR") or "proxy"]
                for item in neighbours
                if item["state"] & NUD_PERMANENT or item["flags"] & NTF_PROXY
            ),
            "sysctl": _parameters(),
        }


def _proxies(ip: IPRoute, family: int) -> list[Any]:
    return [
        item for item in ip.get_neighbours(family, flags=NTF_PROXY) if item["flags"] & NTF_PROXY
    ]


def _own(item: Any) -> bool:
    text = item.get("IFA_ADDRESS") or ""
    # The loopback gets its own when it goes up for the first time, and keeps them.
    return text in ("127.0.0.1", "::1") or (text.startswith("fe80:") and item["prefixlen"] == 64)


def _link(item: Any, names: dict[int, str]) -> dict[str, Any]:
    info = item.get("IFLA_LINKINFO")
    found: dict[str, Any] = {
        "up": bool(item["flags"] & _IFF_UP),
        "promisc": bool(item["flags"] & _IFF_PROMISC),
        "mtu": item.get("IFLA_MTU"),
        "mac": item.get("IFLA_ADDRESS"),
        "txqlen": item.get("IFLA_TXQLEN"),
        "master": names.get(item.get("IFLA_MASTER"), ""),
        "kind": info.get("IFLA_INFO_KIND") if info else None,
    }
    if info and found["kind"] == "bridge":
        data = info.get("IFLA_INFO_DATA")
        found["bridge"] = {name: data.get(name) for name in _BRIDGE}
    if info and info.get("IFLA_INFO_SLAVE_KIND") == "bridge":
        data = info.get("IFLA_INFO_SLAVE_DATA")
        found["port"] = {name: data.get(name) for name in _PORT}
    return found


_BRIDGE = tuple(
    f"IFLA_BR_{name}"
    for name in (
        *("FORWARD_DELAY", "HELLO_TIME", "MAX_AGE", "AGEING_TIME", "STP_STATE", "PRIORITY"),
        *("MCAST_SNOOPING", "MCAST_QUERIER", "MCAST_ROUTER", "NF_CALL_IPTABLES"),
    )
)
_PORT = tuple(
    f"IFLA_BRPORT_{name}"
    for name in (
        *("MODE", "ISOLATED", "LEARNING", "UNICAST_FLOOD", "MCAST_FLOOD", "BCAST_FLOOD"),
        *("NEIGH_SUPPRESS", "GUARD", "PROTECT", "FAST_LEAVE", "MCAST_TO_UCAST", "PROXYARP"),
        *("LOCKED", "PRIORITY", "COST"),
    )
)


def _attributes(item: Any, prefix: str) -> str:
    return " ".join(
        f"{key.removeprefix(prefix)}={value}"
        for key, value in sorted(map(tuple, item["attrs"]))
        if value != ""
    )


def _route(item: Any, names: dict[int, str]) -> list[Any]:
    metrics = item.get("RTA_METRICS")
    return [
        item["family"],
        item.get("RTA_TABLE"),
        f"{item.get('RTA_DST')}/{item['dst_len']}",
        item["type"],
        item["proto"],
        item["scope"],
        item["flags"] & 4,
        *(str(item.get(f"RTA_{key}")) for key in ("GATEWAY", "VIA", "PREFSRC", "PRIORITY")),
        names.get(item.get("RTA_OIF"), ""),
        str(dict(metrics["attrs"])) if metrics else "",
        str(sorted(_hop(hop, names) for hop in item.get("RTA_MULTIPATH") or ())),
    ]


def _hop(hop: Any, names: dict[int, str]) -> list[Any]:
    gateway = hop.get("RTA_GATEWAY") or hop.get("RTA_VIA")
    # `hops` is the weight less one, as the kernel keeps it; 4 is onlink.
    return [str(gateway), names.get(hop["oif"], ""), hop["hops"], hop["flags"] & 4]


_PARAMETERS = ("ipv4/conf", "ipv6/conf")
_SINGLE = ("net/ipv4/ip_forward", "net/ipv4/ip_nonlocal_bind")


def _parameters() -> dict[str, str]:
    found = {}
    for key in [
        *_SINGLE,
        *(
            f"net/{part}/{link}/{name}"
            for part in _PARAMETERS
            for link in os.listdir(f"/proc/sys/net/{part}")
            for name in os.listdir(f"/proc/sys/net/{part}/{link}")
        ),
    ]:
        try:
            found[key] = _value(key)
        except OSError:
            continue  # stable_secret can't be read before it is written
    return found


def _value(key: str) -> str:
    """Hundreds are read each time: without what a file object costs."""
    file = os.open(f"/proc/sys/{key}", os.O_RDONLY)
    try:
        return os.read(file, 4096).decode().strip()
    finally:
        os.close(file)


def _reset() -> None:
    """An empty host."""
    for name in _namespaces()[1:]:
        _within(name, _clear)
        subprocess.run(["ip", "netns", "delete", name], check=True)
    _clear()
    for place in (*_OURS, *map(str, Path("/etc/systemd/system").rglob("netwright-*"))):
        subprocess.run(["rm", "-rf", place], check=True)
    for key, value in _DEFAULTS.items():
        path = Path("/proc/sys") / key
        if path.read_text().strip() != value:
            path.write_text(value)


def _clear() -> None:
    with IPRoute() as ip:
        for link in list(ip.get_links()):
            if link.get("IFLA_LINKINFO") is not None and link.get("IFLA_IFNAME") != "lo":
                try:
                    ip.link("del", index=link["index"])
                except NetlinkError as error:  # the other end of a pair went before
                    if error.code != errno.ENODEV:
                        raise
        ip.flush_addr(index=1)
        ip.link("set", index=1, state="down")
        ip.link("set", index=1, mtu=65536)
        for family in (AF_INET, AF_INET6):
            for table in {item.get("RTA_TABLE") for item in ip.get_routes(family=family)}:
                ip.flush_routes(family=family, table=table)
            for item in list(ip.get_rules(family=family)):
                if item.get("FRA_PROTOCOL") != _KERNEL:
                    ip.rule("del", **_rule_of(item))


def _rule_of(item: Any) -> dict[str, Any]:
    return {"family": item["family"], "priority": item.get("FRA_PRIORITY")}


_DEFAULTS = {
    key: (Path("/proc/sys") / key).read_text().strip()
    for key in (
        *_SINGLE,
        *(
            str(path.relative_to("/proc/sys"))
            for part in _PARAMETERS
            for kind in ("all", "default", "lo")
            for path in sorted(Path(f"/proc/sys/net/{part}/{kind}").glob("*"))
            if path.name not in ("stable_secret", "mc_forwarding") and os.access(path, os.W_OK)
        ),
    )
}
"""The parameters of the sandbox's own namespace when it was made."""


if __name__ == "__main__":
    main()
