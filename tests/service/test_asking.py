from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from engine.classifiers.hub import Hub
from engine.runtime.decision import Decision
from engine.runtime.explain import Explanation
from engine.runtime.inquire import Question
from engine.runtime.memory import MemoryStore
from engine.runtime.policyset import PolicySet
from engine.runtime.request import InvalidRequest
from engine.service.asking import ROUNDS, Undecided, Unexplained
from engine.service.bundles import Recipe, load_folder
from engine.service.gate import Gate
from engine.service.lookout import Lookout
from engine.service.making import Making
from tests.service.bundle import SECRET, asked, write_folder
from tests.service.shelf import NESTED, POLICIES, Reply, Shelf
from tests.service.test_gate import Broken, Kept, Watcher


@pytest.fixture(scope="module")
def policies(tmp_path_factory: pytest.TempPathFactory) -> PolicySet:
    folder = tmp_path_factory.mktemp("asking")
    return load_folder(write_folder(folder, {"talk.pol": POLICIES}), Recipe(SECRET))


Made = Callable[..., tuple[Gate, Shelf, Kept]]


@pytest.fixture
def make(policies: PolicySet) -> Made:
    def made(seconds: float = 5.0, **replies: Reply) -> tuple[Gate, Shelf, Kept]:
        shelf, kept = Shelf(replies, seconds), Kept()
        gate = Gate(MemoryStore(), kept, secret=SECRET, classifiers=shelf)
        gate.swap(policies)
        return gate, shelf, kept

    return made


def test_a_decision_waits_for_the_answer_that_matters(make: Made) -> None:
    gate, shelf, kept = make(rude=0.95, kind=0.1)
    assert gate.decide(asked("rude")).action == "deny"
    assert gate.decide(asked("kind")).action == "allow"
    assert [one.text for one in shelf.asked] == ["rude", "kind"]
    assert [one.action for one in kept.entries] == ["deny", "allow"]


def test_what_needs_no_answer_is_decided_at_once(make: Made) -> None:
    gate, shelf, _ = make()
    assert isinstance(gate.begin(asked("rude", stage="response")), Decision)
    assert isinstance(gate.begin(asked("card")), Decision)
    assert shelf.asked == []


def test_every_entrance_waits(make: Made) -> None:
    gate, _, _ = make(rude=0.95)
    raw = b'{"tenant": {"id": "n"}, "user": {"id": "u"}, "stage": "request", "content": "rude"}'
    assert gate.decide_json(raw).action == "deny"


def test_without_classifiers_to_ask_the_questions_are_unanswered(policies: PolicySet) -> None:
    gate = Gate(MemoryStore(), secret=SECRET)
    gate.swap(policies)
    found = gate.decide(asked("rude"))
    assert found.action == "escalate"
    assert found.reasons[0].failure == "classifier.toxicity (it is not connected)"
    assert gate.decide_json(b'{"tenant": {"id": "n"}, "user": {"id": "u"}, "stage": "request"}')
    assert isinstance(gate.begin(asked("rude")), Decision)
    assert gate.explain(asked("rude")).decision.action == "escalate"
    gate.close()


def test_a_remembered_answer_is_used_without_a_wait(make: Made) -> None:
    gate, shelf, _ = make()
    shelf.known[Question("toxicity", "rude")] = 0.95
    found = gate.begin(asked("rude"))
    assert isinstance(found, Decision)
    assert found.action == "deny"


def test_a_failure_is_named_and_does_what_on_failure_says(make: Made) -> None:
    gate, _, _ = make(rude="it cannot be reached")
    found = gate.decide(asked("rude"))
    assert found.action == "escalate"
    assert found.reasons[0].failure == "classifier.toxicity (it cannot be reached)"


def test_nobody_waits_longer_than_the_timeout(make: Made) -> None:
    gate, shelf, _ = make(seconds=0.0)
    found = gate.decide(asked("silence"))
    assert found.reasons[0].failure == "classifier.toxicity (it did not answer within 40 ms)"
    assert shelf.futures[0].cancelled()


def hear(gate: Gate, content: str, left: float | None = None) -> Decision:
    """Return the decision, waited for in an event loop."""

    async def drive() -> Decision:
        step = gate.begin(asked(content))
        while isinstance(step, Undecided):
            await (step.hear() if left is None else step.hear(lambda: left))
            step = gate.go_on(step)
        return step

    return asyncio.run(drive())


def test_in_an_event_loop_answers_failures_and_silence_are_the_same(make: Made) -> None:
    gate, _, _ = make(rude=0.95, odd="it cannot be reached")
    assert hear(gate, "rude").action == "deny"
    assert "it cannot be reached" in hear(gate, "odd").reasons[0].failure
    gate, _, _ = make(seconds=0.0)
    assert "within 40 ms" in hear(gate, "silence").reasons[0].failure


def test_the_callers_deadline_counts_too(make: Made) -> None:
    gate, _, _ = make(rude=0.95)
    assert hear(gate, "rude", left=60).action == "deny"
    failure = hear(gate, "silence", left=0.0).reasons[0].failure
    assert failure == "classifier.toxicity (the caller's deadline left it no time)"


def test_a_decision_that_nobody_goes_on_with_leaves_nothing(make: Made) -> None:
    gate, _, kept = make()
    assert isinstance(gate.begin(asked("rude")), Undecided)
    assert kept.entries == []


def test_a_bad_request_and_a_broken_reader_are_refused_before_anything_is_asked(
    make: Made, policies: PolicySet, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, shelf, kept = make()
    with pytest.raises(InvalidRequest):
        gate.decide({"stage": "request"})

    def broken(_request: object) -> None:
        raise KeyError

    monkeypatch.setattr(policies.reader.__class__, "read", lambda _self, one: broken(one))
    found = gate.decide(asked("rude"))
    assert found.action == "deny"
    assert found.reasons[0].failure.startswith("KeyError at ")
    assert shelf.asked == []
    assert [one.action for one in kept.entries] == ["deny"]


def test_an_error_on_the_second_try_denies(make: Made) -> None:
    gate, _, kept = make(rude=0.1)
    step = gate.begin(asked("rude"))
    assert isinstance(step, Undecided)
    step.wait()
    step.policies = replace_matcher(step.policies)
    found = gate.go_on(step)
    assert isinstance(found, Decision)
    assert found.action == "deny"
    assert kept.entries[0].error.startswith("KeyError at ")


def replace_matcher(policies: PolicySet) -> PolicySet:
    return replace(policies, matcher=Broken())


def test_an_answer_may_raise_another_question(tmp_path: Path) -> None:
    shelf = Shelf({"deep": 1.0})
    gate = Gate(MemoryStore(), secret=SECRET, classifiers=shelf)
    gate.swap(load_folder(write_folder(tmp_path, {"p.pol": NESTED}), Recipe(SECRET)))
    assert gate.decide(asked("deep")).action == "deny"
    assert [one.classifier for one in shelf.asked] == ["gate", "inner"]


def test_what_is_remembered_is_not_asked_beside_what_is_not(tmp_path: Path) -> None:
    shelf = Shelf({"deep": 1.0})
    shelf.known[Question("gate", "deep")] = 1.0
    gate = Gate(MemoryStore(), secret=SECRET, classifiers=shelf)
    gate.swap(load_folder(write_folder(tmp_path, {"p.pol": NESTED}), Recipe(SECRET)))
    assert gate.decide(asked("deep")).action == "deny"
    assert [one.classifier for one in shelf.asked] == ["inner"]


def test_too_many_rounds_leave_the_last_questions_unanswered(make: Made) -> None:
    gate, shelf, _ = make(rude=0.1)
    step = gate.begin(asked("rude"))
    assert isinstance(step, Undecided)
    step.rounds = ROUNDS
    step.asked = []
    found = gate.go_on(step)
    assert isinstance(found, Decision)
    assert found.action == "escalate"
    assert f"{ROUNDS} are the most" in found.reasons[0].failure
    assert len(shelf.asked) == 1


def test_an_explanation_asks_every_question(make: Made) -> None:
    gate, shelf, kept = make(card=0.2)
    found = gate.explain(asked("card"))
    assert found.decision.action == "deny"
    assert [one.text for one in shelf.asked] == ["card"]
    assert any("0.2" in str(one) for one in found.policies)
    assert kept.entries == []
    waiting = gate.begin_explain(asked("card"))
    assert isinstance(waiting, Unexplained)
    waiting.rounds = ROUNDS
    waiting.asked = []
    late = gate.go_on_explaining(waiting)
    assert isinstance(late, Explanation)


def test_counts_and_closing_reach_the_classifiers(policies: PolicySet) -> None:
    watcher = Watcher()
    shelf = Shelf({"rude": 0.95})
    gate = Gate(MemoryStore(), secret=SECRET, classifiers=shelf, observer=watcher)
    gate.swap(policies)
    gate.decide(asked("rude"))
    assert watcher.decisions == [("north", "request", "deny")]
    with pytest.raises(InvalidRequest):
        gate.decide({})
    assert watcher.refusals == 1
    gate.close()
    assert shelf.closed


def test_a_stream_asks_the_servers_of_the_policies_it_began_with(
    make: Made, policies: PolicySet, tmp_path: Path
) -> None:
    gate, shelf, _ = make(rude=0.95)
    plain = {"p.pol": "policy p { default allow }"}
    gate.swap(load_folder(write_folder(tmp_path, plain), Recipe(SECRET)))
    assert gate.decide(asked("rude")).action == "allow"
    step = gate.begin_read(policies, lambda: policies.reader.read(asked("rude")))
    assert isinstance(step, Undecided)
    step.wait()
    found = gate.go_on(step)
    assert isinstance(found, Decision)
    assert found.action == "deny"
    assert [one.text for one in shelf.asked] == ["rude"]


class Line:
    """A transport that nobody uses."""

    closed = False

    def classify(self, classifier: str, texts: Sequence[str], seconds: float) -> Sequence[object]:
        raise AssertionError(classifier, texts, seconds)

    def close(self) -> None:
        self.closed = True


def test_a_reload_keeps_unchanged_servers_and_closes_others_after_their_last_decision(
    policies: PolicySet, tmp_path: Path
) -> None:
    made: list[Line] = []

    def connect(_endpoint: str) -> Line:
        made.append(Line())
        return made[-1]

    gate = Gate(MemoryStore(), secret=SECRET, classifiers=Hub(SECRET, connect=connect))
    gate.swap(policies)
    gate.swap(replace(policies, revision="the same classifier"))
    assert len(made) == 1
    under_way = Undecided(
        policies=policies,
        servers=gate._connect(policies),
        lookout=Lookout(),
        record=policies.reader.read(asked("x")),
        made=Making(now=0),
        decision_id="d",
        started=0,
    )
    plain = {"p.pol": "policy p { default allow }"}
    gate.swap(load_folder(write_folder(tmp_path, plain), Recipe(SECRET)))
    assert not made[0].closed
    del under_way
    assert made[0].closed
