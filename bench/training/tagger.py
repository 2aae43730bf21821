"""Made-up texts in, engine/content/tagger.bin out: trains the model of names.

Usage: tagger.py SOURCES [--write FILE] [--samples N] [--epochs N] [--seed N]

A linear-chain conditional random field, by stochastic gradients with step sizes as in Adagrad
(Duchi, Hazan and Singer 2011). Part of all names are hidden from the lists while it trains, so that
it learns to know names by their neighbours and endings too. Needs numpy, and the lists of
gazetteer.py. Takes about one minute.
"""

from __future__ import annotations

import argparse
import random
import time
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import numpy as np

from bench.training.tagger_fill import load
from bench.training.tagger_texts import Sample, samples
from engine.content.gazetteer import ENGLISH, Gazetteer, gazetteer, hashed
from engine.content.tagger_decode import SCALE
from engine.content.tagger_model import (
    COUNT,
    FILE,
    LABELS,
    OFFSETS,
    ROWS,
    ZERO,
    Model,
    Said,
    around_key,
    joint_keys,
    joint_row,
    pack_model,
    piece_rows,
)
from engine.content.tagger_runs import Run, find_runs, read_pieces
from engine.content.tagger_words import read_piece

HIDDEN = 0.3
BATCH = 3000
RATE = 0.15
DECAY = 2e-6
AVERAGED = 4
"""The weights are the mean of those after so many epochs (Polyak and Juditsky 1992)."""
DROPPED = 0.15
"""So much of the features is not shown, at random: none may be relied on alone."""
FORBIDDEN = -30_000


class Forgetful(Gazetteer):
    """A gazetteer that does not know part of the names."""

    def look(self, word: str) -> int:
        """Return the bits of *word*, of hidden ones none."""
        bits = super().look(word)
        if bits & ENGLISH or hashed("hide" + word) % 1000 >= 1000 * HIDDEN:
            return bits
        return 0


@dataclass
class Rows:
    """The runs of one length: rows of features (pieces x features) and labels."""

    features: np.ndarray
    labels: np.ndarray


def run_rows(
    said: list[Said], run: Run, cache: dict[int, tuple[list[int], ...]], edge: Said
) -> list[list[int]]:
    """Return the rows of each piece of *run*, as `tagger_decode.weigh` adds them up."""
    around = [said[at] if 0 <= at < len(said) else edge for at in range(run.start - 4, run.end + 6)]
    made = []
    for at in range(4, 4 + run.end - run.start):
        rows: list[int] = []
        for which, offset in enumerate(OFFSETS):
            one = around[at + offset]
            rows += cache[id(one)][which]
        near = [around[at + step] for step in (-2, -1, 0, 1)]
        rows += [joint_row(key) for key in joint_keys(*near)]
        rows.append(joint_row(around_key(around, at)))
        made.append(rows)
    return made


def gold(said: list[Said], starts: list[int], run: Run, sample: Sample) -> list[int]:
    """Return the true labels of the pieces of *run*; each piece of *said* begins at its start."""
    labels = []
    for at in range(run.start, run.end):
        start = starts[at]
        end = start + max(1, len(said[at].text.rstrip()))
        label = 0
        for begin, finish, kind in sample.spans:
            if start < finish and end > begin:
                first = (
                    at == run.start
                    or starts[at - 1] + max(1, len(said[at - 1].text.rstrip())) <= begin
                )
                label = LABELS.index(("B-" if first else "I-") + kind)
        labels.append(label)
    return labels


def collect(texts: list[Sample], model: Model) -> dict[int, Rows]:
    """Return the rows and labels of all runs, by length."""
    by_length: dict[int, tuple[list[list[list[int]]], list[list[int]]]] = {}
    cache: dict[int, tuple[list[int], ...]] = {}
    edge = model.say("\n\n")
    cache[id(edge)] = tuple(piece_rows(read_piece("\n\n", model.lists), each) for each in OFFSETS)
    kept = lost = 0
    held: list[Said] = []
    for sample in texts:
        said = read_pieces(sample.text, model)
        starts = list(accumulate((piece.size for piece in said), initial=0))
        covered: set[int] = set()
        for piece in said:
            if id(piece) not in cache:
                held.append(piece)
                read = read_piece(piece.text, model.lists)
                cache[id(piece)] = tuple(piece_rows(read, each) for each in OFFSETS)
        for run in find_runs(said):
            rows, labels = by_length.setdefault(run.end - run.start, ([], []))
            rows.append(run_rows(said, run, cache, edge))
            labels.append(gold(said, starts, run, sample))
            covered.update(range(starts[run.start], starts[run.end]))
        for start, end, _ in sample.spans:
            kept += start in covered and end - 1 in covered
            lost += not (start in covered and end - 1 in covered)
    print(f"spans within runs: {kept} of {kept + lost}")
    made = {}
    for length, (rows, labels) in sorted(by_length.items()):
        width = max(len(one) for each in rows for one in each)
        table = np.full((len(rows), length, width), ROWS, dtype=np.int32)
        for at, pieces_rows in enumerate(rows):
            for place, one in enumerate(pieces_rows):
                table[at, place, : len(one)] = one
        made[length] = Rows(table, np.array(labels, dtype=np.int8))
    return made


def logsum(values: np.ndarray, axis: int) -> np.ndarray:
    """Return log(sum(exp(values))) along *axis*."""
    top = values.max(axis=axis, keepdims=True)
    summed: np.ndarray = np.squeeze(top, axis) + np.log(np.exp(values - top).sum(axis=axis))
    return summed


def allowed() -> np.ndarray:
    """Return which label may stand behind which: [from, to], the last row is the beginning."""
    table = np.ones((COUNT + 1, COUNT), dtype=bool)
    for to in range(2, COUNT, 2):
        table[:, to] = False
        table[to, to] = table[to - 1, to] = True
    return table


def step(
    weights: np.ndarray, moves: np.ndarray, batch: Rows
) -> tuple[float, np.ndarray, np.ndarray]:
    """Return the loss of *batch*, its gradient for each piece and label, and that for *moves*."""
    emit = weights[batch.features].sum(axis=2)
    size, length, _ = emit.shape
    inner, opening = moves[:COUNT], moves[COUNT]
    ahead = np.empty_like(emit)
    ahead[:, 0] = emit[:, 0] + opening
    for at in range(1, length):
        ahead[:, at] = emit[:, at] + logsum(ahead[:, at - 1, :, None] + inner[None], 1)
    behind = np.zeros_like(emit)
    for at in range(length - 2, -1, -1):
        behind[:, at] = logsum(inner[None] + (emit[:, at + 1] + behind[:, at + 1])[:, None, :], 2)
    total = logsum(ahead[:, -1], 1)
    slope = np.exp(ahead + behind - total[:, None, None])
    move_slope = np.zeros_like(moves)
    move_slope[COUNT] = slope[:, 0].sum(axis=0)
    rows = np.arange(size)
    labels = batch.labels
    gained = opening[labels[:, 0]] + emit[rows, 0, labels[:, 0]]
    np.subtract.at(move_slope[COUNT], labels[:, 0], 1)
    for at in range(1, length):
        pair = np.exp(
            ahead[:, at - 1, :, None]
            + inner[None]
            + (emit[:, at] + behind[:, at])[:, None, :]
            - total[:, None, None]
        )
        move_slope[:COUNT] += pair.sum(axis=0)
        np.subtract.at(move_slope, (labels[:, at - 1], labels[:, at]), 1)
        gained = gained + inner[labels[:, at - 1], labels[:, at]] + emit[rows, at, labels[:, at]]
    slope[rows[:, None], np.arange(length)[None], labels] -= 1
    return float((total - gained).sum()), slope, move_slope


def train(
    data: dict[int, Rows], epochs: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return the weights of features and of steps between labels."""
    weights = np.zeros((ROWS + 1, COUNT), dtype=np.float32)
    moves = np.where(allowed(), 0.0, -1e4).astype(np.float32)
    summed, summed_moves = np.zeros_like(weights), np.zeros_like(moves)
    seen = np.full_like(weights, 0.1)
    seen_moves = np.full_like(moves, 1.0)
    batches = []
    for length, rows in data.items():
        size = max(1, BATCH // length)
        batches += [(length, at, at + size) for at in range(0, len(rows.labels), size)]
    orders = {length: rng.permutation(len(rows.labels)) for length, rows in data.items()}
    for epoch in range(epochs):
        loss = 0.0
        rate = RATE * (1 - 0.8 * epoch / epochs)
        for chosen in rng.permutation(len(batches)):
            length, start, stop = batches[chosen]
            picked = orders[length][start:stop]
            shown = data[length].features[picked]
            shown = np.where(rng.random(shown.shape, dtype=np.float32) < DROPPED, ROWS, shown)
            batch = Rows(shown, data[length].labels[picked])
            lost, slope, move_slope = step(weights, moves, batch)
            loss += lost
            width = batch.features.shape[2]
            flat = batch.features.reshape(-1)
            used, inverse = np.unique(flat, return_inverse=True)
            gradient = np.stack(
                [
                    np.bincount(inverse, np.repeat(slope[:, :, one].reshape(-1), width), len(used))
                    for one in range(COUNT)
                ],
                1,
            ).astype(np.float32)
            gradient += DECAY * len(batches) * weights[used]
            seen[used] += gradient**2
            weights[used] -= rate * gradient / np.sqrt(seen[used])
            weights[ROWS] = 0
            move_slope = np.where(allowed(), move_slope, 0)
            seen_moves += move_slope**2
            moves -= rate * move_slope / np.sqrt(seen_moves)
        if epoch >= epochs - AVERAGED:
            summed += weights / AVERAGED
            summed_moves += moves / AVERAGED
        runs = sum(len(one.labels) for one in data.values())
        print(f"epoch {epoch + 1}: loss {loss / runs:.4f} a run", flush=True)
    return summed[:ROWS], summed_moves


def stored(weights: np.ndarray, moves: np.ndarray) -> bytes:
    """Return the file of *weights* and *moves*, rounded."""
    centred = weights - weights.mean(axis=1, keepdims=True)
    whole = np.clip(np.rint(centred * SCALE), -ZERO, ZERO - 1).astype(np.int16) + ZERO
    steps = np.where(allowed(), np.rint(moves * SCALE), FORBIDDEN).astype(np.int16)
    packed_steps = tuple(tuple(int(x) for x in steps[:COUNT, to]) for to in range(COUNT))
    opening = tuple(int(x) for x in steps[COUNT])
    return pack_model(whole.astype(np.uint8).tobytes(), (*packed_steps, opening))


def main() -> None:
    """Train, and write the model."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sources", type=Path)
    parser.add_argument("--write", type=Path, default=Path("engine/content") / FILE)
    parser.add_argument("--samples", type=int, default=50_000)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    began = time.perf_counter()
    lists = gazetteer()
    model = Model(
        bytes(ROWS * COUNT), ((0,) * COUNT,) * (COUNT + 1), Forgetful(lists.hashes, lists.bits)
    )
    texts = samples(load(options.sources, random.Random(options.seed)), options.samples)
    data = collect(texts, model)
    print(f"{len(texts)} texts, {time.perf_counter() - began:.0f} s")
    weights, moves = train(data, options.epochs, np.random.default_rng(options.seed))
    packed = stored(weights, moves)
    options.write.write_bytes(packed)
    print(f"{len(packed)} bytes, {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
