"""A rule and a place in; its matches from there on out, after fit, guard and check.

Both finders (`plan`, `net`) only say where a rule may match: what matches is decided here, by RE2.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from engine.content.detectors import REACH, WORD, stands_alone
from engine.content.rules import Rule
from engine.content.translate import WIDEST

MANY = 64
"""So many numbers are looked at one by one; what is behind them in one piece."""
LEAD = 5
"""Bytes that a match may begin before its first digit: the sign of a country, a bracket."""
TAIL = 20
"""Bytes that a match may reach behind its last digit but one: the extension of a phone number."""
AROUND = REACH + 1
"""Characters around a match in which a context word may stand, and the one before the word."""
FEWEST: Final = 7
"""Digits of a number."""
WIDEST_JOINT: Final = 4
OTHER: Final = 0
JOINT: Final = 1
DIGIT: Final = 2
KINDS: Final = bytes(
    DIGIT if char in b"0123456789" else JOINT if char in b" .-/()" else OTHER for char in range(256)
)
"""What each byte is in a number."""
_rest_of_word = re.compile(rb"(?<=\w)\w+")
NO_DIGITS = bytes(set(range(256)) - set(b"0123456789"))


Choose = Callable[[bytes], list[int]]
"""A number and what is around it in, which rules may match there out."""


class Span(NamedTuple):
    """A match of *rule*, in bytes."""

    rule: Rule
    start: int
    end: int


def numbered(
    rules: Sequence[Rule],
    data: bytes,
    first: int,
    found: list[Span],
    choose: Choose | None = None,
    *,
    near: bool = False,
) -> None:
    """Run *rules*, or those that *choose* takes, around each number from *first* on.

    With *near*, rules that need a context word are only run where one may be near.

    Invariant: a match begins at most `LEAD` bytes before the number or in it, and ends `TAIL` bytes
    behind it at the latest, so that what is cut off cannot matter. A match that reaches into the
    next number keeps others from beginning there, as in one search over the whole text.
    """
    reach = AROUND if data.isascii() else AROUND * WIDEST
    size = len(data)
    places: dict[int, int] = {}
    passed: dict[int, list[tuple[int, int]]] = {}
    indices = list(range(len(rules))) if choose is None else []
    for start, end in numbers(data, first):
        digits = len(data[start:end].translate(None, NO_DIGITS))
        begin, stop = max(0, start - LEAD), min(size, end + TAIL)
        if choose is not None:
            indices = choose(data[begin:stop])
        around = b""
        for index in indices:
            rule = rules[index]
            if digits < rule.pattern.digits:
                continue
            if near and rule.around is not None:
                around = around or _around(data, start, end, reach)
                if rule.around.find(around, 0, len(around))[0][0] < 0:
                    passed.setdefault(index, []).append((start, end))
                    continue
                # Hot path: most texts have no number that was passed.
                for one in _joining(passed.pop(index, ()), start) if passed else ():
                    places[index] = _within(rule, data, one, places.get(index, 0), found)
            place = places.get(index, 0) if places else 0
            places[index] = collect(rule, data, max(place, begin), end, stop, found)


def numbers(data: bytes, first: int) -> list[tuple[int, int]]:
    """Return where numbers are in *data*, from *first* on; after `MANY` the rest as one.

    A number is seven digits or more, with up to four of `JOINTS` between two of them.

    Hot path: of seven bytes one is looked at, which is in every number that begins in them. All
    numbers that begin more than six bytes before `at` are known. A sign in a number has another of
    it on either side.
    """
    found: list[tuple[int, int]] = []
    kinds, size, at = KINDS, len(data), first + FEWEST - 1
    while at < size:
        kind = kinds[data[at]]
        if kind == OTHER or (
            kind == JOINT
            and (kinds[data[at - 1]] == OTHER or at + 1 == size or kinds[data[at + 1]] == OTHER)
        ):
            at += FEWEST
            continue
        begin = _beginning(data, at, first)
        if begin < 0:
            at += FEWEST
            continue
        digits, end = _run(data, begin)
        if digits >= FEWEST:
            if len(found) == MANY:
                found.append((begin, size))
                return found
            found.append((begin, end))
            first = end
        # Invariant: what is behind a run begins one byte behind it at the earliest.
        at = max(at, end) + FEWEST
    return found


def _beginning(data: bytes, at: int, first: int) -> int:
    """Return the first digit of the run of digits and joints that ends at *at*, -1 without any."""
    kinds, begin, gap = KINDS, -1, 0
    while at >= first and gap <= WIDEST_JOINT:
        kind = kinds[data[at]]
        if kind == OTHER:
            break
        if kind == DIGIT:
            begin, gap = at, 0
        else:
            gap += 1
        at -= 1
    return begin


def _run(data: bytes, at: int) -> tuple[int, int]:
    """Return how many digits the run has that begins at *at*, and where it ends."""
    kinds, size, digits, end, gap = KINDS, len(data), 0, at, 0
    while at < size and gap <= WIDEST_JOINT:
        kind = kinds[data[at]]
        at += 1
        if kind == OTHER:
            break
        if kind == DIGIT:
            digits, end, gap = digits + 1, at, 0
        else:
            gap += 1
    return digits, end


def _within(rule: Rule, data: bytes, number: tuple[int, int], place: int, found: list[Span]) -> int:
    """Run *rule* around a *number*, from *place* on at the earliest; return where to go on."""
    start, end = number
    return collect(rule, data, max(place, start - LEAD), end, min(len(data), end + TAIL), found)


def _around(data: bytes, start: int, end: int, reach: int) -> bytes:
    """Return all that may stand near a match in or beside the number at ``data[start:end]``."""
    begin = start - LEAD - reach
    stop = end + TAIL + reach
    return data[begin:stop] if begin > 0 else b" " + data[:stop]


def _joining(passed: Sequence[tuple[int, int]], start: int) -> Sequence[tuple[int, int]]:
    """Return those numbers that were *passed* from which a match could reach to *start*."""
    first = len(passed)
    for begin, end in reversed(passed):
        if end + TAIL < start - LEAD:
            break
        first -= 1
        start = begin
    return passed[first:]


def collect(
    rule: Rule,
    data: bytes,
    place: int,
    limit: int,
    stop: int,
    found: list[Span],
    byte: bytes = b"",
) -> int:
    """Add the matches that begin in ``data[place:limit]`` to *found*, and return where to go on.

    Nothing from *stop* on is seen. Every match has the *byte* in it, if one is given.
    """
    find, group, pattern = rule.find.find, rule.group, rule.pattern
    fit, guard, check = pattern.fit, pattern.guard, pattern.check
    while place < limit and (not byte or data.find(byte, place, stop) >= 0):
        spans = find(data, place, stop)
        if not 0 <= spans[0][0] < limit:
            break
        start, end = spans[group]
        cut = end if fit is None else start + _fitting(fit, data, start, end)
        if (
            cut > start
            and (guard is None or guard(data, start, cut))
            # A pattern matches whole characters: RE2 reads valid UTF-8.
            and (check is None or check(data[start:cut].decode()))
        ):
            # Hot path: to call it takes six times as long.
            found.append(tuple.__new__(Span, (rule, start, cut)))
            place = max(cut, place + 1)
        else:
            place = max(place + 1, _resume(rule, data, spans))
    return place


def _fitting(fit: Callable[[str], int], data: bytes, start: int, end: int) -> int:
    """Return how many bytes of ``data[start:end]`` *fit*, which counts characters, leaves."""
    text = data[start:end].decode()
    kept = fit(text)
    return kept if len(text) == end - start else len(text[:kept].encode())


def _resume(rule: Rule, data: bytes, spans: list[tuple[int, int]]) -> int:
    """Return where to go on after a refused match: where another may begin inside it."""
    start, end = spans[0]
    if not rule.pattern.retry:
        if rule.group:
            return spans[rule.group][0]
        # Hot path: in a million digits nothing stands alone before their end.
        if end < len(data) and data[end] in WORD and stands_alone(rule.pattern.guard):
            run = _rest_of_word.match(data, end)
            return end if run is None else run.end()
        return end
    while start < end and data[start : start + 1].isalnum():
        start += 1
    return start
