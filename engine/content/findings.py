"""What detectors report: findings with their place, never their text."""

from __future__ import annotations

from typing import NamedTuple


class Finding(NamedTuple):
    """An entity at ``start:end`` of the scanned text, in Unicode code points, with a score 0..1."""

    entity: str
    start: int
    end: int
    score: float


class Injection(NamedTuple):
    """How likely a text tries to override its instructions, 0..1, and the signals that say so.

    *weights* say for each signal how much it contributes: evidence, in natural logarithms of odds.
    """

    score: float
    signals: tuple[str, ...]
    weights: tuple[float, ...] = ()
