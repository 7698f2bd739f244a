"""A notebook server in a namespace, behind port 8888 of its host: S11, in two ways.

    pyinfra -y inventories/notebook.py deploys/network.py deploys/notebook.py

On `dnat` a rule translates, on `proxy` configurable-http-proxy is in front; `outside` asks both.
"""

from netwright.lab import lab

_INSIDE = "172.31.0.2"
_HOSTS = {"dnat": "198.18.206.10", "proxy": "198.18.206.11"}


def _host(name):
    network = {
        "sysctl": {"net.ipv4.ip_forward": 1},
        "links": {
            "nbr0": {
                "kind": "bridge",
                "bridge": {"stp_state": False},
                "addresses": ["172.31.0.1/24"],
            },
            "nb0": {
                "kind": "veth",
                "veth": {"peer": {"name": "eth0", "netns": "nb"}},
                "master": "nbr0",
            },
        },
        "netns": {
            "nb": {
                "links": {"lo": {}, "eth0": {"addresses": [f"{_INSIDE}/24"]}},
                "routes": [{"dst": "default", "via": "172.31.0.1"}],
            }
        },
        "checks": [{"from": "host", "tcp": f"{_INSIDE}:8888"}],
    }
    if name == "dnat":
        rule = f"-d {_HOSTS[name]} -p tcp --dport 8888 -j DNAT --to-destination {_INSIDE}:8888"
        network["iptables"] = {"nat": {"PREROUTING": [rule]}}
    return {
        "network": network,
        "notebook": {"by": name, "netns": "nb", "address": _INSIDE, "token": "a-token"},
    }


notebook = lab(
    __file__,
    subnet="198.18.206.0/24",
    hosts={
        **{name: _host(name) for name in _HOSTS},
        "outside": {
            "network": {
                "checks": [
                    {"from": "host", "http": f"http://{address}:8888/tree?token=a-token"}
                    for address in _HOSTS.values()
                ]
            }
        },
    },
    packages=("jupyter-notebook", "node-configurable-http-proxy"),
)
