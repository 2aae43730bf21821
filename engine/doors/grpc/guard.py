"""The pieces of a streamed response in; what may pass on of it out, and the decision on the whole.

Each piece has one answer, which may be empty; it waits until the caller reads, and the next piece
waits for it, so that a caller is never further ahead than it can take. However the call ends, a
response of which anything was passed on is decided on and recorded.
"""

from __future__ import annotations

import asyncio
import codecs
from collections.abc import Callable
from typing import Protocol, TypeVar

from google.protobuf.message import Message

from engine.doors.grpc.convert import read_standard, write_decision
from engine.doors.grpc.later import hear
from engine.doors.grpc.service import Service
from engine.runtime.decision import Decision
from engine.runtime.objections import Problem
from engine.runtime.request import InvalidRequest
from engine.service.asking import TimeLeft
from engine.service.gate import Gate
from engine.service.guarding import Guarding, Passed, open_guard, shown
from engine.wire import engine_pb2 as wire

Made = TypeVar("Made")

BREATH = 4096
"""After so many characters of one piece the other calls get their turn: about a millisecond."""


class Pieces(Protocol):
    """A stream of `Chunk` from the caller, and of `GuardedChunk` to it; *left* is its time."""

    left: TimeLeft

    async def read(self) -> bytes | None:
        """Return the next piece, or None at the end."""
        ...

    async def write(self, message: Message) -> None:
        """Send an answer."""
        ...


class Reader:
    """Reads pieces as text, also where they are cut inside a character."""

    def __init__(self, pieces: Pieces) -> None:
        self._pieces = pieces
        self._decoder = codecs.getincrementaldecoder("utf-8")("strict")
        self.last = False
        """Whether the response has ended."""

    async def open(self) -> tuple[wire.DecideRequest, str]:
        """Return the request, and the text that came with it."""
        raw = await self._pieces.read()
        chunk = wire.Chunk.FromString(raw or b"")
        if not chunk.HasField("open"):
            raise InvalidRequest((Problem("open", "required in the first piece"),))
        return chunk.open, self._text(chunk)

    async def next(self) -> str:
        """Return the next text. Sets `last` at the end."""
        raw = await self._pieces.read()
        chunk = wire.Chunk(last=True) if raw is None else wire.Chunk.FromString(raw)
        if chunk.HasField("open"):
            raise InvalidRequest((Problem("open", "only in the first piece"),))
        return self._text(chunk)

    def _text(self, chunk: wire.Chunk) -> str:
        self.last = chunk.last
        pending = bool(self._decoder.getstate()[0])
        if chunk.text and (chunk.utf8 or pending):
            why = "ends inside a character" if pending else "is given beside `text`"
            raise InvalidRequest((Problem("utf8", why),))
        try:
            return chunk.text or self._decoder.decode(chunk.utf8, final=chunk.last)
        except UnicodeDecodeError as error:
            raise InvalidRequest((Problem("utf8", f"not UTF-8: {error.reason}"),)) from None


async def guard(service: Service, pieces: Pieces) -> None:
    """Answer the *pieces* of one response.

    Raises InvalidRequest, NotReady and what reading and writing raise.
    """
    reader = Reader(pieces)
    opened, text = await reader.open()
    await service.turns.come()
    session = await at_ease(
        service.gate, open_guard, service.gate, read_standard(opened), opened.context_json
    )
    decision: Decision | None = None
    try:
        if not session.prepared:
            await asyncio.to_thread(session.prepare)
        await pass_on(service, session, text, pieces)
        while not (reader.last or session.stopped):
            await pass_on(service, session, await reader.next(), pieces)
        decision = await decided(service.gate, session, pieces.left)
    finally:
        if decision is None:
            await left(service.gate, session)
    decision = session.confirm(decision)
    keeper = service.gate.keeper
    waited = keeper.kept()
    if waited is not None:
        decision = await keeper.when_kept(decision, waited)
    answer = wire.GuardedChunk()
    add(answer, session.release(decision))
    answer.decision.CopyFrom(write_decision(shown(decision)))
    await pieces.write(answer)


async def at_ease(gate: Gate, work: Callable[..., Made], *args: object) -> Made:
    """Return what *work* makes of *args*: in a thread where it may be blocked by a far store."""
    return await asyncio.to_thread(work, *args) if gate.far else work(*args)


async def pass_on(service: Service, session: Guarding, text: str, pieces: Pieces) -> None:
    """Feed *text* and send what may pass on: one answer, so that callers can go step by step."""
    answer = wire.GuardedChunk()
    # A caller that sends its pieces ahead is waited for nowhere else: it might have a million.
    await service.turns.come()
    for start in range(0, len(text), BREATH):
        if start:
            await service.turns.come()
        add(answer, await at_ease(service.gate, session.feed, text[start : start + BREATH]))
    await pieces.write(answer)


async def decided(gate: Gate, session: Guarding, left: TimeLeft) -> Decision:
    """Return the recorded decision on the whole, when classifiers have answered."""
    step = session.decide()
    while not isinstance(step, Decision):
        await hear(step, left)
        step = gate.go_on(step)
    return step


async def left(gate: Gate, session: Guarding) -> None:
    """Record the decision on what came, though nobody waits for it; at once when there is hurry."""
    step = session.leave()
    try:
        while not isinstance(step, Decision):
            await step.hear()
            step = gate.go_on(step)
    except asyncio.CancelledError:
        session.abandon()
        raise


def add(answer: wire.GuardedChunk, passed: Passed) -> None:
    """Add to *answer* what may pass on."""
    answer.text += passed.text
    for span in passed.spans:
        answer.redactions.add(
            path=span.path,
            start=span.start,
            end=span.end,
            entity=span.entity,
            strategy=span.strategy,
        )
