"""What the verification makes of what a host says of its next boot."""

import pytest

from netwright.model import HOST
from netwright.state import load
from netwright.verification.boot_claims import boot_claim
from netwright.verification.reading import Answer
from netwright.verification.seen import Seen

FORWARD = {"sysctl": {"net.ipv4.ip_forward": 1}}
OURS = "# /etc/sysctl.d/99-zz-netwright-network.conf\nnet/ipv4/ip_forward = 1\n"


def failure(document, start="enabled", parameters=OURS, modules="", failed=None):
    parts = {"boot start": start, "boot parameters": parameters, "boot modules": modules}
    general = Answer(parts=parts, failed=failed or {})
    return boot_claim(load(document)).failure(Seen(general, {HOST: Answer(here=True)}))


def test_as_declared_it_holds():
    assert failure(FORWARD) is None
    assert failure({"modules": ["br_netfilter"]}, modules="br-netfilter\n") is None


@pytest.mark.parametrize(
    "document",
    [
        {"links": {"x": {"state": "absent"}}},
        {"iptables": {"filter": {"OLD": {"state": "absent"}}}},
        {"netns": {"old": {"state": "absent"}}},
    ],
)
def test_what_is_to_be_away_needs_no_start(document):
    assert failure(document, start="disabled") is None


def test_what_is_to_be_there_needs_one():
    for document in ({"links": {"br0": {"kind": "bridge"}}}, FORWARD):
        assert "nothing starts it" in failure(document, start="disabled")


@pytest.mark.parametrize(
    ("later", "words"),
    [
        ("net.ipv4.ip_forward=0", "sysctl.d gives net/ipv4/ip_forward 0, not 1"),
        ("-net.ipv4.ip_forward = 0", "sysctl.d gives net/ipv4/ip_forward 0, not 1"),
        ("-net.ipv4.ip_forward", "no file of sysctl.d sets net/ipv4/ip_forward"),
    ],
)
def test_the_last_line_counts(later, words):
    assert words in failure(FORWARD, parameters=f"{OURS}{later}\n")


@pytest.mark.parametrize("line", ["; x = 1", "# y", "plain = 1", "= 2", "net.ipv4.*forward = 0"])
def test_other_lines_say_nothing_of_it(line):
    assert failure(FORWARD, parameters=f"{OURS}{line}\n") is None


def test_a_dot_in_a_link_stays_one():
    document = {"sysctl": {"net/ipv4/conf/eth0.3/rp_filter": 1}}
    for line in ("net/ipv4/conf/eth0.3/rp_filter = 2", "net.ipv4.conf.eth0/3.rp_filter = 2"):
        assert "rp_filter 2, not 1" in failure(document, parameters=f"{line}\n")


def test_what_could_not_be_read_is_no_success():
    failed = {"boot parameters": "systemd-sysctl: not permitted\n"}
    assert "not permitted" in failure(FORWARD, parameters="", failed=failed)
