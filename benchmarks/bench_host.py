"""The lab host on which all is measured; also the inventory of pyinfra's runs.

W(n) comes from the environment: WORKLOAD is n, WORKLOAD_CHANGED says that one thing is different,
WORKLOAD_PAIRS that L(n) is meant. BENCH_DATA, JSON, is the host's data in its place. BENCH_HOST,
JSON, is how the host that is there is reached: then nobody looks after the lab, as with real hosts.
"""

import json
import os

from benchmarks import pairs, workload

_MAKE = pairs.declaration if os.environ.get("WORKLOAD_PAIRS") else workload.declaration
_NUMBER = int(os.environ.get("WORKLOAD", "0"))
_NETWORK = _MAKE(_NUMBER, bool(os.environ.get("WORKLOAD_CHANGED")))
_DATA = json.loads(os.environ.get("BENCH_DATA", "null")) or {"network": _NETWORK}

# No commit-confirm: the others have none either.
_DATA = {"confirm": 0, **_DATA}
if "BENCH_HOST" in os.environ:
    hosts = [("bench", {**json.loads(os.environ["BENCH_HOST"]), **_DATA})]
else:
    from netwright.lab import lab

    hosts = lab(
        __file__,
        name="bench",
        subnet="198.18.250.0/24",
        hosts={"bench": _DATA},
        packages=["python3", "ifupdown2", "bridge-utils"],
    )
