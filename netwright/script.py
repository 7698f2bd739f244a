"""A plan as one POSIX shell script, for `sh` on its standard input, and the reading of its answer.

Nothing runs before the whole script has arrived. Lines that go to one tool in one namespace are one
batch. If a line fails, what was done is undone, last first, and the answer names the line and the
tool's own words. The answer ends with a snapshot, so that one command changes and verifies.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from shlex import quote

from netwright.each_shell import EACH, TOOLS
from netwright.errors import Problem, SnapshotError
from netwright.file_shell import FILES
from netwright.iptables_shell import APPLY
from netwright.journal_shell import JOURNAL
from netwright.lock_shell import LOCK
from netwright.model import HOST
from netwright.snapshot import Snapshot, functions, parse
from netwright.state import Namespace
from netwright.step import SEPARATOR, TOGETHER, Command, Phase, Plan, Step, undo

__all__ = ["TOO_LATE", "Answer", "Batch", "answer", "batches", "confirmation", "recovery", "render"]


@dataclass(frozen=True)
class Batch:
    """Lines for one tool in one namespace, each with the step that it belongs to."""

    tool: str
    netns: str
    lines: list[tuple[Step, str]]
    payload: str | None = None

    @property
    def wave(self) -> Phase:
        """The phase, or the first of several that go namespace by namespace."""
        return _wave(self.lines[0][0])


@dataclass(frozen=True)
class Answer:
    """What came of a script."""

    snapshot: Snapshot
    failed: Step | None = None
    line: str = ""
    words: str = ""
    left: tuple[str, ...] = ()
    """Lines of the undo that failed as well."""


def batches(plan: Plan) -> list[Batch]:
    """The plan's commands, in order, as few batches as the order allows."""
    found: list[Batch] = []
    unsettled, waits = False, _Waits(plan)
    for step in plan:
        for command in step.commands():
            unsettled |= step.phase is Phase.CREATE and command.netns == HOST
            if unsettled and step.phase is Phase.LINK_SYSCTL and command.netns == HOST:
                # udev applies the vendor's parameters to a new link at some time of its own.
                found.append(Batch("settle", HOST, [(step, "")]))
                unsettled = False
            source = waits.of(command)
            if source is not None:
                found.append(Batch("dad", command.netns, [(step, source)]))
            last = found[-1] if found else None
            if (
                last is None
                or command.tool == "file"
                or (last.tool, last.netns) != (command.tool, command.netns)
                or (command.netns != HOST and last.wave != _wave(step))
            ):
                last = Batch(command.tool, command.netns, [], command.payload)
                found.append(last)
            last.lines.append((step, command.line))
    return found


def _wave(step: Step) -> Phase:
    return Phase.LINK_SYSCTL if step.phase in TOGETHER else step.phase


class _Waits:
    """The new IPv6 addresses that routes want as their source, each once: the kernel refuses them
    for as long as it looks for others that have the address."""

    def __init__(self, plan: Plan) -> None:
        steps = (step for step in plan if step.attribute == "addresses")
        commands = (command for step in steps for command in step.commands())
        self._new = {(c.netns, match[1]) for c in commands if (match := _ADDRESS.match(c.line))}

    def of(self, command: Command) -> str | None:
        match = _SOURCE.match(command.line)
        place = (command.netns, match[1]) if match else None
        if place is None or place not in self._new:
            return None
        self._new.remove(place)
        return place[1]


_ADDRESS = re.compile(r"address (?:add|replace) ([0-9a-f.]*:[^ /]*)/")
_SOURCE = re.compile(r"route (?:add|append|replace) .* src ([0-9a-f.]*:\S*)")

_SCRIPT = (
    APPLY
    + FILES
    + JOURNAL
    + LOCK
    + r"""
NW_SYSCTL='
nw_sysctl() {
  nw_number=0
  while read -r nw_key nw_value; do
    nw_number=$((nw_number + 1))
    printf "%s\n" "$nw_value" > "/proc/sys/$nw_key" ||
      { echo "Command failed -:$nw_number"; return 1; }
  done
}
'
eval "$NW_SYSCTL"
NW_MODPROBE='
line=0
while read -r name; do
  line=$((line + 1))
  modprobe -- "$name" || { echo "Command failed -:$line"; exit 1; }
done
'
NW_WG='
line=0
set -f
while read -r words; do
  line=$((line + 1))
  wg $words || { echo "Command failed -:$line"; exit 1; }
done
'
NW_IPVS='
line=0
command -v ipvsadm > /dev/null || { echo "ipvsadm is not installed (package ipvsadm)"; exit 1; }
while read -r words; do
  line=$((line + 1))
  # shellcheck disable=SC2086 # the words of a line that the controller rendered
  ipvsadm $words || { echo "Command failed -:$line"; exit 1; }
done
'
# Waits, for five seconds at most, until addresses are no longer tentative.
nw_dad() {
  nw_tries=0
  while read -r nw_text; do
    while [ -n "$(nw_ip "$1" -6 -o address show tentative to "$nw_text")" ]; do
      [ "$nw_tries" -lt 50 ] || return 0
      nw_tries=$((nw_tries + 1))
      sleep 0.1
    done
  done
}
nw_run() {
  case $1 in
    ip) nw_ip "$2" -batch - ;;
    settle) [ ! -S /run/udev/control ] || udevadm settle --timeout=20 ;;
    dad) nw_dad "$2" ;;
    ip6) nw_ip "$2" -6 -batch - ;;
    bridge) nw_bridge "$2" -batch - ;;
    wg) nw_in "$2" sh -c "$NW_WG" ;;
    sysctl) if [ "$2" = host ]; then nw_sysctl; else nw_in "$2" sh -c "$NW_SYSCTL nw_sysctl"; fi ;;
    modprobe) sh -c "$NW_MODPROBE" ;;
    file) shift 2; nw_file "$@" ;;
    tables) nw_change_tables "$2" ;;
    ipset) nw_change_sets "$2" ;;
    ipvs) nw_in "$2" sh -c "$NW_IPVS" ;;
  esac
}
"""
)

_MAIN = """nw_program() {{
  cat <<'{end}'
{program}
{end}
}}
nw_guard_script() {{
  cat <<'{end}'
{guard}
{end}
  echo "nw_guard $$"
}}
nw_main() {{
  nw_enter {seconds} || return 1
  nw_apply
  nw_status=$?
{leave}  nw_tell
  nw_snapshot && [ $nw_status = 0 ]
}}
nw_main < /dev/null
"""

_LEAVE = "  nw_leave || return 1\n"
# The lock is given up: what follows may hang on a connection that the change has cut.
_LEAVE_IF_FAILED = """  if [ $nw_status = 0 ]; then
    : > "$nw_dir/applied" && nw_unlock
  else
    nw_leave || return 1
  fi
"""

TOO_LATE = "too late: the host has undone the change by itself"
"""What a host says to a confirmation after its time."""

_CONFIRM = """nw_main() {
  if [ ! -d "$nw_dir" ] || ! nw_lock 60 || [ ! -f "$nw_dir/applied" ] ||
    ! mv "$nw_dir/pending" "$nw_dir/confirmed" 2> /dev/null
  then
    nw_unlock
    echo '@TOO_LATE@' >&2
    return 1
  fi
  nw_apply
  nw_status=$?
  nw_leave || return 1
  nw_tell
  nw_snapshot && [ $nw_status = 0 ]
}
nw_main < /dev/null
""".replace("@TOO_LATE@", TOO_LATE)

_RECOVER = """nw_main() {
  [ ! -d "$nw_dir" ] || nw_lock 60 || [ ! -d "$nw_dir" ] || { nw_refuse; return 1; }
  # The host's own guard may have been quicker.
  if [ -d "$nw_dir" ]; then
    [ ! -f "$nw_dir/pending" ] || mv "$nw_dir/pending" "$nw_dir/recovered" || return 1
    nw_back
    nw_leave || return 1
  fi
  nw_unlock
  nw_snapshot
}
nw_main < /dev/null
"""


def recovery(name: str, wanted: Iterable[str], files: Iterable[str] = ()) -> str:
    """The script that undoes a run that never came to its end, and then prints a snapshot."""
    return functions(wanted, files) + _common(name, "the undo of an earlier run") + _RECOVER


def _common(name: str, who: str, stamp: str = "") -> str:
    found = _SCRIPT.replace("NW_NAME", name).replace("NW_WHO", quote(who))
    return found.replace("NW_STAMP", stamp)


def render(
    name: str,
    now: Plan,
    later: Plan,
    wanted: Iterable[str],
    files: Iterable[str] = (),
    who: str = "unknown",
    confirm: int = 0,
    stamp: str = "",
    unread: Container[str] | None = None,
    apart: bool = False,
) -> str:
    """The script that runs a plan and then prints a snapshot.

    + name: the ledger's name; what is needed meanwhile stands in /run/netwright/NAME
    + now, later: the plan; with `confirm`, `later` waits for the confirmation
    + wanted, files, unread: what the snapshot reads, see `snapshot.functions`
    + who: the controller, for another one that comes meanwhile
    + confirm: seconds after which the host undoes it all by itself, unless the script of
      `confirmation` has come; 0: not at all
    + stamp: the ledger's when the plan was made; with another one nothing is changed
    + apart: whether no link stands on one of another namespace, but for the host's
    """
    parts = batches([*now, *later])
    body = "\n".join(_apply(batches(now) if confirm else parts, apart))
    program = "\n".join(_program([*now, *later], parts))
    common = _common(name, who, stamp)
    guard = f"{functions((), ())}{common}"
    end = _end(program + body + guard)
    main = _MAIN.format(
        end=end,
        program=program,
        guard=guard,
        seconds=confirm,
        leave=_LEAVE_IF_FAILED if confirm else _LEAVE,
    )
    reading = functions(wanted, files, unread=unread)
    return f"{reading}{common}{_applied(body, end)}{main}"


def confirmation(
    name: str,
    now: Plan,
    later: Plan,
    wanted: Iterable[str],
    files: Iterable[str] = (),
    unread: Container[str] | None = None,
) -> str:
    """The script that confirms a run: the undo is disarmed, then `later` is run.

    If that fails, all is undone.
    """
    first = len(batches(now)) + 1
    body = "\n".join(_apply(batches(later), False, first))
    common = _common(name, "the confirmation of a run")
    reading = functions(wanted, files, unread=unread)
    return f"{reading}{common}{_applied(body, _end(body))}{_CONFIRM}"


def _applied(body: str, end: str) -> str:
    needed = EACH if "  nw_each " in body else ""
    return f"{needed}nw_apply() {{\n{body.replace(_END, end)}\n  return 0\n}}\n"


_END = "\0end"


def _end(text: str) -> str:
    # A here-document's end that cannot be a line of it.
    return f"NW_{hashlib.sha256(text.encode()).hexdigest()[:24]}"


_EACH = 20
"""Namespaces from which on one process takes their batches."""


_APART = {Phase.SYSCTL, Phase.LINK_SYSCTL}
"""Waves in which what happens in a namespace needs nothing of others."""


def _apply(parts: list[Batch], apart: bool, first: int = 1) -> Iterator[str]:
    numbered = enumerate(parts, first)
    for wave, group in groupby(numbered, lambda item: _is_inside(item[1]) and item[1].wave):
        found = list(group)
        if wave and len({batch.netns for _, batch in found}) >= _EACH:
            how = "apart" if apart and wave in _APART else "''"
            yield f"  nw_each {how} <<'{_END}' || return 1"
            for number, batch in found:
                yield f"@ {number} {batch.tool} {batch.netns}"
                yield from (line for _, line in batch.lines)
            yield _END
        else:
            yield from (line for number, batch in found for line in _batch(number, batch))


def _is_inside(batch: Batch) -> bool:
    return batch.tool in TOOLS and batch.netns != HOST


def _batch(number: int, batch: Batch) -> Iterator[str]:
    if batch.tool == "file":
        words = " ".join(quote(word) for word in batch.lines[0][1].split(" "))
        content = batch.payload or ""
        yield f"  nw_batch {number} file host {words} <<'{_END}' || return 1"
        yield content.removesuffix("\n") if content else ""
    else:
        yield f"  nw_batch {number} {batch.tool} {quote(batch.netns)} <<'{_END}' || return 1"
        yield "\n".join(line for _, line in batch.lines)
    yield _END


def _program(plan: Plan, parts: list[Batch]) -> Iterator[str]:
    """The undo, last step first: `BATCH LINE TOOL NETNS REST`, to be run if that line was."""
    last: dict[int, tuple[int, int]] = {}
    for number, batch in enumerate(parts, 1):
        for line, (step, _) in enumerate(batch.lines, 1):
            last[id(step)] = (number, line)
    waits = _Waits(undo(plan))
    places: list[tuple[int, int]] = []
    place = (1, 1)
    for step in plan:
        # What the kernel does by itself happens with a step that follows; undoing it is harmless.
        place = last.get(id(step), place)
        places.append(place)
    for step, (number, line) in zip(reversed(plan), reversed(places), strict=True):
        if step.phase in (Phase.FILE, Phase.LEDGER):
            for command in step.commands():
                yield from _restored(command, number)
        for command in step.turned().commands():
            if (source := waits.of(command)) is not None:
                yield f"{number} {line} dad {command.netns} {source}"
            if command.tool != "file":
                yield f"{number} {line} {command.tool} {command.netns} {command.line}"


def _restored(command: Command, number: int) -> Iterator[str]:
    """Files go back to what the host has kept of them; what is staged goes with its directory."""
    verb, *_, path = command.line.split(" ")
    if verb == "begin":
        yield f"{number} 1 file host drop"
    elif verb not in ("stage", "unstage"):
        yield f"{number} 1 file host restore {number} {path}"


def answer(
    plan: Plan, output: Iterable[str], unread: Mapping[str, Namespace] | None = None
) -> Answer:
    """What the script printed.

    + unread: the namespaces that it was told to leave out, as they were

    Raises SnapshotError when it isn't whole.
    """
    lines = list(output)
    snapshot = parse(lines, unread)
    failed = [number for number, line in enumerate(lines) if line.startswith("@@ failed ")]
    if not failed:
        return Answer(snapshot)
    number, line = (int(word) for word in lines[failed[0]].split()[2:4])
    # Without a number nothing had been begun.
    batch = batches(plan)[max(number, 1) - 1]
    # Without a line number it was the tool's own parser; then the batch's first line stands for it.
    step, text = batch.lines[max(line, 1) - 1]
    words = [item[1:] for item in _body(lines, "@@ failed ")]
    left = tuple(item[1:] for item in _body(lines, "@@ undo"))
    said = "; ".join(word for word in words if not word.startswith("Command failed"))
    tool = "ip -6" if batch.tool == "ip6" else batch.tool
    # A line for the tables is a whole document; its head tells which.
    return Answer(snapshot, step, f"{tool} {text.partition(SEPARATOR)[0]}", said.strip(), left)


def _body(lines: list[str], mark: str) -> list[str]:
    start = next((number for number, line in enumerate(lines) if line.startswith(mark)), None)
    if start is None:
        raise SnapshotError([Problem("", f"the host's answer is not whole: no {mark}")])
    found = []
    for line in lines[start + 1 :]:
        if not line.startswith("|"):
            break
        found.append(line)
    return found
