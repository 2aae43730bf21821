"""Lists of terms: any number of them found in one pass, as whole words, in any case.

One Aho-Corasick pass over a window of the text finds every term that begins in it, inside words
too, and those inside words are dropped. Where these are very many (``cccc...`` and the term ``c``),
the edges of words are marked in terms and window, and an automaton of marked terms finds whole
words only::

    |so| |c|++   holds   |c|++
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence

from ahocorasick_rs import AhoCorasick

from engine.content.normalize import fold

WINDOW = 8192
MARK = "\u2060"
"""Folded texts have none: it is invisible."""
DENSE = 4
"""A term for every so many characters is more than texts have."""

_word = re.compile(r"\w+")


class Terms:
    """Finds terms. Empty lines and duplicates in *terms* do no harm."""

    __slots__ = ("_find", "_longest", "_marked", "_window", "words")

    def __init__(self, terms: Iterable[str], window: int = WINDOW) -> None:
        wanted = {lowered(fold(term).text.strip()) for term in terms} - {""}
        self.words: Sequence[str] = sorted(wanted)
        """The terms as they are looked for, in order."""
        self._longest = max(map(len, self.words), default=0)
        # What begins in a window may end behind it.
        self._window = max(window, self._longest)
        self._find = AhoCorasick(self.words) if wanted else None
        self._marked: AhoCorasick | None = None

    def find(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield the places of terms in *text*, which is folded."""
        if self._find is None:
            return
        low, size = lowered(text), self._window
        places: Sequence[tuple[int, int, int]] = ()
        dense = False
        for first in range(0, len(low), size):
            if not dense:
                window = low[first : first + size + self._longest]
                places = self._find.find_matches_as_indexes(window, overlapping=True)
                dense = len(places) * DENSE > size
            if dense:
                yield from self._whole(low, first, first + size)
                continue
            for _, start, end in places:
                if start < size and _edge(low, first + start) and _edge(low, first + end):
                    yield first + start, first + end

    def _whole(self, low: str, first: int, last: int) -> Iterator[tuple[int, int]]:
        """Yield the terms that begin in ``low[first:last]``; none inside a word is met."""
        if self._marked is None:
            self._marked = AhoCorasick([_edged(term) for term in self.words])
        # Marks at the ends of the piece may be wrong: no term of the window begins or ends there.
        begin, stop = max(0, first - 1), min(len(low), last + self._longest)
        marks: list[int] = []
        for count, word in enumerate(_word.finditer(low, begin, stop)):
            marks += word.start() - begin + 2 * count, word.end() - begin + 2 * count + 1
        marked = _edged(low[begin:stop])
        for _, start, end in self._marked.find_matches_as_indexes(marked, overlapping=True):
            place = begin + start - bisect_left(marks, start)
            if first <= place < last:
                yield place, begin + end - bisect_left(marks, end)


def _edged(text: str) -> str:
    return _word.sub(rf"{MARK}\g<0>{MARK}", text)


def lowered(text: str) -> str:
    """Return *text* in lower case, character for character, so that places stay what they are."""
    low = text.lower()
    if len(low) == len(text):
        return low
    return "".join(lower if len(lower := char.lower()) == 1 else char for char in text)


def _edge(text: str, place: int) -> bool:
    """Return whether *place* does not stand between two characters of one word."""
    return not (0 < place < len(text) and _in_word(text[place - 1]) and _in_word(text[place]))


def _in_word(char: str) -> bool:
    return char.isalnum() or char == "_"
