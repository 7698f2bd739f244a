"""All hosts of a Calico in one run: read once, and its datastore changed step by step."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from shlex import quote

from gevent.pool import Pool
from pyinfra.api import State

from netwright.installs import calico_evidence, calico_plan
from netwright.installs.calico import Calico
from netwright.installs.calico_evidence import Evidence
from netwright.installs.calico_plan import Step
from netwright.operations.remote import Failed, look, named, reached, run

__all__ = ["Nodes"]

WAIT = 90.0
LOOK = 90
PARALLEL = 20
_CTL = "PATH=/usr/local/bin:$PATH; export PATH\n"


@dataclass
class Nodes:
    """The hosts of a Calico, all of them part of this run.

    + addresses: the hosts' own, by name, in the inventory's order
    """

    state: State
    calico: Calico
    addresses: Mapping[str, str]
    say: Callable[[str], None] = field(default=lambda line: None)
    _seen: dict[str, Evidence] = field(default_factory=dict)

    def look(self, again: bool = True) -> dict[str, Evidence]:
        """What every host that is reached shows. Raises Failed if one can't be read."""
        hosts = [host for host in self.addresses if reached(self.state, host)]
        if again or not set(hosts) <= set(self._seen):
            pool = Pool(PARALLEL)
            self._seen = dict(pool.map(_read, hosts))
        return {host: self._seen[host] for host in hosts}

    def steps(self, again: bool = True) -> list[Step]:
        """What the datastore lacks. Raises Failed when nobody can tell."""
        for evidence in self.look(again).values():
            if evidence.resources is not None:
                return calico_plan.plan(self.calico, list(self.addresses), evidence.resources)
        raise Failed("calicoctl has no answer from the datastore on any host")

    def answered(self) -> bool:
        """Whether the datastore was asked and has answered: before the first run it wasn't."""
        return any(each.resources is not None for each in self._seen.values())

    def unregistered(self) -> list[str]:
        """The nodes that the datastore doesn't know yet, of hosts that were read."""
        seen = [each.resources for each in self._seen.values() if each.resources is not None]
        names = {name for kind, name in (seen[0] if seen else ()) if kind == "Node"}
        wanted = [self.calico.nodename(host) for host in self._seen]
        return [name for name in wanted if name not in names]

    def converge(self) -> None:
        """Step by step, each when its gate is open. Raises Failed."""
        self.until(self._registered)
        for _ in range(100):
            steps = self.steps()
            if not steps:
                return
            step = steps[0]
            self.until(lambda step=step: self._closed(step))  # type: ignore[misc]
            self.say(str(step))
            self._do(step)
        raise Failed(f"it is not as declared after 100 changes: {'; '.join(map(str, steps[:3]))}")

    def until(self, wrong: Callable[[], str]) -> None:
        """Wait until nothing is wrong. Raises Failed with what still is."""
        deadline = time.monotonic() + WAIT
        while reason := wrong():
            if time.monotonic() > deadline:
                raise Failed(f"after {WAIT:.0f} s: {reason}")
            time.sleep(0.5)

    def _registered(self) -> str:
        self.look()
        if not self.answered():
            return "calicoctl has no answer from the datastore on any host"
        missing = self.unregistered()
        return f"no node in the datastore: {', '.join(missing)}" if missing else ""

    def _closed(self, step: Step) -> str:
        """Why a step may not be done yet."""
        missing = [
            f"{host} with {other}"
            for host, evidence in (self.look().items() if step.gate else ())
            for other in step.gate
            if other != host and not evidence.established(self.addresses[other])
        ]
        return f"before {step}: no session of {', '.join(missing[:4])}" if missing else ""

    def _do(self, step: Step) -> None:
        host = next(host for host, each in self._seen.items() if each.resources is not None)
        kind, _, name = step.name.partition(" ")
        text = json.dumps(step.document, separators=(",", ":"))
        script = f"calicoctl {step.kind} {kind} {quote(name)}"
        if step.kind == "patch":
            script += f" --patch {quote(text)}"
        elif step.kind == "apply":
            script = f"calicoctl apply -f - <<'END-OF-DOCUMENT'\n{text}\nEND-OF-DOCUMENT"
        ok, output, errors = run(named(host), _CTL + script)
        if not ok:
            words = [line.strip() for line in [*output, *errors] if line.strip()]
            raise Failed(f"{step}: {words[-1] if words else 'calicoctl said nothing'}")


def _read(host: str) -> tuple[str, Evidence]:
    return host, look(host, calico_evidence.script(), calico_evidence.parse, LOOK)
