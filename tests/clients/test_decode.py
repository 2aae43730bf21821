"""What a newer or an odd daemon says is read on the safe side."""

from __future__ import annotations

import copy
import json
import pickle
from types import SimpleNamespace
from typing import Any

import pytest
from pol_client import Decision, InvalidRequest, NoDecision, PolError, Step, Violation, results
from pol_client._wire import engine_pb2 as wire
from pol_client.decode import read_decision, read_explanation, read_status, read_step
from pol_client.decode_reviews import read_history, read_page, read_review
from pol_client.errors import no_decision, not_allowed
from pol_client.guard import take


def test_an_unknown_action_is_deny() -> None:
    raw = bytes([2 << 3, 77, 3 << 3, 77])
    decision = read_decision(wire.Decision.FromString(raw))
    assert (decision.action, decision.effective_action) == ("deny", "deny")
    assert read_decision(wire.Decision()).effective_action == "deny"


def test_arguments_and_advice_are_values() -> None:
    answer = wire.Decision(
        action=wire.ACTION_REDACT, arguments_json=b'{"a": [1]}', advice_json=b'{"route": "x"}'
    )
    decision = read_decision(answer)
    assert decision.arguments == {"a": [1]}
    assert decision.advice == {"route": "x"}


def test_an_unknown_error_code_is_unknown() -> None:
    answer = wire.Decision(error=wire.Error(code=99, message="m"))
    failure = read_decision(answer).failure
    assert failure == results.Failure("UNKNOWN", "m")
    assert failure is not None
    assert type(no_decision(failure)) is NoDecision


def test_an_explanation_arrives_whole() -> None:
    parts = [wire.Step(text="a", unknown="meter"), wire.Step(text="1")]
    step = wire.Step(text="a > 1", value_json=b"true", parts=parts)
    answer = wire.Explanation(
        policies=[
            wire.PolicyTrace(
                policy="p",
                applied=True,
                outcome=wire.ACTION_DENY,
                applies=step,
                rules=[wire.RuleTrace(rule="p.r", action=wire.ACTION_DENY, when=step, unless=step)],
            ),
            wire.PolicyTrace(policy="q", rules=[wire.RuleTrace(rule="q.r")]),
        ],
        misses=["nearly"],
        text="tree",
    )
    explanation = read_explanation(answer)
    first, second = explanation.policies
    made_parts = (
        Step("a", None, "meter", reached=True, place="", parts=()),
        Step("1", None, "", reached=False, place="", parts=()),
    )
    made = Step("a > 1", value=True, unknown="", reached=True, place="", parts=made_parts)
    assert read_step(step) == made
    assert (first.outcome, first.applies) == ("deny", made)
    assert (first.rules[0].when, first.rules[0].unless) == (made, made)
    assert (second.outcome, second.applies, second.rules[0].when) == (None, None, None)
    assert explanation.misses == ("nearly",)


def test_a_reason_without_a_sentence_is_its_rule() -> None:
    reasons = (
        results.Reason("p", "p.r", "deny"),
        results.Reason("p", "", "deny"),
        results.Reason("p", "p.s", "deny", "because"),
    )
    decision = Decision("deny", "deny", reasons)
    assert decision.reason == "p.r; p; because"
    assert str(not_allowed(decision)) == "deny: p.r; p; because"


@pytest.mark.parametrize("code", ["CANCELLED", "INTERNAL"])
def test_other_failures_keep_their_code(code: str) -> None:
    error = no_decision(results.Failure(code, "m"))
    assert json.dumps([error.code, error.message]) == f'["{code}", "m"]'


DENIED = Decision("deny", "deny", (results.Reason("p", "p.r", "deny", "because"),))
ERRORS: list[PolError] = [
    PolError("odd"),
    not_allowed(DENIED),
    InvalidRequest("wrong", (Violation("content", "required"),)),
    *(
        no_decision(results.Failure(code, "m"))
        for code in ("UNAVAILABLE", "DEADLINE_EXCEEDED", "PERMISSION_DENIED", "INTERNAL")
    ),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_reaches_another_process_whole(error: PolError) -> None:
    sent = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    for made in (sent, copy.copy(error), copy.deepcopy(error)):
        assert type(made) is type(error)
        assert (str(made), made.args, vars(made)) == (str(error), error.args, vars(error))


BROKEN = wire.Decision(arguments_json=b"{")
DEEP = wire.Step(value_json=b"[" * 100_000)


def late(message: Any, name: str) -> Any:
    """Return *message* with a time in its field *name* that no calendar has."""
    getattr(message, name).seconds = 2**62
    return message


@pytest.mark.parametrize(
    ("read", "answer"),
    [
        (read_explanation, wire.Explanation(decision=BROKEN)),
        (
            read_explanation,
            wire.Explanation(decision=wire.Decision(throttle=wire.Throttle(limit="lots"))),
        ),
        (read_explanation, wire.Explanation(policies=[wire.PolicyTrace(applies=DEEP)])),
        (read_status, late(wire.Status(), "loaded_at")),
        (read_review, wire.Review(arguments_json=b"\xff")),
        (read_review, late(wire.Review(), "expires_at")),
        (read_page, wire.ListReviewsResponse(reviews=[wire.Review(arguments_json=b"{")])),
        (read_history, wire.ReviewHistory(deeds=[late(wire.ReviewDeed(), "time")])),
    ],
)
def test_an_answer_with_what_cannot_be_read_is_no_decision(read: Any, answer: Any) -> None:
    with pytest.raises(NoDecision, match="INTERNAL"):
        read(answer)


def test_the_end_of_a_stream_that_cannot_be_read_is_no_decision() -> None:
    guard = SimpleNamespace(redactions=[], decision=None)
    with pytest.raises(NoDecision, match="INTERNAL"):
        take(guard, wire.GuardedChunk(text="a", decision=BROKEN))
    assert guard.decision is None
