"""A link of any kind: shown by `ip -d link`, changed by `ip link set`; what all kinds share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal, cast

from netwright import address
from netwright.address import Address
from netwright.links import port
from netwright.links.bond import Bond
from netwright.links.bridge import Bridge
from netwright.links.ipvlan import Ipvlan
from netwright.links.macvlan import Macvlan, Macvtap
from netwright.links.options import Options
from netwright.links.plain import Dummy, Ifb
from netwright.links.port import Port
from netwright.links.tuntap import Tap, Tun
from netwright.links.veth import Veth, peer_argument
from netwright.links.vlan import Vlan
from netwright.links.vrf import Vrf
from netwright.links.vxlan import Vxlan
from netwright.links.wireguard import Wireguard
from netwright.model import HOST, Flag, IfName, Model, NetnsRef, OwnMac, Range, Text
from netwright.step import Command, Phase, Step, ip
from netwright.sysctl import Value

__all__ = [
    "KINDS",
    "Link",
    "SeenLink",
    "create",
    "cycles",
    "defaults",
    "delete",
    "fresh",
    "loses_ipv6",
    "modify",
    "needs_new",
    "parse",
    "put_back",
    "refuses",
    "undress",
]

Parameter = Annotated[str, Text(r"[a-z][a-z0-9_]{0,40}", "a parameter's name, like rp_filter")]


class Link(Model):
    """One link. What is None is not managed; `addresses` is the whole list when given."""

    kind: str | None = None
    state: Literal["up", "down", "absent"] | None = None
    mtu: Annotated[int, Range(68, 65536)] | None = None
    mac: OwnMac | None = None
    promisc: Flag | None = None
    txqueuelen: Annotated[int, Range(0, 1_000_000)] | None = None
    addresses: tuple[Address, ...] | None = None
    master: IfName | Literal[""] | None = None
    port: Port | None = None
    ipv4: dict[Parameter, Value] | None = None
    ipv6: dict[Parameter, Value] | None = None
    link_netns: NetnsRef | None = None
    bridge: Bridge | None = None
    veth: Veth | None = None
    vlan: Vlan | None = None
    macvlan: Macvlan | None = None
    macvtap: Macvtap | None = None
    ipvlan: Ipvlan | None = None
    vxlan: Vxlan | None = None
    dummy: Dummy | None = None
    tun: Tun | None = None
    tap: Tap | None = None
    bond: Bond | None = None
    vrf: Vrf | None = None
    wireguard: Wireguard | None = None
    ifb: Ifb | None = None

    @property
    def of_kind(self) -> str | None:
        """Its kind; of a link that is there already and declared without one, what it tells of."""
        if self.kind is not None:
            return self.kind
        return next((name for name in KINDS if getattr(self, name) is not None), None)

    @property
    def options(self) -> Options | None:
        """What the kind says about itself."""
        kind = self.of_kind
        return getattr(self, kind) if kind in KINDS else None

    @property
    def parent(self) -> str | None:
        """The link that this one stands on."""
        options = self.options
        return getattr(options, options.PARENT) if options and options.PARENT else None


class SeenLink(Link):
    """A link as a host shows it: with what others than us put there."""

    dynamic: tuple[Address, ...] = ()
    """Addresses of the kernel, of SLAAC and DHCP: left alone."""
    index: int = 0
    peer_name: str = ""
    """The other end of a pair, or the parent, as ip tells it in the same namespace."""
    peer_index: int = 0
    """The same in another namespace."""
    peer_netnsid: int | None = None


def _kinds() -> dict[str, type[Options]]:
    found = {}
    for name, info in Link.model_fields.items():
        for part in getattr(info.annotation, "__args__", ()):
            if isinstance(part, type) and issubclass(part, Options) and part is not Port:
                found[name] = part
    return found


KINDS = _kinds()
"""Kind -> type of its options. A new kind is a room beside this file and a field of `Link`."""

IPV6_MIN_MTU = 1280

Masters = tuple[Link | None, Link | None]

_SCALARS = ("mac", "mtu", "txqueuelen", "promisc")


def parse(entry: Mapping[str, Any]) -> SeenLink:
    """From one entry of `ip -d -j address`."""
    info = entry.get("linkinfo", {})
    kind, data = info.get("info_kind"), info.get("info_data", {})
    if kind == "tun":
        # One kind to the kernel; which of both it is stands inside.
        kind = data.get("type", kind)
    ifname, flags = entry["ifname"], entry["flags"]
    addresses: dict[bool, list[str]] = {False: [], True: []}
    for item in entry.get("addr_info", ()):
        if "local" in item:
            text = address.parse(ifname, item)
            by_itself = bool(item.get("dynamic")) or address.is_kernels(ifname, text)
            addresses[by_itself].append(text)
    fields: dict[str, Any] = {
        "kind": kind,
        "state": "up" if "UP" in flags else "down",
        "mtu": entry["mtu"],
        "mac": entry.get("address"),
        "promisc": "PROMISC" in flags,
        "txqueuelen": entry.get("txqlen"),
        "addresses": tuple(addresses[False]),
        "dynamic": tuple(addresses[True]),
        "master": entry.get("master", ""),
        "index": entry["ifindex"],
        "peer_name": entry.get("link", ""),
        "peer_index": entry.get("link_index", 0),
        "peer_netnsid": entry.get("link_netnsid"),
    }
    if kind in KINDS:
        options = KINDS[kind].parse(data)
        if options.PARENT and "link_netnsid" not in entry and "link" in entry:
            options = options.but(**{options.PARENT: entry["link"]})
        fields[kind] = options
    if info.get("info_slave_kind") == "bridge":
        fields["port"] = Port.parse(info["info_slave_data"])
    return SeenLink.model_construct(**fields)


def fresh(want: Link) -> Link:
    """What a link is like that has just been made from `want`: the kernel's defaults."""
    options = {} if want.options is None else {str(want.kind): want.options.new()}
    return _FRESH.but(kind=want.kind, **options)


_FRESH = Link(state="down", promisc=False, addresses=(), master="")


def defaults(want: Link) -> Link:
    """What `want` would be like if it had been made without a word about it."""
    options = want.options
    if options is None or want.kind is None:
        return fresh(want)
    plain: dict[str, Any] = {want.kind: type(options)().but(**options.DEFAULTS)}
    return fresh(want).but(**plain)


def needs_new(current: Link, want: Link) -> str:
    """The option that the kernel cannot change on a live link, `` when there is none."""
    if want.kind is not None and want.kind != current.kind:
        return "kind"
    have, options = current.options, want.options
    if have is None or options is None:
        return ""
    if want.parent is not None and want.link_netns != current.link_netns:
        return "link_netns"
    return options.unchangeable(have)


def refuses(master: str | None, kind: str | None) -> bool:
    """Whether the kernel takes no link of a kind into a master of another one."""
    return kind == "vrf" or (master, kind) in (("bridge", "bridge"), ("bond", "bond"))


def create(netns: str, ifname: str, want: Link) -> Step:
    """The step that makes it, with all that its kind says. Attributes follow in steps of their own:
    an mtu given here would fall back to 1500 when a bridge gets its first port."""
    return Step(Phase.CREATE, netns, f"links.{ifname}", "", None, want, _render_link)


def delete(netns: str, ifname: str, current: Link) -> Step:
    """The step that takes it away."""
    return Step(Phase.UNLINK, netns, f"links.{ifname}", "", current, None, _render_link)


def undress(netns: str, ifname: str, current: Link, master: Link | None) -> Iterator[Step]:
    """What the kernel takes away with a link: the steps are there for the way back."""
    dressing = modify(netns, ifname, fresh(current), current, (None, master))
    for step in reversed(list(dressing)):
        yield replace(step.turned(), phase=Phase.UNLINK, implied=True)


def put_back(netns: str, ifname: str, attribute: str, value: object) -> Step:
    """The step that says again what a link may lose by what happens around it."""
    thing = f"links.{ifname}"
    return Step(Phase.LINK, netns, thing, attribute, value, value, _RENDER[attribute])


def modify(
    netns: str, ifname: str, current: Link, want: Link, masters: Masters = (None, None)
) -> Iterator[Step]:
    """The steps that change a live link in place, each attribute by itself.

    + masters: what it belongs to before and afterwards

    Order: what `up` depends on first, and a port's attributes only on a bridge's port.
    """

    def step(attribute: str, before: object, after: object) -> Step:
        return Step(
            Phase.LINK, netns, f"links.{ifname}", attribute, before, after, _RENDER[attribute]
        )

    for name in _SCALARS:
        value = getattr(want, name)
        if value is not None and value != getattr(current, name):
            yield step(name, getattr(current, name), value)
    yield from _modify_options(netns, ifname, current, want)
    flips = want.state not in (None, current.state)
    flip = [step("state", current.state, want.state)] if flips else []
    if want.master is not None and want.master != current.master:
        yield from _forgotten(netns, ifname, current, masters[0])
        joins = step("master", current.master, want.master)
        if current.state == "up" and cycles(masters):
            flip = _cycle(joins, step, want.state or "up", masters)
        else:
            yield joins
    yield from _modify_port(netns, ifname, current, want, masters)
    yield from _modify_addresses(netns, ifname, current, want, flip)


def cycles(masters: Masters) -> bool:
    """Whether the kernel takes a link down and up again as it leaves the one for the other."""
    return any(master is not None and master.kind in ("bond", "vrf") for master in masters)


def _cycle(
    joins: Step, step: Callable[[str, object, object], Step], state: str, masters: Masters
) -> list[Step]:
    before, after = (None if item is None else item.kind for item in masters)
    if "bond" not in (before, after):
        return [joins] if state == "up" else [joins, step("state", "up", state)]
    # A bond takes only what is down, and opens it; what leaves it is closed.
    down = replace(step("state", "up", "down"), implied=after != "bond")
    return [down, joins, step("state", "down", "up")] if state == "up" else [down, joins]


def loses_ipv6(netns: str, ifname: str, current: Link) -> Iterator[Step]:
    """The steps for addresses that the kernel drops by itself, before all else."""
    for text in current.addresses or ():
        if ":" in text:
            step = _address_step(netns, ifname, text, None, implied=True)
            yield replace(step, phase=Phase.COLLATERAL)


def _address_step(
    netns: str, ifname: str, before: str | None, after: str | None, implied: bool = False
) -> Step:
    thing = f"links.{ifname}"
    return Step(Phase.LINK, netns, thing, "addresses", before, after, _render_address, implied)


def _modify_options(netns: str, ifname: str, current: Link, want: Link) -> Iterator[Step]:
    have, options = current.options, want.options
    if options is None or have is None or want.of_kind != current.kind:
        return
    yield from options.modify(netns, ifname, str(want.of_kind), have)


def _forgotten(netns: str, ifname: str, current: Link, master: Link | None) -> Iterator[Step]:
    """What a port was like, which it isn't any more once it leaves its bridge."""
    if current.port is None:
        return
    given = current.port.given()
    fresh_one = port.joined(None if master is None else master.bridge)
    lost = Port().but(**{name: getattr(fresh_one, name) for name in given})
    for step in port.modify(netns, ifname, current.port, lost, _render_port):
        yield replace(step, implied=True)


def _modify_port(
    netns: str, ifname: str, current: Link, want: Link, masters: Masters
) -> Iterator[Step]:
    if want.port is None:
        return
    before, after = (None if item is None else item.bridge for item in masters)
    # Joining a bridge, also another one, starts from the kernel's defaults.
    joins = want.master is not None and want.master != current.master
    have = port.joined(after) if joins or current.port is None else current.port
    if not joins:
        have = port.repinned(have, before, after)
    yield from port.modify(netns, ifname, have, want.port, _render_port)


def _modify_addresses(
    netns: str, ifname: str, current: Link, want: Link, flip: list[Step]
) -> Iterator[Step]:
    """Addresses, and among them the going up or down (`flip`), which drops those of IPv6.

    Without a flip new ones come first, so that the link is never without: its routes would go with
    the last one.
    """
    have = current.addresses or ()
    wanted = have if want.addresses is None else want.addresses
    there = {*have, *(current.dynamic if isinstance(current, SeenLink) else ())}
    gone = [item for item in have if item not in wanted]
    new = [item for item in wanted if item not in there]
    kept = [item for item in have if item in wanted]

    def step(before: str | None, after: str | None, implied: bool = False) -> Step:
        return _address_step(netns, ifname, before, after, implied)

    def dropped(items: list[str], others: list[str]) -> list[str]:
        # A subnet's other addresses go with its first one, unless promote_secondaries is set.
        return [
            item
            for item in items
            if (flip and ":" in item) or any(address.same_subnet(item, other) for other in others)
        ]

    forth = dropped(kept, gone)
    # Turned round, what goes here comes back, and what is new takes it along as it goes.
    second = [item for item in forth if ":" not in item]
    back = {*second, *dropped([*kept, *gone], new)}
    yield from (step(item, item, implied=True) for item in (*kept, *gone) if item in back)
    # IPv6 refuses the same address with another prefix length while the first is there.
    early = [item for item in gone if flip or any(address.same_ipv6(item, new) for new in wanted)]
    # The last one first: with a subnet's first one its others go.
    yield from (step(item, None) for item in reversed(early))
    yield from flip
    if flip:
        yield from (step(item, item) for item in forth)
    yield from (step(None, item) for item in new)
    yield from (step(item, None) for item in reversed(gone) if item not in early)
    if not flip:
        yield from (step(item, item) for item in (*forth, *dropped(new, gone)))
    # And a subnet's first address is to be its first again: the others go for a moment.
    yield from (replace(step(item, item, implied=True), render=_render_gone) for item in second)


def _render_gone(step: Step) -> Iterator[Command]:
    ifname = step.thing.removeprefix("links.")
    yield ip(step.netns, address.render(ifname, step.before, present=False))


def _render_link(step: Step) -> Iterator[Command]:
    ifname = step.thing.removeprefix("links.")
    if step.after is None:
        yield ip(step.netns, f"link delete dev {ifname}")
        return
    want = cast(Link, step.after)
    if want.kind == "veth" and (want.veth is None or want.veth.peer is None):
        return  # its other end lies in a namespace that nobody reads
    peer = want.veth.peer if want.veth is not None else None
    if peer is not None and peer.netns == HOST != step.netns:
        # From the host's end, whose own namespace has a name only as that of process 1.
        yield ip(HOST, f"link add name {peer.name} type veth peer name {ifname} netns {step.netns}")
        return
    parent = f" link {want.parent}" if want.parent else ""
    # Made from where its parent is, and put into its namespace by the same request.
    place = want.link_netns or step.netns
    into = "" if place == step.netns else f" netns {'1' if step.netns == HOST else step.netns}"
    options = want.options or KINDS.get(str(want.kind), Options)()
    words = peer_argument(peer, step.netns) if peer is not None else ""
    yield ip(place, options.create(ifname, str(want.kind), parent, into) + words)


def _set(step: Step, words: str) -> Iterator[Command]:
    yield ip(step.netns, f"link set dev {step.thing.removeprefix('links.')} {words}")


def _render_mac(step: Step) -> Iterator[Command]:
    return _set(step, f"address {step.after}") if step.after is not None else iter(())


def _render_number(step: Step) -> Iterator[Command]:
    return _set(step, f"{step.attribute} {step.after}") if step.after is not None else iter(())


def _render_promisc(step: Step) -> Iterator[Command]:
    return _set(step, f"promisc {'on' if step.after else 'off'}")


def _render_master(step: Step) -> Iterator[Command]:
    return _set(step, f"master {step.after}" if step.after else "nomaster")


def _render_state(step: Step) -> Iterator[Command]:
    return _set(step, "up" if step.after == "up" else "down")


def _render_port(step: Step) -> Iterator[Command]:
    if step.after is None:
        return iter(())
    name = step.attribute.removeprefix("port.")
    return _set(step, f"type bridge_slave{Port.model_construct(**{name: step.after}).arguments()}")


def _render_address(step: Step) -> Iterator[Command]:
    ifname = step.thing.removeprefix("links.")
    text = step.before if step.after is None else step.after
    yield ip(step.netns, address.render(ifname, text, present=step.after is not None))


_RENDER = {
    "mac": _render_mac,
    "mtu": _render_number,
    "txqueuelen": _render_number,
    "promisc": _render_promisc,
    "master": _render_master,
    "state": _render_state,
}
