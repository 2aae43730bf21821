from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from engine.runtime.decision import Decision
from engine.runtime.evidence import Evidence
from engine.runtime.match import Match
from engine.runtime.memory import MemoryStore
from engine.runtime.policyset import PolicySet
from engine.runtime.reader import Reader
from engine.runtime.record import Record
from engine.runtime.request import InvalidRequest, Request
from engine.service.bundles import Recipe, load_folder
from engine.service.entries import Entry, Line
from engine.service.failing import describe
from engine.service.gate import Gate, NotReady
from engine.service.journal import Journal
from engine.service.record import NoRecorder, RecordError
from engine.service.usage import Usage
from tests.service.bundle import SECRET, asked, write_folder

START = 1_767_225_600_000_000_000


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> int:
        return self.now


class Watcher:
    """Remembers what the gate tells."""

    def __init__(self) -> None:
        self.decisions: list[tuple[str, str, str]] = []
        self.refusals = 0
        self.failures: list[str] = []
        self.swaps: list[str] = []
        self.settlements: list[tuple[str, bool]] = []

    def decided(self, tenant: str, stage: str, decision: Decision) -> None:
        self.decisions.append((tenant, stage, decision.effective_action))

    def refused(self) -> None:
        self.refusals += 1

    def failed(self, error: str) -> None:
        self.failures.append(error)

    def settled(self, decision_id: str, *, found: bool) -> None:
        self.settlements.append((decision_id, found))

    def swapped(self, policies: PolicySet) -> None:
        self.swaps.append(policies.revision)


class Broken:
    """A matcher that breaks, with content in the error's text as bugs have it."""

    def match(self, record: Record, evidence: Evidence) -> Match:
        del evidence
        raise KeyError(record.content)


class Kept(NoRecorder):
    """A recorder that keeps decisions, and what else there is, or breaks as it is told."""

    def __init__(self, problem: Exception | None = None) -> None:
        self.entries: list[Entry] = []
        self.others: list[Line] = []
        self.problem = problem

    def write(self, entry: Line) -> None:
        if self.problem is not None:
            raise self.problem
        if isinstance(entry, Entry):
            self.entries.append(entry)
        else:
            self.others.append(entry)


@pytest.fixture(scope="module")
def policies(tmp_path_factory: pytest.TempPathFactory) -> PolicySet:
    return load_folder(write_folder(tmp_path_factory.mktemp("chat")), Recipe(SECRET))


@pytest.fixture
def watcher() -> Watcher:
    return Watcher()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def gate(policies: PolicySet, watcher: Watcher, clock: Clock, kept: Kept) -> Iterator[Gate]:
    made = Gate(MemoryStore(), kept, secret=SECRET, clock=clock, observer=watcher)
    made.swap(policies)
    yield made
    made.close()


def test_nothing_is_decided_before_policies_were_loaded() -> None:
    gate = Gate(MemoryStore(), secret=SECRET)
    assert not gate.ready
    assert not gate.status().serving
    for ask in (gate.decide, gate.explain):
        with pytest.raises(NotReady):
            ask(asked())
    with pytest.raises(NotReady):
        gate.decide_json(b"{}")
    with pytest.raises(NotReady):
        gate.begin_with(Reader.read, {})


def test_every_way_in_decides_and_records_alike(gate: Gate, kept: Kept, watcher: Watcher) -> None:
    request = asked("my card is 4111 1111 1111 1111", request_id="r7")
    begun = gate.begin_with(Reader.read, request)
    assert isinstance(begun, Decision)
    decisions = [
        begun,
        gate.decide(request),
        gate.decide(Request(**request)),  # type: ignore[arg-type]
        gate.decide_json(json.dumps(request).encode()),
    ]
    assert {one.action for one in decisions} == {"deny"}
    assert {one.reasons[0].rule for one in decisions} == {"chat.no_cards"}
    assert {one.request_id for one in decisions} == {"r7"}
    assert [one.decision_id for one in kept.entries] == [one.decision_id for one in decisions]
    assert len({one.decision_id for one in decisions}) == 4
    assert all(one.evaluated_in > 0 for one in decisions)
    assert watcher.decisions == [("north", "request", "deny")] * 4


def test_the_record_names_the_parts_of_the_request(gate: Gate, kept: Kept) -> None:
    gate.decide(
        {
            "tenant": {"id": "north"},
            "user": {"id": "u1"},
            "stage": "tool_call",
            "tool": {"name": "refund"},
            "model": {"name": "large"},
            "session": {"id": "s1"},
            "messages": [{"role": "user", "text": "a"}, {"role": "user", "text": "b"}],
        }
    )
    (entry,) = kept.entries
    assert (entry.tool, entry.model, entry.session) == ("refund", "large", "s1")
    gate.decide(asked("a\nb"))
    assert kept.entries[1].content_hash == entry.content_hash


def test_equal_arguments_have_equal_hashes_however_they_are_ordered(gate: Gate, kept: Kept) -> None:
    secret = "4111 1111 1111 1111"
    for tool in (
        {"name": "refund", "args": {"card": secret, "sum": [1, None]}},
        {"name": "refund", "args": {"sum": [1, None], "card": secret}},
        {"name": "refund", "args": {"sum": [None, 1], "card": secret}},
        {"name": "refund"},
    ):
        gate.decide(asked(stage="tool_call", tool=tool))
    first, same, other, none = (entry.arguments_hash for entry in kept.entries)
    assert first == same
    assert len({first, other, none}) == 3
    assert none == ""
    assert secret not in msgspec.json.encode(kept.entries[0]).decode()


def test_computed_advice_is_not_recorded_but_spelt_out_advice_is(gate: Gate, kept: Kept) -> None:
    assert gate.decide(asked("route")).advice == {"tier": "small"}
    assert gate.decide(asked("echo")).advice == {"said": "echo"}
    assert [one.advice for one in kept.entries] == [
        {"tier": "small"},
        {"said": {"kind": "str", "length": 4}},
    ]


def test_an_invalid_request_is_counted_and_neither_decided_nor_recorded(
    gate: Gate, kept: Kept, watcher: Watcher
) -> None:
    with pytest.raises(InvalidRequest, match="tenant"):
        gate.decide({"stage": "request"})
    assert (watcher.refusals, watcher.decisions, kept.entries) == (1, [], [])


def test_what_breaks_while_deciding_denies_and_says_so_without_content(
    gate: Gate, policies: PolicySet, kept: Kept, watcher: Watcher
) -> None:
    gate.swap(replace(policies, matcher=Broken()))
    decision = gate.decide(asked("a secret", request_id="r1"))
    assert (decision.action, decision.effective_action) == ("deny", "deny")
    assert decision.reasons[0].failure.startswith("KeyError at test_gate.py:")
    assert (decision.request_id, decision.revision) == ("r1", policies.revision)
    assert "a secret" not in repr(decision)
    (entry,) = kept.entries
    assert entry.error == decision.reasons[0].failure
    assert entry.tenant == "north"
    assert watcher.failures == [entry.error]
    assert watcher.decisions == [("north", "request", "deny")]


def test_what_breaks_while_reading_denies(
    gate: Gate, kept: Kept, monkeypatch: pytest.MonkeyPatch, policies: PolicySet
) -> None:
    monkeypatch.setattr(type(policies.reader), "read", lambda _self, _request: 1 / 0)
    decision = gate.decide(asked())
    assert decision.reasons[0].failure.startswith("ZeroDivisionError at ")
    assert kept.entries[0].tenant == ""


@pytest.mark.parametrize(
    ("problem", "told"),
    [
        (RecordError("cannot write to x: No space left"), "cannot write to x: No space left"),
        (ValueError("quotes the request"), "ValueError at test_gate.py:"),
    ],
)
def test_what_cannot_be_recorded_is_not_given(
    gate: Gate, watcher: Watcher, kept: Kept, problem: Exception, told: str
) -> None:
    kept.problem = problem
    decision = gate.decide(asked("fine"))
    assert decision.effective_action == "deny"
    assert decision.reasons[0].failure == "the decision could not be recorded"
    assert watcher.failures[0].startswith(told)
    assert watcher.decisions == [("north", "request", "deny")]


def test_decisions_reach_the_file(policies: PolicySet, tmp_path: Path) -> None:
    gate = Gate(MemoryStore(), Journal(tmp_path / "d.jsonl", "deny"), secret=SECRET)
    gate.swap(policies)
    decision = gate.decide(asked("write to ann@example.com"))
    gate.close()
    line = json.loads((tmp_path / "d.jsonl").read_text())
    assert line["decision_id"] == decision.decision_id
    assert line["redactions"] == [{"entity": "pii.email", "path": "content", "length": 15}]
    assert "ann@example.com" not in json.dumps(line)


def test_an_explanation_consumes_and_records_nothing(gate: Gate, kept: Kept) -> None:
    for _ in range(5):
        assert gate.explain(asked("flood")).decision.action == "allow"
    assert kept.entries == []


def test_settling_gives_back_what_was_not_used(gate: Gate) -> None:
    request = asked("spend", usage={"input_tokens": 60, "output_tokens": 30})
    first = gate.decide(request)
    assert first.action == "allow"
    assert gate.decide(request).action == "throttle"
    assert gate.settle(first.decision_id, Usage(input_tokens=5, output_tokens=5))
    assert not gate.settle(first.decision_id, Usage(input_tokens=5))
    assert gate.decide(request).action == "allow"


def test_settling_negative_figures_is_refused(gate: Gate) -> None:
    with pytest.raises(InvalidRequest) as caught:
        gate.settle("d", Usage(input_tokens=-1, cost_usd=Decimal("-0.5")))
    assert [one.path for one in caught.value.problems] == [
        "usage.input_tokens",
        "usage.cost_usd",
    ]


def test_throttles_use_the_gates_clock(gate: Gate, clock: Clock) -> None:
    actions = [gate.decide(asked("flood")).action for _ in range(3)]
    assert actions == ["allow", "allow", "throttle"]
    clock.now += 30_000_000_000
    assert gate.decide(asked("flood")).action == "allow"
    assert gate.sweep(10) >= 0


def test_a_swap_changes_the_next_decision_and_the_status(
    gate: Gate, clock: Clock, watcher: Watcher, tmp_path: Path, policies: PolicySet
) -> None:
    folder = write_folder(tmp_path, {"shut.pol": "policy shut { default deny }"})
    clock.now += 5
    gate.refuse("line 1: wrong")
    assert (gate.status().refusal, gate.status().refused_at) == ("line 1: wrong", START + 5)
    gate.confirm()
    assert (gate.status().refusal, gate.status().refused_at) == ("", 0)
    gate.swap(load_folder(folder, Recipe(SECRET)))
    assert gate.decide(asked()).action == "deny"
    status = gate.status()
    assert (status.serving, status.policies, status.rules) == (True, 1, 0)
    assert status.loaded_at == START + 5
    assert watcher.swaps == [policies.revision, status.revision]


def test_a_gate_without_observer_and_recorder_decides(policies: PolicySet) -> None:
    gate = Gate(MemoryStore(), secret=SECRET)
    gate.swap(policies)
    assert gate.decide(asked()).action == "allow"
    with pytest.raises(InvalidRequest):
        gate.decide({})
    gate.swap(replace(policies, matcher=Broken()))
    assert gate.decide(asked()).action == "deny"
    gate.close()


def test_an_error_that_was_never_raised_is_told_by_its_kind() -> None:
    assert describe(ValueError("x")) == "ValueError"
