from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import msgspec

from engine.runtime.decision import Decision, Message, Reason, ThrottleState
from engine.verify.expectation import SHOWN, outcome, read_fields, shown


def decision(**parts: object) -> Decision:
    base: dict[str, object] = {
        "action": "deny",
        "effective_action": "deny",
        "reasons": (),
        "revision": "r",
    }
    return Decision(**(base | parts))  # type: ignore[arg-type]


def test_what_would_be_released_can_be_read() -> None:
    assert read_fields(decision(), "asked")["content"] == "asked"
    assert read_fields(decision(content="[EMAIL]"), "asked")["content"] == "[EMAIL]"
    several = (Message(role="user", text="a"), Message(role="assistant", text="b"))
    assert read_fields(decision(messages=several), "asked")["content"] == "a\nb"


def test_reasons_are_joined_without_the_empty_ones() -> None:
    reasons = (
        Reason(policy="p", action="deny", rule="p.a", message="one"),
        Reason(policy="p", action="deny", rule="p.b"),
        Reason(policy="p", action="deny", rule="p.c", failure="a model"),
    )
    assert read_fields(decision(reasons=reasons), "")["reason"] == "one; a model"
    assert outcome(decision(reasons=reasons)) == "deny by p.a, p.b, p.c (one; a model)"
    assert outcome(decision()) == "deny"


def test_the_tightest_limit_and_the_labels_can_be_read() -> None:
    limit = ThrottleState(
        rule="p.r",
        unit="requests",
        limit=Decimal(60),
        remaining=Decimal(2),
        retry_after=timedelta(0),
        key="k",
        reset=timedelta(minutes=1),
    )
    fields = read_fields(decision(throttle=limit, labels=("b", "a")), "")
    assert (fields["limit"], fields["remaining"], fields["reset"]) == (60, 2, timedelta(minutes=1))
    assert fields["labels"] == {"a", "b"}
    never = msgspec.structs.replace(limit, reset=None)
    assert read_fields(decision(throttle=never), "")["reset"] == timedelta.max
    nothing = read_fields(decision(), "")
    assert (nothing["limit"], nothing["reset"], nothing["labels"]) == (0, timedelta(0), set())


def test_values_are_shown_short() -> None:
    assert shown(None) == "absent"
    assert shown("a") == "'a'"
    assert shown(5) == "5"
    assert shown("x" * 500) == "'" + "x" * (SHOWN - 1) + "…"
