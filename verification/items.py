"""The pytest nodes: a collector for each host, an item for each thing that is verified."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from netwright.verification.boot_claims import boot_claim, is_ours
from netwright.verification.check_run import CheckFailed
from netwright.verification.check_runs import CheckRuns
from netwright.verification.claim import Claim
from netwright.verification.claims import claims
from netwright.verification.connection import NotReached
from netwright.verification.hosts import Hosts
from netwright.verification.installs import InstallClaim
from netwright.verification.inventory import InventoryError, Target, read

__all__ = ["collect"]


class Failure(Exception):
    """One line that says what is wrong; no traceback belongs to it."""


class Short:
    """How a failure is shown: pytest prints it, and its summary shows `reprcrash.message`."""

    def __init__(self, nodeid: str, text: str) -> None:
        self.nodeid = nodeid
        self.message = text
        self.reprcrash = self

    def __str__(self) -> str:
        return f"{self.nodeid}: {self.message}"

    def toterminal(self, terminal: Any) -> None:
        terminal.line(str(self), red=True)


class HostNode(pytest.Collector):
    """A host of the inventory."""

    def __init__(
        self, *, target: Target, hosts: Hosts, runs: CheckRuns, problems: bool, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.target = target
        self.hosts = hosts
        self.runs = runs
        self.problems = problems
        self.connection_ran = False

    def collect(self) -> Iterator[pytest.Item]:
        """What is wrong with the declaration; if nothing is, all that it declares."""
        if self.problems:
            for number, problem in enumerate(self.target.problems):
                name = f"declaration[{number}] {problem.path}".rstrip()
                yield ProblemItem.from_parent(self, name=name, text=str(problem))
            return
        for install in self.target.installs:
            yield InstallItem.from_parent(self, name=install.path, claim=install)
        if self.target.settings is None:
            return
        state = self.target.settings.network
        yield ConnectionItem.from_parent(self, name="connection")
        for claim in claims(state):
            yield ClaimItem.from_parent(self, name=claim.path, claim=claim)
        if self.target.settings.persist and state.given().keys() - {"checks"}:
            yield BootItem.from_parent(self, name="boot", claim=boot_claim(state))
        for number, check in enumerate(state.checks or ()):
            yield CheckItem.from_parent(self, name=f"checks[{number}] {check}", number=number)


class NetworkItem(pytest.Item):
    """What all items share: their host, and failures of one line."""

    parent: HostNode

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *args: Any) -> Any:
        if isinstance(excinfo.value, (Failure, NotReached, CheckFailed)):
            return Short(self.nodeid, str(excinfo.value))
        return super().repr_failure(excinfo)

    def reportinfo(self) -> tuple[Path, None, str]:
        # pytest writes the dots of a text that ends like the node's name as "::".
        return self.path, None, f"{self.parent.name} {self.name}"

    def reached(self) -> None:
        """Passes over what can't be known of a host that isn't reached. That its connection item
        has failed keeps the run red; if that item isn't part of it, this one fails."""
        try:
            self.parent.hosts.seen(self.parent.name)
        except NotReached as error:
            if self.parent.connection_ran:
                pytest.skip(str(error))
            raise


class ProblemItem(NetworkItem):
    """One problem of a declaration."""

    def __init__(self, *, text: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.text = text

    def runtest(self) -> None:
        raise Failure(self.text)


class ConnectionItem(NetworkItem):
    """The host is reached and can be read."""

    def runtest(self) -> None:
        self.parent.connection_ran = True
        self.parent.hosts.seen(self.parent.name)


class ClaimItem(NetworkItem):
    """One declared thing is on the host as declared."""

    def __init__(self, *, claim: Claim, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.claim = claim

    def runtest(self) -> None:
        self.reached()
        failure = self.claim.failure(self.parent.hosts.seen(self.parent.name))
        if failure is not None:
            raise Failure(failure)


class BootItem(ClaimItem):
    """The next boot brings it all back."""

    def runtest(self) -> None:
        self.reached()
        if not is_ours(self.parent.hosts.seen(self.parent.name)):
            pytest.skip("no run of netwright has been here: nothing of it is said to come back")
        super().runtest()


class InstallItem(NetworkItem):
    """One thing of what is installed is as declared."""

    def __init__(self, *, claim: InstallClaim, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.claim = claim

    def runtest(self) -> None:
        failure = self.claim.failure(self.parent.hosts)
        if failure is not None:
            raise Failure(failure)


class CheckItem(NetworkItem):
    """One check: packets do what is declared of them."""

    def __init__(self, *, number: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.key = (self.parent.name, number)

    def runtest(self) -> None:
        self.reached()
        self.parent.runs.wait(self.key)


def collect(session: pytest.Session) -> None:
    """Make the items of the session: those of its inventory and nothing else."""
    config = session.config
    inventory = config.getoption("--pyinfra-inventory")
    try:
        targets = read(inventory)
    except InventoryError as error:
        raise pytest.UsageError(str(error)) from None
    hosts = Hosts(targets, config.getoption("--verify-grace"))
    runs = CheckRuns(hosts)
    config.add_cleanup(hosts.close)
    # Called first: what listens is stopped over the connections.
    config.add_cleanup(runs.stop)
    wrong = any(target.problems for target in targets.values())
    items: list[pytest.Item] = []
    for target in targets.values():
        node = HostNode.from_parent(
            session,
            name=target.name,
            nodeid=target.name,
            target=target,
            hosts=hosts,
            runs=runs,
            problems=wrong,
        )
        items += session.genitems(node)
    session.items = _selected(config, items)
    config.pluginmanager.check_pending()
    config.hook.pytest_collection_modifyitems(session=session, config=config, items=session.items)
    runs.select(item.key for item in session.items if isinstance(item, CheckItem))
    config.hook.pytest_collection_finish(session=session)
    session.testscollected = len(session.items)


def _selected(config: pytest.Config, items: list[pytest.Item]) -> list[pytest.Item]:
    """The items that the command line names, all if it names none. Paths of files are no names of
    ours and are left aside, since nothing but the inventory is collected."""
    if config.args_source is not pytest.Config.ArgsSource.ARGS:
        return items
    hosts = {item.nodeid.partition("::")[0] for item in items}
    names = [arg for arg in config.args if arg.partition("::")[0] in hosts]
    for arg in config.args:
        if arg not in names and not Path(arg.partition("::")[0]).exists():
            raise pytest.UsageError(f"{arg}: no such host; there: {', '.join(sorted(hosts))}")
    found = [item for item in items if any(_is_named(item.nodeid, name) for name in names)]
    if names and not found:
        raise pytest.UsageError(f"nothing is declared at {', '.join(names)}")
    return found if names else items


def _is_named(nodeid: str, name: str) -> bool:
    return nodeid == name or (nodeid.startswith(name) and nodeid[len(name)] in ":.[ ")
