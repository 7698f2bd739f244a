"""What is declared of a cluster, and what is wrong with it, before any host is asked."""

import datetime

import pytest

from netwright.errors import DeclarationError
from netwright.installs.certificate import authority
from netwright.installs.etcd import Member, Settings, environment, problems, render, warnings
from netwright.installs.read import read
from netwright.operations.etcd_files import check_authority
from netwright.operations.etcd_pki import Pki

SHA = "a" * 64


def _member(host, address="192.0.2.1", **settings):
    return Member.of(host, Settings(**settings), address)


def _wrong(data):
    with pytest.raises(DeclarationError) as caught:
        read(Settings, "etcd", data)
    return [str(problem) for problem in caught.value.problems]


def test_every_wrong_key_is_named_with_what_is_accepted():
    found = _wrong({"versoin": "3.4", "token": "a b", "options": {"data-dir": "/x"}})
    assert [line.partition(":")[0] for line in sorted(found)] == [
        "etcd.options", "etcd.token", "etcd.versoin",
    ]  # fmt: skip
    text = "\n".join(found)
    assert "is not a key here; accepted: name, address, version" in text
    assert "data-dir: not accepted; accepted: auto-compaction-mode" in text


def test_a_tarball_is_pinned():
    source = {"url": "http://192.0.2.1/etcd", "sha256": SHA}
    assert "needs a whole `version`" in _wrong({"source": source})[0]
    assert _wrong({"source": {**source, "sha256": "abc"}, "version": "3.5.26"})
    settings = read(Settings, "etcd", {"source": source, "version": "3.5.26"})
    assert settings.source.address("3.5.26") == (
        "http://192.0.2.1/etcd/v3.5.26/etcd-v3.5.26-linux-amd64.tar.gz"
    )


def test_two_members_with_one_name_or_one_url():
    found = [str(each) for each in problems([_member("a"), _member("b")])]
    assert found == [
        "b: etcd.address: https://192.0.2.1:2380: a has the same URL; each member has its own"
    ]
    found = [str(each) for each in problems([_member("a"), _member("b", "192.0.2.2", name="a")])]
    assert found == ["b: etcd.name: a: a has the same name; each member has its own"]
    assert list(problems([_member("a"), _member("b", "192.0.2.2")])) == []


def test_an_address_is_an_address_and_members_agree():
    assert "no IP address" in str(next(problems([_member("a", None)])))
    found = [str(each) for each in problems([_member("a"), _member("b", "192.0.2.2", token="x")])]
    assert found == ["etcd.token: members differ: 'netwright'; 'x'"]


def test_a_ca_that_can_not_sign_is_said_before_any_host_is_asked(tmp_path):
    long_ago = datetime.datetime(2010, 1, 1, tzinfo=datetime.UTC)
    check_authority(Pki(str(tmp_path)))
    with pytest.raises(DeclarationError, match="No such file"):
        check_authority(Pki(str(tmp_path), make=False))
    old = authority("old", long_ago)
    (tmp_path / "ca.pem").write_text(old.certificate)
    (tmp_path / "ca.key").write_text(old.key)
    with pytest.raises(DeclarationError, match=r"etcd\.tls\.ca: .*expired \d+ days ago"):
        check_authority(Pki(str(tmp_path)))


def test_an_even_number_is_a_warning():
    two = [_member("a"), _member("b", "192.0.2.2")]
    (line,) = warnings(two)
    assert "2 members can lose 0, as many as 1 can" in line
    assert list(warnings([*two, _member("c", "192.0.2.3")])) == []


def test_the_environment_is_what_etcd_reads():
    found = environment(_member("a", options={"heartbeat-interval": 200, "pre-vote": True}))
    assert found["ETCD_HEARTBEAT_INTERVAL"] == "200"
    assert found["ETCD_PRE_VOTE"] == "true"
    assert found["ETCD_LISTEN_CLIENT_URLS"] == "https://192.0.2.1:2379,https://127.0.0.1:2379"
    assert not any(name.startswith("ETCD_INITIAL_CLUSTER") for name in found)
    plain = environment(_member("a", "2001:db8::1", tls=False))
    assert plain["ETCD_LISTEN_PEER_URLS"] == "http://[2001:db8::1]:2380"
    assert not any("CERT" in name for name in plain)
    assert render({"A": 'b"\\'}) == 'A="b\\"\\\\"\n'
