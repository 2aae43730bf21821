"""What Hyperscan looks for in place of a pattern, and that it is in all that the pattern finds."""

from __future__ import annotations

import pytest

from engine.content.aims import aim_at, hides_nothing, margin
from engine.content.detectors import Aimed, Entity, Pattern, alone
from engine.content.entities import ENTITIES
from engine.content.rules import Rule, builtin_rules

APART = alone()
RULES = [rule for entity in ENTITIES.values() for rule in builtin_rules(entity)]


def rule_of(pattern: Pattern) -> Rule:
    return builtin_rules(Entity("x.aimed", "Aimed.", (pattern,)))[0]


def test_what_is_aimed_at_has_words_and_a_hint() -> None:
    asked = [rule.pattern for rule in RULES if rule.pattern.aimed in ("hint", "regex")]
    assert len(asked) > 3
    assert all(pattern.keywords and pattern.hint for pattern in asked)


def test_what_most_numbers_are_is_not_aimed_at() -> None:
    usual = [rule for rule in RULES if rule.pattern.aimed == "usual"]
    assert [rule.entity for rule in usual] == ["pii.phone"] * 2
    assert all(rule.pattern.digits and aim_at(rule) is None for rule in usual)


def test_what_a_touched_match_hides_is_told_from_the_pattern() -> None:
    word, spaced = "[0-9]{3}x[0-9]{3}", "[0-9]{3} x[0-9]{3}"
    assert hides_nothing(rule_of(Pattern(word, 1.0, guard=APART)))
    assert not hides_nothing(rule_of(Pattern(word, 1.0)))
    assert not hides_nothing(rule_of(Pattern(f"a({word})", 1.0, guard=APART)))
    assert not hides_nothing(rule_of(Pattern(spaced, 1.0, guard=APART)))
    assert hides_nothing(rule_of(Pattern(spaced, 1.0, guard=APART, retry=True)))
    assert not hides_nothing(rule_of(Pattern("[0-9]{3}é[0-9]{3}", 1.0, guard=APART)))


@pytest.mark.parametrize(
    ("aimed", "back", "single"),
    [("shorter", None, True), ("hint", None, True), ("regex", 8, False)],
)
def test_a_pattern_says_what_is_looked_for(aimed: Aimed, back: int, single: bool) -> None:  # noqa: FBT001
    pattern = Pattern("[0-9]{4}key[0-9]", 1.0, keywords=("key",), hint="key", aimed=aimed)
    aim = aim_at(rule_of(pattern))
    assert aim is not None
    assert (aim.back, aim.single, aim.kind) == (back, single, "words")


def test_a_shape_is_looked_for_around_its_hint() -> None:
    rule = rule_of(Pattern("[0-9]{4}x-x[0-9]", 1.0, hint="x-x"))
    aim = aim_at(rule)
    assert aim is not None
    assert (aim.kind, margin(rule)) == ("shapes", 8)


def test_a_shape_without_a_longest_match_is_looked_for_everywhere() -> None:
    rule = rule_of(Pattern("x-x[0-9]+", 1.0, hint="x-x"))
    aim = aim_at(rule)
    assert aim is not None
    assert (aim.kind, margin(rule)) == ("words", None)


def test_what_is_not_understood_is_not_aimed_at() -> None:
    rule = rule_of(Pattern("[[:alpha:]]x", 1.0, hint="x"))
    assert aim_at(rule) is None
    assert margin(rule) is None
