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
