"""A run of pieces to names: the most likely labels (Viterbi 1967), and how sure they are."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from engine.content.native import i64
from engine.content.tagger_model import (
    COUNT,
    LABELS,
    LANE,
    LANE_MASK,
    Lanes,
    Model,
    Said,
    Voice,
    around_key,
    joint_keys,
    joint_row,
)
from engine.content.tagger_runs import Run

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


def weigh(said: list[Said], run: Run, model: Model, edge: Said) -> list[Lanes]:
    """Return the scores of all labels of each piece of *run*; *edge* stands beyond the text."""
    around = said[max(0, run.start - 4) : run.end + 5]
    if run.start < 4:  # noqa: PLR2004 - so many pieces before another tell something of it
        around = [edge] * (4 - run.start) + around
    around += [edge] * (run.end + 9 - run.start - len(around))
    for one in around:
        if not one.asked:
            model.ask(one)
    weights = model.weights
    rows: list[Lanes] = []
    at: i64 = 4
    last: i64 = 4 + run.end - run.start
    while at < last:
        before2, before, one, after = around[at - 2], around[at - 1], around[at], around[at + 1]
        lanes = said_by(before2.voice, before.voice, one.voice, after.voice, around[at + 2].voice)
        lanes.add_row(weights, joint_row(around_key(around, at)))
        first, second, third, fourth = joint_keys(before2, before, one, after)
        lanes.add_row(weights, joint_row(first))
        lanes.add_row(weights, joint_row(second))
        lanes.add_row(weights, joint_row(third))
        lanes.add_row(weights, joint_row(fourth))
        rows.append(lanes)
        at += 1
    return rows


def said_by(before2: Voice, before: Voice, here: Voice, after: Voice, after2: Voice) -> Lanes:
    """Return what five pieces in a row say of the one in the middle."""
    lanes = Lanes()
    lanes.first = (
        here.own_1 + before.before_1 + after.after_1 + before2.far_before_1 + after2.far_after_1
    )
    lanes.second = (
        here.own_2 + before.before_2 + after.after_2 + before2.far_before_2 + after2.far_after_2
    )
    lanes.third = (
        here.own_3 + before.before_3 + after.after_3 + before2.far_before_3 + after2.far_after_3
    )
    return lanes


def may_name(rows: list[Lanes], spare: list[int]) -> bool:
    """Return whether *rows* may have a path that is as likely as the one without any label.

    Hot path: that is told of most runs of ordinary words for a tenth of what their paths take. A
    name of each kind begins here where that costs least, and goes on; *spare* (see
    `tagger_model.spare`) is what the steps may add to it.
    """
    person: i64 = NEVER
    location: i64 = NEVER
    organization: i64 = NEVER
    address: i64 = NEVER
    for row in rows:
        none: i64 = row.first & LANE_MASK
        begin: i64 = (row.first >> LANE & LANE_MASK) + spare[0] - none
        within: i64 = (row.first >> 2 * LANE) + spare[1] - none
        person = max(begin, person + within)
        begin = (row.second & LANE_MASK) + spare[2] - none
        within = (row.second >> LANE & LANE_MASK) + spare[3] - none
        location = max(begin, location + within)
        begin = (row.second >> 2 * LANE) + spare[4] - none
        within = (row.third & LANE_MASK) + spare[5] - none
        organization = max(begin, organization + within)
        begin = (row.third >> LANE & LANE_MASK) + spare[6] - none
        within = (row.third >> 2 * LANE) + spare[7] - none
        address = max(begin, address + within)
        if person >= 0 or location >= 0 or organization >= 0 or address >= 0:
            return True
    return False


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
        floor: i64 = row[0]
        to: i64 = 1
        while to < COUNT:
            one: i64 = row[to]
            floor = max(floor, one)
            to += 2
        floor -= WIDE
        came = [NONE] * COUNT
        now: list[int] = []
        sums: list[int] = []
        to = -1
        while to < COUNT - 1:
            to += 1
            one = row[to]
            if one < floor if to % 2 else to and last[to] == NONE and last[to - 1] == NONE:
                continue
            weight, came[to] = _best(tried, reached, steps[to]) if tried else (steps[COUNT][to], 0)
            now.append(to)
            sums.append(one + weight)
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
    top: i64 = NEVER
    best: i64 = 0
    place: i64 = 0
    size: i64 = len(labels)
    while place < size:
        label: i64 = labels[place]
        weight: i64 = sums[place]
        step: i64 = steps[label]
        weight += step
        if weight >= top:
            top, best = weight, label
        place += 1
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
