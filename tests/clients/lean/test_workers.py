"""A client has a connection to each worker of a daemon, and is none the worse where it has not."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from pol_client import AsyncClient, Client, Unavailable
from pol_client._http2.frames import INITIAL_WINDOW_SIZE, WORKER, Code, goaway, window_update
from pol_client._lean import links
from pol_client._wire import engine_pb2 as wire

from tests.clients.asking import ASK, PATIENCE
from tests.clients.lean.scripted import Line, client_of, decision
from tests.daemon.running import daemon as running_daemon
from tests.daemon.test_workers import OPEN, TWO, children, write
from tests.doors.grpc.serving import Daemon, run, serve

BATCH = b"\x0a"
"""How a call for several decisions begins; none of these requests has an id."""


def many(answer: bytes, asked: bytes) -> bytes:
    """Return the answer to several."""
    count = len(wire.DecideBatchRequest.FromString(asked).requests)
    made = wire.Decision.FromString(answer)
    return wire.DecideBatchResponse(decisions=[made] * count).SerializeToString()


class Workers:
    """A daemon whose connections lead to workers in an order of their own."""

    def __init__(self, order: list[int], count: int) -> None:
        self.order = order
        self.count = count
        self.made = 0
        self.open: dict[int, Line] = {}
        """Those that are not closed, by their number from 0."""

    async def __call__(self, line: Line) -> None:
        number = line.number - 1
        self.made += 1
        worker = self.order[number] if number < len(self.order) else self.order[-1]
        await line.greet((WORKER, worker << 16 | self.count), (INITIAL_WINDOW_SIZE, 1 << 30))
        line.send(window_update(0, 1 << 30))
        self.open[number] = line
        try:
            while True:
                stream, message = await line.asked()
                made = decision(revision=str(worker))
                line.answer(stream, many(made, message) if message[:1] == BATCH else made)
        finally:
            del self.open[number]

    def leads(self) -> list[int]:
        """Return the workers that connections lead to."""
        return sorted(self.order[min(one, len(self.order) - 1)] for one in self.open)


async def until(client: AsyncClient, done: Callable[[], bool]) -> None:
    """Ask until *done*."""
    async with asyncio.timeout(PATIENCE):
        while not done():
            with suppress(Unavailable):  # What is under way in a worker that ends.
                assert (await client.decide(**ASK)).passes


@pytest.mark.parametrize("coalesce", [True, False])
def test_there_is_one_connection_to_each_worker_and_decisions_go_to_all(*, coalesce: bool) -> None:
    script = Workers([1, 1, 1, 0, 1, 2], 3)

    async def ask() -> None:
        async with client_of(script, coalesce=coalesce) as client:
            await until(client, lambda: script.leads() == [0, 1, 2])
            assert script.made == 6
            asked = [client.decide(**ASK) for _ in range(200)]
            assert {one.revision for one in await asyncio.gather(*asked)} == {"0", "1", "2"}
            assert script.made == 6

    run(ask())


@pytest.mark.parametrize("coalesce", [True, False])
def test_a_worker_that_ends_is_looked_for_and_its_connection_not_missed(*, coalesce: bool) -> None:
    script = Workers([0, 1, 0, 1], 2)

    async def ask() -> None:
        async with client_of(script, coalesce=coalesce) as client:
            await until(client, lambda: script.leads() == [0, 1])
            script.open[1].writer.close()
            await until(client, lambda: script.made == 4 and script.leads() == [0, 1])

    run(ask())


def test_the_connection_that_was_first_is_made_anew_and_one_too_many_is_left() -> None:
    script = Workers([0, 1, 1, 0], 2)

    async def ask() -> None:
        async with client_of(script) as client:
            await until(client, lambda: script.leads() == [0, 1])
            script.open[0].writer.close()
            await until(client, lambda: script.made >= 4 and script.leads() == [0, 1])

    run(ask())


def test_a_worker_that_says_that_it_ends_finishes_what_it_has() -> None:
    script = Workers([0, 1, 1], 2)

    async def ask() -> None:
        async with client_of(script) as client:
            await until(client, lambda: script.leads() == [0, 1])
            leaving = script.open[1]
            leaving.send(goaway(1 << 20, Code.NO_ERROR))
            await until(client, lambda: script.made == 3 and script.leads() == [0, 1])

    run(ask())


def test_a_search_in_vain_ends_and_comes_again_ever_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "FIRST_PAUSE", 0.01)
    script = Workers([0], 2)

    async def ask() -> None:
        async with client_of(script) as client:
            await until(client, lambda: script.made == 1 + 2 * (2 * links.TRIES + 1))
            transport: Any = client._transport
            assert len(transport.links()) == 1
            await until(client, lambda: script.leads() == [0])

    run(ask())


def test_a_daemon_that_goes_away_during_a_search_is_waited_for() -> None:
    class Going(Workers):
        async def __call__(self, line: Line) -> None:
            if line.number in {2, 4}:
                self.made += 1
                return  # Closed without a word.
            await super().__call__(line)

    script = Going([0, 0, 0, 0, 1], 2)

    async def ask() -> None:
        async with client_of(script) as client:
            await until(client, lambda: script.leads() == [0, 1])

    run(ask())


def test_several_connections_are_shared_out_among_workers() -> None:
    script = Workers([0, 0, 0, 1, 1, 1], 2)

    async def ask() -> None:
        async with client_of(script, connections=4) as client:
            await until(client, lambda: script.leads() == [0, 0, 1, 1])

    run(ask())


@pytest.mark.parametrize("value", [0 << 16 | 1, 2 << 16 | 2, 0])
def test_who_says_nothing_or_nonsense_has_one_connection(value: int) -> None:
    made: list[int] = []

    async def script(line: Line) -> None:
        made.append(line.number)
        await line.greet((WORKER, value))
        while True:
            line.answer((await line.asked())[0])

    async def ask() -> None:
        async with client_of(script) as client:
            for _ in range(20):
                await client.decide(**ASK)
        assert made == [1]

    run(ask())


def test_who_does_not_want_it_has_one_connection() -> None:
    script = Workers([0, 1], 2)

    async def ask() -> None:
        async with client_of(script, workers=False) as client:
            for _ in range(20):
                await client.decide(**ASK)
            assert script.made == 1

    run(ask())


@pytest.mark.parametrize("coalesce", [True, False])
def test_several_addresses_are_all_asked_and_one_that_is_not_there_is_not_missed(
    tmp_path: Path, *, coalesce: bool
) -> None:
    async def ask(first: Daemon, second: Daemon) -> None:
        none = f"unix://{tmp_path}/none"
        addresses = [none, first.address, second.address]
        async with AsyncClient(addresses, timeout=PATIENCE, coalesce=coalesce) as client:
            transport: Any = client._transport
            async with asyncio.timeout(PATIENCE):
                while sum(one.peer is not None for one in transport.links()) < 2:
                    assert (await client.decide(**ASK)).passes

    with (
        serve(f"unix://{tmp_path}/a", transport="lean") as first,
        serve(f"unix://{tmp_path}/b", transport="lean") as second,
    ):
        run(ask(first, second))
        with Client([first.address, second.address], timeout=PATIENCE) as threads:
            assert threads.decide(**ASK).passes


def test_addresses_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="no address"):
        Client([])
    with pytest.raises(ValueError, match="several addresses"):
        Client(["a:1", "b:2"], transport="grpcio")


def test_a_client_that_is_closed_searches_no_more() -> None:
    script = Workers([0], 200)

    async def ask() -> None:
        async with client_of(script) as client:
            await client.decide(**ASK)
            await until(client, lambda: script.made > 3)
        with pytest.raises(Unavailable):
            await client.decide(**ASK)

    run(ask())


@pytest.mark.slow
def test_both_workers_of_a_daemon_are_asked_also_after_one_was_killed(tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    write(tmp_path, OPEN)

    async def ask(address: str, process: int) -> None:
        async with AsyncClient(address, timeout=PATIENCE) as client:
            transport: Any = client._transport

            def asked() -> set[int]:
                peers = [one.peer for one in transport.links() if one.peer is not None]
                return {one.worker for one in peers}

            await until(client, lambda: asked() == {0, 1})
            killed = children(process)[1]
            os.kill(killed, signal.SIGKILL)
            async with asyncio.timeout(PATIENCE):
                while killed in children(process) or asked() != {0, 1}:
                    with suppress(Unavailable):
                        assert (await client.decide(**ASK)).passes

    with running_daemon(tmp_path, *TWO) as running:
        run(ask(running.address, running.process.pid))
