"""Lists of terms: any number of them found in one pass, as whole words, in any case."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ahocorasick_rs import AhoCorasick

from engine.content.normalize import fold


class Terms:
    """Finds terms. Empty lines and duplicates in *terms* do no harm."""

    __slots__ = ("_find", "words")

    def __init__(self, terms: Iterable[str]) -> None:
        wanted = sorted({lowered(fold(term).text.strip()) for term in terms} - {""})
        self.words: Sequence[str] = wanted
        self._find = AhoCorasick(wanted) if wanted else None

    def find(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield the places of terms in *text*, which is folded."""
        if self._find is None:
            return
        low = lowered(text)
        for _, start, end in self._find.find_matches_as_indexes(low, overlapping=True):
            if _edge(low, start) and _edge(low, end):
                yield start, end


def lowered(text: str) -> str:
    """Return *text* in lower case, character for character, so that places stay what they are."""
    low = text.lower()
    if len(low) == len(text):
        return low
    return "".join(lower if len(lower := char.lower()) == 1 else char for char in text)


def _edge(text: str, place: int) -> bool:
    """Return whether *place* does not stand between two characters of one word."""
    return not (0 < place < len(text) and _word(text[place - 1]) and _word(text[place]))


def _word(char: str) -> bool:
    return char.isalnum() or char == "_"
