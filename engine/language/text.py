"""Source text and places in it: every later value that came from text points back here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Span(NamedTuple):
    """The half-open range ``start:end`` in code points; lines and columns count from one."""

    path: str
    start: int
    end: int
    line: int
    column: int
    end_line: int
    end_column: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"

    def to(self, last: Span) -> Span:
        """Return the span from the start of this one to the end of *last*."""
        return Span(
            self.path,
            self.start,
            last.end,
            self.line,
            self.column,
            last.end_line,
            last.end_column,
        )


NOWHERE = Span("<built-in>", 0, 0, 1, 1, 1, 1)
"""The place of what no author wrote."""


@dataclass(frozen=True, slots=True)
class Source:
    """The text of one policy file; *path* is relative to the bundle's root."""

    path: str
    text: str
