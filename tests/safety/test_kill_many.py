"""One Perl process changes many namespaces: killed in it, alone or with all, or made to fail."""

from __future__ import annotations

import os
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from netwright import run as runs
from tests.safety.killing import Victim

pytestmark = [pytest.mark.live, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]

NAMES = [f"n{number}" for number in range(1, 21)]
TRIED = 9


def _document(last: int, forward: int) -> dict[str, Any]:
    return {
        "links": {
            f"k{name}": {"kind": "veth", "veth": {"peer": {"name": "eth0", "netns": name}}}
            for name in NAMES
        },
        "netns": {
            name: {
                "links": {"eth0": {"addresses": [f"10.77.0.{last}/24", f"10.78.0.{last}/24"]}},
                "sysctl": {"net.ipv4.ip_forward": forward, "net.ipv4.conf.eth0.arp_ignore": last},
            }
            for name in NAMES
        },
    }


OLD, NEW = _document(1, 1), _document(2, 0)


def _old(victim: Victim) -> Any:
    victim.converge(OLD)
    # Whoever would start one is told of.
    victim.sh("printf '#!/bin/sh\\necho nsenter >> /mnt/entered\\nexec /usr/bin/nsenter \"$@\"\\n'"
              " > /mnt/kill/nsenter; chmod +x /mnt/kill/nsenter")  # fmt: skip
    return victim.prepare(NEW)


@pytest.fixture(scope="module")
def ends() -> tuple[Any, Any, range]:
    """The old state and the new one, and the points in the change of the namespaces."""
    with Victim() as victim:
        run = _old(victim)
        old = victim.fingerprint()
        assert not victim.kill(run.script("test")), victim.output
        assert not victim.sh("cat /mnt/entered 2> /dev/null || :"), "it is Perl that enters"
        points = victim.count()
        new = victim.fingerprint()
        assert old != new
        # Two lines at least in each namespace, each with a point before it and one after it.
        assert points > 4 * len(NAMES)
        return old, new, range(points // 8, points, max(1, points // TRIED))


def _which(victim: Victim, ends: Any) -> str:
    now = victim.fingerprint()
    return next(
        (what for what, end in zip(("old", "new"), ends, strict=False) if now == end), "third"
    )


@pytest.mark.parametrize("alone", [False, True], ids=["with its tools", "alone"])
def test_killed(ends: Any, alone: bool) -> None:
    def attempt(point: int) -> str:
        with Victim() as victim:
            run = _old(victim)
            victim.kill(run.script("test"), f"main {point}", alone=alone)
            victim.settled()
            victim.recover(run)
            return _which(victim, ends)

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(attempt, ends[2]))
    print(f"\nkilled in many namespaces: {len(found)} points: {found}")
    assert set(found) <= {"old", "new"}
    assert found.count("old") > len(found) // 2


_WRONG = {
    "ip": ("address delete 10.77.0.1/24", "address delete 10.99.0.1/24", "not found"),
    "sysctl": ("net/ipv4/conf/eth0/arp_ignore 2", "net/ipv4/conf/eth0/nothing 2", "eth0/nothing"),
}
_NO_PERL = "printf '#!/bin/sh\\nexit 127\\n' > /mnt/bin/perl; chmod +x /mnt/bin/perl"
_ONE = "printf '#!/bin/sh\\necho 1\\n' > /mnt/bin/nproc; chmod +x /mnt/bin/nproc"
_TWO = _ONE.replace("echo 1", "echo 2")


@pytest.mark.parametrize("tool", _WRONG)
@pytest.mark.parametrize("host", [_TWO, _ONE, _NO_PERL], ids=["two", "one", "no Perl"])
def test_a_line_that_fails(ends: Any, tool: str, host: str) -> None:
    """What was done before it is undone, in the namespaces before it, too."""
    line, wrong, words = _WRONG[tool]
    with Victim() as victim:
        run = _old(victim)
        victim.sh(host)
        batch = rf"(\n@ \d+ {tool} n12\n(?:[^@].*\n)*?)"
        text, times = re.subn(batch + re.escape(line), rf"\g<1>{wrong}", run.script("test"))
        assert times == 1
        done = victim.run(text)
        answer = runs.answer(run, done.stdout.splitlines())
        assert answer.failed is not None
        assert answer.failed.netns == "n12"
        assert answer.line == f"{tool} {line}" + " dev eth0" * (tool == "ip")
        assert words in answer.words
        # Of its own step also what had not come yet.
        assert not [text for text in answer.left if re.match(rf"{tool} (?!n12 )", text)]
        assert _which(victim, ends) == "old"


# The one that has started it, as it comes to the seventh namespace, with its batch half done.
_KILLS = r"""cat > /mnt/bin/ip <<'END'
#!/bin/sh
if [ "$*" = '-batch -' ] && [ ! -e /mnt/killed ] &&
  [ /proc/self/ns/net -ef /run/netns/n7 ] && ln -s x /mnt/killed; then
  read -r first
  echo "$first" | /usr/sbin/ip -batch -
  cut -d' ' -f2 /proc/$PPID/stat > /mnt/killed-name
  kill -9 $PPID
  exit 0
fi
exec /usr/sbin/ip "$@"
END
chmod +x /mnt/bin/ip
"""


def test_a_walker_that_is_killed(ends: Any) -> None:
    """Which line it was at nobody knows: all of its batch is undone, once the other has ended."""
    with Victim() as victim:
        run = _old(victim)
        assert "  nw_each apart <<" in run.script("test")
        victim.sh(_KILLS)
        done = victim.run(run.script("test"))
        assert victim.sh("cat /mnt/killed-name") == "(perl)\n"
        answer = runs.answer(run, done.stdout.splitlines())
        assert answer.failed is not None
        assert _which(victim, ends) == "old"


@pytest.mark.parametrize("host", [_TWO, _ONE, _NO_PERL], ids=["two", "one", "no Perl"])
def test_all_of_it(ends: Any, host: str) -> None:
    with Victim() as victim:
        run = _old(victim)
        victim.sh(host)
        assert victim.execute(run).failed is None
        assert _which(victim, ends) == "new"


# Of the journal's page one byte is left, of the file system nothing but the reserve.
_FULL = """
  head -c 4095 /dev/zero | tr '\\0' '\\n' > "$nw_dir/at"
  dd if=/dev/zero of=/run/netwright/fill bs=1000 2> /dev/null
"""


def test_no_space_for_the_journal(ends: Any) -> None:
    with Victim() as victim:
        run = _old(victim)
        text = run.script("test")
        filled = text.replace("  nw_each ", f"{_FULL}  nw_each ", 1)
        assert filled != text
        victim.sh("mkdir -p /run/netwright; mount -t tmpfs -o size=2500000 tmpfs /run/netwright")
        done = victim.run(filled)
        answer = runs.answer(run, done.stdout.splitlines())
        assert answer.failed is not None
        assert answer.words == "no space is left in /run/netwright"
        assert not answer.left
        assert _which(victim, ends) == "old"
