"""A socket that listens in, connections out: counted from the first moment, secured or not.

The event loop's own server is not used: one of uvloop's ends for good when a connection comes while
no more files can be opened, counts no handshakes, and keeps the certificate that it began with.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable

from engine.doors.grpc.bounds import Bounds
from engine.doors.grpc.lean_alerts import LINE

LOG = logging.getLogger("engine.doors.grpc")

BACKLOG = 1_024
BOUNDS = Bounds()
TURN = 64
"""So many connections are accepted before whatever else goes on has its turn."""
PAUSE_SECONDS = 0.5
"""How long nothing is accepted after it failed: what is missing is not there a moment later."""


class Acceptor:
    """Accepts from *listening*; *make* gives what speaks, or None where nobody may come in."""

    def __init__(
        self,
        listening: socket.socket,
        make: Callable[[], asyncio.Protocol | None],
        context: ssl.SSLContext | None,
        handshakes: int = BOUNDS.handshakes,
        patience: float = BOUNDS.handshake_seconds,
    ) -> None:
        """*handshakes* may be under way at once, one more is closed; each *patience* seconds."""
        self._listening = listening
        self._make = make
        self._most, self._patience = handshakes, patience
        self.context = context
        """Never changed, only replaced: a session that was begun with it is not taken up again."""
        self._running: set[asyncio.Task[None]] = set()
        self._pause: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Accept connections."""
        self._listening.setblocking(False)  # noqa: FBT003 - the library's
        self._listening.listen(BACKLOG)
        self._go_on()

    def stop(self) -> None:
        """Accept no more, and end what is not accepted yet; once more changes nothing."""
        if self._listening.fileno() < 0:
            return
        asyncio.get_running_loop().remove_reader(self._listening)
        if self._pause is not None:
            self._pause.cancel()
        for task in self._running:
            task.cancel()
        self._listening.close()

    def _go_on(self) -> None:
        self._pause = None
        asyncio.get_running_loop().add_reader(self._listening, self._accept)

    def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(TURN):
            try:
                found, _ = self._listening.accept()
            except (BlockingIOError, ConnectionAbortedError, InterruptedError):
                return
            except OSError:  # No more files or memory: the kernel would say so without end.
                loop.remove_reader(self._listening)
                self._pause = loop.call_later(PAUSE_SECONDS, self._go_on)
                return
            if len(self._running) >= self._most:
                found.close()
                continue
            self._begin(found)

    def _begin(self, found: socket.socket) -> None:
        task = asyncio.get_running_loop().create_task(self._take(found))
        self._running.add(task)

        def done(_task: asyncio.Task[None]) -> None:
            self._running.discard(task)
            if task.cancelled():
                found.close()

        task.add_done_callback(done)

    async def _take(self, found: socket.socket) -> None:
        """Have a protocol speak on *found*, behind a handshake where there is a context."""
        protocol = self._make()
        if protocol is None:
            found.close()
            return
        found.setblocking(False)  # noqa: FBT003 - the library's
        LINE.set(found)  # Of this task, and of what is called for this connection.
        options = {} if self.context is None else {"ssl_handshake_timeout": self._patience}
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: protocol, found, ssl=self.context, **options
            )
        except ssl.SSLError as error:
            LOG.warning("a caller was not let in: %s", reason_of(error))
        except OSError:  # Who goes away meanwhile is nobody to tell of.
            pass


def reason_of(error: ssl.SSLError) -> str:
    """Return why a handshake failed, in words of OpenSSL: none of them is the caller's own."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted ({error.verify_message})"
    return (error.reason or "TLS failed").lower().replace("_", " ")
