"""A probe's command line, for each tool."""

import shlex
import subprocess

import pytest

from netwright.state import load
from netwright.verification.attempts import Vantage, parse, script
from netwright.verification.place import Place
from netwright.verification.probe import NoTool, Probe, choose

ALL = {"arping", "bash", "curl", "ping", "socat", "timeout", "wget"}
HOST = Place("a", "host")


def probe(**fields):
    return Probe.of(load({"checks": [{"from": "host", **fields}]}).checks[0])


def words(there=ALL, **fields):
    return shlex.join(choose(probe(**fields), there, 3))


@pytest.mark.parametrize(
    ("fields", "there", "command"),
    [
        ({"ping": "10.0.0.1"}, ALL, "timeout 5 ping -c 1 -W 3 10.0.0.1"),
        (
            {"ping": "10.0.0.1", "count": 3, "size": 1472, "dont_fragment": True, "dev": "eth0"},
            ALL,
            "timeout 7 ping -c 3 -W 3 -s 1472 -M do -I eth0 10.0.0.1",
        ),
        (
            {"arping": "10.0.0.1", "dev": "eth0", "source": "10.0.0.9"},
            ALL,
            "timeout 5 arping -c 1 -w 3 -I eth0 -s 10.0.0.9 10.0.0.1",
        ),
        (
            {"arping": "10.0.0.1", "dev": "eth0", "source": "10.0.0.9", "count": 2},
            {"arping-habets", "timeout"},
            "timeout 6 arping -c 2 -w 4 -I eth0 -S 10.0.0.9 10.0.0.1",
        ),
        (
            {"tcp": "10.0.0.1:80"},
            ALL,
            "timeout 3 bash -c 'exec 3<>\"/dev/tcp/$1/$2\" && echo connected' bash 10.0.0.1 80",
        ),
        (
            {"tcp": "[fd00::1]:80", "listen": {"port": 80}},
            {"socat", "timeout"},
            "timeout 4 socat -u 'TCP:[fd00::1]:80,connect-timeout=3' STDOUT",
        ),
        (
            {"tcp": "10.0.0.1:80", "source": "10.0.0.9", "dev": "eth0"},
            ALL,
            "timeout 4 socat -u OPEN:/dev/null"
            " TCP:10.0.0.1:80,bind=10.0.0.9,so-bindtodevice=eth0,connect-timeout=3",
        ),
        (
            {"http": "http://10.0.0.1/x?y=[1]"},
            ALL,
            "curl -qgsSv --noproxy '*' --max-time 3 -o /dev/null 'http://10.0.0.1/x?y=[1]'",
        ),
        (
            {"http": "http://10.0.0.1/", "source": "10.0.0.9", "listen": {"port": 80}},
            ALL,
            "curl -qgsSv --noproxy '*' --max-time 3 --interface 10.0.0.9 -o - http://10.0.0.1/",
        ),
        (
            {"http": "http://10.0.0.1/"},
            {"wget", "timeout"},
            "timeout 4 wget -S -T 3 -O /dev/null http://10.0.0.1/",
        ),
    ],
)
def test_is_what_the_tool_takes(fields, there, command):
    assert words(there, **fields) == command


@pytest.mark.parametrize(
    ("fields", "there", "package"),
    [
        ({"ping": "10.0.0.1"}, {"timeout"}, "iputils-ping"),
        ({"arping": "10.0.0.1"}, {"timeout", "ping"}, "iputils-arping"),
        ({"tcp": "10.0.0.1:80"}, {"timeout"}, "bash or socat"),
        ({"udp": "10.0.0.1:80", "source": "10.0.0.9"}, {"timeout", "bash"}, "install socat"),
        ({"http": "http://10.0.0.1/", "dev": "eth0"}, {"timeout", "wget"}, "install curl"),
        ({"ping": "10.0.0.1"}, {"ping"}, "coreutils"),
    ],
)
def test_a_missing_tool_names_its_package(fields, there, package):
    with pytest.raises(NoTool, match=package):
        choose(probe(**fields), there, 3)


def test_every_word_reaches_the_tool_as_it_is():
    """Types refuse such values already; this is what the shell would make of them."""
    nasty = ["$(touch pwned)", "a b", "'; touch pwned; '", "*", "\\", "-n", '"', "`id`"]
    text = script(Probe("ping", "10.0.0.1"), HOST, ["printf", "<%s>\\n", *nasty])
    done = subprocess.run(["sh"], input=text, text=True, capture_output=True, check=True)
    assert "\n".join(f"<{word}>" for word in nasty) in done.stdout


def run(command, **fields):
    text = script(probe(**fields), HOST, ["sh", "-c", command])
    done = subprocess.run(["sh"], input=text, text=True, capture_output=True, check=True)
    return parse(probe(**fields), done.stdout)


def test_each_request_is_an_outcome():
    count = "echo connected; echo more >&2; exit 0"
    result = run(count, tcp="127.0.0.1:9", count=3)
    assert [item.result for item in result.outcomes] == ["ok", "ok", "ok"]


def test_what_is_said_and_what_is_answered_are_kept_apart():
    result = run("printf answer; echo Connection refused >&2", tcp="127.0.0.1:9")
    assert result.whole.answer == "answer"
    assert run("printf answer; echo Connection refused >&2; exit 1", tcp="127.0.0.1:9").whole == (
        run("echo Connection refused >&2; exit 1", tcp="127.0.0.1:9").whole
    )


def test_bytes_that_are_no_text_do_no_harm():
    assert run("printf 'a\\377\\001b'", tcp="127.0.0.1:9").whole.answer == "ab"


def test_the_way_is_told():
    assert run("exit 1", tcp="127.0.0.1:9").route.startswith("local 127.0.0.1 dev lo")


def test_a_namespace_that_isnt_there_proves_nothing():
    text = script(probe(ping="10.0.0.1"), Place("a", "nowhere-at-all"), ["true"])
    done = subprocess.run(["sh"], input=text, text=True, capture_output=True, check=False)
    with pytest.raises(Vantage):
        parse(probe(ping="10.0.0.1"), done.stdout)


@pytest.mark.parametrize(("dev", "words"), [("nix", "no link nix"), ("lo", "")])
def test_a_link_that_isnt_up_proves_nothing(dev, words):
    if not words:
        assert run("exit 1", ping="10.0.0.1", dev=dev).whole.result == "error"
        return
    with pytest.raises(Vantage, match=words):
        run("exit 1", ping="10.0.0.1", dev=dev)
