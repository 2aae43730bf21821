"""Batches in, messages of a JetStream stream of NATS out, each acknowledged.

The record's id is the message's (``Nats-Msg-Id``): what is sent again within the stream's
``duplicate_window`` is there once. What is no stream's acknowledgement (a service that answers on
the subject) takes nothing.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from engine.sinks.batch import Batch, Item
from engine.sinks.handshake import told
from engine.sinks.sink import Away, Outcome
from engine.sinks.web import need

ID = "Nats-Msg-Id"
TENANT = "Audit-Tenant"
TOO_LARGE = 10054
"""JSStreamMessageExceedsMaximumErr."""
REMEDIES = {
    10023: "it has no room; see its limits",
    10047: "it has no room; see its limits",
    10077: "it cannot store it; see whether it is full (`discard = new`)",
    10109: "it is sealed",
}
"""Of a stream's errors, by code."""
CLOSE_SECONDS = 2.0
"""After which a connection is left: of one whose TLS failed the client never hears the end."""


class NatsSink:
    """Owns a connection. *options* are those of `nats.connect`."""

    def __init__(
        self,
        servers: Sequence[str],
        subject: str,
        options: Mapping[str, object],
        context: ssl.SSLContext | None,
        timeout: float,
    ) -> None:
        """Raise SinkError where the client is not installed."""
        self._servers = list(servers)
        self._subject = subject
        self._options = dict(options) | ({"tls": context} if context is not None else {})
        self._timeout = timeout
        self._client = need("nats", "nats")
        self._errors = need("nats.errors", "nats")
        self._stream_errors = need("nats.js.errors", "nats")
        self._connection: Any = None

    async def send(self, batch: Batch) -> Outcome:
        """Return when the stream has *batch*. Raises Away."""
        try:
            async with asyncio.timeout(self._timeout):
                if self._connection is None:
                    await self._connect()
                stream = self._connection.jetstream(publish_async_max_pending=len(batch.items))
                found = await asyncio.gather(
                    *(self._publish(stream, one) for one in batch.items), return_exceptions=True
                )
        except (TimeoutError, OSError, self._errors.Error) as error:
            await self.close()
            name = type(error).__name__
            raise Away(told(error, f"no connection ({name})")) from None
        except PlainServer:
            await self.close()
            raise Away("it speaks no TLS there, and was told nothing") from None
        outcome = self._judged(found)
        if outcome.again:
            await self.close()
        return outcome

    async def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await self._end(connection)

    async def _end(self, connection: Any) -> None:
        with suppress(TimeoutError, OSError, self._errors.Error):
            async with asyncio.timeout(CLOSE_SECONDS):
                await connection.close()

    async def _connect(self) -> None:
        connection = secured(self._client)() if "tls" in self._options else self._client.NATS()
        try:
            await connection.connect(
                self._servers,
                allow_reconnect=False,
                connect_timeout=max(1, int(self._timeout)),
                error_cb=quiet,
                **self._options,
            )
            self._connection = connection
        finally:
            if self._connection is None:  # The client leaves the socket open.
                await self._end(connection)

    async def _publish(self, stream: Any, item: Item) -> None:
        headers = {ID: item.id} | ({TENANT: header(item.tenant)} if item.tenant else {})
        try:
            told = await stream.publish(
                self._subject, item.body, headers=headers, timeout=self._timeout
            )
        except (ValueError, TypeError, AttributeError) as error:  # What it makes of other answers.
            raise NoStream from error
        if not isinstance(told.stream, str) or not told.stream or not isinstance(told.seq, int):
            raise NoStream

    def _judged(self, found: list[BaseException | None]) -> Outcome:
        refused: list[tuple[int, str]] = []
        again: list[int] = []
        why = ""
        for place, error in enumerate(found):
            if error is None:
                continue
            if self._is_about_it(error):
                refused.append((place, "it is longer than the server or the stream takes"))
            elif isinstance(error, TimeoutError | OSError | self._errors.Error | NoStream):
                again.append(place)
                why = f"the stream did not take it{self._why(error)}"
            else:
                raise error
        return Outcome(tuple(refused), tuple(again), why)

    def _why(self, error: BaseException) -> str:
        """Return what *error* means, with the remedy where there is one."""
        if isinstance(error, NoStream):
            return ": what answers on `subject` is no stream"
        if isinstance(error, self._stream_errors.NoStreamResponseError):
            return ": no stream has `subject`"
        code = getattr(error, "err_code", None)
        if isinstance(code, int):
            return f" (error {code})" + (f": {REMEDIES[code]}" if code in REMEDIES else "")
        return f" ({type(error).__name__})"

    def _is_about_it(self, error: BaseException) -> bool:
        if isinstance(error, self._errors.MaxPayloadError):
            return True
        told = isinstance(error, self._stream_errors.APIError)
        return told and getattr(error, "err_code", None) == TOO_LARGE


def header(text: str) -> str:
    """Return *text* as it may stand in a header: what ends a line is escaped."""
    return text.encode("unicode_escape").decode("ascii")


class NoStream(Exception):
    """An answer that no stream gives."""


class PlainServer(Exception):
    """A server that is to speak TLS, and offers none."""


def secured(client: Any) -> Any:
    """Return a client that goes on only where the server asks for TLS.

    NATS' client would go on without, and tell who we are to whoever is between: a server says in
    the clear whether it wants TLS.
    """

    class Secured(client.NATS):  # type: ignore[misc]  # known at run time alone
        async def _process_info(self, info: Any, **more: Any) -> None:
            if more.get("initial_connection") and not info.get("tls_required"):
                raise PlainServer
            await super()._process_info(info, **more)

    return Secured


async def quiet(error: Exception) -> None:
    """Hear of an error that the next call tells as well."""
    del error
