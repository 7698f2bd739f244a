"""Tests run side by side: no two inventories may want the same network."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]
# As an inventory has it, as a test's own bench is told it, as a test builds it.
LAB = re.compile(
    r"""subnet=f?"(198\.[\d.]+)\.0/24"|
        (?:inventory|Bench|bench)\([^()]*"(198\.[\d.]+)\.0/24"|
        ^SUBNET\ =\ "(198\.[\d.]+)\"""",
    re.VERBOSE | re.MULTILINE,
)


def test_each_lab_has_a_network_of_its_own() -> None:
    found = defaultdict(set)
    for folder in ("inventories", "tests", "docs", "benchmarks"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in (".py", ".md") and path != Path(__file__):
                for groups in LAB.findall(path.read_text()):
                    found["".join(groups)].add(str(path.relative_to(ROOT)))
    assert len(found) > 30
    shared = {net: files for net, files in found.items() if len(files) > 1}
    assert shared == {}
