"""Which tools a target has for the checks: asked once for each host."""

from __future__ import annotations

from netwright.verification.connection import Connection

__all__ = ["PATH", "there"]

PATH = "PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin"
_NAMES = ("arping", "bash", "curl", "perl", "ping", "socat", "ss", "timeout", "wget")


def there(connection: Connection) -> frozenset[str]:
    """The names of the tools that are there; `arping-habets` for the other arping.

    Raises NotReached.
    """
    script = f"{PATH}\nfor name in {' '.join(_NAMES)}; do command -v $name; done\narping -V 2>&1"
    lines = connection.script(script).stdout.splitlines()
    found = {line.rpartition("/")[2] for line in lines if line.startswith("/")}
    # Its -s is a MAC address, where that of iputils and BusyBox is the sender's IP address.
    if any(line.startswith("ARPing ") for line in lines):
        found = (found - {"arping"}) | {"arping-habets"}
    return frozenset(found)
