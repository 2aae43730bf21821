"""What a facts file becomes, and what reading one needs: shapes, places, and telling problems."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from engine.language import catalog_data
from engine.language.diagnostics import Diagnostic, Report
from engine.language.program import Field
from engine.language.required import required
from engine.language.text import Span

SHOWN = 200
"""How many problems of one file are told; a file of the wrong kind has one in every cell."""


@dataclass(frozen=True, slots=True)
class Table:
    """Attributes of *group* by id. A row has a value for each of *columns*, None where absent.

    *columns* are attribute names below the group, such as ``plan`` or ``limits.daily``.
    """

    group: str
    columns: tuple[str, ...]
    rows: Mapping[str, tuple[object, ...]]

    @property
    def ids(self) -> tuple[str, ...]:
        """All ids that the table knows, in the order of the file."""
        return tuple(self.rows)


@dataclass(frozen=True, slots=True)
class Shape:
    """What a facts file may hold: *fields* by their name below the group, ``id`` left out."""

    group: str
    file: str
    fields: Mapping[str, Field]

    def unknown(self, name: str, at: Span) -> Diagnostic:
        """Return the diagnostic for a column that the schema does not have."""
        return catalog_data.unknown_fact(name, ["id", *self.fields], at)

    def lacks(self, name: str) -> bool:
        """Return whether a record may not be without *name*."""
        return required(self.fields[name])


def shape_of(group: str, file: str, fields: Mapping[str, Field]) -> Shape:
    """Return what facts about *group* may hold, from the schema's *fields* by path."""
    prefix = f"{group}."
    below = {
        path.removeprefix(prefix): field
        for path, field in fields.items()
        if path.startswith(prefix) and path != f"{prefix}id"
    }
    return Shape(group, file, below)


class Places:
    """Turns offsets into spans of one data file. The lines are found once."""

    def __init__(self, file: str, text: str) -> None:
        self._file = file
        self._starts = [0, *(found.end() for found in re.finditer("\n", text))]

    def at(self, start: int, end: int) -> Span:
        """Return the span ``start:end``, in code points."""
        line, last = bisect_right(self._starts, start), bisect_right(self._starts, end)
        column = start - self._starts[line - 1] + 1
        return Span(self._file, start, end, line, column, last, end - self._starts[last - 1] + 1)


def tell(report: Report, problems: Iterator[Diagnostic], shape: Shape) -> None:
    """Add *problems* to *report*: the first ones, and how many more there are."""
    last: Diagnostic | None = None
    for last in islice(problems, SHOWN):
        report.add(last)
    more = sum(1 for _ in problems)
    if more and last is not None:
        report.add(catalog_data.unfinished_list(more, shape.file, last.span))


def decode(file: str, data: bytes, report: Report) -> str | None:
    """Return the text of *data*, without a byte order mark; None when a line is not UTF-8."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    start = 0
    for number, line in enumerate(data.split(b"\n"), start=1):
        text = line.decode("utf-8", "replace")
        try:
            line.decode()
        except UnicodeDecodeError as error:
            column = len(line[: error.start].decode()) + 1
            at = start + column - 1
            report.add(
                catalog_data.not_utf8(Span(file, at, at + 1, number, column, number, column + 1))
            )
        start += len(text) + 1
    return None
