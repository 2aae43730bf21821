"""A folder and what is wanted of it in, how many records there are of each kind out.

Closed segments are counted by their indexes alone, which is what makes a million records a matter
of a moment; with *scan* every record is read.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec

from engine.storage.header import OPEN, NoSegment
from engine.storage.index import Index, Stale, index_of, make_index
from engine.storage.moment import MICROSECONDS, UNKNOWN, moment_of, time_of
from engine.storage.query import indexed_rows, records_in
from engine.storage.read import Unread
from engine.storage.source import Source, opened_source, segment_files, size_of
from engine.storage.wanted import Wanted

COUNTED = ("kind", "effective_action", "tenant", "rule", "stage")
FEW = 32
"""Times that are counted one by one."""
HOUR = 3600 * MICROSECONDS
_HOUR_DIGITS = 13
"""Characters of `2026-01-01T00`."""


class Tally(msgspec.Struct):
    """How many records: by each field that is counted, by hour; and how long decisions took."""

    records: int = 0
    counts: dict[str, Counter[str]] = msgspec.field(
        default_factory=lambda: {name: Counter() for name in COUNTED}
    )
    hours: Counter[str] = msgspec.field(default_factory=Counter)
    took: array[int] = msgspec.field(default_factory=lambda: array("Q"))
    """Nanoseconds of each decision, ascending when all are counted."""

    def part(self, share: float) -> int:
        """Return how long the decision took that *share* of all took no longer than; 0 for none."""
        if not self.took:
            return 0
        return self.took[min(len(self.took) - 1, int(share * len(self.took)))]


def count(
    folder: Path,
    wanted: Wanted,
    *,
    scan: bool = False,
    told: Callable[[str], None] | None = None,
    read: Callable[[int], None] = lambda _: None,
) -> Tally:
    """Return how many records of *folder* are *wanted*; *told* as of `find`.

    Raises OSError and NoSegment.
    """
    tally, unread = Tally(), Unread(told)
    for path in segment_files(folder):
        size = size_of(path)
        try:
            _add_segment(path, wanted, tally, told or (lambda _: None), scan=scan)
        except FileNotFoundError:
            continue
        except (NoSegment, OSError) as error:
            unread.passed_over(path, error)
        else:
            unread.one()
        read(size)
    unread.end()
    tally.took = array("Q", sorted(tally.took))
    return tally


def _add_segment(
    path: Path, wanted: Wanted, tally: Tally, told: Callable[[str], None], *, scan: bool
) -> None:
    if not scan:
        with opened_source(path) as source:
            if not source.path.name.endswith(OPEN):
                _by_index(source, wanted, tally, told)
                return
    _by_records(path, wanted, tally, told)


def _by_index(source: Source, wanted: Wanted, tally: Tally, told: Callable[[str], None]) -> None:
    part = Tally()
    index = index_of(source)
    try:
        _add(index, wanted, part)
    except Stale:
        part = Tally()
        index = make_index(source)
        _add(index, wanted, part)
    if index.top.wrong:
        told(f"{source.path.name} {index.top.wrong}: nothing behind it is counted; ask `verify`")
    tally.records += part.records
    tally.hours += part.hours
    tally.took.extend(part.took)
    for name, counter in part.counts.items():
        tally.counts[name] += counter


def _add(index: Index, wanted: Wanted, tally: Tally) -> None:
    pruned = set(index.pruned)
    rows = [row for row in indexed_rows(index, wanted) if row not in pruned]
    if not rows:
        return
    tally.records += len(rows)
    if len(rows) == index.top.records:
        _add_all(index, tally)
        return
    chosen = bytearray(index.top.records)
    for row in rows:
        chosen[row] = 1
    for name in COUNTED:
        for label in index.labels(name):
            number = sum(map(chosen.__getitem__, index.rows(name, label)))
            if number:
                tally.counts[name][label] += number
    times, took = index.times, index.took
    for hour, number in Counter([times[row] // HOUR for row in rows]).items():
        tally.hours[_hour(hour)] += number
    tally.took.extend([took[row] for row in rows if took[row]])


def _add_all(index: Index, tally: Tally) -> None:
    """Add all records of *index*, without a look at each."""
    for name in COUNTED:
        for label in index.labels(name):
            tally.counts[name][label] += index.number(name, label)
    _add_hours(index.times, tally.hours)
    took = index.took
    tally.took.extend(array("Q", filter(None, took)) if took.count(0) else took)


def _add_hours(times: array[int], hours: Counter[str]) -> None:
    """Count *times* by their hours: most stand beside others of the same hour."""
    first, last = min(times) // HOUR, max(times) // HOUR
    if first == last:
        hours[_hour(first)] += len(times)
    elif len(times) <= FEW:
        hours.update([_hour(one // HOUR) for one in times])
    else:
        middle = len(times) // 2
        _add_hours(times[:middle], hours)
        _add_hours(times[middle:], hours)


def _hour(hour: int) -> str:
    return "" if hour < 0 else time_of(hour * HOUR)[:_HOUR_DIGITS]


def _by_records(path: Path, wanted: Wanted, tally: Tally, told: Callable[[str], None]) -> None:
    for one in records_in(path, wanted, told):
        tally.records += 1
        for name in COUNTED:
            values = set(one.rules) if name == "rule" else {one.text(name)}
            tally.counts[name].update(value for value in values if value)
        moment = moment_of(one.kept.time)
        tally.hours["" if moment == UNKNOWN else _hour(moment // HOUR)] += 1
        took = one.fields.get("evaluated_in")
        if isinstance(took, int) and 0 < took < 2**64:
            tally.took.append(took)
