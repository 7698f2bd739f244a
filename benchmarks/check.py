"""Whether a host is as W(n) or L(n) says: all tools have to do the same work."""

from __future__ import annotations

import subprocess
from collections import Counter

from benchmarks import pairs, workload
from benchmarks.contenders import Target
from benchmarks.measure import Stopped

__all__ = ["SCRIPT", "check", "check_pairs", "expected"]

SCRIPT = """
cd /run/netns && for name in w*; do
  address=$(ip -n "$name" -4 -o address show dev eth0 | awk '{print $4}')
  route=$(ip -n "$name" -4 route show default | awk '{print $3}')
  lo=$(ip -n "$name" -o link show dev lo up | grep -c LOOPBACK)
  values=$(ip netns exec "$name" sysctl -n NETNS_KEYS | tr '\\n' ' ')
  echo "netns $name $address $route $lo $values"
done
for path in /sys/class/net/BRIDGE/brif/*; do
  port=${path##*/}
  echo "port $port $(cat /sys/class/net/$port/mtu) $(cat "$path/hairpin_mode")"
done
iptables -S | sed -n 's/^-A \\(BENCH-.\\) .*/rule \\1/p'
sysctl HOST_KEYS | sed 's/^/parameter /'
"""


def expected(number: int, changed: bool) -> Counter[str]:
    """The lines that the script prints, in any order."""
    inside = " ".join(map(str, workload.NETNS_PARAMETERS.values()))
    lines: Counter[str] = Counter()
    for space in workload.spaces(number, changed):
        lines[f"netns {space.name} {space.address} {workload.GATEWAY} 1 {inside}"] += 1
        lines[f"port {space.port} {space.mtu} 1"] += 1
    lines.update(f"rule {chain}" for chain, _, _ in workload.rules(number))
    lines.update(f"parameter {key} = {value}" for key, value in workload.HOST_PARAMETERS.items())
    return lines


def check(target: Target, number: int, changed: bool) -> None:
    """Raises Stopped with the first differences."""
    text = SCRIPT.replace("NETNS_KEYS", " ".join(workload.NETNS_PARAMETERS))
    text = text.replace("HOST_KEYS", " ".join(workload.HOST_PARAMETERS))
    text = text.replace("BRIDGE", workload.BRIDGE)
    _compare(target, text, expected(number, changed), f"W({number})")


def check_pairs(target: Target, number: int, changed: bool) -> None:
    """The same for L(n)."""
    _compare(target, pairs.CHECK, Counter(pairs.expected(number, changed)), f"L({number})")


def _compare(target: Target, text: str, wanted: Counter[str], name: str) -> None:
    done = subprocess.run(target.ssh("sh"), input=text, capture_output=True, text=True, check=False)
    found = Counter(line.strip() for line in done.stdout.splitlines())
    left, more = wanted - found, found - wanted
    if left or more:
        what = f"lacks {list(left)[:2]}, has besides {list(more)[:2]}"
        raise Stopped(f"the host is not as {name} says: {what}")
