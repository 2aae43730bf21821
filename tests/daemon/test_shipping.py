"""What a sink gets, what is noted of it, and what becomes of what it cannot get."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

from engine.daemon.settings_sinks import AnySink, read_sinks
from engine.daemon.shipped import Shipped
from engine.daemon.shipping import Ground, Route, age
from engine.daemon.signed import Signed, read_note
from engine.daemon.sums import bucket_of
from engine.service.entries import GapEntry
from engine.service.record import RecordError
from engine.sinks.batch import CHECKPOINTS, Batch
from engine.sinks.cursor import Cursor, Place, load_cursor, path_of, save_cursor
from engine.sinks.ship import Dead, Pauses, Shipment
from engine.sinks.sink import TAKEN, Away, Outcome, Refused
from engine.storage.checkpoints import FILE
from engine.storage.follow import list_trails
from tests.storage.made import TIME, filled, record, trail

BEGAN = "2025-12-31T00:00:00.000000Z"


class Kept:
    """A sink that keeps what it gets, and fails as it is told."""

    def __init__(self) -> None:
        self.got: list[tuple[str, int]] = []
        self.batches: list[Batch] = []
        self.fails: list[Exception] = []
        self.poison: set[int] = set()

    async def send(self, batch: Batch) -> Outcome:
        if self.fails:
            raise self.fails.pop(0)
        if any(one.sequence in self.poison for one in batch.items):
            raise Refused("poison")
        self.batches.append(batch)
        self.got += [(one.trail, one.sequence) for one in batch.items]
        return TAKEN

    async def close(self) -> None:
        """Do nothing."""

    def numbers(self, trail: str) -> list[int]:
        return [number for name, number in self.got if name == trail]


@dataclass
class Yard:
    """A folder, a sink, and the gaps that were recorded."""

    folder: Path
    sink: Kept = field(default_factory=Kept)
    gaps: list[GapEntry] = field(default_factory=list)
    unrecordable: bool = False
    now: str = TIME

    def record(self, gaps: list[GapEntry]) -> None:
        if self.unrecordable:
            raise RecordError("the disk is full")
        self.gaps += gaps

    def route(self, **more: object) -> Route:
        one = settings(**more)

        async def sleep(_seconds: float) -> None:
            await asyncio.sleep(0)

        shipment = Shipment(
            self.sink, Dead(self.folder / "shipped" / "lake.dead.jsonl"), Pauses(), sleep, lambda: 1
        )
        ground = Ground(
            self.folder, Signed(self.folder), self.record, lambda: self.now, lambda: 0.0, BEGAN
        )
        return Route(one, shipment, ground, Shipped())

    def ship(self, **more: object) -> Route:
        """Ship what there is, as a process does that was told to end."""
        route = self.route(**more)
        stop = asyncio.Event()
        stop.set()
        asyncio.run(route.run(stop))
        return route

    @property
    def cursor(self) -> Cursor:
        return load_cursor(path_of(self.folder, "lake"), "lake")

    @property
    def only(self) -> str:
        (name,) = list_trails(self.folder)
        return name


def settings(**more: object) -> AnySink:
    (one,) = read_sinks([{"kind": "file", "name": "lake", "folder": "x", **more}])
    return one


@pytest.fixture
def place(tmp_path: Path) -> Yard:
    return Yard(tmp_path)


def test_all_there_is_is_shipped_once_and_noted(place: Yard) -> None:
    filled(place.folder, 50, segment_bytes=900)
    place.ship(batch_records=7)
    assert place.sink.numbers(place.only) == list(range(50))
    assert place.sink.numbers(CHECKPOINTS) == list(range(5))
    assert max(len(one.items) for one in place.sink.batches) == 7
    assert place.cursor.trails == {place.only: 50, CHECKPOINTS: 5}
    assert place.cursor.shipped == 55
    place.ship()
    assert len(place.sink.got) == 55
    assert place.gaps == []


def test_every_trail_of_the_folder_is_shipped_in_its_own_order(place: Yard) -> None:
    for count in (20, 30, 1):
        filled(place.folder, count)
    place.ship(batch_records=4, checkpoints=False)
    counts = sorted(len(place.sink.numbers(name)) for name in list_trails(place.folder))
    assert counts == [1, 20, 30]
    for name in list_trails(place.folder):
        found = place.sink.numbers(name)
        assert found == list(range(len(found)))
    assert place.sink.numbers(CHECKPOINTS) == []


def test_a_batch_is_bounded_by_its_bytes(place: Yard) -> None:
    one = trail(place.folder)
    for _ in range(6):
        one.append(b'{"kind":"decision","x":"' + b"y" * 900 + b'"}')
    one.close()
    place.ship(batch_bytes=2000, checkpoints=False)
    assert [len(one.items) for one in place.sink.batches] == [3, 3]


def test_a_checkpoint_is_shipped_as_it_was_signed(place: Yard) -> None:
    filled(place.folder, 3)
    place.ship()
    (body,) = [one.body for b in place.sink.batches for one in b.items if one.trail == CHECKPOINTS]
    found = msgspec.json.decode(body)
    line = msgspec.json.decode((place.folder / FILE).read_bytes())
    assert (found["kind"], found["note"], found["time"]) == ("checkpoint", line["note"], TIME)


def test_records_come_in_the_form_that_was_chosen(place: Yard) -> None:
    filled(place.folder, 2)
    place.ship(form="cloudevents")
    bodies = [msgspec.json.decode(one.body) for b in place.sink.batches for one in b.items]
    assert {one["specversion"] for one in bodies} == {"1.0"}
    assert len({(one["source"], one["id"]) for one in bodies}) == 3


def test_what_is_not_chosen_is_passed_over_and_counted(place: Yard) -> None:
    one = trail(place.folder)
    for number in range(10):
        tenant = "north" if number % 2 else "south"
        one.append(f'{{"kind":"decision","time":"{TIME}","tenant":"{tenant}"}}'.encode())
    one.close()
    route = place.ship(tenants=["north"], checkpoints=False)
    assert place.sink.numbers(place.only) == [1, 3, 5, 7, 9]
    assert (place.cursor.left_out, place.cursor.shipped) == (5, 5)
    assert place.cursor.trails[place.only] == 10
    assert route.shipped.left_out == 5
    held = {str(bucket_of("north")): 5, str(bucket_of("south")): 5}
    assert place.cursor.buckets == held == route.shipped.decisions


def test_decisions_of_a_run_before_are_not_counted_among_this_ones(place: Yard) -> None:
    one = trail(place.folder)
    one.append(b'{"kind":"decision","time":"2024-01-01T00:00:00.000000Z","tenant":"north"}')
    one.close()
    place.ship()
    assert place.cursor.buckets == {}
    cursor = place.cursor
    cursor.run, cursor.buckets = "before", {"1": 7}
    save_cursor(path_of(place.folder, "lake"), cursor)
    place.ship()
    assert (place.cursor.run, place.cursor.buckets) == (BEGAN, {})


def test_what_was_not_noted_is_sent_again(place: Yard) -> None:
    filled(place.folder, 10)
    place.ship()
    before = place.cursor
    filled(place.folder, 5)
    place.ship()
    save_cursor(path_of(place.folder, "lake"), before)  # As after a crash before it was noted.
    place.ship()
    later = {name for name in list_trails(place.folder) if name not in before.trails}
    assert [place.sink.numbers(name) for name in later] == [[0, 1, 2, 3, 4, 0, 1, 2, 3, 4]]


def test_a_cursor_that_cannot_be_read_is_put_aside_told_and_costs_nothing(place: Yard) -> None:
    filled(place.folder, 5)
    place.ship()
    path = path_of(place.folder, "lake")
    path.write_bytes(path.read_bytes().replace(b'"shipped":6', b'"shipped":7'))
    place.ship()
    assert place.sink.numbers(place.only) == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4]
    (gap,) = place.gaps
    assert "the cursor was put aside (lake.unreadable): it was changed" in gap.why
    assert (gap.sink, gap.lost) == ("lake", 0)


@pytest.mark.parametrize(
    "changed",
    [Place(0, 9000, "ab" * 32), Place(3, 200, "ab" * 32), Place(7, 0, "")],
)
def test_a_cursor_from_the_future_or_of_another_trail_is_told_and_all_is_shipped_again(
    place: Yard, changed: Place
) -> None:
    filled(place.folder, 5)
    place.ship()
    cursor = place.cursor
    cursor.trails[place.only] = 99
    cursor.places[place.only] = changed
    save_cursor(path_of(place.folder, "lake"), cursor)
    place.ship()
    assert place.sink.numbers(place.only) == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4]
    (gap,) = place.gaps
    assert gap.why.startswith("the cursor is not of this trail")
    assert place.cursor.trails[place.only] == 5


def test_checkpoints_that_are_not_where_they_were_are_shipped_again(place: Yard) -> None:
    filled(place.folder, 20)
    place.ship()
    (place.folder / FILE).write_bytes((place.folder / FILE).read_bytes()[1:])
    place.ship()
    (gap,) = place.gaps
    assert gap.why == "the file of checkpoints is another one; checkpoints are shipped again"


def test_records_that_are_gone_before_they_were_shipped_are_a_gap(place: Yard) -> None:
    filled(place.folder, 40, segment_bytes=600)
    paths = list_trails(place.folder)[place.only]
    paths[0].unlink()
    route = place.ship()
    (gap,) = place.gaps
    assert (gap.trail, gap.first, gap.sink) == (place.only, 0, "lake")
    assert place.sink.numbers(place.only) == list(range(gap.lost, 40))
    assert place.cursor.missed == gap.lost == route.shipped.missed


def test_a_trail_that_is_gone_altogether_is_a_gap_as_far_as_it_was_signed(place: Yard) -> None:
    filled(place.folder, 10)
    place.ship()
    name = place.only
    one = trail(place.folder)
    one.append(record(0))
    place.ship()
    one.append(record(1))
    one.append(record(2))
    one.close()
    for path in place.folder.glob("*.seg"):
        path.unlink()
    place.ship()
    (gap,) = place.gaps
    assert (gap.trail, gap.first, gap.lost) == (one.name, 1, 2)
    assert name not in place.cursor.trails
    assert set(place.cursor.trails) == {CHECKPOINTS}
    place.ship()
    assert len(place.gaps) == 1


def test_a_trail_that_came_and_went_unseen_is_a_gap(place: Yard) -> None:
    filled(place.folder, 3)
    place.now = "2025-12-31T12:00:00.000000Z"
    place.ship()
    filled(place.folder, 4)
    for path in place.folder.glob("*.seg"):
        path.unlink()
    place.ship()
    assert [(one.first, one.lost) for one in place.gaps] == [(0, 4)]
    place.ship()
    assert len(place.gaps) == 1


def test_trails_that_were_gone_before_there_was_a_sink_are_none(place: Yard) -> None:
    filled(place.folder, 3)
    for path in place.folder.glob("*.seg"):
        path.unlink()
    place.now = "2026-06-01T00:00:00.000000Z"
    place.ship()
    assert place.gaps == []


def test_records_that_were_changed_in_a_row_are_one_gap(place: Yard) -> None:
    filled(place.folder, 9, every=100)
    (path,) = list_trails(place.folder)[place.only].values()
    data = path.read_bytes()
    for number in (3, 4):
        data = data.replace(f'"number":{number}'.encode(), b'"number":x')
    path.write_bytes(data)
    place.ship()
    assert place.sink.numbers(place.only) == [0, 1, 2, 5, 6, 7, 8]
    assert place.cursor.missed == 2
    assert sum(one.lost for one in place.gaps) == 2


def test_a_trail_that_cannot_be_followed_is_told_once_and_stays_in_trouble(place: Yard) -> None:
    filled(place.folder, 5)
    (path,) = list_trails(place.folder)[place.only].values()
    data = path.read_bytes()
    at = data.index(b'{"kind":"decision","number":2}') - 16
    path.write_bytes(data[:at] + b"\7" + data[at + 1 :])
    route = place.route()
    stop = asyncio.Event()

    async def go() -> None:
        running = asyncio.create_task(route.run(stop))
        async with asyncio.timeout(60):
            while not route.trouble or not place.gaps:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)
        stop.set()
        await running

    asyncio.run(go())
    assert "cannot be read any further" in route.trouble
    assert len(place.gaps) == 1
    assert place.sink.numbers(place.only) == [0, 1]
    assert place.cursor.trails[place.only] == 2


def test_before_a_gap_is_recorded_nothing_is_noted(place: Yard) -> None:
    filled(place.folder, 40, segment_bytes=600)
    list_trails(place.folder)[place.only][0].unlink()
    place.unrecordable = True
    route = place.ship()
    assert "cannot be noted" in route.trouble or route.cursor.trails == {}
    assert place.cursor.trails == {}
    place.unrecordable = False
    place.ship()
    assert len(place.gaps) == 1
    assert place.cursor.trails[place.only] == 40


def test_a_sink_that_is_away_only_lags(place: Yard) -> None:
    filled(place.folder, 30)
    route = place.route(batch_records=10)
    stop = asyncio.Event()
    back = asyncio.Event()
    seen = []

    async def sleep(_seconds: float) -> None:
        route._ground.signed.look()
        seen.append((route.lag()[0], len(route._pending.items), route.trouble))
        if len(seen) >= 5:
            back.set()
        await back.wait() if len(seen) > 5 else await asyncio.sleep(0)

    route.shipment.sleep = sleep
    place.sink.fails = [Away("it is away")] * 5
    stop.set()
    asyncio.run(route.run(stop))
    assert seen == [(30, 10, "it is away")] * 5
    assert place.sink.numbers(place.only) == list(range(30))
    assert route.trouble == ""
    assert route.lag() == (0, 0.0)


def test_the_age_of_what_waits_is_told_by_its_time(place: Yard) -> None:
    filled(place.folder, 1)
    route = place.route()
    route._pull()
    assert route._pending.items
    assert age(TIME, "2026-01-01T00:01:00.000000Z") == 60.0
    assert age("", TIME) == age(TIME, "2025-01-01T00:00:00Z") == 0.0


def test_a_batch_waits_until_it_is_full_or_old(place: Yard) -> None:
    filled(place.folder, 5)
    clock = [0.0]
    route = place.route(batch_records=100, batch_seconds=5)
    route._ground.clock = lambda: clock[0]
    route._begin()
    assert not route._pull()
    assert not route._due(stopping=False, full=False)
    clock[0] = 5.0
    assert route._due(stopping=False, full=False)


def test_a_folder_that_cannot_be_read_is_trouble(place: Yard, tmp_path: Path) -> None:
    route = place.route()
    route._ground.folder = tmp_path / "nowhere"
    assert not route._pull()
    assert "cannot be read" in route.trouble


def test_a_segment_that_is_none_is_trouble_and_holds_up_no_other(place: Yard) -> None:
    (place.folder / f"{'0' * 16}-00000000.seg").write_bytes(b"no header\n")
    filled(place.folder, 3)
    route = place.route()
    route._begin()
    route._pull()
    assert "cannot be read" in route.trouble
    assert len(route._pending.items) == 4


def test_a_note_that_is_none_says_nothing() -> None:
    assert read_note("nothing").trail == ""


def test_the_lag_is_of_trails_that_are_there(place: Yard) -> None:
    filled(place.folder, 7)
    signed = Signed(place.folder)
    signed.look()
    signed.look()
    assert signed.behind({}) == 7
    assert signed.behind({place.only: 5}) == 2
    (place.folder / FILE).write_bytes(b"")
    signed.look()
    signed.look()
    for path in place.folder.glob("*.seg"):
        path.unlink()
    signed.look()
    assert signed.behind({}) == 0
