"""Many callers at real daemons, over either server; and settings that are none."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from fractions import Fraction
from math import inf, nan
from pathlib import Path
from typing import Any

import pytest
from pol_client import AsyncClient, Client, DeadlineExceeded, NoDecision, Unavailable
from pol_client._lean.blocking import NoLoop

from tests.clients.asking import ASK, KINDS, PATIENCE, WHO
from tests.doors.grpc.serving import Daemon, run, serve


@pytest.mark.slow
@pytest.mark.parametrize("transport", ["lean", "grpcio"])
def test_ten_thousand_callers_at_once_are_all_answered(transport: Any) -> None:
    async def ask_all(address: str) -> list[bool]:
        async with AsyncClient(address, timeout=10 * PATIENCE) as client:
            asked = [
                {**ASK, "content": "forbidden" if number % 2 else "hello"}
                for number in range(10_000)
            ]
            decisions = await asyncio.gather(*(client.decide(**each) for each in asked))
            return [each.passes for each in decisions]

    with serve(transport=transport) as daemon:
        passes = run(ask_all(daemon.address), 10 * PATIENCE)
    assert passes == [number % 2 == 0 for number in range(10_000)]


@pytest.mark.slow
@pytest.mark.parametrize("transport", ["lean", "grpcio"])
def test_a_restart_under_load_loses_nothing_and_hangs_nobody(
    transport: Any, tmp_path: Path
) -> None:
    address = f"unix://{tmp_path}/engine.sock"
    passed: list[int] = []
    stop = False
    hundred = asyncio.Event()

    async def one(client: AsyncClient) -> None:
        while not stop:
            try:
                assert (await client.decide(**ASK)).passes
                passed.append(1)
                if sum(passed) % 100 == 0:
                    hundred.set()
            except NoDecision:
                passed.append(0)

    async def load() -> None:
        async with AsyncClient(address, timeout=PATIENCE) as client, asyncio.TaskGroup() as group:
            for _ in range(32):
                group.create_task(one(client))

    async def begin() -> asyncio.Task[None]:
        return asyncio.create_task(load())

    async def more() -> None:
        hundred.clear()
        await hundred.wait()

    async def ended(task: asyncio.Task[None]) -> None:
        await task

    with serve(address, transport=transport):
        task = run(begin())
        run(more())
    with serve(address, transport=transport):
        run(more())
        stop = True
        run(ended(task))
    assert passed.count(0) <= 32  # What was under way when the first went.


def test_threads_share_calls_too(daemon: Daemon) -> None:
    with Client(daemon.address, timeout=PATIENCE) as client:

        def decide(number: int) -> bool:
            content = "forbidden" if number % 2 else "hello"
            return client.decide(**{**ASK, "content": content}).passes

        with ThreadPoolExecutor(16) as pool:
            passes = list(pool.map(decide, range(400)))
    assert passes == [number % 2 == 0 for number in range(400)]


@pytest.mark.parametrize("connections", [2, 4])
def test_several_connections_share_the_work(daemon: Daemon, connections: int) -> None:
    async def ask_all() -> list[Any]:
        async with AsyncClient(daemon.address, timeout=PATIENCE, connections=connections) as client:
            return await asyncio.gather(*(client.decide(**ASK) for _ in range(300)))

    assert all(one.passes for one in run(ask_all()))


@pytest.mark.parametrize(
    "wrong",
    [
        {"connections": 0},
        {"in_flight": 0},
        {"waiting": 0},
        {"options": [("grpc.x", 1)]},
    ],
)
def test_settings_that_are_none_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"at least 1|grpcio"):
        Client("127.0.0.1:1", **wrong)


@pytest.mark.parametrize("kind", [*KINDS])
def test_a_timeout_that_is_no_number_is_refused_and_one_without_end_is_not(
    kind: str, daemon: Daemon
) -> None:
    with pytest.raises(ValueError, match="number of seconds"):
        KINDS[kind](daemon.address, timeout=nan).__enter__()
    with KINDS[kind](daemon.address) as client, client.pipeline() as pipeline:
        for ask in (client.decide, client.explain, pipeline.decide):
            with pytest.raises(ValueError, match="number of seconds"):
                ask(**ASK, timeout=nan)
            with pytest.raises(TypeError, match="number of seconds, and no str"):
                ask(**ASK, timeout="1")
        for seconds in (inf, 1e300, 1e10, Decimal(PATIENCE), Fraction(PATIENCE)):
            assert client.decide(**ASK, timeout=seconds).passes
            assert client.explain(**ASK, timeout=seconds).decision.passes
            assert pipeline.decide(**ASK, timeout=seconds).passes
        for seconds in (0.0, -1.0, -inf):
            for ask in (client.decide, client.explain, pipeline.decide):
                with pytest.raises(DeadlineExceeded, match="never sent"):
                    ask(**ASK, timeout=seconds)


@pytest.mark.parametrize("coalesce", [True, False])
def test_a_client_says_that_it_belongs_to_another_loop(daemon: Daemon, *, coalesce: bool) -> None:
    async def begun() -> AsyncClient:
        client = AsyncClient(daemon.address, coalesce=coalesce)
        assert (await client.decide(**ASK)).passes
        return client

    async def guarded(client: AsyncClient) -> None:
        async for _ in client.guard(["hello"], **WHO):
            pass

    client = run(begun())
    for elsewhere in (client.decide(**ASK), client.explain(**ASK), guarded(client)):
        with pytest.raises(RuntimeError, match="another event loop"):
            asyncio.run(elsewhere)
    run(client.close())


def test_a_token_that_changes_all_the_time_is_sent_as_it_is(daemon: Daemon) -> None:
    count = iter(range(1_000))
    with Client(daemon.address, timeout=PATIENCE, token=lambda: f"t{next(count)}") as client:
        assert all(client.decide(**ASK).passes for _ in range(300))


def test_a_client_that_was_closed_before_it_was_used_asks_nothing() -> None:
    client = Client("127.0.0.1:1")
    client.close()
    for ask in (client.decide, client.explain):
        with pytest.raises(Unavailable, match="closed"):
            ask(**ASK)
    with pytest.raises(Unavailable, match="closed"):
        client.wait_review("r1", timeout=600)

    async def closed() -> None:
        client = AsyncClient("127.0.0.1:1")
        await client.close()
        for ask in (client.decide, client.explain, client.pipeline().decide):
            with pytest.raises(Unavailable, match="closed"):
                await ask(**ASK)
        with pytest.raises(Unavailable, match="closed"):
            await client.wait_review("r1", timeout=600)

    run(closed())


def test_without_an_event_loop_nothing_is_put_off() -> None:
    loop, called = NoLoop(), [0]
    loop.call_soon(lambda: called.append(1))
    loop.call_later(0.0, lambda: called.append(2))
    assert called == [0, 1]
    with pytest.raises(NotImplementedError):
        loop.create_future()


def test_several_connections_share_calls_of_their_own(daemon: Daemon) -> None:
    async def ask_all() -> list[Any]:
        made = AsyncClient(daemon.address, timeout=PATIENCE, connections=3, coalesce=False)
        async with made as client:
            return await asyncio.gather(*(client.decide(**ASK) for _ in range(60)))

    assert all(one.passes for one in run(ask_all()))
