"""A probe as a command line for the tool that the target has. Pure; `outcome.py` reads the answer.

For each kind of probe the tools in the order in which they are taken, the first that is there:

    ping    ping (iputils, BusyBox)
    arping  arping (iputils, Habets, BusyBox)
    tcp     bash (/dev/tcp), socat; socat alone where source or dev is given
    udp     bash (/dev/udp), socat; socat alone where source or dev is given
    http    curl, wget; curl alone where source or dev is given

The target needs no Python for any of them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from netwright.check import Check

__all__ = ["NoTool", "Probe", "choose"]

Argv = list[str]


class NoTool(LookupError):
    """The target has none of the tools that would do; the text names packages."""


@dataclass(frozen=True)
class Probe:
    """What is sent, apart from where."""

    kind: str
    address: str
    """An address, for http a name if the URL has one."""
    port: int = 0
    url: str = ""
    size: int | None = None
    dont_fragment: bool = False
    count: int = 1
    source: str | None = None
    dev: str | None = None
    reads: bool = False
    """Whether the answer itself is wanted, not only that there is one."""

    @classmethod
    def of(cls, check: Check) -> Probe:
        """What a check declares, in the probe's terms."""
        kind, target = check.probe
        address, port, url = target, 0, ""
        if kind in ("tcp", "udp"):
            address, _, number = target.rpartition(":")
            address, port = address.strip("[]"), int(number)
        elif kind == "http":
            parts = urlsplit(target)
            address, port, url = str(parts.hostname), parts.port or 80, target
        return cls(
            kind=kind,
            address=address,
            port=port,
            url=url,
            size=check.size,
            dont_fragment=bool(check.dont_fragment),
            count=check.count or 1,
            source=check.source,
            dev=check.dev,
            reads=bool(check.listen or check.spread),
        )

    @property
    def family(self) -> str:
        """`inet` or `inet6`; a name in a URL counts as `inet`."""
        return "inet6" if ":" in self.address else "inet"

    @property
    def repeats(self) -> int:
        """How often its command is run; ping and arping count for themselves."""
        return 1 if self.kind in ("ping", "arping") else self.count

    @property
    def _in_brackets(self) -> str:
        return f"[{self.address}]" if ":" in self.address else self.address


def _ping(probe: Probe, wait: int) -> Argv:
    words = ["ping", "-c", str(probe.count), "-W", str(wait)]
    if probe.size is not None:
        words += ["-s", str(probe.size)]
    if probe.dont_fragment:
        words += ["-M", "do"]
    for value in (probe.source, probe.dev):
        if value is not None:
            words += ["-I", value]
    return _bounded([*words, probe.address], wait + probe.count + 1)


def _arping(probe: Probe, wait: int, source: str) -> Argv:
    words = ["arping", "-c", str(probe.count), "-w", str(wait + probe.count - 1)]
    words += ["-I", str(probe.dev)]
    if probe.source is not None:
        words += [source, probe.source]
    return _bounded([*words, probe.address], wait + probe.count + 1)


def _arping_iputils(probe: Probe, wait: int) -> Argv:
    return _arping(probe, wait, "-s")


def _arping_habets(probe: Probe, wait: int) -> Argv:
    return _arping(probe, wait, "-S")


_BASH_TCP = 'exec 3<>"/dev/tcp/$1/$2" && echo connected'
# dd takes a datagram whole; a shell's read would take one byte of it.
_BASH_UDP = 'exec 3<>"/dev/udp/$1/$2" && echo netwright >&3 && dd bs=65536 count=1 <&3'


def _tcp_bash(probe: Probe, wait: int) -> Argv:
    text = f"{_BASH_TCP} && cat <&3" if probe.reads else _BASH_TCP
    return _bounded(["bash", "-c", text, "bash", probe.address, str(probe.port)], wait)


def _udp_bash(probe: Probe, wait: int) -> Argv:
    return _bounded(["bash", "-c", _BASH_UDP, "bash", probe.address, str(probe.port)], wait)


def _tcp_socat(probe: Probe, wait: int) -> Argv:
    peer = f"TCP:{_socat_peer(probe)},connect-timeout={wait}"
    ends = [peer, "STDOUT"] if probe.reads else ["OPEN:/dev/null", peer]
    return _bounded(["socat", "-u", *ends], wait + 1)


def _udp_socat(probe: Probe, wait: int) -> Argv:
    peer = f"UDP:{_socat_peer(probe)}"
    text = 'echo netwright | socat -t "$1" - "$2"'
    return _bounded(["sh", "-c", text, "sh", str(wait), peer], wait + 1)


def _socat_peer(probe: Probe) -> str:
    words = [f"{probe._in_brackets}:{probe.port}"]
    if probe.source is not None:
        words.append(f"bind=[{probe.source}]" if ":" in probe.source else f"bind={probe.source}")
    if probe.dev is not None:
        words.append(f"so-bindtodevice={probe.dev}")
    return ",".join(words)


def _http_curl(probe: Probe, wait: int) -> Argv:
    # -v, since the short message doesn't tell refused from unreachable; -g, since [] are IPv6's.
    words = ["curl", "-qgsSv", "--noproxy", "*", "--max-time", str(wait)]
    interface = probe.source or probe.dev
    if interface is not None:
        words += ["--interface", interface]
    return [*words, "-o", "-" if probe.reads else "/dev/null", probe.url]


def _http_wget(probe: Probe, wait: int) -> Argv:
    place = "-" if probe.reads else "/dev/null"
    return _bounded(["wget", "-S", "-T", str(wait), "-O", place, probe.url], wait + 1)


def _bounded(words: Argv, seconds: int) -> Argv:
    return ["timeout", str(seconds), *words]


@dataclass(frozen=True)
class Tool:
    """How one tool does one kind of probe. `binds`: it can be told a source address or a link."""

    name: str
    argv: Callable[[Probe, int], Argv]
    binds: bool = True


_TOOLS: dict[str, Sequence[Tool]] = {
    "ping": (Tool("ping", _ping),),
    "arping": (Tool("arping-habets", _arping_habets), Tool("arping", _arping_iputils)),
    "tcp": (Tool("bash", _tcp_bash, binds=False), Tool("socat", _tcp_socat)),
    "udp": (Tool("bash", _udp_bash, binds=False), Tool("socat", _udp_socat)),
    "http": (Tool("curl", _http_curl), Tool("wget", _http_wget, binds=False)),
}

_PACKAGES = {
    "ping": "iputils-ping (Debian) or iputils",
    "arping": "iputils-arping (Debian) or iputils",
    "tcp": "bash or socat",
    "udp": "bash or socat",
    "http": "curl or wget",
}


def choose(probe: Probe, there: Collection[str], wait: int) -> Argv:
    """The command line of a probe.

    + there: the tools that the target has
    + wait: seconds that an answer may take

    Raises NoTool.
    """
    binds = probe.source is not None or probe.dev is not None
    if "timeout" not in there:
        raise NoTool("needs timeout; install coreutils")
    for tool in _TOOLS[probe.kind]:
        if tool.name in there and (tool.binds or not binds):
            return tool.argv(probe, wait)
    packages = _PACKAGES[probe.kind]
    if binds:
        packages = {"tcp": "socat", "udp": "socat", "http": "curl"}.get(probe.kind, packages)
    bound = " from a given source or dev" if binds else ""
    raise NoTool(f"no tool for {probe.kind}{bound}; install {packages}")
