"""What one call of a model server is: texts in, as many scores out, or a failure of a known kind.

Neither a failure's text nor anything else here ever repeats what was sent or received.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol, get_args

from engine.language.functions import Unknowable

Kind = Literal["timeout", "unreachable", "ended", "status", "invalid", "open", "busy"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""Too late; no connection; died in the middle; another status; a lie; not asked: breaker, queue."""

MOST_TEXTS = 32
MOST_CHARACTERS = 1 << 20
"""Of several texts in one call; a single text is sent whatever its length is."""

ANSWER_BYTES = 1 << 16
"""The longest answer that is read: more than any honest one has."""


class Failed(Exception):
    """A call without scores. The text completes "classifier.NAME (…)"."""

    def __init__(self, kind: Kind, sentence: str) -> None:
        super().__init__(sentence)
        self.kind = kind


class Transport(Protocol):
    """Calls one model server; several threads may call at once."""

    def classify(self, classifier: str, texts: Sequence[str], seconds: float) -> Sequence[object]:
        """Return what the server gave as scores; raise Failed after *seconds* at the latest."""
        ...

    def close(self) -> None:
        """Release the connections."""
        ...


def late(seconds: float) -> str:
    """Return the sentence for an answer that did not come within *seconds*."""
    return f"it did not answer within {seconds * 1000:.0f} ms"


def check_scores(scores: Sequence[object], count: int) -> list[float]:
    """Return *scores* when they are *count* numbers from 0 to 1, else raise Failed."""
    if len(scores) != count:
        raise Failed("invalid", f"it gave {len(scores)} scores for {count} texts")
    made: list[float] = []
    for score in scores:
        number = isinstance(score, int | float) and not isinstance(score, bool)
        # A number that is none (NaN) fits no comparison.
        if not (number and 0 <= score <= 1):  # type: ignore[operator]
            raise Failed("invalid", "it gave a score that is no number from 0 to 1")
        made.append(float(score))  # type: ignore[arg-type]
    return made


def unknowable(failed: Failed) -> Unknowable:
    """Return what a failed call means to conditions."""
    return Unknowable(str(failed))
