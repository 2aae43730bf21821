"""What a rule's condition has read is told by the author's words, and no text is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.content.findings import Finding
from engine.language.functions import Unknowable
from engine.runtime.decide import decide
from engine.runtime.memory import MemoryStore
from engine.runtime.values import LONGEST, MOST_VALUES, REMEMBERED, Values, values_of
from engine.runtime.witness import Witness
from engine.service.bundles import Recipe, load_folder
from tests.service.bundle import SECRET, asked, write_folder

NOW = 1_767_225_600_000_000_000
SCHEMA = """\
schema {
  context.amount: int
  context.price: decimal?
  context.word: string?
  context.note: text?
  context.tags: set<string>
  context.more: set<string>?
  context.days: set<int>?
  context.steps: list<int>
  context.wait: duration?
  context.ip: ip?
  context.mood: "calm" | "angry" ?
}
meter tried counts rule p.other by user.id over 10m
"""
OTHER = 'rule other { when user.id == "nobody" then deny }'
PLAIN: dict[str, Any] = {"amount": 900, "tags": [], "steps": []}

Told = Callable[..., Values]


@pytest.fixture
def told(tmp_path: Path) -> Told:
    """Return a function that tells the values behind one rule ``p.r``, given its text."""

    def tell(rule: str, content: str = "hello", more: str = "", **parts: object) -> Values:
        context = parts.pop("context", {})
        assert isinstance(context, dict)
        text = f"{SCHEMA}policy p {{ default allow rule r {{ {rule} }} {OTHER} {more} }}"
        policies = load_folder(write_folder(tmp_path, {"p.pol": text}), Recipe(SECRET))
        record = policies.reader.read(asked(content, context=PLAIN | context, **parts))
        witness = Witness()
        decide(policies, record, MemoryStore(), NOW, witness=witness)
        assert witness.seen is not None
        return values_of(policies, witness.seen, "p.r")

    return tell


def test_figures_words_and_truths_are_told_as_they_are(told: Told) -> None:
    rule = 'when context.amount > 500 and (context.mood ?? "calm") == "angry" and user.id == "u1" '
    assert told(rule + "then deny", context={"mood": "angry"}) == {
        "context.amount": 900,
        "context.mood": "angry",
        "user.id": "u1",
    }


def test_what_is_absent_is_null(told: Told) -> None:
    rule = "when (context.price ?? 1) > 0 and context.note is absent then deny"
    assert told(rule) == {"context.price": None, "context.note": None}


def test_a_text_is_told_by_its_length(told: Told) -> None:
    rule = 'when length(content) > 3 and context.note is present and context.note contains "b" '
    assert told(rule + "then deny", "hello", context={"note": "abc"}) == {
        "content": {"kind": "text", "length": 5},
        "context.note": {"kind": "text", "length": 3},
    }


def test_a_string_that_the_content_holds_is_told_by_its_length(told: Told) -> None:
    rule = 'when (context.word ?? "") != "x" then deny'
    here = {"word": "my dear friend"}
    assert told(rule, "hello", context=here) == {"context.word": "my dear friend"}
    assert told(rule, "say it, my dear friend!", context=here) == {
        "context.word": {"kind": "string", "length": 14}
    }


def test_a_string_that_an_argument_holds_is_told_by_its_length(told: Told) -> None:
    tool = {"name": "t", "args": {"to": ["ann@example.com"]}}
    found = told(
        'when (context.word ?? "") != "x" then deny',
        stage="tool_call",
        tool=tool,
        context={"word": "ann@example.com"},
    )
    assert found == {"context.word": {"kind": "string", "length": 15}}


def test_a_string_that_nobody_has_said_is_told_beside_arguments(told: Told) -> None:
    tool = {"name": "t", "args": {"to": "ann@example.com", "more": ["bob"]}}
    rule = 'when (context.word ?? "") != "x" then deny'
    here = {"word": "eight or more"}
    found = told(rule, "", stage="tool_call", tool=tool, context=here)
    assert found == {"context.word": "eight or more"}


def test_a_detector_that_could_not_look_is_told_as_one(tmp_path: Path) -> None:
    class Broken:
        def scan(self, text: str, entities: frozenset[str]) -> tuple[Finding, ...]:
            raise Unknowable(f"the scanner ({len(text)}, {len(entities)})")

    text = "policy p { default allow rule r { when content has pii.email then deny } }"
    policies = load_folder(write_folder(tmp_path, {"p.pol": text}), Recipe(SECRET))
    policies = replace(policies, senses=replace(policies.senses, scanner=Broken()))
    witness = Witness()
    decide(policies, policies.reader.read(asked()), MemoryStore(), NOW, witness=witness)
    assert witness.seen is not None
    assert values_of(policies, witness.seen, "p.r") == {
        "content has pii.email": {"unknown": "the scanner (5, 1)"}
    }


def test_a_string_is_not_told_beside_content_that_is_too_long_to_search(told: Told) -> None:
    rule = 'when (context.word ?? "") != "x" then deny'
    here = {"word": "eight or more"}
    hidden = {"context.word": {"kind": "string", "length": 13}}
    assert told(rule, "a" * 20_001, context=here) == hidden
    tool = {"name": "t", "args": {"to": "a" * 20_001}}
    assert told(rule, "", stage="tool_call", tool=tool, context=here) == hidden


def test_what_the_rule_spells_out_is_told_wherever_it_stands(told: Told) -> None:
    rule = 'when context.word is present and context.word in {"physician", "nurse"} then deny'
    assert told(rule, "my physician", context={"word": "physician"}) == {
        "context.word": "physician"
    }


def test_a_long_string_is_told_by_its_length(told: Told) -> None:
    rule = 'when (context.word ?? "") != "x" then deny'
    long = "a" * (LONGEST + 1)
    assert told(rule, context={"word": long}) == {
        "context.word": {"kind": "string", "length": LONGEST + 1}
    }


def test_of_collections_the_elements_are_told_unless_they_are_many(told: Told) -> None:
    rule = 'when not (context.tags contains "x") and all s in context.steps: (s > 0) then deny'
    assert told(rule, context={"tags": ["b", "a"], "steps": [3, 1]}) == {
        "context.tags": ["a", "b"],
        "context.steps": [3, 1],
    }
    many = {"tags": [f"t{one}" for one in range(17)], "steps": [1] * 17}
    assert told(rule, context=many) == {
        "context.tags": {"kind": "set", "length": 17},
        "context.steps": {"kind": "list", "length": 17},
    }


def test_an_element_that_the_content_holds_is_told_by_its_length(told: Told) -> None:
    rule = 'when not (context.tags contains "x") and (context.more is absent) then deny'
    assert told(rule, "my dear friend", context={"tags": ["dear friend", "b"]}) == {
        "context.tags": ["b", {"kind": "string", "length": 11}],
        "context.more": None,
    }
    rule = "when (context.days is present) and context.days contains 3 then deny"
    assert told(rule, context={"days": [5, 3]}) == {"context.days": [3, 5]}
    many = {"days": list(range(17))}
    assert told(rule, context=many) == {"context.days": {"kind": "set", "length": 17}}


def test_durations_addresses_and_the_clock(told: Told) -> None:
    rule = (
        "when context.wait is present and context.wait > 1s and context.ip is present "
        'and context.ip within "10.0.0.0/8" and hour(now, "UTC") < 24 then deny'
    )
    found = told(rule, context={"wait": "90s", "ip": "10.0.0.1"})
    assert found["context.wait"] == 90.0
    assert found["context.ip"] == "10.0.0.1"
    assert str(found["now"]).startswith("2026-01-01 00:00:00")


def test_an_argument_is_told_if_it_is_a_figure_or_a_truth(told: Told) -> None:
    rule = (
        'when (arg("amount") ?? 0) > 5 and (arg("sure") ?? false) == true and arg("to") is present '
        'and arg("all") is present and arg("of") is present and arg("no") is absent then deny'
    )
    args = {"amount": 900, "sure": True, "to": "ann@example.com", "all": [1, 2], "of": {"a": 1}}
    assert told(rule, stage="tool_call", tool={"name": "t", "args": args}) == {
        'arg("amount")': 900,
        'arg("sure")': True,
        'arg("to")': {"kind": "string", "length": 15},
        'arg("all")': {"kind": "list", "length": 2},
        'arg("of")': {"kind": "object", "length": 1},
        'arg("no")': None,
    }


def test_of_an_argument_that_cannot_be_known_it_is_told_why(told: Told) -> None:
    args = {"order": '{"amount": 900}'}
    rule = 'when (arg("order.amount") ?? 0) > 5 then deny'
    assert told(rule, stage="tool_call", tool={"name": "t", "args": args}) == {
        'arg("order.amount")': {"unknown": "an argument inside a string that may be JSON"}
    }


def test_a_figure_that_is_also_said_is_told_by_its_length(told: Told) -> None:
    tool = {"name": "t", "args": {"account": 4111111111111111}}
    found = told('when (arg("account") ?? 0) > 5 then deny', "hello", stage="tool_call", tool=tool)
    assert found == {'arg("account")': {"kind": "number", "length": 16}}


def test_what_detectors_said_is_told_as_scores_and_counts(told: Told) -> None:
    rule = "when content has pii.email, pii.phone and injection(content) < 0.9 "
    rule += "and count(content, pii.email) > 1 then deny"
    found = told(rule, "ann@example.com, bob@example.com")
    assert found["content has pii.email, pii.phone"] == {"pii.email": 2}
    assert found["count(content, pii.email)"] == {"pii.email": 2}
    assert isinstance(found["injection(content)"], float)


def test_what_nobody_asked_for_is_not_told(told: Told) -> None:
    rule = 'when context.amount > 5 or injection(content) > 0.5 or session.labels contains "x" '
    assert told(rule + "then deny") == {"context.amount": 900}


def test_labels_meters_and_turns(told: Told) -> None:
    rule = 'when not (session.labels contains "x") and meter.tried < 5 and session.turn < 9 '
    found = told(rule + "then deny", session={"id": "s", "labels": ["tainted"], "turn": 3})
    assert found == {"session.labels": ["tainted"], "meter.tried": 0, "session.turn": 3}


def test_a_tainted_argument_is_told_as_one(told: Told) -> None:
    tool = {"name": "t", "args": {"to": "ann"}}
    rule = 'when not (arg("to") tainted) then deny'
    found = told(rule, "", stage="tool_call", tool=tool, session={"id": "s"})
    assert found == {'arg("to") tainted': False}


def test_what_could_not_be_known_is_told_with_the_reason(told: Told) -> None:
    found = told("when classifier.mood(content) > 0.5 then deny", more=CLASSIFIED)
    assert found == {
        "classifier.mood(content)": {"unknown": "classifier.mood (it is not connected)"}
    }


CLASSIFIED = '} classifier mood { endpoint = "grpc://127.0.0.1:1" } policy q { default allow'


def test_a_throttle_tells_by_what_it_counts(told: Told) -> None:
    rule = "when context.amount > 5 then throttle 1 requests per 1m by tenant.id, user.id"
    assert told(rule) == {"context.amount": 900, "tenant.id": "north", "user.id": "u1"}


def test_of_a_very_long_condition_the_beginning_is_told(told: Told) -> None:
    parts = " or ".join(f'arg("x{one}") is present' for one in range(MOST_VALUES + 5))
    rule = f"when context.amount > 0 and not ({parts}) then deny"
    assert len(told(rule, stage="tool_call", tool={"name": "t", "args": {}})) == MOST_VALUES


def test_a_default_has_read_nothing(tmp_path: Path) -> None:
    policies = load_folder(
        write_folder(tmp_path, {"p.pol": "policy p { default deny }"}), Recipe(SECRET)
    )
    witness = Witness()
    decide(policies, policies.reader.read(asked()), MemoryStore(), NOW, witness=witness)
    assert witness.seen is not None
    assert values_of(policies, witness.seen, "") == {}


def test_readings_are_remembered_but_not_without_end(tmp_path: Path) -> None:
    text = 'policy p { default allow rule r { when user.id == "u1" then deny } }'
    policies = load_folder(write_folder(tmp_path, {"p.pol": text}), Recipe(SECRET))
    policies.readings.update({str(one): () for one in range(REMEMBERED)})
    witness = Witness()
    decide(policies, policies.reader.read(asked()), MemoryStore(), NOW, witness=witness)
    assert witness.seen is not None
    assert values_of(policies, witness.seen, "p.r") == {"user.id": "u1"}
    assert list(policies.readings) == ["p.r"]
    assert values_of(policies, witness.seen, "p.r") == {"user.id": "u1"}
