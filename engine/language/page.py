"""A file's comments while it is formatted: each is taken once, by whoever stands next to it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from engine.language.items import Comment
from engine.language.text import Span

WIDTH = 100
"""Columns a line should not pass."""

Lines = list[str]
"""A layout: its first line continues the line being written, the others have their indent."""


class Page:
    """The comments of one file in their order, and which of them have been written."""

    def __init__(self, comments: Sequence[Comment]) -> None:
        self._comments = comments
        self._starts = [comment.span.start for comment in comments]
        self._written = [False] * len(comments)

    def holds(self, span: Span) -> bool:
        """Say whether a comment that is not written yet stands inside *span*."""
        first = bisect_left(self._starts, span.start)
        last = bisect_left(self._starts, span.end)
        return not all(self._written[first:last])

    def take(self, before: int) -> list[Comment]:
        """Return the comments before offset *before* that are not written yet; now they are."""
        last = bisect_left(self._starts, before)
        taken: list[Comment] = []
        for index in range(last - 1, -1, -1):
            if self._written[index]:
                break
            self._written[index] = True
            taken.append(self._comments[index])
        return taken[::-1]

    def take_inside(self, span: Span) -> list[Comment]:
        """Return the comments inside *span* that are not written yet; now they are."""
        first = bisect_left(self._starts, span.start)
        last = bisect_left(self._starts, span.end)
        left = [index for index in range(first, last) if not self._written[index]]
        for index in left:
            self._written[index] = True
        return [self._comments[index] for index in left]

    def take_first(self, before: int) -> str:
        """Return `  # …` for the next comment if it stands behind something, else nothing."""
        taken = self.take(before)
        beside = bool(taken) and not taken[0].own_line
        for comment in taken[beside:]:
            self._written[bisect_left(self._starts, comment.span.start)] = False
        return f"  {taken[0].text}" if beside else ""

    def beside(self, after: Span, before: int) -> Comment | None:
        """Return the comment that follows *after* on its last line, before offset *before*."""
        index = bisect_left(self._starts, after.end)
        if index == len(self._starts) or self._starts[index] >= before or self._written[index]:
            return None
        comment = self._comments[index]
        return comment if comment.span.line == after.end_line else None

    def take_beside(self, after: Span, before: int) -> str:
        """Return `  # …` for the comment that follows *after* on its last line, else nothing."""
        comment = self.beside(after, before)
        if comment is None:
            return ""
        self._written[bisect_left(self._starts, after.end)] = True
        return f"  {comment.text}"


def glue(left: Lines, right: Lines, between: str = "") -> Lines:
    """Return *right* written on from the end of *left*."""
    return [*left[:-1], left[-1] + between + right[0], *right[1:]]


def pad(indent: int, text: str) -> str:
    """Return *text* as a line of its own."""
    return " " * indent + text
