"""The text of a CSV facts file in, a table out. The header names the attributes and ``id``.

In a cell: ``true``/``false``, numbers, times, durations and addresses as in requests; elements of
sets and lists are separated by ``;``. An empty cell is absent, or an empty set where that must be.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

import msgspec

from engine.language import catalog_data
from engine.language.diagnostics import Diagnostic, Report
from engine.language.text import Span
from engine.language.types import Enumeration, ListOf, Scalar, SetOf, Type
from engine.runtime.objections import objection
from engine.runtime.record import decode_custom, default_of, native
from engine.runtime.table import Places, Shape, Table, tell

Parse = Callable[[str], object]
WHOLE = re.compile(r"-?\d{1,19}", re.ASCII)
CELL = re.compile(r'"(?:[^"]|"")*"|[^,"\r\n]*')


@dataclass(frozen=True, slots=True)
class Row:
    """One record of the file: its cells, and where its text begins and ends."""

    cells: list[str]
    start: int
    end: int


class Lines:
    """The lines of a text, and how far the reader has come: where each record begins and ends."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.at = 0

    def __iter__(self) -> Iterator[str]:
        text = self._text
        while self.at < len(text):
            end = text.find("\n", self.at) + 1 or len(text)
            line = text[self.at : end]
            self.at = end
            yield line


def rows_of(text: str) -> Iterator[Row]:
    """Yield the records of *text*; raises csv.Error. Empty lines are none."""
    lines = Lines(text)
    start = 0
    for cells in csv.reader(lines, strict=True):
        if cells:
            yield Row(cells, start, lines.at)
        start = lines.at


def load_csv(text: str, shape: Shape, report: Report) -> Table:
    """Return the table of *text*; what is wrong with it is told to *report*."""
    if csv.field_size_limit() < len(text):  # one limit for the whole process: never lowered
        csv.field_size_limit(len(text))
    try:
        table = _fast(text, shape)
    except (ValueError, csv.Error):
        table = None
    if table is not None:
        return table
    tell(report, _problems(text, shape), shape)
    return Table(shape.group, (), {})


def _fast(text: str, shape: Shape) -> Table | None:
    """Return the table of a file without mistakes, None or ValueError for one with some."""
    reader = csv.reader(Lines(text), strict=True)
    header = next(reader, [])
    if header.count("id") != 1 or len(set(header)) < len(header):
        return None
    if any(name != "id" and name not in shape.fields for name in header):
        return None
    at = header.index("id")
    columns = [name for name in header if name != "id"]
    parsers = [_cell(shape, name) for name in columns]
    rows: dict[str, tuple[object, ...]] = {}
    count = 0
    for cells in reader:
        if not cells:
            continue
        id_ = cells.pop(at)
        if not id_:
            return None
        rows[id_] = tuple([parse(cell) for parse, cell in zip(parsers, cells, strict=True)])
        count += 1
    return Table(shape.group, tuple(columns), rows) if len(rows) == count else None


def _cell(shape: Shape, name: str) -> Parse:
    """Return the function that reads a cell of column *name*, or raises ValueError."""
    parse = parser(shape.fields[name].type)
    empty = when_empty(name, shape)
    if empty is _NOTHING:
        return parse
    return lambda cell: parse(cell) if cell else empty


_NOTHING = object()


def when_empty(name: str, shape: Shape) -> object:
    """Return what an empty cell of column *name* is: absent, empty, or _NOTHING if it is wrong."""
    match shape.fields[name].type:
        case _ if not shape.lacks(name):
            return default_of(shape.fields[name])
        case SetOf():
            return frozenset()
        case ListOf():
            return ()
        case _:
            return _NOTHING


def parser(type_: Type) -> Parse:  # noqa: C901  a case for every type
    """Return the function that reads a *type_* from a filled cell, or raises ValueError."""
    match type_:
        case Enumeration(words):
            return _word(frozenset(words))
        case SetOf(item):
            inner = parser(item)
            return lambda cell: frozenset(inner(one.strip()) for one in cell.split(";"))
        case ListOf(item):
            inner = parser(item)
            return lambda cell: tuple(inner(one.strip()) for one in cell.split(";"))
        case Scalar.BOOL:
            return _bool
        case Scalar.INT:
            return _int
        case Scalar.FLOAT:
            return _float
        case Scalar.STRING | Scalar.TEXT:
            return _string
        case Scalar.TIME:
            return _time
        case Scalar.DECIMAL | Scalar.DURATION | Scalar.IP:
            marker = native(type_)
            return lambda cell: decode_custom(marker, cell)
        case Scalar.JSON:
            raise AssertionError("no schema declares such an attribute")
        case _:
            assert_never(type_)


def _word(words: frozenset[str]) -> Parse:
    def parse(cell: str) -> str:
        if cell not in words:
            raise ValueError(cell)
        return cell

    return parse


def _bool(cell: str) -> bool:
    if cell not in {"true", "false"}:
        raise ValueError(cell)
    return cell == "true"


def _int(cell: str) -> int:
    if not WHOLE.fullmatch(cell):
        raise ValueError(cell)
    value: int = msgspec.convert(int(cell), native(Scalar.INT))
    return value


def _float(cell: str) -> float:
    value: float = msgspec.convert(float(cell), native(Scalar.FLOAT))
    return value


def _string(cell: str) -> str:
    if not cell:
        raise ValueError(cell)
    return cell


def _time(cell: str) -> datetime:
    value: datetime = msgspec.convert(cell, native(Scalar.TIME))
    return value


# --- the slow path: every mistake with its place --------------------------------------------------


def _problems(text: str, shape: Shape) -> Iterator[Diagnostic]:
    rows = rows_of(text)
    places = Places(shape.file, text)
    end = 0
    try:
        header = next(rows, Row([], 0, 0))
        yield from _header_problems(text, header, shape, places)
        if "id" in header.cells:
            seen: dict[str, Row] = {}
            for row in rows:
                yield from _row_problems(text, row, header.cells, shape, seen, places)
                end = row.end
    except csv.Error as error:
        yield catalog_data.not_csv(str(error), places.at(end, end))


def _header_problems(text: str, header: Row, shape: Shape, places: Places) -> Iterator[Diagnostic]:
    if "id" not in header.cells:
        yield catalog_data.missing_id(places.at(0, len(text[: header.end].rstrip())))
    for index, name in enumerate(header.cells):
        at = cell_place(text, header, index, places)
        if name in header.cells[:index]:
            yield catalog_data.duplicate_column(name, at)
        elif name != "id" and name not in shape.fields:
            yield shape.unknown(name, at)


def _row_problems(
    text: str,
    row: Row,
    header: Sequence[str],
    shape: Shape,
    seen: dict[str, Row],
    places: Places,
) -> Iterator[Diagnostic]:
    if len(row.cells) != len(header):
        whole = places.at(row.start, row.start + len(text[row.start : row.end].rstrip()))
        yield catalog_data.wrong_width(len(row.cells), len(header), whole)
        return
    index = header.index("id")
    id_ = row.cells[index]
    if not id_:
        yield catalog_data.missing_id(cell_place(text, row, index, places))
    elif id_ in seen:
        first = cell_place(text, seen[id_], index, places)
        yield catalog_data.duplicate_id(id_, cell_place(text, row, index, places), first)
    else:
        seen[id_] = row
    for number, (name, cell) in enumerate(zip(header, row.cells, strict=True)):
        if name in shape.fields:
            problem = _cell_problem(name, cell, id_, shape)
            if problem is not None:
                yield problem(cell_place(text, row, number, places))


def _cell_problem(
    name: str, cell: str, id_: str, shape: Shape
) -> Callable[[Span], Diagnostic] | None:
    if not cell:
        if when_empty(name, shape) is not _NOTHING:
            return None
        return lambda at: catalog_data.missing_fact(name, id_, at)
    type_ = shape.fields[name].type
    if _reads(cell, type_):
        return None
    detail = _detail(cell, type_)
    return lambda at: catalog_data.wrong_fact(name, detail, at)


def _reads(cell: str, type_: Type) -> bool:
    try:
        parser(type_)(cell)
    except ValueError:
        return False
    return True


def _detail(cell: str, type_: Type) -> str:
    """Return what is wrong with a *cell* that is no *type_*."""
    match type_:
        case Enumeration() | Scalar.DECIMAL | Scalar.DURATION | Scalar.IP | Scalar.TIME:
            return objection(cell, type_) or f"expected {type_}"
        case SetOf(item) | ListOf(item):
            parts = [one.strip() for one in cell.split(";")]
            return _detail(next(one for one in parts if not _reads(one, item)), item)
        case Scalar.BOOL:
            return f"expected true or false, not `{cell}`"
        case _:
            return f"expected {type_}, not `{cell}`"


def cell_place(text: str, row: Row, index: int, places: Places) -> Span:
    """Return where cell *index* of *row* stands in *text*, quotes included."""
    at = row.start
    for _ in range(index):
        found = CELL.match(text, at, row.end)
        at = (found.end() if found else at) + 1
    found = CELL.match(text, at, row.end)
    return places.at(at, found.end() if found else at)
