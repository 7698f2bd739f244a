"""Runs in a sandbox of its own: from one random state to another, again, and back; by sh itself.

unshare --mount --net --fork python -m tests.live.pairs COUNT
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from pyroute2 import IPRoute, NetNS

from netwright import run, script, snapshot
from netwright.state import NetworkState, load
from netwright.step import undo
from tests.core.documents import pairs

NAME = "network"
LEDGERS = Path(snapshot.DIRECTORY)
KERNEL = 2  # RTPROT_KERNEL


def settled(document: dict[str, Any]) -> dict[str, Any]:
    """Without IPv6 routes' `src`: for a second the kernel takes a new address for none of its own,
    since it is still looking for others that have it."""
    for space in (document, *(document.get("netns") or {}).values()):
        for route in space.get("routes") or ():
            if ":" in route.get("src", ""):
                del route["src"]
    return document


def shell(text: str) -> list[str]:
    done = subprocess.run(["sh"], input=text, capture_output=True, text=True, check=False)
    assert "@@ end" in done.stdout, done.stdout[-500:] + done.stderr
    return done.stdout.splitlines()


def read(declared: NetworkState) -> snapshot.Snapshot:
    return snapshot.parse(shell(snapshot.script(snapshot.reads(declared), run.files(NAME))))


def converge(document: dict[str, Any]) -> run.Run:
    """To a declaration, and once more, when nothing may be left to do."""
    declared = load(document)
    before = read(declared)
    made = run.prepare(NAME, declared, before)
    if made.plan:
        answer = script.answer(made.plan, shell(made.script("pairs")))
        problems = run.outcome(made, before, answer)
        assert not problems, [str(problem) for problem in problems]
    again = run.prepare(NAME, declared, read(declared))
    assert not again.plan, [step.path for step in again.plan]
    return made


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


def main(count: int) -> None:
    tried = 0
    empty = seen()

    @settings(
        max_examples=count, derandomize=True, database=None, deadline=None,
        phases=[Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(pairs())
    def try_one(pair: tuple[dict[str, Any], dict[str, Any]]) -> None:
        nonlocal tried
        first, second = settled(pair[0]), settled(pair[1])
        converge(first)
        before = seen()
        # The undo of a network alone: what the ledger says of `first` comes back by hand.
        ledgers = {path: path.read_text() for path in LEDGERS.glob("*")}
        made = converge(second)
        back = run.Run(NAME, made.desired, undo(made.network), [])
        if back.network:
            shell(back.script("pairs"))
        assert seen() == before, (seen() - before, before - seen())
        for path in LEDGERS.glob("*"):
            path.unlink()
        LEDGERS.mkdir(exist_ok=True)
        for path, text in ledgers.items():
            path.write_text(text)
        converge(first)
        converge(second)
        converge({})
        assert seen() == empty, (seen() - empty, empty - seen())
        tried += 1

    try_one()
    print(f"pairs tried {tried}")


if __name__ == "__main__":
    main(int(sys.argv[1]))
