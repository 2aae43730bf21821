"""A finder for tests, which looks as far as the law of finders lets it, and no farther."""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.content.finders import NEARBY, Finder, Found

_sentence = re.compile(r"[^\n]*?(?:[.!?](?=\s)|\n|\Z)")
_name = re.compile(r"\b(?:Ann|Lee|Zoë)\b")
_cue = re.compile(r"\b(?:met|dear|wrote)\b")
_day = re.compile(r"\b[0-9]{1,2} (?:March|May)\b")


def find(text: str, wanted: frozenset[str]) -> list[Found]:
    """Return names that share a sentence with a cue, on either side, and days."""
    return [one for one in _all(text) if one[0] in wanted]


def _all(text: str) -> Iterator[Found]:
    for sentence in _sentence.finditer(text):
        cues = [cue.span() for cue in _cue.finditer(text, *sentence.span())]
        people: list[tuple[int, int]] = []
        for name in _name.finditer(text, *sentence.span()):
            start, end = name.span()
            if not any(first >= start - NEARBY and last <= end + NEARBY for first, last in cues):
                continue
            if people and text[people[-1][1] : start] == " ":
                start = people.pop()[0]
            people.append((start, end))
        yield from (("pii.person", start, end, 0.9) for start, end in people)
        for day in _day.finditer(text, *sentence.span()):
            yield "pii.date", *day.span(), 0.4 if day.group().endswith("May") else 0.6


_unfinished = re.compile(r"[^\s.!?](?:[^.!?\n]|[.!?]\S)*[.!?]?\Z")


def settled(text: str) -> int:
    """Return where the last sentence begins, if it may go on."""
    found = _unfinished.search(text)
    return found.start() if found else len(text)


class Warmed:
    """Counts how often it was warmed up."""

    times = 0

    def warm(self) -> None:
        """Count."""
        self.times += 1


WARMED = Warmed()
READERS = {"tagger": Finder(find, WARMED.warm, settled)}
