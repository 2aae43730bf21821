"""Frames of a connection that carry no request: settings, windows, pings, streams taken back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from engine.doors.http2.fields import TABLE_BYTES
from engine.doors.http2.frames import (
    ACK,
    FRAME_BYTES,
    GOAWAY,
    MOST_FRAME_BYTES,
    MOST_WINDOW,
    PING,
    PRIORITY,
    PUSH_PROMISE,
    RST_STREAM,
    SETTING,
    SETTINGS,
    SETTINGS_ACK,
    U32,
    WINDOW_UPDATE,
    Code,
    ConnectionFailed,
    StreamFailed,
    ping,
)
from engine.doors.http2.limits import Limits
from engine.doors.http2.sending import Sender
from engine.doors.http2.stream import NOBODY

NO_STREAM: Final = 0x7FFFFFFF
DRAIN_PING: Final = b"goodbye\0"
PRIORITY_BYTES: Final = 5
MOST_SETTINGS: Final = 64
"""Of one frame; there are ten kinds."""
LARGE_FRAME: Final = 65_536
"""No larger frame is sent, whatever the peer allows: others want to be served, too."""


class Control(Sender):
    """What a connection does about such frames."""

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self._last = 0
        """The newest stream."""
        self._draining = False
        """Whether the peer was told to open no more streams."""
        self._settled = False
        """Whether the first frame, SETTINGS, has come."""

    def take_no_more(self) -> None:
        """Say which stream was the last one: the peer has seen that this connection ends."""
        raise NotImplementedError

    def _is_idle(self, number: int) -> bool:
        """Return whether *number* is no stream that there is or was."""
        return number == 0 or number > self._last or number & 1 == 0

    def _patience(self) -> None:
        """Count a frame that brings nothing on. Raises ConnectionFailed."""
        if not self._calm.take():
            raise ConnectionFailed(Code.ENHANCE_YOUR_CALM, "too many frames that say nothing")

    def _priority(self, _flags: int, number: int, payload: bytes) -> None:
        self._patience()
        if number == 0:
            raise ConnectionFailed(Code.PROTOCOL_ERROR, "PRIORITY of the connection")
        if len(payload) != PRIORITY_BYTES:
            code, why = Code.FRAME_SIZE_ERROR, "PRIORITY of another length"
        elif U32.unpack_from(payload)[0] & NO_STREAM == number:
            code, why = Code.PROTOCOL_ERROR, "a stream that depends on itself"
        else:
            return
        if number in self.streams:
            raise StreamFailed(number, code, why)
        raise ConnectionFailed(code, why)  # An idle stream cannot be broken off (RFC 9113, 6.4).

    def _rst_stream(self, _flags: int, number: int, payload: bytes) -> None:
        if self._is_idle(number):
            raise ConnectionFailed(Code.PROTOCOL_ERROR, "RST_STREAM of a stream that is not open")
        if len(payload) != U32.size:
            raise ConnectionFailed(Code.FRAME_SIZE_ERROR, "RST_STREAM of another length")
        if not self._resets.take():
            raise ConnectionFailed(Code.ENHANCE_YOUR_CALM, "too many streams taken back")
        stream = self.streams.get(number)
        if stream is not None:
            app, stream.app = stream.app, NOBODY
            self._forget(stream, broken=True)
            app.gone()

    def _settings(self, flags: int, number: int, payload: bytes) -> None:
        if number:
            raise ConnectionFailed(Code.PROTOCOL_ERROR, "SETTINGS of a stream")
        if len(payload) % SETTING.size or (flags & ACK and payload):
            raise ConnectionFailed(Code.FRAME_SIZE_ERROR, "SETTINGS of another length")
        if len(payload) > MOST_SETTINGS * SETTING.size:
            raise ConnectionFailed(Code.ENHANCE_YOUR_CALM, "too many settings")
        self._patience()
        self._settled = True
        if flags & ACK:
            return
        first_window = self._first_window
        for name, value in SETTING.iter_unpack(payload):
            first_window = self._set(name, value, first_window)
        changed = first_window != self._first_window
        if changed:  # Once a frame, for it looks at every stream.
            self.change_first_window(first_window)
        # The peer holds us to what it had set before until it hears that we heard.
        self.send(SETTINGS_ACK)
        if changed:
            self.pump_all()

    def _set(self, name: int, value: int, first_window: int) -> int:
        """Follow a setting; return the first window of streams after it."""
        match name:
            case 1 if value < TABLE_BYTES:  # HEADER_TABLE_SIZE: to be agreed to (RFC 9113, 4.3.1).
                self._emptied = False
            case 2 if value > 1:  # ENABLE_PUSH
                raise ConnectionFailed(Code.PROTOCOL_ERROR, "ENABLE_PUSH is 0 or 1")
            case 4:  # INITIAL_WINDOW_SIZE
                if value > MOST_WINDOW:
                    raise ConnectionFailed(Code.FLOW_CONTROL_ERROR, "a window beyond 2^31 - 1")
                return value
            case 5:  # MAX_FRAME_SIZE
                if not FRAME_BYTES <= value <= MOST_FRAME_BYTES:
                    raise ConnectionFailed(Code.PROTOCOL_ERROR, "MAX_FRAME_SIZE out of its range")
                self._frame_bytes = min(value, LARGE_FRAME)
            case _:  # The rest is of no matter to who sends so little.
                pass
        return first_window

    def _push_promise(self, _flags: int, _number: int, _payload: bytes) -> None:
        raise ConnectionFailed(Code.PROTOCOL_ERROR, "a client pushes nothing")

    def _ping(self, flags: int, number: int, payload: bytes) -> None:
        if number:
            raise ConnectionFailed(Code.PROTOCOL_ERROR, "PING of a stream")
        if len(payload) != len(DRAIN_PING):
            raise ConnectionFailed(Code.FRAME_SIZE_ERROR, "PING of another length")
        self._patience()
        if not flags & ACK:
            self.send(ping(payload, ack=True))
        elif self._draining and payload == DRAIN_PING:
            self.take_no_more()

    def _goaway(self, _flags: int, number: int, payload: bytes) -> None:
        self._patience()
        if number:
            raise ConnectionFailed(Code.PROTOCOL_ERROR, "GOAWAY of a stream")
        if len(payload) < 2 * U32.size:
            raise ConnectionFailed(Code.FRAME_SIZE_ERROR, "GOAWAY of another length")

    def _window_update(self, _flags: int, number: int, payload: bytes) -> None:
        if len(payload) != U32.size:
            raise ConnectionFailed(Code.FRAME_SIZE_ERROR, "WINDOW_UPDATE of another length")
        more = U32.unpack(payload)[0] & MOST_WINDOW
        if number == 0:
            if not more:
                raise ConnectionFailed(Code.PROTOCOL_ERROR, "a window wider by nothing")
            self._patience()
            self.widen(more)
            return
        stream = self.streams.get(number)
        if stream is None:
            if self._is_idle(number):
                raise ConnectionFailed(Code.PROTOCOL_ERROR, "WINDOW_UPDATE of an idle stream")
            self._patience()
            return
        if not more:
            raise StreamFailed(number, Code.PROTOCOL_ERROR, "a window wider by nothing")
        self._patience()
        self.widen_stream(stream, more)


CONTROLS: dict[int, Callable[[Control, int, int, bytes], None]] = {
    PRIORITY: Control._priority,  # noqa: SLF001 - this module's own
    RST_STREAM: Control._rst_stream,  # noqa: SLF001
    SETTINGS: Control._settings,  # noqa: SLF001
    PUSH_PROMISE: Control._push_promise,  # noqa: SLF001
    PING: Control._ping,  # noqa: SLF001
    GOAWAY: Control._goaway,  # noqa: SLF001
    WINDOW_UPDATE: Control._window_update,  # noqa: SLF001
}
"""Who heeds a frame: by its type; each takes its flags, stream and payload."""
