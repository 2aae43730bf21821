"""Rules to what Hyperscan looks for in their place, and what an event of it tells.

Of a pattern with words and its hint, that is looked for which is shorter to say, unless the pattern
names the other: what is quick to look for cannot be told from its text, and was measured. Patterns
with a shape are looked for around their hints only.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, NamedTuple

from engine.content.detectors import Aimed, stands_alone
from engine.content.plan import bordered, by_one_byte, has_shape
from engine.content.rules import Rule
from engine.content.translate import (
    WORD,
    Untranslatable,
    alphabet,
    reach,
    read,
    standing_alone,
    translate,
)

NEAR = 8
"""An expression whose lengths differ by more gives too many events: the first one will do."""
LONGEST = 4096
"""A match of more bytes is as good as unbounded."""

Kind = Literal["words", "shapes", "numbers"]
KINDS: tuple[Kind, ...] = ("words", "shapes", "numbers")


class Aim(NamedTuple):
    """What a database looks for in place of a rule, and what an event tells.

    A match begins at most *back* bytes before the event's end (anywhere, if None), and has at most
    *most* bytes. With *single* there is one event, the first. *kind* tells the database.
    """

    text: str
    single: bool
    kind: Kind
    back: int | None
    most: int | None


@lru_cache(maxsize=4096)
def _worded(regex: str, hint: str, aimed: Aimed) -> Aim | None:
    """Return what to look for in place of a pattern with words, or of one that has no hint.

    It is the simpler of *regex* and *hint*, unless *aimed* at one of them. Invariant: a hint tells
    nothing of where to begin. It is in all that counts, but a match without it, which does not
    count, may hide one that begins inside it.
    """
    try:
        most = reach(regex)
        made = translate(regex)
        hinted = translate(hint) if hint else made
    except Untranslatable:
        return None
    if aimed == "hint" or (aimed == "shorter" and len(hinted.text) < len(made.text)):
        return Aim(hinted.text, single=True, kind="words", back=None, most=None)
    if most is not None and most > LONGEST:
        most = None
    rare = made.marked and made.most is not None and made.most - made.least <= NEAR
    single = most is None or not rare
    return Aim(made.text, single=single, kind="words", back=made.most, most=most)


@lru_cache(maxsize=4096)
def _shaped(regex: str, hint: str) -> Aim:
    """Return what to look for around *hint*, which both are understood and bounded."""
    text = min(translate(hint).text, translate(regex).text, key=len)
    return Aim(text, single=True, kind="shapes", back=None, most=None)


@lru_cache(maxsize=4096)
def _reach(regex: str) -> int | None:
    """Return how many bytes a match of *regex* has at most, None if that is too much to tell."""
    try:
        most = reach(regex)
    except Untranslatable:
        return None
    return most if most is not None and most <= LONGEST else None


def margin(rule: Rule) -> int | None:
    """Return how many bytes before and behind its hint may matter for *rule*, None for any."""
    hint, most = _reach(rule.pattern.hint), _reach(rule.pattern.regex)
    return None if hint is None or most is None else max(hint, most)


@lru_cache(maxsize=4096)
def _numeric(regex: str, *, apart: bool, whole: bool) -> Aim | None:
    """Return what to look for in place of a pattern of digits, of which texts have many.

    Each number is looked at by itself, and the guard is part of it: most then set off few rules.

    Where what the guard refuses could hide something (see `bordered`), it is left out.
    """
    alone = apart and bordered(regex)
    try:
        text = standing_alone(regex, whole=whole) if alone else translate(regex).text
    except Untranslatable:
        return None
    return Aim(text, single=True, kind="numbers", back=None, most=None)


def aim_at(rule: Rule) -> Aim | None:
    """Return what to look for in place of *rule*, None where that cannot or need not be told."""
    pattern = rule.pattern
    if by_one_byte(rule) or pattern.aimed == "usual":
        return None
    if pattern.digits:
        apart = stands_alone(pattern.guard) and not rule.group
        return _numeric(pattern.regex, apart=apart, whole=pattern.fit is None)
    if has_shape(rule) and margin(rule) is not None:
        return _shaped(pattern.regex, pattern.hint)
    return _worded(pattern.regex, pattern.hint, pattern.aimed)


def hides_nothing(rule: Rule) -> bool:
    """Return whether no match of *rule* that a letter or digit touches hides one that counts.

    One that begins inside such a match is itself touched, or the search goes on at its word.
    """
    pattern = rule.pattern
    if not stands_alone(pattern.guard) or rule.group:
        return False
    met = alphabet(read(pattern.regex))
    return pattern.retry or not (met.wide or met.bits & ~WORD)
