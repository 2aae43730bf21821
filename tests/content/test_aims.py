"""What Hyperscan looks for in place of a pattern, and that it is in all that the pattern finds."""

from __future__ import annotations

import pytest

from engine.content.aims import aim_at, hides_nothing, margin_of, outline_of
from engine.content.detectors import Aimed, Pattern, alone
from engine.content.entities import ENTITIES

APART = alone()
PATTERNS = [(one.name, pattern) for one in ENTITIES.values() for pattern in one.patterns]


def test_what_is_aimed_at_has_words_and_a_hint() -> None:
    asked = [pattern for _, pattern in PATTERNS if pattern.aimed in ("hint", "regex")]
    assert len(asked) > 3
    assert all(pattern.keywords and pattern.hint for pattern in asked)


def test_what_most_numbers_are_is_not_aimed_at() -> None:
    usual = [one for one in PATTERNS if one[1].aimed == "usual"]
    assert [entity for entity, _ in usual] == ["pii.phone"] * 2
    assert all(pattern.digits and aim_at(outline_of(pattern)) is None for _, pattern in usual)


def test_what_a_touched_match_hides_is_told_from_the_pattern() -> None:
    word, spaced = "[0-9]{3}x[0-9]{3}", "[0-9]{3} x[0-9]{3}"
    assert hides_nothing(outline_of(Pattern(word, 1.0, guard=APART)))
    assert not hides_nothing(outline_of(Pattern(word, 1.0)))
    assert not hides_nothing(outline_of(Pattern(f"a({word})", 1.0, guard=APART)))
    assert not hides_nothing(outline_of(Pattern(spaced, 1.0, guard=APART)))
    assert hides_nothing(outline_of(Pattern(spaced, 1.0, guard=APART, retry=True)))
    assert not hides_nothing(outline_of(Pattern("[0-9]{3}é[0-9]{3}", 1.0, guard=APART)))


@pytest.mark.parametrize(
    ("aimed", "back", "single"),
    [("shorter", None, True), ("hint", None, True), ("regex", 8, False)],
)
def test_a_pattern_says_what_is_looked_for(aimed: Aimed, back: int, single: bool) -> None:  # noqa: FBT001
    pattern = Pattern("[0-9]{4}key[0-9]", 1.0, keywords=("key",), hint="key", aimed=aimed)
    aim = aim_at(outline_of(pattern))
    assert aim is not None
    assert (aim.back, aim.single, aim.kind) == (back, single, "words")


def test_a_shape_is_looked_for_around_its_hint() -> None:
    outline = outline_of(Pattern("[0-9]{4}x-x[0-9]", 1.0, hint="x-x"))
    aim = aim_at(outline)
    assert aim is not None
    assert (aim.kind, aim.margin) == ("shapes", 8)


def test_a_shape_without_a_longest_match_is_looked_for_everywhere() -> None:
    outline = outline_of(Pattern("x-x[0-9]+", 1.0, hint="x-x"))
    aim = aim_at(outline)
    assert aim is not None
    assert (aim.kind, margin_of(outline)) == ("words", None)


def test_what_is_not_understood_is_not_aimed_at() -> None:
    outline = outline_of(Pattern("[[:alpha:]]x", 1.0, hint="x"))
    assert aim_at(outline) is None
    assert margin_of(outline) is None
