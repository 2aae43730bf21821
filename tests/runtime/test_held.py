from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some
from msgspec.structs import asdict, astuple

from engine.runtime import held as at
from engine.runtime.decision import Action, Decision, Reason, Redaction, Shadow

PLAIN = Decision(action="allow", effective_action="allow", reasons=(), revision="r")
MORE: dict[str, object] = {
    "throttle": object(),
    "escalation": object(),
    "shadow": Shadow(action="deny", reasons=()),
    "advice": {"route": "sandbox"},
    "labels": ("tainted",),
    "degraded": "the state store is away",
    "redactions": (Redaction(path="content", start=0, end=1, entity="EMAIL", strategy="drop"),),
    "restored": 1,
}
ACTIONS: tuple[Action, ...] = ("allow", "redact", "escalate", "throttle", "deny")


@pytest.mark.parametrize("name", at.FIELDS)
def test_every_place_is_that_of_its_field(name: str) -> None:
    places = {
        "action": at.ACTION,
        "effective_action": at.EFFECTIVE,
        "reasons": at.REASONS,
        "revision": at.REVISION,
        "redactions": at.REDACTIONS,
        "restored": at.RESTORED,
        "throttle": at.THROTTLE,
        "escalation": at.ESCALATION,
        "advice": at.ADVICE,
        "labels": at.LABELS,
        "reserved": at.RESERVED,
        "shadow": at.SHADOW,
        "degraded": at.DEGRADED,
        "request_id": at.REQUEST_ID,
        "decision_id": at.DECISION_ID,
        "evaluated_in": at.EVALUATED_IN,
    }
    marked = msgspec.structs.replace(PLAIN, **{name: "marked"})
    if name in places:
        assert astuple(marked)[places[name]] == "marked" == asdict(marked)[name]
    else:
        assert at.says_no_more(astuple(marked))


@given(
    some.sampled_from(ACTIONS),
    some.sampled_from(ACTIONS),
    some.sets(some.sampled_from(sorted(MORE))),
)
def test_bare_is_what_allows_or_denies_and_says_no_more(
    action: Action, effective: Action, more: set[str]
) -> None:
    made = msgspec.structs.replace(
        PLAIN,
        action=action,
        effective_action=effective,
        reasons=(Reason(policy="p", action=action),),
        **{name: MORE[name] for name in more},
    )
    plain = action in ("allow", "deny") and effective == action
    assert at.is_bare(astuple(made)) == (plain and not more)
