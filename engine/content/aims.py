"""Rules to what Hyperscan looks for in their place, and what an event of it tells.

Of a pattern and its hint the one that is shorter to say is looked for, unless the pattern names
the other: what is quick to look for cannot be told from its text, and was measured.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, NamedTuple

from engine.content.detectors import Aimed, stands_alone
from engine.content.plan import bordered, by_one_byte, has_shape
from engine.content.rules import Rule
from engine.content.translate import (
    WIDEST,
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
def _aimed(regex: str, hint: str, kind: Kind, aimed: Aimed) -> Aim | None:
    """Return what to look for in place of *regex*: the simpler of it and its hint, or as *aimed*.

    Invariant: a hint tells nothing of where to begin. It is in all that counts, but a match without
    it, which does not count, may hide one that begins inside it.
    """
    try:
        most = reach(regex)
        made = translate(regex)
        hinted = translate(hint) if hint else made
    except Untranslatable:
        return None
    if aimed == "hint" or (aimed == "shorter" and len(hinted.text) < len(made.text)):
        return Aim(hinted.text, single=True, kind=kind, back=None, most=None)
    if most is not None and most > LONGEST:
        most = None
    rare = made.marked and made.most is not None and made.most - made.least <= NEAR
    single = most is None or not rare
    return Aim(made.text, single=single, kind=kind, back=made.most, most=most)


@lru_cache(maxsize=4096)
def _alone(regex: str, aimed: Aimed, *, whole: bool) -> Aim | None:
    """Return what stands for *regex* where no letter or digit touches its matches.

    Of those that one does touch, none counts, and none hides one that counts (see `hides_nothing`).
    """
    try:
        text = standing_alone(regex, whole=whole)
        made, most = translate(regex), reach(regex)
    except Untranslatable:
        return None
    back = most if whole else made.most
    back = None if back is None else back + WIDEST
    return Aim(text, single=aimed == "alone" or most is None, kind="shapes", back=back, most=most)


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
    """Return what to look for in place of *rule*, None where that cannot be told."""
    pattern = rule.pattern
    if by_one_byte(rule):
        return None
    if pattern.digits:
        apart = stands_alone(pattern.guard) and not rule.group
        return _numeric(pattern.regex, apart=apart, whole=pattern.fit is None)
    if pattern.aimed in ("alone", "each"):
        return _alone(pattern.regex, pattern.aimed, whole=pattern.fit is None)
    kind: Kind = "shapes" if has_shape(rule) else "words"
    return _aimed(pattern.regex, pattern.hint, kind, pattern.aimed)


def hides_nothing(rule: Rule) -> bool:
    """Return whether no match of *rule* that a letter or digit touches hides one that counts.

    One that begins inside such a match is itself touched, or the search goes on at its word.
    """
    pattern = rule.pattern
    if not stands_alone(pattern.guard) or rule.group:
        return False
    met = alphabet(read(pattern.regex))
    return pattern.retry or not (met.wide or met.bits & ~WORD)
