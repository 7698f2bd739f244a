"""What tests counted is part of a run's output, also where they pass."""

from __future__ import annotations

from pathlib import Path

# Others' output is that of whole runs of pytest or of the lab.
COUNTING = ("commands", "core", "installs", "iptables", "live", "safety", "scenarios")
LINES = 12


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
