"""What Hyperscan looks for in place of a pattern, and that it is in all that the pattern finds."""

from __future__ import annotations

import pytest

from engine.content.aims import aim_at, hides_nothing
from engine.content.detectors import Aimed, Entity, Pattern, alone
from engine.content.entities import ENTITIES
from engine.content.rules import Rule, builtin_rules

APART = alone()
RULES = [rule for entity in ENTITIES.values() for rule in builtin_rules(entity)]


def rule_of(pattern: Pattern) -> Rule:
    return builtin_rules(Entity("x.aimed", "Aimed.", (pattern,)))[0]


def test_where_only_what_stands_alone_is_looked_for_nothing_else_hides_what_counts() -> None:
    asked = [rule for rule in RULES if rule.pattern.aimed in ("alone", "each")]
    assert len(asked) > 3
    assert all(map(hides_nothing, asked))


def test_what_is_aimed_at_a_hint_has_one() -> None:
    assert all(rule.pattern.hint for rule in RULES if rule.pattern.aimed == "hint")


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
    [("shorter", None, True), ("hint", None, True), ("regex", 8, False), ("alone", 12, True),
     ("each", 12, False)],
)  # fmt: skip
def test_a_pattern_says_what_is_looked_for(aimed: Aimed, back: int, single: bool) -> None:  # noqa: FBT001
    pattern = Pattern("[0-9]{4}x-x[0-9]", 1.0, hint="x-x", guard=APART, retry=True, aimed=aimed)
    aim = aim_at(rule_of(pattern))
    assert aim is not None
    assert (aim.back, aim.single) == (back, single)


def test_a_match_without_a_longest_length_begins_anywhere_before_its_end() -> None:
    aim = aim_at(rule_of(Pattern("x[0-9]+y", 1.0, guard=APART, aimed="each")))
    assert aim is not None
    assert (aim.back, aim.single) == (None, True)


@pytest.mark.parametrize("aimed", ["shorter", "alone"])
def test_what_is_not_understood_is_not_aimed_at(aimed: Aimed) -> None:
    assert aim_at(rule_of(Pattern("[[:alpha:]]x", 1.0, guard=APART, aimed=aimed))) is None
