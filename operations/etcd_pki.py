"""A cluster's CA on the controller, and certificates from there to a host."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pyinfra.api import Host

from netwright.installs import certificate as certificates
from netwright.installs.certificate import Authority, Pair
from netwright.installs.etcd import PKI, TRUST
from netwright.installs.etcd_trust import Trust
from netwright.operations.remote import run

__all__ = ["Pki", "place", "read_authority", "read_trust", "trusted"]


@dataclass(frozen=True)
class Pki:
    """Where ca.pem and ca.key are, whether they may be made there, and what else is trusted."""

    directory: str
    make: bool = True
    trust: tuple[str, ...] = ()


def read_authority(directory: str, make: bool) -> Authority:
    """The CA in a directory of the controller, which is made if there is none and it may be.

    Raises ValueError for one that can't sign, OSError for one that can't be read.
    """
    path = Path(directory)
    if make and not (path / "ca.key").exists() and not (path / "ca.pem").exists():
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = certificates.authority("netwright etcd CA")
        # The key is nobody else's from its first byte on.
        with os.fdopen(os.open(path / "ca.key", os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(made.key)
        (path / "ca.pem").write_text(made.certificate)
    return Authority(Pair((path / "ca.pem").read_text(), (path / "ca.key").read_text()))


def trusted(files: Sequence[str]) -> str:
    """The certificates of further CAs.

    Raises ValueError for a file without any, OSError for one that can't be read.
    """
    for file in files:
        if not certificates.prints(Path(file).read_text()):
            raise ValueError(f"{file}: there is no certificate in it")
    return certificates.bundle(*(Path(file).read_text() for file in files))


def read_trust(directory: str, files: Sequence[str]) -> Trust | None:
    """What is declared to be trusted; None as long as the CA has not been made."""
    path = Path(directory) / "ca.pem"
    return Trust(path.read_text(), trusted(files)) if path.exists() else None


# Written beside and moved: etcd reads its certificate and key at each handshake.
_BEGIN = f"""set -e
install -d -m 0755 /etc/etcd
install -d -m 0750 -o root -g etcd {PKI}
umask 077
"""
_CA = f"""cat >{PKI}/ca.pem.new <<'END'
%(ca)sEND
echo '{TRUST}=%(mark)s' >{PKI}/trust.env.new
"""
_LEAF = f"""cat >{PKI}/member.pem.new <<'END'
%(certificate)sEND
cat >{PKI}/member.key.new <<'END'
%(key)sEND
"""
_END = f"""chown etcd:etcd {PKI}/*.new
chmod 0644 {PKI}/*.new
if [ -e {PKI}/member.key.new ]; then chmod 0600 {PKI}/member.key.new; fi
for new in {PKI}/*.new; do mv "$new" "${{new%%.new}}"; done
"""


def place(host: Host, ca: str | None, pair: Pair | None) -> tuple[bool, str]:
    """Put CAs, or a certificate with its key, or both, on a host; whether it did, and why not."""
    script = _BEGIN
    if ca is not None:
        text = certificates.bundle(ca)
        script += _CA % {"ca": text, "mark": certificates.mark(text)}
    if pair is not None:
        script += _LEAF % {"certificate": pair.certificate, "key": pair.key}
    ok, _, errors = run(host, script + _END % ())
    return ok, "; ".join(line for line in errors if line)
