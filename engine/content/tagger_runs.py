"""A text to its pieces, and the runs of pieces that may hold a name.

Most words of a text are neither capitalised nor in a list of names: they are looked up once in a
memory and cost nothing more. The kinds of all pieces make a string, in which chains of words are
sought that may be of names, with no more than `GAP` others between two::

    "please ask Anna Smith about it"  ->  "bbSSbb"  ->  run 2..4

Nothing may depend on what is far away, because streams and large texts are read in windows: a chain
of more than `REACH` characters is cut at its commas and lines, and what is longer still holds no
name. Seen from a window that begins 256 characters before a name, a chain that comes from outside
begins at most ``(GAP + 1) * (LONGEST + 1)`` characters inside, and is still longer than `REACH`.

Both loops here read every piece of a text, and are written to be compiled.
"""

from __future__ import annotations

import re
from typing import Final

from engine.content.tagger_model import Model, Said
from engine.content.tagger_words import LONGEST

GAP: Final = 4
ENDS: Final = 2
"""So many unknown words in lower case may begin or end a chain."""
BREAK: Final = ord("b")
STRONG: Final = ord("S")
PLAIN: Final = ord("C")
NUMBER: Final = ord("D")
LOW: Final = ord("s")
KNOWN: Final = ord("w")
UNKNOWN: Final = ord("u")
JOINT: Final = ord("j")
"""Kinds of pieces, as in `tagger_words`; the last two are what may be between others in a chain."""
FAR: Final = 9
BEHIND_NUMBER: Final = 5
BEHIND_KNOWN: Final = 3
"""How far a word of addresses may stand behind a number, and a number behind such a word."""
REACH: Final = 116
CUTS = re.compile(r"[,;\n]")
AHEAD: Final = 5
"""So many pieces behind a run tell something of it (see `tagger_model.around_key`)."""


class Run:
    """Pieces ``start:end`` of a text that may hold names, if any of them is *likely* one."""

    __slots__ = ("end", "likely", "start")

    def __init__(self, start: int, end: int, likely: bool) -> None:  # noqa: FBT001 - of one module
        self.start = start
        self.end = end
        self.likely = likely


class Pieces:
    """The pieces of a text, where each begins (and the text ends), what each says.

    *kinds* and *roles* have a byte for each.
    """

    __slots__ = ("kinds", "roles", "said", "starts", "texts")

    def __init__(
        self, texts: list[str], starts: list[int], said: list[Said], kinds: bytes, roles: bytes
    ) -> None:
        self.texts = texts
        self.starts = starts
        self.said = said
        self.kinds = kinds
        self.roles = roles


def read_pieces(text: str, model: Model) -> Pieces:
    """Return the pieces of *text*.

    Between two spaces stands a chunk, mostly a word that was met before. Invariant: what a chunk
    and the space behind it are cut into depends on nothing around them, unless it ends in white
    space: then it is read with what follows.
    """
    texts: list[str] = []
    starts: list[int] = []
    said: list[Said] = []
    kinds: list[bytes] = []
    roles: list[bytes] = []
    at = 0
    chunks = model.chunks
    parts = text.split(" ")
    last = len(parts) - 1
    first = -1
    for place in range(last + 1):
        part = parts[place]
        known = chunks.get(part) if first < 0 and place < last else None
        if known is None:
            if place == last:
                known = model.cut(part if first < 0 else " ".join(parts[first:]))
            elif not part or part[-1].isspace():
                first = place if first < 0 else first
                continue
            else:
                known = model.read(part if first < 0 else " ".join(parts[first : place + 1]))
                first = -1
        for index in range(len(known.texts)):
            piece = known.texts[index]
            starts.append(at)
            texts.append(piece)
            said.append(known.said[index])
            at += len(piece)
        kinds.append(known.kinds)
        roles.append(known.roles)
    starts.append(at)
    return Pieces(texts, starts, said, b"".join(kinds), b"".join(roles))


def find_runs(pieces: Pieces) -> list[Run]:
    """Return the runs in *pieces*."""
    starts = pieces.starts
    runs: list[Run] = []
    for chain in chains(pieces.kinds):
        if chain.likely:
            if starts[chain.end] - starts[chain.start] <= REACH:
                runs.append(chain)
            else:
                runs += [one for one in cut(pieces, chain.start, chain.end) if one.likely]
    return runs


def chains(kinds: bytes) -> list[Run]:
    """Return the chains in *kinds*: pieces of names or addresses, with few others between.

    One is likely a name if it has a strong piece or a name in lower case, two capitalised words
    side by side or joined, or a word of addresses near a number.
    """
    found: list[Run] = []
    size, done, at = len(kinds), 0, 0
    while at < size:
        kind = kinds[at]
        if kind in (BREAK, UNKNOWN, JOINT):
            at += 1
            continue
        start = at
        while start > done and at - start < ENDS and kinds[start - 1] == UNKNOWN:
            start -= 1
        end = at = at + 1
        while at < size and at - end <= GAP and kinds[at] != BREAK:
            if kinds[at] not in (UNKNOWN, JOINT):
                end = at + 1
            at += 1
        at = end
        while end < size and end - at < ENDS and kinds[end] == UNKNOWN:
            end += 1
        found.append(Run(start, end, is_likely(kinds, start, at)))
        done = at = end
    return found


def is_likely(kinds: bytes, start: int, end: int) -> bool:
    """Return whether ``kinds[start:end]`` may be of a name: see `chains`."""
    plain = number = known = start - FAR
    for at in range(start, end):
        kind = kinds[at]
        if kind in (STRONG, LOW):
            return True
        if kind == PLAIN:
            if at - plain <= 1 or (
                at - plain == 2 and kinds[at - 1] in (JOINT, KNOWN)  # noqa: PLR2004 - one between
            ):
                return True
            plain = at
        elif kind == KNOWN:
            if at - number <= BEHIND_NUMBER:
                return True
            known = at
        elif kind == NUMBER:
            if at - known <= BEHIND_KNOWN:
                return True
            number = at
    return False


def cut(pieces: Pieces, start: int, end: int) -> list[Run]:
    """Return the parts of a long chain that are short, between commas and lines."""
    texts, starts, kinds = pieces.texts, pieces.starts, pieces.kinds
    found: list[Run] = []
    begin = start
    for at in range(start, end + 1):
        if at == end or CUTS.search(texts[at]):
            if begin < at and starts[at] - starts[begin] <= REACH:
                found.append(Run(begin, at, is_likely(kinds, begin, at)))
            begin = at + 1
    return found


def settled_piece(pieces: Pieces) -> int:
    """Return the first piece of which the labels may change if the text goes on."""
    count = len(pieces.texts)
    last = count - 1
    if last >= 0 and len(pieces.texts[last]) > LONGEST:
        last = count  # it is in no name, however it ends
    for chain in chains(pieces.kinds):
        start, end = chain.start, chain.end
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
