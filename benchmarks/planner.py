"""The planner alone: from 100 to 100,000 things, each size in a process of its own."""

from __future__ import annotations

import gc
import json
import math
import resource
import subprocess
import sys
import time
from typing import Any

from benchmarks.contenders import ROOT

__all__ = ["SIZES", "exponent", "plans"]

SIZES = (100, 1_000, 10_000, 100_000)


def plans(sizes: tuple[int, ...] = SIZES) -> dict[int, tuple[float, float]]:
    """Things -> seconds of a plan from nothing, and the process's memory in MB."""
    found = {}
    for size in sizes:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.planner", str(size)],
            cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        seconds, memory = json.loads(done.stdout)
        found[size] = seconds, memory
    return found


def exponent(found: dict[int, tuple[float, float]]) -> float:
    """How the seconds grow with the size: 1 is linear. From 1,000 things on, by least squares."""
    points = [(math.log(size), math.log(item[0])) for size, item in found.items() if size >= 1000]
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    above = sum((x - mean_x) * (y - mean_y) for x, y in points)
    return above / sum((x - mean_x) ** 2 for x, _ in points)


def _things(number: int) -> dict[str, Any]:
    """Links with their addresses, routes and parameters: a thing each."""
    links, routes, sysctl = {}, [], {}
    for index in range(number // 4):
        name, net = f"v{index}", f"10.{index // 65536}.{index // 256 % 256}.{index % 256}"
        peer = {"name": f"e{index}"}
        links[name] = {"kind": "veth", "veth": {"peer": peer}, "addresses": [f"{net}/32"]}
        routes.append({"dst": f"172.{16 + index // 65536}.{index // 256 % 256}.{index % 256}/32",
                       "dev": name})  # fmt: skip
        sysctl[f"net/ipv4/conf/{name}/proxy_arp"] = 1
    return {"links": links, "routes": routes, "sysctl": sysctl}


def main() -> None:
    """Plan once; print seconds and MB."""
    from netwright.plan import plan
    from netwright.state import load

    # As deploys/network.py does.
    gc.set_threshold(100_000)
    current, desired = load({}), load(_things(int(sys.argv[1])))
    started = time.process_time()
    assert plan(current, desired)
    seconds = time.process_time() - started
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(json.dumps([seconds, memory]))


if __name__ == "__main__":
    main()
