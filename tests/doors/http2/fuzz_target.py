"""Bytes in, the life of a connection out: what `fuzz_connection` lets a fuzzer write.

Each byte chooses what happens next: frames that are right or wrong in one place or everywhere, an
app that answers, time that passes, a kernel that takes no more. After each step the connection must
have kept its promises: it never raises, holds no more than its limits say, counts windows right and
writes only what `witness` allows. At the end nothing of it is left, and another connection of the
same server, which was open all the while, gets its answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from hpack import Encoder

from engine.doors.grpc.lean_head import Head, read_head
from engine.doors.grpc.lean_server import answer_all
from engine.doors.http2 import frames
from engine.doors.http2.connection import Connection
from engine.doors.http2.limits import Limits
from engine.doors.http2.sending import FORGOTTEN
from engine.doors.http2.stream import ENOUGH, App, Stream
from tests.doors.http2.attackers import FIELDS, message
from tests.doors.http2.fuzz_apps import MESSAGE_BYTES, Busy, Script, grpc_server
from tests.doors.http2.fuzz_honest import HonestSession
from tests.doors.http2.peers import Wire
from tests.doors.http2.test_timeouts import Clock
from tests.doors.http2.witness import Witness, split

STEPS = 400
SMALL = Limits(
    streams=4,
    header_bytes=600,
    block_bytes=900,
    continuations=2,
    window_bytes=20_000,
    connection_bytes=66_000,
    resets=6,
    idle_frames=30,
)
PATHS = (
    b"/t.T/Echo",
    b"/t.T/Wait",
    b"/t.T/Stream",
    b"/t.T/Many",
    b"/t.T/None",
    b"*",
    b"",
    b"/t.T/Flow",
)
MORE = (
    (b"x-key", b"value"),
    (b"grpc-timeout", b"1S"),
    (b"grpc-timeout", b"1x"),
    (b"grpc-encoding", b"gzip"),
    (b"grpc-encoding", b"br"),
    (b"content-length", b"7"),
    (b"content-length", b"-1"),
    (b"x-long", b"v" * 500),
    (b"X-Upper", b"v"),
    (b"connection", b"close"),
    (b"x-bin", b"AAE"),
    (b":path", b"/again"),
    (b"te", b"gzip"),
    (b"x-bad", b"a\r\nb"),
)
NUMBERS = (0, 1, 2, 3, 5, 7, 9, 2**31 - 1)
SIZES = (0, 1, 5, 100, 5_000, 16_384, 65_536, 65_537)
WINDOWS = (0, 1, 10, 65_535, 2**16, 2**30, 2**31 - 1, 2**32 - 1)
SECONDS = (0.1, 1.1, 2.1, 11.0, 31.0, 61.0)


class Session:
    """One connection under attack, and a healthy one beside it."""

    def __init__(self, script: Script) -> None:
        self.script = script
        first = script.byte()
        self.limits = Limits() if first & 1 else SMALL
        self.server = grpc_server()
        self.apps: list[Busy] = []
        self.busy = bool(first & 2)
        self.connection = self._connect(self._serve_busy if self.busy else self.server._serve)
        self.healthy, self.healthy_wire, self.asked = self._connect(self.server._serve), Wire(), 1
        self.encoder = Encoder()
        self.wire = Wire()
        self.witness = Witness()
        self.seen = 0
        self.newest = -1
        self.kept: list[bytes] | None = None
        self.lost = False
        self.full = False

    def _connect(self, serve: Callable[[Stream, Head], App]) -> Connection[Head]:
        made = Connection(serve, read_head, self.limits)
        made.answer_all = answer_all
        return made

    def _serve_busy(self, stream: Stream, head: Head) -> App:
        stream.expected = head.length
        self.apps.append(Busy(stream))
        return self.apps[-1]

    # Steps.

    async def run(self) -> None:
        """Do all that the script says."""
        self.healthy.connection_made(self.healthy_wire)
        self.healthy.data_received(frames.PREFACE + frames.settings(()))
        self.connection.connection_made(self.wire)
        self.look()
        if self.script.byte() & 7:
            self.feed(frames.PREFACE + frames.settings(()))
        steps = (
            self.request, self.data, self.window, self.settings, self.cancel, self.act,
            self.trailers, self.any_frame, self.any_bytes, self.ping, self.keep, self.pause,
            self.block, self.continued, self.drain,
        )  # fmt: skip
        for _ in range(STEPS):
            if not self.script.more or self.lost or self.wire.closed:
                break
            choice = self.script.byte()
            if choice >= 0xF0:
                await self.passes(SECONDS[choice % len(SECONDS)])
            else:
                steps[choice % len(steps)]()
            if not choice & 0x10:
                await asyncio.sleep(0)
            self.look()
        await self.end()

    async def end(self) -> None:
        """Lose the connection; nothing may be left, and the other one must be well."""
        if self.kept:
            sent, self.kept = b"".join(self.kept), None
            self.feed(sent)
        await self.passes(0.0)
        self.look()
        self.connection.connection_lost(None)
        assert not self.connection.streams
        assert not self.connection._blocked
        assert not self.connection._out
        assert all(one.stream.closed for one in self.apps)
        for _ in range(4):
            await asyncio.sleep(0)
        room = self.server.room
        assert (room.calls, room.tasks, room.held) == (0, 0, 0)
        fields = Encoder().encode(FIELDS)
        before = len(self.healthy_wire.written)
        self.healthy.data_received(
            frames.headers(self.asked, fields, 16_384, end=False)
            + frames.head(9, frames.DATA, 1, self.asked)
            + message(b"well")
        )
        answer = bytes(self.healthy_wire.written[before:])
        assert message(b"well") in [one[3] for one in split(answer)]
        self.healthy.connection_lost(None)

    async def passes(self, seconds: float) -> None:
        """Let time pass."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, Clock)
        loop.ahead += seconds
        for _ in range(4):
            await asyncio.sleep(0)

    def feed(self, data: bytes) -> None:
        """Send *data*, or keep it for the next read."""
        if self.kept is not None:
            self.kept.append(data)
        elif data and not self.wire.closed:
            self.witness.heard(data)
            self.connection.data_received(data)
            assert not self.connection._out

    def number(self) -> int:
        """Return a stream: one that is open, the next one, or any."""
        choice = self.script.byte()
        if choice < 0x80 and self.newest > 0:
            return max(1, self.newest - 2 * (choice % 4))
        return int(NUMBERS[choice % len(NUMBERS)])

    def fields(self) -> bytes:
        """Return a block of a request, with something more or less."""
        choice = self.script.byte()
        path = PATHS[choice % len(PATHS)]
        fields = [(name, path if name == b":path" else value) for name, value in FIELDS]
        if choice & 0x40:
            fields.append(self.script.one_of(MORE))
        if choice & 0x80:
            what = self.script.byte()
            at = what % len(fields)
            fields.insert(what // 16 % len(fields), fields.pop(at))
            if what & 0x08:
                del fields[at]
        return self.encoder.encode(fields, huffman=bool(choice & 0x20))

    def request(self) -> None:
        """Open the next stream."""
        self.newest += 2
        choice = self.script.byte()
        block, padding = self.fields(), b""
        flags = choice & 1 | (0 if choice & 0x70 == 0x70 else frames.END_HEADERS)
        if choice & 0x80:
            flags, block, padding = flags | frames.PADDED, b"\3" + block, bytes(3)
        if choice & 0x02:
            flags |= frames.PRIORITIZED
            at = 1 if choice & 0x80 else 0
            block = block[:at] + self.script.take(5).ljust(5, b"\0") + block[at:]
        sent = frames.head(len(block + padding), frames.HEADERS, flags, self.newest)
        self.feed(sent + block + padding)

    def data(self) -> None:
        """Send a body: a message, or any bytes."""
        choice, number = self.script.byte(), self.number()
        if choice & 2:
            body = bytes(self.script.one_of(SIZES))
        else:
            body = message(self.script.take(choice >> 4), flag=choice >> 2 & 1)
        flags = choice & 1
        if choice & 8:
            flags, body = flags | frames.PADDED, b"\2" + body + b"\0\0"
        self.feed(frames.head(len(body), frames.DATA, flags, number) + body)

    def trailers(self) -> None:
        """End a request with fields."""
        choice = self.script.byte()
        block = self.encoder.encode((MORE[choice >> 1 & 0xF] if choice < 28 else (b"a", b"b"),))
        flags = frames.END_HEADERS | choice & 1
        self.feed(frames.head(len(block), frames.HEADERS, flags, self.number()) + block)

    def block(self) -> None:
        """Send a field block of any bytes."""
        block = self.script.take(self.script.byte() % 64)
        self.newest += 2
        self.feed(frames.head(len(block), frames.HEADERS, 5, self.newest) + block)

    def continued(self) -> None:
        """Go on with a field block."""
        block = self.script.take(self.script.byte() % 32)
        flags = self.script.byte() & 4
        number = max(self.newest, 1)
        self.feed(frames.head(len(block), frames.CONTINUATION, flags, number) + block)

    def window(self) -> None:
        """Allow more."""
        more = self.script.one_of(WINDOWS)
        self.feed(frames.head(4, frames.WINDOW_UPDATE, 0, self.number()) + more.to_bytes(4))

    def settings(self) -> None:
        """Set something, or agree."""
        choice = self.script.byte()
        if choice & 0x80:
            self.feed(frames.SETTINGS_ACK)
            return
        values = (WINDOWS[choice >> 3 & 7], self.script.byte())[choice >> 6 & 1]
        self.feed(frames.settings(((choice & 7, values),)))

    def cancel(self) -> None:
        """Take a stream back."""
        code = self.script.byte()
        self.feed(frames.head(4, frames.RST_STREAM, 0, self.number()) + code.to_bytes(4))

    def ping(self) -> None:
        """Ping, or answer the server's."""
        choice = self.script.byte()
        self.feed(frames.ping(b"goodbye\0" if choice & 2 else bytes(8), ack=bool(choice & 1)))

    def any_frame(self) -> None:
        """Send a frame of any kind with anything in it."""
        kind, flags = self.script.byte() % 12, self.script.byte()
        payload = self.script.take(self.script.byte() % 48)
        self.feed(frames.head(len(payload), kind, flags, self.number()) + payload)

    def any_bytes(self) -> None:
        """Send any bytes."""
        self.feed(self.script.take(self.script.byte() % 48))

    def keep(self) -> None:
        """Send what follows in one read; or all that was kept, whole or in pieces."""
        if self.kept is None:
            self.kept = []
            return
        sent, self.kept = b"".join(self.kept), None
        size = self.script.byte() or len(sent) or 1
        for at in range(0, min(len(sent), 64 * size), size):
            self.feed(sent[at : at + size])
        self.feed(sent[64 * size :])

    def pause(self) -> None:
        """Let the kernel take no more, or more again."""
        if self.wire.closed:
            return
        self.full = not self.full
        if self.full:
            self.connection.pause_writing()
        else:
            self.connection.resume_writing()

    def act(self) -> None:
        """Let an app do something."""
        what, size = self.script.byte(), self.script.one_of(SIZES)
        if self.apps:
            self.apps[what // 8 % len(self.apps)].act(what % 8, size)

    def drain(self) -> None:
        """Let the server stop, sometimes; or lose the connection."""
        choice = self.script.byte()
        if choice < 64:
            self.connection.drain()
        elif choice > 250:
            self.lost = True

    # Promises.

    def look(self) -> None:
        """Check what must hold after every step."""
        written = bytes(self.wire.written[self.seen :])
        self.seen = len(self.wire.written)
        self.witness.saw(written)
        made, limits = self.connection, self.limits
        if made._closing:
            return
        streams = made.streams
        assert len(streams) <= limits.streams
        assert made._waits or len(made._buffer) <= limits.frame_bytes + frames.HEAD_BYTES
        assert made._partial_bytes <= limits.block_bytes
        assert len(made._broken) <= FORGOTTEN
        assert made._blocked.keys() <= streams.keys()
        assert made._fields._table._current_size <= 4_096
        unread = sum(one.unread for one in streams.values())
        assert made._allowed + made._consumed + unread == limits.connection_bytes
        for number, stream in streams.items():
            assert stream.id == number
            assert not stream.closed
            assert stream.unread >= 0
            assert stream.allowed + stream.unread <= limits.window_bytes
            assert stream.waiting_bytes == sum(map(len, stream.waiting))
            assert stream.waiting_bytes <= ENOUGH + MESSAGE_BYTES + 5
            waits = bool(stream.waiting) and not self.full
            if waits and made._window > 0:
                assert stream.window <= 0, "a stream waits for what it has"
        if not self.busy:
            assert self.server.room.held <= self.server.room.most_bytes


def play(data: bytes) -> None:
    """Let *data* happen. Raises whatever is wrong."""
    failed: list[BaseException] = []
    with asyncio.Runner(loop_factory=Clock) as runner:
        loop = runner.get_loop()
        loop.set_exception_handler(
            lambda _, said: failed.append(said.get("exception") or AssertionError(said["message"]))
        )
        script = Script(data[1:])
        honest = data[:1] >= b"\x80"
        runner.run(HonestSession(script).run() if honest else Session(script).run())
    if failed:
        raise failed[0]
