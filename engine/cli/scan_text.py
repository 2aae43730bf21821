"""A text and its findings in, lines for people out: each in its place, and why it was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import click

from engine.content.entities import ENTITIES
from engine.content.findings import Finding, Injection
from engine.language.render import inert

WIDEST = 100
"""Columns of a line that is shown around a finding."""
AROUND = 30
MOST = 200
"""How many findings are shown to people."""

COLORS = {"pii": "yellow", "phi": "magenta", "secret": "red"}
AUTHORS = "cyan"
"""The colour of what policies themselves declare."""


def describe_scan(
    text: str, found: Sequence[Finding], injection: Injection, *, color: bool
) -> Iterator[str]:
    """Yield the lines: each finding with its place, then the injection score and a count."""
    lines = Lines(text)
    for one in found[:MOST]:
        yield from _finding(lines, one, color=color)
    if len(found) > MOST:
        yield f"and {len(found) - MOST:,} more; `--json` lists all"
        yield ""
    signals = f" ({', '.join(injection.signals)})" if injection.signals else ""
    yield f"injection score {injection.score:.2f}{signals}"
    counts = Counter(one.entity for one in found)
    yield ", ".join(f"{number} {name}" for name, number in sorted(counts.items())) or "no entities"


class Lines:
    """The lines of a text, to turn offsets into lines and columns."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._starts = [0]
        for place, character in enumerate(text):
            if character == "\n":
                self._starts.append(place + 1)
        self._at = 0

    def place(self, offset: int) -> tuple[int, int]:
        """Return line and column of *offset*, from 1; offsets must not go back."""
        while self._at + 1 < len(self._starts) and self._starts[self._at + 1] <= offset:
            self._at += 1
        return self._at + 1, offset - self._starts[self._at] + 1

    def shown(self, start: int, end: int) -> tuple[str, str, str]:
        """Return what stands before, in and behind ``start:end`` on its lines, cut to be read."""
        before = self.text[max(0, start - AROUND) : start].rpartition("\n")[2]
        after = self.text[end : end + AROUND].partition("\n")[0]
        inside = self.text[start:end]
        if len(inside) > WIDEST:
            half = WIDEST // 2
            inside = f"{inside[:half]}…{inside[-half:]}"
        return inert(before), inert(inside), inert(after)


def _finding(lines: Lines, found: Finding, *, color: bool) -> Iterator[str]:
    line, column = lines.place(found.start)
    known = ENTITIES.get(found.entity)
    name = found.entity
    if color:
        name = click.style(name, fg=COLORS.get(name.partition(".")[0], AUTHORS), bold=True)
    yield f"{line}:{column}  {name}  {found.start}:{found.end}  score {found.score:.2f}"
    before, inside, after = lines.shown(found.start, found.end)
    if color:
        inside = click.style(inside, fg=COLORS.get(found.entity.partition(".")[0], AUTHORS))
    yield f"  {before}{inside}{after}"
    plain = click.unstyle(inside)
    yield f"  {' ' * len(before)}{'^' * max(1, len(plain))}"
    yield f"  {known.doc if known else 'An entity that the policies declare.'}"
    yield ""
