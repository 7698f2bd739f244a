"""Random declarations as the real kernel takes them."""


def settled(document):
    """Without IPv6 routes' `src`: the kernel takes it only where its link has a carrier, which is
    not so for every random bridge; `test_a_new_ipv6_address_is_a_source` has one that has.

    And without a second way through bridges, in which frames would run round for ever."""
    for space in (document, *(document.get("netns") or {}).values()):
        for route in space.get("routes") or ():
            if ":" in route.get("src", ""):
                del route["src"]
    _without_loops(document)
    return document


def _ports(document):
    for name, space in (("host", document), *(document.get("netns") or {}).items()):
        for ifname, link in (space.get("links") or {}).items():
            if link.get("master"):
                yield (name, ifname), link


def _without_loops(document):
    """A pair may have one end on a bridge, not both."""
    peers = {}
    for name, space in (("host", document), *(document.get("netns") or {}).items()):
        for ifname, link in (space.get("links") or {}).items():
            peer = (link.get("veth") or {}).get("peer")
            if peer:
                other = peer.get("netns") or name, peer["name"]
                peers[name, ifname], peers[other] = other, (name, ifname)
    seen = set()
    for place, link in _ports(document):
        if peers.get(place) in seen:
            link.pop("master")
            link.pop("port", None)
        else:
            seen.add(place)


_HOP = ("via", "dev", "onlink")


def several_ways(document):
    """Each route takes the ways of the others of its namespace and family as well."""
    for space in (document, *(document.get("netns") or {}).values()):
        routes = [route for route in space.get("routes") or () if _way(route)]
        ways = [(_family(route), _way(route)) for route in routes]
        for number, route in enumerate(routes):
            others = [way for family, way in ways if family == _family(route)]
            # The kernel knows no way twice, and of IPv6 none without a gateway.
            hops = [way for at, way in enumerate(others) if way not in others[:at]]
            if _family(route) == "inet6":
                # One gateway twice is refused where a way has no dev.
                vias = [way.get("via") for way in hops]
                hops = [way for at, way in enumerate(hops) if vias[at] not in vias[:at]]
            if len(hops) > 1 and (_family(route) == "inet" or all("via" in way for way in hops)):
                weights = [{**way, "weight": at + number + 1} for at, way in enumerate(hops)]
                for key in (*_HOP, "src"):
                    route.pop(key, None)
                route["nexthops"] = weights
    return document


def _family(route):
    words = f"{route.get('dst')} {route.get('via')} {route.get('family')}"
    return "inet6" if ":" in words or "inet6" in words else "inet"


def _way(route):
    """Where it leads, if it is to be there and leads anywhere."""
    return route.get("state") != "absent" and {key: route[key] for key in _HOP if key in route}
