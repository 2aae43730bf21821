"""An address in, a connected socket out that never waits: TCP, TLS (HTTP/2 by ALPN) or Unix."""

from __future__ import annotations

import socket
import ssl

LARGEST_READ = 1 << 18
PATIENCE = 10.0
"""Seconds to connect."""


class Socket:
    """A socket whose calls return at once."""

    def __init__(self, address: str, ca_file: str = "", alpn: str = "") -> None:
        self.plain = connect(address)
        self.secure: ssl.SSLSocket | None = None
        if ca_file:
            context = ssl.create_default_context(cafile=ca_file)
            if alpn:
                context.set_alpn_protocols([alpn])
            self.plain.settimeout(PATIENCE)
            name = address.rpartition(":")[0].strip("[]")
            self.secure = context.wrap_socket(self.plain, server_hostname=name)
            if alpn and self.secure.selected_alpn_protocol() != alpn:
                msg = f"the server does not speak {alpn} over TLS"
                raise ConnectionError(msg)
        self._one: socket.socket | ssl.SSLSocket = self.secure or self.plain
        self._one.setblocking(False)  # noqa: FBT003 - the library's
        self._left = b""
        self.piece = LARGEST_READ
        """Bytes that are read at once."""

    def fileno(self) -> int:
        """Return the file descriptor, for epoll."""
        return self._one.fileno()

    def read(self) -> bytes | None:
        """Return what has come; None when there is nothing, ``b""`` at the end."""
        try:
            if self.secure is None:
                return self._one.recv(self.piece)
            parts = [self._one.recv(self.piece)]
            while parts[-1] and self.secure.pending():
                parts.append(self._one.recv(self.piece))
            return b"".join(parts)
        except (BlockingIOError, ssl.SSLWantReadError):
            return None

    def write(self, data: bytes) -> None:
        """Send *data*; what there is no room for waits for the next time."""
        data = self._left + data if self._left else data
        try:
            sent = self._one.send(data)
        except (BlockingIOError, ssl.SSLWantWriteError):
            sent = 0
        self._left = data[sent:] if sent < len(data) else b""

    @property
    def waits(self) -> bool:
        """Whether there is something that could not be sent yet."""
        return bool(self._left)

    def close(self) -> None:
        """Close it."""
        self._one.close()


def connect(address: str) -> socket.socket:
    """Return a socket that is connected to *address*."""
    if address.startswith("unix:"):
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        made.connect(address.removeprefix("unix:"))
        return made
    host, _, port = address.rpartition(":")
    made = socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made
