"""The client tells the same limits in HTTP header fields as the engine does."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from pol_client import rate_limit_headers, results
from pol_client._wire import engine_pb2 as wire
from pol_client.decode import read_decision

from engine.doors.grpc.convert import write_decision
from engine.runtime import ratelimit
from engine.runtime.decision import Action, Decision, ThrottleState
from tests.runtime.structured import read_list


def arrived(decision: Decision) -> results.Decision:
    raw = write_decision(decision).SerializeToString()
    return read_decision(wire.Decision.FromString(raw))


@pytest.mark.parametrize("action", ["allow", "throttle", "deny"])
@pytest.mark.parametrize("unit", ["requests", "tokens", "usd", "concurrent", "context.amount"])
@pytest.mark.parametrize("time", [None, timedelta(0), timedelta(seconds=90.5)])
@pytest.mark.parametrize("secret", [b"", b"secret"])
def test_client_and_engine_agree(
    action: Action, unit: str, time: timedelta | None, secret: bytes
) -> None:
    state = ThrottleState(
        rule='p."ü"',
        unit=unit,
        limit=Decimal("7.5") if unit == "usd" else Decimal(7),
        remaining=Decimal("6.25"),
        retry_after=time or timedelta(0),
        key='["p"]',
        reset=time,
        window=time,
    )
    decision = Decision(
        action=action, effective_action=action, reasons=(), revision="r", throttle=state
    )
    mine = rate_limit_headers(arrived(decision), secret=secret)
    assert mine == ratelimit.rate_limit_headers(decision, secret=secret)


def test_without_a_limit_there_are_no_fields() -> None:
    decision = Decision(action="allow", effective_action="allow", reasons=(), revision="r")
    assert rate_limit_headers(arrived(decision)) == {}


def test_a_daemon_s_answer_becomes_fields(client: Any) -> None:
    asked = {"tenant": "north", "user": "flood", "stage": "request", "content": "hello"}
    answers = [client.decide(**asked) for _ in range(3)]
    assert [each.action for each in answers] == ["allow", "allow", "throttle"]
    made = rate_limit_headers(answers[-1], secret=b"secret")
    ((_, policy),), ((_, left),) = (
        read_list(made[field]) for field in ("RateLimit-Policy", "RateLimit")
    )
    assert (policy["q"], policy["w"], left["r"]) == (2, 60, 0)
    assert int(made["Retry-After"]) == left["t"]
