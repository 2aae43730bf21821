"""An address to listen on: what it means, who can reach it, and whether it is free."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address

import grpc

from engine.doors.grpc.addresses import busy, path_of, refuse_taken


@dataclass(frozen=True, slots=True)
class Tls:
    """A server's certificate, as PEM; with *client_roots* every client must show one of its own."""

    certificate: bytes
    key: bytes = field(repr=False)
    client_roots: bytes | None = None

    def credentials(self) -> grpc.ServerCredentials:
        """Return what grpc wants."""
        return grpc.ssl_server_credentials(
            [(self.key, self.certificate)],
            root_certificates=self.client_roots,
            require_client_auth=self.client_roots is not None,
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


def bind(server: grpc.aio.Server, listener: Listener) -> str:
    """Listen; return the address with the port that was given. Raises ListenError."""
    refuse_taken(listener.address)
    try:
        if listener.tls is None:
            port = server.add_insecure_port(listener.address)
        else:
            port = server.add_secure_port(listener.address, listener.tls.credentials())
    except RuntimeError:
        port = 0
    if port == 0:
        raise busy(listener.address)
    if listener.path is not None:
        return listener.address
    return f"{listener.address.rpartition(':')[0]}:{port}"
