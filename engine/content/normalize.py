"""Text to the form that is searched, with a way back to the places in the original.

Attackers hide what they send behind look-alikes: full-width digits, zero-width characters inside a
number, exotic dashes, letters of the tag block that no one sees, accents and keycaps on digits.
`fold` undoes this: NFKC, invisible characters removed, every decimal digit and dash in ASCII, and
no marks but those that a letter is composed with, or that belong to a script other than Latin. It
works on clusters, a character and the combining marks behind it, so that each piece of the result
knows the cluster it came from::

    "4\u200b1\uff11"   ->   "411"   starts (0, 2, 3)   ends (1, 3, 4)

ASCII text, most of what is seen, is returned as it is without a look at its characters; of others,
only the characters that are not ASCII are looked at.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import filterfalse

from engine.content.regex import compiled

MAX_CLUSTER = 32  # UAX 15 "stream-safe text" has 30; sorting more marks is where time would go

MAX_GROWTH = 4

INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
MARKS = "\u0300-\u036f\u0488\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ua66f-\ua672\ufe20-\ufe2f"
"""Combining marks of no script."""
DASHES = "\u2010-\u2015\u2212\ufe58\ufe63\uff0d"
TAGS = {0xE0000 + code: chr(code) for code in range(0x20, 0x7F)}

ASCII = bytes(range(128))
PIECE = 65_536
"""Of so many characters at once a long text is searched, so that other threads run in between."""
FEW = 16
"""So many different characters are replaced one after the other: each takes little time."""

_removed = re.compile(f"[{INVISIBLE}]")
_undone = re.compile(f"[{INVISIBLE}{MARKS}]")
_marks = compiled(r"\p{M}")
_misplaced = compiled(r"[\x00-\x7f]\p{M}")
"""Marks of scripts stand behind letters of these, and none of those is in ASCII."""
_replaced = re.compile(rf"[{DASHES}\u2028\u2029]|(?![0-9])\d")
_others = re.compile(rf"[{DASHES}\u2028\u2029\d]")
"""The same, among characters that are not ASCII."""
_foreign = re.compile(r"[^\x00-\x7f]+")


@dataclass(frozen=True, slots=True)
class Folded:
    """A folded *text*; its character ``i`` came from ``starts[i]:ends[i]``, else from ``i``."""

    text: str
    starts: tuple[int, ...] | None = None
    ends: tuple[int, ...] | None = None

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """Return the place in the original of ``text[start:end]``, which is not empty."""
        if self.starts is None or self.ends is None:
            return start, end
        return self.starts[start], self.ends[end - 1]


def fold(text: str) -> Folded:
    """Return *text* as detectors read it. Never raises; lone surrogates stay what they are."""
    if text.isascii():
        return Folded(text)
    others = foreign(text)
    if (
        _has(_undone, others)
        or not unicodedata.is_normalized("NFKC", text)
        or _has_misplaced(text, others)
    ):
        return _rewritten(text)
    # Hot path: most texts have a few dashes at most.
    kinds = found_in(_others, others)
    if len(kinds) > FEW:
        return Folded(_replaced.sub(_plain, text))
    for char in kinds:
        text = text.replace(char, _shown(char))
    return Folded(text)


def foreign(text: str) -> str:
    """Return the characters of *text* that are not ASCII, in order."""
    data = text.encode("utf-8", "surrogatepass").translate(None, ASCII)
    return data.decode("utf-8", "surrogatepass")


def has_invisible(others: str) -> bool:
    """Return whether one of *others*, characters that are not ASCII, is not shown."""
    return _has(_removed, others)


def _has(pattern: re.Pattern[str], others: str) -> bool:
    """Return whether one of *others* matches *pattern*, which matches single characters."""
    return any(
        pattern.search(others, at, at + PIECE) is not None for at in range(0, len(others), PIECE)
    )


def _has_misplaced(text: str, others: str) -> bool:
    """Return whether a mark stands in *text* where no letter of its script is."""
    return _marks.within(others.encode("utf-8", "replace")) and _misplaced.within(
        text.encode("utf-8", "replace")
    )


def found_in(pattern: re.Pattern[str], text: str) -> set[str]:
    """Return which characters in *text* match *pattern*, which matches single ones."""
    found: set[str] = set()
    for at in range(0, len(text), PIECE):
        found.update(pattern.findall(text, at, at + PIECE))
    return found


def _plain(match: re.Match[str]) -> str:
    return _shown(match.group())


def _shown(char: str) -> str:
    digit = unicodedata.decimal(char, None)
    if digit is not None:
        return str(digit)
    return "\n" if char in "\u2028\u2029" else "-"


@lru_cache(maxsize=8192)
def _cluster(cluster: str) -> str:
    seen = unicodedata.normalize("NFKC", cluster.translate(TAGS))
    if len(seen) > MAX_GROWTH * len(cluster):  # one ligature has 18 letters: no way to grow a text
        seen = cluster
    seen = _replaced.sub(_plain, _undone.sub("", seen))
    if cluster[0].isascii() or seen[:1].isascii():
        return "".join(filterfalse(_is_mark, seen))
    return seen


def _is_mark(char: str) -> bool:
    return unicodedata.category(char)[0] == "M"


def _rewritten(text: str) -> Folded:
    pieces: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    done = 0
    for run in _foreign.finditer(text):
        begin = run.start()
        if begin > done and unicodedata.combining(text[begin]):
            begin -= 1  # the marks belong to the ASCII letter before them
        _copy(text, done, begin, pieces, starts, ends)
        done = begin
        bare = True  # ASCII stands before it, or nothing
        while done < run.end():
            stop = done + 1
            if bare and _is_mark(text[done]):
                if ends and done - starts[-1] < MAX_CLUSTER:
                    ends[-1] = stop
                done = stop
                continue
            limit = min(run.end(), done + MAX_CLUSTER)
            while stop < limit and unicodedata.combining(text[stop]):
                stop += 1
            piece = _cluster(text[done:stop])
            pieces.append(piece)
            starts += [done] * len(piece)
            ends += [stop] * len(piece)
            if piece:
                bare = piece.isascii() or text[done].isascii()
            done = stop
    _copy(text, done, len(text), pieces, starts, ends)
    return Folded("".join(pieces), tuple(starts), tuple(ends))


def _copy(
    text: str, begin: int, end: int, pieces: list[str], starts: list[int], ends: list[int]
) -> None:
    pieces.append(text[begin:end])
    starts += range(begin, end)
    ends += range(begin + 1, end + 1)


def characters(data: bytes, offsets: Iterable[int]) -> dict[int, int]:
    """Return the number of characters before each of the byte *offsets*: one pass over *data*."""
    places: dict[int, int] = {}
    done = count = 0
    for offset in sorted(offsets):
        count += len(data[done:offset].decode())
        places[offset] = count
        done = offset
    return places
