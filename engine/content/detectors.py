"""The shape of a detector: data from which the scanner builds its plans."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Guard = Callable[[bytes, int, int], bool]

Aimed = Literal["shorter", "hint", "regex", "usual"]
"""What Hyperscan looks for in place of a pattern with keywords: its hint or the regex.

A pattern of digits is *usual* if most numbers match it: to hear so takes longer than to look.
"""

THRESHOLD = 0.5
CONTEXT = 0.35
REACH = 60
"""How many characters before and behind a match a context word may stand."""
JOINTS = r"[ .\-/()]"
"""What stands between the digits of one number."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """One RE2 pattern of an entity, written to be cheap.

    *regex* has no unbounded optional tail, so that a match never looks far ahead; if it has a
    group, the first one is the finding. *keywords* are in lower case: the pattern is run only where
    one of them occurs, from *before* bytes ahead of the first one. A pattern of at least so many
    *digits* (seven or more), with up to four of `JOINTS` between two of them, is run only around
    such numbers; it begins at most five bytes before the first digit (`collect.LEAD`). *hint* is a
    small RE2 pattern that occurs in everything the pattern finds (if empty, one of the keywords
    does): texts without it, most texts, are done with quickly. *prose* keeps patterns apart whose
    hints occur in ordinary texts now and then.

    *fit* cuts a match to its first so many characters (0: it is none), *guard* looks at the UTF-8
    text around it, *check* at the match itself; together they stand for look-around. After a
    refused match the search goes on at its group, else behind it, or with *retry* at its next word.
    A *score* below `THRESHOLD` is reported only with a context word nearby, which adds `CONTEXT`.
    *aimed* says what Hyperscan is to look for: see `Aimed`. *large* is one of so many instructions
    that RE2's own bound is too little for its automaton (see `rules.LARGE`).
    """

    regex: str
    score: float
    keywords: tuple[str, ...] = ()
    before: int = 0
    guard: Guard | None = None
    check: Callable[[str], bool] | None = None
    fit: Callable[[str], int] | None = None
    retry: bool = False
    digits: int = 0
    hint: str = ""
    prose: bool = False
    aimed: Aimed = "shorter"
    large: bool = False


@dataclass(frozen=True, slots=True)
class Entity:
    """A kind of finding, such as ``pii.email``; *near* are the context words of weak patterns.

    It has patterns, or a *finder*: the name of code that finds it (see `finders`).
    """

    name: str
    doc: str
    patterns: tuple[Pattern, ...] = ()
    near: tuple[str, ...] = ()
    finder: str = ""


@dataclass(frozen=True, slots=True)
class CustomEntity:
    """An author's entity: RE2 *patterns* and names of term lists, of which any may match.

    Each validator in *checks* must accept the match; with *near*, one of these words must begin
    within 60 characters of the match (its own text included).
    """

    name: str
    patterns: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    near: tuple[str, ...] = ()


WORD = frozenset(b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")


_GUARDS_ALONE: set[Guard] = set()


def alone(joints: bytes = b"") -> Guard:
    """Return a guard: no letter or digit touches the match, nor does one stand behind a joint.

    With the joint ``-``, ``123-45-6789`` is not alone in ``9-123-45-6789``.
    """

    def guard(data: bytes, start: int, end: int) -> bool:
        # Hot path: single bytes are looked at, no slices made.
        if start > 0:
            sign = data[start - 1]
            if sign in WORD or (sign in joints and start > 1 and data[start - 2] in WORD):
                return False
        size = len(data)
        if end >= size:
            return True
        sign = data[end]
        return sign not in WORD and not (
            sign in joints and end + 1 < size and data[end + 1] in WORD
        )

    _GUARDS_ALONE.add(guard)
    return guard


def stricter(guard: Guard) -> Guard:
    """Return *guard*, of which it is known that it asks no less than one made by `alone`."""
    _GUARDS_ALONE.add(guard)
    return guard


def stands_alone(guard: Guard | None) -> bool:
    """Return whether *guard* is known to accept only what no letter or digit touches."""
    return guard in _GUARDS_ALONE
