"""Policy files that say themselves what is wrong with them, and the comparison with what was found.

A line with a mistake ends in ``#~ E101 part of the message``, one for each diagnostic that begins
on it; ``#~^`` speaks of the line above, for lines on which a comment would be part of the mistake.
A file without marks is a promise that nothing is found.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from engine.language.diagnostics import Diagnostic

CASES = Path(__file__).parents[1] / "cases"

_MARK = re.compile(r"#~(\^*) *([A-Z]\d+)[ :]*(.*?)\s*(?=#~|$)")


class Expected(NamedTuple):
    """One announced diagnostic."""

    line: int
    code: str
    message: str


def case_files(folder: str) -> list[object]:
    """Return the case files of ``tests/cases/<folder>`` as pytest parameters."""
    files = sorted((CASES / folder).rglob("*.pol"))
    assert files, f"there are no cases in {folder}"
    return [pytest.param(path, id=str(path.relative_to(CASES))) for path in files]


def expected(text: str) -> list[Expected]:
    """Return what the marks in *text* announce."""
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        for up, code, message in _MARK.findall(line):
            found.append(Expected(number - len(up), code, message))
    return found


def differences(text: str, diagnostics: Sequence[Diagnostic]) -> list[str]:
    """Return what was announced and not found, and what was found and not announced."""
    left = list(diagnostics)
    wrong = []
    for one in expected(text):
        fitting = [
            found
            for found in left
            if (found.span.line, found.code) == (one.line, one.code)
            and one.message in found.message
        ]
        if fitting:
            left.remove(fitting[0])
        else:
            wrong.append(f"line {one.line}: missing {one.code} {one.message}")
    return wrong + [f"line {one.span.line}: surplus {one.code} {one.message}" for one in left]
