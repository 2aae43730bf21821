"""A handshake that fails in, the alert that tells the other side why out.

Event loops drop what OpenSSL has still to say when a handshake fails. A caller whose certificate is
not accepted would see nothing but the end of the connection, as it does when a daemon restarts, and
would go on asking.
"""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

LINE: ContextVar[socket.socket | None] = ContextVar("line", default=None)
"""The socket whose handshake begins in this context."""

AGAIN = (ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Handshake(ssl.SSLObject):
    """What speaks TLS on one connection."""

    out: ssl.MemoryBIO | None = None
    line: socket.socket | None = None
    """What an alert is written to; None once the handshake is over."""

    def do_handshake(self) -> None:
        """Go on with the handshake. Raises ssl.SSLError, and then the other side knows."""
        try:
            super().do_handshake()
        except AGAIN:
            raise
        except ssl.SSLError:
            if self.line is not None and self.out is not None:
                with suppress(OSError):  # Who does not listen is not told.
                    self.line.send(self.out.read())
            self.line = None
            raise
        self.line = None


class AlertingContext(ssl.SSLContext):
    """A context whose connections say why a handshake failed."""

    sslobject_class = Handshake

    def wrap_bio(self, incoming: Any, outgoing: Any, *given: Any, **named: Any) -> Handshake:
        """Return what speaks TLS."""
        made = super().wrap_bio(incoming, outgoing, *given, **named)
        assert isinstance(made, Handshake)
        made.out, made.line = outgoing, LINE.get()
        return made
