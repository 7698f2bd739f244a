"""What tests counted is part of a run's output, also where they pass; how they are spread."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Minutes each, by a run of everything: first, so that what is left for the end is short.
LONGEST = (
    "vm/test_machines.py",
    "scenarios/test_scenarios.py",
    "live/test_pairs.py",
    "safety/test_kill.py",
    "installs/test_etcd_changes.py",
    "installs/test_fabric.py",
    "installs/test_fabric_docker.py",
    "commands/test_adopt_live.py",
    "commands/test_rollout.py",
    "lab/test_live.py",
    "safety/test_lockout.py",
    "installs/test_etcd.py",
    "installs/test_calico.py",
    "installs/test_docker.py",
    "iptables/test_corpus.py",
    "verification/test_checks_live.py",
)
# Their tests share nothing that is dear; those of other files stay together, with their lab.
ONE_BY_ONE = (
    "commands/test_adopt_live.py",
    "live/test_pairs.py",
    "scenarios/test_scenarios.py",
)

# Others' output is that of whole runs of pytest or of the lab.
COUNTING = ("commands", "core", "installs", "iptables", "live", "safety", "scenarios")
LINES = 12
# Emulated machines are one worker's, one after the other: three at once took five minutes to boot.
EMULATED = ("vm/test_machines.py", *(f"scenario[{it}]" for it in ("qinq", "service_ipvs", "vlan")))


def pytest_sessionstart():
    """The verifications that tests start load no plugins that only these tests need."""
    os.environ["PYTEST_ADDOPTS"] = "-p no:hypothesispytest -p no:typeguard"


def pytest_terminal_summary(terminalreporter):
    """The lines that passed tests printed."""
    found = [
        (report.nodeid, lines[:LINES])
        for report in terminalreporter.stats.get("passed", ())
        # An item of a verification is named by its host, not by a file.
        if {*Path(report.nodeid).parts[1:2]} & {*COUNTING}
        and (lines := [line for line in report.capstdout.splitlines() if line.strip()])
    ]
    if found:
        terminalreporter.section("figures")
    for nodeid, lines in found:
        terminalreporter.write_line(nodeid)
        for line in lines:
            terminalreporter.write_line(f"    {line[:200]}")


def _file(nodeid):
    return nodeid.partition("::")[0].removeprefix("tests/")


def _is_emulated(nodeid):
    return _file(nodeid) in EMULATED or nodeid.endswith(EMULATED)


def pytest_runtest_setup(item):
    """Emulated machines have their worker's time to themselves, and are what takes longest."""
    if os.geteuid() == 0:
        os.setpriority(os.PRIO_PROCESS, 0, -5 if _is_emulated(item.nodeid) else 0)


def pytest_collection_modifyitems(items):
    """The longest first."""
    rank = {file: number for number, file in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(_file(item.nodeid), len(rank)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """What `--dist loadfile` is here: by file, but for those that are dearer or freer."""
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class Spread(LoadFileScheduling):
        def _split_scope(self, nodeid):
            if _is_emulated(nodeid):
                return "emulated"
            return nodeid if _file(nodeid) in ONE_BY_ONE else super()._split_scope(nodeid)

    return Spread(config, log)
