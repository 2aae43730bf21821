"""Entities to rules: their patterns compiled, with what tells whether a match counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from engine.content.detectors import THRESHOLD, CustomEntity, Entity, Pattern
from engine.content.normalize import fold
from engine.content.regex import (
    MEMORY,
    Nearby,
    PatternError,
    Regex,
    around,
    bounded,
    compiled,
    late,
    nearby,
)
from engine.content.validate import VALIDATORS

SHORT = 300
"""Characters up to which a pattern may be compiled while a text waits: it takes one or two
milliseconds at most."""
LARGE = 8192
"""Instructions from which on RE2's own bound is too little for a pattern's automaton. Patterns say
so (`Pattern.large`): to find it out takes as long as to compile one, ten milliseconds."""


class EntityError(ValueError):
    """An author's entity, or a name, that the scanner cannot use; the message says why."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A compiled pattern of *entity*. With *must*, a context word nearby is a condition.

    *around* matches wherever a word of *near* may stand, if a match needs one; else it is None.
    """

    entity: str
    find: Regex
    group: int
    pattern: Pattern
    near: Nearby | None
    must: bool
    around: Regex | None


@cache
def builtin_rules(entity: Entity) -> tuple[Rule, ...]:
    """Return the compiled rules of a built-in *entity*; compiled once a process."""
    words = [fold(word).text for word in entity.near]
    near = nearby(words)
    weak = any(pattern.score < THRESHOLD for pattern in entity.patterns)
    passing = around(words) if weak else None
    made = []
    for pattern in entity.patterns:
        find = _found_by(pattern)
        group = min(1, find.groups)
        about = passing if pattern.score < THRESHOLD else None
        made.append(Rule(entity.name, find, group, pattern, near, must=False, around=about))
    return tuple(made)


def _found_by(pattern: Pattern) -> Regex:
    """Return *pattern* compiled, or to be: what has words is seldom looked for, mostly small."""
    words = min(map(len, pattern.keywords), default=0) > 1
    if words and not pattern.digits and len(pattern.regex) <= SHORT:
        return late(pattern.regex)
    return compiled(pattern.regex, memory=MEMORY if pattern.large else 0)


def custom_rules(entity: CustomEntity) -> tuple[Rule, ...]:
    """Return the compiled rules of an author's *entity*. Raises `EntityError`."""
    check = checker(entity)
    near = author_words(entity)
    made = []
    for regex in entity.patterns:
        try:
            find = bounded(regex)
        except PatternError as error:
            raise EntityError(f"entity `{entity.name}`: {error}") from error
        pattern = Pattern(regex, 1.0, check=check)
        must = near is not None
        made.append(Rule(entity.name, find, 0, pattern, near, must=must, around=None))
    return tuple(made)


def author_words(entity: CustomEntity) -> Nearby | None:
    """Return the pattern of the entity's context words, folded as the text will be."""
    near = nearby([fold(word).text for word in entity.near])
    if near is not None:
        near.within(b"")  # What is too large for RE2 is refused now, not by a request.
    return near


def checker(entity: CustomEntity) -> Callable[[str], bool] | None:
    """Return the conjunction of the entity's validators; None when it has none."""
    if not entity.checks:
        return None
    validators = [VALIDATORS[name] for name in entity.checks]
    return lambda text: all(validator(text) for validator in validators)
