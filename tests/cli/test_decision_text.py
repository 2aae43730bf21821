from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec

from engine.cli.decision_text import describe_decision, inert
from engine.runtime.decision import (
    Decision,
    Escalation,
    Message,
    Reason,
    Redaction,
    Shadow,
    ThrottleState,
)

REASON = Reason(
    policy="p",
    rule="p.r",
    action="throttle",
    message="slow down",
    severity="low",
    tags=("a", "b"),
    place="p.pol:3:3",
    failure="the state store",
)
FULL = Decision(
    action="escalate",
    effective_action="deny",
    downgrade_reason="the caller cannot wait for a review",
    reasons=(REASON, Reason(policy="", action="deny")),
    revision="abc",
    messages=(Message(role="user", text="two\nlines \x1b[31m"),),
    arguments={"to": "[EMAIL]"},
    attributes={"context.note": "to [EMAIL]\x1b[2J"},
    redactions=(Redaction(path="content", start=1, end=4, entity="pii.email", strategy="label"),),
    throttle=ThrottleState(
        rule="p.r",
        unit="requests",
        limit=Decimal(10),
        remaining=Decimal("0.5"),
        retry_after=timedelta(seconds=2.5),
        key="k",
    ),
    escalation=Escalation(
        review_id="rev",
        queue="people",
        expires_at=datetime(2026, 1, 1, tzinfo=UTC),
        otherwise="deny",
    ),
    advice={"route": "small"},
    labels=("tainted",),
    shadow=Shadow(action="deny", reasons=(REASON,)),
    decision_id="d1",
    evaluated_in=12_345,
)


def test_everything_that_a_decision_says_is_shown() -> None:
    assert describe_decision(FULL, color=False).splitlines() == [
        "deny (the policies say escalate; the caller cannot wait for a review)",
        "  because    p.r: slow down",
        "             could not be known: the state store",
        "             p.pol:3:3, severity low, a b",
        "  because    no reason was given",
        r"  user: two\nlines \x1b[31m",
        "  arguments  {'to': '[EMAIL]'}",
        r"  attribute  context.note = to [EMAIL]\x1b[2J",
        "  redacted   pii.email at content[1:4] as label",
        "  limit      0.5 requests left (limit 10), try again in 2.5 s",
        "  review     rev in `people`; deny after 2026-01-01 00:00:00 UTC",
        "  advice     route = small",
        "  labels     tainted",
        "  in shadow  deny (p.r)",
        "  decision   d1, revision abc, 12 us",
    ]


def test_a_small_decision_is_a_small_text() -> None:
    small = Decision(action="allow", effective_action="allow", reasons=(), revision="abc")
    assert describe_decision(small, color=False).splitlines() == [
        "allow",
        "  decision   , revision abc",
    ]


def test_a_terminal_shows_the_action_in_colour() -> None:
    assert describe_decision(FULL, color=True).startswith("\x1b[31m\x1b[1mdeny\x1b[0m")


def test_nothing_in_content_can_drive_the_terminal() -> None:
    assert inert("a\x1b]0;x\x07\r\u202e\x9b ä") == r"a\x1b]0;x\x07\r\u202e\x9b ä"


def test_nothing_in_a_policy_drives_the_terminal() -> None:
    odd = "\x1b]0;owned\x07\u202e"
    reason = Reason(
        policy="p",
        rule="p.r",
        action="escalate",
        message=odd,
        tags=(odd,),
        place=f"{odd}.pol:1:1",
        failure=odd,
    )
    assert FULL.escalation is not None
    review = Escalation(
        review_id="rev", queue=odd, expires_at=FULL.escalation.expires_at, otherwise="deny"
    )
    decision = Decision(
        action="escalate",
        effective_action="escalate",
        reasons=(reason,),
        revision="abc",
        escalation=review,
        labels=(odd,),
        advice={"route": odd},
    )
    shown = describe_decision(decision, color=False)
    assert all(line.isprintable() for line in shown.splitlines())


def test_a_review_by_several_people_says_so() -> None:
    assert FULL.escalation is not None
    two = msgspec.structs.replace(FULL.escalation, needed=2)
    shown = describe_decision(msgspec.structs.replace(FULL, escalation=two), color=False)
    assert "`people` by 2 reviewers; deny after" in shown


def test_a_review_that_is_over_says_what_came_of_it() -> None:
    over = Escalation(
        review_id="rev",
        queue="people",
        expires_at=datetime(2026, 1, 1, tzinfo=UTC),
        otherwise="deny",
        state="approved",
    )
    made = Decision(
        action="allow", effective_action="allow", reasons=(), revision="abc", escalation=over
    )
    assert (
        "  review     rev in `people`; approved"
        in describe_decision(made, color=False).splitlines()
    )
