"""One run of one host, from what was read to what has to be said: everything but the transport."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from netwright import (
    file,
    iptables_plan,
    iptables_scratch,
    ledger,
    persist,
    script,
    site,
    validate,
)
from netwright import plan as planning
from netwright.errors import HostError, NetwrightError, Problem
from netwright.links.link import Link, needs_new
from netwright.links.options import Options
from netwright.model import HOST
from netwright.snapshot import NO_LEDGER, Snapshot, reads
from netwright.state import NOTHING, Namespace, NetworkState
from netwright.step import Phase, Plan, Step
from netwright.traps import traps

__all__ = ["Run", "answer", "files", "lines", "outcome", "prepare", "unanswered"]


_LOST = (
    "is lost, though other files of ours are there: what is declared now counts as ours again;"
    " what was there before us, and what only the lost one knew, is left as it is"
)


@dataclass(frozen=True)
class Run:
    """What a run will do: to the network, and then to the files of ours."""

    name: str
    declared: NetworkState
    desired: NetworkState
    """What is declared, and with it what goes or is given back."""
    network: Plan
    files: file.Files
    warnings: tuple[Problem, ...] = ()
    stamp: str = ""
    """The ledger that the plan was made for; empty: any."""
    unread: Mapping[str, Namespace] = field(default_factory=dict)
    """Namespaces that the plan leaves alone, as they are: nobody need read them again."""
    apart: bool = False
    """Whether no link stands on one of another namespace, but for the host's."""

    @property
    def plan(self) -> Plan:
        """All of it, in order."""
        return [*self.files.staged, *self.network, *self.files.switched]

    @property
    def _now(self) -> Plan:
        """What does not wait for a confirmation."""
        return [*self.files.staged, *self.network]

    def rest(self, current: NetworkState) -> Plan:
        """What a host still lacks."""
        return planning.plan(current, self.desired, asked=self.declared)

    def script(self, who: str, confirm: int = 0) -> str:
        """The script for the host: change, and read again. `who` runs it.

        With `confirm`, seconds, the files are only prepared: they count once it is confirmed.
        """
        read = reads(self.desired), files(self.name)
        plans = self._now, self.files.switched
        return script.render(
            self.name, *plans, *read, who, confirm, self.stamp, self.unread, apart=self.apart
        )

    def confirmation(self) -> str:
        """The script that confirms the network and writes the files of ours."""
        read = reads(self.desired), files(self.name)
        return script.confirmation(self.name, self._now, self.files.switched, *read, self.unread)

    def recovery(self) -> str:
        """The script that undoes at once what waits for its confirmation."""
        return script.recovery(self.name, reads(self.desired), files(self.name))


def files(name: str) -> tuple[str, ...]:
    """Paths of ours that the snapshot reads besides the ledgers."""
    return tuple(path for path in persist.phases(name) if not path.endswith(".json"))


def prepare(
    name: str,
    declared: NetworkState,
    snapshot: Snapshot,
    prune: bool = True,
    keep: bool = True,
) -> Run:
    """What has to change on a host.

    + name: the ledger's name
    + declared: a canonical declaration
    + prune: whether what is ours and declared no longer goes
    + keep: whether the next boot shall have it too

    Raises HostError with everything that this host makes impossible.
    """
    if name in snapshot.working:
        who = snapshot.working[name]
        raise HostError([Problem("", f"another run is at work under the name {name!r}: {who}")])
    warnings = tuple(iptables_scratch.warnings(declared, snapshot.scratch))
    warnings += tuple(traps(snapshot.state, declared))
    warnings += tuple(
        site.problems(snapshot.site, persist.parameters(name), declared, snapshot.state, keep)
    )
    declared = iptables_scratch.resolve(declared, snapshot.scratch)
    ledgers = {other: ledger.parse(other, text) for other, text in snapshot.ledgers.items()}
    found = list(ledger.overlaps(name, declared, ledgers))
    if found:
        raise HostError(found)
    old = ledgers.get(name, ledger.Ledger())
    lost = name in snapshot.names and name not in ledgers
    if lost:
        old = ledger.rebuilt(declared)
        warnings += (Problem(persist.ledger_paths(name, keep)[0], _LOST),)
    base = declared if prune else ledger.unpruned(declared, old)
    impossible = [] if prune else validate.problems(base)
    if impossible:
        how = "{} (with what earlier runs under this name declared, since nothing is pruned)"
        raise HostError(Problem(item.path, how.format(item.what)) for item in impossible)
    stay = dict(ledger.staying(name, base, {**ledgers, name: old}, snapshot.state))
    warnings += tuple(Problem(f"netns.{space}", why) for space, why in stay.items())
    desired = ledger.prune(base, old, snapshot.state, stay)
    steps = planning.plan(snapshot.state, desired, asked=base)
    new = ledger.record(base, old, snapshot.state)
    init = snapshot.site.init
    boot = persist.files(name, base.ordered(), init) if keep else {}
    wanted = {**boot, **new.files(name, keep)}
    written = file.plan(snapshot.files, wanted, persist.base(name), persist.phases(name))
    stamp = "" if snapshot.stamps is None else snapshot.stamps.get(name, NO_LEDGER)
    touched = _touched(steps, snapshot.state, desired)
    spaces = (snapshot.state.netns or {}).items()
    unread = {space: seen for space, seen in spaces if space not in touched}
    apart = all(_stands_apart(state) for state in (snapshot.state, desired))
    return Run(name, base, desired, steps, written, warnings, stamp, unread, apart)


def _stands_apart(state: NetworkState) -> bool:
    links = (link for _, space in state.namespaces() for link in (space.links or {}).values())
    return all(link.link_netns in (None, HOST) for link in links)


def _touched(steps: Plan, *states: NetworkState) -> set[str]:
    """The namespaces that are different after a plan, or whose links have another end that is."""
    found = {step.netns for step in steps}
    found |= {command.netns for step in steps for command in step.commands()}
    spaces = [dict(state.namespaces()) for state in states]
    for step in steps:
        kind, _, name = step.thing.partition(".")
        for known in spaces:
            links = known.get(step.netns if kind == "links" else name, NOTHING).links or {}
            if kind == "netns":
                found |= {name, *(end for link in links.values() for end in _ends(link))}
            elif kind == "links" and name in links:
                found |= _ends(links[name])
    return found


def _ends(link: Link) -> set[str]:
    peer = link.veth.peer if link.veth is not None else None
    ends = link.link_netns, peer.netns if peer is not None else None
    return {end for end in ends if end is not None}


def answer(run: Run, output: Iterable[str]) -> script.Answer:
    """What a run's script printed.

    Raises SnapshotError when it isn't whole.
    """
    return script.answer(run.plan, output, run.unread)


def unanswered(error: NetwrightError, output: Iterable[str], words: Iterable[str]) -> list[Problem]:
    """Why a script has no answer to be read; where it printed none, in its own words alone."""
    said = "; ".join(line for line in words if line)
    found = [] if said and not any(output) else list(error.problems)
    return [*found, Problem("", f"the script failed: {said}")]


def outcome(run: Run, before: Snapshot, answer: script.Answer) -> list[Problem]:
    """What is wrong after a script: nothing, or why it failed and how the host was left."""
    if answer.failed is not None:
        return _failure(run, before, answer)
    try:
        rest = run.rest(answer.snapshot.state)
    except HostError as error:
        return list(error.problems)
    return list(_left(step for step in rest if not step.put_back and not step.implied))


def _left(rest: Iterable[Step]) -> Iterator[Problem]:
    """What the host still lacks: a whole thing in one line, else each attribute."""
    steps = list(rest)
    whole = {step.path: step for step in steps if not step.attribute}
    for path, step in whole.items():
        seen = "there" if step.after is None else "not so"
        if isinstance(step.before, str) and isinstance(step.after, str):
            seen = f"{_shown(step.before)}, not {_shown(step.after)}"
        yield Problem(path, f"did not take: it is {seen}")
    for step in steps:
        if step.attribute and step.path.removesuffix(f".{step.attribute}") not in whole:
            what = f"did not take: it is {_shown(step.before)}, not {_shown(step.after)}"
            yield Problem(step.path, what)


def _failure(run: Run, before: Snapshot, answer: script.Answer) -> list[Problem]:
    step = answer.failed
    assert step is not None
    found = [Problem(step.path, f"`{answer.line}` failed: {answer.words}")]
    try:
        now = {_told_once(item) for item in run.rest(answer.snapshot.state)}
    except HostError as error:
        return [*found, *error.problems]
    then = {_told_once(item) for item in run.rest(before.state)}
    left = sorted(then ^ now)
    if left:
        what = f"what had been done could not all be undone: {', '.join(left[:10])}"
        return [*found, Problem("", what), *(Problem("undo", line) for line in answer.left)]
    return [*found, Problem("", "all that had been done is undone; the host is as it was")]


def _told_once(step: Step) -> str:
    """A step's path. A pair goes with the end that is the older one, and after an undo that made
    it again this may be the other: then it is that of the end whose path comes first."""
    link = None if step.attribute else step.before
    peer = link.veth.peer if isinstance(link, Link) and link.veth is not None else None
    if peer is None:
        return step.path
    other = replace(step, netns=peer.netns or step.netns, thing=f"links.{peer.name}")
    return min(step.path, other.path)


def lines(plan: Plan) -> Iterator[str]:
    """The plan for people: each thing, and each of its attributes from what to what."""
    things: dict[str, list[Step]] = {}
    for step in sorted(plan, key=lambda step: step.phase is Phase.FILE):
        if step.phase is not Phase.LEDGER and not (step.implied and step.put_back):
            path = step.path.removesuffix(f".{step.attribute}") if step.attribute else step.path
            things.setdefault(path, []).append(step)
    for path, steps in things.items():
        if steps[0].phase is Phase.IPTABLES:
            yield from iptables_plan.describe(steps[0])
        else:
            yield from _thing(path, steps)


def _thing(path: str, steps: list[Step]) -> Iterator[str]:
    whole = [step for step in steps if not step.attribute]
    added = [step for step in whole if step.before is None and step.after is not None]
    gone = [step for step in whole if step.after is None]
    if added and gone:
        yield f"-/+ {path}: made again, since {_why(gone[0], added[0])} cannot be changed in place"
    elif added:
        yield f"+ {path}{_of(added[0].after)}"
    elif gone:
        yield f"- {path}{_of(gone[0].before)}{_along(gone[0])}"
    elif whole and whole[0].put_back:
        yield f"= {path}: put back"
    elif whole:
        change = f"{_shown(whole[0].before)} -> {_shown(whole[0].after)}"
        yield f"~ {path}: {change}{_along(whole[0])}"
    elif any(not step.implied for step in steps):
        yield f"~ {path}"
    if gone and not added:
        return
    for step in steps:
        if step.attribute and not step.implied and not step.put_back:
            yield f"    {step.attribute}: {_shown(step.before)} -> {_shown(step.after)}"


def _along(step: Step) -> str:
    return " (goes along)" if step.implied else ""


def _why(gone: Step, added: Step) -> str:
    if isinstance(gone.before, Link) and isinstance(added.after, Link):
        return needs_new(gone.before, added.after) or "what it stands on"
    return "it"


def _of(value: object) -> str:
    if isinstance(value, Link):
        return f" ({value.kind})" if value.kind else ""
    if isinstance(value, str):
        return f": {value}" if "\n" not in value else ""
    text = _shown(value)
    return f": {text}" if text else ""


def _shown(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, Options):
        return ", ".join(_shown(item) for item in value.given().values())
    if isinstance(value, str) and "\n" in value:
        return f"{len(value.splitlines())} lines"
    return str(value) if value != "" else "none"
