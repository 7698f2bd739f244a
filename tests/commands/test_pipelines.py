"""The pipelines of the docs do what they say: each job's own lines, run as their runners run them,
in a repository as the docs have it, against labs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

pytestmark = pytest.mark.lab

ROOT = Path(__file__).parents[2]
INVENTORY = """
from netwright.lab import lab

network = {{
    "links": {{"pipebr": {{"kind": "bridge", "addresses": ["10.204.0.1/24"]}}}},
    "checks": [{{"from": "host", "ping": "10.204.0.1"}}],
}}
hosts = lab(__file__, name="{name}", subnet="{subnet}", hosts={{"a": {{"network": network}}}})
"""
# What makes a bare container one with Python; the machine of this test is none.
BARE = re.compile(r"apt-get")


class Runner:
    """A checked-out repository, and the environment of a runner."""

    def __init__(self, path: Path) -> None:
        self.place = path / "checkout"
        self.place.mkdir()
        self._inventory("lab", subnet="198.18.131.0/24")
        self._inventory("staging", subnet="198.18.132.0/24")
        (self.place / "inventory.py").write_text(
            'hosts = [("a", {"network": {"links": {"pipebr": {"kind": "bridge"}}}})]\n'
        )
        readme = (ROOT / "README.md").read_text()
        (deploy,) = re.findall(r"```python\n(from netwright\.deploys.*?)```", readme, re.DOTALL)
        (self.place / "network.py").write_text(deploy)
        # No registry has it: what pip is to find under this name is here.
        wheels = path / "wheels"
        build = [sys.executable, "-m", "build", "--wheel", "--outdir", wheels, ROOT]
        subprocess.run(build, check=True, capture_output=True, timeout=300)
        (wheel,) = wheels.glob("*.whl")
        constraint = path / "constraint.txt"
        constraint.write_text(f"netwright @ {wheel.as_uri()}\n")
        self.summary = path / "summary.md"
        self.environment = {
            **os.environ,
            "NETWRIGHT_STATE": str(path / "state"),
            "PIP_CONSTRAINT": str(constraint),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "GITHUB_STEP_SUMMARY": str(self.summary),
        }

    def _inventory(self, name: str, subnet: str) -> None:
        text = INVENTORY.format(name=f"pipe-{name}", subnet=subnet)
        (self.place / f"{name}.py").write_text(text)

    def run(self, shell: list[str], lines: str) -> str:
        """What a job's lines print."""
        done = subprocess.run(
            shell, input=lines, cwd=self.place, env=self.environment,
            capture_output=True, text=True, check=False, timeout=600,
        )  # fmt: skip
        assert done.returncode == 0, (lines, done.stdout[-3000:], done.stderr[-3000:])
        return done.stdout

    def verified(self) -> list[str]:
        """The items of the report, which is gone afterwards; all of them have passed."""
        report = self.place / "network.xml"
        cases = list(ElementTree.parse(report).iter("testcase"))
        assert [child.tag for case in cases for child in case] == []
        report.unlink()
        return [case.get("name", "") for case in cases]

    def labs(self) -> list[str]:
        """Of which there is anything."""
        labs = Path(self.environment["NETWRIGHT_STATE"]) / "labs"
        return sorted(path.name for path in labs.iterdir()) if labs.exists() else []


@pytest.fixture(scope="module")
def runner(tmp_path_factory):
    made = Runner(tmp_path_factory.mktemp("pipelines"))
    yield made
    if (made.place / ".venv/bin/netwright").exists():
        made.run(["sh", "-e"], ".venv/bin/netwright lab down --all\n")


def test_github(runner):
    # https://docs.github.com/actions/reference/workflow-syntax: `shell` unspecified.
    shell = ["bash", "-e", "/dev/stdin"]
    jobs = yaml.safe_load((ROOT / "docs/ci/github-actions.yml").read_text())["jobs"]
    ran = {}
    for name, job in jobs.items():
        for step in job["steps"]:
            assert step.get("if") in (None, "always()", "github.ref == 'refs/heads/main'")
            if "upload-artifact" in step.get("uses", ""):
                assert (runner.place / step["with"]["path"]).exists()
            lines = step.get("run", "")
            if lines and not BARE.search(lines):
                ran.setdefault(name, []).append(runner.run(shell, lines))
        if name == "lab":
            assert "checks[0] host ping 10.204.0.1" in " ".join(runner.verified())
            assert "pipe-lab" not in runner.labs()
    assert {name: len(found) for name, found in ran.items()} == {"lint": 2, "lab": 5, "staging": 4}
    assert "pipebr" in runner.summary.read_text()
    assert "1 confirmed" in ran["staging"][2]
    assert "links.pipebr" in " ".join(runner.verified())


def test_gitlab(runner):
    # https://docs.gitlab.com/runner/shells: before_script and script in one shell, pipefail on.
    shell = ["bash", "-eo", "pipefail", "/dev/stdin"]
    # The other pipeline's staging is over.
    if "pipe-staging" in runner.labs():
        runner.run(shell, ".venv/bin/netwright lab down staging.py\n")
    pipeline = yaml.safe_load((ROOT / "docs/ci/gitlab-ci.yml").read_text())
    before = pipeline["default"]["before_script"]
    jobs = {name: job for name, job in pipeline.items() if "script" in job}
    assert list(jobs) == ["lint", "lab", "plan", "rollout"]
    said = {}
    for name, job in jobs.items():
        script = job["script"] if isinstance(job["script"], list) else [job["script"]]
        said[name] = runner.run(shell, "\n".join([*before, *script]))
        for line in job.get("after_script", ()):
            runner.run(shell, line)
        if "junit" in str(job.get("artifacts", "")):
            assert "links.pipebr" in " ".join(runner.verified())
        if name == "lab":
            assert "pipe-lab" not in runner.labs()
    assert "pipebr" in said["plan"]
    assert "1 confirmed" in said["rollout"]
