"""What a namespace's kernel holds, by pyroute2, and a script that a host would run."""

from __future__ import annotations

import os
import subprocess
from typing import Any

from pyroute2 import IPRoute, NetNS

NAME = "network"
KERNEL = 2  # RTPROT_KERNEL


def shell(text: str) -> list[str]:
    done = subprocess.run(["sh"], input=text, capture_output=True, text=True, check=False)
    assert "@@ end" in done.stdout, done.stdout[-500:] + done.stderr
    return done.stdout.splitlines()


def seen() -> set[tuple[Any, ...]]:
    """All links, addresses and routes as pyroute2 sees them, but for the kernel's own."""
    found: set[tuple[Any, ...]] = set()
    names = sorted(os.listdir("/run/netns"))
    for name in ["", *names]:
        with NetNS(name, flags=0) if name else IPRoute() as netlink:
            found |= _seen(name, netlink)
    return found


def _seen(netns: str, netlink: Any) -> set[tuple[Any, ...]]:
    found: set[tuple[Any, ...]] = set()
    links = {link["index"]: link for link in netlink.get_links()}
    names = {index: link.get_attr("IFLA_IFNAME") for index, link in links.items()}
    for link in links.values():
        info = link.get_attr("IFLA_LINKINFO")
        found.add(
            (
                netns, "link", link.get_attr("IFLA_IFNAME"), link["flags"] & 1,
                link.get_attr("IFLA_MTU"), names.get(link.get_attr("IFLA_MASTER")),
                info and info.get_attr("IFLA_INFO_KIND"),
            )
        )  # fmt: skip
    for item in netlink.get_addr():
        text = item.get_attr("IFA_LOCAL") or item.get_attr("IFA_ADDRESS")
        if not text.startswith("fe80:") and text not in ("127.0.0.1", "::1"):
            found.add((netns, "address", names[item["index"]], text, item["prefixlen"]))
    for route in netlink.get_routes():
        if route["proto"] != KERNEL:
            found.add(
                (
                    netns, "route", route["family"], route.get_attr("RTA_DST"), route["dst_len"],
                    route.get_attr("RTA_GATEWAY"), names.get(route.get_attr("RTA_OIF")),
                    route.get_attr("RTA_TABLE"), route.get_attr("RTA_PRIORITY"), route["type"],
                )
            )  # fmt: skip
    return found
