from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.language import items
from engine.language.literals import escape_string
from engine.language.nodes import Literal
from tests.language.trees import parsed, problems


def value(text: str) -> tuple[object, str]:
    (item,) = parsed(f"let v = {text}").items
    assert isinstance(item, items.Let)
    assert isinstance(item.value, Literal)
    assert item.value.text == text
    return item.value.value, item.value.kind


@pytest.mark.parametrize(
    ("text", "meant", "kind"),
    [
        ("1_000", 1000, "int"),
        ("007", 7, "int"),
        ("9223372036854775807", 2**63 - 1, "int"),
        ("0.85", Decimal("0.85"), "number"),
        ("1_0.25", Decimal("10.25"), "number"),
        ("250ms", timedelta(milliseconds=250), "duration"),
        ("1h30m", timedelta(hours=1, minutes=30), "duration"),
        (
            "1w2d3h4m5s6ms",
            timedelta(days=9, hours=3, minutes=4, seconds=5, milliseconds=6),
            "duration",
        ),
        ("36525d", timedelta(days=36525), "duration"),
        ("2026-01-01T00:00:00Z", datetime(2026, 1, 1, tzinfo=UTC), "time"),
        ("2026-01-01T01:30:00+01:30", datetime(2026, 1, 1, tzinfo=UTC), "time"),
        ("2026-01-01T00:00:00.1234567Z", datetime(2026, 1, 1, 0, 0, 0, 123456, UTC), "time"),
        ("true", True, "bool"),
        ("false", False, "bool"),
        (r'"a\"\\\n\t\u{1F600}\u{41}"', 'a"\\\n\t\U0001f600A', "string"),
        ('"ünï 漢 # no comment"', "ünï 漢 # no comment", "string"),
    ],
)
def test_a_literal_is_worth_what_it_says(text: str, meant: object, kind: str) -> None:
    assert value(text) == (meant, kind)


def test_a_percentage_keeps_its_sign_in_the_text() -> None:
    (policy,) = parsed("policy p { default deny rollout 0.5% by user.id }").items
    assert isinstance(policy, items.Policy)
    assert isinstance(policy.mode, items.Rollout)
    percent = policy.mode.percent
    assert (percent.value, percent.text, percent.kind) == (Decimal("0.5"), "0.5%", "number")


def test_a_date_is_midnight() -> None:
    text = "policy p { default deny rule r { then deny expires 2026-12-31 } }"
    (policy,) = parsed(text).items
    assert isinstance(policy, items.Policy)
    (rider,) = policy.rules[0].riders
    assert isinstance(rider, items.Expires)
    assert rider.date.value == datetime(2026, 12, 31, tzinfo=UTC)


def test_a_wrong_escape_is_named_at_its_own_place() -> None:
    (found,) = problems(r'let a = "fine \n then \q"')
    assert (found.code, found.span.column, found.span.end_column) == ("E105", 23, 25)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_an_escaped_string_reads_as_itself(text: str) -> None:
    escaped = escape_string(text)
    assert "\n" not in escaped
    (item,) = parsed(f"let v = {escaped}").items
    assert isinstance(item, items.Let)
    assert isinstance(item.value, Literal)
    assert item.value.value == text


@pytest.mark.parametrize("code", [*range(0xC0), 0x2028, 0x2029, 0x200B, 0x61C, 0xFEFF, 0xE0041])
def test_an_escaped_string_shows_all_that_it_says(code: int) -> None:
    escaped = escape_string(f"a{chr(code)}b")
    assert escaped.replace("\xa0", " ").isprintable()
    assert parsed(f"let v = {escaped}").items[0].value.value == f"a{chr(code)}b"  # type: ignore[union-attr]


def test_spaces_and_letters_of_any_script_stay_as_they_are() -> None:
    for text in ("caf\xe9 \u0444", "\u7532\u3000\u4e59", "\U0001f600", "1\xa0000"):
        assert escape_string(text) == f'"{text}"'


def test_no_text_of_digits_is_slow_or_crashes() -> None:
    assert [one.code for one in problems("let a = " + "9" * 100_000)] == ["E107"]
    assert [one.code for one in problems("let a = " + "9" * 100_000 + "s")] == ["E109"]
    assert [one.code for one in problems("let a = 0." + "9" * 100_000)] == ["E125"]
