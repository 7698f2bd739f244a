"""Virtual services: what is wrong with one, what ipvsadm prints, and every way from one to another
on a fake kernel."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwright import ipvs, script
from netwright.errors import DeclarationError
from netwright.plan import plan
from netwright.state import load
from netwright.step import undo
from netwright.verification import service_claims
from netwright.verification.reading import Answer
from netwright.verification.seen import Seen
from tests.core.compare import differences, facts
from tests.core.kernel import Host
from tests.core.test_ledger import converge

servers = st.lists(
    st.fixed_dictionaries(
        {"address": st.sampled_from(("10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"))},
        optional={"weight": st.sampled_from((0, 1, 7)), "forward": st.sampled_from(("masq",))},
    ),
    max_size=3,
    unique_by=lambda item: item["address"],
)
services = st.lists(
    st.tuples(
        st.sampled_from(({"tcp": "192.0.2.1:88"}, {"udp": "192.0.2.1:88"}, {"fwmark": 7})),
        st.fixed_dictionaries(
            {"servers": servers},
            optional={
                "scheduler": st.sampled_from(("rr", "wlc")),
                "persistent": st.sampled_from((0, 60, 300)),
            },
        ),
    ).map(lambda parts: {**parts[0], **parts[1]}),
    max_size=3,
    unique_by=lambda item: str([item.get(name) for name in ("tcp", "udp", "fwmark")]),
)
documents = st.builds(
    lambda here, there: {"ipvs": here, "netns": {"blue": {"ipvs": there}}}, services, services
)


@given(documents, documents)
def test_from_any_services_to_any_others_and_back(first, second):
    host = Host()
    host.run(plan(host.snapshot(load(first)).state, load(first)))
    before = host.state()
    declared = load(second)
    steps = plan(host.snapshot(declared).state, declared)
    host.run(steps)
    assert plan(host.snapshot(declared).state, declared) == []
    host.run(undo(steps))
    assert not differences(facts(before), facts(host.state()))


@given(st.lists(documents, min_size=1, max_size=3))
def test_runs_under_one_name_leave_nothing_behind(sequence):
    host = Host()
    foreign = load({"ipvs": [{"tcp": "192.0.2.1:88", "servers": [{"address": "10.9.9.9:80"}]}]})
    host.run(plan(host.snapshot(foreign).state, foreign))
    before = host.state()
    for document in sequence:
        converge(host, document)
    converge(host, {})
    assert not differences(facts(before), facts(host.state()))
    assert not host.files


def lines(before: str, after: str) -> list[str]:
    """The lines from one service, or none, to another."""
    current, declared = (load(f"ipvs: [{text}]" if text else "{}") for text in (before, after))
    steps = plan(current.but(modules=("ip_vs",)), declared)
    return [line for batch in script.batches(steps) for _, line in batch.lines]


ONE = "{tcp: '192.0.2.1:88', scheduler: rr, servers: [{address: '10.0.0.1:80'}]}"


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("", ONE, ["-A -t 192.0.2.1:88 -s rr", "-a -t 192.0.2.1:88 -r 10.0.0.1:80 -m -w 1"]),
        (ONE, ONE, []),
        # Connections are kept: the service is edited, and the new server comes first.
        (
            ONE,
            "{tcp: '192.0.2.1:88', persistent: 60, servers: [{address: '10.0.0.2:80', weight: 3}]}",
            [
                "-E -t 192.0.2.1:88 -s wlc -p 60",
                "-a -t 192.0.2.1:88 -r 10.0.0.2:80 -m -w 3",
                "-d -t 192.0.2.1:88 -r 10.0.0.1:80",
            ],
        ),
        (
            ONE,
            "{tcp: '192.0.2.1:88', scheduler: rr, servers: [{address: '10.0.0.1:80', weight: 0}]}",
            ["-e -t 192.0.2.1:88 -r 10.0.0.1:80 -m -w 0"],
        ),
        (ONE, "{tcp: '192.0.2.1:88', state: absent}", ["-D -t 192.0.2.1:88"]),
        (
            "",
            "{fwmark: 7, family: inet6, servers: [{address: '[2001:db8::2]', forward: gate}]}",
            ["-A -f 7 -6 -s wlc", "-a -f 7 -6 -r [2001:db8::2]:0 -g -w 1"],
        ),
    ],
)
def test_what_ipvsadm_is_told(before, after, expected):
    assert lines(before, after) == expected


@pytest.mark.parametrize(
    ("service", "words"),
    [
        ("{scheduler: rr}", "ipvs[0]: needs one of tcp, udp and fwmark"),
        ("{tcp: '1.2.3.4:5', udp: '1.2.3.4:5'}", "ipvs[0]: needs one of tcp, udp and fwmark"),
        ("{tcp: 192.0.2.1}", "ipvs[0].persistent: is missing; a service without a port needs it"),
        ("{tcp: '192.0.2.1:70000'}", "ipvs[0].tcp: '192.0.2.1:70000' has a port that is not in"),
        ("{tcp: 'web:80'}", "ipvs[0].tcp: 'web:80' is not ADDRESS:PORT"),
        ("{tcp: '-t:80'}", "ipvs[0].tcp: '-t:80' is not ADDRESS:PORT"),
        ("{tcp: '1.2.3.4:5', family: inet}", "ipvs[0]: needs no family"),
        ("{fwmark: 0}", "ipvs[0].fwmark: 0 is not in 1..4294967295"),
        ("{fwmark: 1, scheduler: 'rr; id'}", "ipvs[0].scheduler: 'rr; id' is not a scheduler's"),
        ("{fwmark: 1, persistent: 31536000}", "ipvs[0].persistent: 31536000 is not in 0..2678400"),
        ("{fwmark: 1, servers: [{}]}", "ipvs[0].servers[0].address: is missing"),
        (
            "{fwmark: 1, servers: [{address: 10.0.0.1, weight: -1}]}",
            "ipvs[0].servers[0].weight: -1 is not in 0..65535",
        ),
        (
            "{fwmark: 1, servers: [{address: 10.0.0.1, forward: nat}]}",
            "ipvs[0].servers[0].forward: 'nat' is not one of",
        ),
        (
            "{fwmark: 1, servers: [{address: 10.0.0.1}, {address: '10.0.0.1:0'}]}",
            "ipvs[0].servers[1].address: 10.0.0.1:0 is also servers[0]",
        ),
        (
            "{tcp: '1.2.3.4:5', servers: [{address: '[2001:db8::1]:5'}]}",
            "ipvs[0].servers[0].address: [2001:db8::1]:5 is not of the service's family, inet",
        ),
        (
            "{tcp: '1.2.3.4:5', servers: [{address: '10.0.0.1:6', forward: gate}]}",
            "ipvs[0].servers[0].address: forward gate changes no port: it has to be 5",
        ),
        (f"{ONE}, {ONE}", "ipvs[1]: tcp 192.0.2.1:88 is also ipvs[0]"),
    ],
)
def test_bad_input_is_named(service, words):
    with pytest.raises(DeclarationError) as caught:
        load(f"ipvs: [{service}]")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


# Both captured on Linux 6.1, with ipvsadm 1.31.
PRINTED = """\
-A -t 192.0.2.1:88 -s rr -p 300
-a -t 192.0.2.1:88 -r 10.0.0.1:12345 -m -w 1
-a -t 192.0.2.1:88 -r 10.0.0.2:12345 -m -w 0
-A -u [2001:db8::9]:53 -s sh
-a -u [2001:db8::9]:53 -r [2001:db8::7]:53 -i -w 3 --tun-type ipip
-A -f 7 -s wlc
-A -f 7 -6 -s wlc
-a -f 7 -6 -r [2001:db8::1]:0 -g -w 1
"""
SHOWN = """\
IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
UDP  [2001:0db8:0000:0000:0000:0000:0000:0009]:0035 sh
  -> [2001:0db8:0000:0000:0000:0000:0000:0007]:0035      Tunnel  3      0          0
TCP  C0000201:0058 rr  persistent 75000 FFFFFFFF
  -> 0A000002:3039      Masq    0      0          0
  -> 0A000001:3039      Masq    1      0          0
FWM  00000007 wlc
FWM  00000007 wlc
  -> [2001:0db8:0000:0000:0000:0000:0000:0001]:0000      Route   1      0          0
"""
DECLARED = """
ipvs:
  - tcp: "192.0.2.1:88"
    scheduler: rr
    persistent: 300
    servers: [{address: "10.0.0.2:12345", weight: 0}, {address: "10.0.0.1:12345"}]
  - udp: "[2001:db8::9]:53"
    scheduler: sh
    servers: [{address: "[2001:db8:0::7]:53", forward: ipip, weight: 3}]
  - {fwmark: 7}
  - {fwmark: 7, family: inet6, servers: [{address: "[2001:db8::1]", forward: gate}]}
"""


def test_what_ipvsadm_prints():
    assert ipvs.parse(PRINTED.splitlines()) == load(DECLARED).ipvs


def test_a_service_that_says_more_is_left_alone():
    printed = "-A -t 192.0.2.1:88 -s rr -M 255.255.255.0\n-a -t 192.0.2.1:88 -r 10.0.0.1:1 -m -w 1"
    assert ipvs.parse(printed.splitlines()) == ()


def failures(document: str, shown: str = SHOWN) -> dict[str, str | None]:
    """Each claim's path, and why it does not hold."""
    answer = Answer(here=True, parts={"ipvs": shown})
    seen = Seen(Answer(parts={"netns": "[]"}), {"host": answer})
    found = service_claims.service_claims("", "host", load(document).ipvs or ())
    return {claim.path: claim.failure(seen) for claim in found}


def test_what_the_kernel_shows():
    found = failures(DECLARED)
    assert len(found) == 16
    assert not any(found.values()), found


@pytest.mark.parametrize(
    ("declared", "path"),
    [
        (DECLARED.replace("scheduler: rr", "scheduler: wrr"), "tcp 192.0.2.1:88].scheduler"),
        (DECLARED.replace("300", "301"), "tcp 192.0.2.1:88].persistent"),
        (DECLARED.replace("    persistent: 300\n", ""), "tcp 192.0.2.1:88].persistent"),
        (DECLARED.replace("weight: 3", "weight: 4"), "udp [2001:db8::9]:53].servers"),
        (DECLARED.replace("forward: ipip, ", ""), "udp [2001:db8::9]:53].servers"),
        (DECLARED.replace("10.0.0.1:12345", "10.0.0.1:12346"), "tcp 192.0.2.1:88].servers"),
        ("ipvs: [{fwmark: 7, state: absent}]", "fwmark 7 inet]"),
        ("ipvs: [{fwmark: 8, scheduler: wlc}]", "fwmark 8 inet]"),
    ],
)
def test_what_differs_is_a_failure(declared, path):
    assert failures(declared)[f"ipvs[{path}"] is not None
