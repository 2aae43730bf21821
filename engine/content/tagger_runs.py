"""A text to its pieces, and the runs of pieces that may hold a name.

Most words of a text are neither capitalised nor in a list of names: they are looked up once in a
memory and cost nothing more. Chains of pieces are sought that may be of names, with no more than
`GAP` others between two::

    "please ask Anna Smith about it"  ->  kinds "bbSSbb"  ->  run 2..4

Nothing may depend on what is far away, because streams and large texts are read in windows: a chain
of more than `REACH` characters is cut at its commas and lines, and what is longer still holds no
name. Seen from a window that begins 256 characters before a name, a chain that comes from outside
begins at most ``(GAP + 1) * (LONGEST + 1)`` characters inside, and is still longer than `REACH`.

The loops here read every character or piece of a text, and are written to be compiled.
"""

from __future__ import annotations

import re
from typing import Final

from engine.content.native import i64
from engine.content.tagger_model import Chunk, Model, Said
from engine.content.tagger_words import KINDS, LONGEST

GAP: Final = 4
ENDS: Final = 2
"""So many unknown words in lower case may begin or end a chain."""
BREAK: Final = 0
UNKNOWN: Final = 1
JOINT: Final = 2
"""Kinds of pieces; the last two are what may be between others in a chain, and"""
NUMBER: Final = 3
PLAIN: Final = 4
KNOWN: Final = 5
LOW: Final = 6
"""from this one on any is likely a name by itself."""
assert KINDS == "bujDCwsS"
FAR: Final = 9
BEHIND_NUMBER: Final = 5
BEHIND_KNOWN: Final = 3
"""How far a word of addresses may stand behind a number, and a number behind such a word."""
REACH: Final = 116
CUTS: Final = re.compile(r"[,;\n]")
AHEAD: Final = 5
"""So many pieces behind a run tell something of it (see `tagger_model.around_key`)."""
SPACE: Final = 32
FOREIGN: Final = 128
"""From here on a byte is one of several that are a character."""
HALF: Final = 7
BYTE: Final = 8
FEW: Final = 32
"""So many bytes more are looked at one by one."""
WIDE: Final = 4
"""Bytes of the widest character."""


class Run:
    """Pieces ``start:end`` of a text that may hold names, if any of them is *likely* one.

    The first of them begins at the character *place*.
    """

    __slots__ = ("end", "likely", "place", "start")

    def __init__(self, start: i64, end: i64, place: i64, likely: bool) -> None:  # noqa: FBT001 - of one module
        self.start: i64 = start
        self.end: i64 = end
        self.place: i64 = place
        self.likely = likely


def read_pieces(text: str, model: Model) -> list[Said]:
    """Return what the pieces of *text* say.

    Between two spaces stands a chunk, mostly a word that was met before. Invariant: what a chunk
    and the space behind it are cut into depends on nothing around them, unless it ends in white
    space: then it is read with what follows.

    Hot path: a chunk of up to 14 bytes is found by two integers that hold them, without a string
    of it.
    """
    data = text.encode("utf-8", "surrogatepass")
    said: list[Said] = []
    size: i64 = len(data)
    begin: i64 = 0
    while begin < size:
        near, far, at = written(data, begin)
        short = begin < at < size and data[at] == SPACE
        if short:
            kept = model.kept(near, far)
            if isinstance(kept, Said):
                said.append(kept)
                begin = at + 1
                continue
            if isinstance(kept, Chunk):
                for one in kept.said:
                    said.append(one)  # noqa: PERF402 - compiled, it is quicker than to extend it
                begin = at + 1
                continue
        end = chunk_end(data, begin, at)
        part = data[begin:end].decode("utf-8", "surrogatepass")
        if end == size:
            said += model.cut(part)
        else:
            chunk = model.read(part)
            said += chunk.said
            if short and end == at:
                model.keep(near, far, chunk)
        begin = end + 1
    return said


def written(data: bytes, begin: i64) -> tuple[i64, i64, i64]:
    """Return the bytes from *begin* of *data* up to a space, in two integers, and where they end.

    The first one holds seven, the second the next seven, and above them how many these are. Of more
    than these there is only the place.
    """
    size: i64 = len(data)
    at: i64 = begin
    near: i64 = 0
    far: i64 = 0
    stop: i64 = min(begin + HALF, size)
    while at < stop:
        code: i64 = data[at]
        if code == SPACE:
            break
        near = near << BYTE | code
        at += 1
    if at == begin + HALF:
        stop = min(begin + 2 * HALF, size)
        while at < stop:
            code = data[at]
            if code == SPACE:
                break
            far = far << BYTE | code
            at += 1
    return near, far | at - begin << BYTE * HALF, at


def chunk_end(data: bytes, begin: i64, at: i64) -> int:
    """Return the first space in *data* from *at* on with no white space before it, or its end.

    Hot path: most words that are too long to be kept have few letters more, and asking each of them
    is faster than calling for the space.
    """
    stop: i64 = min(at + FEW, len(data))
    while at < stop and data[at] != SPACE:
        at += 1
    if begin < at < stop and SPACE < data[at - 1] < FOREIGN:
        return at
    end = data.find(b" ", at)
    while end >= 0 and (end == begin or _is_white(data, begin, end)):
        end = data.find(b" ", end + 1)
    return end if end >= 0 else len(data)


def _is_white(data: bytes, begin: int, end: int) -> bool:
    """Return whether the last character of ``data[begin:end]``, which is not empty, is white space.

    Hot path: most are shown and of ASCII.
    """
    if SPACE < data[end - 1] < FOREIGN:
        return False
    return data[max(begin, end - WIDE) : end].decode("utf-8", "replace")[-1].isspace()


def find_runs(said: list[Said]) -> list[Run]:
    """Return the runs in the pieces *said*."""
    runs: list[Run] = []
    for chain in chains(said, every=False):
        if length(said, chain.start, chain.end) <= REACH:
            runs.append(chain)
        else:
            runs += [one for one in cut(said, chain) if one.likely]
    return runs


def length(said: list[Said], start: i64, end: i64) -> i64:
    """Return how many characters the pieces ``start:end`` have."""
    total: i64 = 0
    while start < end:
        total += said[start].size
        start += 1
    return total


def chains(said: list[Said], *, every: bool) -> list[Run]:
    """Return the chains in *said*: pieces of names or addresses, with few others between.

    One is likely a name if it has a strong piece or a name in lower case, two capitalised words
    side by side or joined, or a word of addresses near a number. Others are told of if *every* one
    is asked for.
    """
    found: list[Run] = []
    size: i64 = len(said)
    done: i64 = 0
    first: i64 = -1
    place: i64 = 0
    for one in said:
        first += 1
        place += one.size
        if one.kind <= JOINT or first < done:
            continue
        start: i64 = first
        begin: i64 = place - one.size
        while start > done and first - start < ENDS and said[start - 1].kind == UNKNOWN:
            start -= 1
            begin -= said[start].size
        at: i64 = first + 1
        end: i64 = at
        while at < size and at - end <= GAP:
            kind = said[at].kind
            at += 1
            if kind == BREAK:
                break
            if kind > JOINT:
                end = at
        likely = is_likely(said, start, end)
        done = end
        while done < size and done - end < ENDS and said[done].kind == UNKNOWN:
            done += 1
        if likely or every:
            found.append(Run(start, done, begin, likely))
    return found


def is_likely(said: list[Said], start: i64, end: i64) -> bool:
    """Return whether the pieces ``start:end`` may be of a name: see `chains`."""
    plain: i64 = start - FAR
    number: i64 = plain
    known: i64 = plain
    at: i64 = start
    while at < end:
        kind = said[at].kind
        if kind >= LOW:
            return True
        if kind == PLAIN:
            if at - plain <= 1 or (at - plain == 2 and said[at - 1].kind in (JOINT, KNOWN)):  # noqa: PLR2004 - one between
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
        at += 1
    return False


def cut(said: list[Said], chain: Run) -> list[Run]:
    """Return the parts of a long chain that are short, between commas and lines."""
    found: list[Run] = []
    begin, end, place = chain.start, chain.end, chain.place
    for at in range(chain.start, end + 1):
        if at == end or CUTS.search(said[at].text):
            long = length(said, begin, at)
            if begin < at and long <= REACH:
                found.append(Run(begin, at, place, is_likely(said, begin, at)))
            if at < end:
                place += long + said[at].size
            begin = at + 1
    return found


def settled_piece(said: list[Said]) -> int:
    """Return the first piece of which the labels may change if the text goes on."""
    count = len(said)
    last = count - 1
    if last >= 0 and len(said[last].text) > LONGEST:
        last = count  # it is in no name, however it ends
    for chain in chains(said, every=True):
        start, end = chain.start, chain.end
        if end + AHEAD <= last:
            continue
        if length(said, start, min(end, last)) <= REACH:
            return min(start, last)
        return min(_last_cut(said, start, last), last)
    return last


def _last_cut(said: list[Said], start: int, last: int) -> int:
    """Return where the part of a long chain begins that may still become a run."""
    first = max(start, last - AHEAD)
    for at in range(first, start, -1):
        if CUTS.search(said[at - 1].text):
            return at
        if length(said, at, last) > REACH:
            return first
    return start
