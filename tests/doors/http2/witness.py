"""What a server writes on a connection in, whether HTTP/2 allows it out.

Frames are read with hyperframe and fields with hpack: libraries that know nothing of ours. Of what
the client sent only what it granted is counted, so that it may be as wrong as it likes.
"""

from __future__ import annotations

from collections.abc import Iterator

from hpack import Decoder
from hyperframe.frame import (
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from engine.doors.http2.frames import PREFACE

HEAD = 9
WINDOW = 65_535
MOST = 2**31 - 1
INITIAL_WINDOW_SIZE = 4
LEAST_FRAME, LARGEST_FRAME = 16_384, 2**24 - 1


def split(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """Yield type, flags, stream and payload of the whole frames in *data*."""
    at = 0
    while at + HEAD <= len(data):
        end = at + HEAD + int.from_bytes(data[at : at + 3])
        if end > len(data):
            return
        number = int.from_bytes(data[at + 5 : at + HEAD]) & MOST
        yield data[at + 3], data[at + 4], number, data[at + HEAD : end]
        at = end


class Granted:
    """What the bytes of a client may have allowed at most, if every frame was heeded."""

    def __init__(self) -> None:
        self._rest = b""
        self._greeted = False
        self.window = WINDOW
        self.first = WINDOW
        self.frame = LEAST_FRAME
        self.streams: dict[int, int] = {}
        self.newest = 0
        self.pings: list[bytes] = []
        self.settings = 0

    def add(self, data: bytes) -> None:
        """Read what the client sent."""
        self._rest += data
        if not self._greeted:
            if len(self._rest) < len(PREFACE):
                return
            self._rest, self._greeted = self._rest[len(PREFACE) :], True
        done = 0
        for kind, flags, number, payload in split(self._rest):
            done += HEAD + len(payload)
            self._count(kind, flags, number, payload)
        self._rest = self._rest[done:]

    def _count(self, kind: int, flags: int, number: int, payload: bytes) -> None:
        match kind:
            case 1:
                self.newest = max(self.newest, number)
            case 4 if not flags & 1:
                self.settings += 1
                for at in range(0, len(payload) - 5, 6):
                    name, value = payload[at : at + 2], int.from_bytes(payload[at + 2 : at + 6])
                    if name == b"\0\4":
                        self.first = max(self.first, value)
                    if name == b"\0\5" and LEAST_FRAME <= value <= LARGEST_FRAME:
                        self.frame = max(self.frame, value)
            case 6 if not flags & 1:
                self.pings.append(payload)
            case 8 if number == 0:
                self.window += int.from_bytes(payload) & MOST
            case 8:
                more = int.from_bytes(payload) & MOST
                self.streams[number] = self.streams.get(number, 0) + more
            case _:
                pass


class Witness:
    """Sees both directions of a connection, and raises AssertionError when the server is wrong."""

    def __init__(self) -> None:
        self.granted = Granted()
        self._fields = Decoder()
        self._rest = b""
        self._begun: set[int] = set()
        self._ended: set[int] = set()
        self._sent: dict[int, int] = {}
        self._all_sent = 0
        self._pongs = 0
        self._acks = 0
        self._allowed: dict[int, int] = {}
        self._last = MOST
        self._over = False
        self.statuses: dict[int, dict[bytes, bytes]] = {}
        self.broken: dict[int, int] = {}
        self.failure: int | None = None

    def heard(self, data: bytes) -> None:
        """Know what the client sent."""
        self.granted.add(data)

    def saw(self, data: bytes) -> None:
        """Judge what the server wrote."""
        self._rest += data
        done = 0
        for kind, flags, _number, payload in split(self._rest):
            end = done + HEAD + len(payload)
            frame, length = Frame.parse_frame_header(memoryview(self._rest)[done : done + HEAD])
            assert length == len(payload)
            assert length <= self.granted.frame, "a frame larger than the client allows"
            frame.parse_body(memoryview(payload))
            assert not self._over, "a frame behind the word that all is over"
            assert kind != 9, "CONTINUATION where nothing is so long"
            self._judge(frame, flags, payload)
            done = end
        self._rest = self._rest[done:]
        assert not self._rest, "a piece of a frame"

    def _judge(self, frame: Frame, flags: int, payload: bytes) -> None:
        number = frame.stream_id
        match frame:
            case HeadersFrame():
                self._answers(number)
                assert "END_HEADERS" in frame.flags
                fields = dict(self._fields.decode(frame.data, raw=True))
                first = number not in self._begun
                assert (b":status" in fields) is first, "fields at the wrong place"
                assert first or flags & 1, "trailers that do not end the stream"
                self._begun.add(number)
                self.statuses.setdefault(number, {}).update(fields)
                self._end(number, flags)
            case DataFrame():
                self._answers(number)
                assert number in self._begun, "a body before its fields"
                self._all_sent += len(payload)
                self._sent[number] = self._sent.get(number, 0) + len(payload)
                more = self.granted.streams.get(number, 0)
                assert self._all_sent <= self.granted.window, "more than the connection's window"
                assert self._sent[number] <= self.granted.first + more, "more than its window"
                self._end(number, flags)
            case RstStreamFrame():
                assert 0 < number <= max(self.granted.newest, number * (frame.error_code != 0))
                assert number not in self.broken, "broken off twice"
                self.broken[number] = frame.error_code
                self._ended.add(number)
            case SettingsFrame() if flags & 1:
                self._acks += 1
                assert self._acks <= self.granted.settings
            case PingFrame() if flags & 1:
                assert payload == self.granted.pings[self._pongs], "an answer to another ping"
                self._pongs += 1
            case GoAwayFrame():
                assert frame.last_stream_id <= self._last
                self._last = frame.last_stream_id
                self.failure = frame.error_code
                self._over = frame.error_code != 0
            case WindowUpdateFrame():
                assert 0 < frame.window_increment <= MOST
                assert number <= self.granted.newest
                assert number not in self._ended, "a window for what is over"
            case SettingsFrame() | PingFrame():
                pass
            case _:
                raise AssertionError(f"the server sent {frame}")

    def _answers(self, number: int) -> None:
        assert number & 1, "an answer on a stream of the server"
        assert number <= self.granted.newest, "an answer that nobody asked for"
        assert number not in self._ended, "an answer behind its end"

    def _end(self, number: int, flags: int) -> None:
        if flags & 1:
            self._ended.add(number)
