"""A plan as one POSIX shell script, for `sh` on its standard input, and the reading of its answer.

Nothing runs before the whole script has arrived. Lines that go to one tool in one namespace are one
batch. If a line fails, what was done is undone, last first, and the answer names the line and the
tool's own words. The answer ends with a snapshot, so that one command changes and verifies.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from shlex import quote

from netwright.errors import Problem, SnapshotError
from netwright.iptables_shell import APPLY
from netwright.model import HOST
from netwright.snapshot import Snapshot, functions, parse
from netwright.step import SEPARATOR, Command, Phase, Plan, Step, undo

__all__ = ["Answer", "answer", "confirmation", "recovery", "render"]


@dataclass(frozen=True)
class Batch:
    """Lines for one tool in one namespace, each with the step that it belongs to."""

    tool: str
    netns: str
    lines: list[tuple[Step, str]]
    payload: str | None = None


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
            ):
                last = Batch(command.tool, command.netns, [], command.payload)
                found.append(last)
            last.lines.append((step, command.line))
    return found


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
    + r"""
set -u
umask 077
nw_dir=/run/netwright/NW_NAME
nw_ip() {
  if [ "$1" = host ]; then shift; ip "$@"; else ip -n "$@"; fi
}
NW_SYSCTL='
line=0
while read -r key value; do
  line=$((line + 1))
  printf "%s\n" "$value" > "/proc/sys/$key" || { echo "Command failed -:$line"; exit 1; }
done
'
NW_MODPROBE='
line=0
while read -r name; do
  line=$((line + 1))
  modprobe -- "$name" || { echo "Command failed -:$line"; exit 1; }
done
'
nw_tidy() {
  [ ! -d "$1" ] || [ -n "$(ls -A "$1")" ] || rmdir "$1"
}
nw_file() {
  case $1 in
    write)
      [ ! -f "$3" ] || cp -p "$3" "$nw_dir/$nw_at.old" || return 1
      mkdir -p "${3%/*}" && cat > "$3.new" && chmod "$2" "$3.new" && mv "$3.new" "$3"
      ;;
    enable)
      [ ! -L "$3" ] || cp -P "$3" "$nw_dir/$nw_at.old" || return 1
      mkdir -p "${3%/*}" && ln -sfn "$2" "$3"
      ;;
    remove)
      [ ! -f "$2" ] && [ ! -L "$2" ] || cp -Pp "$2" "$nw_dir/$nw_at.old" || return 1
      rm -f "$2"
      ;;
    restore)
      rm -f "$3.new"
      rm -f "$3"
      [ ! -f "$nw_dir/$2.old" ] && [ ! -L "$nw_dir/$2.old" ] || cp -Pp "$nw_dir/$2.old" "$3"
      ;;
  esac
}
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
    sysctl) nw_in "$2" sh -c "$NW_SYSCTL" ;;
    modprobe) sh -c "$NW_MODPROBE" ;;
    file) shift 2; nw_file "$@" ;;
    tables) nw_change_tables "$2" ;;
    ipset) nw_change_sets "$2" ;;
  esac
}
nw_batch() {
  nw_at=$1
  shift
  echo "$nw_at" > "$nw_dir/at" || return 1
  nw_run "$@" > "$nw_dir/words" 2>&1 && return 0
  nw_line=$(sed -n 's/^Command failed .*:\([0-9]*\)$/\1/p' "$nw_dir/words")
  # The one that moves this file has the say; it is there only while a timer runs as well.
  [ ! -f "$nw_dir/pending" ] || mv "$nw_dir/pending" "$nw_dir/failed" || return 1
  printf '@@ failed %s %s\n' "$nw_at" "${nw_line:-0}"
  sed 's/^/|/' "$nw_dir/words"
  nw_undo "$nw_at" "${nw_line:-0}"
  return 1
}
# Undoes what comes before line $2 of batch $1; all of that batch when the line is not known.
nw_undo() {
  printf '@@ undo\n'
  while read -r batch line tool netns rest; do
    [ "$batch" -le "$1" ] || continue
    if [ "$batch" = "$1" ] && [ "$2" != 0 ] && [ "$line" -ge "$2" ]; then continue; fi
    # shellcheck disable=SC2086 # the words of a line that the controller rendered
    case $tool in
      file) nw_run file host $rest < /dev/null > "$nw_dir/words" 2>&1 ;;
      *) printf '%s\n' "$rest" | nw_run "$tool" "$netns" > "$nw_dir/words" 2>&1 ;;
    esac && continue
    echo "|$tool $netns $rest"
    sed 's/^/|/' "$nw_dir/words"
  done < "$nw_dir/program"
}
nw_enter() {
  mkdir -p /run/netwright || return 1
  if ! mkdir "$nw_dir" 2> /dev/null; then
    echo "another run is at work under this name: $(cat "$nw_dir/who")" >&2
    return 1
  fi
  rm -f "$nw_dir.undone"
  echo "$$ $(nw_started $$)" > "$nw_dir/pid" && printf '%s\n' NW_WHO > "$nw_dir/who"
}
# Arms the undo: after $1 seconds the file $nw_dir/timer runs, whatever has become of this script.
nw_arm() {
  read -r nw_now _ < /proc/uptime
  echo "$((${nw_now%.*} + $1))" > "$nw_dir/deadline" && : > "$nw_dir/pending" || return 1
  if [ -d /run/systemd/system ] && command -v systemd-run > /dev/null; then
    # Without dbus too; not part of the session, which may be killed when its connection goes.
    systemd-run --quiet --collect --on-active="$1" --timer-property=AccuracySec=100ms \
      sh "$nw_dir/timer" 2> "$nw_dir/words" && return 0
  fi
  setsid sh -c 'sleep "$1"; exec sh "$2"' timer "$1" "$nw_dir/timer" \
    < /dev/null > /dev/null 2>&1 &
}
nw_expire() {
  # The timer of an earlier run under this name, which was confirmed in time, comes too early.
  read -r nw_now _ < /proc/uptime
  [ -f "$nw_dir/deadline" ] && [ "${nw_now%.*}" -ge "$(cat "$nw_dir/deadline")" ] || return 0
  mv "$nw_dir/pending" "$nw_dir/expired" 2> /dev/null || return 0
  # Still at work: it must not go on beside its own undo.
  ! nw_alive "$nw_dir" || { kill -9 "$nw_pid" && sleep 1; }
  { cat "$nw_dir/who"; nw_undo "$(cat "$nw_dir/at")" 0; } > "$nw_dir.undone" 2>&1
  nw_leave
}
nw_leave() {
  rm -rf "$nw_dir" && nw_tidy /run/netwright && nw_tidy /etc/netwright
}
"""
)

_MAIN = """nw_main() {{
  nw_enter || return 1
  cat > "$nw_dir/program" <<'{end}' || return 1
{program}
{end}
{arm}  nw_apply
  nw_status=$?
{leave}  nw_snapshot && [ $nw_status = 0 ]
}}
nw_main < /dev/null
"""

_ARM = """  cat > "$nw_dir/timer" <<'{end}' || return 1
{timer}
nw_expire
{end}
  nw_arm {seconds} || {{ nw_leave; echo 'the undo could not be armed' >&2; return 1; }}
"""

_CONFIRM = """nw_main() {{
  if ! mv "$nw_dir/pending" "$nw_dir/confirmed" 2> /dev/null; then
    echo 'too late: the host has undone the change by itself' >&2
    return 1
  fi
  nw_last=$(cat "$nw_dir/at")
  mv "$nw_dir/program" "$nw_dir/program.network" || return 1
  cat > "$nw_dir/program" <<'{end}' || return 1
{program}
{end}
  nw_apply
  nw_status=$?
  if [ $nw_status != 0 ]; then
    mv "$nw_dir/program.network" "$nw_dir/program" && nw_undo "$nw_last" 0
  fi
  nw_leave && nw_snapshot && [ $nw_status = 0 ]
}}
nw_main < /dev/null
"""

_RECOVER = """nw_main() {
  [ ! -f "$nw_dir/pending" ] || mv "$nw_dir/pending" "$nw_dir/recovered" || return 1
  # A directory without a batch's number belongs to a run that was stopped before its first change.
  if [ -f "$nw_dir/at" ] && [ -f "$nw_dir/program" ]; then
    nw_undo "$(cat "$nw_dir/at")" 0
  fi
  nw_leave && nw_snapshot
}
nw_main < /dev/null
"""


def recovery(name: str, wanted: Iterable[str], files: Iterable[str] = ()) -> str:
    """The script that undoes a run that never came to its end, and then prints a snapshot."""
    return functions(wanted, files) + _SCRIPT.replace("NW_NAME", name) + _RECOVER


def render(
    name: str,
    plan: Plan,
    wanted: Iterable[str],
    files: Iterable[str] = (),
    who: str = "unknown",
    confirm: int = 0,
) -> str:
    """The script that runs `plan` and then prints a snapshot.

    + name: the ledger's name; what is needed meanwhile stands in /run/netwright/NAME
    + wanted, files: what the snapshot reads, see `snapshot.functions`
    + who: the controller, for another one that comes meanwhile
    + confirm: seconds after which the host undoes it all by itself, unless the script of
      `confirmation` has come; 0: not at all
    """
    body, program = _parts(plan)
    common = _SCRIPT.replace("NW_NAME", name).replace("NW_WHO", quote(who))
    timer = f"{functions((), ())}{common}"
    end = _end(program + body + timer)
    arm = _ARM.format(end=end, timer=timer, seconds=confirm) if confirm else ""
    leave = _LEAVE_IF_FAILED if confirm else "  nw_leave || return 1\n"
    main = _MAIN.format(end=end, program=program, arm=arm, leave=leave)
    return f"{functions(wanted, files)}{common}{_applied(body, end)}{main}"


_LEAVE_IF_FAILED = """  [ $nw_status = 0 ] || nw_leave || return 1
"""


def confirmation(name: str, plan: Plan, wanted: Iterable[str], files: Iterable[str] = ()) -> str:
    """The script that confirms a run: the undo is disarmed, then `plan`, the files of ours, is run.

    If a file can't be written, the network is undone as well.
    """
    body, program = _parts(plan)
    common = _SCRIPT.replace("NW_NAME", name)
    end = _end(program + body)
    main = _CONFIRM.format(end=end, program=program)
    return f"{functions(wanted, files)}{common}{_applied(body, end)}{main}"


def _parts(plan: Plan) -> tuple[str, str]:
    parts = batches(plan)
    return "\n".join(_apply(parts)), "\n".join(_program(plan, parts))


def _applied(body: str, end: str) -> str:
    return f"nw_apply() {{\n{body.replace(_END, end)}\n  return 0\n}}\n"


_END = "\0end"


def _end(text: str) -> str:
    # A here-document's end that cannot be a line of it.
    return f"NW_{hashlib.sha256(text.encode()).hexdigest()[:24]}"


def _apply(parts: list[Batch]) -> Iterator[str]:
    for number, batch in enumerate(parts, 1):
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
        for command in step.turned().commands():
            if (source := waits.of(command)) is not None:
                yield f"{number} {line} dad {command.netns} {source}"
            yield f"{number} {line} {command.tool} {command.netns} {_back(command, number)}"


def _back(command: Command, number: int) -> str:
    if command.tool != "file":
        return command.line
    return f"restore {number} {command.line.split(' ')[-1]}"


def answer(plan: Plan, output: Iterable[str]) -> Answer:
    """What the script printed.

    Raises SnapshotError when it isn't whole.
    """
    lines = list(output)
    snapshot = parse(lines)
    failed = [number for number, line in enumerate(lines) if line.startswith("@@ failed ")]
    if not failed:
        return Answer(snapshot)
    number, line = (int(word) for word in lines[failed[0]].split()[2:4])
    batch = batches(plan)[number - 1]
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
