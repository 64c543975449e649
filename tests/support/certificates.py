"""Certificates for the tests of TLS, made when they are needed."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOW = datetime.datetime.now(datetime.timezone.utc)
DAY = datetime.timedelta(days=1)


class Signed:
    """A certificate with its key."""

    def __init__(self, key: Any, certificate: x509.Certificate, chain: Sequence[x509.Certificate] = ()) -> None:
        self.key = key
        self.certificate = certificate
        self.chain = [certificate, *chain]

    def pem(self) -> bytes:
        """The certificate, and those between it and the root."""
        return b"".join(each.public_bytes(Encoding.PEM) for each in self.chain)

    def key_pem(
        self, form: PrivateFormat = PrivateFormat.PKCS8, encryption: KeySerializationEncryption | None = None
    ) -> bytes:
        return bytes(self.key.private_bytes(Encoding.PEM, form, encryption or NoEncryption()))

    def write(self, folder: Path, name: str) -> tuple[str, str]:
        """Write both as files that only the owner can read; their paths."""
        paths = folder / f"{name}.crt", folder / f"{name}.key"
        for path, content in zip(paths, (self.pem(), self.key_pem()), strict=True):
            path.write_bytes(content)
            path.chmod(0o600)
        return str(paths[0]), str(paths[1])


def new_key(kind: str) -> Any:
    if kind == "rsa":
        return rsa.generate_private_key(65537, 2048)
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    return ec.generate_private_key(ec.SECP256R1())


def signing_hash(key: Any, algorithm: Any) -> Any:
    return None if isinstance(key, ed25519.Ed25519PrivateKey) else algorithm


def subject_of(name: str | None) -> x509.Name:
    return x509.Name([] if name is None else [x509.NameAttribute(NameOID.COMMON_NAME, name)])


def alternatives(names: Sequence[str]) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([_alternative(name) for name in names])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


class Authority:
    """A root, and what it signs."""

    def __init__(self, name: str = "howdah tests", kind: str = "ec", parent: Authority | None = None) -> None:
        self.name = name
        self.parent = parent
        self.key = new_key(kind)
        signer = parent or self
        builder = _builder(name, signer.name, self.key, -DAY, 30 * DAY)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
        builder = builder.add_extension(usage, critical=True)
        self.certificate = builder.sign(signer.key, signing_hash(signer.key, hashes.SHA256()))

    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    def issue(
        self,
        common_name: str | None = None,
        names: Sequence[str] = (),
        *,
        kind: str = "ec",
        algorithm: Any = None,
        pss: bool = False,
        begin: datetime.timedelta = -DAY,
        end: datetime.timedelta = 30 * DAY,
        usage: Any = None,
    ) -> Signed:
        """Sign a certificate for a common name and alternative names."""
        key = new_key(kind)
        builder = _builder(common_name, self.name, key, begin, end)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        if names:
            builder = builder.add_extension(alternatives(names), critical=common_name is None)
        if usage:
            builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        algorithm = algorithm or hashes.SHA256()
        kwargs: dict[str, Any] = {}
        if pss:
            kwargs["rsa_padding"] = padding.PSS(padding.MGF1(algorithm), padding.PSS.DIGEST_LENGTH)
        certificate = builder.sign(self.key, signing_hash(self.key, algorithm), **kwargs)
        chain = [self.certificate] if self.parent else []
        return Signed(key, certificate, chain)

    def revocation_list(self, *revoked: Signed, end: datetime.timedelta = 10 * DAY) -> bytes:
        """A list of the certificates that are revoked, in PEM."""
        builder = x509.CertificateRevocationListBuilder().issuer_name(subject_of(self.name))
        builder = builder.last_update(NOW - 2 * DAY).next_update(NOW + end)
        builder = builder.add_extension(x509.CRLNumber(1), critical=False)
        key_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        builder = builder.add_extension(key_id, critical=False)
        for each in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(each.certificate.serial_number)
            builder = builder.add_revoked_certificate(entry.revocation_date(NOW - DAY).build())
        signed = builder.sign(self.key, signing_hash(self.key, hashes.SHA256()))
        return signed.public_bytes(Encoding.PEM)


def self_signed(common_name: str, *, authority: bool, kind: str = "rsa") -> Signed:
    """What `openssl req -x509` makes: a certificate that signed itself, and calls itself an authority."""
    key = new_key(kind)
    builder = _builder(common_name, common_name, key, -DAY, 30 * DAY)
    builder = builder.add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    return Signed(key, builder.sign(key, signing_hash(key, hashes.SHA256())))


def _builder(
    name: str | None, issuer: str, key: Any, begin: datetime.timedelta, end: datetime.timedelta
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject_of(name)).issuer_name(subject_of(issuer))
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    return builder.not_valid_before(NOW + begin).not_valid_after(NOW + end)


CLIENT_AUTH = ExtendedKeyUsageOID.CLIENT_AUTH
SERVER_AUTH = ExtendedKeyUsageOID.SERVER_AUTH
