"""A host held against the kernel state that Calico would program: one script reads, `differences`
judges. It knows nothing of what is declared here: links called cali* are workloads.

Sources: Felix's endpoint and route managers, Calico's CNI plugin, its templates for BIRD. What is
known to be otherwise, and why, is in docs/fabric.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from netwright.installs.read import MARK, parts

__all__ = ["differences", "script"]

_PARAMETERS = {
    "conf": {"proxy_arp": "1", "forwarding": "1", "route_localnet": "1", "rp_filter": "1"},
    "neigh": {"proxy_delay": "0"},
}
_MAC = "ee:ee:ee:ee:ee:ee"
_ROUTER = "169.254.1.1"
_METRIC = 1024

_SCRIPT = f"""cd /
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin
part() {{ echo; echo "{MARK}$1"; }}
part links; ip -j -d link show type veth
part netns; ip -j netns list
part routes; ip -4 -j route show table main
part forward; cat /proc/sys/net/ipv4/ip_forward
part parameters
grep -Hs '' /proc/sys/net/ipv4/conf/cali*/* /proc/sys/net/ipv4/neigh/cali*/proxy_delay |
  grep -E '/(proxy_arp|forwarding|route_localnet|rp_filter|proxy_delay):'
for netns in $(ip netns list | cut -d' ' -f1); do
  part "addresses $netns"; ip -n "$netns" -4 -j address show dev eth0 2>/dev/null
  part "routes $netns"; ip -n "$netns" -4 -j route show table main
done
part end
"""


def script() -> str:
    """What to run on a host, as root, in one go."""
    return _SCRIPT


def differences(output: list[str]) -> list[str]:
    """What of the host Calico would have made otherwise, one line each; none if nothing.

    Raises SnapshotError if the script did not come to its end.
    """
    found = parts(output, "fabric")
    routes = _json(found["routes"])
    links = [link for link in _json(found["links"]) if link["ifname"].startswith("cali")]
    said = [*_host(found["forward"], routes, {link["ifname"] for link in links})]
    values = dict(line.rpartition(":")[::2] for line in found["parameters"].splitlines())
    names = {each.get("id"): each["name"] for each in _json(found["netns"])}
    for link in links:
        name = link["ifname"]
        own = [route for route in routes if route.get("dev") == name]
        for line in (*_link(link), *_parameters(name, values), *_route(own)):
            said.append(f"{name}: {line}")
        netns = names.get(link.get("link_netnsid"))
        if netns is None:
            said.append(f"{name}: the other end is in no namespace that has a name")
        else:
            inside = _inside(found, netns, own[0]["dst"] if own else "")
            said += [f"{name}: {netns}: {line}" for line in inside]
    return said


def _json(text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(text or "[]")
    return [each for each in found if each]


def _host(forward: str, routes: list[dict[str, Any]], links: set[str]) -> Iterator[str]:
    if forward != "1":
        yield f"ip_forward is {forward}"
    own = [IPv4Network(r["dst"]) for r in routes if r.get("type") == "blackhole"]
    for route in routes:
        if route.get("dev") in links and not any(IPv4Address(route["dst"]) in net for net in own):
            yield f"{route['dst']}: no blackhole route of the host's block holds it"
    for route in routes:
        blocks = route.get("protocol") == "bird" and route.get("type") != "blackhole"
        if blocks and "gateway" not in route:
            yield f"{route['dst']}: BIRD's route has no gateway"


def _link(link: Mapping[str, Any]) -> Iterator[str]:
    if not re.fullmatch(r"cali[0-9a-f]{11}", link["ifname"]):
        yield "Calico's names are cali and eleven hexadecimal digits"
    if link["address"] != _MAC:
        yield f"its address is {link['address']}, not {_MAC}"
    if link.get("operstate") != "UP":
        yield f"it is {link.get('operstate')}"


def _parameters(name: str, values: Mapping[str, str]) -> Iterator[str]:
    for place, wanted in _PARAMETERS.items():
        for parameter, value in wanted.items():
            live = values.get(f"/proc/sys/net/ipv4/{place}/{name}/{parameter}")
            if live != value:
                yield f"{parameter} is {live}, not {value}"


def _route(own: list[dict[str, Any]]) -> Iterator[str]:
    if len(own) != 1:
        yield f"{len(own)} routes lead to it, not one"
    for route in own:
        shown = (route.get("scope"), route.get("metric"), route.get("gateway"), "/" in route["dst"])
        if shown != ("link", _METRIC, None, False):
            yield f"{route['dst']} is not a /32 of scope link and metric {_METRIC}: {route}"


def _inside(found: Mapping[str, str], netns: str, address: str) -> Iterator[str]:
    shown = _json(found.get(f"addresses {netns}", ""))
    listed = [
        f"{each['local']}/{each['prefixlen']}" for link in shown for each in link["addr_info"]
    ]
    if listed != [f"{address}/32"]:
        yield f"eth0 has {', '.join(listed) or 'no address'}, not {address}/32"
    routes = {
        (route["dst"], route.get("gateway"), route.get("dev"), route.get("scope"))
        for route in _json(found.get(f"routes {netns}", ""))
    }
    wanted = {("default", _ROUTER, "eth0", None), (_ROUTER, None, "eth0", "link")}
    for dst, via, dev, _ in sorted(routes ^ wanted, key=str):
        there = "not Calico's" if (dst, via, dev) in {route[:3] for route in routes} else "missing"
        yield f"route {dst}{f' via {via}' if via else ''} dev {dev}: {there}"
