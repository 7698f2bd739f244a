"""The shell that prints a long snapshot as few lines, and what undoes it.

The controller's transport takes an answer line by line, which costs it more than all that it does
with the lines of a thousand namespaces.
"""

from __future__ import annotations

import zlib
from base64 import b64decode
from collections.abc import Iterable

from netwright.errors import Problem, SnapshotError

__all__ = ["PACK", "unpacked"]

_MARK = "@@ packed"
_GZIP = 16 + zlib.MAX_WBITS

PACK = r"""
# Prints what the command prints, and fails as it does; packed, where the host has the tools.
nw_packed() {
  nw_whole=''
  if command -v gzip > /dev/null && command -v base64 > /dev/null; then
    nw_whole=$(mktemp 2> /dev/null)
  fi
  [ -n "$nw_whole" ] || { "$@"; return; }
  exec 8> "$nw_whole" 9< "$nw_whole"
  # It goes with the shell, whatever ends that.
  rm -f "$nw_whole"
  "$@" >&8 || return 1
  printf '@@ packed\n'
  # Long lines without base64's own option, which not every one has.
  gzip -1 <&9 | base64 | tr -d '\n' | fold -w 8000
  echo
}
"""


def unpacked(output: Iterable[str]) -> list[str]:
    """The lines as they were before they were packed, or as they are.

    Raises SnapshotError when what is packed isn't whole.
    """
    lines = list(output)
    if _MARK not in lines:
        return lines
    at = lines.index(_MARK)
    try:
        text = zlib.decompress(b64decode("".join(lines[at + 1 :])), _GZIP).decode(errors="replace")
    except (ValueError, zlib.error) as error:
        raise SnapshotError([Problem("", f"the host's answer is not whole: {error}")]) from None
    return [*lines[:at], *text.removesuffix("\n").split("\n")]
