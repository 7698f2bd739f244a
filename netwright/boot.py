"""The boot script: the plan from an empty host, which can be run at any time without harm.

It has its own tolerance: what is there already is left, and a line that fails, because a parent or
an address comes late, is tried again for a while.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from shlex import quote

from netwright.iptables_shell import BOOT
from netwright.links.link import Link, SeenLink
from netwright.place_shell import PLACE
from netwright.plan import plan
from netwright.script import Batch, batches
from netwright.state import Namespace, NetworkState
from netwright.step import Plan

__all__ = ["PATIENCE", "render", "steps"]

PATIENCE = 60
"""Seconds for which a failing line is tried again."""


def steps(declared: NetworkState) -> Plan:
    """The plan from a host on which there is nothing of ours yet."""
    there = {
        ifname: _untouched(link)
        for ifname, link in (declared.links or {}).items()
        if link.kind is None and link.state != "absent"
    }
    # Loaded by systemd-modules-load from its own file, before this script runs.
    empty = NetworkState(modules=declared.modules).with_namespaces({"host": Namespace(links=there)})
    return plan(empty, declared, checked=False)


def _untouched(want: Link) -> SeenLink:
    """A link that the system brings along: of its attributes none is known."""
    return SeenLink(state="up" if want.state == "down" else "down", addresses=())


_SCRIPT = r"""#!/bin/sh
# Written by netwright for the network NW_NAME; changes here are overwritten.
# Brings back at boot what was declared. It can be run at any time: what is there is left alone.
set -u
umask 077
nw_dir=$(mktemp -d) || exit 1
trap 'rm -rf "$nw_dir"' EXIT
: > "$nw_dir/late"
NW_FIREWALL
NW_PLACE
NW_SYSCTL='
line=0
while read -r key value; do
  line=$((line + 1))
  printf "%s\n" "$value" > "/proc/sys/$key" || echo "Command failed -:$line"
done
'
NW_WG='
line=0
set -f
while read -r words; do
  line=$((line + 1))
  wg $words || echo "Command failed -:$line"
done
'
NW_IPVS='
line=0
# shellcheck disable=SC2086 # the words of a line that the controller rendered
while read -r words; do
  line=$((line + 1))
  ipvsadm $words && continue
  # There already: it becomes what is declared.
  case $words in
    "-A "*) words="-E ${words#-A }" ;;
    "-a "*) words="-e ${words#-a }" ;;
  esac
  ipvsadm $words || echo "Command failed -:$line"
done
'
# Leaves out what would make a thing that is there.
nw_new() {
  nw_there=" $(nw_ip "$1" -o link show 2> /dev/null |
    sed 's/^[0-9]*: \([^:@]*\)[:@].*/\1/' | tr '\n' ' ')"
  while read -r line; do
    case $line in
      "link add name "*)
        name=${line#link add name }
        place=${line%% type *}
        case $place in
          *" netns 1") place=host ;;
          *" netns "*) place=${place##* netns } ;;
          *) place='' ;;
        esac
        if [ -n "$place" ]; then
          # Made from where its parent is, and put into another namespace.
          ! nw_ip "$place" link show dev "${name%% *}" > /dev/null 2>&1 || continue
        else
          case $nw_there in *" ${name%% *} "*) continue ;; esac
        fi
        ;;
      "tuntap add dev "*)
        name=${line#tuntap add dev }
        case $nw_there in *" ${name%% *} "*) continue ;; esac
        ;;
      "netns add "*) [ ! -e "/run/netns/${line#netns add }" ] || continue ;;
    esac
    printf '%s\n' "$line"
  done
}
nw_run() {
  case $1 in
    ip) nw_ip "$2" -force -batch - ;;
    ip6) nw_ip "$2" -6 -force -batch - ;;
    bridge) nw_bridge "$2" -force -batch - ;;
    wg) nw_in "$2" sh -c "$NW_WG" ;;
    settle) [ ! -S /run/udev/control ] || udevadm settle --timeout=20 ;;
    dad) : ;; # what comes too early is tried again
    sysctl) nw_in "$2" sh -c "$NW_SYSCTL" ;;
    modprobe) while read -r name; do modprobe -- "$name"; done ;;
    tables) nw_boot_tables "$2" ;;
    ipset) nw_boot_sets "$2" ;;
    ipvs) nw_in "$2" sh -c "$NW_IPVS" ;;
  esac
}
nw_batch() {
  shift
  nw_new "$2" > "$nw_dir/lines"
  nw_run "$1" "$2" < "$nw_dir/lines" > "$nw_dir/words" 2>&1
  for line in $(sed -n 's/^Command failed .*:\([0-9]*\)$/\1/p' "$nw_dir/words"); do
    printf '%s %s %s\n' "$1" "$2" "$(sed -n "${line}p" "$nw_dir/lines")"
  done >> "$nw_dir/late"
}
nw_again() {
  cp "$nw_dir/late" "$nw_dir/todo" && : > "$nw_dir/late"
  while read -r tool netns rest; do
    printf '%s\n' "$rest" | nw_run "$tool" "$netns" > "$nw_dir/words" 2>&1
    ! grep -q '^Command failed' "$nw_dir/words" || {
      printf '%s %s %s\n' "$tool" "$netns" "$rest" >> "$nw_dir/late"
      cat "$nw_dir/words" > "$nw_dir/last"
    }
  done < "$nw_dir/todo"
}
nw_apply() {
NW_BODY
  :
}
nw_apply
nw_tries=0
while [ -s "$nw_dir/late" ]; do
  if [ "$nw_tries" -ge "${NETWRIGHT_TRIES:-NW_TRIES}" ]; then
    echo 'these lines failed to the end:' >&2
    cat "$nw_dir/late" "$nw_dir/last" >&2
    exit 1
  fi
  nw_tries=$((nw_tries + 1))
  sleep 0.5
  nw_again
done
"""


def render(name: str, plan: Plan) -> str:
    """The script that runs `plan` at boot.

    + name: the ledger's name
    """
    parts = batches(plan)
    tools = {batch.tool for batch in parts}
    return (
        _SCRIPT.replace("NW_NAME", name)
        .replace("NW_FIREWALL", BOOT if {"ipset", "tables"} & tools else "")
        .replace("NW_PLACE", PLACE)
        .replace("NW_TRIES", str(2 * PATIENCE))
        .replace("NW_BODY", "\n".join(_body(parts)))
    )


_END = "NW_BOOT_END"


def _body(parts: Iterable[Batch]) -> Iterator[str]:
    for number, batch in enumerate(parts, 1):
        yield f"  nw_batch {number} {batch.tool} {quote(batch.netns)} <<'{_END}'"
        yield from (line for _, line in batch.lines)
        yield _END
