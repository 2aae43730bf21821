"""What a setting says about a secret in, the secret out; never from the settings themselves.

``file:PATH`` reads a file and ``env:NAME`` a variable, whenever a sink is made anew: a secret that
was replaced is used from then on.
"""

from __future__ import annotations

import os
import ssl
from pathlib import Path

import msgspec

from engine.sinks.sink import SinkError

FILE = "file:"
VARIABLE = "env:"


class Tls(msgspec.Struct, frozen=True):
    """Whom to trust, and who we are; PEM files. Empty for whom the system trusts, and nobody."""

    ca_file: str = ""
    certificate_file: str = ""
    key_file: str = ""


def is_named(where: str) -> bool:
    """Return whether *where* names a place for a secret, or is empty."""
    return not where or any(
        where.startswith(one) and len(where) > len(one) for one in (FILE, VARIABLE)
    )


def secret(where: str, what: str) -> str:
    """Return the secret at *where*; *what* is its name in the settings. Raises SinkError."""
    if not where:
        return ""
    if where.startswith(VARIABLE):
        name = where.removeprefix(VARIABLE)
        value = os.environ.get(name, "")
        if not value:
            raise SinkError(f"`{what}`: the variable {name} is not set")
        return value
    path = Path(where.removeprefix(FILE))
    try:
        value = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SinkError(f"`{what}`: cannot read {path}: {why}") from None
    if not value:
        raise SinkError(f"`{what}`: {path} is empty")
    return value


def tls_context(tls: Tls) -> ssl.SSLContext:
    """Return what TLS connections are made with. Raises SinkError."""
    try:
        context = ssl.create_default_context(cafile=tls.ca_file or None)
        if tls.certificate_file:
            # A password is asked at the terminal for what is encrypted, unless one is given.
            context.load_cert_chain(tls.certificate_file, tls.key_file or None, password="")
    except ssl.SSLError as error:
        raise SinkError(f"the TLS files cannot be read: {unfit(tls, error)}") from None
    except OSError as error:
        raise SinkError(f"the TLS files cannot be read: {error.strerror}") from None
    return context


def unfit(tls: Tls, error: ssl.SSLError) -> str:
    """Return which of the files is wrong, and why."""
    if error.reason == "KEY_VALUES_MISMATCH":
        return f"the key in {tls.key_file} is not that of {tls.certificate_file}"
    if (
        error.reason in {"NO_CERTIFICATE_OR_CRL_FOUND", "NO_START_LINE"}
        and not tls.certificate_file
    ):
        return f"{tls.ca_file} holds no certificate (PEM)"
    if tls.key_file and b"ENCRYPTED" in Path(tls.key_file).read_bytes():
        return f"the key in {tls.key_file} is encrypted: nobody is here to decrypt it"
    names = " or ".join(one for one in (tls.ca_file, tls.certificate_file, tls.key_file) if one)
    return f"{names} is not what it should be (PEM)"
