"""W(n) as an Ansible playbook of ansible-core's own modules."""

from __future__ import annotations

from typing import Any

import yaml

from benchmarks import workload

__all__ = ["playbook"]

_FILE = "/etc/sysctl.d/99-ansible.conf"
_PARAMETER = (
    "grep -qsx '{{ item }}' " + _FILE + " && exit 0;"
    " echo '{{ item }}' >> " + _FILE + "; sysctl -qw '{{ item }}'; echo changed"
)


def playbook(number: int, changed: bool) -> str:
    """The text of the playbook."""
    spaces = [vars_of(space) for space in workload.spaces(number, changed)]
    tasks = [*_host(), *(_each(spaces, *item) for item in _INSIDE), *_tables(number)]
    return yaml.safe_dump([{"hosts": "all", "gather_facts": False, "tasks": tasks}])


def vars_of(space: workload.Space) -> dict[str, Any]:
    return {"name": space.name, "port": space.port, "address": space.address, "mtu": space.mtu}


def _host() -> list[dict[str, Any]]:
    bridge, address = workload.BRIDGE, f"{workload.GATEWAY}/{workload.PREFIX}"
    return [
        {
            "name": "parameters of the host",
            "ansible.builtin.shell": _PARAMETER,
            "loop": [f"{key}={value}" for key, value in workload.HOST_PARAMETERS.items()],
            "register": "result",
            "changed_when": "'changed' in result.stdout",
        },
        {
            "name": "the bridge",
            "ansible.builtin.command": {
                "cmd": f"ip link add {bridge} type bridge", "creates": f"/sys/class/net/{bridge}"
            },
        },
        {
            "name": "its address",
            "ansible.builtin.shell":
                f"ip address replace {address} dev {bridge}; ip link set {bridge} up",
            "changed_when": False,
        },
    ]  # fmt: skip


def _each(
    spaces: list[dict[str, Any]], name: str, command: str, creates: str = ""
) -> dict[str, Any]:
    task: dict[str, Any] = {"name": name, "loop": spaces}
    if creates:
        task["ansible.builtin.command"] = {"cmd": command, "creates": creates}
    else:
        task |= {"ansible.builtin.command": command, "changed_when": False}
    return task


_INSIDE = (
    ("namespaces", "ip netns add {{ item.name }}", "/run/netns/{{ item.name }}"),
    (
        "veths",
        "ip link add {{ item.port }} type veth peer name eth0 netns {{ item.name }}",
        "/sys/class/net/{{ item.port }}",
    ),
    (
        "ports",
        "ip link set {{ item.port }} mtu {{ item.mtu }} master " + workload.BRIDGE + " up",
    ),
    ("hairpin", "ip link set {{ item.port }} type bridge_slave hairpin on"),
    ("loopbacks", "ip -n {{ item.name }} link set lo up"),
    ("addresses", "ip -n {{ item.name }} address replace {{ item.address }} dev eth0"),
    ("links inside", "ip -n {{ item.name }} link set eth0 up"),
    (
        "default routes",
        "ip -n {{ item.name }} route replace default via " + workload.GATEWAY,
    ),
    (
        "parameters inside",
        "ip netns exec {{ item.name }} sysctl -qw "
        + " ".join(f"{key}={value}" for key, value in workload.NETNS_PARAMETERS.items()),
    ),
)


def _tables(number: int) -> list[dict[str, Any]]:
    return [
        {
            "name": "chains",
            "ansible.builtin.iptables": {"chain": "{{ item }}", "chain_management": True},
            "loop": list(workload.CHAINS),
        },
        {
            "name": "rules",
            "ansible.builtin.iptables": {
                "chain": "{{ item.chain }}", "protocol": "tcp", "jump": "ACCEPT",
                "source": "{{ item.source }}/32", "destination_port": "{{ item.port }}",
            },
            "loop": [
                {"chain": chain, "source": source, "port": str(port)}
                for chain, source, port in workload.rules(number)
            ],
        },
    ]  # fmt: skip
