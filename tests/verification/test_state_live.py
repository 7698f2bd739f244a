"""A right host is green; each thing that is wrong on it makes its own item red and no other."""

from pathlib import Path

import pytest
import yaml

from tests.verification.fakehost import FakeHost

pytestmark = pytest.mark.live

HERE = Path(__file__).with_name("state")
BUILD = (HERE / "build.sh").read_text(encoding="utf-8")
DECLARED = (HERE / "declared.yaml").read_text(encoding="utf-8")
WRONG = yaml.safe_load((HERE / "wrong.yaml").read_text(encoding="utf-8"))


@pytest.fixture
def right():
    """The host as declared."""
    host = FakeHost()
    host.run(BUILD)
    yield host
    host.close()


def test_a_right_host_is_green(right):
    everything = (
        "iptables-save; ip6tables-save; ipset save;"
        " ip address; ip route show table all; ip netns list-id"
    )
    before = right.run(f"({everything}) | grep -v '^#'")
    assert right.failures(DECLARED) == {}
    assert right.run(f"({everything}) | grep -v '^#'") == before, "it only reads"


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_thing_is_red_and_nothing_else(right, name):
    right.run(WRONG[name]["do"])
    assert set(right.failures(DECLARED)) == set(WRONG[name]["red"])
