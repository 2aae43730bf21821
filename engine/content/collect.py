"""A rule and a place in; its matches from there on out, after fit, guard and check.

Both finders (`plan`, `net`) only say where a rule may match: what matches is decided here, by RE2.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from engine.content.detectors import JOINTS, stands_alone
from engine.content.regex import compiled
from engine.content.rules import Rule

MANY = 64
"""So many numbers are looked at one by one; what is behind them in one piece."""
LEAD = 5
"""Bytes that a match may begin before its first digit: the sign of a country, a bracket."""
TAIL = 20
"""Bytes that a match may reach behind its last digit but one: the extension of a phone number."""
NUMBER = compiled(rf"[0-9](?:{JOINTS}{{0,4}}[0-9]){{6,}}")
_rest_of_word = re.compile(rb"(?<=\w)\w+")
NO_DIGITS = bytes(set(range(256)) - set(b"0123456789"))


Choose = Callable[[bytes], Iterable[int]]
"""A number and what is around it in, which rules may match there out."""


class Span(NamedTuple):
    """A match of *rule*, in bytes."""

    rule: Rule
    start: int
    end: int


def numbered(
    rules: Sequence[Rule], data: bytes, first: int, found: list[Span], choose: Choose | None = None
) -> None:
    """Run *rules*, or those that *choose* takes, around each number from *first* on.

    Invariant: a match begins at most `LEAD` bytes before the number or in it, and ends `TAIL` bytes
    behind it at the latest, so that what is cut off cannot matter. A match that reaches into the
    next number keeps others from beginning there, as in one search over the whole text.
    """
    size = len(data)
    places = [0] * len(rules)
    number = NUMBER.find
    indices: Iterable[int] = range(len(rules))
    for count in range(MANY + 1):
        start, end = number(data, first, size)[0]
        if start < 0:
            return
        if count == MANY:
            end = size
        first = end
        digits = len(data[start:end].translate(None, NO_DIGITS))
        if choose is not None:
            indices = choose(data[max(0, start - LEAD) : end + TAIL])
        for index in indices:
            rule = rules[index]
            if digits >= rule.pattern.digits:
                begin = max(places[index], start - LEAD)
                places[index] = collect(
                    rule, data, max(begin, 0), end, min(size, end + TAIL), found
                )


def collect(rule: Rule, data: bytes, place: int, limit: int, stop: int, found: list[Span]) -> int:
    """Add the matches that begin in ``data[place:limit]`` to *found*, and return where to go on.

    Nothing from *stop* on is seen.
    """
    find, group, pattern = rule.find.find, rule.group, rule.pattern
    while place < limit:
        spans = find(data, place, stop)
        if not 0 <= spans[0][0] < limit:
            break
        start, end = spans[group]
        cut = end if pattern.fit is None else start + _fitting(pattern.fit, data, start, end)
        if (
            cut > start
            and (pattern.guard is None or pattern.guard(data, start, cut))
            and (pattern.check is None or pattern.check(_text(data, start, cut)))
        ):
            found.append(Span(rule, start, cut))
            place = max(cut, place + 1)
        else:
            place = max(place + 1, _resume(rule, data, spans))
    return place


def _fitting(fit: Callable[[str], int], data: bytes, start: int, end: int) -> int:
    """Return how many bytes of ``data[start:end]`` *fit*, which counts characters, leaves."""
    text = _text(data, start, end)
    return len(text[: fit(text)].encode())


def _resume(rule: Rule, data: bytes, spans: Sequence[tuple[int, int]]) -> int:
    """Return where to go on after a refused match: where another may begin inside it."""
    start, end = spans[0]
    if not rule.pattern.retry:
        if rule.group:
            return spans[rule.group][0]
        # Hot path: in a million digits nothing stands alone before their end.
        run = _rest_of_word.match(data, end) if stands_alone(rule.pattern.guard) else None
        return end if run is None else run.end()
    while start < end and data[start : start + 1].isalnum():
        start += 1
    return start


def _text(data: bytes, start: int, end: int) -> str:
    # A pattern matches whole characters: RE2 reads valid UTF-8.
    return data[start:end].decode()
