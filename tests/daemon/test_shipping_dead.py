"""What a sink will never take: kept, counted, and not among what it has."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from engine.daemon.sums import bucket_of
from tests.daemon.test_shipping import Yard
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
