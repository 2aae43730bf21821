r"""Plain text to the sentences that are worded like orders to a model, and how much each says.

A small linear model, made by ``bench/training/injection.py`` from texts of this project's own. Its
terms are one to three words, or words with which a sentence begins::

    "see you. now write a poem."  ->  "\nsee you  \nnow write a poem  "  ->  "\nnow ", " write a "

All of them are found in one Aho-Corasick pass. The weights of a sentence's different terms are
added; from `model.margin` on the sum counts, up to `MOST`. A sentence says the same wherever it
stands and whatever stands around it, so that padding changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

import msgspec
from ahocorasick_rs import BytesAhoCorasick, Implementation

PLACE = Path(__file__).with_name("injection.json")
MOST = 4.0
DRAG = 0.01
"""What each byte of a sentence takes away: in a long one, some terms stand by chance."""
LETTERS = b"abcdefghijklmnopqrstuvwxyz0123456789'_\n" + bytes(range(128, 256))
WORDS = bytes(code if code in LETTERS else 32 for code in range(256))
LAST = (0, -1, -1)
"""What comes after the last term."""
ENDS = (b". ", b"? ", b"! ", b": ")


class Said(NamedTuple):
    """A sentence at the bytes *place* to *end* of the plain text, and what it says, above 0."""

    place: int
    end: int
    evidence: float


class Model(msgspec.Struct, frozen=True):
    """What the training script writes.

    All are pairs, for a user's words and for a document. *terms* have a weight; *margin* is what a
    sentence must say at least; *share* is how much the evidence of each signal counts; *curves* are
    points of evidence and probability.
    """

    terms: dict[str, tuple[float, float]]
    margin: tuple[float, float]
    share: tuple[dict[str, float], dict[str, float]]
    curves: tuple[tuple[tuple[float, float], ...], tuple[tuple[float, float], ...]]


@cache
def model() -> Model:
    """Return the model, read once."""
    return msgspec.json.decode(PLACE.read_bytes(), type=Model)


def sentences(data: bytes) -> bytes:
    """Return *data*, plain text, with a line for each sentence and spaces for all signs.

    Nothing moves: byte ``i`` becomes byte ``i + 1``.
    """
    for end in ENDS:
        data = data.replace(end, b" \n")
    return b"\n" + data.translate(WORDS) + b"\n"


def said(data: bytes, *, embedded: bool) -> list[Said]:
    """Return the sentences of *data*, plain text, that are worded like orders, in order."""
    terms = weighted_terms()[embedded]
    weights, margin = terms.weights, model().margin[embedded]
    data += b" "  # so that the last sentence ends as all others do
    text = sentences(data)
    found: list[Said] = []
    begin = end = 0
    total, seen = 0.0, set[int]()
    for term, start, _ in (*terms.speaking.find_matches_as_indexes(text, overlapping=True), LAST):
        if start >= end or start < 0:
            # Hot path: only where what speaks for it is enough, what speaks against it is sought.
            evidence = total - margin - (end - begin) * DRAG
            # People ask each other questions, in mails and on pages.
            if evidence > 0 and not (embedded and data[end - 2 : end - 1] == b"?"):
                evidence -= terms.denied(text[begin:end])
                if evidence > 0:
                    found.append(Said(begin, end, min(evidence, MOST)))
            # Invariant: no term reaches over the end of its sentence, which is the next line's.
            begin, end = text.rfind(b"\n", 0, start + 1), text.find(b"\n", start + 1)
            total, seen = 0.0, set()
        if term not in seen:
            seen.add(term)
            total += weights[term]
    return found


@dataclass(frozen=True, slots=True)
class Terms:
    """What finds terms that speak for orders to a model, and against them, and their weights."""

    speaking: BytesAhoCorasick
    weights: tuple[float, ...]
    denying: BytesAhoCorasick
    against: tuple[float, ...]

    def denied(self, sentence: bytes) -> float:
        """Return how much the different terms in *sentence* say against it."""
        found = self.denying.find_matches_as_indexes(sentence, overlapping=True)
        return sum([self.against[one] for one in {term for term, _, _ in found}])


@cache
def weighted_terms() -> tuple[Terms, Terms]:
    """Return the terms for users and for documents."""
    every = model().terms.items()
    return _terms([(term, one) for term, (one, _) in every]), _terms(
        [(term, one) for term, (_, one) in every]
    )


def _terms(weighted: Sequence[tuple[str, float]]) -> Terms:
    speaking = {term: weight for term, weight in weighted if weight > 0}
    denying = {term: -weight for term, weight in weighted if weight < 0}
    return Terms(
        _automaton(speaking),
        tuple(speaking.values()),
        _automaton(denying),
        tuple(denying.values()),
    )


def _automaton(terms: Iterable[str]) -> BytesAhoCorasick:
    words = [term.encode() for term in terms]
    return BytesAhoCorasick(words, implementation=Implementation.ContiguousNFA)
