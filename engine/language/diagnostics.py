"""Diagnostics: problems in policies are values, collected, sorted by place and shown together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Literal

from engine.language.text import Span

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One problem: a code, one lower-case sentence, the smallest wrong piece, and advice."""

    code: str
    message: str
    span: Span
    severity: Severity = "error"
    help: str | None = None
    notes: tuple[tuple[str, Span], ...] = ()
    """Further places with a sentence each, such as where a name was first defined."""


@dataclass(slots=True)
class Report:
    """The collector that every pass adds to."""

    found: list[Diagnostic] = field(default_factory=list)

    def add(self, diagnostic: Diagnostic) -> None:
        """Add one diagnostic."""
        self.found.append(diagnostic)

    def extend(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Add several diagnostics."""
        self.found.extend(diagnostics)

    @property
    def failed(self) -> bool:
        """Whether any diagnostic is an error."""
        return any(one.severity == "error" for one in self.found)

    def sorted(self) -> tuple[Diagnostic, ...]:
        """Return all diagnostics by place, then code, without repetitions."""
        unique = dict.fromkeys(self.found)
        return tuple(sorted(unique, key=lambda one: (one.span, one.code, one.message)))


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """Return ``did you mean `x`?`` for the closest of *known*, or None when nothing is close."""
    close = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"did you mean `{close[0]}`?" if close else None
