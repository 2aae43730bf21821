r"""Plain text to the sentences that are worded like orders to a model, and how much each says.

A small linear model, made by ``bench/training/injection.py`` from texts of this project's own. Its
terms are one to three words, or words with which a sentence begins::

    "see you. now write a poem."  ->  "\nsee you  \nnow write a poem  "  ->  "\nnow ", " write a "

All of them are found in one Aho-Corasick pass, and in the same pass the words of `lexicon`. The
weights of a sentence's different terms are added; from `Scale.margin` on the sum counts, up to
`MOST`. A sentence says the same wherever it stands and whatever stands around it, so that padding
changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from ahocorasick_rs import BytesAhoCorasick, Implementation

from engine.content.lexicon import Grouped, Place, forms
from engine.content.wording_model import read_terms, scale

MOST = 4.0
DRAG = 0.01
"""What each byte of a sentence takes away: in a long one, some terms stand by chance."""
LETTERS = b"abcdefghijklmnopqrstuvwxyz0123456789'_\n" + bytes(range(128, 256))
WORDS = bytes(code if code in LETTERS else 32 for code in range(256))
NARROW = bytes((*range(11, 32), *range(33, 39)))
"""The 27 bytes between a line's end, a space and an apostrophe."""
ALIKE = WORDS.translate(
    bytes.maketrans(b"jqxzkvbywgetaoinsrhldcumfp_0123456789", NARROW + NARROW[-1:] * 10)
)
"""The same, and all digits are one, of which no term has any; and all that terms have stands side
by side. An automaton then tells 32 kinds of bytes apart and not 64: it takes half the memory. The
letters that are frequent stand around the space: most steps from a state are in one line of the
processor's cache."""
SIGNS = b".?!:"
"""What ends a sentence where a space follows, in the order in which they are sought."""
DOT, QUESTION, EXCLAMATION, COLON = SIGNS
STOPS = bytes.maketrans(b"?!:", b"...")
TWICE = b". \n"
"""What the last two of several signs before a space have become, with it."""


class Said(NamedTuple):
    """A sentence at the bytes *place* to *end* of the plain text, and what it says, above 0."""

    place: int
    end: int
    evidence: float


class Heard(NamedTuple):
    """What one pass tells: sentences in order, and words by their groups, in order of the ends."""

    said: list[Said]
    words: list[Place]


def sentences(data: bytes, words: bytes = WORDS) -> bytes:
    """Return *data*, plain text, with a line for each sentence and spaces for all signs.

    Nothing moves: byte ``i`` becomes byte ``i + 1``. *words* says what each byte becomes.
    """
    # Hot path: looking for one end instead of four takes a third of the time, and in many texts
    # there is no other.
    one = QUESTION not in data and EXCLAMATION not in data and COLON not in data
    stopped = (data if one else data.translate(STOPS)).replace(b". ", b" \n")
    parted = stopped.translate(words)
    # Hot path: looking for one byte takes a tenth of looking for three.
    twice = stopped.find(TWICE) if DOT in stopped else -1
    if twice >= 0:
        parted = _again(data, stopped, parted, twice)
    return b"\n" + parted + b"\n"


def _again(data: bytes, stopped: bytes, parted: bytes, twice: int) -> bytes:
    """Return *parted*, made of *data*, with what else ends where signs follow one another.

    In *stopped* they first do at *twice*. `SIGNS` are sought one after the other: where one became
    a space, a sign before it that is sought later has become an end, too.
    """
    made = bytearray(parted)
    while twice >= 0:
        last = place = twice + 1
        while place and _order(data[place - 1]) > _order(data[place]):
            place -= 1
        made[place + 1 : last + 1] = b"\n" * (last - place)
        twice = stopped.find(TWICE, last)
    return bytes(made)


def _order(sign: int) -> int:
    """Return when *sign* is sought, -1 for never."""
    return SIGNS.find(sign)


def heard(data: bytes, *, embedded: bool) -> Heard:
    """Return the sentences of *data*, plain text, that are worded like orders; and the words."""
    terms = weighted_terms()[embedded]
    # A space more, so that the last sentence ends as all others do.
    text = sentences(data + b" ", ALIKE)
    matches: list[Place] = terms.speaking.find_matches_as_indexes(text, overlapping=True)
    matches.append((0, len(text), 0))
    weights, own, margin = terms.weights, terms.own, scale().margin[embedded]
    said: list[Said] = []
    read: list[tuple[int, int]] = []
    # Hot path: one call cuts all lines; to seek the end of each that has a term takes many.
    lines = text.split(b"\n")
    line, end, total = 1, 0, 0.0
    for term, start, _ in matches:
        if term >= own:
            read.append((term - own, start - 1))
            continue
        if start >= end:
            # Hot path: most sentences end here, with too little even were no term said twice.
            if total > margin:
                # Invariant: no term reaches over the end of its sentence, the next line's begin.
                begin = text.rfind(b"\n", 0, end)
                drag = (end - begin) * DRAG
                # People ask each other questions, in mails and on pages.
                if total - margin > drag and not (embedded and data[end - 2 : end - 1] == b"?"):
                    evidence = terms.speaks(text[begin:end]) - margin - drag
                    # Only where what speaks for it is enough, what speaks against it is sought.
                    if evidence > 0:
                        evidence -= terms.denied(text[begin:end])
                    if evidence > 0:
                        said.append(Said(begin, end, min(evidence, MOST)))
            while end <= start and line < len(lines):
                end += 1 + len(lines[line])
                line += 1
            total = 0.0
        total += weights[term]
    return Heard(said, terms.words(read, data) if read else [])


@dataclass(frozen=True, slots=True)
class Terms:
    """What finds terms that speak for orders to a model, and against them, and their weights.

    From number *own* on, what *speaking* finds is a form of words, *having* them: see `lexicon`.
    """

    speaking: BytesAhoCorasick
    weights: tuple[float, ...]
    own: int
    having: tuple[Sequence[Grouped], ...]
    denying: BytesAhoCorasick
    against: tuple[float, ...]

    def speaks(self, sentence: bytes) -> float:
        """Return how much the different terms in *sentence* say for it."""
        found = self.speaking.find_matches_as_indexes(sentence, overlapping=True)
        total = 0.0
        for term in dict.fromkeys([term for term, _, _ in found]):
            if term < self.own:
                total += self.weights[term]
        return total

    def words(self, read: Iterable[tuple[int, int]], data: bytes) -> list[Place]:
        """Return by their groups the words in *data* that forms at the places *read* stand for."""
        return [
            (group, start, start + len(word))
            for form, start in read
            for word, groups in self.having[form]
            if start >= 0 and data.startswith(word, start)
            for group in groups
        ]

    def denied(self, sentence: bytes) -> float:
        """Return how much the different terms in *sentence* say against it."""
        found = self.denying.find_matches_as_indexes(sentence, overlapping=True)
        return sum([self.against[one] for one in {term for term, _, _ in found}])


@cache
def weighted_terms() -> tuple[Terms, Terms]:
    """Return the terms for users and for documents."""
    every, words = read_terms().items(), forms(lambda word: sentences(word, ALIKE))
    return (
        _terms([(term, one) for term, (one, _) in every], words),
        _terms([(term, one) for term, (_, one) in every], words),
    )


def _terms(weighted: Sequence[tuple[str, float]], words: Mapping[bytes, list[Grouped]]) -> Terms:
    read = [(term.encode().translate(ALIKE), weight) for term, weight in weighted]
    speaking = {term: weight for term, weight in read if weight > 0}
    denying = {term: -weight for term, weight in read if weight < 0}
    return Terms(
        BytesAhoCorasick([*speaking, *words], implementation=Implementation.DFA),
        tuple(speaking.values()),
        len(speaking),
        tuple(words.values()),
        BytesAhoCorasick(list(denying), implementation=Implementation.ContiguousNFA),
        tuple(denying.values()),
    )
