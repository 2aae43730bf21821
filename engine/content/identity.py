"""Patterns of the numbers that states give: how sure a shape is, and what may stand around it.

A number counts by itself where one in a hundred of its shape or fewer would pass by chance: two
check digits, a date and a check digit, a letter or joints of its own and a check digit. Others
count near a word for them in a language of their country.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from engine.content.checksums import joined, weighted
from engine.content.detectors import Guard, Pattern, alone

SURE = 0.85
"""A shape of its own and a check, or a check of two digits and a date."""
FAIR = 0.6
"""Few others look so."""
BARE = 0.55
"""Digits alone, of which one in a hundred or fewer would pass."""
WEAK = 0.3
"""Counts near a context word only."""

apart = alone()
number = alone(b"-.")
coloned = alone(b":-.")
DAY = "(?:0[1-9]|[12][0-9]|3[01])"
MONTH = "(?:0[1-9]|1[0-2])"
YEAR = "(?:19|20)[0-9]{2}"

BEFORE = 48
"""So many bytes before a number may say that it is of another kind; less than `detectors.REACH`."""
_gaps = (b" ", b"-")
_others = re.compile(
    rb"(?i)licen[cs]e|passport|order|ticket|invoice|serial|part|model|case|claim|policy|account"
    rb"|tracking|ref|sku|article|batch|version|build"
)

Check = Callable[[str], bool]


def digital(regex: str, score: float, digits: int, check: Check | None = None) -> Pattern:
    """Return a pattern of a number with so many *digits* and joints."""
    return Pattern(regex, score, guard=number, digits=digits, check=check, retry=True)


def grouped(regex: str, score: float, digits: int, check: Check) -> Pattern:
    """Return a pattern of a number in groups, which is no part of a longer one."""
    return Pattern(regex, score, guard=ungrouped, digits=digits, check=check, retry=True)


def signed(
    regex: str, score: float, digits: int, check: Check | None = None, guard: Guard = apart
) -> Pattern:
    """Return a pattern of a number of so many *digits* with letters before or behind it."""
    whole = rf"\b(?:{regex})\b"
    return Pattern(whole, score, guard=guard, digits=digits, check=check, retry=True)


def lettered(
    regex: str, score: float, hint: str, check: Check | None = None, guard: Guard = apart
) -> Pattern:
    """Return a pattern in which letters stand between the digits."""
    return Pattern(regex, score, guard=guard, hint=hint, check=check, retry=True)


def spoken(words: tuple[str, ...], regex: str, score: float, check: Check | None = None) -> Pattern:
    """Return a pattern of what stands behind one of *words*, at most forty characters from it.

    *words* are in lower case and without signs that mean something in a pattern.
    """
    behind = rf"(?i:\b(?:{'|'.join(words)})[^\n]{{0,40}}?)\b({regex})\b"
    return Pattern(behind, score, keywords=words, guard=apart, check=check)


def ungrouped(data: bytes, start: int, end: int) -> bool:
    """Guard of a number in groups: no further group of digits stands beside it."""
    behind, before = data[end : end + 2], data[max(0, start - 2) : start]
    more = behind[:1] in _gaps and behind[1:].isdigit()
    return number(data, start, end) and not (more or (before[1:] in _gaps and before[:1].isdigit()))


def unnamed(data: bytes, start: int, end: int) -> bool:
    """Guard: nothing touches the match, and no word before it says that it is of another kind."""
    return apart(data, start, end) and not _others.search(data[max(0, start - BEFORE) : start])


def counts_otherwise(text: str) -> bool:
    """Return whether 13 digits without joints are a time in milliseconds or a barcode (EAN-13).

    Times of 2017 to 2030 begin with 15 to 18; codes from 20 to 29 are used within shops only.
    """
    bare = joined(text)
    if bare != text:
        return False
    clock = bare[0] == "1" and "5" <= bare[1] <= "8"
    return clock or (bare[0] != "2" and weighted(list(map(int, bare)), (1, 3) * 7) % 10 == 0)
