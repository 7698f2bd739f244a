"""Certificates, as openssl's own words tell them."""

import datetime
import subprocess

import pytest

from netwright.installs.certificate import Authority, Pair, authority, issue, look

NAMES = ("192.0.2.1", "127.0.0.1", "n0")
YEARS_AGO = datetime.datetime(2010, 1, 1, tzinfo=datetime.UTC)


def _openssl(*words, stdin=""):
    return subprocess.run(
        ["openssl", *words], input=stdin, capture_output=True, text=True, check=False
    )


def test_openssl_trusts_the_leaf_as_server_and_client(tmp_path):
    ca = authority("test CA")
    leaf = issue(Authority(ca), "n0", NAMES)
    (tmp_path / "ca.pem").write_text(ca.certificate)
    (tmp_path / "leaf.pem").write_text(leaf.certificate)
    for purpose in ("sslserver", "sslclient"):
        done = _openssl(
            "verify", "-x509_strict", "-purpose", purpose, "-verify_ip", "192.0.2.1",
            "-verify_hostname", "n0", "-CAfile", tmp_path / "ca.pem", tmp_path / "leaf.pem",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    other = authority("other CA")
    (tmp_path / "ca.pem").write_text(other.certificate)
    assert _openssl("verify", "-CAfile", tmp_path / "ca.pem", tmp_path / "leaf.pem").returncode != 0


def test_what_will_not_do_is_said():
    ca, other = authority("one"), authority("two")
    leaf = issue(Authority(ca), "n0", NAMES)
    assert look(leaf.certificate, ca.certificate).lacks(NAMES) is None
    assert "another CA" in look(leaf.certificate, other.certificate).lacks(NAMES)
    assert "it is for" in look(leaf.certificate, ca.certificate).lacks([*NAMES, "n9"])
    short = issue(Authority(ca), "n0", NAMES, days=10)
    assert "expires in" in look(short.certificate, ca.certificate).lacks(NAMES)
    over = issue(Authority(ca), "n0", NAMES, days=-3)
    assert "expired 3 days ago" in look(over.certificate, ca.certificate).lacks(NAMES)


def test_a_ca_that_is_over_or_has_another_key_can_not_sign():
    ca, other = authority("one"), authority("two")
    with pytest.raises(ValueError, match="not that of the certificate"):
        Authority(Pair(ca.certificate, other.key))
    with pytest.raises(ValueError, match="expired"):
        Authority(authority("old", YEARS_AGO))


def test_a_key_is_not_shown():
    pair = authority("one")
    assert "PRIVATE" in pair.key
    assert "PRIVATE" not in f"{pair!r} {pair}"
