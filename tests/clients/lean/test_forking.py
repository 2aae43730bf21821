"""A client in a copy of the process begins anew: no two of them write to one connection."""

from __future__ import annotations

import asyncio
import os
import signal
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from pol_client import AsyncClient, DeadlineExceeded, Unavailable
from pol_client._lean.link import Link
from pol_client._lean.peer import Peer

from tests.clients.asking import ASK
from tests.clients.lean.scripted import thread_client_of
from tests.clients.lean.test_lone import answering
from tests.doors.grpc.serving import run


def in_a_copy(work: Callable[[], bool]) -> bool:
    """Return what *work* returns in a copy of this process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # There are threads: that is the point.
        copy = os.fork()
    if not copy:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(60)  # Whatever holds it up ends it: nobody waits for ever.
        try:
            os._exit(0 if work() else 1)
        finally:
            os._exit(2)
    return os.waitpid(copy, 0)[1] == 0


@pytest.mark.parametrize("coalesce", [True, False])
def test_a_copy_of_the_process_asks_over_connections_of_its_own(*, coalesce: bool) -> None:
    lines: list[int] = []
    asked: list[int] = []
    with thread_client_of(answering(lines, asked), coalesce=coalesce) as client:
        assert client.decide(**ASK).passes
        assert in_a_copy(lambda: client.decide(**ASK).passes and client.decide(**ASK).passes)
        assert client.decide(**ASK).passes
    assert asked == [1, 2, 2, 1]
    assert lines == [1, 2]


@pytest.mark.parametrize("coalesce", [True, False])
def test_a_copy_that_cannot_open_what_leads_nowhere_does_so_too(
    monkeypatch: pytest.MonkeyPatch, *, coalesce: bool
) -> None:
    monkeypatch.setattr(os, "devnull", "/nowhere/null")  # As where no descriptor is left.
    lines: list[int] = []
    asked: list[int] = []
    with thread_client_of(answering(lines, asked), coalesce=coalesce) as client:
        assert client.decide(**ASK).passes
        assert in_a_copy(lambda: client.decide(**ASK).passes)
        assert client.decide(**ASK).passes
    assert asked == [1, 2, 1]


def test_a_copy_that_begins_while_a_call_runs_is_not_told_its_answer() -> None:
    lines: list[int] = []
    asked: list[int] = []
    with thread_client_of(answering(lines, asked)) as client, client.pipeline() as pipeline:
        assert pipeline.decide(**ASK).passes

        def refused() -> bool:
            with pytest.raises(Unavailable, match="closed"):
                pipeline.decide(**ASK)
            return client.decide(**ASK).passes

        assert in_a_copy(refused)
        assert pipeline.decide(**ASK).passes
    assert asked == [1, 2, 1]


@pytest.mark.parametrize("coalesce", [True, False])
def test_a_client_that_was_closed_stays_so_in_a_copy(*, coalesce: bool) -> None:
    lines: list[int] = []
    asked: list[int] = []
    with thread_client_of(answering(lines, asked), coalesce=coalesce) as client:
        assert client.decide(**ASK).passes
        client.close()

        def refused() -> bool:
            with pytest.raises(Unavailable, match="closed"):
                client.decide(**ASK)
            return True

        assert in_a_copy(refused)
    assert asked == [1]


def test_what_a_copy_has_of_a_connection_leads_nowhere() -> None:
    lines: list[int] = []
    asked: list[int] = []
    with thread_client_of(answering(lines, asked), coalesce=False) as client:
        assert client.decide(**ASK).passes
        (link,) = client._transport.inner.links()  # type: ignore[attr-defined]
        peer: Peer = link.peer
        assert not in_a_copy(lambda: os.fstat(peer.place()).st_rdev == 0)
        assert os.fstat(peer.place()).st_rdev == 0
        assert client.decide(**ASK).passes
    assert asked == [1, 1]


def test_nobody_tries_on_for_a_decision_whose_time_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    real = Link.wait

    async def counted(link: Link, deadline: float, *, patient: bool) -> Peer:
        waits.append(deadline)
        return await real(link, deadline, patient=patient)

    monkeypatch.setattr(Link, "wait", counted)

    async def turns(number: int) -> int:
        for _ in range(number):
            await asyncio.sleep(0)
        return len(waits)

    async def lost() -> None:
        async with AsyncClient(f"unix://{tmp_path}/none.sock", timeout=0.05) as client:
            with pytest.raises(DeadlineExceeded):
                await client.decide(**ASK)
            before = await turns(10)
            assert await turns(200) == before
            with pytest.raises(DeadlineExceeded):
                await client.decide(**ASK)

    run(lost())
    assert waits
