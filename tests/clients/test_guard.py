"""A streamed response through both clients."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from functools import partial
from typing import Any, cast

import pytest
from pol_client import (
    AsyncClient,
    AsyncGuard,
    Client,
    Denied,
    Guard,
    InvalidRequest,
    Unavailable,
)
from pol_client.connect import Transport
from pol_client.guard import opening

from tests.clients.asking import PATIENCE, WHO
from tests.doors.grpc.serving import Daemon, run, serve

Guarded = tuple[list[str], Any]
Guarding = Callable[..., Guarded]


def in_thread(transport: Transport, address: str, pieces: Iterable[str], **asked: Any) -> Guarded:
    with (
        Client(address, timeout=PATIENCE, transport=transport) as client,
        client.guard(pieces, **{**WHO, **asked}) as guard,
    ):
        return list(guard), guard


def in_loop(transport: Transport, address: str, pieces: Iterable[str], **asked: Any) -> Guarded:
    async def all_of() -> Guarded:
        async with (
            AsyncClient(address, timeout=PATIENCE, transport=transport) as client,
            client.guard(pieces, **{**WHO, **asked}) as guard,
        ):
            return [text async for text in guard], guard

    return run(all_of())


def in_loop_from_loop(
    transport: Transport, address: str, pieces: Iterable[str], **asked: Any
) -> Guarded:
    async def source() -> AsyncIterator[str]:
        for piece in pieces:
            yield piece

    return in_loop(transport, address, source(), **asked)  # type: ignore[arg-type]


@pytest.fixture(params=["lean", "grpcio"])
def transport(request: pytest.FixtureRequest) -> str:
    made: str = request.param
    return made


@pytest.fixture(params=[in_thread, in_loop, in_loop_from_loop])
def guarding(request: pytest.FixtureRequest, transport: Transport) -> Guarding:
    return partial(request.param, transport)


def test_a_response_flows_redacted(daemon: Daemon, guarding: Guarding) -> None:
    texts, guard = guarding(daemon.address, ["Write to a", "nn@exam", "ple.org now", "."])
    assert "".join(texts) == "Write to [EMAIL] now."
    assert texts[0] == "Write to "
    assert [(one.start, one.end, one.entity) for one in guard.redactions] == [(9, 24, "pii.email")]
    assert (guard.decision.action, guard.decision.content) == ("redact", None)


def test_a_blocked_response_raises_at_its_end(daemon: Daemon, guarding: Guarding) -> None:
    with pytest.raises(Denied, match="that word is not spoken here"):
        guarding(daemon.address, ["The forbidden ", "word"])


def test_or_it_just_ends(daemon: Daemon, guarding: Guarding) -> None:
    texts, guard = guarding(daemon.address, ["The forbidden ", "word"], raise_on_block=False)
    assert texts == ["The forbidden "]
    assert guard.decision.effective_action == "deny"


def test_an_error_of_the_source_is_raised_again(daemon: Daemon, guarding: Guarding) -> None:
    def broken() -> Iterator[str]:
        yield "It was "
        raise RuntimeError("the model fell over")

    with pytest.raises(RuntimeError, match="the model fell over"):
        guarding(daemon.address, broken())


def test_the_content_is_not_given_twice(daemon: Daemon, guarding: Guarding) -> None:
    with pytest.raises(InvalidRequest, match="content"):
        guarding(daemon.address, [], content="hello")


def test_a_wrong_request_says_what_is_wrong(daemon: Daemon, guarding: Guarding) -> None:
    with pytest.raises(InvalidRequest, match=r"user\.id"):
        guarding(daemon.address, ["hello"], user={})


def test_other_stages_stream_too(daemon: Daemon, guarding: Guarding) -> None:
    texts, _ = guarding(daemon.address, ["ann@example.org"], stage="document")
    assert texts == ["[EMAIL]"]


def test_a_stream_that_the_daemon_ends_without_a_decision_is_no_answer() -> None:
    class Ended:
        def write(self, _chunk: object) -> None:
            pass

        def read(self) -> None:
            pass

    class AsyncEnded:
        async def write(self, _chunk: object) -> None:
            pass

        async def read(self) -> None:
            pass

    opened, ended, async_ended = opening(WHO), cast("Any", Ended()), cast("Any", AsyncEnded())
    with pytest.raises(Unavailable, match="ended the stream"):
        next(Guard(ended, opened, [], raise_on_block=True))
    with pytest.raises(Unavailable, match="ended the stream"):
        run(anext(AsyncGuard(async_ended, opened, [], raise_on_block=True)))


def test_without_policies_nothing_passes(guarding: Guarding) -> None:
    with serve(ready=False) as daemon, pytest.raises(Unavailable, match="no policies"):
        guarding(daemon.address, ["hello"])
