"""Text to persons, addresses, places and organisations, by lists of names and a small model.

`tagger_runs` finds the runs of words that may hold names, `tagger_decode` asks the model for their
labels, `tagger_dates` adds what patterns find: dates, ages, titles, nationalities.

What is said about a place depends on nothing farther than 256 characters from it; `settled` tells a
stream up to where nothing can change.
"""

from __future__ import annotations

from functools import cache

from engine.content.tagger_decode import decode, names, weigh
from engine.content.tagger_model import Model, load_model
from engine.content.tagger_runs import Pieces, read_pieces

Found = tuple[str, int, int, float]
"""An entity, its place in code points, its score."""

NAMED = frozenset({"pii.person", "pii.address", "pii.location", "pii.organization"})
TRAILING = ".,-'’/#&(–:"


@cache
def model() -> Model:
    """Return the model of this package, read at the first call."""
    return load_model()


def warm() -> None:
    """Read the lists and the model, so that no text has to wait for them."""
    model()


def find(text: str, wanted: frozenset[str]) -> list[Found]:
    """Return what of *wanted* is in *text*, by place: name, start, end in code points, score 0..1."""
    found: list[Found] = []
    if wanted & NAMED:
        found += [one for one in _named(text, model()) if one[0] in wanted]
    return sorted(found, key=lambda one: (one[1], one[2], one[0]))


def _named(text: str, using: Model) -> list[Found]:
    pieces = read_pieces(text, using)
    if not pieces.runs:
        return []
    edge = using.say("\n\n")
    found: list[Found] = []
    for run in pieces.runs:
        rows = weigh(pieces, run, using, edge)
        labels = decode(rows, using.steps)
        for name in names(rows, labels, run.start):
            place = trimmed(pieces, name.start, name.end)
            if place is not None:
                found.append(("pii." + name.kind, *place, name.score))
    return found


def trimmed(pieces: Pieces, start: int, end: int) -> tuple[int, int] | None:
    """Return the place of pieces ``start:end`` without signs and white space around them."""
    texts, starts = pieces.texts, pieces.starts
    while start < end and not texts[start][0].isalnum():
        start += 1
    while end > start and not texts[end - 1][0].isalnum():
        end -= 1
    if start == end:
        return None
    return starts[start], starts[end - 1] + len(texts[end - 1].rstrip())


def settled(text: str) -> int:
    """Return up to where `find` says the same about *text* whatever follows it."""
    return max(0, len(text) - 256)
