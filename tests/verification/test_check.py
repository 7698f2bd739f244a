"""What a check may say, and how it is refused."""

import pytest

from netwright.errors import DeclarationError
from netwright.state import load


def check(**fields):
    """The check of a declaration that has one, from the host if it doesn't say otherwise."""
    return load({"netns": {"blue": {}}, "checks": [{"from": "host", **fields}]}).checks[0]


def refusal(**fields):
    with pytest.raises(DeclarationError) as caught:
        check(**fields)
    assert len(caught.value.problems) == 1, str(caught.value)
    assert caught.value.problems[0].path.startswith("checks[0]")
    return str(caught.value)


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"ping": "172.16.0.3"}, "host ping 172.16.0.3"),
        ({"from": "blue", "ping": "fd00:0::1", "size": 1400}, "blue ping fd00::1"),
        ({"from": "b/blue", "arping": "172.16.0.3"}, "b/blue arping 172.16.0.3"),
        ({"from": "@docker/web/blue", "ping": "10.0.0.1"}, "@docker/web/blue ping 10.0.0.1"),
        ({"tcp": "172.16.0.3:080", "expect": "refused"}, "host tcp 172.16.0.3:80 refused"),
        ({"udp": "[FD00::9]:53", "expect": "ok"}, "host udp [fd00::9]:53"),
        ({"http": "http://10.0.0.1/x?y=1"}, "host http http://10.0.0.1/x?y=1"),
        ({"ping": "10.0.0.1", "with": {}}, "host ping 10.0.0.1"),
        ({"ping": "10.0.0.1", "with": {"links": {}}}, "host ping 10.0.0.1 with a variation"),
    ],
)
def test_is_shown_in_a_few_words(fields, shown):
    assert str(check(**fields)) == shown


def test_one_listener_needs_no_list():
    found = check(tcp="10.0.0.1:80", listen={"netns": "blue", "port": 80})
    assert [(item.place, found.protocol_of(item)) for item in found.listen] == [("blue", "tcp")]


def test_a_listener_speaks_what_the_probe_does():
    found = check(udp="10.0.0.1:80", listen=[{"port": 80}, {"at": "b/blue", "port": 80}])
    assert [item.place for item in found.listen] == ["host", "b/blue"]
    assert {found.protocol_of(item) for item in found.listen} == {"udp"}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "needs exactly one of ping, arping, tcp, udp, http"),
        ({"ping": "10.0.0.1", "tcp": "10.0.0.1:80"}, "needs exactly one of"),
        ({"ping": "example.org"}, "without prefix length"),
        ({"ping": "-f"}, "without prefix length"),
        ({"tcp": "10.0.0.1"}, "ADDRESS:PORT"),
        ({"tcp": "10.0.0.1:0"}, "ADDRESS:PORT"),
        ({"tcp": "10.0.0.1:65536"}, "ADDRESS:PORT"),
        ({"tcp": "10.0.0.999:80"}, "no valid address"),
        ({"udp": "[::1::]:80"}, "no valid address"),
        ({"tcp": "$(reboot):80"}, "ADDRESS:PORT"),
        ({"http": "https://10.0.0.1/"}, "a URL like"),
        ({"http": "http://10.0.0.1/$(reboot)"}, "a URL like"),
        ({"http": "http://10.0.0.1/'; reboot"}, "a URL like"),
        ({"http": "http://10.0.0.1:0/"}, "a URL like"),
        ({"http": "http://[::1::]/"}, "no valid address"),
        ({"ping": "10.0.0.1", "expect": "maybe"}, "is not one of"),
        ({"ping": "10.0.0.1", "count": 0}, "1..1000"),
        ({"ping": "10.0.0.1", "size": 70000}, "0..65507"),
        ({"tcp": "10.0.0.1:80", "size": 100}, "size is for ping"),
        ({"ping": "10.0.0.1", "listen": {"port": 80}}, "listen is for tcp, udp, http"),
        ({"ping": "10.0.0.1", "count": 9, "spread": 2}, "spread is for tcp, udp, http"),
        ({"arping": "fd00::1"}, "no ARP"),
        ({"tcp": "10.0.0.1:80", "source_seen": "10.0.0.1"}, "source_seen needs listen"),
        ({"tcp": "10.0.0.1:80", "spread": 2}, "needs a count"),
        ({"tcp": "10.0.0.1:80", "spread": 2, "count": 2, "expect": "refused"}, "not for refused"),
        ({"tcp": "10.0.0.1:80", "listen": {"port": 1, "netns": "blue", "at": "b/x"}}, "either"),
        ({"tcp": "10.0.0.1:80", "listen": {"port": 80, "reply": "a b"}}, "1 to 64"),
        ({"tcp": "10.0.0.1:80", "listen": [{"port": 80}, {"port": 80}]}, "twice"),
        ({"from": "red", "ping": "10.0.0.1"}, "is declared nowhere"),
        ({"from": "a b", "ping": "10.0.0.1"}, "HOST/NAMESPACE"),
        ({"ping": "10.0.0.1", "dev": "eth0; reboot"}, "a link's name"),
    ],
)
def test_refuses_in_one_line(fields, words):
    assert words in refusal(**fields)
