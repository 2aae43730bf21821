"""The wording of every diagnostic of the checker about fixtures, tests and properties (E4xx)."""

from __future__ import annotations

from collections.abc import Iterable

from engine.language.catalog import listed, suggest
from engine.language.diagnostics import Diagnostic
from engine.language.text import Span


def unknown_decision_field(name: str, known: Iterable[str], at: Span) -> Diagnostic:
    """E401: nothing that can be read of a decision."""
    hint = suggest(name, known) or f"an expectation reads {listed(known)}"
    return Diagnostic("E401", f"a decision has no `{name}`", at, help=hint)


def not_in_expectation(name: str, at: Span) -> Diagnostic:
    """E402: a let about the request in an expectation about the decision."""
    return Diagnostic(
        "E402", f"`{name}` is about the request, an expectation is about the decision", at
    )
