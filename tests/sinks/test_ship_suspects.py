"""A record for the sake of which a sink fails: found, tried on, and dead only while the sink is up.

What fails, hangs or breaks is a real server; the clock is not.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random

import msgspec
import pytest

from engine.sinks.batch import Batch
from engine.sinks.http import HttpSink
from engine.sinks.ship import STUBBORN, SUSPECTS, TRIAL_SECONDS, TRIALS, Dead, Pauses, Shipment
from engine.sinks.sink import TAKEN, Away, Outcome, Refused
from engine.sinks.web import Web
from tests.sinks.collector import Answer, Asked, Collector, collector
from tests.sinks.shipping_made import Told, batch, ids
from tests.sinks.test_ship import Slept, dead_in, lacking, shipment


class Enough(Exception):
    """As much time has gone by as the test lasts."""


class Lasting(Slept):
    """A clock that ends what waits too often."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    async def __call__(self, seconds: float) -> None:
        await super().__call__(seconds)
        if len(self.pauses) >= self.most:
            raise Enough


class Failing(Told):
    """Fails as it is told by what is in a batch; *up* says whether it takes anything."""

    def __init__(self, *poison: int, suspect: bool = True) -> None:
        super().__init__()
        self.poison = set(poison)
        self.suspect = suspect
        self.up: Callable[[], bool] = lambda: True
        self.taken: list[int] = []

    async def send(self, batch: Batch) -> Outcome:
        await super().send(batch)
        if not self.up() or self.poison & set(ids(batch.items)):
            raise Away("it answers 500", suspect=self.suspect)
        self.taken += ids(batch.items)
        return TAKEN


def numbers(asked: Asked) -> list[int]:
    return [one["sequence"] for one in msgspec.json.decode(asked.body)]


def posting(told: Collector, folder: Path, slept: Slept, timeout: float = 20.0) -> Shipment:
    """Return what ships to *told* over HTTP."""
    sink = HttpSink(lambda: Web(told.url, {}, None, timeout, pack=False), "array")
    return Shipment(sink, Dead(folder / "sink.dead.jsonl"), Pauses(1.0, 8.0), slept, lambda: 1.0)


@pytest.mark.parametrize("failure", [(500, b""), (502, b""), (504, b""), "drop"])
def test_a_record_that_a_server_breaks_on_is_dead_and_all_others_are_taken(
    tmp_path: Path, failure: Answer
) -> None:
    def answer(asked: Asked) -> Answer:
        return failure if 5 in numbers(asked) else (200, b"")

    slept = Slept()
    with collector(answer) as told:
        one = posting(told, tmp_path, slept)

        async def go() -> list[int]:
            try:
                await one.deliver(batch(2, 100))
                return ids(await one.deliver(batch(12)) or [])
            finally:
                await one.sink.close()

        assert asyncio.run(go()) == dead_in(tmp_path) == [5]
        taken = [
            number for asked in told.asked if 5 not in (got := numbers(asked)) for number in got
        ]
    assert set(taken) == {*range(12), 100, 101} - {5}
    assert (one.tally.sent, one.tally.dead, one.tally.trouble) == (13, 1, "")
    assert slept.pauses == [1, 2, 4, 8] + [TRIAL_SECONDS] * (TRIALS + 1)
    line = msgspec.json.decode((tmp_path / "sink.dead.jsonl").read_bytes())
    assert line["why"].startswith("sent alone 20 times, it was never taken, and another was: ")


def test_what_is_sent_twice_meanwhile_is_one_record(tmp_path: Path) -> None:
    sink = Failing(5)
    one = shipment(sink, tmp_path)
    for first in (100, 0):
        asyncio.run(one.deliver(batch(12, first)))
    twice = {number for number in sink.taken if sink.taken.count(number) > 1}
    assert len(twice) <= 3
    assert sum(sink.taken.count(number) - 1 for number in twice) == 1 + 1 + TRIALS + 1


def test_while_it_is_tried_the_record_is_named(tmp_path: Path) -> None:
    one = shipment(Failing(1), tmp_path)
    seen = []

    async def look(_seconds: float) -> None:
        seen.append(one.tally.trouble)

    one.sleep = look
    asyncio.run(one.deliver(batch(1, 100)))
    asyncio.run(one.deliver(batch(3)))
    assert seen[-1] == "it takes others, but not all; it is t/1: it answers 500"


@pytest.mark.parametrize("count", [1, 2, 40])
@pytest.mark.parametrize("known", [0, 1])
def test_a_sink_that_is_away_makes_nothing_dead(tmp_path: Path, count: int, known: int) -> None:
    sink = Failing()
    slept = Lasting(300)
    one = shipment(sink, tmp_path, slept)
    if known:
        asyncio.run(one.deliver(batch(1, 100)))
    sink.up = lambda: len(slept.pauses) >= 200
    while asyncio.run(one.deliver(batch(count))) is None:
        pass
    assert dead_in(tmp_path) == []
    assert set(sink.taken) - {100} == set(range(count))
    assert one.tally.sent == count + known
    assert slept.pauses[:4] == [1, 2, 4, 8]
    assert set(slept.pauses[4:]) == {8}


@pytest.mark.parametrize("seed", range(20))
def test_a_sink_that_comes_and_goes_makes_nothing_dead(tmp_path: Path, seed: int) -> None:
    sink = Failing()
    one = shipment(sink, tmp_path, Lasting(3000))
    asyncio.run(one.deliver(batch(1, 100)))
    random = Random(seed)  # noqa: S311 - it chooses failures
    sink.up = lambda: random.random() < 0.3
    with suppress(Enough):
        asyncio.run(one.deliver(batch(30)))
    assert dead_in(tmp_path) == []


def test_one_that_fails_always_while_others_fail_sometimes_is_not_dead(tmp_path: Path) -> None:
    sink = Failing(5)
    one = shipment(sink, tmp_path, Lasting(2000))
    asyncio.run(one.deliver(batch(1, 100)))
    random = Random(3)  # noqa: S311 - it chooses failures
    sink.up = lambda: random.random() < 0.5
    with pytest.raises(Enough):
        asyncio.run(one.deliver(batch(30)))
    assert dead_in(tmp_path) == []
    assert set(sink.taken) == {*range(30), 100} - {5}


def test_a_part_of_a_sink_that_is_away_makes_nothing_dead(tmp_path: Path) -> None:
    sink = Failing(*range(0, 100, 5))
    slept = Lasting(500)
    one = shipment(sink, tmp_path, slept)
    asyncio.run(one.deliver(batch(1, 1000)))
    seen = set()

    async def look(seconds: float) -> None:
        await slept(seconds)
        seen.add(one.tally.trouble.partition(";")[0])
        if len(slept.pauses) == 400:
            sink.poison = set()

    one.sleep = look
    asyncio.run(one.deliver(batch(100)))
    assert dead_in(tmp_path) == []
    assert set(sink.taken) == {*range(100), 1000}
    assert "it takes some records and not others" in seen


def test_several_records_may_be_dead_and_one_that_is_taken_late_begins_it_anew(
    tmp_path: Path,
) -> None:
    sink = Failing(*range(SUSPECTS))
    slept = Slept()
    one = shipment(sink, tmp_path, slept)
    asyncio.run(one.deliver(batch(1, 1000)))

    async def look(seconds: float) -> None:
        await slept(seconds)
        if slept.pauses.count(TRIAL_SECONDS) == TRIALS - 1:
            sink.poison.discard(3)

    one.sleep = look
    assert lacking(one, batch(20)) == [0, 1, 2, 4, 5, 6, 7]
    assert dead_in(tmp_path) == [0, 1, 2, 4, 5, 6, 7]
    assert slept.pauses.count(TRIAL_SECONDS) == TRIALS - 1 + TRIALS + 1


def test_what_of_the_suspects_is_refused_or_to_come_again_is_so(tmp_path: Path) -> None:
    away = Away("it answers 500", suspect=True)
    sink = Told(
        TAKEN, *[away] * STUBBORN, TAKEN, TAKEN, Refused("bad"), TAKEN, Outcome(again=(0,), why="x")
    )
    one = shipment(sink, tmp_path)
    asyncio.run(one.deliver(batch(1, 1000)))
    assert lacking(one, batch(1)) == [0]
    assert dead_in(tmp_path) == [0]
    again = Told(TAKEN, *[away] * STUBBORN, TAKEN, TAKEN, Outcome(again=(0,), why="x"))
    one = shipment(again, tmp_path)
    asyncio.run(one.deliver(batch(1, 1000)))
    assert lacking(one, batch(1)) == []
    assert again.got[-2:] == [[1000], [0]]


def test_the_first_record_of_all_waits_for_others_that_prove_it(tmp_path: Path) -> None:
    sink = Failing(0)
    slept = Slept()
    one = shipment(sink, tmp_path, slept)
    assert asyncio.run(one.deliver(batch(1))) is None
    assert asyncio.run(one.deliver(batch(1))) is None
    assert slept.pauses == [1, 2, 4, 8, 8, 8]
    assert lacking(one, batch(2)) == [0]
    assert sink.got[5:9] == [[0], [0, 1], [1], [0]]


@pytest.mark.parametrize("poison", range(5))
def test_the_first_batch_of_all_is_proved_by_one_of_its_own(tmp_path: Path, poison: int) -> None:
    sink = Failing(poison)
    one = shipment(sink, tmp_path)
    assert lacking(one, batch(5)) == [poison]
    assert set(sink.taken) == set(range(5)) - {poison}
    assert one.tally.sent == 4


def test_what_says_that_it_is_away_is_never_halved(tmp_path: Path) -> None:
    sink = Failing(1, suspect=False)
    one = shipment(sink, tmp_path, Lasting(50))
    asyncio.run(one.deliver(batch(1, 100)))
    with pytest.raises(Enough):
        asyncio.run(one.deliver(batch(3)))
    assert sink.got == [[100]] + [[0, 1, 2]] * 50


def failing(told: Collector, folder: Path, timeout: float = 20.0) -> Away:
    """Return how a batch that is sent to *told* fails."""
    one = posting(told, folder, Slept(), timeout)

    async def go() -> None:
        try:
            await one.sink.send(batch(1))
        finally:
            await one.sink.close()

    with pytest.raises(Away) as caught:
        asyncio.run(go())
    return caught.value


@pytest.mark.parametrize(
    "answer", [(500, b"", {"Retry-After": "9"}), (503, b""), (429, b""), (401, b""), (404, b"")]
)
def test_what_a_server_says_of_itself_is_no_records_fault(tmp_path: Path, answer: Answer) -> None:
    with collector(lambda _: answer) as told:
        assert not failing(told, tmp_path).suspect


@pytest.mark.parametrize("answer", [(500, b""), "drop", "cut"])
def test_a_server_that_fails_may_fail_for_a_record(tmp_path: Path, answer: Answer) -> None:
    with collector(lambda _: answer) as told:
        assert failing(told, tmp_path).suspect


def test_a_server_that_hangs_may_hang_for_a_record(tmp_path: Path) -> None:
    with collector(lambda _: "hang") as told:
        assert failing(told, tmp_path, timeout=0.1).suspect


def test_where_nobody_listens_no_record_is_suspected(tmp_path: Path) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        told = Collector(url=f"http://127.0.0.1:{held.getsockname()[1]}")
        assert not failing(told, tmp_path).suspect
