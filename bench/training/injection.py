"""The made texts to the model of the injection score: terms, shares of signals, and two curves.

::

    python -m bench.training.injection

1. A logistic model per role over the terms of single sentences, orders to a model against all else,
   with the bias held fixed: a sentence of unknown words says nothing.
2. With it, a logistic model over the evidence of each signal in the strongest window of whole
   texts. Shares are not negative: more signals never speak against an attack.
3. A curve per role, the isotonic regression of truth on evidence over texts of templates that 1 and
   2 have not seen: that makes the score a probability on their mixture, half of which are attacks.

Pure Python and deterministic: the same templates give the same file.
"""

from __future__ import annotations

import hashlib
import random
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import exp, sqrt

import msgspec

from bench.training.injection_made import Text, held_out, made
from engine.content import injection, wording
from engine.content.disguises import plain
from engine.content.islands import unescaped
from engine.content.wording import DRAG, Model, sentences

SEED = 7
COPIES = 12
MOST_WORDS = 3
LONGEST = 40
FEWEST = 3
"""A term is in so many sentences at least."""
EPOCHS = 12
RATE = 0.25
LASSO = 1e-3
SLIGHT = 0.08
HEAVIEST = 2.5
SINGLE = 1.0
"""What a term of one word says at most: a weak sign."""
BIAS = -2.5
PRIOR = 0.05
ROUNDS = 3
FOLDS = 3
BINS = 24
SIGNALS = (
    "override", "roleplay", "exfiltration", "delimiter", "authority", "tool_coercion", "secrecy",
    "instruction_in_document", "many_shot", "encoded", "obfuscated", "wording",
)  # fmt: skip
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
    lines = sentences(plain(unescaped(text)).encode()).split(b"\n")
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
    weights = {key: sqrt(min(count, 4)) for key, count in counted.items()}
    total = {bad: sum(w for key, w in weights.items() if key[1] == bad) for bad in (True, False)}
    scale = (total[True] + total[False]) / 2
    return [
        Example(
            tuple(sorted(terms_of(key[0]))), key[1], weight * scale / total[key[1]], len(key[0])
        )
        for key, weight in weights.items()
    ]


def fit_terms(rows: Sequence[Example]) -> dict[bytes, float]:
    """Return the weights of terms: adaptive gradient steps with a lasso."""
    source = random.Random(SEED)
    seen: dict[bytes, int] = defaultdict(int)
    for row in rows:
        for term in row.terms:
            seen[term] += 1
    known = [
        (
            [term for term in row.terms if seen[term] >= FEWEST],
            row.bad,
            row.weight,
            BIAS - row.size * DRAG,
        )
        for row in rows
    ]
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
    return {term: value for term, value in weights.items() if abs(value) >= SLIGHT}


def sigmoid(odds: float) -> float:
    """Return the probability of logarithmic *odds*."""
    return 1 / (1 + exp(-max(-30.0, min(30.0, odds))))


Row = tuple[dict[str, float], bool, bool]
"""The evidence of each signal, unshared; whether the text is bad, and whether a document."""


def windows(texts: Sequence[Text], share: Mapping[str, float]) -> Iterator[Row]:
    """Yield the strongest window of each of *texts*, under *share*."""
    for text in texts:
        embedded = text.role in injection.EMBEDDED
        found = injection.weigh_injection(text.text, embedded=embedded)
        yield {name: found[name] / share[name] for name in found}, text.bad, embedded


def fit_shares(rows: list[Row], share: Mapping[str, float]) -> dict[str, float]:
    """Return how much each signal counts in *rows*, beginning with *share*."""
    bias = [-2.0, -2.0]
    shares = dict(share)
    squares: dict[object, float] = defaultdict(lambda: 1e-2)
    source = random.Random(SEED)
    for _ in range(EPOCHS):
        source.shuffle(rows)
        for found, bad, embedded in rows:
            odds = bias[embedded] + sum(shares[name] * value for name, value in found.items())
            slope = sigmoid(odds) - bad
            squares[embedded] += slope * slope
            bias[embedded] -= RATE / sqrt(squares[embedded]) * slope
            for name, value in found.items():
                squares[name] += (slope * value) ** 2
                step = RATE / sqrt(squares[name])
                moved = shares[name] - step * (slope * value + PRIOR * (shares[name] - 1))
                shares[name] = min(3.0, max(0.2, moved))
    return shares


def evidence_of(texts: Iterable[Text]) -> Iterator[tuple[bool, float, bool]]:
    """Yield for each of *texts* whether it is a document, its evidence, and whether it is bad."""
    for text in texts:
        embedded = text.role in injection.EMBEDDED
        found = injection.weigh_injection(text.text, embedded=embedded)
        yield embedded, sum(found.values()), text.bad


def isotonic(points: Sequence[tuple[float, bool]]) -> tuple[tuple[float, float], ...]:
    """Return points of the curve from evidence to probability: pool adjacent violators.

    Bins of equally many texts are pooled; each counts an attack and a harmless text half, so that
    nothing is certain.
    """
    ordered = sorted(point for point in points if point[0] > 0)
    size = max(1, len(ordered) // BINS)
    pools: list[list[float]] = []
    for at in range(0, len(ordered), size):
        part = ordered[at : at + size]
        count = len(part)
        middle = sum(evidence for evidence, _ in part)
        pools.append([middle, sum(bad for _, bad in part) + 0.5, count + 1.0, count])
        while len(pools) > 1 and pools[-2][1] * pools[-1][2] >= pools[-1][1] * pools[-2][2]:
            last = pools.pop()
            pools[-1] = [mine + other for mine, other in zip(pools[-1], last, strict=True)]
    curve = [(round(at / count, 3), round(bad / all_, 4)) for at, bad, all_, count in pools]
    low, high = curve[0], curve[-1]
    return (
        (0.0, round(low[1] / 2, 4)),
        *curve,
        (round(high[0] * 2, 3), round((1 + high[1]) / 2, 4)),
    )


def save(model: Model) -> None:
    """Write *model* to where the engine reads it, and let it be read."""
    wording.PLACE.write_bytes(msgspec.json.format(msgspec.json.encode(model), indent=1) + b"\n")
    wording.model.cache_clear()
    wording.weighted_terms.cache_clear()


def fit_model(texts: Sequence[Text], share: dict[str, float]) -> Model:
    """Return a model with terms learnt from *texts*, without curves."""
    heads = [fit_terms(examples(texts, role)) for role in ROLES]
    terms = {
        name.decode("utf-8", "replace"): (
            round(heads[0].get(name, 0.0), 2),
            round(heads[1].get(name, 0.0), 2),
        )
        for name in sorted({*heads[0], *heads[1]})
    }
    straight = ((0.0, 0.0), (50.0, 1.0))
    return Model(terms, (-BIAS, -BIAS), share, (straight, straight))


def fold_of(text: Text) -> int:
    """Return which of the `FOLDS` *text* belongs to, by its template."""
    return hashlib.sha256(text.template.encode()).digest()[1] % FOLDS


def main() -> int:
    """Fit the model and write it."""
    texts = made(SEED, COPIES)
    learnt = [text for text in texts if not held_out(text.template)]
    unseen = [text for text in texts if held_out(text.template)]
    share = dict.fromkeys(SIGNALS, 1.0)
    # What terms say of the templates that they were learnt from is worth more than elsewhere.
    folds = [
        fit_model([text for text in learnt if fold_of(text) != fold], share)
        for fold in range(FOLDS)
    ]
    for _ in range(ROUNDS):
        rows: list[Row] = []
        for fold, model in enumerate(folds):
            save(msgspec.structs.replace(model, share=share))
            rows += windows([text for text in learnt if fold_of(text) == fold], share)
        share = fit_shares(rows, share)
    model = fit_model(learnt, share)
    save(model)
    points = list(evidence_of(unseen))
    curves = [
        isotonic([(evidence, bad) for where, evidence, bad in points if where == embedded])
        for embedded in (False, True)
    ]
    save(msgspec.structs.replace(model, curves=(curves[0], curves[1])))
    sys.stdout.write(f"{len(model.terms)} terms\n{share}\n{curves[0]}\n{curves[1]}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
