"""Twenty ordinary INPUT rules, as each tool's users write them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["RULES", "Rule"]


@dataclass(frozen=True)
class Rule:
    """One rule: iptables' words, and the arguments of the two modules."""

    text: str
    ansible: dict[str, Any]
    pyinfra: dict[str, Any] = field(default_factory=dict)


def _port(port: int, protocol: str = "tcp", source: str | None = None) -> Rule:
    start = f"-s {source} " if source else ""
    own = {"source": source} if source else {}
    return Rule(
        f"{start}-p {protocol} --dport {port} -j ACCEPT",
        {**own, "protocol": protocol, "destination_port": str(port), "jump": "ACCEPT"},
        {**own, "protocol": protocol, "destination_port": port, "jump": "ACCEPT"},
    )


RULES = (
    Rule(
        "-i lo -j ACCEPT",
        {"in_interface": "lo", "jump": "ACCEPT"},
        {"in_interface": "lo", "jump": "ACCEPT"},
    ),
    Rule(
        "-m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
        {"ctstate": ["ESTABLISHED", "RELATED"], "jump": "ACCEPT"},
        {"jump": "ACCEPT", "extras": "-m conntrack --ctstate ESTABLISHED,RELATED"},
    ),
    _port(22),
    _port(443),
    _port(53, "udp"),
    _port(53),
    _port(123, "udp"),
    Rule(
        "-p tcp --dport http -j ACCEPT",
        {"protocol": "tcp", "destination_port": "http", "jump": "ACCEPT"},
        {"protocol": "tcp", "destination_port": "http", "jump": "ACCEPT"},
    ),
    Rule(
        "-p tcp -m multiport --dports 8080,8443 -j ACCEPT",
        {"protocol": "tcp", "destination_ports": ["8080", "8443"], "jump": "ACCEPT"},
        {"protocol": "tcp", "jump": "ACCEPT", "extras": "-m multiport --dports 8080,8443"},
    ),
    Rule(
        "-s 10.0.0.0/255.0.0.0 -p tcp --dport 5432 -j ACCEPT",
        {"source": "10.0.0.0/255.0.0.0", "protocol": "tcp", "destination_port": "5432",
         "jump": "ACCEPT"},
        {"source": "10.0.0.0/255.0.0.0", "protocol": "tcp", "destination_port": 5432,
         "jump": "ACCEPT"},
    ),
    _port(3306, source="192.0.2.0/24"),
    _port(6379, source="192.0.2.7/32"),
    _port(9100, source="198.51.100.0/24"),
    _port(161, "udp", source="198.51.100.0/24"),
    _port(25),
    _port(587),
    _port(993),
    Rule(
        "-p icmp -j ACCEPT",
        {"protocol": "icmp", "jump": "ACCEPT"},
        {"protocol": "icmp", "jump": "ACCEPT"},
    ),
    Rule(
        "-s 203.0.113.0/24 -j DROP",
        {"source": "203.0.113.0/24", "jump": "DROP"},
        {"source": "203.0.113.0/24", "jump": "DROP"},
    ),
    Rule(
        "-p tcp --dport 113 -j REJECT",
        {"protocol": "tcp", "destination_port": "113", "jump": "REJECT"},
        {"protocol": "tcp", "destination_port": 113, "jump": "REJECT"},
    ),
)  # fmt: skip
