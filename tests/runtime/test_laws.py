"""The laws of the language, tried on drawn policies: order, monotony, doubt, and shadow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.language.program import Action, Advise, Label, Policy, Rule
from engine.language.text import NOWHERE
from engine.language.typed import Expr
from engine.runtime.decision import STRICTNESS, Decision
from engine.runtime.explain import explain
from engine.runtime.memory import MemoryStore
from engine.runtime.policyset import PolicySet, build
from tests.runtime.made import (
    ALLOW,
    DENY,
    ESCALATE,
    KEY,
    NOW,
    UNKNOWN,
    Words,
    answer,
    attribute,
    compare,
    constant,
    holds,
    instant,
    number,
    policy,
    program,
    redact,
    request,
    rollout,
    rule,
    suspicious,
    throttle,
    truth,
)

RESTRICTING: tuple[Action, ...] = (
    DENY,
    ESCALATE,
    replace(ESCALATE, queue="four eyes", reviewers=2),
    throttle(1, "tokens"),
    throttle(100),
    redact("pii.email"),
    redact("pii.phone", strategy="drop"),
)
TRUE, FALSE = truth(True), truth(False)  # noqa: FBT003
CONDITIONS: tuple[Expr | None, ...] = (
    None,
    None,
    TRUE,
    TRUE,
    FALSE,
    UNKNOWN,
    UNKNOWN,
    UNKNOWN,
    compare(attribute("stage"), "==", constant("request")),
    compare(attribute("session.turn"), ">", number(1)),
    holds("content", "pii.email"),
)
REQUESTS = (
    request(content="hi"),
    request(content="to EMAIL"),
    request(content="PHONE", stage="response", session={"id": "s", "turn": 2}),
    request(content="EMAIL", capabilities=["wait"], user={"id": "u2"}),
)

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Case:
    """Policies that are put together in a given order, and a request."""

    policies: tuple[Policy, ...]
    request: dict[str, object]

    def loaded(self) -> PolicySet:
        built = replace(program(), policies=self.policies)
        return build(built, scanner=Words(), injection=suspicious, key=KEY, revision="r1")

    def decide(self) -> Decision:
        return answer(self.loaded(), self.request)


def names(count: int) -> st.SearchStrategy[list[str]]:
    return st.permutations("abcdefg"[:count])


@st.composite
def rules(draw: st.DrawFn, name: str, actions: Sequence[Action]) -> Rule:
    return rule(
        name,
        draw(st.sampled_from(actions)),
        draw(st.sampled_from(CONDITIONS)),
        unless=draw(st.sampled_from([None, None, *CONDITIONS])),
        on_failure=draw(st.sampled_from([None, None, "allow", "deny", "escalate"])),
        shadow=draw(st.integers(0, 5)) == 0,
        rollout=draw(st.sampled_from([None, None, rollout(50)])),
        expires=draw(st.sampled_from([None, None, instant(2025), instant(2027)])),
        advise=tuple(
            Advise("route", constant(draw(st.sampled_from("xy"))), NOWHERE)
            for _ in range(draw(st.integers(0, 1)))
        ),
        labels=tuple(
            Label(draw(st.sampled_from("lm")), None) for _ in range(draw(st.integers(0, 1)))
        ),
    )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    made = []
    for name in draw(names(draw(st.integers(0, 3)))):
        drawn = [
            draw(rules(one, (ALLOW, ALLOW, *RESTRICTING)))
            for one in draw(names(draw(st.integers(0, 4))))
        ]
        made.append(
            policy(
                name,
                *drawn,
                default=draw(st.sampled_from(["allow", "allow", "deny"])),
                applies=draw(st.sampled_from(CONDITIONS)),
                shadow=draw(st.integers(0, 5)) == 0,
                rollout=draw(st.sampled_from([None, None, rollout(50)])),
            )
        )
    return Case(tuple(made), draw(st.sampled_from(REQUESTS)))


def strictness(decision: Decision) -> int:
    return STRICTNESS[decision.action]


@given(cases(), st.randoms(use_true_random=False))
def test_the_order_of_policies_and_rules_never_matters(case: Case, chance: object) -> None:
    def shuffled(items: Sequence[object]) -> tuple[object, ...]:
        made = list(items)
        chance.shuffle(made)  # type: ignore[attr-defined]
        return tuple(made)

    mixed = [replace(one, rules=shuffled(one.rules)) for one in case.policies]  # type: ignore[arg-type]

    assert Case(shuffled(mixed), case.request).decide() == case.decide()  # type: ignore[arg-type]


@given(cases(), st.data())
def test_adding_a_restriction_never_loosens(case: Case, data: st.DataObject) -> None:
    if not case.policies:
        return
    place = data.draw(st.integers(0, len(case.policies) - 1))
    chosen = case.policies[place]
    added = replace(
        data.draw(rules("zz", RESTRICTING)), name=f"{chosen.name}.zz", policy=chosen.name
    )
    more = list(case.policies)
    more[place] = replace(chosen, rules=(*chosen.rules, added))

    assert strictness(Case(tuple(more), case.request).decide()) >= strictness(case.decide())


@given(cases(), cases())
def test_adding_a_policy_never_loosens_what_some_policy_decided(case: Case, other: Case) -> None:
    before = case.decide()
    if before.reasons[0].message == "no policy applies":
        return
    renamed = tuple(
        replace(
            one,
            name=f"z{one.name}",
            rules=tuple(
                replace(inner, name=f"z{inner.name}", policy=f"z{one.name}") for inner in one.rules
            ),
        )
        for one in other.policies
    )

    assert strictness(Case((*case.policies, *renamed), case.request).decide()) >= strictness(before)


def known(expr: Expr | None, value: Expr) -> Expr | None:
    return value if expr is UNKNOWN else expr


def resolved(case: Case, value: Expr) -> Case:
    """Return *case* with every unknown ``when`` and ``applies`` known to be *value*."""
    made = tuple(
        replace(
            one,
            applies=known(one.applies, value),
            rules=tuple(
                replace(inner, when=known(inner.when, value), on_failure=None, unless=None)
                for inner in one.rules
            ),
        )
        for one in case.policies
    )
    return Case(made, case.request)


@given(cases())
def test_doubt_is_at_least_as_strict_as_knowing(case: Case) -> None:
    """Without ``on_failure``, what cannot be known is decided at least as strictly as if it were
    known to be true, and as if it were known to be false: of rules one by one, whichever is worse.
    """
    plain = resolved(case, UNKNOWN)
    for place, chosen in enumerate(plain.policies):
        for index, inner in enumerate(chosen.rules):
            if inner.when is not UNKNOWN:
                continue
            for value in (TRUE, FALSE):
                changed = [*chosen.rules]
                changed[index] = replace(inner, when=value)
                more = [*plain.policies]
                more[place] = replace(chosen, rules=tuple(changed))
                other = Case(tuple(more), case.request)
                assert strictness(plain.decide()) >= strictness(other.decide())


@given(cases())
def test_shadow_rules_change_nothing_but_the_shadow(case: Case) -> None:
    enforced = tuple(
        replace(one, rules=tuple(inner for inner in one.rules if not inner.shadow))
        for one in case.policies
        if not one.shadow
    )

    with_shadow = case.decide()
    without = Case(enforced, case.request).decide()

    for name in ("action", "reasons", "content", "redactions", "throttle", "advice", "labels"):
        assert getattr(with_shadow, name) == getattr(without, name), name


@given(cases())
def test_what_is_remembered_is_what_would_be_found_again(case: Case) -> None:
    made = case.loaded()

    first = answer(made, case.request)

    assert answer(made, case.request) == first
    record = made.reader.read(case.request)
    assert explain(made, record, MemoryStore(), NOW).decision == first
