"""An address to listen on: what it means, who can reach it, and whether it is free."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_address

import grpc

from engine.doors.grpc.addresses import busy, path_of, refuse_taken


@dataclass(frozen=True, slots=True)
class Tls:
    """A server's certificate, as PEM; with *client_roots* every client must show one of its own.

    Of those only who has one of the *client_names* may ask, where there are any (`allowed_names`).
    """

    certificate: bytes
    key: bytes = field(repr=False)
    client_roots: bytes | None = None
    client_names: frozenset[str] = frozenset()


def credentials(first: Tls, newest: Callable[[], Tls | None]) -> grpc.ServerCredentials:
    """Return what grpc wants: *first*, and at later handshakes the *newest*."""
    return grpc.dynamic_ssl_server_credentials(
        configuration(first),
        changes(first, newest),  # type: ignore[arg-type]  # None stands for no change.
        require_client_authentication=first.client_roots is not None,
    )


def changes(
    first: Tls, newest: Callable[[], Tls | None]
) -> Callable[[], grpc.ServerCertificateConfiguration | None]:
    """Return what gives the *newest* once, when there is another one than before."""
    given = first

    def fetch() -> grpc.ServerCertificateConfiguration | None:
        nonlocal given
        found = newest()
        if found is None or found is given:
            return None
        given = found
        return configuration(found)

    return fetch


def configuration(tls: Tls) -> grpc.ServerCertificateConfiguration:
    """Return *tls* as grpc wants it."""
    return grpc.ssl_server_certificate_configuration(
        [(tls.key, tls.certificate)], root_certificates=tls.client_roots
    )


@dataclass(frozen=True, slots=True)
class Listener:
    """Where to listen: ``host:port`` (port 0: any free one) or ``unix:///path/to/socket``."""

    address: str
    tls: Tls | None = None

    @property
    def path(self) -> str | None:
        """The socket's path, or None for TCP."""
        return path_of(self.address)

    @property
    def local(self) -> bool:
        """Whether only this machine can reach it."""
        if self.path is not None:
            return True
        host = self.address.rpartition(":")[0].strip("[]")
        try:
            return ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"


def bind(server: grpc.aio.Server, listener: Listener, newest: Callable[[], Tls | None]) -> str:
    """Listen; return the address with the port that was given. Raises ListenError.

    A listener with TLS shows the *newest* certificate at each handshake, if there is one.
    """
    refuse_taken(listener.address)
    try:
        if listener.tls is None:
            port = server.add_insecure_port(listener.address)
        else:
            port = server.add_secure_port(listener.address, credentials(listener.tls, newest))
    except RuntimeError:
        port = 0
    if port == 0:
        raise busy(listener.address)
    if listener.path is not None:
        return listener.address
    return f"{listener.address.rpartition(':')[0]}:{port}"
