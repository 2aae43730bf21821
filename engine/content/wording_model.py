"""The file of the linear model to its weights and curves: see `wording`."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import msgspec

PLACE = Path(__file__).with_name("injection.json")


class Scale(msgspec.Struct, frozen=True):
    """What evidence means; all are pairs, for a user's words and for a document.

    *margin* is what a sentence must say at least; *share* is how much the evidence of each signal
    counts; *curves* are points of evidence and probability.
    """

    margin: tuple[float, float]
    share: tuple[dict[str, float], dict[str, float]]
    curves: tuple[tuple[tuple[float, float], ...], tuple[tuple[float, float], ...]]


class Model(Scale, frozen=True):
    """What the training script writes: *terms* have a weight in either role."""

    terms: dict[str, tuple[float, float]]


@cache
def scale() -> Scale:
    """Return the model but for its terms, read once."""
    return msgspec.json.decode(PLACE.read_bytes(), type=Scale)


def read_terms() -> dict[str, tuple[float, float]]:
    """Return the terms, read anew: who has made automata of them lets three megabytes go."""
    return msgspec.json.decode(PLACE.read_bytes(), type=Model).terms
