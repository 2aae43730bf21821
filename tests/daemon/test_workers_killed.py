"""Workers and supervisors killed by SIGKILL under load, and what is left of a limit then.

In every round 32 callers use up the limit of a tenant of its own, asking again what failed; in the
middle somebody is killed. Then holds::

    answered grants <= recorded grants <= limit <= answered grants + failed calls

The left says that nothing was granted twice, the right that nothing was taken for nobody.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from bench.callers import Answered, Limits, ask_all
from tests.daemon.running import PATIENCE, ROOT, Running, daemon
from tests.daemon.test_serve import until
from tests.daemon.test_workers import CAP, TWO, children, lives, write
from tests.ports import free_port

LIMIT = 1000
CALLERS = 32


class House:
    """A daemon on a fixed port that can be killed and started again in the same folder."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.address = f"127.0.0.1:{free_port()}"
        self._stack = stack
        self.running = self._start()

    def _start(self) -> Running:
        settings = (*TWO, f"--listen={self.address}", "--log-level=error")
        return self._stack.enter_context(daemon(self.folder, *settings))

    def workers(self) -> list[int]:
        return children(self.running.process.pid)

    def kill_one(self) -> None:
        """Kill a worker, if there is one: those of the round before may not be back yet."""
        for victim in self.workers()[:1]:
            os.kill(victim, signal.SIGKILL)

    def kill_all(self) -> None:
        for victim in self.workers():
            os.kill(victim, signal.SIGKILL)

    def kill_supervisor(self) -> None:
        """Kill the supervisor and start another at once."""
        workers = self.workers()
        self.running.process.kill()
        self.running.process.wait()
        self.running = self._start()
        assert not any(lives(one) for one in workers)


def play(house: House, number: int, chance: random.Random) -> Answered:
    """Play one round; return what the callers were answered."""
    kill: Callable[[], None] = chance.choice(
        [house.kill_one, house.kill_one, house.kill_all, house.kill_supervisor]
    )
    moment = chance.randrange(LIMIT - CALLERS)
    answered = Answered()
    limits = Limits(tenant=f"tenant-{number}")
    asking = threading.Thread(
        target=lambda: asyncio.run(ask_all([house.address], CALLERS, 8, limits, answered))
    )
    asking.start()
    until(lambda: answered.granted >= moment or not asking.is_alive())
    kill()
    asking.join(PATIENCE)
    assert not asking.is_alive()
    return answered


def kill_again_and_again(folder: Path, rounds: int, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  the same every time
    write(folder, CAP.format(LIMIT))
    with ExitStack() as stack:
        house = House(folder, stack)
        rounds_played = [play(house, number, chance) for number in range(rounds)]
        assert house.running.stop() == 0
    granted = recorded_grants(folder)
    for number, answered in enumerate(rounds_played):
        recorded = granted[f"tenant-{number}"]
        assert answered.refused == CALLERS
        assert answered.granted <= recorded <= LIMIT <= answered.granted + answered.failed
    assert shown_used(folder) == {f"tenant-{number}": LIMIT for number in range(rounds)}
    assert "Traceback" not in house.running.log()


def recorded_grants(folder: Path) -> Counter[str]:
    """Return how many grants of each tenant were recorded; every line must be whole."""
    lines = (folder / "data/decisions.jsonl").read_text().splitlines()
    found = [json.loads(one) for one in lines]
    return Counter(one["tenant"] for one in found if one["action"] == "allow")


def shown_used(folder: Path) -> dict[str, float]:
    """Return what is used of each tenant's limit as `engine state` shows it."""
    command = [sys.executable, "-m", "engine", "state", "show", "--rule", "door.cap", "--json"]
    shown = subprocess.run(  # noqa: S603  our own interpreter
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    return {one["values"][0]: one["used"] for one in json.loads(shown.stdout)}


@pytest.mark.slow
def test_nothing_is_granted_twice_whoever_is_killed(tmp_path: Path) -> None:
    kill_again_and_again(tmp_path, rounds=4, seed=1)


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_granted_twice_in_a_hundred_rounds(tmp_path: Path, seed: int) -> None:
    kill_again_and_again(tmp_path, rounds=25, seed=seed)
