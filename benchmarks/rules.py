"""Twenty ordinary rules by three tools, beside one rule of others: `python -m benchmarks.rules`.

Each converges them, converges them again, and once more after somebody has moved one of them to the
end and doubled another. On the lab host of the other benchmarks; `--write` puts the table into
docs/iptables.md.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from benchmarks.__main__ import SETUP
from benchmarks.contenders import ROOT, Process, Target, beside, inventory_of
from benchmarks.measure import Stopped, measured
from benchmarks.report import machine
from benchmarks.rules_twenty import RULES

FOREIGN = "-A INPUT -s 9.9.9.9/32 -j DROP"
EMPTY = "iptables -F; iptables -X; rm -rf /etc/netwright /run/netwright"
MARK = re.compile(r"(?<=<!-- measured -->\n).*?(?=\n<!-- end -->)", re.DOTALL)


def _netwright(folder: Path, target: Target) -> Process:
    rules = [rule.text for rule in RULES]
    return _pyinfra({"network": {"iptables": {"filter": {"INPUT": rules}}}}, "deploys/network.py")


def _own(folder: Path, target: Target) -> Process:
    return _pyinfra({}, "benchmarks/own_rules.py")


def _pyinfra(data: Mapping[str, Any], deploy: str) -> Process:
    words = [sys.executable, "-m", "pyinfra", "-y", "benchmarks/bench_host.py", deploy]
    return Process(words, {"BENCH_DATA": json.dumps(data)})


def _ansible(folder: Path, target: Target) -> Process:
    tasks = [
        {"ansible.builtin.iptables": {"chain": "INPUT", **rule.ansible}, "name": rule.text}
        for rule in RULES
    ]
    play = [{"hosts": "all", "gather_facts": False, "tasks": tasks}]
    path = folder / "rules.json"
    path.write_text(json.dumps(play))
    words = [beside("ansible-playbook"), "-i", str(inventory_of(target, folder)), str(path)]
    environment = {
        "ANSIBLE_PIPELINING": "1",
        "ANSIBLE_HOME": str(folder / "ansible"),
        "ANSIBLE_PYTHON_INTERPRETER": "/usr/bin/python3",
    }
    return Process(words, environment)


TOOLS: Mapping[str, Callable[[Path, Target], Process]] = {
    f"ansible.builtin.iptables (core {version('ansible-core')})": _ansible,
    f"pyinfra `iptables.rule` ({version('pyinfra')})": _own,
    "netwright `iptables.rules`": _netwright,
}


def _on(target: Target, text: str) -> str:
    done = subprocess.run(target.ssh("sh"), input=text, capture_output=True, text=True, check=True)
    return done.stdout


def _rules(target: Target) -> list[str]:
    return [line for line in _on(target, "iptables-save -t filter").splitlines() if "-A" in line]


def _row(name: str, target: Target, link: str, folder: Path) -> str:
    """One tool, from an empty chain with one rule of others."""
    _on(target, f"{EMPTY}; iptables {FOREIGN}")
    process = TOOLS[name](folder, target)
    first = measured(process, target, link, 300).seconds
    wanted = _rules(target)
    second = measured(process, target, link, 300).seconds
    again = _rules(target)
    added = len(again) - len(wanted)
    changed = "nothing" if again == wanted else f"{added} rules added once more"
    # The third of ours goes to the end, the fifth is there twice.
    moved, doubled = wanted[3], wanted[5]
    _on(target, f"iptables {moved.replace('-A', '-D', 1)}; iptables {moved}; iptables {doubled}")
    measured(process, target, link, 300)
    now = _rules(target)
    mended = "yes" if now == wanted else "no"
    kept = "kept" if FOREIGN in now else "lost"
    return f"| {name} | {first:.1f} s | {second:.1f} s | {changed} | {mended} | {kept} |"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--write", is_flag=True, help="Write the table into docs/iptables.md.")
def main(write: bool) -> None:
    """Prints the table."""
    from benchmarks import bench_host
    from netwright.lab import places

    data = bench_host.hosts[0][1]
    target = Target(data["ssh_hostname"], data["ssh_key"], data["ssh_config_file"])
    _on(target, SETUP)
    lines = [
        f"By `python -m benchmarks.rules`, on: {machine()}.",
        "",
        "| | first run | second run | changed by the second run | order and double mended |"
        " others' rule |",
        "|---|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as folder:
        for name in TOOLS:
            try:
                lines.append(_row(name, target, places.link("bench"), Path(folder)))
            except Stopped as error:
                lines.append(f"| {name} | not measured: {error} | | | | |")
            click.echo(lines[-1], err=True)
    _on(target, EMPTY)
    click.echo("\n".join(lines))
    if write:
        page = ROOT / "docs/iptables.md"
        page.write_text(MARK.sub(lambda _: "\n".join(lines), page.read_text()))


if __name__ == "__main__":
    main()
