"""A streamed response through the daemon: pieces of text in, what may pass on out, as it flows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any, Self

import grpc

from pol_client import connect
from pol_client._wire import engine_pb2 as wire
from pol_client.decode import read_decision, read_redactions
from pol_client.errors import Unavailable, from_rpc, not_allowed
from pol_client.request import build_request, refused
from pol_client.results import Decision, Redaction

SECONDS = 600.0
"""For a whole response, where the call does not say otherwise."""


class Guard:
    """Made by ``Client.guard``: an iterator over the text that may pass on.

    After the last text *decision* has the decision on the whole. Leave it early with ``close``, or
    use ``with``: the daemon then decides on and records what had come.
    """

    def __init__(self, call: Any, pieces: Pieces, *, raise_on_block: bool) -> None:
        self.decision: Decision | None = None
        """The decision on the whole, without its content; None until the end."""
        self.redactions: list[Redaction] = []
        """What was replaced so far; places count from the beginning of the response."""
        self._call = call
        self._pieces = pieces
        self._raise_on_block = raise_on_block

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        """Return the next text. Raises NotAllowed at the end of what is blocked; NoDecision."""
        while self.decision is None:
            try:
                answer = next(self._call)
            except grpc.RpcError as error:
                if self._pieces.problem is not None:
                    raise self._pieces.problem from None
                raise from_rpc(error) from None
            except StopIteration:
                raise Unavailable("UNAVAILABLE", "the daemon ended the stream") from None
            text = take(self, answer)
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


class Pieces:
    """The chunks of a response; keeps the *problem* that its source had, to be raised again."""

    def __init__(self, opened: wire.DecideRequest, source: Iterable[str]) -> None:
        self.problem: Exception | None = None
        self._chunks = self._make(opened, source)

    def __iter__(self) -> Iterator[wire.Chunk]:
        return self._chunks

    def _make(self, opened: wire.DecideRequest, source: Iterable[str]) -> Iterator[wire.Chunk]:
        yield wire.Chunk(open=opened)
        try:
            for piece in source:
                yield wire.Chunk(text=piece)
        except Exception as problem:
            self.problem = problem
            raise
        yield wire.Chunk(last=True)


def open_guard(
    channel: grpc.Channel,
    connection: connect.Connection,
    source: Iterable[str],
    asked: Mapping[str, object],
    timeout: float,
    *,
    raise_on_block: bool,
) -> Guard:
    """Return the guard of *source*, about which *asked* is known."""
    pieces = Pieces(opening(asked), source)
    start = channel.stream_stream(
        connect.GUARD, wire.Chunk.SerializeToString, wire.GuardedChunk.FromString
    )
    call = start(
        iter(pieces),
        timeout=timeout,
        metadata=connection.headers(),
        wait_for_ready=connection.wait_for_ready,
    )
    return Guard(call, pieces, raise_on_block=raise_on_block)


def opening(asked: Mapping[str, object]) -> wire.DecideRequest:
    """Return the request of a stream; raise InvalidRequest where it brings the content along."""
    for name in ("content", "messages"):
        if asked.get(name) is not None:
            raise refused(name, "comes in the pieces of the stream")
    return build_request({"stage": "response", **asked})


def take(into: Any, answer: wire.GuardedChunk) -> str:
    """Note what *answer* brings; return its text."""
    into.redactions.extend(read_redactions(answer.redactions))
    if answer.HasField("decision"):
        into.decision = read_decision(answer.decision)
    return str(answer.text)


def end(guard: Any, *, raise_on_block: bool) -> None:
    """Raise NotAllowed for a decision that does not let it pass."""
    if raise_on_block and not guard.decision.passes:
        raise not_allowed(guard.decision)
