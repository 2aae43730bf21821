"""Bytes in, the life of an honest client out: h2, a library that knows nothing of our code.

It can only send what HTTP/2 allows, and refuses whatever HTTP/2 does not allow a server to send.
The server must never end the connection, and every whole request gets its answer in the end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    ResponseReceived,
    SettingsAcknowledged,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes

from engine.doors.grpc.lean_head import read_head
from engine.doors.grpc.lean_server import answer_all
from engine.doors.http2.connection import Connection
from engine.doors.http2.limits import Limits
from tests.doors.http2.attackers import FIELDS, message
from tests.doors.http2.fuzz_apps import Script, grpc_server
from tests.doors.http2.peers import Wire, frame
from tests.doors.http2.test_timeouts import Clock
from tests.doors.http2.witness import split

STEPS = 80
BODIES = (0, 1, 30, 900, 16_379, 40_000)
PATHS = (b"/t.T/Echo", b"/t.T/Wait", b"/t.T/Stream", b"/t.T/Many", b"/t.T/None", b"/t.T/Flow")
ECHOED = (PATHS[0], PATHS[2], PATHS[5])
SETTINGS = (
    (SettingCodes.INITIAL_WINDOW_SIZE, 0),
    (SettingCodes.INITIAL_WINDOW_SIZE, 100),
    (SettingCodes.INITIAL_WINDOW_SIZE, 2**20),
    (SettingCodes.HEADER_TABLE_SIZE, 0),
    (SettingCodes.HEADER_TABLE_SIZE, 100),
    (SettingCodes.HEADER_TABLE_SIZE, 4_096),
    (SettingCodes.HEADER_TABLE_SIZE, 9_000),
    (SettingCodes.MAX_FRAME_SIZE, 16_384),
    (SettingCodes.MAX_FRAME_SIZE, 2**24 - 1),
    (SettingCodes.MAX_HEADER_LIST_SIZE, 9_000),
)


class Call:
    """What was asked on a stream, and what came."""

    def __init__(self, path: bytes) -> None:
        self.path = path
        self.asked = b""
        self.answer = b""
        self.whole = self.ended = self.taken_back = False
        self.status: bytes | None = None

    def look(self) -> None:
        """Check an answer that is whole."""
        if self.path in ECHOED and self.status == b"0":
            assert self.answer == self.asked
        if self.path == PATHS[4]:
            assert self.status == b"12"


class HonestSession:
    """One connection of an honest client."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.server = grpc_server()
        self.wire = Wire()
        self.seen = 0
        self.connection = Connection(self.server._serve, read_head, Limits())
        self.connection.answer_all = answer_all
        config = H2Configuration(client_side=True, header_encoding=None)
        self.client = H2Connection(config)
        self.calls: dict[int, Call] = {}
        self.setting = True
        """Whether something was set, and the server has not agreed yet."""

    async def run(self) -> None:
        """Do all that the script says, then let all that is whole be answered."""
        self.connection.connection_made(self.wire)
        self.client.initiate_connection()
        await self.exchange()
        steps: tuple[Callable[[], None], ...] = (
            self.ask, self.send, self.end, self.allow, self.set, self.take_back, self.ping,
            self.pause,
        )  # fmt: skip
        for _ in range(STEPS):
            if not self.script.more or self.wire.closed:
                break
            choice = self.script.byte()
            with suppress(ProtocolError):  # Not allowed now: an honest client does not do it.
                steps[choice % len(steps)]()
            if choice & 0x80:
                await self.exchange()
        await self.finish()

    async def finish(self) -> None:
        """Allow all there is to allow; then all that was asked must be answered."""
        self.connection.resume_writing()
        self.client.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 1 << 20})
        await self.exchange()
        for number in self.waited_for():
            self.widen(1 << 22, number)
        self.widen(1 << 24, None)
        loop = asyncio.get_running_loop()
        assert isinstance(loop, Clock)
        loop.ahead += 6.0  # Who waits has waited enough.
        for _ in range(40):
            await self.exchange()
            if not self.waited_for():
                break
        assert not self.waited_for(), "some were not answered"
        self.connection.connection_lost(None)

    def waited_for(self) -> list[int]:
        """Return the streams with a whole request and without a whole answer."""
        waits = self.calls.items()
        return [n for n, one in waits if one.whole and not (one.ended or one.taken_back)]

    def widen(self, more: int, number: int | None) -> None:
        """Let the server send more, where that can be."""
        with suppress(ProtocolError, ValueError, KeyError):
            self.client.increment_flow_control_window(more, number)

    async def exchange(self) -> None:
        """Let both hear what the other has sent."""
        sent = self.client.data_to_send()
        if sent and not self.wire.closed:
            self.connection.data_received(sent)
        for _ in range(3):
            await asyncio.sleep(0)
        written = bytes(self.wire.written[self.seen :])
        self.seen = len(self.wire.written)
        for one in split(written):  # Frame by frame: h2 changes its limits between two reads.
            for event in self.client.receive_data(frame(*one)):  # Raises where the server is wrong.
                self.hear(event)

    def hear(self, event: Event) -> None:
        """Heed what came."""
        match event:
            case DataReceived():
                self.calls[event.stream_id].answer += event.data
            case ResponseReceived() | TrailersReceived():
                said = dict(event.headers)
                call = self.calls[event.stream_id]
                call.status = said.get(b"grpc-status", call.status)
            case StreamEnded():
                self.calls[event.stream_id].ended = True
                self.calls[event.stream_id].look()
            case StreamReset():
                assert event.error_code == ErrorCodes.NO_ERROR
                assert self.calls[event.stream_id].ended
            case SettingsAcknowledged():
                self.setting = False
            case ConnectionTerminated():
                raise AssertionError(event)
            case _:
                pass

    # What an honest client does.

    def _open(self) -> int:
        """Return a stream on which a request is not whole."""
        open_ones = [n for n, one in self.calls.items() if not (one.whole or one.taken_back)]
        return open_ones[self.script.byte() % len(open_ones)] if open_ones else 0

    def ask(self) -> None:
        """Open a stream."""
        choice = self.script.byte()
        path = PATHS[choice % len(PATHS)]
        fields = [(name, path if name == b":path" else value) for name, value in FIELDS]
        if choice & 0x40:
            fields.append((b"x-number", b"%d" % choice))
        number = self.client.get_next_available_stream_id()
        self.client.send_headers(number, fields)
        self.calls[number] = Call(path)

    def send(self) -> None:
        """Send a message."""
        number = self._open()
        if number:
            body = message(bytes(self.script.one_of(BODIES)))
            room = self.client.local_flow_control_window(number)
            if len(body) <= min(room, self.client.max_outbound_frame_size):
                padded = 7 if self.script.byte() & 1 and room > len(body) + 8 else None
                self.client.send_data(number, body, pad_length=padded)
                self.calls[number].asked += body

    def end(self) -> None:
        """Say that a request is whole."""
        number = self._open()
        if number:
            if self.script.byte() & 3 == 3:
                self.client.send_headers(number, [(b"x-sum", b"1")], end_stream=True)
            else:
                self.client.end_stream(number)
            self.calls[number].whole = True

    def allow(self) -> None:
        """Let the server send more."""
        number = self._open()
        more = self.script.one_of((1, 100, 65_535, 2**20))
        self.widen(more, None if self.script.byte() & 1 else number or None)

    def set(self) -> None:
        """Change a setting."""
        name, value = self.script.one_of(SETTINGS)
        if not self.setting:  # h2 takes one word of agreement for all that it has set.
            self.setting = True
            self.client.update_settings({name: value})

    def take_back(self) -> None:
        """Cancel a call."""
        number = self.script.byte() * 2 + 1
        if number in self.calls and not self.calls[number].ended:
            self.client.reset_stream(number, ErrorCodes.CANCEL)
            self.calls[number].taken_back = True

    def ping(self) -> None:
        """Ask whether the server lives."""
        self.client.ping(b"12345678")

    def pause(self) -> None:
        """Let the kernel take no more for a moment."""
        self.connection.pause_writing()
        self.connection.resume_writing()
