"""One command that runs a probe in a namespace of a host, and the reading of its output."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from netwright.verification.outcome import Attempt, Outcome, outcome, summary
from netwright.verification.place import Place
from netwright.verification.probe import Argv, Probe
from netwright.verification.tools import PATH

__all__ = ["Result", "Vantage", "parse", "script"]

_MARK = "=netwright-probe="


class Vantage(Exception):
    """The place that a probe should start from doesn't work, so that it proves nothing."""


@dataclass(frozen=True)
class Result:
    """What a probe's command brought: each request's outcome, all of them in one, and the route."""

    outcomes: tuple[Outcome, ...]
    whole: Outcome
    route: str = ""


_SCRIPT = f"""LC_ALL=C {PATH}
export LC_ALL PATH
unset http_proxy HTTP_PROXY all_proxy ALL_PROXY
attempt() {{
  {{
    {{
      "$@"
      printf '\\n{_MARK} rc %s\\n' "$?"
    }} 2>&1 >&4 4>&- | sed 's/^/{_MARK} err /'
  }} 4>&1
  echo '{_MARK} end'
}}
"""


def script(probe: Probe, place: Place, argv: Argv) -> str:
    """The POSIX shell script for one command to the host."""
    within = place.prefix
    lines = [_SCRIPT, f"{within}true || {{ echo '{_MARK} nowhere'; exit; }} 2>&1"]
    if probe.dev is not None:
        dev = shlex.quote(probe.dev)
        lines.append(f"{within}ip -o link show dev {dev} up 2>&1 | sed 's/^/{_MARK} dev /'")
    # Whatever else a server sends, pyinfra reads UTF-8.
    clean = "tr -cd '\\11\\12\\40-\\176'"
    run = f"attempt {within}{shlex.join(argv)}"
    lines.append(f"n=0\nwhile [ $n -lt {probe.repeats} ]; do\n{run}\nn=$((n + 1))\ndone | {clean}")
    if _is_address(probe.address):
        address = shlex.quote(probe.address)
        source = f" from {shlex.quote(probe.source)}" if probe.source is not None else ""
        lines.append(f"{within}ip -o route get {address}{source} 2>&1 | sed 's/^/{_MARK} route /'")
        lines.append(
            f"{within}ip neighbour show | grep -E 'FAILED|INCOMPLETE' | sed 's/^/{_MARK} dead /'"
        )
    return "\n".join(lines)


def _is_address(text: str) -> bool:
    return bool(re.fullmatch(r"[0-9.]+|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*", text))


def parse(probe: Probe, output: str) -> Result:
    """The result of a probe.

    Raises Vantage when the place that it starts from doesn't work.
    """
    attempts: list[Attempt] = []
    notes: dict[str, list[str]] = {"err": [], "dev": [], "route": [], "dead": [], "rc": []}
    out: list[str] = []
    for line in output.splitlines():
        if not line.startswith(f"{_MARK} "):
            out.append(line)
            continue
        word, _, rest = line.removeprefix(f"{_MARK} ").partition(" ")
        if word == "nowhere":
            raise Vantage(" / ".join(filter(None, out)) or "it can't be entered")
        if word == "end":
            rc = int(notes["rc"].pop())
            attempts.append(Attempt(rc, "\n".join(out).strip("\n"), "\n".join(notes["err"])))
            out, notes["err"] = [], []
        else:
            notes[word].append(rest)
    _check_dev(probe, notes["dev"])
    if not attempts:
        raise Vantage(f"nothing was sent: {' / '.join(filter(None, out)) or 'no word of why'}")
    route = _route(notes["route"])
    outcomes = [_local(outcome(probe.kind, item), probe, route, notes["dead"]) for item in attempts]
    return Result(tuple(outcomes), summary(outcomes), route)


def _route(lines: list[str]) -> str:
    """What `ip route get` says of the way, without what is of no interest to people."""
    words = " ".join(lines).replace("\\", " ")
    return " ".join(re.sub(r"\buid \d+|\bcache\b.*|\b(?:metric|pref) \S+", "", words).split())


def _check_dev(probe: Probe, shown: list[str]) -> None:
    if probe.dev is None:
        return
    if not shown:
        raise Vantage(f"the link {probe.dev} is not up")
    if "does not exist" in shown[0]:
        raise Vantage(f"there is no link {probe.dev}")


def _local(found: Outcome, probe: Probe, route: str, dead: list[str]) -> Outcome:
    """The kernel says `host unreachable` to its own sender when nobody answers ARP. That isn't an
    answer of the network's, and how soon it comes depends on what was asked before."""
    if found.result != "unreachable":
        return found
    via = re.search(r" via (?:inet6 )?(\S+)", route)
    dev = re.search(r" dev (\S+)", route)
    hop = via[1] if via else probe.address
    if dev and any(line.startswith(f"{hop} dev {dev[1]} ") for line in dead):
        return Outcome("timeout", f"nobody answers for {hop} on {dev[1]}")
    return found
