"""The verification's own table of effective values."""

import itertools

import pytest

from netwright import parameter
from netwright.verification.effective import COMBINED, Unknown, effective, keys_needed

LINK = "net/ipv4/conf/eth0/"
ALL = "net/ipv4/conf/all/"


@pytest.mark.parametrize(
    ("name", "everywhere", "own", "value"),
    [
        ("rp_filter", 1, 0, 1),
        ("rp_filter", 1, 2, 2),
        ("arp_ignore", 0, 8, 8),
        ("accept_local", 1, 0, 1),
        ("proxy_arp", 0, 0, 0),
        ("accept_source_route", 1, 0, 0),
        ("accept_source_route", 1, 1, 1),
    ],
)
def test_combines_all_and_the_link(name, everywhere, own, value):
    found = effective(LINK + name, {ALL + name: str(everywhere), LINK + name: str(own)})
    assert found == value


@pytest.mark.parametrize(("forwarding", "value"), [("0", 1), ("1", 0)])
def test_accept_redirects_asks_whether_the_link_forwards(forwarding, value):
    values = {
        ALL + "accept_redirects": "1",
        LINK + "accept_redirects": "0",
        LINK + "forwarding": forwarding,
    }
    assert effective(LINK + "accept_redirects", values) == value


def test_a_value_that_is_not_there_is_named():
    with pytest.raises(Unknown, match="net/ipv4/conf/all/rp_filter is not there"):
        effective(LINK + "rp_filter", {LINK + "rp_filter": "1"})


def test_reads_what_decides_once():
    keys = [LINK + "rp_filter", ALL + "rp_filter", "net/ipv4/ip_forward", LINK + "forwarding"]
    assert keys_needed(keys) == keys
    assert keys_needed(["net/ipv4/conf/br.3/accept_redirects"]) == [
        "net/ipv4/conf/br.3/accept_redirects",
        "net/ipv4/conf/all/accept_redirects",
        "net/ipv4/conf/br.3/forwarding",
    ]


def test_two_tables_written_apart_agree():
    """Netwright judges declarations by one table and is verified by the other."""
    known = {name for name, found in parameter._IPV4_CONF.items() if found.combine != "alone"}
    assert known == COMBINED
    for name, everywhere, own, forwards in itertools.product(COMBINED, (0, 1), (0, 1), (0, 1)):
        values = {ALL + name: str(everywhere), LINK + name: str(own)}
        values[LINK + "forwarding"] = str(forwards)
        combine = parameter._IPV4_CONF[name].combine
        expected, _ = parameter.effective(combine, everywhere, own, bool(forwards))
        assert effective(LINK + name, values) == expected, name
