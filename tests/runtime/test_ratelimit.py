from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from urllib.parse import unquote

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.runtime.decision import Action, Decision, ThrottleState
from engine.runtime.ratelimit import rate_limit_headers
from tests.runtime.structured import read_list

STATE = ThrottleState(
    rule="desk.guard.pace",
    unit="requests",
    limit=Decimal(60),
    remaining=Decimal(59),
    retry_after=timedelta(0),
    key='["desk.guard.pace","requests","","north"]',
    reset=timedelta(milliseconds=1001),
    window=timedelta(minutes=1),
)


def decided(state: ThrottleState | None, action: Action = "allow") -> Decision:
    return Decision(
        action=action, effective_action=action, reasons=(), revision="r", throttle=state
    )


def fields(action: Action = "allow", **changes: object) -> dict[str, str]:
    return rate_limit_headers(decided(msgspec.structs.replace(STATE, **changes), action))


def test_a_limit_is_told_with_what_is_left_of_it() -> None:
    assert fields() == {
        "RateLimit-Policy": '"desk.guard.pace";q=60;w=60',
        "RateLimit": '"desk.guard.pace";r=59;t=2',
    }


def test_a_refusal_says_when_to_come_again_and_both_fields_agree() -> None:
    made = fields("throttle", remaining=Decimal(0), retry_after=timedelta(seconds=11.2))
    assert made["RateLimit"] == '"desk.guard.pace";r=0;t=12'
    assert made["Retry-After"] == "12"
    soon = fields("throttle", retry_after=timedelta(microseconds=1))
    assert soon["Retry-After"] == "1"
    assert fields("throttle", retry_after=timedelta(0))["Retry-After"] == "1"


def test_without_a_limit_there_is_nothing_to_tell() -> None:
    assert rate_limit_headers(decided(None)) == {}
    assert rate_limit_headers(decided(None, "deny")) == {}


def test_only_a_throttle_says_to_come_again() -> None:
    assert "Retry-After" not in fields("deny", retry_after=timedelta(seconds=3))


@pytest.mark.parametrize(
    ("unit", "limit", "remaining", "policy", "left"),
    [
        ("tokens", "1000", "12.7", 'q=1000;qu="tokens"', "r=12"),
        ("usd", "50", "0.0125", 'q=50000000;qu="usd-millionths"', "r=12500"),
        ("usd", "0.0000001", "0", 'q=0;qu="usd-millionths"', "r=0"),
        ("concurrent", "4", "3", 'q=4;qu="concurrent-requests"', "r=3"),
        ("context.amount", "7", "6.5", 'q=7;qu="context.amount"', "r=6"),
        ("context.amount", "7.5", "6.5", 'q=7500000;qu="context.amount-millionths"', "r=6500000"),
        ("requests", "0.5", "0.25", 'q=500000;qu="requests-millionths"', "r=250000"),
        ("tokens", "1E+20", "1E+20", 'q=999999999999999;qu="tokens"', "r=999999999999999"),
    ],
)
def test_every_unit_is_a_whole_number(
    unit: str, limit: str, remaining: str, policy: str, left: str
) -> None:
    made = fields(unit=unit, limit=Decimal(limit), remaining=Decimal(remaining))
    assert made["RateLimit-Policy"] == f'"desk.guard.pace";{policy};w=60'
    assert made["RateLimit"] == f'"desk.guard.pace";{left};t=2'


def test_what_is_not_known_is_left_out() -> None:
    made = fields(reset=None, window=None)
    assert made["RateLimit-Policy"] == '"desk.guard.pace";q=60'
    assert made["RateLimit"] == '"desk.guard.pace";r=59'


def test_a_window_is_never_nothing() -> None:
    assert fields(window=timedelta(milliseconds=5))["RateLimit-Policy"].endswith(";w=1")


def test_a_name_is_a_string_whatever_it_holds() -> None:
    made = fields(rule='a"b\\c%d é\n')
    assert made["RateLimit"].startswith('"a\\"b\\\\c%25d %C3%A9%0A";r=59')


def test_buckets_are_told_apart_by_what_says_nothing_of_their_keys() -> None:
    def key(bucket: str, secret: bytes = b"secret") -> object:
        made = rate_limit_headers(
            decided(msgspec.structs.replace(STATE, key=bucket)), secret=secret
        )
        ((_, policy),), ((_, left),) = map(read_list, made.values())
        assert policy["pk"] == left["pk"]
        assert "north" not in str(made)
        return left["pk"]

    assert key("north") == key("north")
    assert isinstance(key("north"), bytes)
    assert len({key("north"), key("south"), key("north", b"other")}) == 3


decimals = st.decimals(0, 10**25, places=9, allow_nan=False)
times = st.timedeltas(timedelta(0), timedelta(days=200_000))


@settings(max_examples=150)
@given(
    rule=st.text(st.characters(codec="utf-8"), max_size=12),
    unit=st.sampled_from(["requests", "usd", "concurrent", "context.ünits"]),
    limit=decimals,
    remaining=decimals,
    reset=times | st.none(),
    window=times | st.none(),
    retry_after=times,
    key=st.text(st.characters(codec="utf-8"), max_size=12),
    action=st.sampled_from(["allow", "throttle"]),
)
def test_a_strict_reader_reads_every_field(action: Action, **changes: object) -> None:
    state = msgspec.structs.replace(STATE, **changes)
    made = rate_limit_headers(decided(state, action), secret=b"s" * 64)
    ((name, policy),), ((other, left),) = (
        read_list(made[field]) for field in ("RateLimit-Policy", "RateLimit")
    )
    assert unquote(name) == unquote(other) == state.rule
    for figure in (policy["q"], left["r"], policy.get("w", 1), left.get("t", 0)):
        assert isinstance(figure, int)
        assert 0 <= figure < 10**15
    assert ("Retry-After" in made) == (action == "throttle")
    assert all(value.isascii() and value.isprintable() for value in made.values())
