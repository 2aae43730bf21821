"""What is laid by hand says what protobuf's message would say."""

from __future__ import annotations

import gc

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from engine.doors.grpc import lay
from engine.doors.grpc.convert import write_decision
from engine.doors.grpc.lay import field, lay_all, lay_decision, lay_number, lay_reason
from engine.runtime.decision import Action, Decision, Message, Reason, Redaction
from engine.wire import engine_pb2 as wire
from tests.doors.grpc.test_convert import EVERYTHING

TEXT = some.text(max_size=200)
ACTION: some.SearchStrategy[Action] = some.sampled_from(
    ("allow", "redact", "escalate", "throttle", "deny")
)
REASONS = some.builds(
    Reason,
    policy=TEXT,
    rule=TEXT,
    action=ACTION,
    message=TEXT,
    severity=some.sampled_from(("", "high")),
    tags=some.lists(TEXT, max_size=2).map(tuple),
    failure=some.sampled_from(("", "away")),
    place=TEXT,
)
REDACTIONS = some.builds(
    Redaction,
    path=TEXT,
    start=some.integers(0, 2**40),
    end=some.integers(0, 2**40),
    entity=TEXT,
    strategy=TEXT,
)


@some.composite
def decisions(draw: some.DrawFn) -> Decision:
    """Return a decision that says much or little."""
    made = Decision(
        action=draw(ACTION),
        effective_action=draw(ACTION),
        reasons=tuple(draw(some.lists(REASONS, max_size=3))),
        revision=draw(TEXT),
        request_id=draw(TEXT),
        decision_id=draw(TEXT),
        evaluated_in=draw(some.integers(0, 2**62)),
        reserved=draw(some.booleans()),
        downgrade_reason=draw(TEXT),
    )
    changes = {
        "content": draw(some.none() | TEXT),
        "messages": draw(some.none() | some.just((Message(role="user", text="hi"),))),
        "redactions": tuple(draw(some.lists(REDACTIONS, max_size=2))),
        "restored": draw(some.integers(0, 3)),
        "labels": tuple(draw(some.lists(TEXT, max_size=2))),
        "degraded": draw(TEXT),
        "throttle": draw(some.sampled_from((None, EVERYTHING.throttle))),
        "escalation": draw(some.sampled_from((None, EVERYTHING.escalation))),
        "shadow": draw(some.sampled_from((None, EVERYTHING.shadow))),
        "advice": draw(some.sampled_from(({}, {"tier": "small"}))),
    }
    said = draw(some.sets(some.sampled_from(sorted(changes))))
    return msgspec.structs.replace(made, **{name: changes[name] for name in said})


@given(decisions())
def test_what_is_laid_is_read_as_what_protobuf_writes(decision: Decision) -> None:
    assert wire.Decision.FromString(lay_decision(decision)) == write_decision(decision)


def test_a_small_decision_has_the_very_bytes() -> None:
    small = Decision(
        action="deny",
        effective_action="deny",
        reasons=(Reason(policy="p", rule="p.r", action="deny", place="p.pol:1:1"),),
        revision="r" * 64,
        request_id="r1",
        decision_id="d" * 36,
        evaluated_in=2**40,
    )
    assert lay_decision(small) == write_decision(small).SerializeToString()


def test_a_decision_with_everything_is_laid_whole() -> None:
    laid = wire.Decision.FromString(lay_decision(EVERYTHING))
    assert laid == write_decision(EVERYTHING)


@given(some.integers(0, 2**63 - 1))
def test_numbers_are_laid_as_protobuf_does(number: int) -> None:
    laid = b"\x70" + lay_number(number)
    assert wire.Decision.FromString(laid).evaluated_in_ns == number
    assert wire.Decision(evaluated_in_ns=number).SerializeToString() in (laid, b"")


@pytest.mark.parametrize("size", [0, 1, 127, 128, 16_383, 16_384, 70_000])
def test_fields_of_any_length_are_read_again(size: int) -> None:
    assert wire.Decision.FromString(field(b"\x62", b"x" * size)).revision == "x" * size


@pytest.mark.parametrize("size", [1, 127, 128, 1_023, 1_024, 70_000])
def test_decisions_of_any_length_are_laid_one_behind_the_other(size: int) -> None:
    made = [wire.Decision(revision="x" * size), wire.Decision(), wire.Decision(restored=size)]
    laid = lay_all([one.SerializeToString() for one in made])
    assert laid == wire.DecideBatchResponse(decisions=made).SerializeToString()


def test_a_reason_is_remembered_by_itself_and_not_by_its_place_in_memory() -> None:
    lay.laid.clear()
    for number in range(50):
        reason = Reason(policy=f"p{number}", action="deny")
        assert wire.Decision.FromString(lay_reason(reason)).reasons[0].policy == f"p{number}"
        assert lay_reason(reason) is lay_reason(reason)
        del reason
        gc.collect()


def test_no_more_reasons_are_remembered_than_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lay, "REMEMBERED", 3)
    lay.laid.clear()
    kept = [Reason(policy=f"p{number}", action="deny") for number in range(5)]
    for one in kept:
        lay_reason(one)
    assert len(lay.laid) == 2
    lay_reason(Reason(policy="p", action="deny", failure="new each time"))
    assert len(lay.laid) == 2


def test_the_same_reasons_can_belong_to_different_decisions() -> None:
    reasons = (Reason(policy="p", action="deny"),)
    made = [
        Decision(action="deny", effective_action="deny", reasons=reasons, revision="one"),
        Decision(action="deny", effective_action="deny", reasons=reasons, revision="two"),
        Decision(action="allow", effective_action="deny", reasons=reasons, revision="two"),
        Decision(action="allow", effective_action="allow", reasons=reasons, revision="two"),
    ]
    for one in (*made, *made):
        assert wire.Decision.FromString(lay_decision(one)) == write_decision(one)


def test_no_more_sequences_of_reasons_are_remembered_than_may_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lay, "REMEMBERED", 3)
    lay.middles.clear()
    failed = Reason(policy="p", action="deny", failure="new each time")
    kept = [(Reason(policy=f"p{number}", action="deny"),) for number in range(5)]
    for reasons in (*kept, (failed,)):
        lay_decision(
            Decision(action="deny", effective_action="deny", reasons=reasons, revision="r")
        )
    assert len(lay.middles) == 2
