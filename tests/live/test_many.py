"""Many namespaces: read in one process by Perl, by nsenter where there's none, and packed."""

from __future__ import annotations

import pytest

from netwright import snapshot
from netwright.errors import SnapshotError
from netwright.pack_shell import unpacked
from netwright.state import load
from tests.live.sandbox import Sandbox

pytestmark = pytest.mark.live

_NAMES = [f"n{number}" for number in range(1, 24)]
# Named like the file of the host's own questions, and like what is put aside.
_ODD = ["0", "1.left", "show"]
_PLAIN = {"sysctl": {"net.ipv4.ip_forward": "1", "net.ipv4.conf.default.rp_filter": "1"}}


def _own(name):
    """Parameters of a namespace that no other has: of neither family, of one, of the other."""
    number = int(name.removeprefix("n"))
    return {
        "net.core.somaxconn": str(1000 + number),
        "net.ipv4.ip_default_ttl": str(100 + number),
        "net.ipv4.tcp_fin_timeout": str(10 + number),
        "net.ipv6.conf.default.hop_limit": str(200 + number),
    }


_RULES = {"iptables": {"filter": {"INPUT": ["-i lo -j ACCEPT"]}}}
_DOCUMENT = {
    "sysctl": {key: str(int(value) + 50) for key, value in _own("n0").items()},
    "links": {"br0": {"kind": "bridge"}}
    | {
        f"v{name}": {"kind": "veth", "veth": {"peer": {"name": "eth0", "netns": name}}}
        for name in _NAMES
    },
    "netns": {
        name: {
            "sysctl": _PLAIN["sysctl"] | _own(name),
            "links": {"eth0": {"addresses": ["10.9.0.1/24"], "state": "up"}},
        }
        for name in _NAMES
    }
    | dict.fromkeys(_ODD, _PLAIN)
    | {"tables": _PLAIN | _RULES},
}
# Each tells of itself; the real ones are still there.
_TOLD = """
nsenter() { echo "$1" >> /run/told; command nsenter "$@"; }
"""
_NO_PERL = "perl() { return 127; }\n"
_BROKEN = """
mkdir -p /run/broken.bin
cat > /run/broken.bin/ip <<'END'
#!/bin/sh
if [ "$*" = '-j -d -N -batch -' ] && [ ! -e /run/broken ]; then
  : > /run/broken
  echo '[{"ifindex":1,"ifname":"half"}]'
  echo 'Dump was interrupted and may be inconsistent.' >&2
  exit 0
fi
PATH=${PATH#/run/broken.bin:} exec ip "$@"
END
chmod +x /run/broken.bin/ip
PATH=/run/broken.bin:$PATH
"""


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox() as made:
        made.converge(_DOCUMENT)
        yield made


def _read(sandbox, before=""):
    """The snapshot as it is printed, what was entered by nsenter, and the snapshot."""
    sandbox.sh("rm -f /run/told /run/broken")
    done = sandbox.sh(_TOLD + before + snapshot.script(snapshot.reads(load(_DOCUMENT))))
    assert (done.status, done.err) == (0, [])
    told = sandbox.sh("cat /run/told").out
    return done.out, told, snapshot.parse(done.out)


def test_perl_and_nsenter_read_the_same(sandbox):
    printed, told, found = _read(sandbox)
    assert [line for line in printed if line.startswith("@@")] == ["@@ packed"]
    # What only its tools can tell is still asked of them in the namespace.
    assert set(told) == {"--net=/run/netns/tables"}
    _, told, other = _read(sandbox, _NO_PERL)
    entered = {line.removeprefix("--net=/run/netns/") for line in told}
    assert entered == {*_NAMES, *_ODD, "tables"}
    assert found.state == other.state
    assert set(found.state.netns) == {*_NAMES, *_ODD, "tables"}
    # By pyroute2, of what the kernel has.
    kernel = sandbox.read()
    for name in _NAMES:
        space = found.state.netns[name]
        assert space.links["eth0"].mac == kernel[name]["links"]["eth0"]["mac"]
        assert space.sysctl["net/ipv4/ip_forward"] == "1"
        # A pattern's answer: a value of each link.
        assert space.sysctl["net/ipv4/conf/eth0/rp_filter"] == "1"
        wanted = _own(name)
        paths = " ".join(f"/proc/sys/{key.replace('.', '/')}" for key in wanted)
        assert sandbox.sh(f"ip netns exec {name} cat {paths}").out == [*wanted.values()]
        assert {key: space.sysctl[key.replace(".", "/")] for key in wanted} == wanted
    for key, value in _DOCUMENT["sysctl"].items():
        assert found.state.sysctl[key.replace(".", "/")] == value
    assert not sandbox.prepare(load(_DOCUMENT)).plan


def test_without_a_place_for_files(sandbox):
    _, _, packed = _read(sandbox)
    printed, told, plain = _read(sandbox, "mktemp() { return 1; }\n")
    assert {"@@ end", "@@ netns n1"} < set(printed)
    assert len(set(told)) == len(plain.state.netns)
    assert plain.state == packed.state


@pytest.mark.parametrize("document", [_DOCUMENT, {"links": {"br0": {"kind": "bridge"}}}])
def test_what_changes_meanwhile_is_shown_again(sandbox, document):
    text = snapshot.script(snapshot.reads(load(document)))
    plain = snapshot.parse(sandbox.sh(text).out)
    sandbox.sh("rm -f /run/broken")
    again = sandbox.sh(_BROKEN + text)
    assert again.status == 0, again.err
    assert "half" in "\n".join(unpacked(again.out))
    assert snapshot.parse(again.out).state == plain.state


def test_a_packed_answer_that_is_cut_off(sandbox):
    printed, _, _ = _read(sandbox)
    with pytest.raises(SnapshotError, match="not whole"):
        snapshot.parse([*printed[:-2], printed[-2][:-40]])
