"""What a decision needs of model servers, without the libraries that call them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import NamedTuple, Protocol

from engine.language.program import ClassifierDefinition
from engine.runtime.inquire import Question


class Asked(NamedTuple):
    """A question on its way: what will come of it, and for how many seconds it is waited for."""

    question: Question
    answer: Future[float]
    """A score, or Unknowable."""
    seconds: float
    late: str
    """What it comes to when there is no answer by then."""


class Servers(Protocol):
    """The classifiers of one policy set. Whoever decides with it holds them meanwhile."""

    def recall(self, question: Question) -> float | None:
        """Return the answer when it is remembered."""
        ...

    def ask(self, questions: Sequence[Question]) -> list[Asked]:
        """Send *questions*."""
        ...


class Classifiers(Protocol):
    """Connects policy sets with their model servers."""

    def panel(self, definitions: Mapping[str, ClassifierDefinition]) -> Servers:
        """Return the servers that *definitions* declare."""
        ...

    def close(self) -> None:
        """Release every connection."""
        ...
