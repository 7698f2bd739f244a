"""Names, addresses and what is refused: all that a lab decides before it runs."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest

from netwright.lab import control
from netwright.lab.spec import LabError, LabSpec, overlap


def spec(name: str = "t-x", subnet: str = "198.18.200.0/24", hosts: str = "a b") -> LabSpec:
    return LabSpec.of(name, "/t/x.py", subnet, [(host, "nspawn") for host in hosts.split()])


def test_addresses_follow_the_order_of_the_hosts() -> None:
    lab = spec(hosts="a b c")
    assert [host.address for host in lab.hosts] == [
        "198.18.200.10",
        "198.18.200.11",
        "198.18.200.12",
    ]
    assert [host.address6 for host in lab.hosts] == [
        "fd00:198:18:200::10",
        "fd00:198:18:200::11",
        "fd00:198:18:200::12",
    ]
    assert lab.machine_addresses == ("198.18.200.1/24", "fd00:198:18:200::1/64")
    assert lab.host("a").links[0].gateways == ("198.18.200.1", "fd00:198:18:200::1")


def test_a_hundred_hosts_have_a_hundred_addresses_in_both_families() -> None:
    lab = spec(hosts=" ".join(f"h{number}" for number in range(100)))
    assert len({host.address for host in lab.hosts}) == 100
    assert len({host.address6 for host in lab.hosts}) == 100
    assert lab.hosts[99].address6 == "fd00:198:18:200::109"


def test_hosts_keep_mac_and_machine_id_and_share_them_with_nobody() -> None:
    lab, other = spec(), spec(name="t-y")
    hosts = [(each, host) for each in (lab, other) for host in each.hosts]
    assert len({host.links[0].mac for _, host in hosts}) == 4
    assert len({each.uuid(host) for each, host in hosts}) == 4
    assert [host.links[0].mac for host in spec().hosts] == [host.links[0].mac for host in lab.hosts]
    # Locally administered, not multicast.
    assert all(int(host.links[0].mac[:2], 16) & 3 == 2 for _, host in hosts)


def test_a_lab_is_read_back_from_its_record() -> None:
    assert LabSpec.from_json(spec().to_json()) == spec()


def test_where_a_lab_comes_from_does_not_make_it_another() -> None:
    assert spec() == LabSpec.of(
        "t-x", "/elsewhere/x.py", "198.18.200.0/24", [("a", "nspawn"), ("b", "nspawn")]
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"name": "a/b"}, "lab name 'a/b'"),
        ({"name": "../x"}, "lab name '../x'"),
        ({"name": "x" * 41}, "at most 40"),
        ({"name": ""}, "lab name ''"),
        ({"hosts": "a a"}, "'a' is there twice"),
        ({"hosts": "a A"}, "'A' is there twice"),
        ({"hosts": "-a"}, "host '-a'"),
        ({"hosts": "a_b"}, "host 'a_b'"),
        ({"hosts": "../../a"}, "host '../../a'"),
        ({"subnet": "198.18.200.1/24"}, "subnet '198.18.200.1/24'"),
        ({"subnet": "fd00::/64"}, "subnet 'fd00::/64'"),
        ({"subnet": "198.18.200.0/25"}, "/16 to /24"),
        ({"subnet": "198.18.0.0/15"}, "/16 to /24"),
        ({"hosts": " ".join(f"h{number}" for number in range(201))}, "at most 200"),
    ],
)
def test_what_is_refused_is_named(arguments: dict[str, str], words: str) -> None:
    with pytest.raises(LabError) as caught:
        spec(**arguments)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(LabError, match="engine 'vmware' is not one of nspawn, vm"):
        LabSpec.of("t-x", "/t/x.py", "198.18.200.0/24", [("a", "vmware")])


def test_an_unknown_host_is_answered_with_those_there_are() -> None:
    with pytest.raises(LabError, match="no host 'z'; its hosts are: a, b"):
        spec().host("z")


def test_overlap_names_the_other() -> None:
    others = [
        ("link eth0", ip_network("192.0.2.0/24")),
        ("link six", ip_network("fd00::/8")),
        ("lab big", ip_network("198.18.0.0/16")),
    ]
    assert overlap("198.18.200.0/24", others) == ("lab big", "198.18.0.0/16")
    assert overlap("198.19.0.0/24", others) is None


@pytest.mark.parametrize(("limit", "warned"), [(128, True), (1024, False)])
def test_more_hosts_than_the_machine_has_inotify_instances_for(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    limit: int,
    warned: bool,
) -> None:
    monkeypatch.setattr(control, "INOTIFY", tmp_path / "max_user_instances")
    monkeypatch.setattr(control, "recorded_labs", list)
    control.INOTIFY.write_text(f"{limit}\n")
    control.warn_of_inotify(spec(hosts=" ".join(f"h{number}" for number in range(18))))
    assert capsys.readouterr().err == ""
    control.warn_of_inotify(spec(hosts=" ".join(f"h{number}" for number in range(19))))
    said = capsys.readouterr().err
    assert (
        "19 lab hosts want some 133 inotify instances, this machine allows 128" in said
    ) is warned
