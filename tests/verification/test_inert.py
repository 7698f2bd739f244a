"""Without --verify nobody notices that the plugin is there."""

import os
import subprocess
import sys
import textwrap

from tests.verification.fakehost import ROOT


def test_without_verify_the_plugin_costs_nothing(tmp_path):
    """It is loaded into every pytest run of an environment that has netwright."""
    script = """
        import sys
        import pytest
        before = set(sys.modules)
        import netwright.verification.plugin
        new = {name.partition(".")[0] for name in set(sys.modules) - before}
        heavy = {"pyinfra", "pyinfra_cli", "gevent", "testinfra", "paramiko", "pydantic", "yaml"}
        sys.exit(f"imports {new & heavy}" if new & heavy else 0)
    """
    subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        check=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
