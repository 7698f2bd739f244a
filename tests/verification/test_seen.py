"""What `ip -j` prints, and what is made of it."""

import json

import pytest

from netwright.links.link import Link
from netwright.model import HOST
from netwright.state import NetworkState, load
from netwright.verification import reading
from netwright.verification.claims import claims
from netwright.verification.reading import Answer
from netwright.verification.seen import NotThere, Seen, SeenLink, SeenRoute, SeenRule


def link(**fields):
    return SeenLink({"ifname": "eth0", "ifindex": 2, "flags": ["UP"], "addr_info": [], **fields})


def address(local, prefixlen, **fields):
    family = "inet6" if ":" in local else "inet"
    return {"family": family, "local": local, "prefixlen": prefixlen, "scope": "global", **fields}


def seen(**parts):
    """A host whose parts say this; a part's name has blanks for underscores."""
    texts = {name.replace("_", " "): json.dumps(value) for name, value in parts.items()}
    return Seen(Answer(parts={"netns": "[]"}), {HOST: Answer(here=True, parts=texts)})


@pytest.mark.parametrize(
    ("item", "shown"),
    [
        (address("10.0.0.1", 24), ("10.0.0.1/24",)),
        (address("fd00:0:0::1", 64), ("fd00::1/64",)),
        (address("10.0.0.1", 24, dynamic=True), ()),
        (address("fd00::5", 64, dynamic=True, mngtmpaddr=True), ()),
        (address("fe80::1", 64, scope="link"), ()),
        (address("fe80::1", 128, scope="link"), ("fe80::1/128",)),
        (address("10.0.0.1", 32, address="10.0.0.2"), ("10.0.0.1/32 peer 10.0.0.2",)),
        (address("fd00::1", 64, tentative=True), ("fd00::1/64",)),
        (address("fd00::1", 64, dadfailed=True), ("fd00::1/64 (refused as a duplicate)",)),
    ],
)
def test_lists_the_addresses_that_somebody_configured(item, shown):
    assert link(addr_info=[item]).addresses() == shown


def test_loopbacks_own_addresses_are_its_own_on_lo_alone():
    own = [address("127.0.0.1", 8, scope="host"), address("::1", 128, scope="host")]
    assert link(ifname="lo", addr_info=own).addresses() == ()
    assert link(addr_info=own).addresses() == ("127.0.0.1/8", "::1/128")


def test_what_is_declared_is_listed_whoever_put_it_there():
    item = address("fe80::1", 64, scope="link")
    assert link(addr_info=[item]).addresses(frozenset({"fe80::1/64"})) == ("fe80::1/64",)


def test_a_tap_is_no_tun():
    entry = {"info_kind": "tun", "info_data": {"type": "tap"}}
    assert link(linkinfo=entry).kind == "tap"
    assert link().kind == ""


def test_a_route_with_all_that_ip_leaves_out():
    entry = {
        "type": "unicast",
        "dst": "10.1.0.9",
        "gateway": "10.0.0.1",
        "dev": "eth0",
        "flags": [],
    }
    found = SeenRoute.of(entry, "inet")
    assert (found.dst, found.table, found.metric, found.scope) == ("10.1.0.9/32", 254, 0, "global")


def test_a_route_over_the_other_family():
    entry = {"type": "1", "dst": "default", "via": {"family": "inet6", "host": "fe80::1"}}
    assert SeenRoute.of(entry, "inet").via == "fe80::1"


def test_a_rule_for_one_address():
    entry = {"priority": 7, "src": "10.0.0.1", "table": "100"}
    assert SeenRule.of(entry, "inet").source == "10.0.0.1/32"


def test_a_tool_that_fails_is_told_by_what_asks_for_it():
    answer = Answer(here=True, failed={"links": "RTNETLINK answers: No buffer space available\n"})
    host = Seen(Answer(parts={"netns": "[]"}), {HOST: answer})
    with pytest.raises(NotThere, match="can't be read: RTNETLINK answers: No buffer space"):
        host.space(HOST).link("eth0")


def test_a_warning_before_the_answer_is_no_answer():
    answer = Answer(here=True, parts={"proxies": 'Dump was interrupted\n[{"dst":"1","dev":"x"}]'})
    assert Seen(Answer(), {HOST: answer}).space(HOST).proxies == {("1", "x")}


class Wider(NetworkState):
    """What a later netwright may be able to declare."""

    gadgets: dict[str, str] | None = None


class WiderLink(Link):
    gadget: str | None = None


def test_nothing_declared_is_passed_over():
    """What the verification can't read is red, it isn't left out."""
    state = Wider(gadgets={"a": "b"}, links={"lo": WiderLink(gadget="x")})
    state = state.but(netns={"blue": Wider(gadgets={"a": "b"})})
    host = Seen(Answer(parts={"netns": "[]"}), {})
    found = {claim.path: claim.failure(host) for claim in claims(state)}
    paths = ("gadgets", "links.lo.gadget", "netns.blue.gadgets")
    assert all("does not know how to read this" in found[path] for path in paths)


def test_a_namespace_that_is_gone_is_told_from_one_that_cant_be_entered():
    gone = Seen(Answer(parts={"netns": "[]"}), {HOST: Answer(True), "x": Answer(words="gone")})
    with pytest.raises(NotThere, match=r"netns\.x is not there"):
        gone.space("x")
    broken = Answer(words="setting the network namespace failed: Invalid argument")
    stale = Seen(Answer(parts={"netns": '[{"name":"x"}]'}), {HOST: Answer(True), "x": broken})
    with pytest.raises(NotThere, match=r"netns\.x can't be entered: setting the network"):
        stale.space("x")


def test_the_script_asks_only_for_what_is_declared():
    assert reading.wanted(HOST, load({})) == (["links"], [])
    state = load({"routes": [{"dst": "10.1.0.0/16", "via": "10.0.0.1"}]})
    assert reading.wanted(HOST, state) == (["links", "routes inet"], [])
    state = load({"rules": [{"priority": 1, "to": "fd00::/8", "table": 9}]})
    assert reading.wanted(HOST, state) == (["links", "rules inet6"], [])


def test_the_answer_is_taken_apart_by_its_marks():
    mark = reading.MARK
    text = f"""{mark} netns
[]
{mark} done 0
{mark} in host
{mark} here
{mark} links
[{{"ifname":"lo"}}]
{mark} done 0
{mark} routes inet6
Address family not supported
{mark} done 1
{mark} sysctl
net/ipv4/ip_forward:1
{mark} done 123
{mark} in blue
Cannot open network namespace "blue": No such file or directory
"""
    general, spaces = reading.parse(text)
    assert general.parts == {"netns": "[]"}
    assert spaces["host"].here
    assert set(spaces["host"].parts) == {"links", "sysctl"}
    assert spaces["host"].failed == {"routes inet6": "Address family not supported"}
    assert not spaces["blue"].here
    assert spaces["blue"].words.startswith("Cannot open network namespace")
