"""A notebook server in a namespace, behind a rule and behind a proxy; asked from outside."""

from __future__ import annotations

from pathlib import Path
from shlex import quote

import pytest

from tests.installs.bench import ROOT, Bench

pytestmark = pytest.mark.lab

INVENTORY = ROOT / "inventories" / "notebook.py"
PAGE = "curl -s -m 20 -o /tmp/page -w '%{http_code}' 'http://198.18.206.{last}:8888/tree{token}'"


def test_an_outside_host_gets_the_page(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "notebook", "", "notebook", ())
    bench.file = INVENTORY
    try:
        bench.up()
        for deploy in ("network", "notebook"):
            bench.deploy(deploy, "-y")
        for deploy in ("network", "notebook"):
            bench.silent(deploy)
        bench.verify()
        _asked(bench)
        # Both come back by themselves: the namespace from what was written for the boot.
        bench.lab("reboot", bench.name, "dnat")
        bench.lab("reboot", bench.name, "proxy", "--hard")
        _asked(bench)
    finally:
        bench.down()


def _asked(bench: Bench) -> None:
    for last in ("10", "11"):
        ask = PAGE.replace("{last}", last)
        # The proxy is up before what it is in front of.
        wait = f'until [ "$({ask.replace("{token}", "")})" = 302 ]; do sleep 0.5; done'
        bench.sh("outside", f"timeout 120 sh -c {quote(wait)}")
        assert bench.sh("outside", ask.replace("{token}", "?token=a-token")) == "200"
        assert "Home Page" in bench.sh("outside", "cat /tmp/page")
        # Who does not know the token gets no further than the door.
        assert bench.sh("outside", ask.replace("{token}", "")) == "302"
