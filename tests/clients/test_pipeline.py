"""Many askers, one stream."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pol_client import (
    AsyncClient,
    Client,
    DeadlineExceeded,
    InvalidRequest,
    NoDecision,
    Unavailable,
)

from tests.clients.asking import ASK, KINDS, PATIENCE
from tests.doors.grpc.serving import Daemon, run, serve


def test_answers_find_their_askers(client: Any) -> None:
    with client.pipeline() as pipeline:
        first = pipeline.decide(**ASK, request_id="mine")
        second = pipeline.decide(**{**ASK, "content": "forbidden"})
    assert (first.request_id, first.action) == ("mine", "allow")
    assert (second.request_id, second.action) == ("", "deny")


def test_many_threads_share_a_stream(daemon: Daemon) -> None:
    with Client(daemon.address, timeout=PATIENCE) as client, client.pipeline() as pipeline:

        def decide(number: int) -> bool:
            content = "forbidden" if number % 2 else "hello"
            return pipeline.decide(**{**ASK, "content": content}).passes

        with ThreadPoolExecutor(8) as pool:
            passes = list(pool.map(decide, range(200)))
    assert passes == [number % 2 == 0 for number in range(200)]


def test_many_tasks_share_a_stream(daemon: Daemon) -> None:
    async def decide_all() -> list[bool]:
        async with (
            AsyncClient(daemon.address, timeout=PATIENCE) as client,
            client.pipeline() as pipeline,
        ):
            asked = [
                {**ASK, "content": "forbidden" if number % 2 else "hello"} for number in range(200)
            ]
            decisions = await asyncio.gather(*(pipeline.decide(**each) for each in asked))
            return [each.passes for each in decisions]

    assert run(decide_all()) == [number % 2 == 0 for number in range(200)]


def test_a_future_has_the_decision_or_the_error(daemon: Daemon) -> None:
    with Client(daemon.address, timeout=PATIENCE) as client, client.pipeline() as pipeline:
        good = pipeline.submit(**ASK, request_id="g")
        bad = pipeline.submit(**{**ASK, "user": {}})
        assert good.result(PATIENCE).request_id == "g"
        assert isinstance(bad.exception(PATIENCE), InvalidRequest)


def test_an_error_is_its_askers_alone(client: Any) -> None:
    with client.pipeline() as pipeline:
        with pytest.raises(InvalidRequest, match=r"user\.id"):
            pipeline.decide(**{**ASK, "user": {}})
        assert pipeline.decide(**ASK).passes


def test_a_closed_pipeline_takes_nothing(client: Any) -> None:
    pipeline = client.pipeline()
    pipeline.close()
    with pytest.raises(Unavailable, match="closed"):
        pipeline.decide(**ASK)


def test_closing_fails_what_is_under_way(tmp_path: Path) -> None:
    with Client(f"unix://{tmp_path}/nobody.sock") as client:
        pipeline = client.pipeline()
        waiting, dropped = pipeline.submit(**ASK), pipeline.submit(**ASK)
        assert dropped.cancel()
        pipeline.close()
        assert isinstance(waiting.exception(PATIENCE), Unavailable)


def test_closing_fails_what_is_under_way_in_a_loop(tmp_path: Path) -> None:
    async def close_early() -> BaseException | None:
        async with AsyncClient(f"unix://{tmp_path}/nobody.sock", timeout=PATIENCE) as client:
            pipeline = client.pipeline()
            waiting = asyncio.create_task(pipeline.decide(**ASK))
            late = asyncio.create_task(pipeline.decide(**ASK))
            await asyncio.sleep(0)
            late.cancel()
            await pipeline.close()
            await asyncio.wait([waiting, late])
            return waiting.exception()

    assert isinstance(run(close_early()), Unavailable)


@pytest.mark.parametrize("kind", [*KINDS])
def test_an_answer_that_comes_too_late_is_dropped(kind: str, tmp_path: Path) -> None:
    address = f"unix://{tmp_path}/engine.sock"
    with KINDS[kind](address, timeout=PATIENCE) as client, client.pipeline() as pipeline:
        with pytest.raises(DeadlineExceeded):
            pipeline.decide(**ASK, timeout=0.02)
        with serve(address):
            assert pipeline.decide(**ASK).passes


@pytest.mark.parametrize("kind", [*KINDS])
def test_a_broken_stream_fails_what_is_under_way_and_is_opened_again(
    kind: str, tmp_path: Path
) -> None:
    address = f"unix://{tmp_path}/engine.sock"
    with KINDS[kind](address, timeout=PATIENCE) as client, client.pipeline() as pipeline:
        for _ in range(2):
            with serve(address):
                assert pipeline.decide(**ASK).passes
            with pytest.raises(NoDecision):
                pipeline.decide(**ASK, timeout=0.05)
