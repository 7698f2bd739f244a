"""A clock that jumps while a change waits for its confirmation: the host goes by its own uptime."""

from __future__ import annotations

import time

import pytest

from tests.vm.machines import ROOT, Machines

pytestmark = pytest.mark.lab

CONFIRM = 30
# Both ways, and by far more than the time that is waited.
JUMPS = "sleep 8; date -s '+3 hours'; sleep 6; date -s '-9 hours'"
WATCH = """
until iptables -S INPUT | grep -q DROP; do sleep 0.1; done; cat /proc/uptime
while iptables -S INPUT | grep -q DROP; do sleep 0.1; done; cat /proc/uptime
"""


def test_the_undo_comes_in_time(machines: Machines) -> None:
    machines.declare("a", {"iptables": {"filter": {"INPUT": ["-p tcp --dport 22 -j DROP"]}}})
    for name, text in (("jumps", JUMPS), ("watch", WATCH)):
        machines.ssh("a", f"cat > /root/{name} <<'END'\n{text}\nEND")
    machines.ssh("a", "nohup sh /root/watch > /root/times 2>&1 < /dev/null &")
    machines.ssh("a", "nohup sh /root/jumps > /root/dates 2>&1 < /dev/null &")
    try:
        flags = ("-y", "--limit", "a")
        done = machines.run(
            "pyinfra", *flags, machines.inventory, ROOT / "deploys/network.py", ok=False
        )
        said = done.stdout + done.stderr
        assert f"the change cut this connection off; it was not confirmed in {CONFIRM} s" in said
        # A slow host still does when the controller asks; the times below tell that it has.
        assert "undone it by itself" in said or "undoes the change by itself" in said
        assert len(machines.ssh("a", "cat /root/dates").splitlines()) == 2, "it has jumped"
        armed, undone = (
            float(line.split()[0]) for line in machines.ssh("a", "cat /root/times").splitlines()
        )
        # The rule is there some time after the undo was armed.
        assert CONFIRM - 10 < undone - armed < CONFIRM + 5
    finally:
        machines.ssh("a", f"date -s @{int(time.time())}")
        machines.declare("a", {})
