"""A certificate in, whose it is out: its subject, and the names that it is for."""

from __future__ import annotations

from cryptography import x509

from engine.doors.grpc.client_certificates import ADDRESS, EMAIL, HOST, URI

GENERAL_NAMES: tuple[tuple[type[x509.GeneralName], str], ...] = (
    (x509.DNSName, HOST),
    (x509.UniformResourceIdentifier, URI),
    (x509.RFC822Name, EMAIL),
    (x509.IPAddress, ADDRESS),
)
"""The kinds of names that are known."""


def read_names(der: bytes) -> tuple[str, list[tuple[str, str]]]:
    """Return the subject of a certificate, and kind and value of its alternative names."""
    try:
        found = x509.load_der_x509_certificate(der)
        return found.subject.rfc4514_string(), names_of(found)
    except ValueError:  # OpenSSL took it: its names are nobody's.
        return "", []


def names_of(found: x509.Certificate) -> list[tuple[str, str]]:
    """Return kind and value of the subject alternative names of *found*."""
    try:
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    kinds = dict(GENERAL_NAMES)
    return [(kinds[type(one)], str(one.value)) for one in names if type(one) in kinds]
