from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

import pytest

from engine.language.functions import Unknowable
from engine.runtime.decide import decide
from engine.runtime.decision import Decision
from engine.runtime.inquire import AWAITED, Lookup, Question, decide_asking
from engine.runtime.memory import MemoryStore
from engine.runtime.policyset import PolicySet
from engine.runtime.reference import ReferenceMatcher
from tests.runtime.made import NOW, load, request

HEAD = """
classifier toxicity { endpoint = "grpc://x" }
classifier spam { endpoint = "grpc://x" on_failure = "escalate" }
"""
TOXIC = "classifier.toxicity(content) > 0.5"
SPAM = "classifier.spam(content) > 0.5"
Answer = float | str
"""A score, or why there is none."""


def known(answers: Mapping[str, Answer]) -> Lookup:
    """Return what answers by the classifier's name."""

    def lookup(question: Question) -> float | None:
        found = answers.get(question.classifier)
        if isinstance(found, str):
            raise Unknowable(found)
        return found

    return lookup


def ask(
    made: PolicySet,
    answers: Mapping[str, Answer] | None = None,
    store: MemoryStore | None = None,
    **parts: object,
) -> Decision | list[str]:
    """Return the decision, or the classifiers that are asked first."""
    record = made.reader.read(request(**{"content": "hello EMAIL", **parts}))
    found = decide_asking(made, record, store or MemoryStore(), NOW, known(answers or {}))
    return found if isinstance(found, Decision) else [one.classifier for one in found]


def rules(*texts: str, default: str = "allow", more: str = "") -> PolicySet:
    """Return a policy ``p`` of *texts*, each what stands in a rule."""
    body = "\n".join(f"rule r{number} {{ {text} }}" for number, text in enumerate(texts))
    return load(f"{HEAD} policy p {{ default {default} {body} }} {more}")


def test_what_can_change_the_action_is_asked() -> None:
    made = rules(f"when {TOXIC} then deny")
    assert ask(made) == ["toxicity"]
    denied = ask(made, {"toxicity": 0.9})
    assert isinstance(denied, Decision)
    assert denied.action == "deny"


def test_what_depends_on_no_answer_is_not_asked() -> None:
    made = rules(f'when stage == "response" and {TOXIC} then deny')
    assert isinstance(ask(made), Decision)


def test_a_denial_that_stands_anyway_waits_for_no_answer() -> None:
    made = rules(f"when {TOXIC} then deny", 'when content contains "hello" then deny')
    found = ask(made)
    assert isinstance(found, Decision)
    assert [one.rule for one in found.reasons] == ["p.r1"]


def test_a_default_that_an_answer_can_end_waits() -> None:
    assert ask(rules(f"when {TOXIC} then allow", default="deny")) == ["toxicity"]
    kept = ask(rules(f"when {TOXIC} then deny", default="deny"))
    assert isinstance(kept, Decision)
    assert kept.action == "deny"


def test_a_grant_beside_another_is_not_asked_for() -> None:
    assert isinstance(ask(rules(f"when {TOXIC} then allow")), Decision)
    assert ask(rules(f"when {TOXIC} then allow on_failure deny")) == ["toxicity"]


@pytest.mark.parametrize("rider", ['advise tone = "calm"', 'label session "seen"'])
def test_what_adds_up_is_asked_for_though_the_action_is_known(rider: str) -> None:
    assert ask(rules(f"when {TOXIC} then allow {rider}")) == ["toxicity"]
    assert ask(rules(f"when {TOXIC} then deny {rider}", "then deny")) == ["toxicity"]


def test_a_rule_that_a_meter_counts_is_asked_for() -> None:
    meter = "meter seen counts rule p.r0 by user.id over 1h"
    counted = rules(f"when {TOXIC} then deny", "when meter.seen > 9 then deny", more=meter)
    assert ask(counted) == ["toxicity"]


def test_an_expired_rule_is_not_asked_for() -> None:
    assert isinstance(ask(rules(f"when {TOXIC} then deny expires 2020-01-01")), Decision)


def test_a_policy_that_may_apply_is_asked_for() -> None:
    made = load(
        f"{HEAD} policy p {{ applies when {TOXIC} default deny }} policy q {{ default allow }}"
    )
    assert ask(made) == ["toxicity"]
    alone = load(f"{HEAD} policy p {{ applies when {TOXIC} default allow }}")
    assert ask(alone) == ["toxicity"], "no policy applies, and one might"
    denied = load(
        f"{HEAD} policy p {{ applies when {TOXIC} default deny }} policy q {{ default deny }}"
    )
    assert isinstance(ask(denied), Decision)
    advice = "rule a { then deny advise x = 1 }"
    advising = load(
        f"{HEAD} policy p {{ applies when {TOXIC} default deny {advice} }}"
        " policy q { default deny }"
    )
    assert ask(advising) == ["toxicity"]


def test_the_shadow_is_worth_an_answer_unless_all_is_denied_there_too() -> None:
    silent = f"when {TOXIC} then deny mode shadow"
    assert ask(rules(silent)) == ["toxicity"]
    assert isinstance(ask(rules(silent, "then deny")), Decision)
    assert ask(rules(silent, "then allow mode shadow", default="deny")) == ["toxicity"]


def test_advice_that_an_answer_makes_is_waited_for() -> None:
    made = rules("then allow advise heat = classifier.toxicity(content)")
    assert ask(made) == ["toxicity"]
    found = ask(made, {"toxicity": 0.25})
    assert isinstance(found, Decision)
    assert found.advice == {"heat": 0.25}
    failed = ask(made, {"toxicity": "gone"})
    assert isinstance(failed, Decision)
    assert failed.advice == {"heat": None}
    assert isinstance(ask(rules("then allow advise heat = 1 / 0")), Decision)


def test_every_text_is_asked_about_at_once_and_the_worst_counts() -> None:
    made = rules(f"when {TOXIC} then deny")
    messages = [{"role": "user", "text": one} for one in ("a", "b", "a")]
    record = made.reader.read(request(messages=messages))
    asked = decide_asking(made, record, MemoryStore(), NOW, lambda _: None)
    assert asked == (Question("toxicity", "a"), Question("toxicity", "b"))
    scores = {"a": 0.1, "b": 0.9}
    found = decide_asking(made, record, MemoryStore(), NOW, lambda one: scores[one.text])
    assert isinstance(found, Decision)
    assert found.action == "deny"


def test_a_failure_comes_to_what_on_failure_says() -> None:
    made = rules(f"when {SPAM} then deny")
    found = ask(made, {"spam": "it did not answer within 40 ms"})
    assert isinstance(found, Decision)
    assert found.action == "escalate"
    assert found.reasons[0].failure == "classifier.spam (it did not answer within 40 ms)"


def test_doubts_of_another_kind_do_not_wait() -> None:
    made = load(
        f"{HEAD} policy p {{ default allow"
        f" rule r {{ when 1 / context.parts > 1 or {TOXIC} then deny }} }}"
        " schema { context.parts: int }"
        " policy q { applies when 1 / context.parts > 1 default allow }"
    )
    assert isinstance(ask(made, {"toxicity": 0.1}, context={"parts": 0}), Decision)


def test_nothing_is_taken_or_put_before_the_answers_are_there() -> None:
    made = rules(
        f"when {TOXIC} then deny",
        "then throttle 1 requests per 1h by user.id",
        'when content contains "hello" then allow label session "seen"',
    )
    store = MemoryStore()
    session = {"id": "s"}
    for _ in range(3):
        assert ask(made, store=store, session=session) == ["toxicity"]
    assert store.labels("north", "s", NOW) == frozenset()
    first = ask(made, {"toxicity": 0.0}, store, session=session)
    assert isinstance(first, Decision)
    assert first.action == "allow"
    assert store.labels("north", "s", NOW) == {"seen"}


def test_unknown_facts_deny_without_a_question() -> None:
    made = rules(f"when {TOXIC} then deny")
    record = made.reader.read(request())
    record.missing = ("tenant.plan",)  # type: ignore[misc]  # as unknown facts leave it
    found = decide_asking(made, record, MemoryStore(), NOW, lambda _: None)
    assert isinstance(found, Decision)
    assert found.action == "deny"


# --- the law: what was not asked for changes nothing ----------------------------------------------

CONDITIONS = (
    TOXIC,
    f"not ({TOXIC})",
    f"{TOXIC} and {SPAM}",
    f'{TOXIC} or content contains "hello"',
    'content contains "hello"',
)
ACTIONS = (
    "deny",
    "allow",
    "allow on_failure deny",
    "redact pii.email",
    "allow advise tone = 1",
    "deny mode shadow",
    "allow mode shadow",
    "deny on_failure allow",
)
RULES = [f"when {when} then {then}" for when, then in product(CONDITIONS, ACTIONS)]
SCORES: Sequence[Answer] = (0.0, 1.0, "gone")
ANSWERS = [dict(zip(("toxicity", "spam"), pair, strict=True)) for pair in product(SCORES, repeat=2)]


def enforced(found: Decision) -> tuple[object, ...]:
    """Return everything of a decision that a caller must act upon."""
    return (
        found.action,
        found.effective_action,
        found.content,
        found.redactions,
        found.throttle,
        found.advice,
        found.labels,
    )


@pytest.mark.slow
def test_what_was_not_asked_for_cannot_change_what_is_enforced() -> None:
    undisturbed = 0
    for number, (one, other) in enumerate(product(RULES, RULES[::3])):
        made = rules(one, other, default=("allow", "deny")[number % 2])
        found = ask(made)
        if not isinstance(found, Decision):
            continue
        undisturbed += AWAITED not in str(found.reasons)
        for answers in ANSWERS:
            whole = ask(made, answers)
            assert isinstance(whole, Decision)
            assert enforced(whole) == enforced(found), (one, other, answers)
    assert undisturbed > 50


def test_asking_comes_to_what_deciding_with_the_answers_does() -> None:
    made = rules(f"when {TOXIC} then deny", f"when {SPAM} then redact pii.email")
    assert isinstance(made.matcher, ReferenceMatcher)
    record = made.reader.read(request(content="hello EMAIL"))
    for answers in ({"toxicity": 1.0, "spam": 0.0}, {"toxicity": 0.0, "spam": 1.0}):
        mocks = {f"classifier.{name}": score for name, score in answers.items()}
        plainly = decide(made, record, MemoryStore(), NOW, mocks=mocks)
        assert ask(made, answers) == plainly
