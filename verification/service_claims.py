"""Claims about IPVS, read from /proc/net/ip_vs: other eyes than ipvsadm's, which writes it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from netwright.ipvs import Service
from netwright.verification.claim import Claim
from netwright.verification.seen import NotThere, Seen

__all__ = ["SeenService", "parse", "service_claims"]

_NAMES = {"tcp": "TCP", "udp": "UDP", "fwmark": "FWM"}
_FORWARD = {"Masq": "masq", "Route": "gate", "Tunnel": "ipip", "Local": "gate"}
# The file has the time in ticks of the kernel, and not how many of them a second has.
_TICKS = (100, 250, 300, 1000)


@dataclass
class SeenService:
    """One service of the file: `TCP 10.0.0.1:80`, `FWM 7`."""

    name: str
    where: str
    scheduler: str
    held: int | None
    servers: list[str] = field(default_factory=list)


def parse(text: str) -> list[SeenService]:
    """What /proc/net/ip_vs says."""
    found: list[SeenService] = []
    for line in text.splitlines():
        words = line.split()
        if words and words[0] in _NAMES.values():
            held = int(words[words.index("persistent") + 1]) if "persistent" in words else None
            where = str(int(words[1], 16)) if words[0] == "FWM" else _place(words[1])
            found.append(SeenService(words[0], where, words[2], held))
        elif words and words[0] == "->" and found:
            forward = _FORWARD.get(words[2], words[2])
            found[-1].servers.append(f"{_place(words[1])} {forward} {words[3]}")
    return found


def _place(text: str) -> str:
    """`0A0A0F02:3039`, `[2001:0db8:...]:0050` as ADDRESS:PORT."""
    host, _, port = text.rpartition(":")
    if host.startswith("["):
        return f"[{ipaddress.ip_address(host.strip('[]'))}]:{int(port, 16)}"
    return f"{ipaddress.ip_address(int(host, 16))}:{int(port, 16)}"


def service_claims(at: str, netns: str, services: Iterable[Service]) -> Iterator[Claim]:
    """Each service, each of its servers, and that it has no others."""
    for service in services:
        yield from _Service(at, netns, service).claims()


class _Service:
    def __init__(self, at: str, netns: str, service: Service) -> None:
        self.path, self.netns, self.service = f"{at}ipvs[{service.key}]", netns, service
        name, self.where = service.key.split(" ")[:2]
        self.name = _NAMES[name]

    def claims(self) -> Iterator[Claim]:
        if self.service.state == "absent":
            yield Claim(self.path, "absent", self._presence)
            return
        yield Claim(self.path, "present", self._presence)
        scheduler = self.service.scheduler
        yield Claim(f"{self.path}.scheduler", scheduler, lambda seen: self._seen(seen).scheduler)
        yield Claim(f"{self.path}.persistent", self.service.persistent or 0, self._held)
        servers = [f"{item.address} {item.forward} {item.weight}" for item in self.service.servers]
        yield Claim(f"{self.path}.servers", tuple(sorted(servers)), self._servers)

    def _presence(self, seen: Seen) -> str:
        return "present" if self._candidates(seen) else "absent"

    def _candidates(self, seen: Seen) -> list[SeenService]:
        return [
            item
            for item in parse(seen.space(self.netns).text("ipvs"))
            if (item.name, item.where) == (self.name, self.where) and self._fits(item)
        ]

    def _fits(self, item: SeenService) -> bool:
        """The file doesn't say which family a mark's packets are of; its servers do."""
        six = self.service.family == "inet6"
        return self.name != "FWM" or all(text.startswith("[") == six for text in item.servers)

    def _seen(self, seen: Seen) -> SeenService:
        there = self._candidates(seen)
        if not there:
            raise NotThere("no such service")
        # One without servers may be of either family.
        return max(there, key=lambda item: bool(item.servers) is bool(self.service.servers))

    def _servers(self, seen: Seen) -> tuple[str, ...]:
        return tuple(sorted(self._seen(seen).servers))

    def _held(self, seen: Seen) -> int:
        held = self._seen(seen).held or 0
        wanted = self.service.persistent or 0
        return wanted if held in [wanted * ticks for ticks in _TICKS] else held
