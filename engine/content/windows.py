"""A long text to its findings in overlapping windows, which a pool of threads may scan at once.

The windows are cut at spaces, and two neighbours share enough that a match with its context lies
whole in one of them::

    |------ left ------:====|====:------ right ------|      : edges, | the cut between them

Up to the cut the left one counts, from there on the right one. Where the two do not agree about
what both see, as when a finding reaches an edge (a key of many lines, base64 without end), or there
is no space to cut at, the text is scanned whole: what is found is always what one scan finds. So it
is where a word gives ROT13 away, since then all the text is read so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise

from engine.content.findings import Finding
from engine.content.views import rotated

LONG = 65_536
"""Texts of more characters are worth it."""
WINDOW = 32_768
OVERLAP = 4_096
"""Characters that two windows share on each side of the cut."""
MARGIN = 512
"""What stands so near an edge may be cut off, or lack its context."""
SPACES = " \n\t\r"

Window = tuple[int, int]
Scanned = tuple[Finding, ...]
Each = Callable[[Callable[[Window], Scanned], Iterable[Window]], Iterable[Scanned]]
"""``map``, or that of a pool of threads: both finders let other threads run meanwhile."""


def scan_windows(
    scan: Callable[[str, frozenset[str]], Scanned],
    text: str,
    entities: frozenset[str],
    each: Each = map,
) -> Scanned:
    """Return what ``scan(text, entities)`` returns; of a long text by windows, with *each*."""
    cuts = [] if len(text) <= LONG else list(_cuts(text))
    edges = [(_space(text, cut - OVERLAP), _space(text, cut + OVERLAP)) for cut in cuts]
    if not cuts or any(low < 0 or high < 0 for low, high in edges) or rotated(text):
        return scan(text, entities)
    starts = [0, *(low for low, _ in edges)]
    stops = [*(high for _, high in edges), len(text)]

    def look(window: Window) -> Scanned:
        start, stop = window
        return tuple(
            one._replace(start=one.start + start, end=one.end + start)
            for one in scan(text[start:stop], entities)
        )

    seen = list(each(look, zip(starts, stops, strict=True)))
    for (left, right), (low, high) in zip(pairwise(seen), edges, strict=True):
        if _shared(left, low, high) != _shared(right, low, high):
            return scan(text, entities)
    return tuple(_joined(seen, cuts))


def _cuts(text: str) -> Iterator[int]:
    """Yield where windows meet; a last one of less than half a window is none."""
    cut = WINDOW
    while cut < len(text) - WINDOW // 2:
        yield cut
        cut += WINDOW


def _space(text: str, place: int) -> int:
    """Return a place behind a space near *place*, or -1: no word is cut in two."""
    for at in range(place, place + MARGIN):
        if text[at - 1] in SPACES:
            return at
    return -1


def _shared(found: Scanned, low: int, high: int) -> list[Finding]:
    """Return the findings between two edges, which both windows must see alike.

    Those in the margin of the other window's edge are told from whole ones by being seen by one
    alone, those that reach over the cut and the margin by being cut off.
    """
    first, last = low + MARGIN, high - MARGIN
    return [one for one in found if one.end > first and one.start < last]


def _joined(seen: list[Scanned], cuts: list[int]) -> Iterator[Finding]:
    for found, (first, last) in zip(seen, pairwise([0, *cuts, -1]), strict=True):
        for one in found:
            if first <= one.start and (last < 0 or one.start < last):
                yield one
