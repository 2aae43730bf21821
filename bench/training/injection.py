"""The made texts to the model of the injection score: terms, shares of signals, and two curves.

::

    python -m bench.training.injection

1. A logistic model per role over the terms of single sentences, orders to a model against all else,
   with the bias held fixed: a sentence of unknown words says nothing.
2. Two curves, the logistic regression of truth on evidence over texts of templates that 1 has not
   seen: that makes the score a probability on their mixture.

The weights of phrases and cues, and the shares of signals, are by hand: fitted to made texts, they
found less of real attacks, since what is made says each thing too plainly.

Pure Python and deterministic: the same templates give the same file.
"""

from __future__ import annotations

import random
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import exp, sqrt

import msgspec

from bench.training.injection_made import Text, held_out, made
from engine.content import injection, wording, wording_model
from engine.content.disguises import plain
from engine.content.islands import unescaped
from engine.content.wording import DRAG, sentences
from engine.content.wording_model import Model

SEED = 7
COPIES = 12
MOST_WORDS = 3
LONGEST = 40
EPOCHS = 12
RATE = 0.25
LASSO = 1e-2
SLIGHT = (0.25, 0.4)
"""A term that says less, for or against an attack, is left out."""
HEAVIEST = 2.5
SINGLE = 0.7
"""What a term of one word says at most: a weak sign."""
BIAS = -2.5
STEPS = 4000
PLENTY = 4.0
KNOTS = (0.01, *(at / 4 for at in range(1, 24)), 6.0, 8.0, 12.0, 60.0)
SIGNALS = (
    "override", "roleplay", "exfiltration", "delimiter", "authority", "tool_coercion", "secrecy",
    "instruction_in_document", "many_shot", "concealed", "wording",
)  # fmt: skip
SHARES = {**dict.fromkeys(SIGNALS, 1.0), "wording": 0.45}
MARGINS = (2.0, 3.0)
ODDS = (1.5, 1.02)
"""Chosen with labelled texts, of which nothing was learnt otherwise."""
ROLES = ("user", "document")
COMMON = frozenset(
    b"the a an of to and in is it for on with that this be as are at by or from i we was not has "
    b"have had will if but they he she his her its do so no can all one their there than".split()
)
_plain = re.compile(rb"[a-z' ]*[a-z][a-z']{2,}[a-z' ]*|[^\x00-\x7f ]+")
_word = re.compile(rb"[^ \n]+")


@dataclass(frozen=True, slots=True)
class Example:
    """The terms of a sentence; *bad* ones give orders to a model. It counts *weight* times."""

    terms: tuple[bytes, ...]
    bad: bool
    weight: float
    size: int


def terms_of(sentence: bytes) -> set[bytes]:
    """Return the terms in a line of `wording.sentences`."""
    found: set[bytes] = set()
    words = [(word.start(), word.end()) for word in _word.finditer(sentence)]
    for first, (start, _) in enumerate(words):
        before = start - 1
        for last in range(first, min(first + MOST_WORDS, len(words))):
            begin, end = words[last]
            if begin != before + 1:
                break
            before = end
            term = sentence[start:end]
            if end - start > LONGEST or (last == first and start and term in COMMON):
                continue
            if not _plain.fullmatch(term):
                continue
            found.add((b" " if start else b"\n") + term + b" ")
    return found


def split(text: str) -> list[bytes]:
    """Return the sentences of *text*."""
    lines = sentences(plain(unescaped(text)).encode() + b" ").split(b"\n")
    return [line for line in lines if line.strip()]


def examples(texts: Iterable[Text], role: str) -> list[Example]:
    """Return the sentences of *texts* in the mouth of *role*, attacks and others weighing alike."""
    counted: dict[tuple[bytes, bool], int] = defaultdict(int)
    for text in texts:
        # Users paste documents: what is harmless there is so in their words too.
        if (text.role == "user") != (role == "user") and (text.bad or role != "user"):
            continue
        orders = split(text.attack)
        for sentence in split(text.text):
            bad = text.bad and any(sentence in one or one in sentence for one in orders)
            counted[sentence, bad] += 1
    weights = {key: float(min(count, COPIES)) for key, count in counted.items()}
    total = {bad: sum(w for key, w in weights.items() if key[1] == bad) for bad in (True, False)}
    scale = (total[True] + total[False]) / 2
    return [
        Example(
            tuple(sorted(terms_of(key[0]))),
            key[1],
            weight * scale / total[key[1]],
            len(key[0]),
        )
        for key, weight in weights.items()
    ]


def fit_terms(rows: Sequence[Example]) -> dict[bytes, float]:
    """Return the weights of terms: adaptive gradient steps with a lasso."""
    source = random.Random(SEED)
    known = [(row.terms, row.bad, row.weight, BIAS - row.size * DRAG) for row in rows]
    weights: dict[bytes, float] = defaultdict(float)
    squares: dict[bytes, float] = defaultdict(lambda: 1e-2)
    for _ in range(EPOCHS):
        source.shuffle(known)
        for terms, bad, weight, bias in known:
            slope = (sigmoid(bias + sum(weights[term] for term in terms)) - bad) * weight
            for term in terms:
                squares[term] += slope * slope
                step = RATE / sqrt(squares[term])
                moved = weights[term] - step * slope
                shrunk = max(abs(moved) - step * LASSO, 0.0)
                most = HEAVIEST if term.count(b" ") > 2 or term[:1] == b"\n" else SINGLE
                weights[term] = min(most, shrunk) * (1 if moved > 0 else -1)
    return {
        term: value for term, value in weights.items() if value >= SLIGHT[0] or -value >= SLIGHT[1]
    }


def sigmoid(odds: float) -> float:
    """Return the probability of logarithmic *odds*."""
    return 1 / (1 + exp(-max(-30.0, min(30.0, odds))))


Point = tuple[bool, float, bool]
"""Whether a text is a document, its evidence, and whether it is bad."""


Curve = tuple[tuple[float, float], ...]


def evidence_of(texts: Iterable[Text]) -> Iterator[Point]:
    """Yield for each of *texts* whether it is a document, its evidence, and whether it is bad."""
    for text in texts:
        embedded = text.role in injection.EMBEDDED
        found = injection.weigh_injection(text.text, embedded=embedded)
        yield embedded, sum(found.values()), text.bad


def calibrated(points: Sequence[Point]) -> tuple[Curve, Curve]:
    """Return the curves from evidence to probability, of users and of documents (Platt 1999).

    One logistic regression with a slope for both and a start for each, fitted by gradient steps to
    the texts in which something was found. They are mixed so that there are `ODDS` attacks to a
    harmless one, however many of each were made. More evidence than `PLENTY` bends nothing: that
    much is found where a text is nothing but talk about attacks.
    """
    weight: dict[tuple[bool, bool], float] = {}
    for where in (False, True):
        mine = [bad for embedded, _, bad in points if embedded == where]
        weight[where, True] = ODDS[where] / (1 + ODDS[where]) / sum(mine)
        weight[where, False] = 1 / (1 + ODDS[where]) / (len(mine) - sum(mine))
    rows = [
        (where, min(evidence, PLENTY), bad, weight[where, bad])
        for where, evidence, bad in points
        if evidence > 0
    ]
    starts, slope = [-1.0, -1.0], 1.0
    for _ in range(STEPS):
        moves, steep = [0.0, 0.0], 0.0
        for where, evidence, bad, count in rows:
            error = (bad - sigmoid(starts[where] + slope * evidence)) * count
            moves[where] += error
            steep += error * evidence
        starts = [start + move for start, move in zip(starts, moves, strict=True)]
        slope += steep / 4
    users, documents = (
        ((0.0, 0.0), *((at, round(sigmoid(start + slope * at), 4)) for at in KNOTS))
        for start in starts
    )
    return users, documents


def save(model: Model) -> None:
    """Write *model* to where the engine reads it, and let it be read."""
    lines = msgspec.json.encode(model).replace(b'],"', b'],\n"') + b"\n"
    wording_model.PLACE.write_bytes(lines)
    wording_model.scale.cache_clear()
    wording.weighted_terms.cache_clear()


def fit_model(texts: Sequence[Text]) -> Model:
    """Return a model with terms learnt from *texts*, without curves."""
    heads = [fit_terms(examples(texts, role)) for role in ROLES]
    terms = {
        name.decode("utf-8", "replace"): (
            round(heads[0].get(name, 0.0), 2),
            round(heads[1].get(name, 0.0), 2),
        )
        for name in sorted({*heads[0], *heads[1]})
    }
    straight = ((0.0, 0.0), (KNOTS[-1], 1.0))
    return Model(MARGINS, (SHARES, SHARES), (straight, straight), terms)


def main() -> int:
    """Fit the model and write it."""
    texts = made(SEED, COPIES)
    model = fit_model([text for text in texts if not held_out(text.template)])
    save(model)
    points = list(evidence_of(text for text in texts if held_out(text.template)))
    model = msgspec.structs.replace(model, curves=calibrated(points))
    save(model)
    sys.stdout.write(f"{len(model.terms)} terms\n{model.curves[0]}\n{model.curves[1]}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
