"""Who a caller has proved to be: what the record keeps of the certificate of a connection."""

from __future__ import annotations

import msgspec


class Certificate(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A client's certificate (X.509) that was verified."""

    subject: str = ""
    """Its distinguished name (RFC 4514); certificates of workloads often have none."""
    names: tuple[str, ...] = ()
    """Its subject alternative names as OpenSSL writes them: ``DNS:…``, ``URI:…``."""
    sha256: str
    """Its fingerprint: of all of it (DER), in hexadecimal."""
