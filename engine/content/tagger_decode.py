"""A run of pieces to names: the most likely labels (Viterbi 1967), and how sure they are."""

from __future__ import annotations

import math
from typing import NamedTuple

from engine.content.tagger_model import LABELS, Model, Said, around_key, joint_keys, scores
from engine.content.tagger_runs import Pieces, Run

COUNT = len(LABELS)
SCALE = 16.0
"""One unit of the logarithm of odds is so many of the model's integers."""


BEGINNINGS = range(1, COUNT, 2)
WIDE = 80
"""Beginnings of names that are weighed so much less than the best are not tried."""


class Name(NamedTuple):
    """A name of a *kind* in pieces ``start:end``; *score* is how sure it is, 0..1."""

    kind: str
    start: int
    end: int
    score: float


def weigh(pieces: Pieces, run: Run, model: Model, edge: Said) -> list[tuple[int, ...]]:
    """Return the scores of all labels of each piece of *run*; *edge* stands beyond the text."""
    said = pieces.said
    first, last = run.start - 4, run.end + 6
    around = [
        said[at] if 0 <= at < len(said) else edge for at in range(first, min(last, len(said) + 3))
    ]
    around += [edge] * (last - first - len(around))
    marks = "".join([one.mark for one in around])
    joint = model.joint
    rows = []
    for at in range(4, 4 + run.end - run.start):
        before2, before, one, after, after2 = around[at - 2 : at + 3]
        lanes = one.own + before.before + after.after + before2.before2 + after2.after2
        lanes += joint(around_key(marks, at, one))
        for key in joint_keys(before2, before, one, after):
            lanes += joint(key)
        rows.append(scores(lanes))
    return rows


def decode(rows: list[tuple[int, ...]], steps: tuple[tuple[int, ...], ...]) -> list[int]:
    """Return the most likely labels of *rows*; ``steps[to][from]`` weighs one behind another.

    Of each piece are tried "no name", beginnings of names within `WIDE` of the best, and what goes
    on with a name that was tried before: two or three labels instead of nine.
    """
    floor = max(rows[0][0], *rows[0][1::2]) - WIDE
    best = [
        (own + steps[COUNT][label], label)
        for label, own in enumerate(rows[0])
        if not label or (label % 2 and own >= floor)
    ]
    back: list[dict[int, int]] = []
    for row in rows[1:]:
        floor = max(row[0], *row[1::2]) - WIDE
        tried = [0, *(label for label in BEGINNINGS if row[label] >= floor)]
        tried += {label + label % 2 for _, label in best if label}
        came = {}
        reached = []
        for to in tried:
            weights = steps[to]
            top, label = max([(one + weights[label], label) for one, label in best])
            came[to] = label
            reached.append((top + row[to], to))
        back.append(came)
        best = reached
    label = max(best)[1]
    labels = [label]
    for came in reversed(back):
        label = came[label]
        labels.append(label)
    labels.reverse()
    return labels


def names(rows: list[tuple[int, ...]], labels: list[int], start: int) -> list[Name]:
    """Return the names that *labels* say; a label is odd where a name begins, even within."""
    found: list[Name] = []
    at = 0
    while at < len(labels):
        label = labels[at]
        if not label:
            at += 1
            continue
        begin = at
        at += 1
        while at < len(labels) and labels[at] and labels[at] % 2 == 0:
            at += 1
        kind = LABELS[label][2:]
        sure = sum(rows[one][labels[one]] - rows[one][0] for one in range(begin, at))
        score = 1 / (1 + math.exp(-max(-30.0, min(30.0, sure / SCALE / (at - begin)))))
        found.append(Name(kind, start + begin, start + at, score))
    return found
