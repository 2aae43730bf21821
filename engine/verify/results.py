"""What a run of tests gives: a result for each test and property, with what failed and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from engine.language.text import Span
from engine.runtime.decision import Decision
from engine.runtime.explain import Explanation


@dataclass(frozen=True, slots=True)
class Failure:
    """One expectation that was not met. *request* is what was decided, in a door's form."""

    message: str
    span: Span
    request: Mapping[str, object]
    decision: Decision | None = None
    explanation: Explanation | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """How one test or property went. *decisions* says how many decisions were made for it."""

    name: str
    kind: Literal["test", "property"]
    span: Span
    failures: tuple[Failure, ...]
    decisions: int
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether nothing failed."""
        return not self.failures
