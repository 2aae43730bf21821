"""An address -> how a connection to it is made: sockets and TLS."""

from __future__ import annotations

import asyncio
import os
import ssl
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from pol_client.connect import Tls, not_accepted, not_let_in
from pol_client.errors import NoDecision

ALPN = "h2"
PORT = 443
"""Where an address has none."""
UNIX = ("unix://", "unix:")
ABSTRACT = "unix-abstract:"
NAMED = ("dns:///", "dns:", "ipv4:", "ipv6:")
OF_CERTIFICATES = frozenset(
    (
        "ACCESS_DENIED",
        "BAD_CERTIFICATE",
        "CERTIFICATE_EXPIRED",
        "CERTIFICATE_REQUIRED",
        "CERTIFICATE_REVOKED",
        "CERTIFICATE_UNKNOWN",
        "UNKNOWN_CA",
        "UNSUPPORTED_CERTIFICATE",
    )
)
"""Alerts by which a daemon says that the client's certificate is not accepted, or missing."""

Made = TypeVar("Made", bound=asyncio.Protocol)


@dataclass(frozen=True, slots=True)
class Target:
    """Where a daemon listens: a *path*, or *host* and *port*; *authority* is what calls name it."""

    path: str = ""
    host: str = ""
    port: int = PORT
    authority: str = "localhost"


def read_address(address: str) -> Target:
    """Return where *address* leads; raise ValueError for what is none, or only grpcio knows."""
    if address.startswith(ABSTRACT):
        return Target(path="\0" + address.removeprefix(ABSTRACT))
    for lead in UNIX:
        if address.startswith(lead):
            return Target(path=address.removeprefix(lead))
    text = address
    for lead in NAMED:
        text = text.removeprefix(lead)
    host, colon, port = text.rpartition(":")
    if not colon or "]" in port or (":" in host and not host.startswith("[")):  # [::1] has no port.
        host, port = text, str(PORT)
    host = host.removeprefix("[").removesuffix("]")
    if not host or "/" in host or not port.isdigit() or not 0 < int(port) < 1 << 16:
        raise ValueError(
            f'"{address}" is no address that this client knows: say host:port or unix:///path '
            '(transport="grpcio" knows more)'
        )
    return Target(host=host, port=int(port), authority=text)


async def dial(target: Target, tls: Tls | None, make: Callable[[], Made]) -> Made:
    """Return a connection that *make* made. Raises OSError (also for TLS)."""
    loop = asyncio.get_running_loop()
    context = name = None
    if tls is not None:
        context, name = secured(tls), tls.server_name or target.host or target.authority
    if target.path:
        _, made = await loop.create_unix_connection(
            make, target.path, ssl=context, server_hostname=name
        )
    else:
        _, made = await loop.create_connection(
            make, target.host, target.port, ssl=context, server_hostname=name
        )
    return made


def not_verified(error: Exception | None) -> NoDecision | None:
    """Return what becomes of calls where *error* is that a certificate is not accepted.

    It may be the client's, of which the daemon says so: after the handshake (TLS 1.3), or in it.
    """
    if isinstance(error, ssl.SSLCertVerificationError):
        return not_accepted(error.verify_message)
    if isinstance(error, ssl.SSLError) and error.reason is not None:
        alert = error.reason.partition("_ALERT_")[2]
        if alert in OF_CERTIFICATES:
            return not_let_in(alert.lower().replace("_", " "))
    return None


def secured(tls: Tls) -> ssl.SSLContext:
    """Return how to speak TLS. Raises OSError and ValueError for what is no PEM."""
    made = ssl.create_default_context(cadata=tls.roots.decode("ascii") if tls.roots else None)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.set_alpn_protocols([ALPN])
    if tls.certificate is not None:
        with in_file(tls.certificate) as chain, in_file(tls.key or tls.certificate) as key:
            made.load_cert_chain(chain, key, password="")  # Else it would ask at the terminal.
    return made


@contextmanager
def in_file(text: bytes) -> Iterator[str]:
    """Give the path of a file that holds *text*, for a moment: OpenSSL reads keys from files."""
    if not hasattr(os, "memfd_create"):
        with tempfile.NamedTemporaryFile() as file:
            file.write(text)
            file.flush()
            yield file.name
        return
    descriptor = os.memfd_create("pem")
    try:
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            file.write(text)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
