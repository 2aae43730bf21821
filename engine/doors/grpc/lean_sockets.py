"""An address and its TLS in, sockets that listen out."""

from __future__ import annotations

import os
import resource
import socket
import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from engine.doors.grpc.addresses import busy, refuse_taken
from engine.doors.grpc.lean_alerts import AlertingContext
from engine.doors.grpc.listener import Listener, Tls

ALPN = "h2"
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""For TLS 1.2: none of those that RFC 9113 (9.2.2) calls bad."""


def open_sockets(listener: Listener, *, share_port: bool) -> tuple[str, list[socket.socket]]:
    """Return the address with its port, and the sockets bound to it. Raises ListenError."""
    refuse_taken(listener.address)
    opened: list[socket.socket] = []
    try:
        if listener.path is not None:
            opened.append(_at_path(listener.path))
            return listener.address, opened
        host, _, port = listener.address.rpartition(":")
        made = _at_host(host.strip("[]"), int(port), share_port=share_port, opened=opened)
    except (OSError, ValueError) as error:
        for one in opened:
            one.close()
        raise busy(listener.address, error) from None
    return f"{host}:{made}", opened


def _at_path(path: str) -> socket.socket:
    """Return a socket at *path*, in place of one that a killed process has left behind.

    Who may connect is whoever may write to the file: the process' umask says so, from the start.
    """
    if Path(path).is_socket():
        Path(path).unlink()
    made = socket.socket(socket.AF_UNIX)
    try:
        made.bind(path)
    except OSError:
        made.close()
        raise
    return made


def _at_host(host: str, port: int, *, share_port: bool, opened: list[socket.socket]) -> int:
    """Bind every address of *host* to one port, and return it."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    for family, kind, _, _, where in dict.fromkeys(found):
        made = socket.socket(family, kind)
        opened.append(made)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if share_port:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6 and len(found) > 1:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind((where[0], port, *where[2:]))
        port = made.getsockname()[1]
    return port


def secured(tls: Tls) -> ssl.SSLContext:
    """Return what the event loop wants. Raises ssl.SSLError and ValueError where it is none."""
    made = AlertingContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.set_ciphers(CIPHERS)
    made.set_alpn_protocols([ALPN])
    made.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    with in_memory(tls.certificate) as chain, in_memory(tls.key) as key:
        made.load_cert_chain(chain, key, password="")  # Else it would ask at the terminal.
    if tls.client_roots is not None:
        made.verify_mode = ssl.CERT_REQUIRED
        made.load_verify_locations(cadata=tls.client_roots.decode("ascii"))
    return made


@contextmanager
def in_memory(text: bytes) -> Iterator[str]:
    """Give the path of a file with *text* that is on no disk: OpenSSL reads keys from files."""
    descriptor = os.memfd_create("pem")
    try:
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            file.write(text)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def open_files() -> int:
    """Return how many files, and so connections, this process may have open."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return sys.maxsize if most == resource.RLIM_INFINITY else most


def remove(path: str, inode: int) -> None:
    """Remove the file of a socket that no more listens, unless another took its place."""
    with suppress(OSError):
        if os.stat(path).st_ino == inode:  # noqa: PTH116 - of a path that is text
            Path(path).unlink()
