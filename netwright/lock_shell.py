"""The shell of a lock that dies with its holder, by what every host has: link(2), rename(2), /proc.

A lock is a file that one run alone can link to; it names the run, by process and the time of its
start. A run is alive as long as that process is, or anything that it has started, which is told by
a variable in its environment. Of those that find its holder dead one alone may succeed it.
"""

from __future__ import annotations

__all__ = ["ALIVE", "LOCK"]

ALIVE = r"""
# When a process started: its number alone is used again some day.
nw_started() {
  nw_start=''
  { read -r nw_start < "/proc/$1/stat"; } 2> /dev/null || return 1
  # Its name is in brackets, since it may have blanks in it.
  # shellcheck disable=SC2086 # the words that follow it
  set -- ${nw_start##*) }
  nw_start=${20:-}
}
nw_started_by() {
  grep -l "NETWRIGHT_RUN=$1" /proc/[0-9]*/environ 2> /dev/null | cut -d/ -f3
}
# Whether the process of the run PROCESS-START. is there.
nw_is() {
  nw_its_start=${1#*-}
  nw_started "${1%%-*}" && [ -n "$nw_start" ] && [ "$nw_start" = "${nw_its_start%.}" ]
}
# Whether that, or something that it has started is.
nw_alive() {
  nw_is "$1" || grep -qs "NETWRIGHT_RUN=$1" /proc/[0-9]*/environ
}
nw_locked() {
  nw_holder=''
  { read -r nw_holder < "$1.lock"; } 2> /dev/null && nw_alive "$nw_holder"
}
"""
"""`nw_locked DIRECTORY`: whether a run that is alive holds its lock."""

LOCK = r"""
nw_started $$
nw_me="$$-$nw_start."
nw_mine=$nw_dir.lock.$$
nw_try() {
  { printf '%s\n' "$nw_me" NW_WHO > "$nw_mine"; } 2> /dev/null || return 1
  if ln "$nw_mine" "$nw_dir.lock" 2> /dev/null; then
    rm -f "$nw_mine"
    return 0
  fi
  if ! nw_locked "$nw_dir" && [ -n "$nw_holder" ]; then
    nw_claim=$nw_dir.lock.after-$nw_holder
    if ln "$nw_mine" "$nw_claim" 2> /dev/null; then
      { read -r nw_now < "$nw_dir.lock"; } 2> /dev/null || nw_now=''
      [ "$nw_now" = "$nw_holder" ] && mv -f "$nw_mine" "$nw_dir.lock"
      nw_status=$?
      rm -f "$nw_claim" "$nw_mine"
      return $nw_status
    fi
    # Who was about to succeed it may be dead as well.
    { read -r nw_now < "$nw_claim"; } 2> /dev/null && ! nw_alive "$nw_now" && rm -f "$nw_claim"
  fi
  rm -f "$nw_mine"
  return 1
}
# Takes the lock, at most $1 seconds long.
nw_lock() {
  read -r nw_until _ < /proc/uptime
  nw_until=$((${nw_until%.*} + $1))
  while ! nw_try; do
    read -r nw_now _ < /proc/uptime
    [ "${nw_now%.*}" -lt "$nw_until" ] && [ -d "${nw_mine%/*}" ] || return 1
    sleep 0.2
  done
  export NETWRIGHT_RUN="$nw_me"
}
nw_unlock() {
  { read -r nw_now < "$nw_dir.lock"; } 2> /dev/null && [ "$nw_now" = "$nw_me" ] &&
    rm -f "$nw_dir.lock"
  nw_tidy "${nw_dir%/*}"
}
"""
"""`nw_lock SECONDS` and `nw_unlock`, of the directory `$nw_dir`; needs `ALIVE`."""
