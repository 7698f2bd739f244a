"""Listeners on a target: they answer, remember whom they saw, and always go."""

import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress

import pytest

from netwright.verification.listener import ListenerFailed, start
from netwright.verification.place import Place

pytestmark = pytest.mark.live

TOOLS = [
    pytest.param(name, marks=pytest.mark.skipif(not shutil.which(name), reason=f"no {name} here"))
    for name in ("socat", "perl")
]
BUILD = """
ip netns add vt1
ip link add vtp1 type veth peer name v1 netns vt1
ip address add 10.201.0.1/24 dev vtp1
ip address add fd00:201::1/64 dev vtp1 nodad
ip link set vtp1 up
ip -n vt1 link set lo up
ip -n vt1 address add 10.201.0.2/24 dev v1
ip -n vt1 address add fd00:201::2/64 dev v1 nodad
ip -n vt1 link set v1 up
"""


@pytest.fixture
def host(fake_host):
    fake_host.run(BUILD)
    return fake_host


def listen(host, tool, netns="vt1", **fields):
    wanted = {"protocol": "tcp", "family": "inet", "port": 4242, "reply": "hello", "http": False}
    return start(Place("a", netns), host, {tool, "timeout"}, **{**wanted, "life": 20, **fields})


def ask(host, text):
    return host.script(f"timeout 5 bash -c {text!r}").stdout.strip()


def left(host):
    """What a listener could leave."""
    files = host.run("ls -d /tmp/netwright-check.* 2> /dev/null || true").split()
    return files, [line for line in host.processes() if "netwright" in line or "timeout" in line]


@pytest.fixture(autouse=True)
def nothing_is_left(host):
    before = left(host)[0]
    yield
    files, processes = left(host)
    assert set(files) <= set(before)
    assert processes == []


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize(
    ("family", "target", "source"),
    [("inet", "10.201.0.2", "10.201.0.1"), ("inet6", "fd00:201::2", "fd00:201::1")],
)
def test_answers_and_tells_whom_it_saw(host, tool, family, target, source):
    listener = listen(host, tool, family=family)
    for _ in range(3):
        assert ask(host, f"cat < /dev/tcp/{target}/4242") == "hello"
    assert listener.stop() == [source] * 3


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize(
    ("family", "target", "source"),
    [("inet", "10.201.0.2", "10.201.0.1"), ("inet6", "fd00:201::2", "fd00:201::1")],
)
def test_answers_datagrams(host, tool, family, target, source):
    listener = listen(host, tool, family=family, protocol="udp")
    question = f"exec 3<> /dev/udp/{target}/4242; echo x >&3; dd bs=100 count=1 <&3"
    assert [ask(host, question) for _ in range(3)] == ["hello"] * 3
    assert listener.stop() == [source] * 3


@pytest.mark.parametrize("tool", TOOLS)
def test_answers_requests_of_the_web(host, tool):
    listener = listen(host, tool, http=True)
    found = host.script("curl -qsS -i --noproxy '*' --max-time 5 http://10.201.0.2:4242/x")
    assert listener.stop() == ["10.201.0.1"]
    assert found.stdout.startswith("HTTP/1.0 200 OK\n"), found.stderr
    assert found.stdout.endswith("\n\nhello\n")


@pytest.mark.parametrize("tool", TOOLS)
def test_many_at_once(host, tool):
    listener = listen(host, tool)
    calls = "for n in $(seq 50); do cat < /dev/tcp/10.201.0.2/4242 & done; wait"
    assert ask(host, calls).split() == ["hello"] * 50
    assert listener.stop() == ["10.201.0.1"] * 50


@pytest.mark.parametrize("tool", TOOLS)
def test_ends_by_itself_when_nobody_stops_it(host, tool):
    listener = listen(host, tool, life=1)
    assert ask(host, "cat < /dev/tcp/10.201.0.2/4242") == "hello"
    time.sleep(1.5)
    assert ask(host, "cat < /dev/tcp/10.201.0.2/4242") == ""
    with pytest.raises(ListenerFailed, match="was gone before the check was over"):
        listener.stop()


@pytest.mark.parametrize("tool", TOOLS)
def test_a_port_that_is_taken_is_said(host, tool):
    listener = listen(host, tool)
    with pytest.raises(ListenerFailed, match="port 4242 is taken"):
        listen(host, tool)
    listener.stop()


@pytest.mark.parametrize("tool", TOOLS)
def test_a_place_that_isnt_there_is_said_once(host, tool):
    with pytest.raises(ListenerFailed) as caught:
        listen(host, tool, netns="vt9")
    assert str(caught.value).count("Cannot open network namespace") == 1


def test_a_port_that_a_listener_may_not_have_is_said(host):
    """Another one holds it in a way that the first look doesn't show."""
    script = (
        "use Socket; socket(S, AF_INET, SOCK_STREAM, 0); bind(S, sockaddr_in(4242, INADDR_ANY))"
    )
    holder = subprocess.Popen(
        [*host.enter, "ip", "netns", "exec", "vt1", "perl", "-e", f"{script}; sleep 20"]
    )
    time.sleep(0.3)
    try:
        with pytest.raises(ListenerFailed, match=r"did not start: .*in use"):
            listen(host, "perl")
    finally:
        holder.kill()
        holder.wait()


def test_a_missing_tool_names_its_package(host):
    with pytest.raises(ListenerFailed, match="install socat or perl"):
        listen(host, "nothing")


class Interrupted:
    """A connection on which Ctrl-C comes while the first answer is awaited."""

    def __init__(self, host, limit):
        self.host, self.limit, self.first = host, limit, True

    def script(self, text):
        if not self.first:
            return self.host.script(text)
        self.first = False
        script = subprocess.Popen(
            [*self.host.enter, "sh"], stdin=subprocess.PIPE, text=True, start_new_session=True
        )
        script.stdin.write(f"(\n{text}\n) < /dev/null")
        script.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            script.wait(self.limit)
        # As on this machine, where what it runs belongs to the terminal as well.
        os.killpg(script.pid, signal.SIGINT)
        script.wait()
        raise KeyboardInterrupt


@pytest.mark.parametrize("limit", [0, 0.02, 0.05, 0.1, 5])
def test_nothing_is_left_when_the_start_is_interrupted(host, limit):
    with pytest.raises(KeyboardInterrupt):
        listen(Interrupted(host, limit), "socat")
    assert host.run("ip netns exec vt1 ss -Hltn").strip() == ""
