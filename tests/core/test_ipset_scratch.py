"""Of which sets the host is asked what it makes of their entries."""

import pytest

from netwright import ipset_scratch
from netwright.ipset import Ipset


def _asked(**fields):
    return list(ipset_scratch.render([{"s": Ipset(**{"type": "hash:ip", **fields})}]))


def test_plain_addresses_are_what_they_are():
    plain = tuple(f"10.0.{n // 200}.{n % 200 + 1}" for n in range(500))
    assert _asked(entries=plain) == []
    assert _asked(entries=plain[:2], timeout=600, comment=True) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"entries": ("10.0.0.0/30",)},
        {"entries": ("10.0.0.1", "10.0.0.1-10.0.0.3")},
        {"entries": ("10.0.0.1 timeout 30",), "timeout": 600},
        {"entries": ("0.0.0.0",)},
        {"entries": ("10.0.0.9",), "netmask": 24},
        {"entries": ("10.0.0.1", "10.0.0.2"), "maxelem": 1},
        {"entries": ("fd00::1",), "family": "inet6"},
        {"entries": ("10.0.0.1",), "type": "hash:net"},
    ],
    ids=str,
)
def test_what_may_be_printed_otherwise_or_refused_is_asked(fields):
    lines = _asked(**fields)
    assert lines[0].startswith("create nw0 ")
    assert lines[1:] == [f"add nw0 {entry}" for entry in fields["entries"]]
