"""The file of the linear model to its weights and curves: see `wording`."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import msgspec

PLACE = Path(__file__).with_name("injection.json")


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
