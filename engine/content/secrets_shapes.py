"""Tables of providers to detectors: what a key looks like, or what it is called and how long it is.

A provider's key is known in one of two ways. `token`: by a mark of its own, such as ``ghp_``.
`named`: by the provider's name in front of a value of the right length and letters, as in
``DATADOG_API_KEY=…``, ``datadog.Client(token="…")`` or ``the datadog key is …``; up to `GAP`
characters of such code or prose may stand between the two. Every other text is left alone: all
named values share one hint, the names and what a value looks like behind them.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from engine.content.detectors import Entity, Guard, Pattern, alone
from engine.content.regex import either
from engine.content.validate import bits

TOKEN_SCORE, NAMED_SCORE = 0.95, 0.85
MIN_KEY_BITS = 2.5
LONG = 20
"""So long a value needs no digit to look like one."""
GAP = 56
MIN_DIGITS = 2
SHORT = 5
"""Letters of a name that may be made of the ends of two words."""

JOINT = r"[\w.\-\"'`:=({\[<>,?|!&/\\ \t\r\n]"
"""What may stand between the name of a provider and its key."""
BEFORE = r"[\s\"'`=:(,>/|]"
"""What stands directly before a key."""
BEHIND = r"(?:[^\w\-+/=.]|[.=,][^\w]|[.=,]?$)"
"""What stands directly behind one."""
VALUE = rf"{BEFORE}(?:[\w.\-+/=~!%:]{{{LONG}}}|[A-Za-z]*[0-9][\w:\-]{{7}})"
"""The beginning of every named value, and of little else."""
UUID = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"

apart = alone()
bounded = alone(b"-/+")

Check = Callable[[str], bool]

_instead = re.compile(
    r"(?i)x{5}|your[_\-]|[_\-]here|placeholder|redacted|insert[_\-]|dummy|(?-i:abcdefghijklmnop)|0{12}|my[_\-]|-token\Z"
)
"""What stands in the documentation of a token."""
_short = re.compile(r"[A-Za-z]*[0-9][\w:\-]{7}")


@dataclass(frozen=True, slots=True)
class Named:
    """A *value* that is a key only behind one of *names*, which are in lower case."""

    value: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Kind:
    """A row of a table: the provider, one exact sentence, and how its keys are known."""

    name: str
    doc: str
    ways: tuple[Pattern | Named, ...]


def drawn(text: str) -> bool:
    """Return whether *text* is more than a placeholder such as ``xxxxxxxx`` or ``..your-key..``."""
    return bits(text) >= MIN_KEY_BITS and _instead.search(text) is None


def numbered(text: str) -> bool:
    """Return whether *text* is no placeholder and has digits, as tokens with numbers in them do."""
    return drawn(text) and sum(map(str.isdigit, text)) >= MIN_DIGITS


def keyed(text: str) -> bool:
    """Return whether the named value *text* looks drawn: digits in a short one, no plain word."""
    if not drawn(text):
        return False
    if len(text) < LONG:
        return _short.match(text) is not None
    return any(map(str.isdigit, text)) or text.lower() != text != text.upper()


BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
CHECKSUM = 6


def crc32(text: str) -> bool:
    """Return whether the last six characters of a GitHub or npm token are the checksum of the rest.

    It is the CRC-32 of what stands between the prefix, which ends in ``_``, and the checksum; it is
    written in base 62 with digits first, then capitals (GitHub's engineering blog, April 2021).
    """
    body = text.partition("_")[2]
    left = zlib.crc32(body[:-CHECKSUM].encode())
    digits = ""
    for _ in range(CHECKSUM):
        left, digit = divmod(left, len(BASE62))
        digits = BASE62[digit] + digits
    return body[-CHECKSUM:] == digits


def token(
    regex: str,
    *keywords: str,
    before: int = 0,
    hint: str = "",
    check: Check | None = drawn,
    guard: Guard | None = apart,
    score: float = TOKEN_SCORE,
    large: bool = False,
) -> Pattern:
    """Return a detector of tokens that begin with, or hold within *before* bytes, a keyword."""
    return Pattern(regex, score, keywords, before, guard=guard, check=check, hint=hint, large=large)


def named(value: str, *names: str) -> Named:
    """Return a detector of *value* (longer alternatives first) behind one of *names*."""
    return Named(value, names)


def kind(name: str, doc: str, *ways: Pattern | Named) -> Kind:
    """Return a row of a table of providers."""
    return Kind(name, doc, ways)


def entities(kinds: Iterable[Kind]) -> tuple[Entity, ...]:
    """Return the detectors of *kinds*.

    Invariant: `VALUE` begins all that a named pattern finds, so that the shared hint, which is the
    names and a value, occurs in it. A hint for each would multiply the states of its automaton.
    """
    table = tuple(kinds)
    every = {
        name: None
        for row in table
        for way in row.ways
        if isinstance(way, Named)
        for name in way.names
    }
    hint = rf"(?:{either(every)}){JOINT}*{VALUE}"
    return tuple(
        Entity(
            f"secret.{row.name}",
            row.doc,
            tuple(way if isinstance(way, Pattern) else _named(way, hint) for way in row.ways),
        )
        for row in table
    )


def _named(way: Named, hint: str) -> Pattern:
    regex = f"(?i){_spelled(way.names)}{JOINT}{{0,{GAP}}}?{BEFORE}((?-i:{way.value})){BEHIND}"
    return Pattern(regex, NAMED_SCORE, way.names, 1, check=keyed, hint=hint, prose=True)


def _spelled(names: Iterable[str]) -> str:
    """Return a pattern of one of *names* that is a word, or begins a hump of a compound.

    ``etsyKey``, ``myEtsyKey`` and ``MY_ETSY_KEY``, but not ``SetSysctl``; nor ``sumOf`` for sumo.
    """
    choices = [_bounded(name) for name in names]
    humps = [f"(?-i:{name[0].upper()}){_bounded(name, 1)}" for name in names if name[0].isalpha()]
    first = rf"(?:\b|[_0-9])(?:{'|'.join(choices)})"
    return f"(?:{first}|(?-i:[a-z])(?:{'|'.join(humps)}))" if humps else first


def _bounded(name: str, skip: int = 0) -> str:
    """Return a pattern of *name*; a short one ends at a capital only if no small letter follows."""
    if len(name) > SHORT or not name.isalpha():
        return re.escape(name[skip:])
    last = name[-1]
    return rf"{name[skip:-1]}(?-i:{last}|{last.upper()}(?:\b|[_A-Z0-9]))"
