"""The inventory of a fleet: FLEET light hosts, which are as many names of the one lab host.

Each has a network of its own under a `network_name` of its own, its own connection and its own run.
FLEET_SLOW is a shell of the lab host's: that of the first one.
"""

import os

from benchmarks.bench_host import hosts as _bench

_DATA = _bench[0][1]


def _network(index):
    """A pair into a namespace, its addresses, and a route."""
    return {
        "links": {
            f"p{index}": {
                "kind": "veth",
                "veth": {"peer": {"name": "eth0", "netns": f"w{index}"}},
                "addresses": [f"10.9.{index}.1/24"],
            }
        },
        "netns": {
            f"w{index}": {
                "links": {"lo": {}, "eth0": {"addresses": [f"10.9.{index}.2/24"]}},
                "routes": [{"dst": "default", "via": f"10.9.{index}.1"}],
            }
        },
    }


hosts = [
    (f"f{index}", {**_DATA, "network": _network(index), "network_name": f"fleet{index}"})
    for index in range(int(os.environ.get("FLEET", "1")))
]
if "FLEET_SLOW" in os.environ:
    hosts[0][1]["_shell_executable"] = os.environ["FLEET_SLOW"]
