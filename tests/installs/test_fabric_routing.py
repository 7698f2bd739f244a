"""BIRD's part: sessions, the way from mesh to reflectors, and what a host shows."""

from pathlib import Path

import pytest

from netwright import deploys
from netwright.facts.fabric import FabricRoutes, FabricSessions
from netwright.installs import fabric_routing
from netwright.installs.fabric import Fabric
from netwright.installs.fabric_evidence import parse, workloads
from netwright.installs.fabric_network import ifname
from netwright.installs.fabric_routing import Had, had, routings, stages
from netwright.installs.read import MARK
from netwright.operations import fabric_run
from netwright.operations.fabric_run import settled

TEMPLATES = Path(deploys.__path__[0]) / "templates"
HOSTS = ("f0", "f1", "f2", "f3")
ADDRESSES = {host: f"192.0.2.{number}" for number, host in enumerate(HOSTS, 9)}
BLOCKS = {host: f"10.66.0.{64 * number}/26" for number, host in enumerate(HOSTS)}
MESH = Fabric(pool="10.66.0.0/16")
REFLECTED = Fabric(pool="10.66.0.0/16", reflectors=["f0"])
ALL = frozenset(HOSTS)


def render(fabric, own):
    return fabric_run.render(fabric, own, TEMPLATES)


def _routings(fabric):
    return routings(fabric, ADDRESSES, BLOCKS)


def _peers(found):
    return {host: {peer.name for peer in own.peers} for host, own in found.items()}


def _had(fabric):
    return {host: had(render(fabric, own)) for host, own in _routings(fabric).items()}


def test_a_mesh_is_everybody_with_everybody_and_one_of_each_pair_waits():
    found = _routings(MESH)
    assert _peers(found) == {host: ALL - {host} for host in HOSTS}
    waits = {(host, peer.name): peer.passive for host, own in found.items() for peer in own.peers}
    assert all(waits[a, b] is not waits[b, a] for a, b in waits)
    # 192.0.2.9 and 192.0.2.10: as addresses, not as text.
    assert waits["f1", "f0"]


def test_with_reflectors_the_others_talk_to_them_alone():
    found = _routings(REFLECTED)
    assert _peers(found) == {"f0": {"f1", "f2", "f3"}, "f1": {"f0"}, "f2": {"f0"}, "f3": {"f0"}}
    assert [own.reflects for own in found.values()] == [True, False, False, False]


def test_what_is_written_is_read_again():
    own = _routings(REFLECTED)["f0"]
    assert had(render(REFLECTED, own)) == Had(BLOCKS, frozenset({"f1", "f2", "f3"}), True)
    assert had("protocol device {}\n") is None
    assert had("# fabric: {\n") is None


def test_from_nothing_there_is_one_stage():
    assert stages({}, _routings(MESH), ALL) == [_routings(MESH)]


@pytest.mark.parametrize(("before", "after"), [(MESH, REFLECTED), (REFLECTED, MESH)])
def test_between_mesh_and_reflectors_both_are_there(before, after):
    both, last = stages(_had(before), _routings(after), ALL)
    assert _peers(both) == _peers(_routings(MESH))
    assert both["f0"].reflects
    assert last == _routings(after)


def test_a_session_is_the_same_with_and_without_reflectors():
    mesh, reflected = _routings(MESH)["f0"], _routings(REFLECTED)["f0"]
    before, after = render(MESH, mesh).splitlines(), render(REFLECTED, reflected).splitlines()
    other = [line for line in after if line not in before and "# fabric" not in line]
    assert other == ["  if source = RTS_BGP then accept;"]


def test_with_a_host_that_is_not_reached_the_old_way_stays():
    (both,) = stages(_had(MESH), _routings(REFLECTED), ALL - {"f3"})
    assert _peers(both) == _peers(_routings(MESH))


def test_who_is_no_host_any_more_goes_at_once():
    fewer = routings(MESH, {h: a for h, a in ADDRESSES.items() if h != "f3"}, BLOCKS)
    assert stages(_had(MESH), fewer, ALL - {"f3"}) == [fewer]


def test_a_name_with_dots_a_password_and_bfd():
    fabric = Fabric(pool="10.66.0.0/16", password="s3cret", bfd={"interval": 100}, hold_time=9)
    addresses = {"a.example": "192.0.2.1", "b-1": "192.0.2.2"}
    blocks = {"a.example": "10.66.0.0/26", "b-1": "10.66.0.64/26"}
    found = routings(fabric, addresses, blocks)
    text = render(fabric, found["a.example"])
    for line in (
        "protocol bgp 'peer_b-1' from peer {", '  password "s3cret";', "  bfd on;",
        "    interval 100 ms;", "    multiplier 4;", "  hold time 9;",
        "  graceful restart time 8;",
        "filter blocks_in { if net ~ [ 10.66.0.0/16{26,26} ] then accept; reject; }",
    ):  # fmt: skip
        assert line in text.splitlines(), text
    assert "s3cret" not in fabric_routing.header(found["a.example"])


SHOWN = f"""
{MARK}unit
ActiveState=active
UnitFileState=enabled

{MARK}installed
BIRD version 2.0.12

{MARK}dropin

{MARK}config
# fabric: {{"blocks": {{"f0": "10.66.0.0/26"}}, "peers": ["f1"], "reflects": false}}

{MARK}written
1795283940

{MARK}status
BIRD 2.0.12 ready.
Daemon is up and running

{MARK}read
1795283941

{MARK}protocols
BIRD 2.0.12 ready.
Name       Proto      Table      State  Since         Info
kernel1    Kernel     master4    up     17:59:01.829
  Channel ipv4
    Routes:         0 imported, 3 exported, 0 preferred

peer_f1    BGP        ---        up     17:59:02.602  Established
  BGP state:          Established
    Neighbor address: 192.0.2.10
    Neighbor AS:      64512
  Channel ipv4
    State:          UP
    Routes:         2 imported, 0 filtered, 1 exported, 1 preferred

peer_f2    BGP        ---        start  17:59:02.602  Connect       Socket: Connection refused
  BGP state:          Connect
    Neighbor address: 192.0.2.11
    Last error:       Socket: Connection refused

{MARK}routes
[{{"dst":"10.66.0.3","dev":"{ifname("web")}","metric":1024}},{{"dst":"default","dev":"eth0"}}]

{MARK}end
"""


def test_what_a_host_shows():
    found = parse(SHOWN.splitlines())
    assert found.installed == "2.0.12"
    assert (found.active, found.enabled, found.answers, found.stale) == (True, True, True, False)
    assert found.sessions["peer_f1"].established
    assert found.sessions["peer_f1"].imported == 2
    assert found.sessions["peer_f2"].words == "Socket: Connection refused"
    assert set(found.sessions) == {"peer_f1", "peer_f2"}
    assert found.had == Had({"f0": "10.66.0.0/26"}, frozenset({"f1"}), False)
    assert workloads(found, ["web", "db"]) == {"web": "10.66.0.3"}
    late = SHOWN.replace("1795283940", "1795283942")
    assert parse(late.splitlines()).stale


def test_a_stage_works_when_every_route_is_there():
    seen = {"f0": parse(SHOWN.splitlines()), "f1": parse(SHOWN.splitlines())}
    (line,) = [each for each in settled(_routings(MESH), seen) if each.startswith("f0")] or [""]
    assert line == ""
    assert settled(_routings(MESH), seen) == ["f1: session with f0: not there"]
    seen["f2"] = seen["f0"]
    assert "f0: session with f2: Socket: Connection refused" in settled(_routings(MESH), seen)


def test_facts_are_plain():
    assert FabricSessions().process(SHOWN.splitlines())["f1"] == {
        "neighbor": "192.0.2.10", "state": "Established", "imported": 2, "exported": 1,
    }  # fmt: skip
    routes = """[{"type":"blackhole","dst":"10.66.0.0/26","protocol":"bird","metric":32},
 {"dst":"10.66.0.64/26","gateway":"192.0.2.10","dev":"eth0","protocol":"bird"},
 {"dst":"default","gateway":"192.0.2.1","dev":"eth0","protocol":"static"}]"""
    there = f'[{{"dst":"10.66.0.3","dev":"{ifname("web")}","metric":1024}},'
    head, _, _ = SHOWN.partition(there)
    shown = f"{head}{routes}\n\n{MARK}end\n"
    found = {"10.66.0.0/26": "blackhole", "10.66.0.64/26": "192.0.2.10"}
    assert FabricRoutes().process(shown.splitlines()) == found
