"""The wording of every warning of the checker (W7xx): what is allowed and surely not meant."""

from __future__ import annotations

from engine.language.diagnostics import Diagnostic
from engine.language.text import Span


def warning(code: str, message: str, at: Span, hint: str | None = None) -> Diagnostic:
    """Return a warning."""
    return Diagnostic(code, message, at, severity="warning", help=hint)


def never_absent(at: Span) -> Diagnostic:
    """W701: a guard for what is always present."""
    return warning("W701", "this is never absent", at, "remove the test or the default")


def repeated_element(at: Span) -> Diagnostic:
    """W702: the same element twice in a set."""
    return warning("W702", "this is in the set already", at)


def regex_matches_everything(at: Span) -> Diagnostic:
    """W703: a regular expression that every text fits."""
    return warning("W703", "this is found in every text", at, "it also fits the empty text")


def expects_nothing(at: Span) -> Diagnostic:
    """W704: a test without an expectation."""
    return warning("W704", "this test expects nothing", at, "add `expect …`")


def same_title(kind: str, title: str, at: Span, before: Span) -> Diagnostic:
    """W705: two tests or cases that a report cannot tell apart."""
    return Diagnostic(
        "W705",
        f"another {kind} is called `{title}`",
        at,
        severity="warning",
        notes=(("first here", before),),
    )
