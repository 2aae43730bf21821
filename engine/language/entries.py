"""Things in braces -> lines, one below the other, with the blank lines and comments between."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from engine.language.items import Comment
from engine.language.page import Lines, Page, pad
from engine.language.text import Span


class Entry(NamedTuple):
    """A thing with its place in the old text; *render* takes the indent it is to be written at."""

    span: Span
    render: Callable[[int], Lines]
    doc: str | None = None
    """The documentation above it, which no comment may join or leave; None if it has none ever."""
    column: int = 0
    """Where a comment behind it begins at the earliest, counted from its indent."""


def entries(page: Page, things: Sequence[Entry], end: int, indent: int, *, loose: bool) -> Lines:
    """Return *things* in their old order, down to offset *end* of the old text.

    *loose* things have a blank line around those that take several lines.
    """
    lines: Lines = []
    line: int | None = None
    tall = False
    ordered = sorted(things, key=lambda thing: thing.span.start)
    for index, thing in enumerate(ordered):
        before = page.take(thing.span.start)
        made = thing.render(indent)
        above = _above(before, line, thing, indent)
        above += [pad(indent, comment.text) for comment in page.take_inside(thing.span)]
        if loose and lines and (tall or len(made) > 1) and "" not in above:
            above.insert(0, "")
        lines += [*above, pad(indent, made[0]), *made[1:]]
        after = ordered[index + 1].span.start if index + 1 < len(ordered) else end
        beside = page.take_beside(thing.span, after)
        if beside:
            column = indent + thing.column if len(made) == 1 else 0
            lines[-1] = lines[-1].ljust(column) + beside
        line = thing.span.end_line
        tall = len(made) > 1
    return lines + _above(page.take(end), line, None, indent)


def _above(
    comments: Sequence[Comment], line: int | None, thing: Entry | None, indent: int
) -> Lines:
    """Return *comments* and the blank lines between *line*, them and *thing*."""
    documenting = thing.doc.count("\n") + 1 if thing and thing.doc else 0
    lines: Lines = []
    for left, comment in zip(range(len(comments), 0, -1), comments, strict=True):
        parted = thing is not None and thing.doc is not None and left == documenting
        if (line is not None and comment.span.line > line + 1) or (parted and lines):
            lines.append("")
        lines.append(pad(indent, comment.text))
        line = comment.span.line
    parted = thing is not None and thing.doc == "" and bool(lines)
    if thing and line is not None and (thing.span.line > line + 1 or parted):
        lines.append("")
    return lines


def block(
    page: Page,
    head: str,
    things: Sequence[Entry],
    span: Span,
    indent: int,
    *,
    loose: bool = False,
) -> Lines:
    """Return ``head { … }`` with each thing on lines of its own."""
    first = min((thing.span.start for thing in things), default=span.end)
    lines = [f"{head} {{{page.take_first(first)}"]
    lines += entries(page, things, span.end, indent + 2, loose=loose)
    return [*lines, pad(indent, "}")] if len(lines) > 1 or "#" in lines[0] else [f"{head} {{}}"]


def sealed(page: Page, head: str, body: Lines, span: Span, indent: int) -> Lines:
    """Return ``head body`` with the comments that nothing inside has placed between the two.

    They may not go above or behind it, where they would document something.
    """
    if not page.holds(span):
        return [f"{head} {body[0]}", *body[1:]]
    inside = [pad(indent + 2, comment.text) for comment in page.take_inside(span)]
    return [head, *inside, pad(indent + 2, body[0]), *body[1:]]
