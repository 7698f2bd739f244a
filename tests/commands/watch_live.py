"""Runs in a sandbox of its own: a host is converged, watched, and put off in a hundred ways, each
of which is undone by hand again. Says what the watcher told of each.

unshare --mount --net --fork python -m tests.commands.watch_live COUNT
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

DECLARED = """
sysctl: {net.ipv4.ip_forward: 1}
links:
  toolbr:
    kind: bridge
    mtu: 1500
    # Else it would follow its ports, and forget its neighbours as it does.
    mac: "02:00:00:00:00:aa"
    addresses: [198.18.190.1/24, 198.18.191.1/24]
  tool0: {kind: veth, veth: {peer: {name: eth0, netns: blue}}, master: toolbr}
routes: [{dst: 203.0.113.0/24, via: 198.18.190.9}]
rules: [{priority: 77, from: 10.0.0.0/8, table: 77}]
neighbours: [{dst: 198.18.190.7, dev: toolbr, mac: "02:00:00:00:00:07"}]
iptables: {filter: {TOOL: ["-p tcp --dport 80 -j ACCEPT"]}}
netns:
  blue:
    links: {eth0: {addresses: [198.18.190.2/24]}}
    routes: [{dst: default, via: 198.18.190.1}]
"""
# What is done, what mends it, and the path that the watcher has to name. The first ten are told of
# by the kernel, the last two are found by looking now and then.
DRIFTS = [
    ("ip link set dev toolbr mtu 1400", "ip link set dev toolbr mtu 1500", "links.toolbr.mtu"),
    ("ip address delete 198.18.191.1/24 dev toolbr", "ip address add 198.18.191.1/24 dev toolbr",
     "links.toolbr.addresses"),
    ("ip address add 192.0.2.9/32 dev toolbr", "ip address delete 192.0.2.9/32 dev toolbr",
     "links.toolbr.addresses"),
    ("ip route delete 203.0.113.0/24", "ip route add 203.0.113.0/24 via 198.18.190.9 proto static",
     "routes.203.0.113.0/24"),
    ("ip route replace 203.0.113.0/24 via 198.18.190.8",
     "ip route replace 203.0.113.0/24 via 198.18.190.9 proto static", "routes.203.0.113.0/24"),
    ("ip rule delete priority 77", "ip rule add priority 77 from 10.0.0.0/8 table 77",
     "rules.77 from 10.0.0.0/8 table 77"),
    ("ip neigh delete 198.18.190.7 dev toolbr",
     "ip neigh replace 198.18.190.7 lladdr 02:00:00:00:00:07 dev toolbr nud permanent",
     "neighbours.198.18.190.7 dev toolbr"),
    ("ip link set dev tool0 nomaster", "ip link set dev tool0 master toolbr", "links.tool0.master"),
    ("ip -n blue route delete default",
     "ip -n blue route add default via 198.18.190.1 proto static",
     "netns.blue.routes.default"),
    ("ip -n blue address delete 198.18.190.2/24 dev eth0",
     "ip -n blue address add 198.18.190.2/24 dev eth0;"
     " ip -n blue route add default via 198.18.190.1 proto static",
     "netns.blue.links.eth0.addresses"),
    ("iptables -F TOOL", "iptables -A TOOL -p tcp --dport 80 -j ACCEPT", "iptables.filter.TOOL"),
    ("sysctl -qw net.ipv4.ip_forward=0", "sysctl -qw net.ipv4.ip_forward=1",
     "sysctl.net/ipv4/ip_forward"),
]  # fmt: skip
# What goes along, and is a drift of its own.
ALONG = {"netns.blue.links.eth0.addresses": {"netns.blue.routes.default"}}
NETWRIGHT = [sys.executable, "-c", "from netwright.commands import main; main()"]
PATIENCE = 120.0
KERNEL = 10


def shell(text: str) -> None:
    subprocess.run(["sh", "-ec", text], check=True)


def memory(pid: int) -> int:
    """Private memory in kB, of the process and of all that it has started."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return 0  # one that has ended in the meantime
    own = re.search(r"^RssAnon:\s+(\d+) kB$", status, re.M)
    return (int(own[1]) if own else 0) + sum(memory(int(child)) for child in below)


def at_rest(watcher: Watcher) -> int:
    """The least of some seconds: a look may just be on."""
    found = []
    for _ in range(30):
        found.append(memory(watcher.process.pid))
        time.sleep(0.1)
    return min(found)


class Watcher:
    """The command itself, and what it has printed."""

    def __init__(self) -> None:
        command = [*NETWRIGHT, "watch", "--format", "json", "--interval", "2"]
        command += ["--textfile", "/run/drift.prom"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.events: list[tuple[float, dict[str, object]]] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.events.append((time.monotonic(), json.loads(line)))

    def wait(self, count: int) -> float:
        """Until so many events are there; seconds that it took."""
        start = time.monotonic()
        while len(self.events) < count and time.monotonic() < start + PATIENCE:
            time.sleep(0.01)
        assert len(self.events) >= count, (count, self.events[-5:])
        return time.monotonic() - start

    def settled(self) -> None:
        """Longer than it looks by itself: what comes unasked has come."""
        time.sleep(0.5)


def inject(watcher: Watcher, batch: list[tuple[str, str, str]]) -> float:
    """Some drifts at once, and their mending: each is told once; seconds until all were told."""
    expected = {path for _, _, path in batch}
    expected |= {other for path in expected for other in ALONG.get(path, ())}
    took = 0.0
    for what, commands in (
        ("drift", [done for done, _, _ in batch]),
        ("mended", [mended for _, mended, _ in batch]),
    ):
        before = len(watcher.events)
        shell("; ".join(commands))
        took = took or watcher.wait(before + len(expected))
        watcher.wait(before + len(expected))
        watcher.settled()
        told = [event for _, event in watcher.events[before:]]
        assert sorted(str(item["path"]) for item in told) == sorted(expected), (commands, told)
        assert {item["event"] for item in told} == {what}, told
    return took


def trials(watcher: Watcher, count: int) -> tuple[int, list[float]]:
    """How many drifts were injected, and how long each of the first took to be told."""
    until = time.monotonic() + PATIENCE
    while not Path("/run/drift.prom").exists() and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(3)
    assert watcher.events == [], watcher.events
    injected, times = 0, []
    for number in range(KERNEL):
        times.append(inject(watcher, [DRIFTS[number]]))
        injected += 1
    while injected < count:
        for batch in (DRIFTS[::2], DRIFTS[1::2]):
            inject(watcher, batch)
            injected += len(batch)
            print(f"injected {injected}", flush=True)
    return injected, times


def main(count: int) -> None:
    Path("/run/site.yaml").write_text(DECLARED)
    Path("/run/inventory.py").write_text('hosts = [("@local", {"network": "/run/site.yaml"})]\n')
    deploy = [sys.executable, "-m", "pyinfra", "-y", "/run/inventory.py", "deploys/network.py"]
    subprocess.run(deploy, check=True, capture_output=True)
    watcher = Watcher()
    try:
        injected, times = trials(watcher, count)
        text = Path("/run/drift.prom").read_text()
        assert "netwright_drifts{" in text, text
        whole = at_rest(watcher)
        watcher.process.terminate()
        status = watcher.process.wait(timeout=30)
    finally:
        watcher.process.kill()
    times.sort()
    print(f"injected {injected}, told {injected}, exit status {status}")
    print(f"median {times[len(times) // 2]:.2f} s, slowest {times[-1]:.2f} s")
    print(f"private memory: {whole} kB")


if __name__ == "__main__":
    main(int(sys.argv[1]))
