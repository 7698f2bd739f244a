"""Kernel parameters."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter, ValidationError
from pyinfra.api import OperationValueError
from pyinfra.api.operation import OperationMeta

from netwright.model import HOST
from netwright.operations.part import declare
from netwright.sysctl import Key

__all__ = ["sysctl"]

_KEY: TypeAdapter[str] = TypeAdapter(Key)


def sysctl(key: str, value: int | str | bool, netns: str = HOST, **arguments: Any) -> OperationMeta:
    """
    Set a kernel parameter, now and for the next boot.

    + key: like net.ipv4.ip_forward; in a link's name a dot is written as a slash, or all with
      slashes: net/ipv4/conf/eth0.3/rp_filter
    + value: as /proc/sys prints it; true and false are 1 and 0
    + netns: the namespace that it belongs to
    + arguments: `network_name`, `persist`, and pyinfra's global arguments

    Reads it, and `all` where that has a say; writes it, its file in /etc/sysctl.d, and the ledger.
    A value that would not come true (see kernel parameters in the docs) is refused.

    **Example:**

    .. code:: python

        from netwright.operations import sysctl

        sysctl.sysctl(name="Forward", key="net.ipv4.ip_forward", value=1)
    """
    try:
        canonical = _KEY.validate_python(key)
    except ValidationError as error:
        reason = error.errors()[0]["ctx"]["error"]
        raise OperationValueError(f"sysctl: {key!r} {reason}") from None
    return declare("sysctl", {key: value}, canonical, netns, **arguments)
