"""An address and its TLS in, sockets that listen out."""

from __future__ import annotations

import os
import socket
import ssl
import tempfile
from contextlib import suppress
from pathlib import Path

from engine.doors.grpc.addresses import busy, refuse_taken
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
    except (OSError, ValueError):
        for one in opened:
            one.close()
        raise busy(listener.address) from None
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
    """Return what the event loop wants."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.set_ciphers(CIPHERS)
    made.set_alpn_protocols([ALPN])
    made.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    with tempfile.TemporaryDirectory() as folder:  # Only this user can read what is in it.
        chain, key = Path(folder, "chain"), Path(folder, "key")
        chain.write_bytes(tls.certificate)
        key.write_bytes(tls.key)
        made.load_cert_chain(chain, key)
    if tls.client_roots is not None:
        made.verify_mode = ssl.CERT_REQUIRED
        made.load_verify_locations(cadata=tls.client_roots.decode())
    return made


def remove(path: str, inode: int) -> None:
    """Remove the file of a socket that no more listens, unless another took its place."""
    with suppress(OSError):
        if os.stat(path).st_ino == inode:  # noqa: PTH116 - of a path that is text
            Path(path).unlink()
