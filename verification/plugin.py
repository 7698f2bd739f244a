"""The pytest plugin: `pytest --pyinfra-inventory INVENTORY --verify`.

It is loaded into every pytest run of an environment that has netwright, so it imports nothing
until --verify is given.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

__all__ = ["pytest_addoption", "pytest_collection", "pytest_configure"]

_HELP_INVENTORY = (
    "the inventory to verify: what `pyinfra` takes as its inventory. How hosts are reached (user, "
    "key, port, known hosts, jump hosts, sudo) is taken from it."
)
_HELP_VERIFY = (
    "verify the hosts of --pyinfra-inventory: one test item for each thing that their `network` "
    "declares and for each of its checks, named HOST::PATH. Nothing else is collected. Checks that "
    "don't disturb each other run side by side. Arguments select "
    "by name: a, a::links.br0, a::netns.test1."
)
_HELP_GRACE = (
    "seconds (default: 5) that a check with `expect: ok` may need until it succeeds; right after a "
    "converge, neighbours and bridges still have to learn."
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options, under a heading of their own in `pytest --help`."""
    group = parser.getgroup("netwright", "network verification")
    group.addoption("--pyinfra-inventory", metavar="INVENTORY", help=_HELP_INVENTORY)
    group.addoption("--verify", action="store_true", default=False, help=_HELP_VERIFY)
    group.addoption("--verify-grace", metavar="SECONDS", type=float, default=5.0, help=_HELP_GRACE)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Refuses --verify alone; keeps to one process; has names shown as they are."""
    if not config.getoption("--verify"):
        return
    if not config.getoption("--pyinfra-inventory"):
        raise pytest.UsageError("--verify needs --pyinfra-inventory INVENTORY")
    # All hosts are read at once anyway; and pyinfra patches threads, on which pytest-xdist depends.
    if config.getoption("dist", "no") != "no":
        config.option.dist = "no"
    # pytest takes what stands before "::" for a path and shows it as seen from where it was called;
    # hosts' names are no paths.
    config.invocation_params = replace(config.invocation_params, dir=config.rootpath)


def pytest_collection(session: pytest.Session) -> bool | None:
    """In place of pytest's own collection when --verify is given."""
    if not session.config.getoption("--verify"):
        return None
    from netwright.verification.items import collect

    collect(session)
    return True
