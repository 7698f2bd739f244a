"""Kernel modules."""

from __future__ import annotations

from typing import Any

from pyinfra.api.operation import OperationMeta

from netwright.operations.part import declare

__all__ = ["module"]


def module(module: str, **arguments: Any) -> OperationMeta:
    """
    Load a kernel module, now and at boot. It is never unloaded: others may use it by then.

    + module: its name, like br_netfilter; one that is built in counts as loaded
    + arguments: `network_name`, `persist`, and pyinfra's global arguments

    Reads /proc/modules; writes /etc/modules-load.d and the ledger.

    **Example:**

    .. code:: python

        from netwright.operations import module

        module.module(name="Bridged packets through iptables", module="br_netfilter")
    """
    return declare("modules", [module], module, **arguments)
