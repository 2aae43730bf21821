"""A streamed response through the daemon: pieces of text in, what may pass on out, as it flows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any, Self

from pol_client import connect
from pol_client._wire import engine_pb2 as wire
from pol_client.decode import or_no_decision, parsed, read_decision, read_redactions
from pol_client.errors import Unavailable, not_allowed
from pol_client.request import build_request, refused
from pol_client.results import Decision, Redaction
from pol_client.threads_transport import Stream, Transport

SECONDS = 600.0
"""For a whole response, where the call does not say otherwise."""


class Guard:
    """Made by ``Client.guard``: an iterator over the text that may pass on.

    After the last text *decision* has the decision on the whole. Leave it early with ``close``, or
    use ``with``: the daemon then decides on and records what had come.
    """

    def __init__(
        self,
        call: Stream,
        opened: wire.DecideRequest,
        source: Iterable[str],
        *,
        raise_on_block: bool,
    ) -> None:
        self.decision: Decision | None = None
        """The decision on the whole, without its content; None until the end."""
        self.redactions: list[Redaction] = []
        """What was replaced so far; places count from the beginning of the response."""
        self._call = call
        self._chunks = chunks(opened, source)
        self._raise_on_block = raise_on_block

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        """Return the next text. Raises NotAllowed at the end of what is blocked; NoDecision."""
        while self.decision is None:
            chunk = next(self._chunks, None)
            if chunk is not None:
                self._call.write(chunk.SerializeToString())
            answer = self._call.read()
            if answer is None:
                raise Unavailable("UNAVAILABLE", "the daemon ended the stream")
            text = take(self, parsed(wire.GuardedChunk, answer))
            if text:
                return text
        end(self, raise_on_block=self._raise_on_block)
        raise StopIteration

    def close(self) -> None:
        """Take no more; what had come is decided on and recorded by the daemon."""
        self._call.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def chunks(opened: wire.DecideRequest, source: Iterable[str]) -> Iterator[wire.Chunk]:
    """Yield the chunks of a response."""
    yield wire.Chunk(open=opened)
    for piece in source:
        yield wire.Chunk(text=piece)
    yield wire.Chunk(last=True)


def open_guard(
    transport: Transport,
    source: Iterable[str],
    asked: Mapping[str, object],
    timeout: float,
    *,
    raise_on_block: bool,
) -> Guard:
    """Return the guard of *source*, about which *asked* is known."""
    opened = opening(asked)
    call = transport.stream(connect.GUARD, timeout)
    return Guard(call, opened, source, raise_on_block=raise_on_block)


def opening(asked: Mapping[str, object]) -> wire.DecideRequest:
    """Return the request of a stream; raise InvalidRequest where it brings the content along."""
    for name in ("content", "messages"):
        if asked.get(name) is not None:
            raise refused(name, "comes in the pieces of the stream")
    return build_request({"stage": "response", **asked})


read_last = or_no_decision(read_decision)


def take(into: Any, answer: wire.GuardedChunk) -> str:
    """Note what *answer* brings; return its text. Raises NoDecision."""
    into.redactions.extend(read_redactions(answer.redactions))
    if answer.HasField("decision"):
        into.decision = read_last(answer.decision)
    return str(answer.text)


def end(guard: Any, *, raise_on_block: bool) -> None:
    """Raise NotAllowed for a decision that does not let it pass."""
    if raise_on_block and not guard.decision.passes:
        raise not_allowed(guard.decision)
