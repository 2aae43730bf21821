"""Texts in, checked programs and reports out, with a few entities as if from content."""

from __future__ import annotations

from engine.language import program, typed
from engine.language.check import check_program
from engine.language.diagnostics import Report
from engine.language.parse import parse_file
from engine.language.scope import Known
from engine.language.text import Source

KNOWN = Known(
    {
        "pii.email": "An e-mail address.",
        "pii.phone": "A phone number.",
        "pii.card": "A payment card number.",
        "pii.iban": "A bank account number.",
        "secret.aws_key": "An AWS access key.",
        "phi.mrn": "A medical record number.",
        "pii.national_id.de": "A German identity card number.",
        "pii.national_id.fr": "A French social security number.",
    },
    frozenset({"luhn", "iban"}),
)


def check_texts(**texts: str) -> tuple[program.Program, Report]:
    """Return the program that *texts* (file name without ``.pol`` -> text) make, and the report."""
    report = Report()
    files = [parse_file(Source(f"{name}.pol", text), report) for name, text in texts.items()]
    return check_program(files, KNOWN, report), report


def checked(**texts: str) -> program.Program:
    """Return the program that *texts* make; they must have no errors."""
    made, report = check_texts(**texts)
    assert [one for one in report.sorted() if one.severity == "error"] == []
    return made


def codes(**texts: str) -> list[str]:
    """Return the codes found in *texts*, by place."""
    return [one.code for one in check_texts(**texts)[1].sorted()]


def condition(text: str, declarations: str = "") -> typed.Expr:
    """Return the typed condition that *text* is, as the ``when`` of a rule."""
    policy = f"policy p {{ default allow rule r {{ when {text} then deny }} }}"
    when = checked(file=f"{declarations}\n{policy}").rules[0].when
    assert when is not None
    return when
