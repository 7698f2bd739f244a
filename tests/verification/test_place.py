"""HOST/NAMESPACE, where hosts' names may have slashes themselves."""

import pytest

from netwright.state import load
from netwright.verification.place import Place, reference_problems, resolve

HOSTS = ["a", "b.example.org", "@docker/web"]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("host", Place("a", "host")),
        ("test1", Place("a", "test1")),
        ("b.example.org/test1", Place("b.example.org", "test1")),
        ("@docker/web/host", Place("@docker/web", "host")),
    ],
)
def test_resolves(text, place):
    assert resolve(text, "a", HOSTS) == place


def test_a_namespace_is_entered_by_ip():
    assert Place("a", "host").prefix == ""
    assert Place("a", "test1").prefix == "ip netns exec test1 "


def test_names_the_hosts_there_are():
    with pytest.raises(LookupError, match="'c' is no host of the inventory; its hosts: a, "):
        resolve("c/test1", "a", HOSTS)


def test_every_unknown_host_is_a_problem():
    checks = [
        {"from": "c/host", "ping": "10.0.0.1"},
        {"from": "host", "tcp": "10.0.0.1:1", "listen": {"at": "d/host", "port": 1}},
        {"from": "b.example.org/host", "ping": "10.0.0.1"},
    ]
    found = reference_problems(load({"checks": checks}), "a", HOSTS)
    assert [problem.path for problem in found] == [
        "network.checks[0].from",
        "network.checks[1].listen.at",
    ]
