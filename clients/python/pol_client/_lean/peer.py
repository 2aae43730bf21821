"""A connection as a client sees it: calls out, frames in; what a daemon may not do ends it.

The rules of RFC 9113 that bind a server are checked here. What no daemon does that means well (see
`limits`) ends the connection as well, and with it the calls that run on it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from pol_client._http2.control import NO_STREAM, PRIORITY_BYTES
from pol_client._http2.fields import FieldReader
from pol_client._http2.frames import (
    ACK,
    CONTINUATION,
    DATA,
    ENABLE_PUSH,
    END_HEADERS,
    END_STREAM,
    HEAD_BYTES,
    HEADERS,
    INITIAL_WINDOW_SIZE,
    MAX_CONCURRENT_STREAMS,
    MAX_FRAME_SIZE,
    MAX_HEADER_LIST_SIZE,
    PADDED,
    PREFACE,
    PRIORITIZED,
    SETTINGS,
    U32,
    WINDOW,
    WORKER,
    Code,
    ConnectionFailed,
    StreamFailed,
    goaway,
    rst_stream,
    settings,
    unpadded,
    window_update,
)
from pol_client._http2.limits import Limits
from pol_client._lean.asking import Asking, Loop
from pol_client._lean.calls import Call, Undecided
from pol_client._lean.dial import not_verified
from pol_client._lean.head import Answer, of_reset, read_answer
from pol_client.errors import NoDecision, Unavailable

ALPN = "h2"
PADDED_OR_PRIORITIZED = PADDED | PRIORITIZED
LIMITS = Limits(window_bytes=4 << 20, connection_bytes=16 << 20)
"""What a daemon may send: answers are as large as what was asked about."""


class Peer(Asking):
    """One connection, and what comes on it."""

    def __init__(
        self,
        ready: Callable[[], None],
        lost: Callable[[NoDecision], None],
        closed: Callable[[Peer], None],
        loop: Loop,
        limits: Limits = LIMITS,
    ) -> None:
        """*ready* hears that the daemon has spoken, *closed* that the connection is over."""
        super().__init__(limits, loop, lost)
        self._ready_call = ready
        self._closed_call = closed
        self._fields: FieldReader[Answer] = FieldReader(limits.header_bytes, read_answer)
        self.worker = 0
        self.workers = 1
        """Which of how many workers of the daemon it leads to."""
        self._greeted = False
        """Whether the daemon has said its first settings."""
        self._buffer = b""
        self._partial: list[bytes] | None = None
        """The pieces of a field block that is not whole, and the stream and flags it belongs to."""
        self._partial_of = (0, 0)
        self._partial_bytes = 0
        self._kinds = (
            self._data,
            self._headers,
            self._priority,
            self._rst_stream,
            self._settings,
            self._push_promise,
            self._ping,
            self._goaway,
            self._window_update,
            self._continuation,
        )

    def place(self) -> int:
        """Return the descriptor of its socket; below zero for none."""
        found = None if self._transport is None else self._transport.get_extra_info("socket")
        return -1 if found is None else int(found.fileno())

    # What the transport tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin: send the client's preface."""
        self._transport = cast("asyncio.Transport", transport)
        secured = transport.get_extra_info("ssl_object")
        if secured is not None and secured.selected_alpn_protocol() != ALPN:
            self._end(Unavailable("UNAVAILABLE", "the daemon does not speak HTTP/2 over TLS"))
            self.abort()
            return
        limits = self.limits
        self._transport.write(
            PREFACE
            + settings(
                (
                    (ENABLE_PUSH, 0),
                    (INITIAL_WINDOW_SIZE, limits.window_bytes),
                    (MAX_FRAME_SIZE, limits.frame_bytes),
                    (MAX_HEADER_LIST_SIZE, limits.header_bytes),
                )
            )
            + window_update(0, limits.connection_bytes - WINDOW)
        )

    def data_received(self, data: bytes) -> None:
        """Read all frames that are whole."""
        if self._closing:
            return
        self.heard += 1
        self._reading = True
        try:
            self._buffer = self._frames(self._buffer + data if self._buffer else data)
        except ConnectionFailed as error:
            self._fail(error.code, str(error))
        finally:
            self._reading = False
            self.flush()

    def eof_received(self) -> bool:
        """End: no answer comes any more."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail what runs."""
        if not self._greeted:
            self._failure = not_verified(exc) or self._failure
        self._closing = True
        self._transport = None
        self._end(self._failure)
        self._fail_calls()
        self._closed_call(self)

    def _fail(self, code: Code, why: str) -> None:
        """End the connection, and say why."""
        self._failure = Unavailable("UNAVAILABLE", f"the daemon broke the protocol: {why}")
        self.send(goaway(0, code, why))
        self._end(self._failure)
        self._fail_calls()
        self._close()

    # Frames.

    def _frames(self, data: bytes) -> bytes:
        """Handle the frames in *data*; return what is left of it. Raises ConnectionFailed."""
        at, size = 0, len(data)
        most = self.limits.frame_bytes
        while size - at >= HEAD_BYTES:
            # Byte by byte: compiled, that is several times as quick as `struct`.
            length = data[at] << 16 | data[at + 1] << 8 | data[at + 2]
            if length > most:
                raise ConnectionFailed(Code.FRAME_SIZE_ERROR, "a frame that is too large")
            begin = at + HEAD_BYTES
            if begin + length > size:
                break
            kind, flags = data[at + 3], data[at + 4]
            number = (
                (data[at + 5] & 0x7F) << 24 | data[at + 6] << 16 | data[at + 7] << 8 | data[at + 8]
            )
            at = begin + length
            if self._partial is not None or not self._settled:
                self._check_order(kind, flags)
            self._handle(kind, flags, number, data[begin:at])
            if self._closing:
                return b""
        return data[at:] if at else data

    def _check_order(self, kind: int, flags: int) -> None:
        """Raise ConnectionFailed unless this frame may come now."""
        if not self._settled and (kind != SETTINGS or flags & ACK):
            raise ConnectionFailed(Code.PROTOCOL_ERROR, "the first frame is not SETTINGS")
        if self._partial is not None and kind != CONTINUATION:
            raise ConnectionFailed(Code.PROTOCOL_ERROR, "a field block was not continued")

    def _handle(self, kind: int, flags: int, number: int, payload: bytes) -> None:
        try:
            # Hot path: answers are made of two kinds.
            if kind == DATA:
                self._data(flags, number, payload)
            elif kind == HEADERS:
                self._headers(flags, number, payload)
            elif kind < len(self._kinds):
                self._kinds[kind](flags, number, payload)
            else:  # To be ignored (RFC 9113, 4.1).
                self._patience()
        except StreamFailed as error:
            call = self.calls.get(error.stream)
            if call is None:
                self._patience()
            else:
                self._break_off(call, NoDecision("INTERNAL", str(error)), error.code)

    def _break_off(self, call: Call, failure: NoDecision, code: Code = Code.CANCEL) -> None:
        self.reset(call, code)
        call.ended(failure)

    def _settings(self, flags: int, number: int, payload: bytes) -> None:
        first = not self._settled
        super()._settings(flags, number, payload)
        if first:
            self._greeted = True
            self._ready_call()
        self._wake()

    def _set(self, name: int, value: int, first_window: int) -> int:
        if name == MAX_CONCURRENT_STREAMS:
            self.most = value
        elif name == ENABLE_PUSH and value:
            raise ConnectionFailed(Code.PROTOCOL_ERROR, "a server lets itself push")
        elif name == WORKER and not self._greeted and value >> 16 < value & 0xFFFF:
            self.worker, self.workers = value >> 16, value & 0xFFFF
        return super()._set(name, value, first_window)

    def _push_promise(self, _flags: int, _number: int, _payload: bytes) -> None:
        raise ConnectionFailed(Code.PROTOCOL_ERROR, "a push, which was not allowed")

    def _data(self, flags: int, number: int, payload: bytes) -> None:
        size = len(payload)
        self._allowed -= size
        if self._allowed < 0:
            raise ConnectionFailed(Code.FLOW_CONTROL_ERROR, "more data than the window holds")
        call = self.calls.get(number)
        if call is None:
            self.give_back(size)
            self._stray(number)
            return
        body = self._body(call, flags, payload)
        if call.first is None:
            raise StreamFailed(number, Code.PROTOCOL_ERROR, "data before the fields of the answer")
        if body:
            wrong = call.took(body)
            if wrong is not None:
                self._break_off(call, wrong)
                return
            if not call.holds:
                call.consumed(len(body))
        elif not flags & END_STREAM:
            self._patience()
        if flags & END_STREAM:
            self._over(call, call.first)

    def _body(self, call: Call, flags: int, payload: bytes) -> bytes:
        """Return what came in a frame, counted. Raises StreamFailed."""
        size = len(payload)
        call.allowed -= size
        call.unread += size
        if call.allowed < 0:
            why = "more data than the window holds"
            raise StreamFailed(call.id, Code.FLOW_CONTROL_ERROR, why)
        if not flags & PADDED:
            return payload
        body = unpadded(payload, flags)
        call.consumed(size - len(body))
        return body

    def _stray(self, number: int) -> None:
        """Take a frame for a call that is over. Raises ConnectionFailed for one that never was."""
        if number == 0 or number > self._last or not number & 1:
            raise ConnectionFailed(Code.PROTOCOL_ERROR, f"a frame for stream {number}, not open")
        self._patience()

    def _headers(self, flags: int, number: int, payload: bytes) -> None:
        if number == 0 or number > self._last or not number & 1:
            raise ConnectionFailed(Code.PROTOCOL_ERROR, f"an answer on stream {number}, not open")
        block = unpadded(payload, flags) if flags & PADDED_OR_PRIORITIZED else payload
        if flags & PRIORITIZED:
            if len(block) < PRIORITY_BYTES:
                raise ConnectionFailed(Code.FRAME_SIZE_ERROR, "HEADERS without its priority")
            block = block[PRIORITY_BYTES:]
        if flags & END_HEADERS:
            self._whole(flags, number, block)
            return
        self._partial, self._partial_of, self._partial_bytes = [block], (flags, number), len(block)

    def _continuation(self, flags: int, number: int, payload: bytes) -> None:
        if self._partial is None or number != self._partial_of[1]:
            raise ConnectionFailed(Code.PROTOCOL_ERROR, "CONTINUATION of nothing")
        self._partial.append(payload)
        self._partial_bytes += len(payload)
        limits = self.limits
        if (
            len(self._partial) > limits.continuations + 1
            or self._partial_bytes > limits.block_bytes
        ):
            raise ConnectionFailed(Code.ENHANCE_YOUR_CALM, "a field block that is too long")
        if flags & END_HEADERS:
            block, self._partial = b"".join(self._partial), None
            self._whole(self._partial_of[0], number, block)

    def _whole(self, flags: int, number: int, block: bytes) -> None:
        """Take the fields of an answer, first or last. A block is read whatever it is for."""
        answer = self._fields.read(block)
        call = self.calls.get(number)
        if call is None:
            self._patience()
            return
        last = bool(flags & END_STREAM)
        if answer.broken or (call.first is not None and answer.http):
            raise StreamFailed(number, Code.PROTOCOL_ERROR, "fields that are no answer")
        if call.first is None:
            if not answer.http:
                raise StreamFailed(number, Code.PROTOCOL_ERROR, "an answer without :status")
            if answer.http[:1] == b"1":  # Something else comes.
                if last:
                    raise StreamFailed(number, Code.PROTOCOL_ERROR, "an answer that is none")
                self._patience()
                return
            call.first = answer
            if answer.http != b"200" or not answer.grpc:
                self._over(call, answer)
                return
        elif not last:
            raise StreamFailed(number, Code.PROTOCOL_ERROR, "trailers that do not end the answer")
        if last:
            self._over(call, answer)

    def _over(self, call: Call, answer: Answer) -> None:
        """End a call: its answer is whole. What was still to be asked is not wanted."""
        self._resets.give(self.limits.resets_earned)
        if not call.told or call.waiting:
            self.send(rst_stream(call.id, Code.NO_ERROR))
        self._forget(call, broken=False)
        call.ended(answer.failure())

    def _rst_stream(self, _flags: int, number: int, payload: bytes) -> None:
        if number == 0 or number > self._last:
            raise ConnectionFailed(Code.PROTOCOL_ERROR, "RST_STREAM of a stream that is not open")
        if len(payload) != U32.size:
            raise ConnectionFailed(Code.FRAME_SIZE_ERROR, "RST_STREAM of another length")
        call = self.calls.get(number)
        if call is None:
            self._patience()
            return
        code = U32.unpack(payload)[0]
        self._forget(call, broken=False)
        call.ended(
            Undecided("UNAVAILABLE", "the daemon takes no more calls")
            if code == Code.REFUSED_STREAM
            else of_reset(code)
        )

    def _goaway(self, flags: int, number: int, payload: bytes) -> None:
        super()._goaway(flags, number, payload)
        last, code = U32.unpack_from(payload)[0] & NO_STREAM, U32.unpack_from(payload, U32.size)[0]
        why = "the daemon is going" if code == Code.NO_ERROR else f"the daemon ends: {code}"
        self._end(Unavailable("UNAVAILABLE", why))
        for call in tuple(self.calls.values()):
            if call.id > last:  # It has not been looked at, and never will be.
                self._forget(call, broken=False)
                call.ended(Undecided("UNAVAILABLE", why))
        self.left()
