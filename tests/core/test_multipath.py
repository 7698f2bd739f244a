"""Routes with several ways: what is refused, and where it says so."""

import pytest

from netwright.errors import DeclarationError
from netwright.state import load

A, B = {"via": "10.0.0.2"}, {"via": "10.1.0.2", "weight": 2}


def _problems(**route):
    with pytest.raises(DeclarationError) as caught:
        load({"routes": [{"dst": "192.0.2.0/24", **route}]})
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("route", "words"),
    [
        ({"nexthops": [A, B], "via": "10.0.0.2"}, "routes[0].via: is said of each of the nexthops"),
        ({"nexthops": [A, B], "dev": "eth0"}, "routes[0].dev: is said of each of the nexthops"),
        (
            {"nexthops": [A, B], "type": "blackhole"},
            "routes[0].nexthops: a route of type blackhole",
        ),
        ({"nexthops": [A]}, "routes[0].nexthops: are two or more; one way is said by via and dev"),
        ({"nexthops": [A, {}]}, "routes[0].nexthops[1]: needs via or dev"),
        ({"nexthops": [B, A, {**B, "weight": 3}]}, "routes[0].nexthops[2]: is there twice"),
        ({"nexthops": [A, {**B, "weight": 0}]}, "routes[0].nexthops[1].weight: 0 is not in 1..256"),
        ({"nexthops": [A, {**B, "onlink": True}]}, "routes[0].nexthops[1].onlink: needs both"),
        ({"nexthops": [A, {"via": "fd00::1", "mac": 1}]}, "routes[0].nexthops[1].mac: "),
        (
            {"dst": "fd01::/64", "nexthops": [{"via": "fd00::2"}, {"dev": "eth0"}]},
            "routes[0].nexthops[1]: needs via: each of several IPv6 ways has a gateway",
        ),
        (
            {"dst": "fd01::/64", "nexthops": [{"via": "fd00::2"}, {"via": "fd00::2", "dev": "v1"}]},
            "routes[0].nexthops[1]: has the gateway of another way: both need dev",
        ),
        ({"nexthops": [A, B], "src": "fd00::1"}, "routes[0].src: fd00::1 is not of family inet"),
    ],
)
def test_what_is_refused_is_named(route, words):
    problems = _problems(**route)
    assert len(problems) == 1
    assert problems[0].startswith(words)


def test_a_gateway_tells_the_family_of_a_default_route():
    hops = [{"via": "fe80::1", "dev": "wg0"}, {"via": "fd00::1"}]
    (route,) = load({"routes": [{"dst": "default", "nexthops": hops}]}).routes
    assert (route.family, route.metric, route.scope) == ("inet6", 1024, "global")


def test_links_that_are_gone_are_found_in_each_way():
    hops = [{"dev": "gone", **A}, B]
    document = {
        "links": {"gone": {"state": "absent"}},
        "routes": [{"dst": "192.0.2.0/24", "nexthops": hops}],
    }
    with pytest.raises(DeclarationError, match=r"routes\[0\]\.nexthops\[0\]\.dev: "):
        load(document)
