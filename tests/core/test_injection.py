"""No string of a declaration reaches a shell: each field, each way out, is refused or inert."""

import copy
import subprocess
from pathlib import Path

import pytest
import yaml

from netwright import run, snapshot
from netwright.errors import DeclarationError, HostError
from netwright.state import load

pytestmark = pytest.mark.live

DOCUMENT = yaml.safe_load((Path(__file__).parents[1] / "live/documents/much.yaml").read_text())
WAYS_OUT = [
    "x; touch {marker}",
    "$(touch {marker})",
    "`touch {marker}`",
    "x\ntouch {marker}\n",
    "'; touch {marker}; '",
    '"; touch {marker}; "',
    "x | touch {marker}",
    "x > {marker}",
    "-x",
    "--help",
    "../../../{marker}",
    "x\x00y",
    "NW_END\ntouch {marker}",
    "ünïcode",
    "sixteen-letters-",
]


def _places(value, path=()):
    """The path of every string in the document, keys among them."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield (*path, ("key", key))
            yield from _places(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _places(item, (*path, index))
    else:
        yield path


def _with(path, text):
    document = copy.deepcopy(DOCUMENT)
    document.pop("checks", None)
    inner = document
    for part in path[:-1]:
        inner = inner[part]
    last = path[-1]
    if isinstance(last, tuple):
        inner[text] = inner.pop(last[1])
    else:
        inner[last] = text
    return document


def test_no_field_breaks_out(tmp_path):
    marker = tmp_path / "marker"
    document = {key: value for key, value in DOCUMENT.items() if key != "checks"}
    places = list(_places(document))
    refused, scripts, broken = 0, [], []
    for path in places:
        for way in WAYS_OUT:
            text = way.format(marker=marker)
            try:
                declared = load(_with(path, text))
                before = snapshot.Snapshot(load({"links": {"lo": {}}}))
                made = run.prepare("network", declared, before)
            except (DeclarationError, HostError) as error:
                broken += [(path, way) for problem in error.problems if "\n" in str(problem)]
                refused += 1
                continue
            scripts += [made.script("somebody's"), snapshot.script(snapshot.reads(declared))]
    assert not broken, "an error is one line"
    assert len(places) > 150
    assert refused > 1000
    assert scripts, "a parameter's value may be any text, so some are accepted"
    for number, script in enumerate(scripts):
        (tmp_path / f"{number}.sh").write_text(script)
    # In one sandbox, one after the other; most fail, since the kernel wants no such value.
    done = subprocess.run(
        ["unshare", "--mount", "--net", "sh", "-c", SANDBOX, "sandbox", str(tmp_path)],
        capture_output=True, text=True, timeout=500, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert f"ran {len(scripts)}" in done.stdout
    assert not marker.exists()
    print(f"\nstrings {len(places)}, tried {len(places) * len(WAYS_OUT)},", end=" ")
    print(f"refused {refused}, run and inert {len(scripts) // 2}")


SANDBOX = """
mount -t tmpfs none /run && mkdir -p /run/netns && mount -t tmpfs none /etc || exit 1
count=0
for script in "$1"/*.sh; do
  timeout 20 sh < "$script" > /dev/null 2>&1
  count=$((count + 1))
  ip -all netns delete; ip link delete gw7.9 2> /dev/null; ip link delete vbr 2> /dev/null
  ip link delete p1 2> /dev/null; rm -rf /run/netwright /etc/netwright
done
echo "ran $count"
"""
