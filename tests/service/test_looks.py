"""What the rules of a request look for in a text is looked for in one reading of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.content.entities import expand
from engine.content.findings import Finding
from engine.content.scan import build_scanner
from engine.runtime.decide import decide
from engine.runtime.decision import Decision
from engine.runtime.looks import MOST, MOST_UNIONS, Looks, Wide
from engine.runtime.memory import MemoryStore
from engine.runtime.policyset import PolicySet
from engine.service.bundles import Recipe, load_folder
from tests.service.bundle import write_folder

SECRET = b"a secret for tests, 32 bytes long"
EMAIL, PHONE, CARD, SECRETS = (
    frozenset(expand(name)) for name in ("pii.email", "pii.phone", "pii.card", "secret.any")
)
FOUND = "mail ann@example.org, card 4111 1111 1111 1111"


class Counting:
    """Tells what it was asked for."""

    def __init__(self) -> None:
        self._behind = build_scanner((), {})
        self.asked: list[frozenset[str]] = []

    def scan(self, text: str, entities: frozenset[str]) -> tuple[Finding, ...]:
        self.asked.append(entities)
        return self._behind.scan(text, entities)


Decide = Callable[..., tuple[Decision, list[frozenset[str]]]]


@pytest.fixture
def decided(tmp_path: Path) -> Decide:
    def deciding(rules: str, **asked: Any) -> tuple[Decision, list[frozenset[str]]]:
        schema = "schema { context.note: text? }"
        text = f'package p {schema} policy p "P" {{ default allow {rules} }}'
        policies = load_folder(write_folder(tmp_path, {"p.pol": text}), Recipe(SECRET))
        return decide_with(policies, **asked)

    return deciding


def decide_with(policies: PolicySet, **asked: Any) -> tuple[Decision, list[frozenset[str]]]:
    scanner = Counting()
    heard = replace(policies, senses=replace(policies.senses, scanner=scanner))
    plain = {"tenant": {"id": "north"}, "user": {"id": "u1"}, "stage": "request", "content": FOUND}
    made = decide(heard, heard.reader.read(plain | asked), MemoryStore(), 0)
    return made, scanner.asked


def test_what_several_rules_ask_of_a_text_is_looked_for_at_once(decided: Decide) -> None:
    made, asked = decided(
        "rule a { when content has pii.phone then deny }"
        "rule b { when content has secret.any then deny }"
        "rule c { when content has pii.email then redact pii.email }"
        "rule d { then redact pii.card }"
    )
    assert made.content == "mail [EMAIL], card [CARD]"
    assert asked == [EMAIL | PHONE | SECRETS | CARD]


def test_what_a_request_does_not_reach_is_not_looked_for(decided: Decide) -> None:
    made, asked = decided(
        'rule a { when tenant.id == "north" and content has pii.email then deny "a" }'
        'rule b { when tenant.id == "south" and content has pii.phone then deny "b" }'
    )
    assert made.action == "deny"
    assert asked == [EMAIL]


def test_what_is_asked_only_where_something_else_holds_waits_until_it_is_asked(
    decided: Decide,
) -> None:
    rules = (
        "rule a { when content has pii.email then redact pii.email }"
        'rule b { when content contains "card" and content has pii.card then deny "b" }'
        "rule c { when content has pii.email and content has pii.phone then redact pii.phone }"
    )
    assert decided(rules, content="mail ann@example.org")[1] == [EMAIL, PHONE]
    assert decided(rules, content="no card")[1] == [EMAIL, CARD]
    assert decided(rules, content="nothing")[1] == [EMAIL]


def test_other_texts_have_questions_of_their_own(decided: Decide) -> None:
    _, asked = decided(
        "rule a { when content has pii.email then redact pii.email }"
        "rule b { when context.note is present and context.note has pii.phone"
        " then redact pii.phone in context.note }"
        "rule c { when context.note is present then redact pii.card in context.note }",
        context={"note": "call nobody"},
    )
    assert sorted(asked, key=sorted) == sorted([EMAIL, PHONE | CARD], key=sorted)


def wide(entities: frozenset[str], *sets: frozenset[str]) -> Wide:
    return Wide(entities, frozenset(sets))


def test_questions_are_forgotten_and_unions_refused_when_there_are_too_many() -> None:
    looks = Looks()

    def one() -> None: ...

    looks.add(one, [("content", EMAIL), ("content", PHONE), ("tool.args", CARD)])
    assert looks.several
    assert looks.unite("tool.args", EMAIL, [one]) == wide(EMAIL | CARD, EMAIL, CARD)
    for number in range(1, MOST + 2):
        asked = frozenset({str(number)})
        few = number < MOST_UNIONS
        expected = wide(EMAIL | PHONE | asked, EMAIL, PHONE, asked) if few else wide(asked, asked)
        assert looks.unite("content", asked, [one]) == expected
    # Those of before are united still.
    assert looks.unite("content", frozenset({"1"}), [one]).entities == EMAIL | PHONE | {"1"}
    assert looks.unite("content", EMAIL, []) == wide(EMAIL, EMAIL)


def test_where_one_thing_is_looked_for_nothing_is_united(tmp_path: Path) -> None:
    rule = 'rule {} {{ when tenant.id == "{}" and content has pii.email then deny }}'
    text = "".join(rule.format(name, name) for name in ("a", "b"))
    folder = write_folder(tmp_path, {"p.pol": f'package p policy p "P" {{ default allow {text} }}'})
    assert load_folder(folder, Recipe(SECRET)).senses.widen is None
