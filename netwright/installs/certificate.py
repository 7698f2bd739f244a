"""A CA and its leaves: shown by `openssl x509 -text`, made here by the library `cryptography`."""

from __future__ import annotations

import datetime
import hashlib
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

__all__ = ["Authority", "Leaf", "Pair", "authority", "bundle", "issue", "look", "mark", "prints"]

CA_DAYS = 3650
LEAF_DAYS = 365
RENEW_DAYS = 30
"""A leaf with fewer days to go is made anew."""


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, as PEM; the key is not shown."""

    certificate: str
    key: str

    def __repr__(self) -> str:
        return "Pair(...)"


@dataclass(frozen=True)
class Leaf:
    """What a certificate says; `days` to its end, negative when it is past."""

    subject: str
    names: tuple[str, ...]
    days: int
    fingerprint: str
    trusted: bool

    def lacks(self, names: Sequence[str]) -> str | None:
        """Why it will not do for these names; None if it will."""
        if not self.trusted:
            return "another CA has signed it"
        if set(names) - set(self.names):
            return f"it is for {', '.join(self.names)}"
        if self.days < 0:
            return f"it expired {-self.days - 1} days ago"
        return f"it expires in {self.days} days" if self.days < RENEW_DAYS else None


class Authority:
    """A CA that can sign."""

    def __init__(self, pair: Pair) -> None:
        """Raises ValueError for what is no CA, a key that is not its own, or one that is over."""
        self.certificate = x509.load_pem_x509_certificate(pair.certificate.encode())
        key = serialization.load_pem_private_key(pair.key.encode(), password=None)
        if key.public_key() != self.certificate.public_key():
            raise ValueError("the key is not that of the certificate")
        self.key = key
        days = _days(self.certificate, _now())
        if days < 0:
            raise ValueError(f"the CA's certificate expired {-days - 1} days ago")
        self.pem = pair.certificate


def authority(name: str, now: datetime.datetime | None = None) -> Pair:
    """A new CA.

    + name: its common name
    """
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(name)
    usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
    built = (
        _builder(subject, subject, key.public_key(), CA_DAYS, now or _now())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .sign(key, hashes.SHA256())
    )
    return _pair(built, key)


def issue(
    ca: Authority,
    name: str,
    names: Sequence[str],
    days: int = LEAF_DAYS,
    now: datetime.datetime | None = None,
) -> Pair:
    """A leaf for a server that is a client as well, as etcd's members are for each other.

    + name: its common name
    + names: addresses and names that it is for
    + days: how long, from now
    """
    key = ec.generate_private_key(ec.SECP256R1())
    usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    usage = x509.KeyUsage(True, False, True, False, False, False, False, False, False)
    built = (
        _builder(_name(name), ca.certificate.subject, key.public_key(), days, now or _now())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([_general(each) for each in names]), False)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .add_extension(_identifier(ca.certificate), False)
        .sign(ca.key, hashes.SHA256())  # type: ignore[arg-type]
    )
    return _pair(built, key)


def look(pem: str, ca: str | None, now: datetime.datetime | None = None) -> Leaf:
    """What a certificate says.

    + pem: the certificate
    + ca: the CA that should have signed it, or several

    Raises ValueError for what is no certificate.
    """
    found = x509.load_pem_x509_certificate(pem.encode())
    try:
        extension = found.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        names = tuple(str(each.value) for each in extension.value)
    except x509.ExtensionNotFound:
        names = ()
    return Leaf(
        found.subject.rfc4514_string(),
        names,
        _days(found, now or _now()),
        found.fingerprint(hashes.SHA256()).hex(),
        ca is not None and _signed(found, ca),
    )


def prints(*pems: str) -> frozenset[str]:
    """The fingerprints of all certificates in some texts."""
    return frozenset(_all(*pems))


def bundle(*pems: str) -> str:
    """All certificates of some texts, each once, in an order of their own."""
    found = _all(*pems)
    encoding = serialization.Encoding.PEM
    return "".join(found[each].public_bytes(encoding).decode() for each in sorted(found))


def mark(pem: str) -> str:
    """What a set of certificates is known by, however it is written."""
    return hashlib.sha256(" ".join(sorted(prints(pem))).encode()).hexdigest()[:16]


def _all(*pems: str) -> dict[str, x509.Certificate]:
    return {
        each.fingerprint(hashes.SHA256()).hex(): each
        for pem in pems
        if pem.strip()
        for each in x509.load_pem_x509_certificates(pem.encode())
    }


def _signed(found: x509.Certificate, ca: str) -> bool:
    return any(_issued(found, each) for each in _all(ca).values())


def _issued(found: x509.Certificate, ca: x509.Certificate) -> bool:
    try:
        found.verify_directly_issued_by(ca)
    except Exception:  # noqa: BLE001 - the library names no common root for "is not so"
        return False
    return True


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    days: int,
    now: datetime.datetime,
) -> x509.CertificateBuilder:
    # Clocks differ: valid from an hour ago.
    start = now - datetime.timedelta(hours=1)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(start, start + datetime.timedelta(days=days)))
        .not_valid_after(now + datetime.timedelta(days=days))
    )


def _pair(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Pair:
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Pair(certificate.public_bytes(pem).decode(), private.decode())


def _identifier(ca: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    """By the CA's own word; one that was given may have none."""
    try:
        found = ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    except x509.ExtensionNotFound:
        key = ca.public_key()
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(key)  # type: ignore[arg-type]
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(found.value)


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _days(certificate: x509.Certificate, now: datetime.datetime) -> int:
    return (certificate.not_valid_after_utc - now).days


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
