"""Captures what real hosts print for `explain`, for tests that need none:

    python -m tests.commands.explain_capture

Of the kernel's counters those of UDP are kept; the others are long and not read.
"""

from __future__ import annotations

import re
from pathlib import Path

from netwright.commands.explain_hosts import traced
from netwright.explain_shell import Question
from tests.commands.test_explain import BRIDGE, CHAIN, NETWORK, B, in_turn
from tests.iptables.host import Host

FOLDER = Path(__file__).parent / "explain"
NAT = """
iptables -t nat -A PREROUTING -i va -p tcp --dport 8080 -j DNAT --to 198.18.96.2:80
iptables -t nat -A POSTROUTING -o vb -j MASQUERADE
"""
CASES = {
    "dropped": (CHAIN.replace("TARGET", "DROP"), Question("a", B, "tcp", 80)),
    "nat": (NAT, Question("a", "198.18.95.1", "tcp", 8080)),
    "hairpin": (BRIDGE, Question("a", "198.18.97.1", "tcp", 8080)),
    "bridged": (
        f"{BRIDGE}\niptables -A FORWARD -p tcp --dport 80 -j DROP",
        Question("a", B, "tcp", 80),
    ),
    "answer6": ("ip6tables -A FORWARD -i vb -j DROP", Question("a", "fd96::2")),
}
_COUNTERS = re.compile(
    r"^(\w+Ext|Ip|Icmp|IcmpMsg|Tcp|UdpLite): .*\n|^(Icmp|Ip|UdpLite)6\w+\s+\d+\n", re.M
)


def capture(name: str) -> None:
    """Writes the output of each script of one case."""
    setup, question = CASES[name]
    printed = []
    with Host("nft") as host:
        host.sh(NETWORK + setup)

        def run(script: str) -> str:
            printed.append(_COUNTERS.sub("", host.run(script).stdout))
            return printed[-1]

        traced({"h": run}, question, in_turn)
        host.sh("for i in host a b; do ip netns pids $i 2> /run/none | xargs -r kill; done")
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{name}.txt").write_text("\f\n".join(printed))


if __name__ == "__main__":
    for case in CASES:
        capture(case)
