"""A run of pieces to names: the most likely labels (Viterbi 1967), and how sure they are."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from engine.content.tagger_model import LABELS, Model, Said, around_key, joint_keys, scores
from engine.content.tagger_runs import Pieces, Run

COUNT: Final = 9
assert len(LABELS) == COUNT
SCALE: Final = 16.0
"""One unit of the logarithm of odds is so many of the model's integers."""


NONE: Final = -1
NEVER: Final = -(1 << 40)
WIDE: Final = 80
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
    size = len(said)
    around = [said[at] if 0 <= at < size else edge for at in range(run.start - 4, run.end + 6)]
    rows: list[tuple[int, ...]] = []
    for at in range(4, 4 + run.end - run.start):
        before2, before, one = around[at - 2], around[at - 1], around[at]
        after, after2 = around[at + 1], around[at + 2]
        first, second, third, fourth = joint_keys(before2, before, one, after)
        lanes = one.own + before.before + after.after + before2.before2 + after2.after2
        lanes += model.join(around_key(around, at)) + model.join(first) + model.join(second)
        rows.append(scores(lanes + model.join(third) + model.join(fourth)))
    return rows


def decode(rows: list[tuple[int, ...]], steps: tuple[tuple[int, ...], ...]) -> list[int]:
    """Return the most likely labels of *rows*; ``steps[to][from]`` weighs one behind another.

    Of each piece are tried "no name", beginnings of names within `WIDE` of the best, and what goes
    on with a name that was tried before: two or three labels instead of nine. Of labels that are
    alike likely it is the last.
    """
    tried: list[int] = []
    reached: list[int] = []
    back: list[list[int]] = []
    last = [NONE] * COUNT
    for row in rows:
        floor = row[0]
        for to in range(1, COUNT, 2):
            floor = max(floor, row[to])
        floor -= WIDE
        came = [NONE] * COUNT
        now: list[int] = []
        sums: list[int] = []
        for to in range(COUNT):
            if row[to] < floor if to % 2 else to and last[to] == last[to - 1] == NONE:
                continue
            weight, came[to] = _best(tried, reached, steps[to]) if tried else (steps[COUNT][to], 0)
            now.append(to)
            sums.append(row[to] + weight)
        back.append(came)
        tried, reached, last = now, sums, came
    label = _best(tried, reached, (0,) * COUNT)[1]
    labels: list[int] = []
    for at in range(len(back) - 1, -1, -1):
        labels.append(label)
        label = back[at][label]
    labels.reverse()
    return labels


def _best(labels: list[int], sums: list[int], steps: tuple[int, ...]) -> tuple[int, int]:
    """Return the greatest of *sums* with the step from its label, and the label."""
    top, best = NEVER, 0
    for place in range(len(labels)):
        weight = sums[place] + steps[labels[place]]
        if weight >= top:
            top, best = weight, labels[place]
    return top, best


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
