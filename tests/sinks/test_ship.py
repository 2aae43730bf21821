"""What is delivered, sent again, and laid among the dead."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.sinks.batch import Batch
from engine.sinks.ship import DOUBTFUL, PATIENT, Dead, Pauses, Shipment
from engine.sinks.sink import TAKEN, Away, Outcome, Refused, Sink
from tests.sinks.shipping_made import Told, batch, ids


class Picky(Told):
    """Refuses every batch with one of *poison* in it."""

    def __init__(self, poison: set[int]) -> None:
        super().__init__()
        self.poison = poison
        self.taken: list[int] = []

    async def send(self, batch: Batch) -> Outcome:
        await super().send(batch)
        if self.poison & set(ids(batch.items)):
            raise Refused("it is poison")
        self.taken += ids(batch.items)
        return TAKEN


class Slept:
    """A clock that only notes how long it was asked to wait."""

    def __init__(self) -> None:
        self.pauses: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.pauses.append(seconds)


def shipment(sink: Sink, folder: Path, slept: Slept | None = None) -> Shipment:
    return Shipment(
        sink, Dead(folder / "sink.dead.jsonl"), Pauses(1.0, 8.0), slept or Slept(), lambda: 1.0
    )


def lacking(one: Shipment, what: Batch) -> list[int]:
    """Return which of *what* the sink may not have, when it is delivered."""
    found = asyncio.run(one.deliver(what))
    assert found is not None
    return ids(found)


def dead_in(folder: Path) -> list[int]:
    path = folder / "sink.dead.jsonl"
    if not path.exists():
        return []
    lines = [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]
    return [line["record"]["sequence"] for line in lines]


def test_what_is_not_taken_is_sent_again_after_pauses_that_double(tmp_path: Path) -> None:
    sink = Told(*[Away("it is away")] * 6)
    slept = Slept()
    one = shipment(sink, tmp_path, slept)
    asyncio.run(one.deliver(batch(3)))
    assert sink.got == [[0, 1, 2]] * 7
    assert slept.pauses == [1, 2, 4, 8, 8, 8]
    assert (one.tally.sent, one.tally.retries, one.tally.failures) == (3, 6, 6)
    assert one.tally.trouble == ""


def test_chance_makes_a_pause_shorter_but_never_less_than_half() -> None:
    assert Pauses(1.0, 8.0).after(3, 0, 0.0) == 2.0
    assert Pauses(1.0, 8.0).after(3, 0, 1.0) == 4.0


def test_a_sink_may_ask_for_a_longer_pause_up_to_the_longest(tmp_path: Path) -> None:
    slept = Slept()
    sink = Told(Away("busy", 5.0), Away("busy", 3600.0))
    asyncio.run(shipment(sink, tmp_path, slept).deliver(batch(1)))
    assert slept.pauses == [5.0, 8.0]


def test_while_a_sink_is_away_it_is_told_why(tmp_path: Path) -> None:
    seen = []
    one = shipment(Told(Away("nobody answers")), tmp_path)

    async def look(_seconds: float) -> None:
        seen.append(one.tally.trouble)

    one.sleep = look
    asyncio.run(one.deliver(batch(1)))
    assert seen == ["nobody answers"]


def test_only_what_must_be_is_sent_again(tmp_path: Path) -> None:
    sink = Told(Outcome(refused=((0, "bad"),), again=(2, 3), why="busy"))
    one = shipment(sink, tmp_path)
    asyncio.run(one.deliver(batch(5)))
    assert sink.got == [[0, 1, 2, 3, 4], [2, 3]]
    assert dead_in(tmp_path) == [0]
    assert (one.tally.sent, one.tally.dead) == (4, 1)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.data())
def test_poison_lies_among_the_dead_and_all_else_is_taken(
    tmp_path_factory: pytest.TempPathFactory, count: int, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("dead")
    poison = data.draw(st.sets(st.integers(0, count - 1), max_size=count))
    sink = Picky(poison)
    asyncio.run(shipment(sink, folder).deliver(batch(count)))
    assert set(dead_in(folder)) == poison
    assert set(sink.taken) == set(range(count)) - poison


def test_a_sink_that_refuses_everything_is_tried_again_before_anything_is_dead(
    tmp_path: Path,
) -> None:
    slept = Slept()
    sink = Picky(set(range(20)))
    one = shipment(sink, tmp_path, slept)
    seen: list[int] = []

    async def look(seconds: float) -> None:
        await slept(seconds)
        seen.append(len(dead_in(tmp_path)))
        if len(slept.pauses) == 2:
            sink.poison = set()  # Its settings were mended.

    one.sleep = look
    asyncio.run(one.deliver(batch(20)))
    assert seen == [0, 0]
    assert dead_in(tmp_path) == []
    assert sorted(sink.taken) == list(range(20))


def test_a_sink_that_goes_on_refusing_holds_up_nothing_for_ever(tmp_path: Path) -> None:
    slept = Slept()
    sink = Picky(set(range(DOUBTFUL * 2)))
    asyncio.run(shipment(sink, tmp_path, slept).deliver(batch(DOUBTFUL * 2)))
    assert len(slept.pauses) == PATIENT
    assert sorted(dead_in(tmp_path)) == list(range(DOUBTFUL * 2))


def test_one_record_that_is_refused_is_dead_at_once_where_others_were_taken(
    tmp_path: Path,
) -> None:
    slept = Slept()
    one = shipment(Told(TAKEN, Refused("bad")), tmp_path, slept)
    asyncio.run(one.deliver(batch(1)))
    assert lacking(one, batch(1, 1)) == dead_in(tmp_path) == [1]
    assert slept.pauses == []
    assert one.tally.refusal == "bad"


def test_the_first_record_of_all_that_is_refused_is_tried_again(tmp_path: Path) -> None:
    slept = Slept()
    asyncio.run(shipment(Told(Refused("bad")), tmp_path, slept).deliver(batch(1)))
    assert dead_in(tmp_path) == []
    assert len(slept.pauses) == 1
    asyncio.run(shipment(Picky({0}), tmp_path, slept).deliver(batch(1)))
    assert dead_in(tmp_path) == [0]
    assert len(slept.pauses) == 1 + PATIENT


def test_where_a_sink_does_not_say_what_it_refused_all_of_it_is_kept_and_nothing_sent_again(
    tmp_path: Path,
) -> None:
    sink = Told(Outcome(refused=((0, "bad"),), again=(4,), why="2 of 3 were refused", unnamed=2))
    one = shipment(sink, tmp_path)
    assert lacking(one, batch(5)) == dead_in(tmp_path) == [0, 1, 2, 3]
    assert sink.got == [[0, 1, 2, 3, 4], [4]]
    assert (one.tally.sent, one.tally.dead) == (2, 3)
    all_of_it = shipment(Told(Outcome(why="9 were refused", unnamed=9)), tmp_path)
    asyncio.run(all_of_it.deliver(batch(2)))
    assert (all_of_it.tally.sent, all_of_it.tally.dead) == (0, 2)


def test_the_dead_are_for_the_owner_only_and_say_why(tmp_path: Path) -> None:
    one = shipment(Told(TAKEN, Refused("too long " * 100)), tmp_path)
    for _ in range(2):
        asyncio.run(one.deliver(batch(1)))
    path = tmp_path / "sink.dead.jsonl"
    assert path.stat().st_mode & 0o777 == 0o600
    assert msgspec.json.decode(path.read_bytes())["why"].startswith("too long too long")
    assert len(msgspec.json.decode(path.read_bytes())["why"]) == 300


def test_while_the_dead_cannot_be_written_that_is_tried_on_and_nothing_is_sent_again(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "shipped"
    folder.write_text("no folder")
    sink = Told(TAKEN, Refused("bad"), Refused("bad"), TAKEN)
    slept = Slept()
    one = shipment(sink, folder, slept)
    asyncio.run(one.deliver(batch(1)))
    seen: list[tuple[str, int]] = []

    async def look(seconds: float) -> None:
        await slept(seconds)
        seen.append((one.tally.trouble, one.tally.dead))
        if len(seen) == 5:
            folder.unlink()  # Somebody has made room.

    one.sleep = look
    asyncio.run(one.deliver(batch(2)))
    assert slept.pauses == [1, 2, 4, 8, 8]
    assert set(seen) == {("what it has refused cannot be kept in sink.dead.jsonl: File exists", 0)}
    assert sink.got == [[0], [0, 1], [0], [1]]
    assert dead_in(folder) == [0]
    assert (one.tally.dead, one.tally.trouble) == (1, "")
