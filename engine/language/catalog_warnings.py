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


def always(value: bool, at: Span) -> Diagnostic:  # noqa: FBT001 - the truth value is the subject
    """W710: a condition that does not depend on the request."""
    return warning("W710", f"this is always {str(value).lower()}", at)


def constant_comparison(at: Span) -> Diagnostic:
    """W710: a comparison of two constants."""
    return warning("W710", "this compares two constants", at)


def contradiction(at: Span, before: Span) -> Diagnostic:
    """W711: two conditions that cannot both hold."""
    return Diagnostic(
        "W711",
        "this can never hold together with what stands before it",
        at,
        severity="warning",
        notes=(("the two exclude each other", before),),
    )


def always_excepted(at: Span, before: Span) -> Diagnostic:
    """W714: an exception that leaves nothing of its rule."""
    return Diagnostic(
        "W714",
        "this holds whenever the rule would act, so the rule never acts",
        at,
        severity="warning",
        notes=(("because of this", before),),
    )


def allows_nothing_more(name: str, at: Span) -> Diagnostic:
    """W712: an allow rule where everything is allowed."""
    return warning(
        "W712",
        f"rule `{name}` changes nothing: the default is `allow` already",
        at,
        "an `allow` rule never outweighs a `deny`; use `unless` in the rule that restricts",
    )


def allows_nothing(name: str, at: Span) -> Diagnostic:
    """W713: rules under ``default deny`` of which none allows."""
    return warning(
        "W713",
        f"policy `{name}` denies everything: its default is `deny` and no rule allows",
        at,
        "add a rule with `then allow`, or write `default allow`",
    )


def never_at(stage: str, at: Span) -> Diagnostic:
    """W715: a label that is to carry the words of a stage at which its rule never acts."""
    return warning(
        "W715",
        f"the rule never acts at `{stage}`, so the label carries nothing of it",
        at,
        "a label carries the content of the request that its rule acts on",
    )


def never_tainted(at: Span) -> Diagnostic:
    """W716: a question about taint where nothing taints."""
    return warning(
        "W716",
        "no label carries content, so nothing is ever tainted",
        at,
        'write `label session "untrusted" from tool_result` on a rule that acts there',
    )


def unused(kind: str, name: str, at: Span) -> Diagnostic:
    """W720: a declaration that nothing uses."""
    return warning("W720", f"{kind} `{name}` is not used", at, "remove it, or use it")
