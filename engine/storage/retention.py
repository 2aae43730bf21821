"""Rules, holds and a folder in; which records of its closed segments are to be forgotten, out.

A tenant's records are kept for some days, and up to some megabytes, the newest. Nothing that is
held is forgotten, nor what a sink still waits for, unless the megabytes force it. Records that say
what was held or released stay for good; those that say what was pruned, as long as by them it is
told why something is missing (see `acts`).
"""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial
from heapq import heappop, heappush
from pathlib import Path
from typing import NamedTuple

import msgspec

from engine.storage.examine import numbers_digest
from engine.storage.frames import DIGEST_BYTES, HEAD, OVERHEAD
from engine.storage.header import OPEN, NoSegment
from engine.storage.holds import Hold
from engine.storage.index import Index, Stale, index_of, make_index
from engine.storage.moment import MICROSECONDS, UNKNOWN
from engine.storage.query import find
from engine.storage.shipped import Shipped
from engine.storage.source import Source, opened_source, segment_files
from engine.storage.wanted import Wanted, fields_of

DAY = 86_400 * MICROSECONDS
MEGABYTE = 2**20
NO_TENANT = ""
"""Whose the records are that no tenant has."""
REVIEW = "review_id"
STAYS = frozenset({"held", "released", "pruned"})
"""Acts whose records are not forgotten, but for what was pruned when that is needless."""


class Keep(msgspec.Struct, frozen=True, kw_only=True):
    """How long records are kept, and how many bytes of them; 0 stands for all."""

    days: int = 0
    megabytes: int = 0


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """How long whose records are kept."""

    others: Keep = Keep()
    """Of the tenants that are not named, of each; and of records without one."""
    tenants: dict[str, Keep] = {}

    def of(self, tenant: str) -> Keep:
        """Return what holds for *tenant*."""
        return self.tenants.get(tenant, self.others)

    @property
    def any(self) -> bool:
        """Whether anything is ever forgotten."""
        return any(one != Keep() for one in (self.others, *self.tenants.values()))


class Due(msgspec.Struct, kw_only=True):
    """What of a segment is to be forgotten."""

    path: Path
    trail: str
    name: str
    first: int
    records: int
    before: Collection[int]
    """Rows that have been pruned already."""
    rows: array[int] = msgspec.field(default_factory=lambda: array("I"))
    """Four bytes a record, since all that is due of a trail is in memory: it may be millions."""
    bytes: int = 0
    by_age: int = 0
    by_size: int = 0
    unsent: Counter[str] = msgspec.field(default_factory=Counter)
    """How many of them a sink still waits for, by its name."""
    tenants: Counter[str] = msgspec.field(default_factory=Counter)
    ends: bool = False
    """Whether nothing is left of it, so that the file goes too."""

    def add(self, row: int, size: int, tenant: str) -> None:
        """Have *row* forgotten too, a record of *size* bytes."""
        self.rows.append(row)
        self.tenants[tenant] += 1
        self.bytes += size

    @property
    def numbers(self) -> list[int]:
        """The numbers of all records that are without payload then."""
        return [self.first + row for row in sorted((*self.before, *self.rows))]

    @property
    def told(self) -> dict[str, object]:
        """What the act says; see examine.Pruned."""
        numbers = self.numbers
        return {
            "segment": self.name,
            "trail": self.trail,
            "first": self.first,
            "records": self.records,
            "pruned": len(numbers),
            "numbers": numbers_digest(numbers),
            "deleted": self.ends,
            "now": len(self.rows),
            "by_age": self.by_age,
            "by_size": self.by_size,
            "unsent": dict(self.unsent),
        }


class _Old(NamedTuple):
    """A record that may go for its size, those that go first in front."""

    time: int
    place: int
    """Of its segment among those that are looked at."""
    row: int
    bytes: int


class _Sum(msgspec.Struct):
    """What a tenant has that is not too old."""

    bytes: int = 0
    places: list[tuple[int, int]] = []
    """Of the segments with it: the earliest time of any record there, and the place."""


class _Look(NamedTuple):
    """What of a segment must be known."""

    times: array[int]
    offsets: array[int]
    pruned: array[int]
    whose: dict[str, Sequence[int]]
    """The rows of each tenant; none where nothing can be due."""
    stays: set[int]

    def bytes(self, row: int) -> int:
        """Return how many bytes the payload of a record has that was not pruned."""
        return self.offsets[row + 1] - self.offsets[row] - OVERHEAD


class _Held(NamedTuple):
    """What the holds mean for records, and which acts need not stay."""

    tenants: frozenset[str]
    values: tuple[tuple[str, str], ...]
    needless: frozenset[tuple[str, int]]


def due_in(
    folder: Path,
    rules: Rules,
    holds: Iterable[Hold],
    shipped: Shipped,
    now: int,
    told: Callable[[str], None] = lambda _: None,
    needless: frozenset[tuple[str, int]] = frozenset(),
) -> list[Due]:
    """Return what of the closed segments in *folder* is to be forgotten at *now* (microseconds).

    *needless* are the acts of pruning that need not stay, by trail and number (see `acts`). *told*
    hears which segments are not whole: they stay as they are. Raises OSError.
    """
    held = _held(folder, tuple(holds), needless)
    found: list[Due] = []
    sized: defaultdict[str, _Sum] = defaultdict(_Sum)
    for path in segment_files(folder):
        if path.name.endswith(OPEN):
            continue
        try:
            with opened_source(path) as source:
                if source.path.name.endswith(OPEN):
                    continue
                due = _aged(source, rules, held, shipped, now, sized, len(found))
        except FileNotFoundError:
            continue
        except NoSegment as error:
            told(f"{path.name} stays as it is: {error}")
            continue
        if isinstance(due, str):
            told(f"{path.name} stays as it is: it is not whole ({due})")
        else:
            found.append(due)
    for tenant, one in sized.items():
        over = one.bytes - rules.of(tenant).megabytes * MEGABYTE
        if over > 0 and tenant not in held.tenants:
            looks = partial(_look_again, rules=rules, held=held, now=now, told=told)
            _oversized(found, _oldest(found, one.places, tenant, looks), over, tenant, shipped)
    for due in found:
        _finish(due)
    return [due for due in found if due.rows or due.ends]


def _held(folder: Path, holds: tuple[Hold, ...], needless: frozenset[tuple[str, int]]) -> _Held:
    values = {("decision_id", one.decision) for one in holds if one.decision}
    for one in holds:
        if one.session:
            values.add(("session", one.session))
            # What came of its decisions later does not name the session.
            for found in find(folder, Wanted(session=one.session), told=_unknown):
                values |= {
                    (name, found.text(name)) for name in ("decision_id", REVIEW) if found.text(name)
                }
        elif one.decision:
            for found in find(folder, Wanted(decision=one.decision), told=_unknown):
                if found.text(REVIEW):
                    values.add((REVIEW, found.text(REVIEW)))
    tenants = frozenset(one.tenant for one in holds if one.tenant)
    return _Held(tenants, tuple(sorted(values)), needless)


def _unknown(why: str) -> None:
    raise NoSegment(f"what belongs to what is held cannot be known: {why}")


def _aged(
    source: Source,
    rules: Rules,
    held: _Held,
    shipped: Shipped,
    now: int,
    sized: defaultdict[str, _Sum],
    place: int,
) -> Due | str:
    """Return what of a segment is too old, and count what may be too much into *sized*.

    Or return why it is not whole.
    """
    index, look = _look(source, rules, held, now)
    top = index.top
    if top.wrong:
        return top.wrong
    due = Due(
        path=source.path,
        trail=top.header.trail,
        name=top.header.name,
        first=top.header.first,
        records=top.records - len(_cut(index)),
        before=look.pruned,
    )
    sent = shipped.sent(due.trail)
    limit = top.records if sent is None else sent - due.first
    pruned = set(look.pruned)
    for tenant, rows in look.whose.items():
        keep = rules.of(tenant)
        oldest = now - keep.days * DAY if keep.days else UNKNOWN
        free = tenant not in held.tenants
        kept = 0
        for row in rows:
            if row in pruned:
                continue
            size = look.bytes(row)
            aged = UNKNOWN < look.times[row] < oldest and row < limit
            if aged and free and row not in look.stays:
                due.by_age += 1
                due.add(row, size, tenant)
            else:
                kept += size
        if keep.megabytes and kept:
            sized[tenant].bytes += kept
            sized[tenant].places.append((top.earliest, place))
    return due


def _look(source: Source, rules: Rules, held: _Held, now: int) -> tuple[Index, _Look]:
    """Return the index of a segment, and what it says."""
    index = index_of(source)
    try:
        return index, _looked(index, source, rules, held, now)
    except Stale:
        index = make_index(source)
        return index, _looked(index, source, rules, held, now)


def _looked(index: Index, source: Source, rules: Rules, held: _Held, now: int) -> _Look:
    """Return what an index says. Raises Stale."""
    may = _may(index, rules, now)
    return _Look(
        index.times,
        index.offsets,
        index.pruned,
        _whose(index) if may else {},
        _stays(source, index, held.needless) | _held_rows(index, held) if may else set(),
    )


def _may(index: Index, rules: Rules, now: int) -> bool:
    """Return whether any record can be due: mostly none is, and then none is looked at."""
    keeps = [rules.of(tenant) for tenant in (NO_TENANT, *index.labels("tenant"))]
    youngest = now - min((one.days for one in keeps if one.days), default=0) * DAY
    aged = any(one.days for one in keeps) and index.top.earliest < youngest
    return aged or any(one.megabytes for one in keeps)


def _held_rows(index: Index, held: _Held) -> set[int]:
    """Return the rows that are held for what they are about, whosever they are."""
    reviews = set(index.rows("kind", "review"))
    found: set[int] = set()
    for name, value in held.values:
        rows = index.rows(name, value)
        # Several decisions may share a review: of it only what was done is held.
        found.update(rows if name != REVIEW else reviews.intersection(rows))
    return found


def _whose(index: Index) -> dict[str, Sequence[int]]:
    """Return the rows of each tenant."""
    found: dict[str, Sequence[int]] = {}
    left = bytearray(b"\1" * index.top.records)
    for tenant in index.labels("tenant"):
        rows = index.rows("tenant", tenant)
        found[tenant] = rows
        for row in rows:
            left[row] = 0
    found[NO_TENANT] = array("I", [row for row, none in enumerate(left) if none])
    return found


def _stays(source: Source, index: Index, needless: frozenset[tuple[str, int]]) -> set[int]:
    """Return the rows that are not forgotten, however old they are."""
    offsets, header = index.offsets, index.top.header
    found = set(_cut(index))
    for row in index.rows("kind", "admin"):
        payload = source.read(offsets[row] + HEAD.size, offsets[row + 1] - DIGEST_BYTES)
        act = fields_of(payload).get("act")
        stays = not isinstance(act, str) or act in STAYS
        if stays and (act != "pruned" or (header.trail, header.first + row) not in needless):
            found.add(row)
    return found


def _cut(index: Index) -> set[int]:
    """Return the row of the record that a recovery put behind the last one; see segment.is_cut."""
    return {row for row in index.rows("kind", "cut") if row == index.top.records - 1}


def _oversized(
    found: list[Due], oldest: Iterable[_Old], over: int, tenant: str, shipped: Shipped
) -> None:
    """Add what is too much of a tenant: of the *oldest* as many as have *over* bytes."""
    for one in oldest:
        due = found[one.place]
        due.by_size += 1
        due.add(one.row, one.bytes, tenant)
        due.unsent.update(shipped.lacking(due.trail, due.first + one.row))
        over -= one.bytes
        if over <= 0:
            return


def _oldest(
    found: list[Due],
    places: list[tuple[int, int]],
    tenant: str,
    look: Callable[[Due], _Look | None],
) -> Iterator[_Old]:
    """Yield the records of *tenant* that may go, by time, over all segments.

    A segment is looked at when its earliest record may be the next, and let go of behind its last
    one: so there are a few in memory, however many there are.
    """
    waiting = deque(sorted(places))
    heap: list[tuple[_Old, Iterator[_Old]]] = []
    while waiting or heap:
        while waiting and (not heap or waiting[0] <= heap[0][0][:2]):
            _, place = waiting.popleft()
            again = look(found[place])
            if again is not None:
                _push(heap, _loose(again, found[place], tenant, place))
        if heap:
            one, rest = heappop(heap)
            yield one
            _push(heap, rest)


def _push(heap: list[tuple[_Old, Iterator[_Old]]], rest: Iterator[_Old]) -> None:
    one = next(rest, None)
    if one is not None:
        heappush(heap, (one, rest))  # No two are alike, so that iterators are never compared.


def _loose(look: _Look, due: Due, tenant: str, place: int) -> Iterator[_Old]:
    """Yield the records of *tenant* in a segment that may go and do not yet, by time."""
    gone = look.stays.union(look.pruned, due.rows)
    rows = [row for row in look.whose.get(tenant, ()) if row not in gone]
    rows.sort(key=look.times.__getitem__)
    for row in rows:
        yield _Old(look.times[row], place, row, look.bytes(row))


def _look_again(
    due: Due, rules: Rules, held: _Held, now: int, told: Callable[[str], None]
) -> _Look | None:
    """Return what there is in a segment that was looked at before; None where it is not there."""
    try:
        with opened_source(due.path) as source:
            return _look(source, rules, held, now)[1]
    except (FileNotFoundError, NoSegment) as error:
        told(f"{due.name} stays as it is: {error}")
        return None


def _finish(due: Due) -> None:
    due.ends = len(due.before) + len(due.rows) >= due.records
    if due.ends and not due.records:
        due.ends = False


def lost_holds(folder: Path, holds: Iterable[Hold]) -> Iterator[str]:
    """Yield the ids of holds that records tell of, that were not released and are not in *holds*.

    Raises OSError and NoSegment.
    """
    told: dict[str, set[str]] = {"held": set(), "released": set()}
    for one in find(folder, Wanted(kind="admin")):
        what = one.fields.get("what")
        identity = what.get("id") if isinstance(what, dict) else None
        if isinstance(identity, str) and one.text("act") in told:
            told[one.text("act")].add(identity)
    # An id is never used again, so that it does not matter what came first by which clock.
    yield from sorted(told["held"] - told["released"] - {one.id for one in holds})
