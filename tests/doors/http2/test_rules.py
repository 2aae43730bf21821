"""The table of what HTTP/2 demands is in step with the tests, and they with it."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

from tests.doors.http2.rules import (
    BLOCK,
    CONNECTION,
    DOCUMENT,
    MESSAGE,
    REQUEST,
    RULES,
    STREAM,
    render,
)

WHOLE = (CONNECTION, STREAM, BLOCK, MESSAGE, REQUEST)
"""Tests each of whose cases has a row."""


def cases(test: str) -> Iterator[str]:
    """Yield the names by which pytest calls a test and each of its cases."""
    module, _, name = test.partition("::")
    function = getattr(importlib.import_module(f"tests.doors.http2.{module}"), name)
    yield test
    for mark in getattr(function, "pytestmark", ()):
        if mark.name == "parametrize":
            for value in mark.args[1]:
                yield f"{test}[{getattr(value, 'id', value)}]"


def test_every_rule_has_tests_that_exist() -> None:
    for rule in RULES:
        assert rule.tests, rule
        for test in rule.tests:
            assert test in set(cases(test.partition("[")[0])), test


def test_every_case_of_the_tables_has_a_row() -> None:
    said = {test for rule in RULES for test in rule.tests}
    for test in WHOLE:
        assert set(cases(test)) - {test} <= said


def test_the_document_is_the_table() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == render(), "python -m tests.doors.http2.rules"
