"""An installed netwright has everything that a checkout has, under the same names."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
FOLDERS = ("facts", "operations", "deploys", "lab", "verification", "commands")

IMPORT_ALL = """
import importlib, pkgutil, sys
import netwright
assert netwright.__file__.startswith(sys.argv[1]), netwright.__file__
names = [info.name for info in pkgutil.walk_packages(netwright.__path__, "netwright.")]
for name in names:
    # A deploy is run by pyinfra, not imported.
    if not name.startswith("netwright.deploys."):
        importlib.import_module(name)
print(*names)
"""


def _run(*words, **options):
    done = subprocess.run(words, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_wheel_of_the_sdist_imports(tmp_path):
    # Without --wheel and --sdist the wheel is built from the sdist, not from the checkout.
    _run(sys.executable, "-m", "build", "--outdir", str(tmp_path / "dist"), cwd=ROOT)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    target = tmp_path / "installed"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    _run(*pip, "--target", str(target), str(wheel), cwd=tmp_path)
    output = _run(
        sys.executable,
        *("-W", "ignore", "-c", IMPORT_ALL, str(target)),
        cwd=tmp_path,
        env={"PYTHONPATH": str(target), "PATH": "/usr/bin:/bin"},
    )
    modules = set(output.split())
    for folder in FOLDERS:
        files = {path.stem for path in (ROOT / folder).glob("*.py")} - {"__init__"}
        assert files, folder
        missing = {f"netwright.{folder}.{name}" for name in files} - modules
        assert not missing
        scripts = {path.name for path in (ROOT / folder).glob("*.sh")}
        assert scripts == {path.name for path in (target / "netwright" / folder).glob("*.sh")}
