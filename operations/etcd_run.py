"""A cluster's steps, carried out: evidence of all hosts, one step, the gate, and again."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from shlex import quote

from gevent.pool import Pool
from pyinfra.api import State

from netwright.installs import etcd, etcd_evidence
from netwright.installs.certificate import Pair, issue
from netwright.installs.etcd import DATA, JOIN, Member
from netwright.installs.etcd_evidence import CTL, Evidence
from netwright.installs.etcd_plan import Plan, Step, changed, gate, plan
from netwright.installs.etcd_trust import lost
from netwright.operations.etcd_pki import Pki, place, read_authority, read_trust
from netwright.operations.remote import Failed, last, look, named, reached, run

__all__ = ["ASIDE", "Cluster"]

WAIT = 90.0
LOOK = 40
PATIENCE = 8.0
PAUSE = 0.3
SNAPSHOT = "/usr/local/sbin/etcd-snapshot"

ASIDE = f"""systemctl stop etcd.service
if [ -e {DATA} ]; then mv {DATA} "{DATA}.aside-$(date -u +%Y%m%dT%H%M%SZ)"; fi"""
_FIRST = f"""cat >{JOIN} <<'END'
%sEND
systemctl daemon-reload
systemctl enable --quiet etcd.service
systemctl reset-failed etcd.service 2>/dev/null
systemctl restart --no-block etcd.service"""


@dataclass
class Cluster:
    """The members' hosts, all of them part of this run."""

    state: State
    members: Sequence[Member]
    say: Callable[[str], None]
    pki: Pki | None = None
    saved: bool = field(default=False, init=False)

    def look(self) -> dict[str, Evidence]:
        """What every host shows, asked at the same time. Raises Failed if one can't be asked."""
        hosts = [member.host for member in self.members]
        for host in hosts:
            if not reached(self.state, host):
                raise Failed(f"{host} is not reached: the cluster is left as it is")
        pool = Pool(len(hosts))
        return dict(pool.map(_read, hosts))

    def plan(self, seen: Mapping[str, Evidence]) -> Plan:
        """What is to be done."""
        versions = {
            member.host: member.settings.version.partition("-")[0]
            for member in self.members
            if member.settings.version and "*" not in member.settings.version
        }
        trust = None if self.pki is None else read_trust(self.pki.directory, self.pki.trust)
        if self.pki is not None and trust is None and (found := lost(seen, self.pki.directory)):
            return found
        return plan(self.members, seen, versions, trust)

    def foreseen(self) -> Plan:
        """What is to be done, after some patience with what may pass by itself, an election."""
        deadline = time.monotonic() + PATIENCE
        while True:
            found = self.plan(self.look())
            if not found.passing or not found.problems or time.monotonic() > deadline:
                return found
            time.sleep(1)

    def converge(self) -> None:
        """Step by step until nothing is left. Raises Failed."""
        for _ in range(6 * len(self.members) + 6):
            self.until(lambda seen: "; ".join(self._passing(seen)))
            seen = self.look()
            now = self.plan(seen)
            if now.problems and not now.passing:
                raise Failed("; ".join(now.problems))
            if now.steps:
                self._step(now.steps[0], seen)
            elif not now.problems:
                break
        self.until(lambda seen: "; ".join(gate(self.members, seen)))

    def _passing(self, seen: Mapping[str, Evidence]) -> tuple[str, ...]:
        now = self.plan(seen)
        return now.problems if now.passing else ()

    def _step(self, step: Step, before: Mapping[str, Evidence]) -> None:
        began = time.monotonic()
        self.say(str(step))
        if step.risky and not self.saved:
            self._snapshot(before)
        getattr(self, f"_{step.kind}")(step, before)
        stay = {host for host, evidence in before.items() if evidence.healthy}
        gone = set(step.hosts) if step.kind == "aside" else set()
        due = (stay | set(step.hosts)) - gone
        self.until(lambda seen: _missing(due, seen))
        for host in step.hosts:
            if step.kind in ("bootstrap", "join"):
                self.on(host, f"rm -f {JOIN}")
        self.say(
            f"{step.kind} {', '.join(step.hosts)}: healthy after {time.monotonic() - began:.1f} s"
        )

    def _snapshot(self, seen: Mapping[str, Evidence]) -> None:
        """Before there is something to lose; proven by its own status."""
        host = self._healthy(seen)

        def why(seen: Mapping[str, Evidence]) -> str:
            try:
                self.say(f"snapshot on {host}: {self.on(host, SNAPSHOT)}")
            except Failed as error:
                return str(error)
            return ""

        self.until(why)
        self.saved = True

    def _bootstrap(self, step: Step, before: Mapping[str, Evidence]) -> None:
        cluster = {member.name: member.peer_url for member in self.members}
        token = self.members[0].settings.token
        text = etcd.render(etcd.join_environment("new", token, cluster))
        for host in step.hosts:
            self.on(host, _FIRST % text)

    def _start(self, step: Step, before: Mapping[str, Evidence]) -> None:
        for host in step.hosts:
            self.on(
                host,
                "systemctl daemon-reload; systemctl enable --quiet etcd.service\n"
                "systemctl reset-failed etcd.service 2>/dev/null\n"
                "systemctl restart --no-block etcd.service",
            )

    def _aside(self, step: Step, before: Mapping[str, Evidence]) -> None:
        for host in step.hosts:
            self.on(host, ASIDE)

    def _restart(self, step: Step, before: Mapping[str, Evidence]) -> None:
        (host,) = step.hosts
        if before[host].leads:
            self._hand_over(before, {before[host].member or 0})
        self.on(host, "systemctl daemon-reload; systemctl restart etcd.service")
        member = self._member(host)

        def why(seen: Mapping[str, Evidence]) -> str:
            return changed(member, seen[host]) or ""

        self.until(why)

    def _trust(self, step: Step, before: Mapping[str, Evidence]) -> None:
        for host in step.hosts:
            self._placed(host, step.pem, None)

    def _leaf(self, step: Step, before: Mapping[str, Evidence]) -> None:
        assert self.pki is not None
        authority = read_authority(self.pki.directory, False)
        for host in step.hosts:
            member = self._member(host)
            self._placed(host, None, issue(authority, member.name, member.names))

    def _placed(self, host: str, ca: str | None, pair: Pair | None) -> None:
        ok, why = place(named(host), ca, pair)
        if not ok:
            raise Failed(f"{host}: {why}")

    def _join(self, step: Step, before: Mapping[str, Evidence]) -> None:
        """Gone first, then anew, as a learner: to add first is refused while one is down."""
        (host,) = step.hosts
        member = self._member(host)
        by = self._healthy({name: each for name, each in before.items() if name != host})
        self.on(host, ASIDE)
        if step.member is not None:
            self._ctl(by, f"member remove {step.member.hex}")
        words = f"member add {quote(member.name)} --learner --peer-urls={quote(member.peer_url)}"
        self.until_done(by, words)
        seen = self.look()
        listed = seen[by].members or ()
        cluster = {each.name: each.peer_urls[0] for each in listed if each.name}
        cluster[member.name] = member.peer_url
        token = member.settings.token
        text = etcd.render(etcd.join_environment("existing", token, cluster))
        self.on(host, _FIRST % text)
        (new,) = (each for each in listed if member.peer_url in each.peer_urls)
        self.until_done(by, f"member promote {new.hex}")

    def _promote(self, step: Step, before: Mapping[str, Evidence]) -> None:
        assert step.member is not None
        by = self._healthy({name: each for name, each in before.items() if name not in step.hosts})
        words = f"member promote {step.member.hex}"
        self.until_done(by, words)

    def _remove(self, step: Step, before: Mapping[str, Evidence]) -> None:
        assert step.member is not None
        by = self._healthy(before)
        if before[by].leader == step.member.id and step.member.client_urls:
            words = f"move-leader {before[by].member:x}"
            url = quote(step.member.client_urls[0])
            self.on(by, f"{CTL}ctl {url} {words} || echo 'no handover: the others elect a leader'")
        self._ctl(by, f"member remove {step.member.hex}")

    def _hand_over(self, seen: Mapping[str, Evidence], ids: set[int]) -> None:
        """The leader steps down before it is stopped: no election has to time out."""
        leader = next(member for member in self.members if seen[member.host].member in ids)
        voters = {each.id for each in seen[leader.host].members or () if not each.learner}
        for member in self.members:
            evidence = seen[member.host]
            if evidence.healthy and evidence.member in voters - ids:
                self._ctl(leader.host, f"move-leader {evidence.member:x}")
                return
        raise Failed(f"{leader.host} leads, and there is nobody to take over")

    def _healthy(self, seen: Mapping[str, Evidence]) -> str:
        for host, evidence in seen.items():
            if evidence.healthy:
                return host
        raise Failed("no member is healthy")

    def _member(self, host: str) -> Member:
        return next(member for member in self.members if member.host == host)

    def _ctl(self, host: str, words: str) -> str:
        return self.on(host, f"{CTL}ctl {quote(self._member(host).client_url)} {words}")

    def until_done(self, host: str, words: str) -> None:
        """Ask etcdctl again and again. Raises Failed with what it says at last."""
        deadline = time.monotonic() + WAIT
        while True:
            try:
                self._ctl(host, words)
                return
            except Failed:
                if time.monotonic() > deadline:
                    raise
            time.sleep(PAUSE)

    def on(self, host: str, script: str) -> str:
        """The last line that a script prints on a host. Raises Failed with its last word."""
        ok, output, errors = run(named(host), script)
        if not ok:
            raise Failed(f"{host}: {last(errors, output)}")
        return last(output)

    def until(self, wrong: Callable[[Mapping[str, Evidence]], str]) -> None:
        """Wait until nothing is wrong. Raises Failed with what still is."""
        deadline = time.monotonic() + WAIT
        while reason := wrong(self.look()):
            if time.monotonic() > deadline:
                raise Failed(f"after {WAIT:.0f} s: {reason}")
            time.sleep(PAUSE)


def _read(host: str) -> tuple[str, Evidence]:
    return host, look(host, etcd_evidence.script(), etcd_evidence.parse, LOOK)


def _missing(due: set[str], seen: Mapping[str, Evidence]) -> str:
    return "; ".join(
        f"{host} is not healthy ({seen[host].words or seen[host].sub})"
        for host in sorted(due)
        if not seen[host].healthy
    )
