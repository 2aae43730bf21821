"""What a model of names says about pieces, and the labels that are most likely by it."""

from __future__ import annotations

from itertools import product
from operator import getitem

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.content import tagger_model
from engine.content.tagger_decode import WIDE, decode, may_name, said_by
from engine.content.tagger_model import (
    LABELS,
    LANE,
    Lanes,
    joint_row,
    load_model,
    pack_model,
    piece_rows,
    scores,
    unpack_model,
)
from engine.content.tagger_words import read_piece

score = st.integers(30_000, 30_400)


@given(st.lists(st.tuples(*[score] * 9), min_size=1, max_size=3))
@settings(max_examples=60)
def test_the_labels_are_those_of_the_most_likely_path(rows: list[tuple[int, ...]]) -> None:
    steps = load_model().steps

    def weight(labels: tuple[int, ...]) -> int:
        moves = zip((9, *labels), labels, strict=False)
        return sum(map(getitem, rows, labels)) + sum(
            steps[to][came] if came < 9 else steps[9][to] for came, to in moves
        )

    def allowed(labels: tuple[int, ...]) -> bool:
        """Return whether each label that goes on with a name stands behind one of that name."""
        moves = zip((9, *labels), labels, strict=False)
        return all(to % 2 or not to or came in (to, to - 1) for came, to in moves)

    def tried(labels: tuple[int, ...]) -> bool:
        return all(
            label % 2 == 0 or row[label] >= max(row[0], *row[1::2]) - WIDE
            for row, label in zip(rows, labels, strict=True)
        )

    every = [one for one in product(range(9), repeat=len(rows)) if allowed(one) and tried(one)]
    assert weight(tuple(decode(rows, steps))) == max(map(weight, every))


def in_lanes(row: tuple[int, ...]) -> Lanes:
    made = Lanes()
    made.first, made.second, made.third = (
        sum(one << LANE * place for place, one in enumerate(row[at : at + 3])) for at in (0, 3, 6)
    )
    return made


other = st.integers(30_000, 30_200)
unlikely = st.tuples(st.integers(30_150, 30_250), *[other] * 8)


@given(st.lists(unlikely, min_size=1, max_size=4))
@settings(max_examples=300)
def test_where_a_path_has_labels_it_is_looked_for(rows: list[tuple[int, ...]]) -> None:
    model = load_model()
    lanes = [in_lanes(row) for row in rows]
    assert [scores(one) for one in lanes] == rows
    assert may_name(lanes, model.spare) or not any(decode(rows, model.steps))


def test_where_no_label_is_likely_no_path_is_looked_for() -> None:
    low, high = 30_000, 30_020
    assert not may_name([in_lanes((high, *[low] * 8))] * 3, load_model().spare)
    for label in range(1, 9, 2):
        row = [high, *[low] * 8]
        row[label] = high + 20
        assert may_name([in_lanes(tuple(row))], load_model().spare)
        assert any(decode([tuple(row)], load_model().steps))


def test_pieces_in_a_row_say_what_the_rows_of_their_features_do() -> None:
    model = load_model()
    said = [model.say(one) for one in ("Mr ", "Kowalski ", "lives ", "in ", "Springfield ")]
    rows = Lanes()
    for offset, one in zip((-2, -1, 0, 1, 2), said, strict=True):
        model.ask(one)
        for row in piece_rows(read_piece(one.text, model.lists), offset):
            rows.add_row(model.weights, row)
    assert scores(said_by(*[one.voice for one in said])) == scores(rows)


@given(st.integers(0, (1 << 45) - 1))
def test_the_row_of_a_key_is_some_bits_of_a_product(key: int) -> None:
    assert joint_row(key) == (key * 0x9E3779B97F4A7C15 >> 40) & tagger_model.ROWS - 1


def test_a_packed_model_says_the_same() -> None:
    model = load_model()
    width = len(LABELS)
    steps = tuple(tuple(range(at, at + width)) for at in range(width + 1))
    weights = bytes(at * 7 % 251 for at in range(tagger_model.ROWS * width))
    made = unpack_model(pack_model(weights, steps), model.lists)
    assert made.steps == steps
    lanes = Lanes()
    lanes.add_row(made.weights, joint_row(5))
    assert scores(lanes) == tuple(weights[joint_row(5) * width + label] for label in range(width))
