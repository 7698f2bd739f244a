"""Runs in a sandbox of its own: a host is made, adopted, emptied, and made again from what was
adopted; by sh itself, on the real kernel.

unshare --mount --net --fork python -m tests.commands.adopt_live scenarios
unshare --mount --net --fork python -m tests.commands.adopt_live COUNT PART
"""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from netwright import adopt_read, iptables_scratch, plan, run, snapshot
from netwright.adopt import adopt
from netwright.adopt_text import render
from netwright.operations.declared import settings as declared_by
from netwright.state import NetworkState, load
from tests.core.documents import documents
from tests.live.kernel import NAME, seen, shell
from tests.live.settled import settled

ROOT = Path(__file__).parents[2]
# The link that lab hosts have, so that what scenarios lead over it has a way.
UPLINK = """
ip link add name eth0 type veth peer name uplink
ip link set dev uplink up
ip link set dev eth0 up
ip address add {address}/24 dev eth0
"""
# In one shell for each namespace, and without `ip netns exec`, which copies every mount.
OTHER_EYES = """
set -e
iptables-save; ip6tables-save; ip rule
echo IN ANY ORDER
ipset save; ip neigh show nud permanent
cd /proc/sys/net
# 2: a secret that nobody has set can't be read.
grep -rsH '' ipv4/conf ipv6/conf ipv4/ip_forward || [ $? = 2 ]
"""


def told() -> tuple[Any, Any]:
    """The host by other means than ours."""
    return seen(), [line for name in ["", *sorted(os.listdir("/run/netns"))] for line in _in(name)]


def _in(netns: str) -> list[str]:
    there = ["nsenter", f"--net=/run/netns/{netns}"] if netns else []
    command = [*there, "sh", "-c", OTHER_EYES]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    tables, others = text.split("IN ANY ORDER\n")
    return [
        f"== {netns}",
        *(
            re.sub(r" \[.*", "", line)
            for line in tables.splitlines()
            # A table that nobody has filled is none.
            if not re.match(r"[#*]|COMMIT|:[A-Z]+ ACCEPT", line)
        ),
        *sorted(
            # The kernel's own seed is another for each set.
            re.sub(r" initval 0x[0-9a-f]*", "", line)
            for line in others.splitlines()
            if not re.search("stable_secret|/uplink/", line)
        ),
    ]


def read(declared: NetworkState) -> snapshot.Snapshot:
    rules = iptables_scratch.render(declared)
    return snapshot.parse(shell(snapshot.script(snapshot.reads(declared), run.files(NAME), rules)))


def converge(declared: NetworkState) -> None:
    before = read(declared)
    made = run.prepare(NAME, declared, before, keep=False)
    if made.plan:
        answer = run.answer(made, shell(made.script("adopt")))
        problems = run.outcome(made, before, answer)
        assert not problems, [str(problem) for problem in problems]


def adopted() -> NetworkState:
    """What the host is like, written down and read again."""
    first = subprocess.run(
        ["sh"], input=adopt_read.names_script(), capture_output=True, text=True, check=True
    )
    names, macs = adopt_read.names(first.stdout.splitlines())
    state, remarks = adopt_read.parse(shell(adopt_read.script(names)))
    return load(render("here", adopt(state, macs, remarks)))


def round_trip(declared: NetworkState) -> None:
    # As every host boots.
    subprocess.run(["ip", "link", "set", "dev", "lo", "up"], check=True)
    converge(declared)
    before = told()
    again = adopted()
    there = read(again)
    wanted = iptables_scratch.resolve(again, there.scratch)
    left = plan.plan(there.state, wanted)
    assert not left, [(step.path, step.before, step.after) for step in left]
    converge(load({}))
    assert told() != before or not declared.document()
    converge(again)
    after = told()
    for one, other in zip(before, after, strict=True):
        assert one == other, (
            [item for item in one if item not in other],
            [item for item in other if item not in one],
        )
    converge(load({}))


# What is said of a kind, of VLANs of a bridge, or of a module, that this kernel was built without.
LACKING = ("Unknown device type", "Operation not supported", "not found in directory /lib/modules")


def scenarios() -> None:
    """Each host of every inventory that this kernel can make; what it cannot is told."""
    os.environ["NETWRIGHT_LAB"] = "off"
    for path in sorted((ROOT / "inventories").glob("*.py")):
        # Hosts, or groups of them under other names.
        groups = [item for item in runpy.run_path(str(path)).values() if isinstance(item, list)]
        for host in (host for group in groups for host in group):
            name, data = host if isinstance(host, tuple) and len(host) == 2 else ("", None)
            found = declared_by(data, path.parent) if isinstance(data, dict) else None
            if found is None or not found.network.document():
                continue
            address = data["ssh_hostname"]
            subprocess.run(["sh", "-ec", UPLINK.format(address=address)], check=True)
            try:
                round_trip(found.network)
                print(f"scenario {path.stem}/{name}", flush=True)
            except AssertionError as error:
                if not any(words in str(error) for words in LACKING):
                    raise
                print(f"left out {path.stem}/{name}: {str(error)[:200]}", flush=True)
            subprocess.run(["ip", "link", "delete", "dev", "eth0"], check=True)


RULES = {
    "iptables": {
        "filter": {
            "INPUT": (
                "-i lo -j ACCEPT",
                "-s 192.0.2.0/25,198.51.100.7 -p tcp -m tcp --dport 22 -j ACCEPT",
                "-m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
                "-j WEB",
                "-p icmp --icmp-type echo-request -m limit --limit 5/sec -j ACCEPT",
                '-m set --match-set bad src -m comment --comment "who is bad" -j DROP',
            ),
            "FORWARD": ("-i br0 ! -o br0 -j ACCEPT", "-o br0 -j DROP", "! -s 10.0.0.0/8 -j WEB"),
            "WEB": ("-p tcp -m multiport --dports 80,443,8000:8080 -j ACCEPT", "-j RETURN"),
        },
        "nat": {
            "PREROUTING": (
                "-p tcp --dport 8080 -j DNAT --to-destination 10.0.0.2:80",
                "-p udp --dport 53 -m statistic --mode nth --every 2 --packet 0 -j REDIRECT",
            ),
            "POSTROUTING": (
                "-s 10.0.0.0/8 ! -d 10.0.0.0/8 -j MASQUERADE",
                "-j SNAT --to 192.0.2.1",
            ),
        },
        "mangle": {"FORWARD": ("-p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu",)},
    },
    "ip6tables": {
        "filter": {"INPUT": ("-i lo -j ACCEPT", "-p ipv6-icmp -j ACCEPT", "-s fe80::/10 -j DROP")}
    },
}
SETS = {"type": ("hash:ip", "hash:net"), "entries": ("192.0.2.9", "198.51.100.1", "203.0.113.77")}


# Kinds besides bridges and pairs that a kernel without any module has; each option is one of them.
KINDS: dict[str, dict[str, tuple[Any, ...]]] = {
    "ifb": {},
    "tun": {"owner": (1000,), "multi_queue": (True, False), "pi": (True,)},
    "tap": {"owner": (1000,), "group": (100,), "vnet_hdr": (True, False)},
    "macvlan": {"mode": ("bridge", "vepa", "private"), "bcqueuelen": (500, 1000)},
    "macvtap": {"mode": ("bridge", "vepa", "private")},
    "vxlan": {
        "local": ("192.0.2.1", "2001:db8::1"), "dstport": (4789, 8472), "ttl": (0, 8),
        "learning": (False, True), "ageing": (300, 60), "tos": (0, 16), "proxy": (True,),
    },
}  # fmt: skip
FDB = (
    {"mac": "00:00:00:00:00:00", "dst": "192.0.2.2"},
    {"mac": "00:00:00:00:00:00", "dst": "192.0.2.3", "port": 4790},
    {"mac": "02:00:00:00:00:77", "dst": "192.0.2.2", "vni": 7},
)
ETHERNET = {"tap", "macvlan", "macvtap", "vxlan"}


def _kinds(draw: st.DrawFn, space: dict[str, Any]) -> None:
    """Links of other kinds, with addresses and a route, on links that can carry them."""
    links = space.setdefault("links", {})
    parents = [name for name, link in links.items() if name != "lo" and not {"master"} & set(link)]
    bridges = [name for name, link in links.items() if link.get("kind") == "bridge"]
    for number, (kind, pool) in enumerate(KINDS.items()):
        if draw(st.booleans()) or (kind.startswith("macv") and not parents):
            continue
        names = draw(st.lists(st.sampled_from(sorted(pool)), unique=True)) if pool else ()
        options = {name: draw(st.sampled_from(pool[name])) for name in names}
        link: dict[str, Any] = {"kind": kind}
        if kind.startswith("macv"):
            options["link"] = draw(st.sampled_from(parents))
        if kind == "vxlan":
            options["id"] = draw(st.sampled_from((42, 0xFFFFFF)))
            if ":" not in options.get("local", ""):
                options["fdb"] = draw(st.lists(st.sampled_from(FDB), unique_by=str))
        link[kind] = options
        if kind in ETHERNET and draw(st.booleans()):
            link["mac"] = f"02:00:00:00:01:{number:02x}"
        if kind in ("tap", "vxlan") and bridges and draw(st.booleans()):
            link["master"] = draw(st.sampled_from(bridges))
        elif kind != "ifb" and draw(st.booleans()):
            link["addresses"] = [f"10.8.{number}.1/24", f"fd08:{number}::1/64"]
            route = {"dst": f"10.18.{number}.0/24", "via": f"10.8.{number}.9"}
            space.setdefault("routes", []).append(route)
        links[f"{kind}0"] = link


@st.composite
def hosts(draw: st.DrawFn, kinds: bool) -> dict[str, Any]:
    """A random declaration with random tables and a set, in each of its namespaces; with links of
    other kinds, which take a fifth longer, if asked for."""
    document = draw(documents())
    for space in (document, *document.get("netns", {}).values()):
        if kinds:
            _kinds(draw, space)
        if draw(st.booleans()):
            continue
        kind, entries = SETS.values()
        space["ipsets"] = {
            "bad": {
                "type": draw(st.sampled_from(kind)),
                "entries": draw(st.lists(st.sampled_from(entries), unique=True)),
            }
        }
        for tool, tables in RULES.items():
            space[tool] = {
                table: {chain: draw(_chain(chain, rules)) for chain, rules in chains.items()}
                for table, chains in tables.items()
            }
    return document


@st.composite
def _chain(draw: st.DrawFn, chain: str, rules: tuple[str, ...]) -> dict[str, Any]:
    # Any order, and some of them twice.
    drawn: dict[str, Any] = {"rules": draw(st.lists(st.sampled_from(rules), max_size=4))}
    if chain in ("INPUT", "FORWARD"):
        drawn["policy"] = draw(st.sampled_from(["ACCEPT", "DROP"]))
    return drawn


def random_states(count: int, part: int) -> None:
    """So many random hosts, other ones for each part."""
    tried = set[str]()

    @seed(part)
    @settings(
        max_examples=4 * count, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(hosts(kinds=part < 2))
    def try_one(document: dict[str, Any]) -> None:
        # Some come twice.
        if len(tried) < count and repr(document) not in tried:
            round_trip(load(settled(document)))
            tried.add(repr(document))

    try_one()
    print(f"random states {len(tried)}")


if __name__ == "__main__":
    if sys.argv[1] == "scenarios":
        scenarios()
    else:
        random_states(int(sys.argv[1]), int(sys.argv[2]))
