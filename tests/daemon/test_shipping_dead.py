"""What a sink will never take: kept, counted, and not among what it has."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from engine.daemon.sums import bucket_of
from engine.sinks.batch import Batch
from engine.sinks.ship import STUBBORN, TRIALS
from engine.sinks.sink import Away, Outcome
from tests.daemon.test_shipping import Kept, Yard
from tests.storage.made import TIME, filled, trail


@pytest.fixture
def place(tmp_path: Path) -> Yard:
    return Yard(tmp_path)


def test_poison_lies_among_the_dead_and_holds_up_nothing(place: Yard) -> None:
    filled(place.folder, 20)
    place.sink.poison = {7}
    place.ship(checkpoints=False)
    assert place.sink.numbers(place.only) == [n for n in range(20) if n != 7]
    assert (place.cursor.dead, place.cursor.shipped) == (1, 19)
    dead = (place.folder / "shipped" / "lake.dead.jsonl").read_bytes()
    assert msgspec.json.decode(dead)["record"]["number"] == 7


def test_what_is_dead_is_no_decision_that_the_sink_has(place: Yard) -> None:
    one = trail(place.folder)
    for number in range(4):
        tenant = "north" if number % 2 else "south"
        one.append(f'{{"kind":"decision","time":"{TIME}","tenant":"{tenant}"}}'.encode())
    one.append(f'{{"kind":"reload","time":"{TIME}"}}'.encode())
    one.close()
    place.sink.poison = {1, 4}
    route = place.ship(checkpoints=False)
    held = {str(bucket_of("north")): 1, str(bucket_of("south")): 2}
    assert place.cursor.buckets == held == route.shipped.decisions
    assert (place.cursor.dead, place.cursor.shipped) == (2, 3)


class Breaking(Kept):
    """Breaks on every batch with one of *poison* in it."""

    async def send(self, batch: Batch) -> Outcome:
        if any(one.sequence in self.poison for one in batch.items):
            raise Away("it answers 500", suspect=True)
        return await super().send(batch)


def test_a_record_that_a_sink_breaks_on_lies_among_the_dead_and_is_not_counted(
    place: Yard,
) -> None:
    one = trail(place.folder)
    for number in range(20):
        tenant = "north" if number % 2 else "south"
        one.append(f'{{"kind":"decision","time":"{TIME}","tenant":"{tenant}"}}'.encode())
    one.close()
    place.sink = Breaking()
    place.sink.poison = {7}
    route = place.ship(checkpoints=False)
    assert set(place.sink.numbers(place.only)) == set(range(20)) - {7}
    assert (place.cursor.dead, place.cursor.shipped) == (1, 19)
    held = {str(bucket_of("north")): 9, str(bucket_of("south")): 10}
    assert place.cursor.buckets == held == route.shipped.decisions


def test_the_only_record_that_a_sink_breaks_on_waits_for_the_next_and_holds_up_none(
    place: Yard,
) -> None:
    one = trail(place.folder)
    record = f'{{"kind":"decision","time":"{TIME}","tenant":"north"}}'.encode()
    one.append(record)
    place.sink = Breaking()
    place.sink.poison = {0}

    route = place.route(checkpoints=False, batch_seconds=0.0)
    stop = asyncio.Event()

    async def sleep(_seconds: float) -> None:
        tally = route.shipment.tally
        if tally.retries == STUBBORN:
            assert place.cursor.trails == {}
            one.append(record)
            one.close()
        if tally.retries == STUBBORN + TRIALS:
            stop.set()
        await asyncio.sleep(0)

    route.shipment.sleep = sleep
    asyncio.run(asyncio.wait_for(route.run(stop), 60))
    assert (place.cursor.dead, place.cursor.shipped) == (1, 1)
    assert set(place.sink.numbers(place.only)) == {1}
