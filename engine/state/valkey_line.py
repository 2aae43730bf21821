"""Commands in, replies out: one connection with a server, kept, shared by all who wait.

What is asked while a batch is under way goes out together in the next one, in one write; so one
caller never waits for others, and many share the cost of the way. Nothing is tried twice: whoever
waits when the connection breaks, or when the server has said nothing for *timeout*, is told so, and
the connection is dropped, because an answer that comes late must not reach another caller.

After a time-out or a refused connection the breaker *opens*: who asks is refused at once, while a
task tries to connect, now and then (*half-open*). When that succeeds it *closes*.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from hiredis import pack_command
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisError, ResponseError

from engine.runtime.store import StoreUnavailable
from engine.state.valkey_address import Address

MOST = 32
"""Commands in one write."""
AHEAD = 4
"""So many batches are under way: while the server works on some, others are dealt with here."""
FIRST_REST = 0.05
LONGEST_REST = 2.0
"""Seconds between two tries to connect, the first and the longest."""
PATIENCE = 1.0
"""Seconds that a try in the background may take: nobody waits for it."""
IDLE = 1.0
"""After so many seconds without use it is looked first whether the server has hung up."""

Command: TypeAlias = tuple[bytes | str | int, ...] | bytes
"""Its parts; or all of it as it is sent."""
PING: Final[Command] = ("PING",)
State: TypeAlias = Literal["closed", "half-open", "open"]


@dataclass(slots=True)
class Tally:
    """How often; for metrics."""

    calls: int = 0
    failures: int = 0
    timeouts: int = 0
    reconnects: int = 0


@dataclass(frozen=True, slots=True)
class _Waiting:
    command: Command
    reply: asyncio.Future[object]


class Broken(Exception):
    """The connection cannot be used any more; the text says why."""


class Line:
    """See the module. For one event loop.

    *greeting* is sent first whenever it has connected; the first of its commands must succeed.
    *objection* says of the replies why the server is not the one to ask; empty when it is.
    """

    def __init__(
        self,
        address: Address,
        *,
        timeout: float,
        greeting: Sequence[Command],
        objection: Callable[[Sequence[object]], str],
    ) -> None:
        self.place = f"the store at {address}"
        self._address = address
        self._timeout = timeout
        self._greeting = greeting
        self._objection = objection
        self._connection: AbstractConnection | None = None
        self._connected_before = False
        self._queue: deque[_Waiting] = deque()
        self._sent: deque[list[_Waiting]] = deque()
        self._worker: asyncio.Task[None] | None = None
        self._prober: asyncio.Task[None] | None = None
        self._used = 0.0
        self._retired = False
        self._why = ""
        self.greeted: list[object] = []
        """The replies to the greeting; empty before the first one."""
        self.state: State = "closed"
        self.tally = Tally()

    async def ask(self, command: Command) -> object:
        """Return the reply, which may be a ResponseError. Raises StoreUnavailable.

        To be cancelled does not stop what was sent.
        """
        self.tally.calls += 1
        if self.state != "closed":
            self.tally.failures += 1
            raise StoreUnavailable(self._why)
        waiting = _Waiting(command, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        if self._worker is None:
            self._worker = asyncio.get_running_loop().create_task(self._work())
        elif len(self._queue) == MOST and len(self._sent) < AHEAD and not self._retired:
            # Hot path: the server need not wait until all who ask at once have asked.
            idle = asyncio.get_running_loop().time() - self._used
            if self._connection is not None and idle < IDLE:
                self._send_batch(self._connection)
        return await waiting.reply

    async def connect(self) -> None:
        """Connect before anybody asks, if that can be: who asks first then need not wait for it."""
        if self._connection is not None:
            return
        with suppress(Broken, TimeoutError):
            async with asyncio.timeout(max(PATIENCE, self._timeout)):
                await self._connect()

    @property
    def why(self) -> str:
        """Why it is left alone; empty while it is not."""
        return self._why

    def retire(self) -> None:
        """Connect anew once what is under way is answered."""
        self._retired = True

    async def close(self) -> None:
        """Let what is under way end, and disconnect. Whoever asks afterwards is refused."""
        if self._worker is not None:
            await self._worker
        self.state, self._why = "open", f"the connection with {self.place} was closed"
        if self._prober is not None:
            self._prober.cancel()
            with suppress(asyncio.CancelledError):
                await self._prober
        await self._drop()

    async def _work(self) -> None:
        """Send what is queued and hand out the replies, until nothing is left to do."""
        try:
            while self._queue or self._sent:
                try:
                    await self._go_on()
                except Broken as broken:
                    await self._drop()
                    self._fail(self._under_way(), str(broken))
                except TimeoutError:
                    await self._drop()
                    self.tally.timeouts += 1
                    why = f"{self.place} has not answered for {self._timeout * 1000:g} ms"
                    self._open(why)
                    self._fail([*self._under_way(), *self._queue], why)
                    self._queue.clear()
        finally:
            self._worker = None
            # Nothing is, unless something went wrong that nobody thought of.
            self._fail([*self._under_way(), *self._queue], f"asking {self.place} was given up")
            self._queue.clear()

    def _under_way(self) -> list[_Waiting]:
        batches, self._sent = self._sent, deque()
        return [one for batch in batches for one in batch]

    def _fail(self, batch: Sequence[_Waiting], why: str) -> None:
        for one in batch:
            if not one.reply.done():
                self.tally.failures += 1
                one.reply.set_exception(StoreUnavailable(why))

    # --- batches ---------------------------------------------------------------------------------

    async def _go_on(self) -> None:
        """Send a batch, or take in the replies to one. Raises Broken, and TimeoutError."""
        idle = asyncio.get_running_loop().time() - self._used
        if self._connection is not None and not self._sent:
            if self._retired:
                await self._drop()
            elif idle > IDLE:
                await self._look(self._connection)
        if self._connection is None:
            await self._begin()
        elif self._queue and len(self._sent) < AHEAD:
            self._send_batch(self._connection)
        else:
            await self._receive(self._connection, self._sent[0])
            self._sent.popleft()

    def _send_batch(self, connection: AbstractConnection) -> None:
        batch = [self._queue.popleft() for _ in range(min(MOST, len(self._queue)))]
        self._sent.append(batch)
        _send(connection, (one.command for one in batch))

    async def _begin(self) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                await self._connect()
        except Broken as broken:
            self._open(str(broken))
            self._fail(self._queue, str(broken))
            self._queue.clear()

    async def _receive(self, connection: AbstractConnection, batch: Sequence[_Waiting]) -> None:
        """Hand out the replies to *batch*."""
        loop = asyncio.get_running_loop()
        left, excuses = deque(batch), 1
        while left:
            limit = asyncio.timeout(self._timeout)
            try:
                async with limit:
                    while left:
                        reply = await _read(connection)
                        one = left.popleft()
                        if not one.reply.done():  # Who asked may have been cancelled.
                            one.reply.set_result(reply)
            except TimeoutError:
                # Where the event loop was held up, the reply may have been there for long. It was
                # cancelled while waiting, so nothing of a reply is lost.
                late = loop.time() - (limit.when() or 0)
                if late < self._timeout / 2 or not excuses:
                    raise
                excuses -= 1
            except (OSError, RedisError) as problem:
                raise self._broken(problem) from problem
        self._used = loop.time()

    def _broken(self, problem: Exception) -> Broken:
        return Broken(f"the connection with {self.place} broke: {problem}")

    async def _look(self, connection: AbstractConnection) -> None:
        """Drop the connection if the server has hung up: then nothing is sent and lost."""
        try:
            async with asyncio.timeout(self._timeout):
                _send(connection, [PING])
                await _read(connection)
        except TimeoutError:
            raise
        except (OSError, RedisError):
            await self._drop()
        else:
            self._used = asyncio.get_running_loop().time()

    # --- connecting ------------------------------------------------------------------------------

    async def _connect(self) -> AbstractConnection:
        """Return an open connection. Raises Broken."""
        connection = self._address.connection()
        try:
            await connection.connect()  # type: ignore[no-untyped-call]
            # First: on whom it does not know a server hangs up in a long greeting, untold why.
            _send(connection, [PING])
            await _read(connection)
            _send(connection, self._greeting)
            greeted = [await _read(connection) for _ in self._greeting]
        except (OSError, RedisError) as problem:
            await _hang_up(connection)
            raise Broken(f"{self.place} cannot be reached: {problem}") from problem
        except asyncio.CancelledError:
            await _hang_up(connection)
            raise
        why = self._objection(greeted)
        if isinstance(greeted[0], ResponseError):
            why = f"refuses to serve: {greeted[0]}"
        if why:
            await _hang_up(connection)
            raise Broken(f"{self.place} {why}")
        if self._connection is not None:  # Somebody who has asked meanwhile was faster.
            await _hang_up(connection)
            return self._connection
        self.greeted = greeted
        self.tally.reconnects += self._connected_before
        self._connected_before = True
        self._connection = connection
        self._used = asyncio.get_running_loop().time()
        return connection

    async def _drop(self) -> None:
        if self._connection is not None:
            connection, self._connection, self._retired = self._connection, None, False
            await _hang_up(connection)

    # --- the breaker -----------------------------------------------------------------------------

    def _open(self, why: str) -> None:
        # Invariant: nobody tries meanwhile, since nothing is sent before that has succeeded.
        self.state, self._why = "open", why
        self._prober = asyncio.get_running_loop().create_task(self._probe())

    async def _probe(self) -> None:
        """Try to connect until that succeeds."""
        rest = FIRST_REST
        while True:
            await asyncio.sleep(rest * random.uniform(0.5, 1))  # noqa: S311 - spreads the tries
            self.state = "half-open"
            try:
                async with asyncio.timeout(max(PATIENCE, self._timeout)):
                    await self._connect()
            except Broken as broken:
                self.state, self._why = "open", str(broken)
            except TimeoutError:
                self.state = "open"
            else:
                break
            rest = min(2 * rest, LONGEST_REST)
        self.state, self._why, self._prober = "closed", "", None


def pack(command: Command) -> bytes:
    """Return *command* as it is sent."""
    if isinstance(command, bytes):
        return command
    packed: bytes = pack_command(command)  # type: ignore[arg-type]  # of any number of parts
    return packed


def _writer(connection: AbstractConnection) -> asyncio.StreamWriter:
    # Its own method for sending waits until the server takes what is sent, and that of closing
    # until it has taken it: a frozen server would hold up both.
    writer: asyncio.StreamWriter = connection._writer  # type: ignore[assignment]  # noqa: SLF001
    return writer


def _send(connection: AbstractConnection, commands: Iterable[Command]) -> None:
    """Write *commands*, all at once."""
    _writer(connection).write(b"".join(map(pack, commands)))


async def _hang_up(connection: AbstractConnection) -> None:
    """Disconnect without waiting, not even for what is written and not sent yet."""
    if connection.is_connected:
        _writer(connection).transport.abort()
    await connection.disconnect(nowait=True)


async def _read(connection: AbstractConnection) -> object:
    """Return the next reply; the server's refusal of one command is a reply too."""
    try:
        return await connection.read_response(disable_decoding=True, disconnect_on_error=False)
    except ResponseError as refusal:
        return refusal
