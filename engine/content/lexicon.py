r"""The words that are looked for in every text: cues, turns, and keywords of other languages.

A word belongs to groups, which are numbered: cues come first, then turns, then phrases. Words of
ASCII alone are found in the pass of `wording`, which reads a text without its signs::

    "gpt: "  ->  "gpt \n"      "2 answers"  ->  "0 answers"      " q: "  ->  " q \n", "\nq \n"

What such a `form` may stand for is compared with the text itself. All others have a pass of their
own, which only texts that are not ASCII need.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from itertools import product

from ahocorasick_rs import BytesAhoCorasick, Implementation

from engine.content.cues import CUES
from engine.content.phrases_abroad import ABROAD

TURNS = (("human:", "user:"), ("assistant:",), (" q: ",), (" a: ",))
OWN = len(CUES) + len(TURNS)
"""From this number on, a group is the keywords of a phrase in another language."""
LONGEST = 32
"""No keyword is longer."""
BEFORE = (b"x", b".", b"?", b"!", b":")
BEHIND = (b"x", b" ", b". ", b"? ", b"! ", b": ")
"""What may stand around a word and change what its first and last sign are read as."""

Place = tuple[int, int, int]
"""A number, begin and end."""

Grouped = tuple[bytes, tuple[int, ...]]
"""A word and its groups."""


@dataclass(frozen=True, slots=True)
class Words:
    """Words found in one pass: number ``i`` of them belongs to the groups ``having[i]``."""

    automaton: BytesAhoCorasick
    having: tuple[tuple[int, ...], ...]

    def find_matches(self, data: bytes) -> list[Place]:
        """Return the words in *data* by their groups, with their places, in order of the ends."""
        return [
            (group, start, end)
            for word, start, end in self.automaton.find_matches_as_indexes(data, overlapping=True)
            for group in self.having[word]
        ]


def arranged(words: Iterable[Grouped], *, small: bool = False) -> Words:
    """Return what finds *words*, which are all different; if *small*, at half the speed."""
    every = tuple(words)
    how = Implementation.ContiguousNFA if small else Implementation.DFA
    return Words(
        BytesAhoCorasick([word for word, _ in every], implementation=how),
        tuple(groups for _, groups in every),
    )


def grouped(groups: Iterable[tuple[str, ...]]) -> list[Grouped]:
    """Return the words of *groups*, each once, with the numbers of the groups that have it."""
    having: dict[str, list[int]] = {}
    for number, group in enumerate(groups):
        for word in dict.fromkeys(group):
            having.setdefault(word, []).append(number)
    return [(word.encode(), tuple(numbers)) for word, numbers in having.items()]


def forms(read: Callable[[bytes], bytes]) -> dict[bytes, list[Grouped]]:
    """Return the words of ASCII alone by what *read* may make of them.

    *read* moves nothing: byte ``i`` of a text becomes byte ``i + 1``.
    """
    found: dict[bytes, list[Grouped]] = {}
    for word, groups in _every():
        if word.isascii():
            first = BEFORE if word[:1] in BEFORE or word[:1] == b" " else BEFORE[:1]
            last = BEHIND if word[-1:] in BEFORE else BEHIND[:1]
            for form in {
                read(before + word + behind)[2 : 2 + len(word)]
                for before, behind in product(first, last)
            }:
                found.setdefault(form, []).append((word, groups))
    return found


@cache
def foreign() -> Words:
    """Return what finds the words that are not ASCII."""
    return arranged([one for one in _every() if not one[0].isascii()])


@cache
def _every() -> list[Grouped]:
    return grouped((*(cue.words for cue in CUES), *TURNS, *(one.keywords for one in ABROAD)))
