from __future__ import annotations

import pytest

from engine.runtime.decision import Decision
from engine.runtime.memory import MemoryStore
from engine.runtime.policyset import PolicySet
from tests.runtime.made import NOW, answer, at, load, request


def rules(decision: Decision) -> list[str]:
    return [reason.rule or reason.policy for reason in decision.reasons]


def one(body: str, head: str = "default allow") -> PolicySet:
    return load(f"policy p {{ {head} {body} }}")


# --- the lattice ----------------------------------------------------------------------------------

ACTIONS = {
    "deny": "deny",
    "throttle": "throttle 1 tokens per 1m by tenant.id",
    "escalate": 'escalate to "q"',
    "redact": "redact pii.email",
    "allow": "allow",
}


@pytest.mark.parametrize("stricter", ACTIONS)
@pytest.mark.parametrize("milder", ACTIONS)
def test_the_stricter_of_two_rules_wins(stricter: str, milder: str) -> None:
    order = list(ACTIONS)
    if order.index(stricter) > order.index(milder):
        stricter, milder = milder, stricter
    made = one(f"rule a {{ then {ACTIONS[milder]} }} rule b {{ then {ACTIONS[stricter]} }}")

    decision = answer(made, request(content="to EMAIL"))

    assert decision.action == stricter
    assert "p.b" in rules(decision)


def test_no_policy_denies() -> None:
    decision = answer(load())

    assert (decision.action, decision.reasons[0].message) == ("deny", "no policy applies")


def test_no_applying_policy_denies() -> None:
    made = load('policy p { applies when stage == "response" default allow }')

    assert answer(made).reasons[0].message == "no policy applies"
    assert answer(made, request(stage="response")).action == "allow"


def test_default_deny_needs_a_matching_allow() -> None:
    made = one('rule a { when stage == "response" then allow }', "default deny")

    denied = answer(made)
    allowed = answer(made, request(stage="response"))

    assert (denied.action, denied.reasons[0].message) == ("deny", "no rule allows it")
    assert (allowed.action, rules(allowed)) == ("allow", ["p.a"])


def test_a_defaults_own_sentence_is_the_reason() -> None:
    decision = answer(load('policy p { default deny "ask the owner" }'))

    assert decision.reasons[0].message == "ask the owner"
    assert decision.reasons[0].rule == ""


def test_a_restriction_does_not_grant() -> None:
    decision = answer(
        one("rule a { then redact pii.email }", "default deny"), request(content="EMAIL")
    )

    assert decision.action == "deny"


def test_every_policy_must_let_it_through() -> None:
    made = load(
        'policy org { default allow rule no { when stage == "response" then deny } }',
        "policy tenant { default deny rule yes { then allow } }",
    )

    assert answer(made).action == "allow"
    assert rules(answer(made)) == ["org", "tenant.yes"]
    assert rules(answer(made, request(stage="response"))) == ["org.no"]


def test_a_tenant_cannot_loosen_the_organisation() -> None:
    made = load(
        "policy org { default allow rule no { then deny } }",
        "policy tenant { default allow rule yes { then allow } }",
    )

    assert answer(made).action == "deny"


def test_all_rules_of_the_winning_action_are_reasons() -> None:
    made = one('rule z { then deny "last" } rule a { then deny "first" } rule m { then allow }')

    decision = answer(made)

    assert [(one.rule, one.message) for one in decision.reasons] == [
        ("p.a", "first"),
        ("p.z", "last"),
    ]


def test_a_reason_tells_all_about_its_rule() -> None:
    made = one('rule a "Title" { then deny severity high tags "x", "y" owner "team" } ')

    (reason,) = answer(made).reasons

    assert (reason.policy, reason.message, reason.severity, reason.tags, reason.owner) == (
        "p",
        "Title",
        "high",
        ("x", "y"),
        "team",
    )
    assert reason.place.startswith("file1.pol:1:")


def test_unless_keeps_a_rule_from_acting() -> None:
    made = one('rule a { when stage == "request" unless user.roles overlaps {"admin"} then deny }')

    assert answer(made).action == "deny"
    assert answer(made, request(user={"id": "u", "roles": ["admin"]})).action == "allow"


def test_ids_come_back() -> None:
    decision = answer(one(""), request(request_id="r7"), decision_id="d9")

    assert (decision.request_id, decision.decision_id, decision.revision) == ("r7", "d9", "r1")


# --- riders ---------------------------------------------------------------------------------------


def test_advice_adds_up_and_the_stricter_rule_wins_a_name() -> None:
    made = one(
        """
        rule a { then allow advise route = "fast" advise tier = 1 }
        rule b { then redact pii.email advise route = "safe" }
        rule c { then allow advise tier = 2 advise who = user.roles }
        """
    )

    decision = answer(made, request(user={"id": "u", "roles": ["y", "x"]}))

    assert decision.advice == {"route": "safe", "tier": 1, "who": ["x", "y"]}


def test_advice_that_cannot_be_known_is_null() -> None:
    made = one("rule a { then allow advise share = 1 / session.turn }")

    assert answer(made).advice == {"share": None}


def test_an_expired_rule_does_not_act() -> None:
    made = one("rule a { then deny expires 2025-12-31 }")

    assert answer(made).action == "allow"
    assert answer(made, now=at(-1)).action == "deny"
    assert answer(made).action == "allow"


def test_labels_are_put_whatever_the_outcome() -> None:
    made = one('rule a { when session.turn == 1 then deny label session "tainted" for 1h }')
    store = MemoryStore()
    asked = request(session={"id": "s"})

    decision = answer(made, asked, store)

    assert decision.labels == ("tainted",)
    assert store.labels("north", "s", NOW) == {"tainted"}
    assert store.labels("north", "s", at(3601)) == frozenset()


def test_a_label_can_be_read_by_the_next_request() -> None:
    made = one(
        """
        rule a { when session.turn == 1 then allow label session "tainted" }
        rule b { when session.labels contains "tainted" then deny }
        """
    )
    store = MemoryStore()

    first = answer(made, request(session={"id": "s", "turn": 1}), store)
    second = answer(made, request(session={"id": "s", "turn": 2}), store)

    assert (first.action, second.action) == ("allow", "deny")
    assert answer(made, request(session={"id": "t"}), store).action == "allow"
    assert answer(made, request(session={"id": "t", "labels": ["tainted"]})).action == "deny"


def test_without_a_session_there_is_nothing_to_label() -> None:
    decision = answer(one('rule a { then allow label session "x" }'))

    assert decision.labels == ()


def test_a_meter_counts_matches_of_its_rule() -> None:
    made = load(
        """
        policy p {
          default allow
          rule no { when session.turn == 0 then deny }
          rule stop { when meter.refusals >= 2 then escalate to "q" }
        }
        meter refusals counts rule p.no by user.id over 10m
        """
    )
    store = MemoryStore()
    quiet = request(session={"turn": 1})

    for _ in range(2):
        assert answer(made, quiet, store).action == "allow"
        assert answer(made, request(), store).action == "deny"

    assert answer(made, quiet, store).action == "escalate"
    assert answer(made, quiet, store, now=at(700)).action == "allow"
    assert answer(made, quiet | {"user": {"id": "other"}}, store).action == "allow"


def test_a_mock_stands_for_a_meter() -> None:
    made = load(
        """
        policy p { default allow rule no { when meter.m > 5 then deny } rule a { then allow } }
        meter m counts rule p.a by user.id over 10m
        """
    )

    assert answer(made, mocks={"meter.m": 6}).action == "deny"


def test_nothing_is_consumed_when_asked_not_to() -> None:
    made = load(
        """
        policy p {
          default allow
          rule t { then throttle 1 requests per 1m by user.id label session "x" }
        }
        meter m counts rule p.t by user.id over 10m
        """
    )
    store = MemoryStore()
    asked = request(session={"id": "s"})

    peeks = [answer(made, asked, store, consume=False) for _ in range(3)]

    assert [one.action for one in peeks] == ["allow"] * 3
    assert store.labels("north", "s", NOW) == frozenset()
    assert answer(made, asked, store).action == "allow"
    assert answer(made, asked, store, consume=False).action == "throttle"


# --- shadow and rollout ---------------------------------------------------------------------------


def test_a_shadow_rule_is_told_and_not_enforced() -> None:
    decision = answer(one("rule a { then deny mode shadow }"))

    assert decision.action == "allow"
    assert decision.shadow is not None
    assert (decision.shadow.action, decision.shadow.reasons[0].rule) == ("deny", "p.a")


def test_a_shadow_allow_grants_nothing() -> None:
    decision = answer(one("rule a { then allow mode shadow }", "default deny"))

    assert decision.action == "deny"
    assert decision.shadow is not None
    assert decision.shadow.action == "allow"


def test_a_shadow_policy_neither_denies_nor_counts_as_applying() -> None:
    quiet = load("policy p { mode shadow default deny }")
    beside = load("policy p { mode shadow default deny }", "policy q { default allow }")

    assert answer(quiet).reasons[0].message == "no policy applies"
    decision = answer(beside)
    assert decision.action == "allow"
    assert decision.shadow is not None
    assert decision.shadow.action == "deny"


def test_without_shadow_rules_there_is_no_shadow() -> None:
    assert answer(one("rule a { then deny }")).shadow is None


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("redact pii.email", "redact"),
        ('escalate to "q"', "escalate"),
        ("throttle 1 tokens per 1m by user.id", "throttle"),
    ],
)
def test_the_shadow_looks_at_content_and_state(action: str, expected: str) -> None:
    decision = answer(one(f"rule a {{ then {action} mode shadow }}"), request(content="EMAIL"))

    assert decision.action == "allow"
    assert decision.shadow is not None
    assert decision.shadow.action == expected
    assert (decision.content, decision.escalation, decision.throttle) == (None, None, None)


def test_a_shadow_throttle_has_a_bucket_of_its_own() -> None:
    made = one(
        """
        rule a { then throttle 2 requests per 1m by user.id }
        rule b { then throttle 1 requests per 1m by user.id mode shadow }
        """
    )
    store = MemoryStore()

    got = [answer(made, None, store) for _ in range(3)]

    assert [one.action for one in got] == ["allow", "allow", "throttle"]
    assert [one.shadow and one.shadow.action for one in got] == ["allow", "throttle", "throttle"]


def test_a_shadow_grant_still_meets_the_enforced_throttle() -> None:
    made = one(
        """
        rule a { then throttle 1 tokens per 1m by user.id }
        rule b { then allow mode shadow }
        """,
        "default deny",
    )

    decision = answer(made, request(content="more than a token"))

    assert decision.action == "deny"
    assert decision.shadow is not None
    assert decision.shadow.action == "throttle"


def test_a_rollout_enforces_for_a_stable_share_of_keys() -> None:
    made = one("rule a { then deny rollout 25% by user.id }")
    denied = {
        user
        for user in map(str, range(400))
        if answer(made, request(user={"id": user})).action == "deny"
    }

    assert 60 < len(denied) < 140
    wider = one("rule a { then deny rollout 60% by user.id }")
    assert all(answer(wider, request(user={"id": user})).action == "deny" for user in denied)


@pytest.mark.parametrize(("percent", "action"), [(0, "allow"), (100, "deny")])
def test_the_ends_of_a_rollout_are_exact(percent: int, action: str) -> None:
    made = one(f"rule a {{ then deny rollout {percent}% by user.id }}")

    assert {answer(made, request(user={"id": str(n)})).action for n in range(50)} == {action}


def test_an_absent_rollout_key_is_outside() -> None:
    decision = answer(one("rule a { then deny rollout 100% by session.id }"))

    assert decision.action == "allow"
    assert decision.shadow is not None


def test_outside_a_policys_rollout_all_of_it_is_shadow() -> None:
    made = load("policy p { rollout 0% by user.id default deny rule a { then deny } }")

    decision = answer(made)

    assert decision.action == "deny"
    assert decision.reasons[0].message == "no policy applies"
    assert decision.shadow is not None
    assert [one.rule for one in decision.shadow.reasons] == ["", "p.a"]


# --- capabilities ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("able", "effective"),
    [(["wait", "mask"], "escalate"), (["wait"], "deny"), (["mask"], "deny")],
)
def test_a_review_of_what_must_be_masked_needs_both(able: list[str], effective: str) -> None:
    made = one('rule a { then redact pii.email } rule b { then escalate to "q" }')

    decision = answer(made, request(content="EMAIL", capabilities=able))
    unmasked = answer(made, request(content="fine", capabilities=["wait"]))

    assert (decision.action, decision.effective_action) == ("escalate", effective)
    assert (decision.content is None) == (effective == "deny")
    assert unmasked.effective_action == "escalate"


@pytest.mark.parametrize(
    ("action", "able", "effective", "why"),
    [
        ("redact pii.email", None, "redact", ""),
        ("redact pii.email", ["mask"], "redact", ""),
        ("redact pii.email", ["wait"], "deny", "the caller cannot mask"),
        ('escalate to "q"', ["wait"], "escalate", ""),
        ('escalate to "q"', ["mask"], "deny", "the caller cannot wait for a review"),
        ("deny", [], "deny", ""),
        ("allow", [], "allow", ""),
    ],
)
def test_what_the_caller_cannot_carry_out_becomes_deny(
    action: str, able: list[str] | None, effective: str, why: str
) -> None:
    asked = request(content="EMAIL", capabilities=able)

    decision = answer(one(f"rule a {{ then {action} }}"), asked)

    assert decision.action == action.split(maxsplit=1)[0]
    assert (decision.effective_action, decision.downgrade_reason) == (effective, why)
    if effective == "deny":
        assert decision.content is None


# --- memory ---------------------------------------------------------------------------------------


def test_outcomes_are_shared_and_bounded() -> None:
    made = one("rule a { then deny }")

    first, second = answer(made), answer(made)
    assert first.reasons is second.reasons

    for filler in range(4096):
        made.remembered[filler] = None
    made.remembered.pop(next(iter(made.remembered)))
    made.remembered["last"] = None
    assert answer(made).action == "deny"
    assert len(made.remembered) == 1
