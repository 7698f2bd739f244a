"""The shell of a run's journal: /run/netwright/NAME, from before the first change to the end.

The directory is the lock as well: the kernel releases it when the run and all that it started are
gone, however they ended. A guard beside the run waits for that, and undoes a run that was killed or
not confirmed in time. All changes of hands are renames, so that only one can make them.
"""

from __future__ import annotations

__all__ = ["JOURNAL"]

JOURNAL = r"""
set -u
umask 077
# What is printed to a connection that is gone must not end this half-way.
trap '' PIPE HUP
nw_dir=/run/netwright/NW_NAME
nw_answer=''
# Takes the run's lock, at most $1 seconds long; fails if the run is over then.
nw_lock() {
  [ -d "$nw_dir" ] && command exec 9< "$nw_dir" || return 1
  flock -w "$1" 9 && [ "$(readlink /proc/self/fd/9)" = "$nw_dir" ]
}
nw_enter() {
  for nw_tool in flock setsid; do
    command -v $nw_tool > /dev/null ||
      { echo "$nw_tool is not installed (package util-linux)" >&2; return 1; }
  done
  nw_new=$nw_dir.new.$$
  rm -rf "$nw_dir".done.* && mkdir -p "$nw_new" || return 1
  exec 9< "$nw_new"
  # The reserve keeps room for the undo, should /run be full by then.
  if ! { flock 9 && nw_program > "$nw_new/program" && nw_guard_script > "$nw_new/guard.$$" &&
    echo $$ > "$nw_new/pid" && printf '%s\n' NW_WHO > "$nw_new/who" && : > "$nw_new/at" &&
    head -c 1000000 /dev/zero > "$nw_new/reserve" && nw_deadline "$1"; }
  then
    rm -rf "$nw_new"
    echo 'nothing was changed: /run can not be written' >&2
    return 1
  fi
  if ! mv -T "$nw_new" "$nw_dir" 2> /dev/null; then
    rm -rf "$nw_new"
    echo "another run is at work under this name: $(cat "$nw_dir/who")" >&2
    return 1
  fi
  rm -f "$nw_dir.undone"
  nw_guarded "$1" && return 0
  echo 'nothing was changed: the undo could not be armed' >&2
  nw_leave
  return 1
}
nw_deadline() {
  [ "$1" != 0 ] || return 0
  # The time since the start, which no clock that is set can change.
  read -r nw_now _ < /proc/uptime
  echo "$((${nw_now%.*} + $1))" > "$nw_new/deadline" && : > "$nw_new/pending"
}
nw_guarded() {
  if [ "$1" != 0 ] && [ -d /run/systemd/system ] && command -v systemd-run > /dev/null; then
    # Without dbus too; not part of the session, which may be killed when its connection goes.
    systemd-run --quiet --collect sh "$nw_dir/guard.$$" 2> "$nw_dir/words" 9<&- && return 0
  fi
  setsid sh "$nw_dir/guard.$$" < /dev/null > /dev/null 2>&1 9<&- &
}
nw_guard() {
  cd / && exec 9< "$nw_dir" && [ -f "$nw_dir/guard.$1" ] || return 0
  while [ -f "$nw_dir/pending" ]; do
    read -r nw_now _ < /proc/uptime
    if [ "${nw_now%.*}" -ge "$(cat "$nw_dir/deadline")" ]; then
      mv "$nw_dir/pending" "$nw_dir/expired" || break
      # Still at work: it must not go on beside its own undo.
      [ -f "$nw_dir/applied" ] || kill -9 "$(cat "$nw_dir/pid")"
    elif [ ! -f "$nw_dir/applied" ] && flock -n 9; then
      [ -f "$nw_dir/applied" ] || mv "$nw_dir/pending" "$nw_dir/killed"
      flock -u 9
    else
      sleep 1
    fi
  done
  # A command that hangs must not keep a host cut off.
  if [ -f "$nw_dir/expired" ]; then flock -w 3 9; else flock 9; fi
  [ "$(readlink /proc/self/fd/9)" = "$nw_dir" ] || return 0
  nw_why='it was stopped half-way'
  [ ! -f "$nw_dir/expired" ] || nw_why='it was not confirmed in time'
  if [ -f "$nw_dir/program" ]; then
    { echo "$nw_why: $(cat "$nw_dir/who")"; nw_back; } > "$nw_dir.undone" 2>&1
  fi
  nw_leave
}
nw_batch() {
  nw_at=$1
  shift
  if { echo "$nw_at" >> "$nw_dir/at"; } 2> /dev/null; then
    nw_run "$@" > "$nw_dir/words" 2>&1 && return 0
    nw_line=$(sed -n '/^Command failed .*:\([0-9]*\)$/{s//\1/p;q;}' "$nw_dir/words")
  else
    rm -f "$nw_dir/reserve"
    echo "no space is left in ${nw_dir%/*}" > "$nw_dir/words"
    nw_line=1
  fi
  # The one that moves this file has the say; it is there only while a confirmation is awaited.
  [ ! -f "$nw_dir/pending" ] || mv "$nw_dir/pending" "$nw_dir/failed" || return 1
  # Printed at the end only: a connection that is gone would hold up the undo.
  nw_answer=$(
    rm -f "$nw_dir/reserve"
    printf '@@ failed %s %s\n' "$nw_at" "${nw_line:-0}"
    sed 's/^/|/' "$nw_dir/words"
    nw_undo "$nw_at" "${nw_line:-0}"
  )
  return 1
}
# Tells what `nw_apply` came to, once the journal is closed.
nw_tell() {
  [ -z "$nw_answer" ] || printf '%s\n' "$nw_answer"
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
# Undoes all that was done; nothing once the run had come to its end.
nw_back() {
  rm -f "$nw_dir/reserve"
  [ ! -f "$nw_dir/program" ] || [ ! -s "$nw_dir/at" ] || nw_undo "$(tail -n 1 "$nw_dir/at")" 0
}
# The end of a run, or of its undo: from the first rename on there is nothing to undo.
nw_leave() {
  [ ! -f "$nw_dir/program" ] || mv "$nw_dir/program" "$nw_dir/over" || return 1
  nw_sweep
  mv -T "$nw_dir" "$nw_dir.done.$$" && rm -rf "$nw_dir.done.$$" && nw_tidy "${nw_dir%/*}"
}
"""
"""`nw_enter SECONDS` begins a run; `nw_batch`, `nw_back` and `nw_leave` belong to its holder."""
