"""W(n) by pyinfra's own operations, as its documentation suggests."""

import os

from pyinfra.operations import iptables, server

from benchmarks import workload

number = int(os.environ["WORKLOAD"])
changed = bool(os.environ.get("WORKLOAD_CHANGED"))

for key, value in workload.HOST_PARAMETERS.items():
    server.sysctl(key=key, value=value, persist=True, persist_file="/etc/sysctl.d/99-own.conf")

server.shell(
    commands=[
        f"ip link show {workload.BRIDGE} || ip link add {workload.BRIDGE} type bridge",
        f"ip address replace {workload.GATEWAY}/{workload.PREFIX} dev {workload.BRIDGE}",
        f"ip link set {workload.BRIDGE} up",
    ]
)
for space in workload.spaces(number, changed):
    inside = f"ip netns exec {space.name}"
    server.shell(
        commands=[
            f"test -e /run/netns/{space.name} || ip netns add {space.name}",
            f"ip link show {space.port} ||"
            f" ip link add {space.port} type veth peer name eth0 netns {space.name}",
            f"ip link set {space.port} mtu {space.mtu} master {workload.BRIDGE} up",
            f"ip link set {space.port} type bridge_slave hairpin on",
            f"ip -n {space.name} link set lo up",
            f"ip -n {space.name} address replace {space.address} dev eth0",
            f"ip -n {space.name} link set eth0 up",
            f"ip -n {space.name} route replace default via {workload.GATEWAY}",
            *(f"{inside} sysctl -qw {key}={value}"
              for key, value in workload.NETNS_PARAMETERS.items()),
        ]
    )  # fmt: skip
for chain in workload.CHAINS:
    iptables.chain(chain=chain)
for chain, source, port in workload.rules(number):
    iptables.rule(
        chain=chain, jump="ACCEPT", protocol="tcp", source=f"{source}/32", destination_port=port
    )
