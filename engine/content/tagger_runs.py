"""A text to its pieces, and the runs of pieces that may hold a name.

Most words of a text are neither capitalised nor in a list of names: they are looked up once in a
memory and cost nothing more. The kinds of all pieces make a string, in which one regular expression
finds chains of words that may be of names, with no more than `GAP` others between two::

    "please ask Anna Smith about it"  ->  "bbSSbb"  ->  run 2..4

Nothing may depend on what is far away, because streams and large texts are read in windows: a chain
of more than `REACH` characters is cut at its commas and lines, and what is longer still holds no
name. Seen from a window that begins 256 characters before a name, a chain that comes from outside
begins at most ``(GAP + 1) * (LONGEST + 1)`` characters inside, and is still longer than `REACH`.
"""

from __future__ import annotations

import re
from itertools import accumulate
from typing import NamedTuple

from engine.content.tagger_model import Model, Said
from engine.content.tagger_words import LONGEST, PIECES

GAP = 4
CHAIN = re.compile(f"u{{0,2}}[SCDsw](?:[ju]{{0,{GAP}}}[SCDsw])*u{{0,2}}")
SEED = re.compile("S|C[jw]?C|s|D.{0,4}w|w.{0,2}D")
REACH = 116
CUTS = re.compile(r"[,;\n]")
AHEAD = 5
"""So many pieces behind a run tell something of it (see `tagger_model.around_key`)."""


class Run(NamedTuple):
    """Pieces ``start:end`` of a text that may hold names."""

    start: int
    end: int


class Pieces(NamedTuple):
    """The pieces of a text, where each begins (and the text ends), what each says, their kinds."""

    texts: list[str]
    starts: list[int]
    said: list[Said]
    kinds: str


def read_pieces(text: str, model: Model) -> Pieces:
    """Return the pieces of *text*."""
    texts = PIECES.findall(text)
    known = model.said.get
    say = model.say
    said = [known(one) or say(one) for one in texts]
    kinds = "".join([one.kind for one in said])
    return Pieces(texts, [0, *accumulate(map(len, texts))], said, kinds)


def find_runs(pieces: Pieces) -> list[Run]:
    """Return the runs in *pieces*."""
    kinds, starts = pieces.kinds, pieces.starts
    runs = []
    for match in CHAIN.finditer(kinds):
        start, end = match.span()
        if SEED.search(kinds, start, end):
            if starts[end] - starts[start] <= REACH:
                runs.append(Run(start, end))
            else:
                runs += [one for one in cut(pieces, start, end) if SEED.search(kinds, *one)]
    return runs


def cut(pieces: Pieces, start: int, end: int) -> list[Run]:
    """Return the parts of a long chain that are short, between commas and lines."""
    texts, starts = pieces.texts, pieces.starts
    found = []
    begin = start
    for at in range(start, end + 1):
        if at == end or CUTS.search(texts[at]):
            if begin < at and starts[at] - starts[begin] <= REACH:
                found.append(Run(begin, at))
            begin = at + 1
    return found


def settled_piece(pieces: Pieces) -> int:
    """Return the first piece of which the labels may change if the text goes on."""
    count = len(pieces.texts)
    last = count - 1
    if last >= 0 and len(pieces.texts[last]) > LONGEST:
        last = count  # it is in no name, however it ends
    for match in CHAIN.finditer(pieces.kinds):
        start, end = match.span()
        if end + AHEAD <= last:
            continue
        if pieces.starts[min(end, last)] - pieces.starts[start] <= REACH:
            return min(start, last)
        return min(_last_cut(pieces, start, last), last)
    return last


def _last_cut(pieces: Pieces, start: int, last: int) -> int:
    """Return where the part of a long chain begins that may still become a run."""
    first = max(start, last - AHEAD)
    for at in range(first, start, -1):
        if CUTS.search(pieces.texts[at - 1]):
            return at
        if pieces.starts[last] - pieces.starts[at] > REACH:
            return first
    return start
