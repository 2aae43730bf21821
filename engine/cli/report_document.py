"""What a report is made of: blocks of facts and tables, which text and HTML are both made from.

Every string is as it stands in the records: whoever shows it makes it inert.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Tone = Literal["good", "bad", "warn", "plain"]


@dataclass(frozen=True, slots=True)
class Cell:
    """A text in a table; *tone* colours it, *code* sets it in letters of one width."""

    text: str
    tone: Tone = "plain"
    code: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """Names with their values."""

    rows: tuple[tuple[str, Cell], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under their headings."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def without_empty(self) -> Table:
        """Return the table without the columns that say nothing."""
        kept = [at for at in range(len(self.columns)) if any(row[at].text for row in self.rows)]
        return Table(
            tuple(self.columns[at] for at in kept),
            tuple(tuple(row[at] for at in kept) for row in self.rows),
        )


@dataclass(frozen=True, slots=True)
class Note:
    """A paragraph."""

    text: str
    tone: Tone = "plain"


Block = Facts | Table | Note


@dataclass(frozen=True, slots=True)
class Section:
    """Blocks under a heading; *level* 1 begins a part of the report, 2 stands inside one."""

    title: str
    blocks: tuple[Block, ...]
    level: int = 1


@dataclass(frozen=True, slots=True)
class Document:
    """A report: what it is about, what came of it in a few words, and its sections."""

    title: str
    subject: str
    verdict: tuple[Cell, ...]
    about: Facts
    sections: tuple[Section, ...]
