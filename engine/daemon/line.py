"""What the supervisor and a worker say to each other, over a socket that only they have.

Either side asks and the other answers, several at a time::

    length (4 bytes, big-endian) | MessagePack of Frame(number, answers, message)

The number joins an answer to its question. Whoever is gone ends the line; no question is left
without an end.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec

from engine.daemon.settings import Settings
from engine.daemon.sums import Family
from engine.language.diagnostics import Diagnostic

LENGTH_BYTES = 4


class Message(msgspec.Struct, frozen=True, tag=True):
    """A question or an answer."""


class Done(Message, frozen=True):
    """It was done."""


class Failed(Message, frozen=True):
    """It cannot be done. *why* is a sentence for people; *code* is what the process exits with."""

    why: str
    code: int = 2


class Shown(Message, frozen=True):
    """From a worker: the certificate that the port shows from now on. Answered by Done.

    A worker that is replaced while the files are broken goes on with it: it is in memory alone.
    """

    certificate: bytes
    key: bytes
    client_roots: bytes | None

    def __repr__(self) -> str:
        """Return what tells nothing of the key."""
        return "Shown()"


class Begin(Message, frozen=True):
    """To a worker, first of all: make everything but the policies. Answered by Done or Failed."""

    settings: Settings
    number: int
    addresses: tuple[str, ...]
    """Where to serve when told to."""
    shown: Shown | None = None
    """What other workers show, in case the files of the certificate cannot be used."""


class Ship(Message, frozen=True):
    """To the shipper, first of all: ship the trail in *folder*. Answered by Done or Failed.

    *began* is when the daemon did.
    """

    settings: Settings
    folder: str
    key: str
    """Where the key is that the trail is signed with."""
    began: str


class Load(Message, frozen=True):
    """Load *revision* from the cache and keep it ready. Answered by Loaded or Failed."""

    revision: str


class Loaded(Message, frozen=True):
    """*policies* and *rules* are how many there are."""

    policies: int
    rules: int


class Commit(Message, frozen=True):
    """Decide by what was loaded from now on. Answered by Done."""


class Refuse(Message, frozen=True):
    """Newer policies were not taken over. Answered by Done."""

    why: str


class Confirm(Message, frozen=True):
    """The policies that decide are the newest. Answered by Done."""


class Listen(Message, frozen=True):
    """Serve. Answered by Done or Failed."""


class Reopen(Message, frozen=True):
    """Open the record anew. Answered by Done or Failed."""


class Count(Message, frozen=True):
    """Answered by Counted."""


class Counted(Message, frozen=True):
    """What the worker's metrics are now."""

    families: tuple[Family, ...]


class Ping(Message, frozen=True):
    """Answered by Alive, from the loop that decides."""


class Alive(Message, frozen=True):
    """*trouble* is what does not work though decisions are made, in words; mostly empty."""

    trouble: str


class Reload(Message, frozen=True):
    """From a worker: an operator asks for a reload. Answered by Reloaded."""


class Reloaded(Message, frozen=True):
    """Why the policies were refused, or nothing when they are served now."""

    diagnostics: tuple[Diagnostic, ...]


Any = (
    Done
    | Failed
    | Begin
    | Shown
    | Ship
    | Load
    | Loaded
    | Commit
    | Refuse
    | Confirm
    | Listen
    | Reopen
    | Count
    | Counted
    | Ping
    | Alive
    | Reload
    | Reloaded
)


class Frame(msgspec.Struct, frozen=True, array_like=True):
    """A message on its way."""

    number: int
    answers: bool
    message: Any


Told = TypeVar("Told", bound=Message)
Answer = Callable[[Any], Awaitable[Any]]


class LineLost(Exception):
    """The other side is gone, or says what cannot be understood."""


class Line:
    """One end of the line. *answer* gets the other side's questions."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Answer
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._answer = answer
        self._numbers = itertools.count()
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._answering: set[asyncio.Task[None]] = set()
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(Frame)
        self._lost = False

    async def ask(self, message: Any, wanted: type[Told]) -> Told | Failed:
        """Return the answer. Raises LineLost."""
        if self._lost:
            raise LineLost
        number = next(self._numbers)
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._asked[number] = answer
        try:
            self._send(Frame(number, answers=False, message=message))
            found = await answer
        finally:
            self._asked.pop(number, None)
        if not isinstance(found, wanted | Failed):
            raise LineLost
        return found

    async def run(self) -> None:
        """Hear the other side until it is gone."""
        try:
            while True:
                head = await self._reader.readexactly(LENGTH_BYTES)
                raw = await self._reader.readexactly(int.from_bytes(head, "big"))
                self._hear(self._decoder.decode(raw))
        except (OSError, asyncio.IncompleteReadError, msgspec.MsgspecError):
            pass
        finally:
            self.close()

    def close(self) -> None:
        """End the line."""
        self._lost = True
        for answer in self._asked.values():
            if not answer.done():
                answer.set_exception(LineLost())
        for task in self._answering:
            task.cancel()
        self._writer.close()

    def _hear(self, frame: Frame) -> None:
        if frame.answers:
            answer = self._asked.get(frame.number)
            if answer is not None and not answer.done():
                answer.set_result(frame.message)
            return
        task = asyncio.get_running_loop().create_task(self._tell(frame))
        self._answering.add(task)
        task.add_done_callback(self._answered)

    def _answered(self, task: asyncio.Task[None]) -> None:
        """End the line when a question cannot be answered for an error in the code."""
        self._answering.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            why = {"message": "a question of the other process broke", "exception": error}
            asyncio.get_running_loop().call_exception_handler(why)
            self.close()

    async def _tell(self, frame: Frame) -> None:
        answer = await self._answer(frame.message)
        self._send(Frame(frame.number, answers=True, message=answer))

    def _send(self, frame: Frame) -> None:
        raw = self._encoder.encode(frame)
        self._writer.write(len(raw).to_bytes(LENGTH_BYTES, "big") + raw)
