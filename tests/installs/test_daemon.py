"""daemon.json: what is refused, merged, and how it takes effect."""

import pytest

from netwright.errors import DeclarationError
from netwright.installs import daemon
from netwright.installs.docker import Container, Settings, create
from netwright.installs.read import read


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"log-optss": {}}, "did you mean log-opts?"),
        ({"log-opts": {"max-file": 3}}, "numbers in quotes"),
        ({"hosts": ["tcp://0.0.0.0"]}, "-H fd://"),
        ({"debug": "yes"}, "true or false"),
        ({"mtu": True}, "a whole number"),
        ({"default-address-pools": [{"base": "10.0.0.0/8"}]}, "a list of {base, size}"),
    ],
)
def test_what_would_stop_the_daemon_is_refused_before_any_host_is_asked(declared, said):
    with pytest.raises(DeclarationError) as caught:
        read(Settings, "docker", {"daemon": declared})
    assert said in str(caught.value)
    assert str(caught.value).startswith("docker.daemon: ")


def test_known_keys_pass():
    declared = {"log-opts": {"max-file": "3"}, "mtu": 1400, "icc": False, "dns": ["192.0.2.1"]}
    assert list(daemon.problems(declared)) == []


def test_merged_key_by_key():
    merged = daemon.merge({"mtu": 1400, "debug": True, "icc": True}, {"debug": None, "icc": False})
    assert merged == {"mtu": 1400, "icc": False}


def test_reload_where_that_is_enough_restart_where_not():
    assert daemon.change({"debug": True}, {"debug": True}, 3, False) == daemon.Change()
    found = daemon.change({}, {"debug": True}, 3, False)
    assert (found.act, found.keys, found.refused) == (("reload",), ("debug",), None)
    assert daemon.change({}, {"mtu": 1400}, 0, False).act == ("restart",)
    assert daemon.change({}, {"mtu": 1400}, 3, True).act == ("restart",)
    # A key that is taken away counts as well.
    assert daemon.change({"mtu": 1400}, {"mtu": None}, 0, True).act == ("restart",)


def test_a_restart_under_running_containers_is_refused_unless_they_stay():
    found = daemon.change({}, {"mtu": 1400, "debug": True}, 3, False)
    assert found.text is None
    assert "mtu needs a restart, which would stop 3 running containers" in found.refused
    found = daemon.change({}, {"mtu": 1400, "live-restore": True}, 3, False)
    assert (found.act, found.refused) == (("reload", "restart"), None)


def test_an_upgrade_under_running_containers_needs_live_restore():
    assert "would stop 3 running containers" in daemon.stops(3, False)
    assert daemon.stops(3, True) is None
    assert daemon.stops(0, False) is None


def test_a_file_that_is_no_json():
    assert daemon.parse(" \n") == {}
    for text in ("{", "[]"):
        with pytest.raises(ValueError):
            daemon.parse(text)


def test_containers_refer_to_what_is_there():
    web = {"image": "x", "network": "lan", "address": "10.0.0.2"}
    with pytest.raises(DeclarationError, match="'lan' is no network here"):
        read(Settings, "docker", {"containers": {"web": web}})
    with pytest.raises(DeclarationError, match=r"10\.0\.0\.2 is that of web"):
        read(Settings, "docker", {"networks": {"lan": {}}, "containers": {"web": web, "two": web}})
    with pytest.raises(DeclarationError, match="needs a user network"):
        read(Settings, "docker", {"containers": {"web": {**web, "network": "bridge"}}})


def test_another_declaration_or_image_is_another_container():
    base = Container(image="x", command=["sh"], ports=["80:80"], memory="64m", cpus=0.5)
    words = create("web", base, "sha256:1")
    assert words[-2:] == ["x", "sh"]
    assert words[words.index("--memory") + 1] == "64m"
    assert create("web", base, "sha256:1") == words
    assert create("web", base, "sha256:2") != words
    assert create("web", base.but(cpus=1.0), "sha256:1") != words
