from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some
from msgspec.structs import replace

from engine.language.schema import STANDARD
from engine.runtime.certificate import Certificate
from engine.runtime.decision import Decision, Reason, Redaction
from engine.runtime.reader import build_reader
from engine.runtime.record import Record
from engine.runtime.values import Values
from engine.service import lay
from engine.service.callers import CALLER, Caller
from engine.service.laid import Laid
from engine.service.lay import lay_line
from engine.service.lines import MOST, make_entry
from engine.service.making import Making
from engine.service.tracing import TRACE, Trace

NOW = 1_767_225_600_123_456_789
KEY = b"k" * 32
READER = build_reader(STANDARD)
ASKED: dict[str, Any] = {"tenant": {"id": "north"}, "user": {"id": "u1"}, "stage": "request"}
REASON = Reason(policy="p", rule="p.r", action="deny", message="why", severity="high")
BARE = Decision(
    action="deny",
    effective_action="deny",
    reasons=(REASON,),
    revision="5f2d9c31",
    decision_id="0196f2c1-7a8b-7cde-8f01-23456789abcd",
    evaluated_in=31_000,
)
NOTHING: dict[str, Values] = {}
TRACED = Trace("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7")
TEXT = some.text(some.characters(codec="utf-8", exclude_characters="\0"), max_size=40)
NAME = TEXT.filter(bool)
FIGURE = some.integers(0, 2**40)
SAID = some.lists(TEXT, max_size=2)

encode = msgspec.json.Encoder(enc_hook=str).encode


def read(**parts: object) -> Record:
    return READER.read({**ASKED, **parts})


def making(record: Record | None = None, *, spent: tuple[int, ...] = (), error: str = "") -> Making:
    made = Making(now=NOW, record=record or read(), error=error)
    if spent:
        made.read, made.decide, made.wait, made.review = spent
    return made


def both(
    made: Making, decision: Decision, values: dict[str, Values] = NOTHING
) -> tuple[bytes, bytes]:
    """Return the line as it is laid, and as the reference makes it."""
    entry = make_entry(made, decision, key=KEY, constants=frozenset(), values=values)
    laid = lay_line(made, decision, KEY, values)
    assert laid is not None
    assert (laid.time, laid.decision_id) == (entry.time, entry.decision_id)
    return laid.raw, encode(entry)


@contextmanager
def told(variable: ContextVar[Any], value: object) -> Iterator[None]:
    token = variable.set(value)
    try:
        yield
    finally:
        variable.reset(token)


@some.composite
def requests(draw: some.DrawFn) -> dict[str, object]:
    """Return what a request may bring, of any text."""
    made: dict[str, object] = {
        "request_id": draw(TEXT),
        "tenant": {"id": draw(NAME)},
        "user": {"id": draw(NAME)},
        "stage": draw(some.sampled_from(("request", "response", "document"))),
        "model": {"name": draw(some.none() | TEXT)},
        "tool": {"name": draw(some.none() | TEXT)},
        "session": {"id": draw(some.none() | NAME)},
    }
    said = draw(some.sampled_from(("nothing", "content", "messages", "arguments")))
    if said == "content":
        made["content"] = draw(TEXT)
    elif said == "messages":
        made["messages"] = [
            {"role": "user", "text": draw(TEXT)} for _ in range(draw(some.integers(0, 2)))
        ]
    elif said == "arguments":
        made["tool"] = {"name": "refund", "args": {"to": draw(TEXT), "amount": draw(FIGURE)}}
    return made


@some.composite
def decisions(draw: some.DrawFn) -> Decision:
    """Return a decision that is bare."""
    action = draw(some.sampled_from(("allow", "deny")))
    reasons = some.builds(
        Reason,
        policy=NAME,
        rule=some.sampled_from(("", "p.r", "p.s")),
        action=some.just(action),
        severity=some.sampled_from(("", "high")),
        failure=some.sampled_from(("", "away", "x" * 600)),
    )
    return replace(
        BARE,
        action=action,
        effective_action=action,
        reasons=tuple(draw(some.lists(reasons, max_size=3))),
        request_id=draw(TEXT),
        evaluated_in=draw(FIGURE),
    )


VALUES = some.dictionaries(
    some.sampled_from(("p.r", "p.s")),
    some.dictionaries(
        TEXT,
        some.none()
        | some.booleans()
        | FIGURE
        | TEXT
        | some.lists(TEXT, max_size=2)
        | some.decimals(allow_nan=False, allow_infinity=False, places=2),
        max_size=3,
    ),
)
SPENT = some.just(()) | some.tuples(FIGURE, FIGURE, FIGURE, FIGURE)


@given(requests(), decisions(), VALUES, SPENT, some.booleans())
def test_a_line_is_laid_as_it_is_encoded(
    asked: dict[str, object],
    decision: Decision,
    values: dict[str, Values],
    spent: tuple[int, ...],
    traced: bool,  # noqa: FBT001 - drawn
) -> None:
    made = making(read(**asked), spent=spent)
    with told(TRACE, TRACED if traced else None):
        for _ in range(2):  # Also what is remembered by then.
            laid, encoded = both(made, decision, values)
            assert laid == encoded


def test_a_caller_without_a_certificate_is_as_good_as_none() -> None:
    with told(CALLER, Caller()):
        laid, encoded = both(making(spent=(6_000, 25_000, 0, 0)), BARE)
    assert laid == encoded
    assert b'"spent":{"read":6000,"decide":25000}' in laid


@pytest.mark.parametrize(
    "more",
    [
        {"effective_action": "allow"},
        {"action": "redact", "effective_action": "redact"},
        {"labels": ("tainted",)},
        {"advice": {"route": "sandbox"}},
        {"restored": 2},
        {"redactions": (Redaction(path="content", start=0, end=1, entity="E", strategy="drop"),)},
        {"degraded": "the state store is away"},
        {"reasons": (REASON,) * (MOST + 1)},
    ],
)
def test_what_says_more_is_not_laid(more: dict[str, Any]) -> None:
    assert lay_line(making(), BARE, KEY, NOTHING) is not None
    assert lay_line(making(), replace(BARE, **more), KEY, NOTHING) is None


def test_of_whom_or_of_what_error_more_is_told_is_not_laid() -> None:
    assert lay_line(Making(now=NOW), BARE, KEY, NOTHING) is None
    assert lay_line(making(error="E at f:1"), BARE, KEY, NOTHING) is None
    shown = Certificate(sha256="ab", subject="CN=gateway")
    with told(CALLER, Caller(shown)):
        assert lay_line(making(), BARE, KEY, NOTHING) is None


def test_a_text_that_is_none_in_utf_8_is_not_laid() -> None:
    with pytest.raises(UnicodeEncodeError):
        lay_line(making(), replace(BARE, request_id="\ud800"), KEY, NOTHING)


def test_what_is_remembered_is_bounded() -> None:
    lay.texts.clear()
    lay.heads.clear()
    for number in range(lay.REMEMBERED + 10):
        decision = replace(BARE, reasons=(replace(REASON, rule=f"p.r{number}"),))
        laid, encoded = both(making(read(user={"id": f"u{number}"})), decision)
        assert laid == encoded
        assert max(len(lay.texts), len(lay.heads)) <= lay.REMEMBERED
    before = len(lay.texts)
    laid, encoded = both(making(read(user={"id": "u" * (lay.LONGEST + 1)})), BARE)
    assert laid == encoded
    assert len(lay.texts) <= before + 1


def test_reasons_are_remembered_by_themselves_and_those_that_failed_never() -> None:
    lay.heads.clear()
    for number in range(50):
        decision = replace(BARE, reasons=(Reason(policy=f"p{number}", action="deny"),))
        laid, encoded = both(making(), decision)
        assert laid == encoded
    assert len(lay.heads) == 50
    both(making(), replace(BARE, reasons=(replace(REASON, failure="away"),)))
    assert len(lay.heads) == 50


def test_a_figure_is_told_to_the_last_digit() -> None:
    laid, encoded = both(making(), BARE, {"p.r": {"context.amount": Decimal("1.50")}})
    assert laid == encoded
    assert b'"values":{"context.amount":"1.50"}' in laid


def test_what_is_laid_is_what_a_recorder_asks_of_an_entry() -> None:
    laid = lay_line(making(), BARE, KEY, NOTHING)
    assert isinstance(laid, Laid)
    assert laid.time == "2026-01-01T00:00:00.123456Z"
    assert msgspec.json.decode(laid.raw)["decision_id"] == laid.decision_id == BARE.decision_id
