"""A text to the other texts that it may be read as, one level deep, with the way back.

What is written ``ann&#64;example.org``, ``ann%40example.org``, ``a n n @ e x ...`` or in base64 is
the same address. Each view of the text undoes one such disguise, and detectors look at each::

    "mail ann%40example.org"  ->  "mail ann@example.org"   the ``@`` stands for ``[8:11]``

A view only adds findings: the text itself is always looked at. A finding in a view points at all
characters of the escape or island that it touches. Ordinary texts have no views, and one pass of
RE2 says so.
"""

from __future__ import annotations

import codecs
import html
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from engine.content import validate
from engine.content.islands import BITS, LONG, MOST, PAIRS, find_pairs, hidden
from engine.content.lookalikes import DISGUISED, revealed
from engine.content.normalize import characters, fold
from engine.content.regex import Regex, any_of, compiled, spans

APART = "\n" * 64
"""Between two islands: no context word reaches from one into the other."""

PERCENT = r"(?:%[0-9A-Fa-f]{2})+"
BACKSLASH = r"(?:\\x[0-9a-fA-F]{2})+|(?:\\u[0-9a-fA-F]{4})+"
REFERENCE = r"&(?:#[0-9]{1,7};?|#[xX][0-9a-fA-F]{1,6};?|[A-Za-z][A-Za-z0-9]{1,30};)"
LETTER = r"[^\x00-@\[-`{-\x7f]"
SPACED = rf"(?:^|[\s\"'(\[:,]){LETTER}(?: {{1,3}}[^\x00-/:-?\[-`{{-\x7f]){{4}}(?:\s|$)"
"""Five letters, digits or at-signs one by one, beginning with a letter."""
COUNTED = r"(?:^|[\s\"'(\[:,])[0-9](?: {1,3}[0-9.\-]){6}(?:\s|$)"
"""Digits one by one, perhaps with the signs between them."""
SIGNS = (r"\.", "-", "_", r"\*")
JOINED = "|".join(f"[A-Za-z](?:{sign}[A-Za-z]){{4,}}" for sign in SIGNS)
JOINED = rf"(?:^|[^0-9A-Za-z._\-*])({JOINED})(?:[^0-9A-Za-z]|$)"
"""Five letters with the same sign between any two."""
ROTATED = (
    r"(?i:ebg-?13|rot-?13|cnffjbeq|cnffcuenfr|frperg|ncv[_\- ]?xrl|npprff[_\- ]?xrl|gbxra)"
    r"|NXVN[A-Z2-7]|tuc_[0-9A-Za-z]|-----ORTVA"
)
"""Words that give ROT13 away: its name, and the names and beginnings of secrets."""

_escape = any_of((REFERENCE, PERCENT, BACKSLASH))
_run = compiled(r"(?:^|[\s\"'(\[:,])(\S(?: {1,3}\S){4,})(?:\s|$)")
_joined = compiled(JOINED)
_spaced = any_of((SPACED, COUNTED, JOINED))
_letters = re.compile(rf"{LETTER}(?: {{1,3}}[^\x00-/:-?\[-`{{-\x7f]){{4}}")
_signed = re.compile(r"[0-9.\-]*[.\-][0-9.\-]*")
_gap = re.compile(" +")
_rotated = compiled(ROTATED)
_character = lru_cache(maxsize=1024)(html.unescape)

RARE = (
    r"&(?:#[xX]?[0-9a-fA-F]|[A-Za-z][A-Za-z0-9]+;)",
    "%[0-9A-Fa-f]{2}",
    r"\\(?:u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2})",
    SPACED,
    COUNTED,
    JOINED,
    ROTATED,
    BITS,
)
_rare = any_of(RARE)
_more = any_of((*RARE, PAIRS))

DISGUISING = (*RARE, PAIRS, LONG)
DISGUISES = any_of(DISGUISING)
"""Occurs in every text that has another view than that without look-alikes."""

DISGUISED_SAMPLE = """\
Hello, wr\u0456te to me&#64;x, you%40x and them\\u0040x; s p e l l e d or j.o.i.n.e.d, 4 1 . 2 0 . 3
776f726473206f6620616e206f72646572 cnffjbeq d29yZHMgb2YgYW4gb3JkZXI=
01110111 01101111 01110010 01100100 01110011 01100001 01101110 01100100
"""
"""A text with every view, to warm up with: RE2 makes its automata when a text needs them."""

HEX = frozenset(b"0123456789abcdefABCDEF")

FIRST_BAD, LAST_BAD = chr(0xDC80), chr(0xDCFF)
"""What bytes that are no UTF-8 are decoded to."""
UNIT = 6
"""Characters of ``\\u0040``."""

Replaced = tuple[int, int, str]
"""A place in the text and what it is read as."""


@dataclass(frozen=True, slots=True)
class View:
    """Another reading of a text, in pieces: ``text[at[i]:at[i + 1]]`` stands for one place.

    A piece comes whole from ``starts[i]:ends[i]``; where ``ends[i]`` is 0 it was copied from
    ``starts[i]`` on, character for character.
    """

    text: str
    at: tuple[int, ...]
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    alike: bool = False
    """Whether it is the same text but for letters that look alike."""

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """Return the place that ``text[start:end]``, which is not empty, stands for."""
        first = bisect_right(self.at, start) - 1
        last = bisect_right(self.at, end - 1, first) - 1
        begin, stop = self.starts[first], self.ends[last]
        return (
            begin if self.ends[first] else begin + start - self.at[first],
            stop or self.starts[last] + end - self.at[last],
        )


def views(text: str, data: bytes, first: int = 0) -> Iterator[View]:
    """Yield the views of *text*, which is folded; *data* is its UTF-8.

    But for look-alikes, no disguise begins before the byte *first*.
    """
    if len(data) != len(text) and DISGUISED.within(data):
        yield View(revealed(text), (0,), (0,), (0,), alike=True)
    size = len(data)
    long = DISGUISES.find(data, first, size)[0][0]
    if long < 0:
        return
    # Hot path: most texts that come here have a long name or path in them, and nothing else; or
    # long numbers, too.
    pairs, other = _paired(data, long)
    first = _rare.find(data, other, size)[0][0] if other >= 0 else -1
    rare = first >= 0
    if rare and _escape.find(data, first, size)[0][0] >= 0:
        yield rewritten(text, _escapes(text, data))
    if rare and _spaced.find(data, first, size)[0][0] >= 0:
        yield rewritten(text, sorted((*_gaps(text, data), *_signs(text, data))))
    if other < 0:
        found = hidden(text, data, (long,), pairs)
    else:
        paired = pairs[0][0] if pairs else other
        found = hidden(text, data, (long, paired, first)[: 2 + rare])
    if found:
        yield _islands(found)
    if rare and _rotated.find(data, first, size)[0][0] >= 0:
        yield View(codecs.encode(text, "rot13"), (0,), (0,), (0,))


def rotated(text: str) -> bool:
    """Return whether a word of *text* gives ROT13 away, so that all of it has a view of that."""
    return _rotated.within(fold(text).text.encode("utf-8", "replace"))


def _paired(data: bytes, place: int) -> tuple[list[tuple[int, int]], int]:
    """Return where hex is in ``data[place:]``, in front of what may be rare; and where that is.

    The latter is -1 if nothing there may be.
    """
    found: list[tuple[int, int]] = []
    size = len(data)
    while (start := _more.find(data, place, size)[0][0]) >= 0:
        if data[start] not in HEX:
            return found, start
        begin, place = find_pairs(data, start)
        # Invariant: what is rare and begins in hex ends in `MOST` bytes behind it, or matches also
        # what of it is in them.
        if begin != start or _rare.find(data, start, min(size, place + MOST))[0][0] >= 0:
            return found, start
        found.append((start, place))
    return found, -1


def rewritten(text: str, replaced: Iterable[Replaced]) -> View:
    """Return *text* with the places of *replaced*, in order and disjoint, read as it says."""
    pieces: list[str] = []
    at: list[int] = []
    starts: list[int] = []
    ends: list[int] = []
    done = size = 0
    for start, end, new in replaced:
        if start > done:
            pieces.append(text[done:start])
            at.append(size)
            starts.append(done)
            ends.append(0)
            size += start - done
        if new:
            pieces.append(new)
            at.append(size)
            starts.append(start)
            ends.append(end)
            size += len(new)
        done = end
    if done < len(text):
        pieces.append(text[done:])
        at.append(size)
        starts.append(done)
        ends.append(0)
    return View("".join(pieces), tuple(at), tuple(starts), tuple(ends))


def _islands(found: list[Replaced]) -> View:
    pieces: list[str] = []
    at: list[int] = []
    size = 0
    for _, _, said in found:
        pieces.append(APART + said)
        at.append(size)
        size += len(APART) + len(said)
    starts, ends, _ = zip(*found, strict=True)
    return View("".join(pieces), tuple(at), starts, ends)


def _places(pattern: Regex, text: str, data: bytes, group: int) -> Iterable[tuple[int, int]]:
    """Return where *pattern*, or its group, matches in *text*, in characters."""
    found = list(spans(pattern, data) if group == 0 else _grouped(pattern, data))
    if len(data) == len(text):
        return found
    known = characters(data, {at for span in found for at in span})
    return [(known[start], known[end]) for start, end in found]


def _grouped(pattern: Regex, data: bytes) -> Iterator[tuple[int, int]]:
    find, size = pattern.find, len(data)
    start, end = find(data, 0, size)[1]
    while start >= 0:
        yield start, end
        # The space behind one run may stand before the next.
        start, end = find(data, end, size)[1]


def _escapes(text: str, data: bytes) -> Iterator[Replaced]:
    """Yield each escape of *text* with its character; what stands for none stays as it is."""
    for start, end in _places(_escape, text, data, 0):
        escape = text[start:end]
        match escape[:2]:
            case "\\x":
                yield from _encoded(bytes.fromhex(escape.replace("\\x", "")), start, 4)
            case "\\u":
                yield from _units(escape, start)
            case _ if escape[0] == "&":
                yield start, end, _character(escape)
            case _:
                yield from _encoded(bytes.fromhex(escape.replace("%", "")), start, 3)


def _encoded(data: bytes, start: int, width: int) -> Iterator[Replaced]:
    """Yield the characters of *data*, each byte of which was written with *width* characters."""
    for char in data.decode("utf-8", "surrogateescape"):
        end = start + width * (1 if FIRST_BAD <= char <= LAST_BAD else len(char.encode()))
        if not FIRST_BAD <= char <= LAST_BAD:
            yield start, end, char
        start = end


def _units(escape: str, start: int) -> Iterator[Replaced]:
    """Yield the characters of an *escape* in UTF-16 units, two of which may be one character."""
    data = bytes.fromhex(escape.replace("\\u", ""))
    for char in data.decode("utf-16-be", "replace"):
        end = start + UNIT * len(char.encode("utf-16-be", "replace")) // 2
        yield start, end, char
        start = end


def _gaps(text: str, data: bytes) -> Iterator[Replaced]:
    """Yield the spaces inside words that are written letter by letter; a wide one parts words."""
    for start, end in _places(_run, text, data, 1):
        if not _one_by_one(text[start:end]):
            continue
        for gap in _gap.finditer(text, start, end):
            yield *gap.span(), " " if len(gap.group()) > 1 else ""


def _signs(text: str, data: bytes) -> Iterator[Replaced]:
    """Yield the signs inside words that are written with one between any two letters."""
    for start, end in _places(_joined, text, data, 1):
        for place in range(start + 1, end, 2):
            yield place, place + 1, ""


def _one_by_one(run: str) -> bool:
    """Return whether *run* is a word or number that was spaced out, and no row of digits.

    Digits alone must be those of a payment card, else a table would be full of numbers.
    """
    if _letters.search(run):
        return True
    number = run.replace(" ", "")
    return validate.card(number) if number.isdecimal() else _signed.fullmatch(number) is not None
