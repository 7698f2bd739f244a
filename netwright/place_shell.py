"""The shell that goes to a namespace: `nw_in PLACE COMMAND...`, PLACE being `host` or its name."""

from __future__ import annotations

__all__ = ["PLACE"]

PLACE = r"""
# sudo without secure_path, and su, leave a user's own, in which these may be missing.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
# `exec` where a subshell of its own has nothing left to do.
nw_exec=''
nw_in() {
  if [ "$1" = host ]; then
    shift
    $nw_exec "$@"
  elif command -v nsenter > /dev/null; then
    # ip, by -n too, makes a mount namespace as well: a copy of every mount, one for each namespace.
    nw_inside=$1
    shift
    $nw_exec nsenter --net="/run/netns/$nw_inside" "$@"
  else
    $nw_exec ip netns exec "$@"
  fi
}
nw_ip() {
  nw_place=$1
  shift
  nw_in "$nw_place" ip "$@"
}
nw_bridge() {
  nw_place=$1
  shift
  nw_in "$nw_place" bridge "$@"
}
"""
