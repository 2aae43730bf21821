"""Workers and supervisors killed by SIGKILL under load, and what the audit trail has then.

In every round callers ask, and note the id of every decision that reached them; in the middle
somebody is killed. In the end the trail verifies, holds every decision that was answered, and none
twice.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import grpc
import grpc.aio
import msgspec
import pytest

from bench.callers import OWN_CONNECTION
from engine.doors.grpc.caller import METHOD, write_request
from engine.runtime.request import Request
from engine.storage.notes import read_verifier
from engine.storage.read import read_folder
from engine.storage.verify import verify_folder
from engine.wire import engine_pb2 as wire
from tests.daemon.running import PATIENCE, Running, daemon
from tests.daemon.test_serve import until
from tests.daemon.test_workers import OPEN, TWO, children, command_of, lives, write
from tests.ports import free_port

CALLERS = 16
CHANNELS = 4
MOST = 400
"""Answers of a round."""
RAW = write_request(
    Request(tenant={"id": "north"}, user={"id": "u1"}, stage="request", content="hello")
).SerializeToString()


class House:
    """A daemon on a fixed port that can be killed and started again in the same folder."""

    def __init__(self, folder: Path, stack: ExitStack, durability: str) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        self._folder = folder
        self._stack = stack
        self._settings = (
            *TWO,
            f"--listen={self.address}",
            "--log-level=error",
            "--set=audit.folder=audit",
            f"--set=audit.durability={durability}",
            "--set=audit.segment_megabytes=1",
        )
        self.running = self._start()

    def _start(self) -> Running:
        return self._stack.enter_context(daemon(self._folder, *self._settings))

    def kill_one(self) -> None:
        """Kill a worker, if there is one: those of the round before may not be back yet."""
        for victim in children(self.running.process.pid)[:1]:
            os.kill(victim, signal.SIGKILL)

    def kill_all(self) -> None:
        """Kill all workers."""
        for victim in children(self.running.process.pid):
            os.kill(victim, signal.SIGKILL)

    def kill_beside(self) -> None:
        """Kill the process that ships and tends the trail, if there is one."""
        parent = self.running.process.pid
        text = Path(f"/proc/{parent}/task/{parent}/children").read_text()
        for one in text.split():
            if b"engine.daemon.shipper" in command_of(one):
                os.kill(int(one), signal.SIGKILL)

    def kill_supervisor(self) -> None:
        """Kill the supervisor and start another at once."""
        workers = children(self.running.process.pid)
        self.running.process.kill()
        self.running.process.wait()
        self.running = self._start()
        assert not any(lives(one) for one in workers)


async def ask_on(channel: grpc.aio.Channel, answered: list[str], most: int) -> None:
    """Ask until so many are answered; what fails is asked again."""
    call = channel.unary_unary(METHOD, None, wire.Decision.FromString)
    while len(answered) < most:
        try:
            decision = await call(RAW, timeout=PATIENCE, wait_for_ready=True)
        except grpc.aio.AioRpcError:
            await asyncio.sleep(0.02)
            continue
        answered.append(decision.decision_id)


async def ask_all(address: str, answered: list[str], most: int) -> None:
    channels = [grpc.aio.insecure_channel(address, options=OWN_CONNECTION) for _ in range(CHANNELS)]
    await asyncio.gather(
        *(ask_on(channels[number % CHANNELS], answered, most) for number in range(CALLERS))
    )
    for one in channels:
        await one.close(None)


def play(house: House, answered: list[str], chance: random.Random) -> None:
    """Play one round; add the ids that reached the callers to *answered*."""
    kill: Callable[[], None] = chance.choice(
        [house.kill_one, house.kill_one, house.kill_all, house.kill_supervisor, house.kill_beside]
    )
    most = len(answered) + MOST
    moment = most - chance.randrange(CALLERS, MOST)
    asking = threading.Thread(target=lambda: asyncio.run(ask_all(house.address, answered, most)))
    asking.start()
    until(lambda: len(answered) >= moment or not asking.is_alive())
    kill()
    asking.join(2 * PATIENCE)
    assert not asking.is_alive()


def kill_again_and_again(folder: Path, rounds: int, seed: int, durability: str) -> int:
    """Return how many decisions were answered."""
    chance = random.Random(seed)  # noqa: S311  the same every time
    write(folder, OPEN)
    answered: list[str] = []
    with ExitStack() as stack:
        house = House(folder, stack, durability)
        for _ in range(rounds):
            play(house, answered, chance)
        until(lambda: len(children(house.running.process.pid)) == 2)
        assert house.running.stop() == 0
        # Whoever starts next closes what the killed ones have left.
        house.running = house._start()
        until(lambda: answers_and_settles(house, folder, answered))
        assert house.running.stop() == 0
    trail = folder / "data/audit"
    report = verify_folder(trail, [read_verifier((trail / "audit.pub").read_text())])
    assert report.problems == []
    recorded = Counter(
        found.get("decision_id", "")
        for found in (msgspec.json.decode(one.payload) for one in read_folder(trail))
        if found["kind"] == "decision"
    )
    assert [one for one in answered if one not in recorded] == []
    assert [one for one, count in recorded.items() if count > 1] == []
    return len(answered)


def answers_and_settles(house: House, folder: Path, answered: list[str]) -> bool:
    """Return whether both workers have what is left open closed by now."""
    asyncio.run(ask_all(house.address, answered, len(answered) + CALLERS))
    return len(list((folder / "data/audit").glob("*.open"))) <= 2


@pytest.mark.slow
@pytest.mark.parametrize("durability", ["written", "synced"])
def test_what_was_answered_is_in_the_trail_once_whoever_is_killed(
    tmp_path: Path, durability: str
) -> None:
    kill_again_and_again(tmp_path, 3, 1, durability)


@pytest.mark.nightly
@pytest.mark.parametrize("durability", ["written", "synced"])
@pytest.mark.parametrize("seed", range(4))
def test_what_was_answered_is_in_the_trail_once_in_two_hundred_rounds(
    tmp_path: Path, seed: int, durability: str
) -> None:
    kill_again_and_again(tmp_path, 25, seed, durability)
