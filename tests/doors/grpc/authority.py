"""Certificates for tests: an authority that lives as long as a test, and what it signs."""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from engine.doors.grpc.certificates import TlsFiles

DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key, PEM."""

    certificate: bytes
    key: bytes

    def write(self, folder: Path, roots: bytes | None = None) -> TlsFiles:
        """Write both, as they should be; return where."""
        files = TlsFiles(
            folder / "tls.crt", folder / "tls.key", folder / "ca.crt" if roots else None
        )
        write_key(files.key, self.key)
        files.certificate.write_bytes(self.certificate)
        if roots and files.client_ca:
            files.client_ca.write_bytes(roots)
        return files


def write_key(path: Path, key: bytes) -> None:
    """Write a key that only its owner may read."""
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_bytes(key)


class Authority:
    """Signs certificates."""

    def __init__(self, name: str = "tests") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = self._builder(self._name, self._key).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        self.root = pem_of(made.sign(self._key, hashes.SHA256()))
        """Its own certificate."""

    def issue(
        self,
        name: str = "localhost",
        days: float = 1,
        uris: Sequence[str] = (),
        begun: float = 9,
    ) -> Pair:
        """Return a new certificate for *name* on this machine, and *uris*.

        It ends in so many *days*, and has *begun* so many before now.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        names: list[x509.GeneralName] = [
            x509.DNSName(name),
            x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
            *(x509.UniformResourceIdentifier(one) for one in uris),
        ]
        made = self._builder(subject, key, days, begun).add_extension(
            x509.SubjectAlternativeName(names), critical=False
        )
        return Pair(pem_of(made.sign(self._key, hashes.SHA256())), key_pem(key))

    def _builder(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        days: float = 1,
        begun: float = 9,
    ) -> x509.CertificateBuilder:
        now = dt.datetime.now(dt.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - begun * DAY)
            .not_valid_after(now + days * DAY)
        )


def pem_of(certificate: x509.Certificate) -> bytes:
    """Return *certificate* as text."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def key_pem(key: ec.EllipticCurvePrivateKey, password: bytes = b"") -> bytes:
    """Return *key* as text, encrypted where there is a *password*."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(password)
        if password
        else serialization.NoEncryption(),
    )
