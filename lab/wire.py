"""The lab's cables, by pyroute2: a switch in a namespace of its own, one link to the machine.

The switch is not on the machine itself because there br_netfilter would send what hosts say to
each other through the machine's FORWARD chain, which Docker and others set to DROP. In a namespace
of its own the machine sees one link for each lab and nothing else.
"""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Network, IPv6Network, ip_interface
from pathlib import Path
from typing import Any

from netwright.lab import places
from netwright.lab.spec import HostSpec, LabError, LabSpec, LinkSpec, overlap

__all__ = ["check_free", "foreign_networks", "make_switch", "plug", "plug_machine"]
__all__ += ["remove_switch", "unplug"]

NODAD = 0x02  # IFA_F_NODAD: addresses are ours alone, nobody waits for them to be checked
MAIN = 254


def _netlink() -> Any:
    # Here, since every inventory imports this module and few of them plug anything: it takes long.
    from pyroute2 import IPRoute

    # pyroute2 has no types; its requests are checked where they are answered, by the kernel.
    return IPRoute()  # type: ignore[no-untyped-call]


@contextmanager
def _inside(netns: Path) -> Iterator[None]:
    """Do something in another network namespace; sockets opened there stay there."""
    from pyroute2.netns import setns

    here = os.open("/proc/self/ns/net", os.O_RDONLY)
    there = os.open(netns, os.O_RDONLY)
    try:
        setns(there)
        yield
    finally:
        setns(here)
        os.close(there)
        os.close(here)


def make_switch(lab: LabSpec, switch: Path) -> None:
    """Make the lab's switch and plug the machine in; what is left of an earlier one goes first.

    Args:
        lab: names the link and gives the machine's addresses.
        switch: the file by which the switch's namespace is held.
    """
    remove_switch(lab.name, switch)
    link = places.link(lab.name)
    switch.touch()
    subprocess.run(["unshare", f"--net={switch}", "true"], check=True)
    with switch.open() as netns, _netlink() as machine:
        machine.link(
            "add",
            ifname=link,
            kind="veth",
            peer={"ifname": "machine", "net_ns_fd": netns.fileno()},
        )
        _configure(machine, link, lab.machine_addresses)
    with _inside(switch), _netlink() as there:
        # A plain wire with many ends: no filtering of multicast groups that nobody asked for.
        there.link("add", ifname="lab", kind="bridge", br_mcast_snooping=0, br_forward_delay=0)
        _set(there, "lab", state="up")
        _set(there, "machine", master=_index(there, "lab"), state="up")
    places.wired(lab.name).touch()


def remove_switch(name: str, switch: Path) -> None:
    """Remove the switch and the machine's link; what is not there is no error."""
    places.wired(name).unlink(missing_ok=True)
    with _netlink() as machine:
        _delete(machine, places.link(name))
    while os.path.ismount(switch):
        subprocess.run(["umount", str(switch)], check=True)
    switch.unlink(missing_ok=True)


def plug(host: HostSpec, switch: Path, netns: Path) -> None:
    """Give a host that is about to boot its links, with addresses and default routes.

    Args:
        host: its links.
        switch: the namespace of the lab's switch.
        netns: the host's own namespace, empty.
    """
    for link in host.links:
        port = places.port(host.index, link.ifname)
        with netns.open() as inside, _inside(switch), _netlink() as there:
            # The namespace of the last boot, and this link with it, goes some time after its last
            # process: it may be there, or go at this moment.
            _delete(there, port)
            there.link(
                "add",
                ifname=port,
                kind="veth",
                peer={
                    "ifname": link.ifname,
                    "address": link.mac,
                    "net_ns_fd": inside.fileno(),
                },
            )
            _set(there, port, master=_index(there, link.network), state="up")
        with _inside(netns), _netlink() as there:
            _set(there, "lo", state="up")
            _configure(there, link.ifname, link.addresses)
            _default_routes(there, link)


def plug_machine(host: HostSpec, switch: Path) -> None:
    """Make the ports for a virtual machine that is about to boot; it configures its own ends.

    Args:
        host: its links.
        switch: the namespace of the lab's switch; qemu runs in it.
    """
    with _inside(switch), _netlink() as there:
        for link in host.links:
            port = places.port(host.index, link.ifname)
            if not there.link_lookup(ifname=port):
                there.link("add", ifname=port, kind="tuntap", mode="tap")
            _set(there, port, master=_index(there, link.network), state="up")


def unplug(host: HostSpec, switch: Path) -> None:
    """Remove the host's ports, also when they or the switch are not there."""
    if os.path.ismount(switch):
        with _inside(switch), _netlink() as there:
            for link in host.links:
                _delete(there, places.port(host.index, link.ifname))


def foreign_networks(own: str) -> list[tuple[str, IPv4Network | IPv6Network]]:
    """The machine's networks and where they are, but for those of one link.

    Args:
        own: the link to leave out.
    """
    with _netlink() as machine:
        names = {link["index"]: link.get_attr("IFLA_IFNAME") for link in machine.get_links()}
        found = [
            (
                f"link {names[address['index']]} of this machine",
                ip_interface(f"{address.get_attr('IFA_ADDRESS')}/{address['prefixlen']}").network,
            )
            for address in machine.get_addr()
            if names[address["index"]] != own
        ]
        for route in machine.get_routes(table=MAIN):
            target, name = route.get_attr("RTA_DST"), names.get(route.get_attr("RTA_OIF"))
            if target and name != own:
                network = ip_interface(f"{target}/{route['dst_len']}").network
                found.append((f"a route of this machine over {name}", network))
        return found


def check_free(lab: LabSpec, others: list[tuple[str, IPv4Network | IPv6Network]]) -> None:
    """Refuse a lab whose network is somebody else's.

    Raises:
        LabError: naming both.
    """
    clash = overlap(lab.subnet, [*others, *foreign_networks(places.link(lab.name))])
    if clash:
        raise LabError(f"lab {lab.name}: subnet {lab.subnet} overlaps {clash[1]} of {clash[0]}")


def _configure(there: Any, ifname: str, addresses: tuple[str, ...]) -> None:
    index = _index(there, ifname)
    for address in addresses:
        interface = ip_interface(address)
        there.addr(
            "add",
            index=index,
            address=str(interface.ip),
            prefixlen=interface.network.prefixlen,
            flags=NODAD,
        )
    there.link("set", index=index, state="up")


def _default_routes(there: Any, link: LinkSpec) -> None:
    for gateway in link.gateways:
        family = ip_interface(gateway).version
        there.route(
            "add",
            dst="0.0.0.0/0" if family == 4 else "::/0",
            gateway=gateway,
            oif=_index(there, link.ifname),
        )


def _delete(there: Any, ifname: str) -> None:
    from pyroute2.netlink.exceptions import NetlinkError

    for index in there.link_lookup(ifname=ifname):
        try:
            there.link("del", index=index)
        except NetlinkError as error:
            if error.code != errno.ENODEV:
                raise


def _index(there: Any, ifname: str) -> int:
    (index,) = there.link_lookup(ifname=ifname)
    return int(index)


def _set(there: Any, ifname: str, **values: int | str) -> None:
    there.link("set", index=_index(there, ifname), **values)
