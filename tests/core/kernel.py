"""A small fake kernel: it takes the commands of a plan as the real one would, with what happens
along. `tests/live/test_kernel.py` runs the same commands on both.

Sources: net/ipv4/devinet.c, net/ipv4/fib_frontend.c, net/ipv6/addrconf.c, net/core/neighbour.c,
net/core/fib_rules.c, net/bridge/br_if.c, and trying. Not modelled: IPv6 link-local addresses,
duplicate address detection, carrier, promotion of secondary addresses.
"""

from __future__ import annotations

import fnmatch
import ipaddress
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from netwright import ipvs, script
from netwright.file import LINK
from netwright.links.bridge import Bridge
from netwright.links.link import SeenLink
from netwright.links.options import _spelling
from netwright.links.port import FRESH, Port
from netwright.links.veth import Peer, Veth
from netwright.model import HOST
from netwright.neighbour import Neighbour
from netwright.rule import Rule
from netwright.snapshot import DIRECTORY, Snapshot, reads
from netwright.state import Namespace, NetworkState
from netwright.step import Command, Plan
from tests.core.fib import KernelError, Routes, parse

__all__ = ["Host", "KernelError", "program"]

CONF = {
    "ipv4": {"rp_filter": "0", "proxy_arp": "0", "arp_ignore": "0", "accept_local": "0",
             "forwarding": "0", "accept_redirects": "1"},
    "ipv6": {"accept_ra": "1", "disable_ipv6": "0", "forwarding": "0"},
}  # fmt: skip
WAITS = ("settle", "dad")
"""Tools that change nothing."""
LOOPBACK = ("127.0.0.1/8", "::1/128")


class Device:
    """A link."""

    def __init__(self, space: Space, name: str, kind: str | None, mac: str, index: int) -> None:
        self.space, self.name, self.kind, self.mac, self.index = space, name, kind, mac, index
        self.up = self.promisc = self.mac_set = self.mtu_set = False
        self.mtu, self.txqueuelen = (65536 if kind is None else 1500), 1000
        self.addresses: list[str] = []
        self.master: Device | None = None
        self.port: dict[str, Any] = {}
        self.options: dict[str, Any] = dict(Bridge.DEFAULTS) if kind == "bridge" else {}
        self.peer: Device | None = None
        self.conf = {family: dict(space.conf[family]["default"]) for family in CONF}
        self.pinned: set[str] = set()

    def without_ipv6(self) -> bool:
        return self.conf["ipv6"]["disable_ipv6"] == "1" or self.mtu < 1280

    def ports(self) -> list[Device]:
        return [item for item in self.space.devices.values() if item.master is self]

    # Addresses

    def replace_address(self, text: str) -> None:
        if ":" in text and self.without_ipv6():
            raise KernelError("ipv6: IPv6 is disabled on this device.")
        bare = text.partition("/")[0]
        if ":" in text and any(item.partition("/")[0] == bare for item in self.addresses):
            return  # another prefix length is not looked at
        if text in self.addresses:
            return
        secondary = any(_same_subnet(text, item) for item in self.addresses)
        self.addresses.append(text)
        self.pinned |= set() if ":" in text else set(self.conf["ipv4"])
        if not secondary:
            self.space.routes.connected(self, text)

    def delete_address(self, text: str) -> None:
        if text not in self.addresses:
            raise KernelError("Address not found.")
        first = next((item for item in self.addresses if _same_subnet(text, item)), text)
        goes = [item for item in self.addresses if _same_subnet(text, item) and text == first]
        for item in reversed(goes or [text]):
            self.addresses.remove(item)
            self.space.routes.disconnected(self, item, self.addresses)
        if ":" not in text and not self._of("inet"):
            self.space.routes.drop(self, "inet")
            self.space.flush(self, "inet")

    def _of(self, family: str) -> list[str]:
        return [item for item in self.addresses if (":" in item) == (family == "inet6")]

    def lose_ipv6(self) -> None:
        for text in self._of("inet6"):
            self.addresses.remove(text)
            self.space.routes.disconnected(self, text, self.addresses)
        self.space.routes.drop(self, "inet6")
        self.space.flush(self, "inet6")

    def write(self, family: str, parameter: str, value: str) -> None:
        was, self.conf[family][parameter] = self.conf[family][parameter], value
        if family == "ipv4":
            self.pinned.add(parameter)
        elif parameter == "disable_ipv6" and value != was:
            if value == "1":
                self.lose_ipv6()
            elif self.name == "lo" and self.up:
                self.replace_address(LOOPBACK[1])

    # What `ip link set` sets

    def set_up(self) -> None:
        if self.up:
            return
        self.up = True
        if self.name == "lo":
            if not self._of("inet"):
                self.replace_address(LOOPBACK[0])
            if not self.without_ipv6():
                self.replace_address(LOOPBACK[1])
        for text in self.addresses:
            if not any(_same_subnet(text, item) for item in self._before(text)):
                self.space.routes.connected(self, text)

    def _before(self, text: str) -> list[str]:
        return self.addresses[: self.addresses.index(text)]

    def set_down(self) -> None:
        if self.up:
            self.up = False
            self.lose_ipv6()
            self.space.routes.drop(self)
            self.space.flush(self)

    def set_mtu(self, value: int, by_user: bool = True) -> None:
        if value == self.mtu:
            return
        self.mtu = value
        self.mtu_set = by_user and self.kind == "bridge"
        if value < 1280:
            self.lose_ipv6()
        if self.master is not None:
            self.master.take_from_ports()

    def set_mac(self, value: str, by_user: bool = True) -> None:
        self.mac, self.mac_set = value, self.mac_set or by_user
        self.space.flush(self, permanent=True)
        if self.master is not None:
            self.master.take_from_ports()

    def set_master(self, master: Device | None) -> None:
        if master is not None and self.kind == "bridge":
            raise KernelError("Can not enslave a bridge to a bridge.")
        if master is self.master:
            return
        old, self.master = self.master, master
        self.port = {} if master is None else FRESH.given()
        for bridge in (old, master):
            if bridge is not None:
                bridge.take_from_ports()

    def take_from_ports(self) -> None:
        """A bridge's MTU and MAC address follow its ports until somebody sets them."""
        ports = self.ports()
        if not self.mtu_set:
            self.set_mtu(min((item.mtu for item in ports), default=1500), by_user=False)
        mac = min((item.mac for item in ports), default="00:00:00:00:00:00")
        if not self.mac_set and mac != self.mac:
            self.set_mac(mac, by_user=False)

    def set_options(self, words: list[str]) -> None:
        kind, words = words[0], words[1:]
        if kind == "bridge_slave":
            if self.master is None:
                raise KernelError("Operation not supported")
            self.port |= _options(Port, words)
        else:
            assert kind == self.kind
            self.options |= _options(Bridge, words)

    def vanish(self) -> None:
        """Unregistered, with the other end of its pair."""
        if self.name not in self.space.devices:
            return
        del self.space.devices[self.name]
        self.up = False
        for port in [item for item in self.space.devices.values() if item.master is self]:
            port.set_master(None)
        for text in list(self.addresses):
            self.addresses.remove(text)
            self.space.routes.disconnected(self, text, self.addresses)
        self.space.routes.drop(self)
        self.space.flush(self)
        if self.master is not None:
            self.master.take_from_ports()
        if self.peer is not None:
            self.peer.vanish()

    def shown(self) -> SeenLink:
        own = [item for item in self.addresses if self.name == "lo" and item in LOOPBACK]
        kept = [item for item in self.addresses if item not in own]
        fields: dict[str, Any] = {}
        if self.kind == "bridge":
            fields["bridge"] = Bridge.model_construct(**self.options)
        if self.peer is not None:
            peer = Peer.model_construct(name=self.peer.name, netns=self.peer.space.name)
            fields["veth"] = Veth.model_construct(peer=peer)
        if self.master is not None:
            fields["port"] = Port.model_construct(**self.port)
        return SeenLink.model_construct(
            kind=self.kind, state="up" if self.up else "down", mtu=self.mtu, mac=self.mac,
            promisc=self.promisc, txqueuelen=self.txqueuelen, addresses=tuple(kept),
            master=self.master.name if self.master is not None else "", index=self.index,
            dynamic=tuple(own), **fields,
        )  # fmt: skip


def _same_subnet(one: str, other: str) -> bool:
    return ":" not in one + other and (
        ipaddress.ip_interface(one).network == ipaddress.ip_interface(other).network
    )


def _options(kind: type[Bridge] | type[Port], words: list[str]) -> dict[str, Any]:
    """The words of `ip link set ... type KIND`, the way back from `Options.arguments`."""
    by_word = {ip.arg or name: (name, ip, flag) for name, (ip, flag) in _spelling(kind).items()}
    found: dict[str, Any] = {}
    for word, text in zip(words[::2], words[1::2], strict=True):
        name, ip, is_flag = by_word[word]
        value: Any = text in ("1", "on") if is_flag else text
        if not is_flag and text.isdigit():
            value = int(text) // ip.scale
        found[name] = value
    return found


class Space:
    """A network namespace."""

    def __init__(self, host: Host, name: str) -> None:
        self.host, self.name = host, name
        self.conf = {
            family: {"all": dict(values), "default": dict(values)}
            for family, values in CONF.items()
        }
        self.single = {"net/ipv4/ip_nonlocal_bind": "0"}
        self.devices: dict[str, Device] = {}
        self.routes = Routes(self)
        self.rules: list[Rule] = []
        self.neighbours: dict[Any, Neighbour] = {}
        self.services: dict[str, tuple[str, dict[str, str]]] = {}
        self.devices["lo"] = Device(self, "lo", None, "00:00:00:00:00:00", 1)

    def bare_addresses(self) -> set[str]:
        return {text.partition("/")[0] for item in self.devices.values() for text in item.addresses}

    def device(self, name: str) -> Device:
        if name not in self.devices:
            raise KernelError(f'Cannot find device "{name}"')
        return self.devices[name]

    def make(self, name: str, kind: str) -> Device:
        if name in self.devices:
            raise KernelError("File exists")
        self.devices[name] = Device(self, name, kind, self.host.new_mac(), self.host.new_index())
        return self.devices[name]

    def flush(self, device: Device, family: str | None = None, permanent: bool = False) -> None:
        """Neighbours of a device; `permanent` leaves the proxies."""
        for key, item in list(self.neighbours.items()):
            ours = item.dev == device.name and not (permanent and item.proxy)
            if ours and family in (None, "inet6" if ":" in item.dst else "inet"):
                del self.neighbours[key]

    # Parameters

    def parameters(self) -> dict[str, str]:
        found = {**self.single, "net/ipv4/ip_forward": self.conf["ipv4"]["all"]["forwarding"]}
        for family in CONF:
            places = dict(self.conf[family])
            places |= {
                name: item.conf[family]
                for name, item in self.devices.items()
                if family == "ipv4" or item.mtu >= 1280
            }
            for name, values in places.items():
                found |= {f"net/{family}/conf/{name}/{key}": value for key, value in values.items()}
        return found

    def write(self, key: str, value: str) -> None:
        if key not in self.parameters():
            raise KernelError(f"/proc/sys/{key}: No such file or directory")
        if key in self.single:
            self.single[key] = value
        elif key == "net/ipv4/ip_forward":
            self._write_conf("ipv4", "all", "forwarding", value)
        else:
            _, family, _, name, parameter = key.split("/")
            self._write_conf(family, name, parameter, value)

    def _write_conf(self, family: str, name: str, parameter: str, value: str) -> None:
        if name in self.devices:
            self.devices[name].write(family, parameter, value)
            return
        shared = self.conf[family]
        was, shared[name][parameter] = shared[name][parameter], value
        if (name, parameter) == ("all", "forwarding") and value != was:
            shared["default"]["forwarding"] = value
            for device in self.devices.values():
                device.conf[family]["forwarding"] = value
            if family == "ipv4":
                shared["all"]["accept_redirects"] = "0" if value == "1" else "1"
        elif (name, family) == ("default", "ipv4"):
            for device in self.devices.values():
                if parameter not in device.pinned:
                    device.conf[family][parameter] = value

    # Rules

    def add_rule(self, rule: Rule) -> None:
        if any(_compared(rule, item) and _exactly(rule, item) for item in self.rules):
            raise KernelError("File exists")
        self.rules.append(rule)

    def delete_rule(self, rule: Rule) -> None:
        for item in sorted(self.rules, key=lambda item: item.priority):
            if _compared(rule, item) and _at_least(rule, item):
                self.rules.remove(item)
                return
        raise KernelError("No such file or directory")

    def shown(self) -> Namespace:
        rules = sorted(self.rules, key=lambda item: item.priority)
        return Namespace.model_construct(
            links={name: item.shown() for name, item in self.devices.items()},
            routes=self.routes.shown(),
            rules=tuple(rules),
            neighbours=tuple(self.neighbours.values()),
            ipvs=ipvs.parse(self.listed()),
        )

    # Services: what ipvsadm does, as it lists them itself

    def listed(self) -> list[str]:
        lines = []
        for which, (how, servers) in self.services.items():
            lines.append(f"-A {which} {how}")
            lines += [f"-a {which} -r {server} {way}" for server, way in servers.items()]
        return lines

    def serve(self, line: str) -> None:
        verb, rest = line.split(" ", 1)
        which, _, how = rest.partition(" -s ")
        which, _, server = which.partition(" -r ")
        if verb == "-A" and which not in self.services:
            self.services[which] = (f"-s {how}", {})
            return
        if which not in self.services or verb == "-A":
            raise KernelError("Service already exists" if verb == "-A" else "No such service")
        _, servers = self.services[which]
        address, _, way = server.partition(" ")
        if verb == "-E":
            self.services[which] = (f"-s {how}", servers)
        elif verb == "-D":
            del self.services[which]
        elif (verb == "-a") == (address in servers):
            raise KernelError("Destination already exists, or no such one")
        elif verb == "-d":
            del servers[address]
        else:
            servers[address] = way


def _compared(rule: Rule, item: Rule) -> bool:
    """What both finding and adding compare: prefixes only where the new rule has one."""
    return (
        rule.family == item.family
        and rule.priority == item.priority
        and (rule.table, rule.type) == (item.table, item.type)
        and rule.from_ in (None, item.from_)
        and rule.to in (None, item.to)
    )


def _exactly(rule: Rule, item: Rule) -> bool:
    return (rule.iif, rule.oif, rule.fwmark) == (item.iif, item.oif, item.fwmark)


def _at_least(rule: Rule, item: Rule) -> bool:
    return all(
        getattr(rule, name) in (None, getattr(item, name)) for name in ("iif", "oif", "fwmark")
    )


class Host:
    """A whole host: its namespaces and its files."""

    def __init__(self) -> None:
        self._macs = itertools.count(1)
        self._indexes = itertools.count(2)
        self.spaces: dict[str, Space] = {}
        self.spaces[HOST] = Space(self, HOST)
        self.files: dict[str, str] = {}
        self._staged: dict[str, str] = {}
        self.modules: set[str] = set()

    def new_mac(self) -> str:
        return _mac(next(self._macs))

    def new_index(self) -> int:
        return next(self._indexes)

    # Commands

    def execute(self, command: Command) -> None:
        """One command. Raises KernelError with the tool's words."""
        if command.tool == "file":
            self._file(command)
        elif command.tool in WAITS:
            pass
        elif command.tool == "modprobe":
            self.modules.add(command.line)
        elif command.netns not in self.spaces:
            raise KernelError(f'Cannot open network namespace "{command.netns}"')
        elif command.tool == "sysctl":
            key, value = command.line.split(" ", 1)
            self.spaces[command.netns].write(key, value)
        elif command.tool == "ipvs":
            self.spaces[command.netns].serve(command.line)
        else:
            self._ip(self.spaces[command.netns], command.line.split(" "), command.tool)

    def _file(self, command: Command) -> None:
        verb, *words = command.line.split(" ")
        path = words[-1]
        if verb == "begin":
            self._staged = self._below(path)
        elif verb == "unstage":
            del self._staged[path]
        elif verb == "switch":
            self._exchange(path, self._staged)
        elif verb == "link":
            self.files[path] = f"{LINK}{words[0]}\n"
        elif verb == "remove":
            del self.files[path]
        else:
            assert verb in ("stage", "put")
            assert command.payload is not None
            (self._staged if verb == "stage" else self.files)[path] = command.payload

    def _below(self, base: str) -> dict[str, str]:
        return {path: text for path, text in self.files.items() if path.startswith(f"{base}/")}

    def _exchange(self, base: str, files: Mapping[str, str]) -> None:
        for path in self._below(base):
            del self.files[path]
        self.files.update(files)

    def _ip(self, space: Space, words: list[str], tool: str) -> None:
        {
            "link": self._link,
            "address": self._address,
            "route": self._route,
            "rule": self._rule,
            "neigh": self._neigh,
            "netns": self._netns,
        }[words[0]](space, words[1:], tool)

    def _netns(self, space: Space, words: list[str], tool: str) -> None:
        verb, name = words
        if verb == "add":
            if name in self.spaces:
                raise KernelError("File exists")
            self.spaces[name] = Space(self, name)
        else:
            for device in list(self.spaces[name].devices.values()):
                device.vanish()
            del self.spaces[name]

    def _link(self, space: Space, words: list[str], tool: str) -> None:
        if words[0] == "add":
            self._link_add(space, words[1:])
        elif words[0] == "delete":
            space.device(words[2]).vanish()
        else:
            self._link_set(space, space.device(words[2]), words[3:])

    def _link_add(self, space: Space, words: list[str]) -> None:
        assert words[0] == "name"
        name, kind, rest = words[1], words[3], words[4:]
        assert words[2] == "type"
        if kind == "bridge":
            options = _options(Bridge, rest)
            space.make(name, kind).options |= options
            return
        assert rest[:2] == ["peer", "name"]
        there = self.spaces[rest[4]] if rest[3:4] == ["netns"] else space
        if name in space.devices or rest[2] in there.devices:
            raise KernelError("File exists")
        peer, device = there.make(rest[2], kind), space.make(name, kind)
        peer.peer, device.peer = device, peer

    def _link_set(self, space: Space, device: Device, words: list[str]) -> None:
        verb, values = words[0], words[1:]
        if verb == "up":
            device.set_up()
        elif verb == "down":
            device.set_down()
        elif verb == "mtu":
            device.set_mtu(int(values[0]))
        elif verb == "address":
            device.set_mac(values[0])
        elif verb == "txqueuelen":
            device.txqueuelen = int(values[0])
        elif verb == "promisc":
            device.promisc = values[0] == "on"
        elif verb == "master":
            device.set_master(space.device(values[0]))
        elif verb == "nomaster":
            device.set_master(None)
        else:
            assert verb == "type"
            device.set_options(values)

    def _address(self, space: Space, words: list[str], tool: str) -> None:
        verb, text, device = words[0], words[1], space.device(words[-1])
        if verb == "replace":
            device.replace_address(text)
        else:
            device.delete_address(text)

    def _route(self, space: Space, words: list[str], tool: str) -> None:
        route = parse(words[1:])
        if words[0] == "replace":
            space.routes.add(route)
        else:
            space.routes.delete(route)

    def _rule(self, space: Space, words: list[str], tool: str) -> None:
        verb, rest = words[0], words[1:]
        fields: dict[str, Any] = {"type": None, "family": "inet6" if tool == "ip6" else "inet"}
        while rest:
            if rest[0] in ("blackhole", "unreachable", "prohibit"):
                fields["type"], rest = rest[0], rest[1:]
            else:
                fields[{"from": "from_"}.get(rest[0], rest[0])], rest = rest[1], rest[2:]
        for name in ("priority", "table"):
            fields[name] = int(fields[name]) if name in fields else None
        rule = Rule.model_construct(**fields)
        if verb == "add":
            space.add_rule(rule)
        else:
            space.delete_rule(rule)

    def _neigh(self, space: Space, words: list[str], tool: str) -> None:
        verb, proxy = words[0], words[1] == "proxy"
        rest = words[2:] if proxy else words[1:]
        fields = dict(zip(rest[1::2], rest[2::2], strict=True))
        device = space.device(fields["dev"])
        item = Neighbour.model_construct(
            dst=rest[0], dev=device.name, mac=fields.get("lladdr"), proxy=proxy
        )
        if verb == "replace":
            if ":" in item.dst and device.without_ipv6():
                raise KernelError("Invalid argument")
            space.neighbours[item.key] = item
        elif space.neighbours.pop(item.key, None) is None:
            raise KernelError("No such file or directory")

    # Plans, as the script runs them

    def run(self, plan: Plan) -> None:
        """Every command of a plan. KernelError goes through, with the step and the line."""
        for step in plan:
            for command in step.commands():
                try:
                    self.execute(command)
                except KernelError as error:
                    raise KernelError(f"{step.path}: {command.line}: {error}") from None

    def attempt(self, plan: Plan, fails_at: int | None = None) -> list[str] | None:
        """The script of a plan, with its own undo if a line fails, or the `fails_at`th is made to.

        Returns None when all went well, else what of the undo failed as well.
        """
        old: dict[int, Mapping[str, str]] = {}
        count = itertools.count()
        for number, batch in enumerate(script.batches(plan), 1):
            for line, (_, text) in enumerate(batch.lines, 1):
                command = Command(batch.tool, batch.netns, text, batch.payload)  # type: ignore[arg-type]
                if batch.tool == "file":
                    path = text.split(" ")[-1]
                    there = {path: self.files[path]} if path in self.files else {}
                    old[number] = there or self._below(path)
                try:
                    if batch.tool not in WAITS and next(count) == fails_at:
                        raise KernelError("made to fail")
                    self.execute(command)
                except KernelError:
                    # A file is one line, and its tool tells no number.
                    return self._undo(plan, number, 0 if batch.tool == "file" else line, old)
        return None

    def _undo(
        self, plan: Plan, failed: int, failed_line: int, old: Mapping[int, Mapping[str, str]]
    ) -> list[str]:
        left = []
        for text in program(plan):
            number, line, tool, netns, rest = text.split(" ", 4)
            if int(number) > failed or (int(number) == failed and 0 < failed_line <= int(line)):
                continue
            try:
                if tool == "file":
                    self._restore(rest, old.get(int(number), {}))
                else:
                    self.execute(Command(tool, netns, rest))  # type: ignore[arg-type]
            except KernelError as error:
                left.append(f"{text}: {error}")
        return left

    def _restore(self, line: str, old: Mapping[str, str]) -> None:
        if line != "drop":
            path = line.split(" ")[-1]
            self.files.pop(path, None)
            self._exchange(path, old)

    # What a snapshot shows

    def snapshot(self, wanted: NetworkState, everything: bool = False) -> Snapshot:
        """As `snapshot.parse` gives it: namespaces and parameters that are asked for."""
        lines = set(reads(wanted)) | {HOST}
        for path, text in self.files.items():
            if path.startswith(DIRECTORY) and path.endswith("/reads"):
                lines |= set(text.splitlines())
        asked: dict[str, list[str]] = {name: ["*"] for name in self.spaces} if everything else {}
        for line in lines:
            name, _, what = line.partition(" ")
            asked.setdefault(name, []).extend([what] if what and not what.startswith("@") else [])
        spaces = {
            name: space.shown().but(sysctl=_asked(space.parameters(), asked[name]))
            for name, space in self.spaces.items()
            if name in asked
        }
        own = spaces.pop(HOST)
        return Snapshot(
            NetworkState.model_construct(**own.given(), modules=tuple(self.modules), netns=spaces),
            ledgers=dict(self._ledgers()),
            files=dict(self.files),
            names=frozenset(
                path.removeprefix(f"{DIRECTORY}/").partition("/")[0]
                for path in self.files
                if path.startswith(f"{DIRECTORY}/")
            ),
        )

    def _ledgers(self) -> Iterator[tuple[str, str]]:
        for path, text in self.files.items():
            if path.startswith(DIRECTORY) and path.endswith("/ledger.json"):
                yield path.removeprefix(f"{DIRECTORY}/").removesuffix("/ledger.json"), text

    def state(self) -> NetworkState:
        """All there is."""
        return self.snapshot(NetworkState(), everything=True).state


def program(plan: Plan) -> list[str]:
    """The lines of a plan's undo, out of the script itself."""
    text = script.render("test", plan, [], [])
    body = text.partition("nw_program() {\n  cat <<")[2]
    end = re.match(r"'(\w+)'", body)
    assert end is not None
    return body.partition("\n")[2].partition(f"\n{end[1]}\n")[0].splitlines()


def _asked(parameters: Mapping[str, str], patterns: Iterable[str]) -> dict[str, str]:
    found = {}
    for pattern in patterns:
        if pattern in parameters:
            found[pattern] = parameters[pattern]
        elif "*" in pattern:
            found |= {key: parameters[key] for key in fnmatch.filter(parameters, pattern)}
    return found


def _mac(number: int) -> str:
    text = f"06{number:010x}"
    return ":".join(text[index : index + 2] for index in range(0, 12, 2))
