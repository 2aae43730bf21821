"""What a detector says of its patterns is true: of keywords, hints, digits and lengths."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest

from engine.content.collect import LEAD, numbers
from engine.content.entities import ENTITIES, Entity
from engine.content.regex import compiled
from engine.content.rules import LARGE, Rule, builtin_rules
from engine.content.translate import reach, read
from tests.content.made_texts import made

TIMES = 60


def matches(rule: Rule) -> Iterator[tuple[bytes, bytes]]:
    """Yield matches of *rule*, and of each the part that is the finding."""
    tree, source = read(rule.pattern.regex), Random(rule.pattern.regex)  # noqa: S311 - texts, no secrets
    for _ in range(TIMES):
        data = made(tree, source).encode()
        spans = rule.find.find(data, 0, len(data))
        if spans[0][0] >= 0:
            yield data[slice(*spans[0])], data[slice(*spans[rule.group])]


def counts(rule: Rule, finding: bytes) -> bool:
    """Return whether *finding* would be reported."""
    pattern, text = rule.pattern, finding.decode()
    if pattern.fit is not None:
        text = text[: pattern.fit(text)]
    return bool(text) and (pattern.check is None or pattern.check(text))


@pytest.mark.parametrize("entity", ENTITIES.values(), ids=lambda one: one.name)
def test_every_match_has_what_the_pattern_says(entity: Entity) -> None:
    for rule in builtin_rules(entity):
        pattern = rule.pattern
        hint = compiled(pattern.hint) if pattern.hint else None
        most = reach(pattern.regex)
        for match, finding in matches(rule):
            if pattern.digits and counts(rule, finding):
                assert all(start <= LEAD for start, _ in numbers(match, 0)[:1]), match
            assert most is None or len(match) <= most
            if pattern.keywords:
                places = [match.lower().find(word.encode()) for word in pattern.keywords]
                first = min((place for place in places if place >= 0), default=-1)
                assert first >= 0, f"no keyword in {match!r}"
                # An address of more than 254 characters is none.
                assert first <= pattern.before or entity.name == "pii.email", match
            if hint is not None and counts(rule, finding):
                assert hint.within(match), f"no hint in {match!r}"


def test_patterns_say_whether_they_are_large() -> None:
    patterns = [pattern for entity in ENTITIES.values() for pattern in entity.patterns]
    large = {one.regex for one in patterns if compiled(one.regex).programsize > LARGE}
    assert large == {one.regex for one in patterns if one.large}
    assert large
