"""The trails of a folder in, one sink's batches out, and how far it has got noted behind them.

The trail itself is what waits for a sink that is away: nothing is kept in memory but one batch, and
one piece of a segment. What the sink will never get, since it was deleted or changed before it was
shipped, is told by a record of the trail (``gap``), signed as all others are, before the cursor
goes on behind it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from engine.daemon.settings_sinks import AnySink
from engine.daemon.shipped import Shipped
from engine.daemon.signed import Signed, read_note
from engine.daemon.sinks import body_of, chosen_of
from engine.service.entries import GapEntry
from engine.service.record import RecordError
from engine.sinks.batch import (
    CHECKPOINT,
    CHECKPOINTS,
    DECISION,
    Glance,
    Item,
    checkpoint_payload,
    glance_at,
    of,
)
from engine.sinks.cursor import Cursor, CursorError, load_cursor, path_of, put_aside, save_cursor
from engine.sinks.cursor import Place as Noted
from engine.sinks.ship import Shipment
from engine.storage.checkpoints import FILE
from engine.storage.follow import (
    Found,
    Missed,
    Next,
    NotThere,
    Place,
    Trails,
    follow,
    list_trails,
)
from engine.storage.follow_notes import NextNote, new_notes, place_of_note
from engine.storage.header import OPEN, NoSegment

POLL_SECONDS = 0.2
"""How often a trail is looked at that has nothing new."""
NOTE_SECONDS = 1.0
"""How often at most is noted what the sink does not get."""
READ_AT_ONCE = 10_000
"""Records that are passed over before others get their turn."""


@dataclass(slots=True)
class Ground:
    """What all routes of a process stand on."""

    folder: Path
    signed: Signed
    record: Callable[[list[GapEntry]], None]
    """Records gaps in the trail. Raises RecordError."""
    time: Callable[[], str]
    clock: Callable[[], float]
    """Monotonic seconds."""
    run: str
    """When the daemon began."""


@dataclass(slots=True)
class Pending:
    """What was read and is not noted yet."""

    items: list[Item] = field(default_factory=list)
    size: int = 0
    since: float = 0.0
    places: dict[str, Place] = field(default_factory=dict)
    gaps: list[GapEntry] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)
    """Trails that are not there any more."""
    left_out: int = 0
    missed: int = 0
    decisions: list[str] = field(default_factory=list)
    """The tenants of decisions of this run."""


class Route:
    """Brings the trails of a folder to one sink. Run by one task."""

    def __init__(self, one: AnySink, shipment: Shipment, ground: Ground, shipped: Shipped) -> None:
        self.settings = one
        self.shipment = shipment
        self.shipped = shipped
        self._ground = ground
        self._chosen = chosen_of(one)
        self._path = path_of(ground.folder, one.name)
        self._cursor = Cursor(sink=one.name)
        self._pending = Pending()
        self._ways: dict[str, Iterator[Found]] = {}
        self._done: dict[str, int] = {}
        """Trails that are closed and read to their end, by their last segment."""
        self._told: set[tuple[str, Place]] = set()
        """Where a trail cannot be followed, and that was recorded."""
        self._turn = 0
        self._noted = 0.0
        self._unread = ""
        """Why a trail cannot be read."""

    async def run(self, stop: asyncio.Event) -> None:
        """Ship until *stop* is set, and then what there is by then. Raises OSError."""
        self._begin()
        while True:
            stopping = stop.is_set()
            more = self._pull()
            if self._due(stopping=stopping, full=more) and not await self._ship():
                more = False
            if more:
                await asyncio.sleep(0)
            elif stopping:
                return
            else:
                await self._rest(stop)

    def lag(self) -> tuple[int, float]:
        """Return how many records wait, and since how many seconds the oldest that was read."""
        lag = self._ground.signed.behind(self._cursor.trails)
        return lag, age(
            self._pending.items[0].time, self._ground.time()
        ) if self._pending.items else 0.0

    @property
    def trouble(self) -> str:
        """What does not work now; empty when all does."""
        return self.shipment.tally.trouble or self._unread

    @property
    def cursor(self) -> Cursor:
        """How far the sink has got."""
        return self._cursor

    def _waited(self) -> float:
        return self._ground.clock() - self._pending.since if self._pending.items else 0.0

    async def _rest(self, stop: asyncio.Event) -> None:
        try:
            async with asyncio.timeout(POLL_SECONDS):
                await stop.wait()
        except TimeoutError:
            pass

    def _due(self, *, stopping: bool, full: bool) -> bool:
        """Return whether what was read is to be shipped and noted."""
        pending = self._pending
        if pending.gaps:
            return True
        if not pending.items:
            news = bool(pending.places or pending.gone)
            late = self._ground.clock() - self._noted >= NOTE_SECONDS
            return news and (full or stopping or late)
        return full or stopping or self._waited() >= self.settings.batch_seconds

    def _begin(self) -> None:
        """Read the cursor; one that cannot be read is put aside, and all is shipped again."""
        self._pending = Pending()
        self._ways.clear()
        try:
            self._cursor = load_cursor(self._path, self.settings.name)
        except CursorError as error:
            aside = put_aside(self._path)
            why = f"the cursor was put aside ({aside.name}): {error}; all there is is shipped again"
            self._pending.gaps.append(self._gap(why))
        if not self._cursor.born:
            self._cursor.born = self._ground.time()
        if self._cursor.run != self._ground.run:
            self._cursor.run, self._cursor.buckets = self._ground.run, {}
        save_cursor(self._path, self._cursor)  # From now on nothing is pruned that waits for it.

    def _gap(self, why: str, trail: str = "", first: int = -1, lost: int = 0) -> GapEntry:
        return GapEntry(
            time=self._ground.time(),
            lost=lost,
            sink=self.settings.name,
            trail=trail,
            first=first,
            why=why,
        )

    # --- reading ---------------------------------------------------------------------------------

    def _pull(self) -> bool:
        """Read what is new, up to a batch; return whether that was all that fits."""
        self._unread = ""
        try:
            trails = list_trails(self._ground.folder)
        except OSError as error:
            self._unread = f"the trail cannot be read: {error.strerror}"
            return False
        names = list(trails)
        for _ in names:
            self._turn = (self._turn + 1) % len(names)
            trail = names[self._turn]
            if self._read(trail, trails[trail]):
                return True
        if self._read_notes(trails):
            return True
        self._miss(trails)
        return False

    def _read(self, trail: str, segments: dict[int, Path]) -> bool:
        """Read *trail*; return whether no more fits."""
        newest = max(segments)
        if self._done.get(trail) == newest:
            return False
        way = self._ways.pop(trail, None)
        if way is None:
            way = follow(self._ground.folder, trail, self._place(trail), segments)
        try:
            for count, found in enumerate(way, 1):
                self._take(trail, found)
                if self._full() or count >= READ_AT_ONCE:
                    self._ways[trail] = way
                    return True
        except NotThere as error:
            why = f"the cursor is not of this trail: {error}; it is shipped again"
            self._pending.gaps.append(self._gap(why, trail))
            self._pending.places[trail] = Place()
            return self._read(trail, segments)
        except FileNotFoundError:
            return False  # It was compressed or deleted: the next look tells.
        except (OSError, NoSegment) as error:
            self._unread = f"the trail {trail} cannot be read: {error}"
            return False
        if (
            not segments[newest].name.endswith(OPEN)
            and (trail, self._place(trail)) not in self._told
        ):
            self._done[trail] = newest
        return False

    def _place(self, trail: str) -> Place:
        """Return where to go on in *trail*."""
        if trail in self._pending.places:
            return self._pending.places[trail]
        noted = self._cursor.places.get(trail)
        if noted is None:
            return Place()
        sequence = self._cursor.trails.get(trail, 0)
        return Place(sequence, noted.segment, noted.offset, noted.digest)

    def _take(self, trail: str, found: Found) -> None:
        match found:
            case Next(sequence, payload, place):
                self._offer(trail, sequence, payload, glance_at(payload))
                self._pending.places[trail] = place
            case Missed(first, lost, why, place):
                if not lost:
                    self._unread = f"the trail {trail} cannot be read any further"
                    if (trail, place) in self._told:
                        return
                    self._told.add((trail, place))
                self._lose(trail, first, lost, why)
                self._pending.places[trail] = place

    def _lose(self, trail: str, first: int, lost: int, why: str) -> None:
        """Note that records are missed; those in a row, for one reason, as one gap."""
        pending = self._pending
        pending.missed += lost
        last = pending.gaps[-1] if pending.gaps else None
        if last and lost and (last.trail, last.why, last.first + last.lost) == (trail, why, first):
            pending.gaps[-1] = self._gap(why, trail, last.first, last.lost + lost)
        else:
            pending.gaps.append(self._gap(why, trail, first, lost))

    def _offer(self, trail: str, sequence: int, payload: bytes, glance: Glance) -> None:
        """Take a record into the batch, if the sink gets it."""
        pending = self._pending
        if glance.kind == DECISION and glance.time >= self._ground.run:
            pending.decisions.append(glance.tenant)
        if not self._chosen.takes(glance):
            pending.left_out += 1
            return
        body = body_of(self.settings.form, trail, sequence, payload)
        self._add(Item(trail, sequence, glance.time, glance.kind, glance.tenant, body))

    def _add(self, item: Item) -> None:
        pending = self._pending
        if not pending.items:
            pending.since = self._ground.clock()
        pending.items.append(item)
        pending.size += len(item.body)

    def _full(self) -> bool:
        pending, one = self._pending, self.settings
        return len(pending.items) >= one.batch_records or pending.size >= one.batch_bytes

    def _read_notes(self, trails: Trails) -> bool:
        """Read new checkpoints; return whether no more fits."""
        place = self._place(CHECKPOINTS)
        try:
            notes = self._new_notes(place)
        except NotThere as error:
            self._pending.gaps.append(self._gap(f"{error}; checkpoints are shipped again"))
            self._cursor.born = self._ground.time()
            self._pending.places[CHECKPOINTS] = Place()
            return self._read_notes(trails)
        except OSError as error:
            self._unread = f"the checkpoints cannot be read: {error.strerror}"
            return False
        sequence = place.sequence
        for note, end, digest, count in notes:
            self._see(note, trails)
            if self.settings.checkpoints:
                time = read_note(note).time
                payload = checkpoint_payload(note, time)
                body = body_of(self.settings.form, CHECKPOINTS, sequence, payload)
                self._add(Item(CHECKPOINTS, sequence, time, CHECKPOINT, "", body))
            sequence += count
            self._pending.places[CHECKPOINTS] = Place(sequence, 0, end, digest)
            if self._full():
                return True
        return False

    def _new_notes(self, place: Place) -> list[NextNote]:
        """Return the notes from *place* on, wherever they stand by now.

        Raises OSError, and NotThere where the file has fewer notes than were read from it.
        """
        path = self._ground.folder / FILE
        try:
            return new_notes(path, place.offset, place.digest)
        except NotThere:
            if not path.exists():
                raise
            sequence, offset, digest = place_of_note(path, place.sequence)
            if sequence < place.sequence:
                raise
            self._pending.places[CHECKPOINTS] = Place(sequence, 0, offset, digest)
            return new_notes(path, offset, digest)

    def _see(self, note: str, trails: Trails) -> None:
        """Notice a trail that came and went while nobody shipped it."""
        told = read_note(note)
        known = told.trail in trails or told.trail in self._cursor.trails
        if not told.trail or known or told.trail in self._ways:
            return
        if told.time > self._cursor.born and told.trail not in self._pending.places:
            self._pending.places[told.trail] = Place()

    def _miss(self, trails: Trails) -> None:
        """Note what of trails was deleted before it was shipped, and forget them."""
        for trail in {*self._cursor.trails, *self._pending.places}:
            if trail in trails or trail == CHECKPOINTS or trail in self._pending.gone:
                continue
            self._ground.signed.look()
            first = self._place(trail).sequence
            size = self._ground.signed.sizes.get(trail, 0)
            self._pending.gone.add(trail)
            if size > first:
                why = "they were deleted before they were shipped"
                self._lose(trail, first, size - first, why)

    # --- shipping --------------------------------------------------------------------------------

    async def _ship(self) -> bool:
        """Ship what was read, and note it; return whether that could be noted."""
        pending, tally = self._pending, self.shipment.tally
        try:
            if pending.items:
                dead = tally.dead
                lacking = await self.shipment.deliver(of(pending.items))
                if lacking is None:
                    return False
                dead = tally.dead - dead
                self._uncount(lacking)
                self._cursor.last = self._ground.time()
                self._cursor.shipped += len(pending.items) - dead
                self._cursor.dead += dead
                self.shipped.shipped += len(pending.items) - dead
                pending.items, pending.size = [], 0
            self._note()
        except (OSError, RecordError) as error:
            self._unread = f"it cannot be noted what was shipped: {error}"
            return False
        return True

    def _uncount(self, lacking: list[Item]) -> None:
        """Take the decisions out of those that the sink has which it may not have."""
        for item in lacking:
            if item.kind == DECISION and item.time >= self._ground.run:
                self._pending.decisions.remove(item.tenant)

    def _note(self) -> None:
        """Record the gaps, and write the cursor. Raises OSError and RecordError."""
        pending, cursor = self._pending, self._cursor
        if pending.gaps:
            self._ground.record(pending.gaps)
            pending.gaps = []
        for trail, place in pending.places.items():
            cursor.trails[trail] = place.sequence
            cursor.places[trail] = Noted(place.segment, place.offset, place.digest)
        for trail in pending.gone:
            cursor.trails.pop(trail, None)
            cursor.places.pop(trail, None)
            self._done.pop(trail, None)
        cursor.left_out += pending.left_out
        cursor.missed += pending.missed
        self.shipped.add(pending.left_out, pending.missed, pending.decisions, cursor.buckets)
        self._pending = Pending()
        self._noted = self._ground.clock()
        save_cursor(self._path, cursor)


def age(time: str, now: str) -> float:
    """Return how many seconds *time* is before *now*, both RFC 3339; 0 where it does not say."""
    try:
        return max(
            0.0, (datetime.fromisoformat(now) - datetime.fromisoformat(time)).total_seconds()
        )
    except (TypeError, ValueError):
        return 0.0
