"""Workloads on three hosts that reach each other by routes alone: S10, by `deploys/fabric.py`.

    f0 198.18.80.10      f1 198.18.80.11      f2 198.18.80.12
    block of 10.66.0.0/16 each; four workloads each: web, app, db, job

`web` may ask `app`, `app` may ask `db`; the rest of what is asked of them is dropped.
"""

from netwright.lab import lab

_WORKLOADS = {name: {"groups": [name]} for name in ("web", "app", "db", "job")}

fabric = (
    lab(
        __file__,
        subnet="198.18.80.0/24",
        hosts={"f0": {}, "f1": {}, "f2": {}},
        packages=("bird2",),
    ),
    {
        "fabric": {
            "pool": "10.66.0.0/16",
            "hold_time": 9,
            "hosts": {host: {"workloads": _WORKLOADS} for host in ("f0", "f1", "f2")},
            "policy": {
                "rules": [
                    {"action": "allow", "protocol": "icmp"},
                    {"action": "allow", "from": "web", "to": "app"},
                    {"action": "allow", "from": "app", "to": "db"},
                    {"action": "deny", "to": "app"},
                    {"action": "deny", "to": "db"},
                ]
            },
        }
    },
)
