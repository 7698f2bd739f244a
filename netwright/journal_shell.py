"""The shell of a run's journal: /run/netwright/NAME, from before the first change to the end.

Who holds the lock beside it works on it. A guard waits for that to be given up, or for the death of
the holder and all that it started; it undoes a run that was killed or not confirmed in time. All
changes of hands are renames, so that only one can make them.
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
# $1: seconds until it has to be confirmed, or 0.
nw_enter() {
  # The other one may just be at its end; whether the plan still holds is asked below.
  { [ -d "${nw_dir%/*}" ] || mkdir -p "${nw_dir%/*}"; } && nw_lock 5 || { nw_refuse; return 1; }
  nw_open "$1" && return 0
  nw_unlock
  return 1
}
nw_refuse() {
  nw_other=$(cat "$nw_dir/who" 2> /dev/null || sed -n 2p "$nw_dir.lock" 2> /dev/null)
  echo "nothing was changed: another run is at work under this name: $nw_other" >&2
}
nw_open() {
  [ ! -d "$nw_dir" ] || { nw_refuse; return 1; }
  nw_planned_for='NW_STAMP'
  if [ "${nw_planned_for:-$(nw_stamp NW_NAME)}" != "$(nw_stamp NW_NAME)" ]; then
    echo 'nothing was changed: another run has changed the host meanwhile; run again' >&2
    return 1
  fi
  nw_new=$nw_dir.new.$$
  # What others have left that were killed; those that are alive try again.
  nw_remove "$nw_dir".done.* "$nw_dir".new.* "$nw_dir".lock.* && mkdir -p "$nw_new" || return 1
  # The reserve keeps room for the undo, should /run be full by then.
  if ! { nw_program > "$nw_new/program" && nw_guard_script > "$nw_new/guard.$$" &&
    printf '%s\n' "$nw_me" > "$nw_new/run" && printf '%s\n' NW_WHO > "$nw_new/who" &&
    : > "$nw_new/at" && head -c 1000000 /dev/zero > "$nw_new/reserve" && nw_deadline "$1"; }
  then
    rm -rf "$nw_new"
    echo 'nothing was changed: /run can not be written' >&2
    return 1
  fi
  mv "$nw_new" "$nw_dir" || return 1
  nw_remove "$nw_dir.undone"
  nw_guarded "$1" && return 0
  echo 'nothing was changed: the undo could not be armed' >&2
  nw_leave
  return 1
}
nw_deadline() {
  [ "$1" != 0 ] || return 0
  # The time since the start, which no clock that is set can change; rounded up, never early.
  read -r nw_now _ < /proc/uptime
  echo "$((${nw_now%.*} + $1 + 1))" > "$nw_new/deadline" && : > "$nw_new/pending"
}
# The guard is no part of the run, and of the session neither, which may go with its connection.
nw_guarded() {
  if [ "$1" != 0 ] && [ -d /run/systemd/system ] && command -v systemd-run > /dev/null; then
    # Without dbus too.
    systemd-run --quiet --collect sh "$nw_dir/guard.$$" 2> "$nw_dir/words" && return 0
  fi
  nw_apart='nohup'
  ! command -v setsid > /dev/null || nw_apart='setsid'
  NETWRIGHT_RUN='' $nw_apart sh "$nw_dir/guard.$$" < /dev/null > /dev/null 2>&1 &
}
nw_guard() {
  # What it leaves behind, should it be ended, goes with the journal.
  nw_mine=$nw_dir/lock.$$
  cd / && echo "$nw_me" > "$nw_dir/guard" || return 0
  while [ -f "$nw_dir/guard.$1" ]; do
    if [ ! -f "$nw_dir/pending" ]; then
      nw_locked "$nw_dir" || break
    elif read -r nw_until < "$nw_dir/deadline" && read -r nw_now _ < /proc/uptime &&
      [ "${nw_now%.*}" -ge "$nw_until" ]
    then
      mv "$nw_dir/pending" "$nw_dir/expired" && break
    elif [ ! -f "$nw_dir/applied" ] && ! nw_locked "$nw_dir" && [ ! -f "$nw_dir/applied" ]; then
      mv "$nw_dir/pending" "$nw_dir/killed" && break
    fi
    sleep 0.5
  done
  nw_why='it was stopped half-way'
  if [ -f "$nw_dir/expired" ]; then
    nw_why='it was not confirmed in time'
    # Still at work, maybe on something that hangs: it must not go on beside its own undo.
    [ -f "$nw_dir/applied" ] || nw_stop "$(cat "$nw_dir/run")"
    nw_lock 3
  else
    nw_lock 3600 || return 0
  fi
  if [ -f "$nw_dir/guard.$1" ]; then
    if [ -f "$nw_dir/program" ]; then
      { echo "$nw_why: $(cat "$nw_dir/who")"; nw_back; } > "$nw_dir.undone" 2>&1
    fi
    nw_leave
  fi
  nw_unlock
}
nw_stop() {
  ! nw_is "$1" || kill -9 "${1%%-*}"
  for nw_pid in $(nw_started_by "$1"); do
    kill -9 "$nw_pid"
  done
}
nw_batch() {
  nw_at=$1
  shift
  if { echo "$nw_at" >> "$nw_dir/at"; } 2> /dev/null; then
    nw_run "$@" > "$nw_dir/words" 2>&1 && return 0
  else
    rm -f "$nw_dir/reserve"
    printf '%s\n' "no space is left in ${nw_dir%/*}" 'Command failed -:1' > "$nw_dir/words"
  fi
  nw_failed "$nw_at"
  return 1
}
# Undoes all that comes before the line that failed of batch $1.
nw_failed() {
  nw_line=$(sed -n '/^Command failed .*:\([0-9]*\)$/{s//\1/p;q;}' "$nw_dir/words")
  # The one that moves this file has the say; it is there only while a confirmation is awaited.
  [ ! -f "$nw_dir/pending" ] || mv "$nw_dir/pending" "$nw_dir/failed" || return 1
  rm -f "$nw_dir/reserve"
  # Printed at the end only: a connection that is gone would hold up the undo.
  {
    printf '@@ failed %s %s\n' "$1" "${nw_line:-0}"
    sed 's/^/|/' "$nw_dir/words"
    nw_undo "$1" "${nw_line:-0}"
  } > "$nw_dir/answer"
  nw_answer=$(cat "$nw_dir/answer")
}
# Tells what `nw_apply` came to, once the journal is closed.
nw_tell() {
  [ -z "$nw_answer" ] || printf '%s\n' "$nw_answer"
}
# Undoes all that was begun; of batch $1, if its line $2 is known, what comes before that.
# Without subshells: one of them would go on when the run is killed.
nw_undo() {
  printf '@@ undo\n'
  # A number that was cut off at its end is that of a batch which was not begun.
  nw_begun=' '
  while read -r nw_now; do nw_begun="$nw_begun$nw_now "; done < "$nw_dir/at"
  while read -r batch line tool netns rest; do
    case $nw_begun in *" $batch "*) ;; *) continue ;; esac
    if [ "$batch" = "$1" ] && [ "$2" != 0 ] && [ "$line" -ge "$2" ]; then continue; fi
    # shellcheck disable=SC2086 # the words of a line that the controller rendered
    case $tool in
      file) nw_run file host $rest < /dev/null > "$nw_dir/words" 2>&1 ;;
      *) nw_run "$tool" "$netns" > "$nw_dir/words" 2>&1 <<NW_LINE
$rest
NW_LINE
        ;;
    esac && continue
    echo "|$tool $netns $rest"
    sed 's/^/|/' "$nw_dir/words"
  done < "$nw_dir/program"
}
# Undoes all that was done; nothing once the run had come to its end.
nw_back() {
  nw_remove "$nw_dir/reserve"
  [ -f "$nw_dir/program" ] && [ -s "$nw_dir/at" ] || return 0
  nw_undo 0 0
}
# The end of a run, or of its undo: from the first rename on there is nothing to undo.
nw_leave() {
  [ ! -f "$nw_dir/program" ] || mv "$nw_dir/program" "$nw_dir/over" || return 1
  nw_sweep
  { read -r nw_guarding < "$nw_dir/guard"; } 2> /dev/null || nw_guarding=''
  mv "$nw_dir" "$nw_dir.done.$$" && rm -rf "$nw_dir.done.$$" || return 1
  case $nw_guarding in
    '' | "$nw_me") ;;
    *) ! nw_is "$nw_guarding" || kill "${nw_guarding%%-*}" ;;
  esac
  nw_unlock
}
"""
"""`nw_enter SECONDS` begins a run; `nw_batch`, `nw_back` and `nw_leave` belong to its holder."""
