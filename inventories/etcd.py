"""An etcd cluster of three members with TLS: scenario S8. `pyinfra -y THIS_FILE deploys/etcd.py`

n0 198.18.202.10     n1 198.18.202.11     n2 198.18.202.12
"""

from netwright.lab import lab

etcd = (
    lab(
        __file__,
        subnet="198.18.202.0/24",
        hosts={"n0": {}, "n1": {}, "n2": {}},
        packages=("etcd-server", "etcd-client"),
    ),
    {"etcd": {"options": {"heartbeat-interval": 200, "election-timeout": 2000}}},
)
