"""Reviewers and gateways at real daemons: several workers, many who wait, and kills."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import grpc
import grpc.aio
import pytest
from pol_client import Client, NoDecision, NotPermitted, Refused, Review

from engine.service.reviewers import hash_of
from engine.wire import engine_pb2 as wire
from tests.daemon.running import ROOT, Running, daemon
from tests.daemon.test_serve import until
from tests.doors.grpc.serving import run
from tests.service.bundle import write_folder
from tests.service.roll import write_roll
from tests.storage import postgres

pytestmark = pytest.mark.slow

WAITING = 1000
ROLL = f"""
[[reviewer]]
name = "bob"
tokens = ["{hash_of("bob's")}"]
queues = ["*"]
tenants = ["*"]
may = ["approve", "edit", "full"]

[[reviewer]]
name = "cid"
tokens = ["{hash_of("cid's")}"]
queues = ["*"]
tenants = ["*"]
"""
DOUBT: Any = {"tenant": "north", "user": "u1", "stage": "request"}


@contextmanager
def known(folder: Path, *options: str, workers: int = 1) -> Iterator[tuple[Running, list[str]]]:
    """Start a daemon that knows reviewers; yield it with the addresses of its workers."""
    if not (folder / "policies").exists():
        write_folder(folder / "policies")
        write_roll(folder, ROLL)
    sockets = (f"--workers={workers}", f"--socket={folder}/s", "--listen=127.0.0.1:0")
    settings = ("--metrics=", "--set", "reviews.reviewers=reviewers.toml", *options)
    with daemon(folder, *sockets, *settings) as running:
        yield running, [f"unix://{folder}/s", f"unix://{folder}/s.1"][:workers]


@contextmanager
def clients(address: str) -> Iterator[tuple[Client, Client]]:
    """Yield a gateway's client and bob's."""
    with Client(address, timeout=60) as gateway, Client(address, timeout=60, token="bob's") as bob:
        yield gateway, bob


def opened(gateway: Client, content: str = "doubt") -> str:
    escalation = gateway.decide(**DOUBT, content=content).escalation
    assert escalation is not None
    return escalation.review_id


def recorded(folder: Path) -> list[str]:
    lines = (folder / "data" / "decisions.jsonl").read_text().splitlines()
    return [one["act"] for one in map(json.loads, lines) if one["kind"] == "review"]


def test_what_is_done_at_one_worker_reaches_who_waits_at_another(tmp_path: Path) -> None:
    with (
        known(tmp_path, "--set", "reviews.keep_full=true", workers=2) as (running, addresses),
        clients(addresses[0]) as (gateway, _),
        clients(addresses[1]) as (other, bob),
        Client(addresses[1], timeout=60, token="cid's") as cid,
    ):
        review_id = opened(gateway)
        changes = gateway.reviews.watch(review_id, timeout=60)
        assert next(changes).state == "open"
        with pytest.raises(NotPermitted, match="cid may not answer"):
            cid.reviews.approve(review_id)
        assert bob.reviews.get(review_id, full=True).content == "doubt"
        bob.reviews.claim(review_id)
        bob.reviews.approve(review_id, note="known")
        *_, last = changes
        assert (last.state, last.content) == ("approved", None)
        made = other.decide(**DOUBT, content="doubt", approval=last.approval_token)
        assert made.passes
        assert not gateway.decide(**DOUBT, content="doubt", approval=last.approval_token).passes
        expected = ["opened", "refused", "read_full", "claimed", "approved", "presented", "refused"]
        until(lambda: recorded(tmp_path) == expected)
        assert running.stop() == 0


def test_of_workers_that_are_shown_one_token_one_takes_it(tmp_path: Path) -> None:
    with (
        known(tmp_path, workers=2) as (_, addresses),
        clients(addresses[0]) as (one, bob),
        clients(addresses[1]) as (other, _),
    ):
        for number in range(50):
            content = f"doubt {number}"
            review_id = opened(one, content)
            bob.reviews.approve(review_id)
            token = one.reviews.get(review_id).approval_token
            assert sorted(present_at_once((one, other), content, token)) == [False, True]


@pytest.mark.skipif(postgres.programs() is None, reason=postgres.MISSING)
def test_nodes_that_share_a_database_share_who_waits_and_what_was_presented(
    tmp_path: Path,
) -> None:
    url = postgres.shared().schema()
    (tmp_path / "key").write_text("5a" * 32)
    (tmp_path / "key").chmod(0o600)
    shared = {
        "reviews.store": "postgresql", "reviews.url": url, "secret_key_file": f"{tmp_path}/key",
    }  # fmt: skip
    options = [part for name, value in shared.items() for part in ("--set", f"{name}={value}")]
    nodes = [tmp_path / "one", tmp_path / "other"]
    with ExitStack() as stack:
        pairs = []
        for folder in nodes:
            folder.mkdir()
            _, (address,) = stack.enter_context(known(folder, *options))
            pairs.append(stack.enter_context(clients(address)))
        (one, _), (other, bob) = pairs
        for number in range(20):
            content = f"doubt {number}"
            review_id = opened(one, content)
            changes = one.reviews.watch(review_id, timeout=60)
            assert next(changes).state == "open"
            bob.reviews.approve(review_id)
            *_, last = changes
            assert last.state == "approved"
            assert sorted(present_at_once((one, other), content, last.approval_token)) == [
                False,
                True,
            ]


def present_at_once(nodes: tuple[Client, ...], content: str, token: str) -> list[bool]:
    """Return whether it passed, for each that presents *token* at the same time."""
    start, passed = Barrier(len(nodes)), list[bool]()

    def go(client: Client) -> None:
        start.wait()
        passed.append(client.decide(**DOUBT, content=content, approval=token).passes)

    racing = [Thread(target=go, args=(each,)) for each in nodes]
    for each in racing:
        each.start()
    for each in racing:
        each.join()
    return passed


def test_of_reviewers_who_claim_at_once_at_different_workers_one_wins(tmp_path: Path) -> None:
    with (
        known(tmp_path, workers=2) as (_, addresses),
        clients(addresses[0]) as (gateway, bob),
        Client(addresses[1], timeout=60, token="eve's") as eve,
    ):
        write_roll(tmp_path, ROLL + ROLL.split("\n\n", maxsplit=1)[0].replace("bob", "eve").replace(
            hash_of("bob's"), hash_of("eve's")))  # fmt: skip
        for number in range(50):
            review_id = opened(gateway, f"doubt {number}")
            start, won = Barrier(2), list[str]()

            def go(client: Client, review_id: str = review_id) -> None:
                start.wait()  # noqa: B023
                with suppress(Refused):
                    won.append(client.reviews.claim(review_id).claimed_by)  # noqa: B023

            racing = [Thread(target=go, args=(each,)) for each in (bob, eve)]
            for each in racing:
                each.start()
            for each in racing:
                each.join()
            assert len(won) == 1
            assert bob.reviews.get(review_id).claimed_by == won[0]


class Crowd:
    """Many who wait at one daemon, over ten connections; made and used in the tests' loop."""

    def __init__(self, address: str, names: list[str]) -> None:
        self._address = address
        self._names = names
        self.all_wait = asyncio.Event()
        self.ends: list[str] = []
        self._waiting = 0

    async def wait(self) -> None:
        """Wait until every call has ended; *ends* then says how."""
        options = [("grpc.use_local_subchannel_pool", 1)]
        async with AsyncExitStack() as stack:
            channels = [
                await stack.enter_async_context(grpc.aio.insecure_channel(self._address, options))
                for _ in range(10)
            ]
            calls = (
                self._wait(channels[at % len(channels)], name)
                for at, name in enumerate(self._names)
            )
            self.ends = await asyncio.gather(*calls)

    async def _wait(self, channel: Any, review_id: str) -> str:
        """Return the last state that was sent, or the status of a call that failed."""
        message = wire.WaitReviewRequest(review_id=review_id).SerializeToString()
        call = channel.unary_stream("/engine.v1.PolicyEngine/WaitReview")(message, timeout=60)
        state = ""
        try:
            async for raw in call:
                if not state:
                    self._waiting += 1
                    if self._waiting == len(self._names):
                        self.all_wait.set()
                state = wire.ReviewState.Name(wire.Review.FromString(raw).state)
        except grpc.aio.AioRpcError as error:
            return error.code().name
        return state


async def gather(crowd: Crowd) -> asyncio.Task[None]:
    """Return the task in which *crowd* waits, when all of it does."""
    task = asyncio.ensure_future(crowd.wait())
    await asyncio.wait_for(crowd.all_wait.wait(), 60)
    return task


async def finish(task: asyncio.Task[None]) -> None:
    await task


def test_a_thousand_wait_while_others_are_decided_and_all_are_told(tmp_path: Path) -> None:
    with known(tmp_path, workers=2) as (running, addresses), clients(addresses[1]) as (_, bob):
        with Client(addresses[0], timeout=60) as gateway:
            names = [opened(gateway, f"doubt {number}") for number in range(WAITING // 10)]
            crowd = Crowd(addresses[0], names * 10)
            task = run(gather(crowd), 90)
            assert gateway.decide(**DOUBT, content="hello").passes
            for number, name in enumerate(names):
                (bob.reviews.reject if number % 2 else bob.reviews.approve)(name)
            run(finish(task), 90)
        assert sorted(set(crowd.ends)) == ["REVIEW_STATE_APPROVED", "REVIEW_STATE_REJECTED"]
        assert crowd.ends.count("REVIEW_STATE_APPROVED") == WAITING // 2
        assert running.stop() == 0


def test_a_daemon_that_stops_lets_a_thousand_go(tmp_path: Path) -> None:
    with known(tmp_path) as (running, (address,)), clients(address) as (gateway, _):
        name = opened(gateway)
        crowd = Crowd(address, [name] * WAITING)
        task = run(gather(crowd), 90)
        assert running.stop() == 0
        run(finish(task), 90)
        assert set(crowd.ends) == {"UNAVAILABLE"}


@pytest.mark.parametrize("rounds", [1, pytest.param(20, marks=pytest.mark.nightly)])
def test_who_waits_outlives_the_daemon_and_no_token_passes_twice(
    tmp_path: Path, rounds: int
) -> None:
    for number in range(rounds):
        content = f"doubt {number}"
        with ExitStack() as stack:
            running, (address,) = stack.enter_context(known(tmp_path))
            gateway, bob = stack.enter_context(clients(address))
            review_id = opened(gateway, content)
            seen: list[Review] = []
            waiting = Thread(
                target=lambda to=gateway, name=review_id, into=seen: into.append(
                    to.wait_review(name, timeout=60)
                )
            )
            waiting.start()
            running.stop(signal.SIGKILL)
            running, _ = stack.enter_context(known(tmp_path))
            bob.reviews.approve(review_id)
            waiting.join()
            (review,) = seen
            assert (review.state, bool(review.approval_token)) == ("approved", True)
            passed = present_while_killed(gateway, running, content, review.approval_token)
            stack.enter_context(known(tmp_path))
            again = gateway.decide(**DOUBT, content=content, approval=review.approval_token)
            assert passed + again.passes <= 1
            used = gateway.reviews.get(review_id).approval_used_at is not None
            assert used


def present_while_killed(gateway: Client, running: Running, content: str, token: str) -> int:
    """Present *token* while the daemon is killed; return how often it passed: once at most."""
    passed = 0
    killing = Thread(target=running.stop, args=(signal.SIGKILL,))
    try:
        killing.start()
        passed += gateway.decide(**DOUBT, content=content, approval=token, timeout=1).passes
    except NoDecision:  # It may have been taken or not.
        pass
    finally:
        killing.join()
    return passed


def test_a_file_of_reviewers_that_breaks_stops_a_start_and_no_running_daemon(
    tmp_path: Path,
) -> None:
    with known(tmp_path) as (running, (address,)), clients(address) as (gateway, bob):
        write_roll(tmp_path, "[[reviewer]]\nname = 1")
        review_id = opened(gateway)
        assert bob.reviews.approve(review_id).resolved_by == "bob"
        assert "the file of reviewers was not taken" in running.log()
        assert running.stop() == 0
    done = subprocess.run(  # noqa: S603  our own interpreter
        [sys.executable, "-m", "engine", "serve", "policies", "--set",
         "reviews.reviewers=reviewers.toml", f"--socket={tmp_path}/t", "--listen=127.0.0.1:0"],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 2
    assert "reviewers.toml: Expected" in done.stderr
