from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from ipaddress import ip_address, ip_network

import pytest

from engine.language import typed
from engine.language.text import NOWHERE
from engine.language.types import BOOL
from engine.runtime.phrase import duration, literal, opposite, phrase, presentable, short
from tests.runtime.made import attribute, checked, constant, truth

ROUND = [
    'stage == "request" and (tenant.id != "a" or user.id == "b")',
    'not (stage == "request" or stage == "response")',
    'stage in {"document", "request"}',
    'stage not in {"document", "request"}',
    'session.labels contains "tainted" and "tainted" in session.labels',
    'not session.labels contains "tainted" and "tainted" not in session.labels',
    "context.amount is absent or context.amount > 5",
    "context.amount is present and session.turn - (1 - 2) * 3 < 10",
    "(context.amount ?? 0) + 1 > 5",
    "not (context.amount ?? 0) == 5",
    'user.roles overlaps {"a", "b"} and user.roles within {"a"}',
    "content has pii.email, pii.phone",
    'content contains "x" and content like "a*" and content matches /a+/',
    "injection(content) >= 0.8 and count(content, pii.card) > 1",
    'any x in user.roles: (x == "a" or all y in user.roles: (y != x))',
    'tenant.id in {"a", user.id}',
    "now >= 2026-01-01T00:00:00Z and now - now < 1h30m",
    'hour(now, "Europe/Berlin") > 5',
]


def condition(text: str) -> typed.Expr:
    (made,) = checked(f"policy p {{ default allow rule r {{ when {text} then deny }} }}").rules
    assert made.when is not None
    return made.when


@pytest.mark.parametrize("text", ROUND)
def test_a_phrase_says_the_same(text: str) -> None:
    words = phrase(condition(text))

    assert phrase(condition(words)) == words
    if "1 - 2" not in text:
        assert words == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            '(source.ip is present) and source.ip within "10.0.0.0/8"',
            'source.ip is present and source.ip within "10.0.0.0/8"',
        ),
        ('arg("a.0.b") ?? 1 == 2', '(arg("a.0.b") ?? 1) == 2'),
        ("context.ratio ?? 0.5 > session.turn", "(context.ratio ?? 0.5) > session.turn"),
    ],
)
def test_what_reads_a_little_different(text: str, words: str) -> None:
    assert phrase(condition(text)) == words


def test_what_only_trees_hold() -> None:
    networks = (ip_network("10.0.0.0/8"), ip_network("::/0"))
    content = attribute("content")

    assert phrase(typed.InNetwork(attribute("source.ip"), networks, BOOL, NOWHERE)) == (
        'source.ip within {"10.0.0.0/8", "::/0"}'
    )
    assert phrase(typed.Score("tox", content, BOOL, NOWHERE)) == "classifier.tox(content)"
    assert phrase(typed.Count("m", BOOL, NOWHERE)) == "meter.m"
    assert phrase(typed.NamedList("a.b", BOOL, NOWHERE)) == "a.b"
    tainted = typed.Tainted(("to", 0), BOOL, NOWHERE)
    assert phrase(tainted) == 'arg("to.0") tainted'
    assert phrase(typed.Not(tainted, BOOL, NOWHERE)) == 'arg("to.0") not tainted'


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (False, "false"),
        (5, "5"),
        (Decimal("5.00"), "5.00"),
        ('a"b', '"a\\"b"'),
        (datetime(2026, 1, 1, tzinfo=UTC), "2026-01-01T00:00:00Z"),
        (timedelta(minutes=90), "1h30m"),
        (frozenset({"b", "a"}), '{"a", "b"}'),
        ((2, 1), "[2, 1]"),
        (ip_address("::1"), '"::1"'),
    ],
)
def test_literals_are_what_an_author_writes(value: typed.Value, text: str) -> None:
    assert literal(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (timedelta(0), "0s"),
        (timedelta(milliseconds=250), "250ms"),
        (timedelta(days=8, hours=1, seconds=5), "1w1d1h5s"),
    ],
)
def test_durations_are_what_an_author_writes(value: timedelta, text: str) -> None:
    assert duration(value) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("session.turn > 5", "session.turn <= 5"),
        ('stage == "request"', 'stage != "request"'),
        ('stage in {"request", "document"}', 'stage not in {"document", "request"}'),
        ("context.amount is present", "context.amount is absent"),
        ("content has pii.email", "not content has pii.email"),
    ],
)
def test_the_opposite_reads_well(text: str, words: str) -> None:
    assert opposite(condition(text)) == words


def test_values_become_json() -> None:
    value = {
        "a": (None, True, 1, 0.5, "x", Decimal("1.50")),
        "b": frozenset({"y", "x"}),
        "c": [timedelta(seconds=90), datetime(2026, 1, 1, tzinfo=UTC), ip_address("10.0.0.1")],
    }

    assert presentable(value) == {
        "a": [None, True, 1, 0.5, "x", "1.50"],
        "b": ["x", "y"],
        "c": [90.0, "2026-01-01T00:00:00Z", "10.0.0.1"],
    }


def test_long_values_are_cut() -> None:
    long = "x" * 100

    assert short("x" * 60) == "x" * 60
    assert short(long) == "x" * 59 + "…"
    assert short([long, 5]) == ["x" * 59 + "…", 5]
    assert short(list(range(61))) == [*range(60), "…"]
    assert short({long: long}) == {"x" * 59 + "…": "x" * 59 + "…"}
    assert len(short({str(n): n for n in range(100)})) == 60  # type: ignore[arg-type]


def test_constants_are_literals() -> None:
    assert phrase(constant("a")) == '"a"'
    assert phrase(constant(frozenset("hgfedcba"))).endswith('"g", "h"}')
    assert phrase(constant(frozenset("jihgfedcba"))).endswith('"g", "h", … 2 more}')
    assert phrase(truth(True)) == "true"  # noqa: FBT003
