"""A host and a port in; a connection that is cut off when its time is over, out.

A timeout of a socket is for each step: who answers a byte at a time would hold a thread for hours.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from http.client import HTTPException
from smtplib import SMTPException
from threading import Event, Timer
from time import monotonic

from engine.sinks.notice import NotSent


@contextmanager
def dialled(host: str, port: int, step: float, whole: float) -> Iterator[socket.socket]:
    """Yield a connection whose steps may take *step* seconds, and all of them *whole*.

    Raises OSError, and NotSent for what failed since the time was over, and for what is no host.
    """
    late = Event()
    try:
        line = socket.create_connection((host, port), step)
    except UnicodeError:  # A part of a name has 1 to 63 characters.
        raise NotSent("its host can be no name of a machine") from None
    ends = monotonic() + whole
    # Of its own, so that TLS may take the other one over.
    with closing(line), closing(line.dup()) as guard:
        cut = Timer(whole, sever, (guard, late))
        cut.daemon = True
        cut.start()
        try:
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            yield line
        except (OSError, HTTPException, SMTPException):
            # A step may have ended by itself before the thread that cuts has had its turn.
            if late.is_set() or monotonic() >= ends:
                raise NotSent(f"it was not done within {whole:g} s") from None
            raise
        finally:
            cut.cancel()


def sever(guard: socket.socket, late: Event) -> None:
    """End the connection for whoever reads or writes there, unless it has ended."""
    late.set()
    with suppress(OSError):
        guard.shutdown(socket.SHUT_RDWR)
