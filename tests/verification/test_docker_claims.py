"""What is verified of Docker beside what it tells: the file's values, and limits in force."""

from functools import partial
from types import SimpleNamespace

import pytest

from netwright.installs.docker import Settings
from netwright.verification.docker_claims import claims

WEB = {"image": "pages", "memory": "64m", "cpus": 0.5}


def _said(found, **container):
    """What the verification says of a container's limits, where `docker inspect` prints these."""

    def script(command):
        field = next((name for name in found if name in command), None)
        return SimpleNamespace(stdout=f"{found[field]}\n" if field else "", rc=0)

    hosts = SimpleNamespace(connection=lambda host: SimpleNamespace(script=script))
    declared = Settings.model_validate({"containers": {"web": {**WEB, **container}}})
    failures = {
        path.removeprefix("containers.web."): partial(failure, hosts)
        for path, failure in claims("d0", declared)
        if path.startswith("containers.web.")
    }
    return {path: failure() for path, failure in failures.items()}


def test_limits_in_force_are_no_failure():
    found = {"HostConfig.Memory": 64 << 20, "HostConfig.NanoCpus": 500000000}
    assert _said(found) == {"memory": None, "cpus": None}


@pytest.mark.parametrize(
    ("memory", "value"), [("4096", 4096), ("4096b", 4096), ("8k", 8192), ("2g", 2 << 30)]
)
def test_sizes_are_those_of_docker(memory, value):
    found = {"HostConfig.Memory": value, "HostConfig.NanoCpus": 500000000}
    assert _said(found, memory=memory)["memory"] is None
    assert _said({**found, "HostConfig.Memory": value + 1}, memory=memory)["memory"]


def test_a_limit_that_docker_took_away_is_a_failure():
    failures = _said({"HostConfig.Memory": 0, "HostConfig.NanoCpus": 1500000000})
    assert failures["memory"].startswith("declared memory 64m, there is no limit")
    assert failures["cpus"] == "declared cpus 0.5 (500000000), found 1500000000"


def _written(text, **declared):
    hosts = SimpleNamespace(
        connection=lambda host: SimpleNamespace(
            script=lambda command: SimpleNamespace(stdout=text, rc=0)
        )
    )
    settings = Settings.model_validate({"daemon": declared})
    (failure,) = (each for path, each in claims("d0", settings) if path.startswith("daemon."))
    return failure(hosts)


def test_a_key_of_the_file_has_its_value():
    text = '{"mtu": 1400, "log-opts": {"max-size": "10m"}, "mtu-of-others": 1}'
    assert _written(text, mtu=1400) is None
    assert _written(text, mtu=1500) == "daemon.json: declared 1500, found 1400"
    assert _written(text, **{"log-opts": {"max-size": "10m"}}) is None
    assert _written(text, **{"log-opts": {"max-size": "9m"}})
    assert _written(text, dns=None) is None
    assert _written(text, mtu=None) == "daemon.json: declared None, found 1400"
    assert _written("{", mtu=1400).startswith("daemon.json: ")
