"""Measures all tools side by side on one lab host: `python -m benchmarks --help`."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import click

from benchmarks import report
from benchmarks.check import check, check_pairs
from benchmarks.contenders import CONTENDERS, MANAGERS, ROOT, Contender, Target, missing
from benchmarks.fleet import Fleet, fleets, waiting
from benchmarks.goals import Results, goals
from benchmarks.measure import Figures, Stopped, measured, reset
from benchmarks.planner import plans
from benchmarks.profile import profile

SETUP = """set -e
mkdir -p /etc/ssh/sshd_config.d
printf 'LogLevel VERBOSE\\nMaxStartups 200\\n' > /etc/ssh/sshd_config.d/bench.conf
systemctl restart ssh
PATH=$PATH:/usr/sbin; command -v ifreload > /dev/null ||
  { apt-get -q update && apt-get -qy install python3 ifupdown2 bridge-utils; } > /dev/null
systemctl --quiet disable --now networking 2> /dev/null || :
# Where ifupdown2 has its lock.
mkdir -p /run/network
"""
Samples = dict[tuple[str, int, str], list[Figures]]
LeftOut = dict[tuple[str, int], str]
Checked = Callable[[Target, int, bool], None]


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--sizes", default="10,100,1000", show_default=True, help="The n of W(n).")
@click.option("--rounds", default=3, show_default=True, help="Runs of each, all tools in turn.")
@click.option("--limit", default=900.0, show_default=True, help="Seconds before a run is stopped.")
@click.option("--write", is_flag=True, help="Write docs/benchmarks.md and docs/benchmarks.svg.")
def main(sizes: str, rounds: int, limit: float, write: bool) -> None:
    """Makes W(n) by each tool on a lab host and prints what it cost, and each goal, met or not.

    \b
    Example:
      python -m benchmarks --sizes 10 --rounds 1
    """
    from benchmarks import bench_host
    from netwright.lab import places

    data = bench_host.hosts[0][1]
    target = Target(data["ssh_hostname"], data["ssh_key"], data["ssh_config_file"])
    reached_by = {key: value for key, value in data.items() if key.startswith("ssh_")}
    os.environ["BENCH_HOST"] = json.dumps(reached_by)
    subprocess.run(target.ssh("sh"), input=SETUP, text=True, check=True)
    numbers = [int(size) for size in sizes.split(",")]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder), places.link("bench"), limit
        click.echo("==> W(n)")
        results, left_out = _all(CONTENDERS, check, numbers, rounds, target, place)
        click.echo("==> L(n)")
        managers = _all(MANAGERS, check_pairs, numbers, 1, target, place)
    click.echo("==> where the time goes")
    profiles = {number: list(profile(target, number, limit)) for number in numbers}
    click.echo("==> the planner alone")
    planned = plans()
    click.echo("==> fleets")
    fleet: Fleet = {}
    waited = None
    try:
        fleet = fleets(target, places.link("bench"), limit)
        waited = waiting(target, places.link("bench"), limit)
    except Stopped as error:
        # Told at the end, too: its goals are not measured. The rest took an hour.
        click.echo(f"fleets: {error}", err=True)
    found = report.Measured(results, left_out, managers, profiles, planned, fleet)
    page = report.markdown(found, goals(results, planned, fleet, waited, _tested()), rounds)
    click.echo(page)
    if write:
        (ROOT / "docs/benchmarks.md").write_text(page)
        report.plot(results, ROOT / "docs/benchmarks.svg")


def _tested() -> float | None:
    """What scripts/test.sh has noted."""
    path = ROOT / "build/test-seconds"
    return float(path.read_text()) if path.exists() else None


def _all(
    contenders: Sequence[Contender],
    checked: Checked,
    numbers: Iterable[int],
    rounds: int,
    target: Target,
    place: tuple[Path, str, float],
) -> tuple[Results, LeftOut]:
    """All tools in turn; the medians, and who was left out."""
    samples: Samples = {}
    left_out: LeftOut = {}
    for number in numbers:
        for _ in range(rounds):
            for contender in random.sample(contenders, len(contenders)):
                _one(contender, checked, number, target, place, samples, left_out)
    return {key: _median(found) for key, found in samples.items()}, left_out


def _one(
    contender: Contender,
    checked: Checked,
    number: int,
    target: Target,
    place: tuple[Path, str, float],
    samples: Samples,
    left_out: LeftOut,
) -> None:
    """One round of one tool: from nothing, again, and with one thing changed."""
    folder, link, limit = place
    key = contender.name, number
    why = missing(contender) or (number > contender.most and f"n is bounded to {contender.most}")
    if why or key in left_out:
        left_out.setdefault(key, str(why))
        return
    if _is_slow(samples, key):
        return
    try:
        reset(target)
        for kind in ("cold", "again", "changed") if contender.again else ("cold", "changed"):
            if kind == "changed" and _is_slow(samples, key):
                continue
            process = contender.make(target, folder, number, kind == "changed")
            found = measured(process, target, link, limit)
            checked(target, number, kind == "changed")
            samples.setdefault((*key, kind), []).append(found)
            click.echo(f"n = {number}, {contender.name}, {kind}: {found.seconds:.2f} s", err=True)
    except Stopped as error:
        left_out[key] = str(error)
        click.echo(f"n = {number}, {contender.name}: {error}", err=True)
    finally:
        reset(target)


def _is_slow(samples: Samples, key: tuple[str, int]) -> bool:
    return any(found.seconds > report.ONCE for found in samples.get((*key, "cold"), ()))


def _median(found: list[Figures]) -> Figures:
    return sorted(found, key=lambda item: item.seconds)[(len(found) - 1) // 2]


if __name__ == "__main__":
    sys.exit(main())
