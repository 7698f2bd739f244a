"""A virtual service of the kernel's load balancer: shown by `ipvsadm -Sn`, changed by `ipvsadm`."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, model_validator

from netwright.model import Model, Range, Text
from netwright.step import Command, Phase, Step

__all__ = ["MODULE", "Server", "Service", "change", "parse", "problems"]

MODULE = "ip_vs"
"""Without it there are no services, and no parameters under net.ipv4.vs."""

_FORWARD = {"masq": "-m", "gate": "-g", "ipip": "-i"}
_PROTOCOLS = {"tcp": "-t", "udp": "-u", "fwmark": "-f"}


def _endpoint(value: object) -> str:
    """`10.0.0.1:80`, `[2001:db8::1]:80` in canonical text; a port left out is 0."""
    text = str(value)
    found = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+))(?::([0-9]{1,5}))?", text)
    try:
        if found is None:
            raise ValueError
        address = ipaddress.ip_address(found[1] or found[2])
    except ValueError:
        raise ValueError("is not ADDRESS:PORT, like 10.0.0.1:80 or [2001:db8::1]:80") from None
    port = int(found[3] or 0)
    if port > 65535:
        raise ValueError("has a port that is not in 0..65535")
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"


Endpoint = Annotated[str, BeforeValidator(_endpoint)]


class Server(Model):
    """A real server: where it is, its share of the connections, and how packets get there."""

    address: Endpoint
    weight: Annotated[int, Range(0, 65535)] = 1
    forward: Literal["masq", "gate", "ipip"] = "masq"

    @property
    def port(self) -> str:
        return self.address.rpartition(":")[2]


class Service(Model):
    """One of `tcp`, `udp` and `fwmark` says which packets; `servers` is exact when given."""

    tcp: Endpoint | None = None
    udp: Endpoint | None = None
    fwmark: Annotated[int, Range(1, 0xFFFFFFFF)] | None = None
    family: Literal["inet", "inet6"] | None = None
    scheduler: Annotated[str, Text("[a-z]{1,15}", "a scheduler's name, like rr or wlc")] = "wlc"
    persistent: Annotated[int, Range(0, 31 * 86400)] | None = None
    servers: tuple[Server, ...] = ()
    state: Literal["present", "absent"] | None = None

    @model_validator(mode="after")
    def _says_which(self) -> Self:
        given = [name for name in _PROTOCOLS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("needs one of tcp, udp and fwmark")
        if self.family is not None and self.fwmark is None:
            raise ValueError("needs no family, its address says it; family is for fwmark")
        return self

    def normal(self) -> Service:
        """With the family of a mark written out, and the servers in the order of their addresses:
        the kernel keeps none."""
        servers = tuple(sorted(self.servers, key=lambda item: item.address))
        family = self.family or ("inet" if self.fwmark is not None else None)
        return self.but(family=family, persistent=self.persistent or None, servers=servers)

    @property
    def key(self) -> str:
        """As a plan calls it: `tcp 10.0.0.1:80`, `fwmark 7 inet`."""
        name = next(name for name in _PROTOCOLS if getattr(self, name) is not None)
        mark = f" {self.family or 'inet'}" if name == "fwmark" else ""
        return f"{name} {getattr(self, name)}{mark}"

    def __str__(self) -> str:
        held = f" persistent {self.persistent}" if self.persistent else ""
        shown = [f"{item.address} {item.forward} {item.weight}" for item in self.servers]
        return f"{self.scheduler}{held} -> {', '.join(shown) or 'nowhere'}"

    @property
    def words(self) -> str:
        """How ipvsadm is told which."""
        name = self.key.partition(" ")[0]
        six = " -6" if self.family == "inet6" else ""
        return f"{_PROTOCOLS[name]} {getattr(self, name)}{six}"


def problems(service: Service) -> Iterator[tuple[str, str]]:
    """What is wrong with one beyond the form of its values: the field, and what."""
    address = service.tcp or service.udp
    family = service.family or ("inet6" if (address or "").startswith("[") else "inet")
    seen: dict[str, int] = {}
    for index, server in enumerate(service.servers):
        at = f"servers[{index}].address"
        if server.address in seen:
            yield at, f"{server.address} is also servers[{seen[server.address]}]"
        seen[server.address] = index
        own = "inet6" if server.address.startswith("[") else "inet"
        if own != family and server.forward != "ipip":
            yield at, f"{server.address} is not of the service's family, {family}"
        port = (address or "").rpartition(":")[2]
        if address and server.forward != "masq" and server.port != port:
            yield at, f"forward {server.forward} changes no port: it has to be {port}"
    if address and address.endswith(":0") and not service.persistent:
        yield "persistent", "is missing; a service without a port needs it"


def parse(lines: Iterable[str]) -> tuple[Service, ...]:
    """From what `ipvsadm -Sn` prints; without those that say more than a service here can."""
    found: dict[str, Service] = {}
    for line in lines:
        words = _words(line.split()[1:])
        which = " ".join(words.get(word, "") for word in ("-t", "-u", "-f", "-6"))
        if line.startswith("-A ") and _TOLD.issuperset(words):
            found[which] = _service(words)
        elif line.startswith("-a ") and which in found:
            servers = (*found[which].servers, _server(words))
            found[which] = found[which].but(servers=servers)
    return tuple(item.normal() for item in found.values())


_ALONE = ("-6", *_FORWARD.values())
_TOLD = {*_PROTOCOLS.values(), "-6", "-s", "-p"}


def _words(words: list[str]) -> dict[str, str]:
    """Option -> value; one that stands alone has itself for a value."""
    found, rest = {}, iter(words)
    for word in rest:
        found[word] = word if word in _ALONE else next(rest, "")
    return found


def _service(words: dict[str, str]) -> Service:
    mark = words.get("-f")
    return Service.model_construct(
        tcp=_endpoint(words["-t"]) if "-t" in words else None,
        udp=_endpoint(words["-u"]) if "-u" in words else None,
        fwmark=int(mark) if mark is not None else None,
        family="inet6" if "-6" in words else None,
        scheduler=words["-s"],
        persistent=int(words["-p"]) if "-p" in words else None,
    )


def _server(words: dict[str, str]) -> Server:
    forward: Any = next(name for name, word in _FORWARD.items() if word in words)
    return Server.model_construct(
        address=_endpoint(words["-r"]), weight=int(words["-w"]), forward=forward
    )


def change(netns: str, before: Service | None, after: Service | None) -> Step:
    """The step from one to the other; connections to servers that stay are kept."""
    service = after if before is None else before
    assert service is not None
    return Step(Phase.IPVS, netns, f"ipvs.{service.key}", "", before, after, _render)


def _render(step: Step) -> Iterator[Command]:
    before: Service | None = step.before
    after: Service | None = step.after
    for line in _lines(before, after):
        yield Command("ipvs", step.netns, line)


def _lines(before: Service | None, after: Service | None) -> Iterator[str]:
    if after is None:
        if before is not None:
            yield f"-D {before.words}"
        return
    held = f" -p {after.persistent}" if after.persistent else ""
    if before is None:
        yield f"-A {after.words} -s {after.scheduler}{held}"
    elif (before.scheduler, before.persistent) != (after.scheduler, after.persistent):
        yield f"-E {after.words} -s {after.scheduler}{held}"
    there = {item.address: item for item in before.servers} if before is not None else {}
    named = {item.address: item for item in after.servers}
    # New ones first: in between there is always one to answer.
    for address, item in named.items():
        if there.get(address) != item:
            verb = "-e" if address in there else "-a"
            how = f"{_FORWARD[item.forward]} -w {item.weight}"
            yield f"{verb} {after.words} -r {address} {how}"
    for address in there:
        if address not in named:
            yield f"-d {after.words} -r {address}"
