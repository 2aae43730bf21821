"""A text to its pieces, and the runs of pieces that may hold a name.

Most words of a text are neither capitalised nor in a list of names: they are looked up once in a
memory and cost nothing more. The kinds of all pieces make a string, in which one regular expression
finds the runs::

    "please ask Anna Smith about it"  ->  "bbSSbb"  ->  run 2..4

A run is cut where it is long, so that nothing depends on what is far away: see `REACH`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from engine.content.tagger_model import Model, Said
from engine.content.tagger_words import PIECES

RUN = re.compile("[SCDsuwj]+")
SEED = re.compile("S|C[jw]?C|s|D.{0,4}w|w.{0,2}D")
LAST = re.compile(".*[SCDsw]")
AHEAD, BEHIND = 5, 7
"""So many pieces ahead of the first seed and behind the last belong to a run."""
REACH = 112
"""A run of more characters is cut at its commas and lines; what is longer still holds no name."""
CUTS = re.compile(r"[,;\n] ?")


class Run(NamedTuple):
    """Pieces ``start:end`` of a text that may hold names."""

    start: int
    end: int


class Pieces(NamedTuple):
    """The pieces of a text, where each begins (and the text ends), and what each says."""

    texts: list[str]
    starts: list[int]
    said: list[Said]
    runs: list[Run]


def read_pieces(text: str, model: Model) -> Pieces:
    """Return the pieces of *text* and its runs."""
    texts = PIECES.findall(text)
    known = model.said.get
    say = model.say
    said = [known(one) or say(one) for one in texts]
    kinds = "".join([one.piece.kind for one in said])
    starts = [0, *accumulate(map(len, texts))]
    runs: list[Run] = []
    for match in RUN.finditer(kinds):
        first = SEED.search(kinds, match.start(), match.end())
        if first is None:
            continue
        last = LAST.match(kinds, first.start(), match.end())
        assert last is not None
        start = max(match.start(), first.start() - AHEAD)
        end = min(match.end(), last.end() + BEHIND)
        if starts[end] - starts[start] <= REACH:
            runs.append(Run(start, end))
        else:
            runs += _cut(texts, starts, start, end)
    return Pieces(texts, starts, said, runs)


def _cut(texts: Sequence[str], starts: Sequence[int], start: int, end: int) -> list[Run]:
    """Return what of a long run is short between commas and lines."""
    found = []
    begin = start
    for at in range(start, end + 1):
        if at == end or CUTS.match(texts[at]):
            if begin < at and starts[at] - starts[begin] <= REACH:
                found.append(Run(begin, at))
            begin = at + 1
    return found
