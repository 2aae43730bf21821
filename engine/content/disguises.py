"""Text to the forms in which phrases are searched: plain, without spaces, without leetspeak.

`plain` undoes what hides letters: case, accents, look-alikes of other scripts, wide gaps.
`disguises` and `hides_phrase` undo what hides words: spaced-out letters, leetspeak, words that are
glued together or cut up, ROT13.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache
from zlib import adler32

from ahocorasick_rs import BytesAhoCorasick, Implementation

from engine.content.islands import BEGINNINGS
from engine.content.normalize import FEW, PIECE, fold, foreign, has_invisible
from engine.content.phrases import COMPACT
from engine.content.regex import Regex, any_of, compiled

LEET_SHARE = 0.25
FEW_SIGNS = 0.05
MAX_PIECE = 4
"""Every compact phrase has a longer word: pieces this short were cut up."""
GLUED = 24
"""A word with a compact phrase and so many letters more is a sentence without its spaces."""

LOOKALIKES = str.maketrans(
    "аеорсухіјѕԁһԛԝвкмнтгпоɑαβγεικνορτυχωϲѡℓıłøđħŧ",
    "aeopcyxijsdhqwbkmhtrnoaabyeiknoptuxwcwlilodht",
)
LEET = str.maketrans("013457@$!|", "oieastasii")
ALIKE = bytes.maketrans(b"013457@$!|l", b"oieastasiii")
"""The same, and no difference between what ``1`` may stand for."""
NO_LETTERS = bytes(set(range(256)) - set(b"abcdefghijklmnopqrstuvwxyz0123456789@$!|"))
GAPS = bytes.maketrans(NO_LETTERS, b" " * len(NO_LETTERS))
SIGNS = b"013457@$!|"
GAP = "[^0-9@$!|a-z]*"
"""What may stand between two letters: the bytes of `NO_LETTERS`."""
SIGN = 7
BOTH = bytes((code == ord(" ")) + SIGN * (code in SIGNS) for code in range(256))
SUMMED = 8192
"""Adler-32 sums up bytes below 65,521: so many, of 7 at most."""
CAPITALS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
BLANK = (b"", b" ")
SPACES = b"\t\n\v\f\r\x1c\x1d\x1e\x1f"
PLAIN = bytes.maketrans(CAPITALS + SPACES, CAPITALS.lower() + b" " * len(SPACES))
"""What `str.split` takes for a space becomes one."""
STRIDES = (512, 64, 8, 1)
QUOTES = str.maketrans("\u201c\u201d\u201e\xab\xbb\u2018\u2019\u201a", '"""""\'\'\'')

_others = "".join(map(chr, LOOKALIKES))
MIXED = f"[a-z][{_others}]|[{_others}][a-z]"
"""Two letters of different scripts side by side."""
_mixed = compiled(MIXED)
_irregular = any_of(
    (
        MIXED,
        "  ",
        r"[\t-\r\x1c-\x1f\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]",
    )
)
"""Occurs in every text that has more to be undone than its case."""
_foreign = re.compile(r"[^\x00-\x7f]+")
_smuggled = re.compile(
    "[\U000e0020-\U000e007e]{8,}|[\ufe00-\ufe0f\U000e0100-\U000e01ef]{8,}"
    "|[\u200b-\u200d\u2060-\u2064\ufeff]{16,}"
)
_word = re.compile(r"\S+")
_latin = re.compile(r"[a-z]")
_wide = re.compile(r"\s{2,}")
_odd = any_of((*BEGINNINGS, r"[ \t\n\v\f\r\x1c-\x1f]{2}"))
_leet = re.compile(r"[a-z][0-9@$!|]+[a-z]|[0-9@$!|][a-z]+[0-9@$!|]")


def odd_place(text: str) -> int:
    """Return the first byte of *text* that may begin an island or a gap wider than a space, or -1.

    Most texts have none: one pass instead of two, which `islands` and `plain` need to say so.
    """
    data = text.encode("utf-8", "replace")
    return _odd.find(data, 0, len(data))[0][0]


def plain(text: str, *, odd: bool = True) -> str:
    """Return *text* as phrases are written: lower case, no accents, look-alikes or wide gaps.

    What is known not to be *odd* has no gap but single spaces.
    """
    if text.isascii():
        data = text.encode().translate(PLAIN)
        return (_spaced(data) if odd else data.strip(b" ")).decode()
    text = _unmarked(fold(text).text)
    if text.isascii():
        return plain(text)
    text = text.casefold()
    data = text.encode("utf-8", "replace")
    if not _irregular.within(data):
        return text.lower().strip(" ")
    if _mixed.within(data):  # only then are words looked at
        text = _word.sub(_familiar, text)
    return " ".join(text.lower().split())


def _spaced(data: bytes) -> bytes:
    """Return *data* with one space for several, and none at its ends."""
    # Hot path: lines are indented, and to split at each single space takes three times as long.
    return b" ".join([piece.strip(b" ") for piece in data.split(b"  ") if piece not in BLANK])


def _unmarked(text: str) -> str:
    """Return *text*, which is folded, without accents and marks, and with plain quotation marks."""
    others = foreign(text)
    kinds: set[str] = set()
    for at in range(0, len(others), PIECE):
        kinds.update(others[at : at + PIECE])
    # Invariant: what a character is replaced by stays what it is.
    changed = [(char, bare) for char in kinds if (bare := _bare(char)) != char]
    if len(changed) > FEW:
        return _foreign.sub(_run, text)
    for char, bare in changed:
        text = text.replace(char, bare)
    return text


def _run(run: re.Match[str]) -> str:
    return "".join(map(_bare, run.group()))


@lru_cache(maxsize=4096)
def _bare(char: str) -> str:
    letters = unicodedata.normalize("NFD", char).translate(QUOTES)
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def _familiar(word: re.Match[str]) -> str:
    """Return a word of Latin letters and their look-alikes in Latin letters."""
    found = word.group()
    return found.translate(LOOKALIKES) if _latin.search(found) else found


def disguises(simple: str, shown: str) -> Iterator[str]:
    """Yield plain forms of a text that is spaced out (``i g n o r e  a l l``) or in leetspeak.

    *simple* is the plain form of *shown*.
    """
    data = simple.encode("utf-8", "replace")
    # Most texts have few spaces and signs. One sum says so: 1 for each space, 7 for each sign.
    both = _sum(data, BOTH)
    if len(data) == len(simple) and both * 3 <= len(data):
        return
    joined, signs = simple, _signs(data)
    if (both - SIGN * signs) * 3 > len(simple):  # words of two letters and a space on the average
        joined = " ".join(plain(word.replace(" ", "")) for word in _wide.split(shown))
        yield joined
        signs = _signs(joined.encode("utf-8", "replace"))
    # Counting is cheap; words are looked at one by one only where it makes one suspect.
    if signs > FEW_SIGNS * len(joined):
        least = LEET_SHARE * (1 + joined.count(" "))
        if _leets(joined) > least:  # at least one in each such word
            words = joined.split(" ")
            if sum(_leet.search(word) is not None for word in words) > least:
                yield joined.translate(LEET)


def _signs(data: bytes) -> int:
    """Return how many of `SIGNS` are in *data*."""
    return len(data) - len(data.translate(None, SIGNS))


def _leets(text: str) -> int:
    """Return how often leetspeak occurs in *text*, which is read in pieces: see `PIECE`."""
    count = at = 0
    while at < len(text):
        space = text.find(" ", at + PIECE)
        stop = len(text) if space < 0 else space
        count += len(_leet.findall(text, at, stop))
        at = stop
    return count


def _sum(data: bytes, weights: bytes) -> int:
    """Return the sum of the *weights* of all bytes of *data*, each 7 at most.

    Hot path: a checksum that has the sum in it takes a third of the time of counting.
    """
    weighed = data.translate(weights)
    if len(weighed) <= SUMMED:
        return (adler32(weighed) & 0xFFFF) - 1
    return sum(
        (adler32(weighed[at : at + SUMMED]) & 0xFFFF) - 1 for at in range(0, len(weighed), SUMMED)
    )


def hides_phrase(simple: str) -> bool:
    """Return whether a phrase shows only once spaces, dots and leetspeak are gone, or in ROT13."""
    data = simple.encode("utf-8", "replace")
    phrases, gate, hint = _compact()
    # Hot path: reading over what stands between letters is faster than taking it out.
    if not hint.within(data):
        return False
    form = data.translate(ALIKE, NO_LETTERS)
    at, passed = 0, 0  # Invariant: `passed` letters stand before data[at:].
    for number, start, end in gate.find_matches_as_indexes(form):
        if number >= len(COMPACT):
            return True
        at, passed = _advance(data, at, passed, start)
        stop, _ = _advance(data, at, start, end - 1)
        words = data[at : stop + 1].translate(GAPS).split()
        passed = start
        if b"".join(words) != phrases[number].encode() or max(map(len, words)) <= MAX_PIECE:
            return True
        if len(words) == 1 and _glued(data, at, stop + 1):
            return True
    return False


def _advance(data: bytes, at: int, kept: int, wanted: int) -> tuple[int, int]:
    """Return the place of letter *wanted* of *data*, of which *kept* stand before *at*; and it.

    Letters are counted in C, in strides that get shorter.
    """
    for stride in STRIDES:
        while True:
            letters = len(data[at : at + stride].translate(None, NO_LETTERS))
            if kept + letters > wanted:
                break
            at += stride
            kept += letters
    return at, kept


def smuggles(text: str) -> bool:
    """Return whether *text* has a run of characters that are not shown, as long as a word or more.

    Letters of the tag block, or bytes as variation selectors or as zero-width characters. A flag
    has six tag letters at most, and an emoji two selectors.
    """
    # Hot path: the characters that are not ASCII are few, and shown, in most texts.
    if text.isascii() or not has_invisible(foreign(text)):
        return False
    # One character again and again says nothing: it is padding.
    return any(len(set(run.group())) > 1 for run in _smuggled.finditer(text))


def _glued(data: bytes, start: int, end: int) -> bool:
    """Return whether ``data[start:end]`` stands in one word with a lot of letters more."""
    behind = data[end : end + 2 * GLUED].translate(GAPS).split(b" ", 1)[0]
    before = data[max(0, start - 2 * GLUED) : start].translate(GAPS).rsplit(b" ", 1)[-1]
    return len(behind) + len(before) >= GLUED


@cache
def _compact() -> tuple[tuple[str, ...], BytesAhoCorasick, Regex]:
    phrases = (*COMPACT, *(codecs.encode(phrase, "rot13") for phrase in COMPACT))
    forms = [phrase.encode().translate(ALIKE) for phrase in phrases]
    gate = BytesAhoCorasick(forms, implementation=Implementation.DFA)
    every = "|".join(GAP.join(map(_alike, form)) for form in forms)
    return phrases, gate, compiled(every, grouped=False, bytewise=True)


def _alike(letter: int) -> str:
    """Return a pattern for what becomes *letter* by `ALIKE`, in lower case."""
    kept = set(range(256)) - set(NO_LETTERS)
    return f"[{''.join(chr(code) for code in sorted(kept) if ALIKE[code] == letter)}]"
