"""An address to listen on: what it means, who can reach it, and whether it is free."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from ipaddress import ip_address

import grpc

UNIX = "unix:"


class ListenError(Exception):
    """An address cannot be listened on; the text names it, the reason and the remedy."""


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
        if not self.address.startswith(UNIX):
            return None
        return self.address.removeprefix(UNIX).removeprefix("//")

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


def refuse_taken(listener: Listener) -> None:
    """Raise ListenError when another process answers on the Unix socket.

    gRPC removes a socket file that is in its way, which is right for one that a killed daemon left
    behind and would silently cut off a daemon that lives.
    """
    if listener.path is None:
        return
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(listener.path)
        except OSError:
            return
    raise ListenError(f"{listener.address} is in use by another process: stop it or choose another")


def bind(server: grpc.aio.Server, listener: Listener) -> str:
    """Listen; return the address with the port that was given. Raises ListenError."""
    refuse_taken(listener)
    try:
        if listener.tls is None:
            port = server.add_insecure_port(listener.address)
        else:
            port = server.add_secure_port(listener.address, listener.tls.credentials())
    except RuntimeError:
        port = 0
    if port == 0:
        raise ListenError(
            f"cannot listen on {listener.address}: it is in use, or not an address of this "
            "machine; choose another with `grpc.listen` or `grpc.socket`"
        )
    if listener.path is not None:
        return listener.address
    return f"{listener.address.rpartition(':')[0]}:{port}"
