"""Patterns to what Hyperscan looks for in their place, and what an event of it tells.

Of a pattern with words and its hint, that is looked for which is shorter to say, unless the pattern
names the other: what is quick to look for cannot be told from its text, and was measured. Patterns
with a shape are looked for around their hints only.
"""

from __future__ import annotations

from engine.content.detectors import Aimed, Pattern, stands_alone
from engine.content.net_packed import Aim, Outline
from engine.content.plan import bordered, by_one_byte, has_shape
from engine.content.regex import compiled
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


def outline_of(pattern: Pattern) -> Outline:
    """Return what of *pattern* decides what is looked for in its place."""
    return Outline(
        pattern.regex,
        pattern.hint,
        pattern.aimed,
        digits=bool(pattern.digits),
        shape=has_shape(pattern),
        byte=by_one_byte(pattern),
        apart=stands_alone(pattern.guard),
        whole=pattern.fit is None,
        retry=pattern.retry,
    )


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
        return Aim(hinted.text, single=True, kind="words")
    if most is not None and most > LONGEST:
        most = None
    rare = made.marked and made.most is not None and made.most - made.least <= NEAR
    single = most is None or not rare
    return Aim(made.text, single=single, kind="words", back=made.most, most=most)


def _shaped(outline: Outline, margin: int) -> Aim:
    """Return what to look for around the hint of *outline*, which is understood and bounded."""
    text = min(translate(outline.hint).text, translate(outline.regex).text, key=len)
    free = hides_nothing(outline)
    return Aim(text, single=True, kind="shapes", margin=margin, free=free)


def _reach(regex: str) -> int | None:
    """Return how many bytes a match of *regex* has at most, None if that is too much to tell."""
    try:
        most = reach(regex)
    except Untranslatable:
        return None
    return most if most is not None and most <= LONGEST else None


def margin_of(outline: Outline) -> int | None:
    """Return how many bytes before and behind its hint may matter, None for any."""
    hint, most = _reach(outline.hint), _reach(outline.regex)
    return None if hint is None or most is None else max(hint, most)


def _numeric(outline: Outline) -> Aim | None:
    """Return what to look for in place of a pattern of digits, of which texts have many.

    Each number is looked at by itself, and the guard is part of it: most then set off few rules.

    Where what the guard refuses could hide something (see `bordered`), it is left out.
    """
    regex = outline.regex
    alone = outline.apart and not _grouped(outline) and bordered(regex)
    try:
        text = standing_alone(regex, whole=outline.whole) if alone else translate(regex).text
    except Untranslatable:
        return None
    return Aim(text, single=False, kind="numbers")


def _grouped(outline: Outline) -> bool:
    """Return whether what is found is a group of the match."""
    return compiled(outline.regex).groups > 0


def aim_at(outline: Outline) -> Aim | None:
    """Return what to look for in place of a rule, None where that cannot or need not be told."""
    if outline.byte or outline.aimed == "usual":
        return None
    if outline.digits:
        return _numeric(outline)
    margin = margin_of(outline) if outline.shape else None
    if margin is not None:
        return _shaped(outline, margin)
    return _worded(outline.regex, outline.hint, outline.aimed)


def hides_nothing(outline: Outline) -> bool:
    """Return whether no match that a letter or digit touches hides one that counts.

    One that begins inside such a match is itself touched, or the search goes on at its word.
    """
    if not outline.apart or _grouped(outline):
        return False
    met = alphabet(read(outline.regex))
    return outline.retry or not (met.wide or met.bits & ~WORD)
