"""Where a packet may come by, and how what several hosts saw is put together."""

from dataclasses import replace

import pytest

from netwright import explain_text
from netwright.explain import Event, Packet, Seen
from netwright.explain_places import Told, elsewhere, followed, merged
from netwright.explain_shell import Question
from netwright.explain_why import Looked, fate

ASKED = Question("blue", "10.9.0.2", "tcp", 80)


def _told(leads=(), **owners):
    return Told({name: frozenset(item.split()) for name, item in owners.items()}, frozenset(leads))


def test_it_is_followed_from_gateway_to_gateway():
    hosts = {
        "a": _told(["192.0.2.2"], host="127.0.0.1 192.0.2.1", blue="127.0.0.1 10.1.0.2", red=""),
        "idle": _told(["192.0.2.9"], host="127.0.0.1 192.0.2.8"),
        "end": _told(host="127.0.0.1 198.51.100.2", web="127.0.0.1 10.9.0.2", other="10.9.0.3"),
        "router": _told(["198.51.100.2"], host="127.0.0.1 192.0.2.2 198.51.100.1"),
    }
    assert followed(ASKED, "a", hosts) == {
        "a": ("blue", "host"),
        "end": ("host", "web"),
        "router": ("host",),
    }


def test_it_is_followed_where_nat_of_another_host_sends_it():
    hosts = {
        "a": _told(host="192.0.2.1", blue=""),
        "b": _told(["10.3.0.3"], host="10.9.0.2"),
        "c": _told(host="192.0.2.3", web="10.3.0.3"),
    }
    assert followed(ASKED, "a", hosts)["c"] == ("host", "web")


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "fe80::1"])
def test_what_every_host_has_leads_to_none(address):
    hosts = {"a": _told(host=address, blue=address), "b": _told(host=address)}
    found = followed(replace(ASKED, address=address), "a", hosts)
    assert found == {"a": ("blue", "host")}


def _met(ttl, *chains, oif=""):
    packet = Packet(2, "eth0", oif, "10.1.0.2:20001", "10.9.0.2:80", ttl)
    return [Event(packet, "1", "netwright-explain", chain, "ACCEPT", "0x1") for chain in chains]


def _drop(ttl):
    packet = Packet(2, "eth0", "br0", "10.1.0.2:20001", "10.9.0.2:80", ttl)
    return [Event(packet, "1", "filter", "FORWARD", "DROP", "0x5", "-j DROP", 1)]


def _seen(question, stops):
    return Seen(question, stops, {}, ["status 1"])


def test_hosts_are_in_the_order_of_the_way():
    start = _seen(
        ASKED,
        {"blue": _met(64, "request-output"), "host": _met(64, "request-prerouting", oif="eth0")},
    )
    router = _seen(elsewhere(ASKED), {"host": _met(63, "request-prerouting", "seen-forward")})
    end = _seen(elsewhere(ASKED), {"host": _met(62, "request-prerouting") + _drop(61)})
    idle = _seen(elsewhere(ASKED), {})
    found = merged(start, {"end": end, "idle": idle, "router": router}, ["not followed on x: y"])
    assert list(found.stops) == ["blue", "host", "router/host", "end/host"]
    assert list(found.notes) == [
        "not followed on x: y", "looked for on idle as well: it did not come by"
    ]  # fmt: skip
    died = fate(found, Looked())
    assert (died.netns, died.arrives) == ("end/host", False)
    assert died.why == "dropped by rule 1 of chain FORWARD of filter: -j DROP"
    told = explain_text.document("a", found, Looked(), died)
    assert (told["from"], told["host"], told["where"]) == ("a/blue", "end", "host")
    lines = list(explain_text.text("a", found, Looked(), died))
    assert lines[0] == "a/blue to 10.9.0.2 tcp port 80"
    assert "  end/host     rule     filter FORWARD rule 1: -j DROP [DROP]" in lines


def test_one_host_alone_is_not_named_in_each_line():
    found = merged(_seen(ASKED, {"blue": _met(64, "request-output")}), {})
    lines = list(explain_text.text("a", found, Looked(), fate(found, Looked())))
    assert lines[1].startswith("  blue  ")
