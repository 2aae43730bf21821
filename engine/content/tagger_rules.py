"""Pieces of a text to its dates, ages, titles and nationalities, by patterns and lists.

Each rule begins at a piece that has the *role* for it (see `tagger_words.Piece`): a number, a
month, a form of address, a word for a nation, a faith or a party, a word for a job.
"""

from __future__ import annotations

import re
from typing import Final

from engine.content.native import i64
from engine.content.tagger_model import Said
from engine.content.tagger_words import MONTH

Found = tuple[str, int, int, float]

RULED = frozenset({"pii.date", "pii.age", "pii.title", "pii.nrp"})
NO_ROLE: Final = ord(".")
NUMBER: Final = ord("n")
MONTH_NAME: Final = ord("m")
NATION: Final = ord("a")
TITLES: Final = b"hb"
JOBS: Final = b"jb"
"""Where rules begin: at a number, a month, a nation, a form of address, a job, both of these."""

_year = r"(?:1[6-9]|20)\d\d"
_day = r"(?:0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?\.?"
_clock = r"(?:[T ]{1,2}\d{1,2}:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z| ?[ap]m\b|[+-]\d\d:?\d\d)?)?"
BY_NUMBER: Final = re.compile(
    rf"{_year}([-/.])\d{{1,2}}\1\d{{1,2}}{_clock}(?!\w)"
    rf"|\d{{1,2}}([-/.])\d{{1,2}}\2(?:{_year}|\d\d){_clock}(?![\w-]|\.\d)"
    rf"|{_day}(?: of| de)? {MONTH}(?:,?(?: de| of)? {_year})?(?!\w)"
    rf"|{_day}-{MONTH}-(?:{_year}|\d\d)(?!\w)",
    re.IGNORECASE,
)
BY_MONTH: Final = re.compile(
    rf"{MONTH} {_day}(?:(?:,| of)? {_year})?(?!\w)|{MONTH},? {_year}(?!\w)",
    re.IGNORECASE,
)
MONTH_YEAR: Final = re.compile(r"(?:0?[1-9]|1[0-2])/(?:20)?\d\d(?![\w/-]|[.,]\d)")
EXPIRY_AHEAD: Final = re.compile(r"(?i)\b(?:exp|valid|good (?:thru|through))[\w .:/-]{0,24}\Z")
YEAR: Final = re.compile(rf"{_year}(?![\w-]|[.,:/]\d)")
YEAR_AHEAD: Final = re.compile(
    r"(?:\b(?:in|since|until|till|from|of|during|before|after|around|circa|late|early|year|summer"
    r"|spring|winter|autumn|fall|im jahr|seit|en|depuis|desde|nel|dal)|[(\-–])[ (]{0,2}\Z",  # noqa: RUF001 - years stand behind a dash
    re.IGNORECASE,
)
AGE: Final = re.compile(r"1?\d?\d(?![\w.,:/%$€£]{0,40}\d)")
AGE_BEHIND: Final = re.compile(
    r"[ -]{0,2}(?:years?|yrs?)[ -]{1,2}old\b|[ -]?(?:y/?o|yo)\b|-year\b[ -]old|[ -]years of age\b"
    r"| jahre alt\b| ans\b| años\b| anni\b| anos\b",
    re.IGNORECASE,
)
AGE_AHEAD: Final = re.compile(
    r"\b(?:aged?(?: of| is)?|turn(?:ed|s|ing)?|when (?:he|she|i|they) (?:was|were|am|turned))"
    r"(?: just| only| about| almost| nearly)?[ :=\"]{1,4}\Z|\b(?:just|already) turned \Z",
    re.IGNORECASE,
)
AGE_SAID: Final = re.compile(
    r"\b(?:he|she|i|who)(?:['\u2019]s|['\u2019]m| is| am| was) (?:only |just |already )?\Z",
    re.IGNORECASE,
)
AGE_ENDS: Final = re.compile(r"(?!\w|[.,:/%-]\d)")
SAID_ENDS: Final = re.compile(r"[.,;!?)]?(?:\n|\Z|[.!?] )")
TITLE: Final = re.compile(r"[^\W\d_]+\.?")
NAME_BEHIND = re.compile(r"\.? ?[^\W\d_]")
SHORT = frozenset({"mr", "mrs", "ms", "dr", "prof", "sr", "sra", "mme"})
JOB_LINE = re.compile(r"(?:[^\W\d_][^\W\d_]*[ ,/&()-]{1,3}){0,6}[^\W\d_]+")
SAID_LINE = re.compile(
    r"(?i)\b(?:an?|the|my|your|his|her|our|their|this|i|you|he|she|we|they|it|is|was|are|be|to)\b"
)
"""Words of sentences, which stand in no title."""
OPEN_LINE = re.compile(r"\s*(?:[^\W\d_]+[ ,/&()-]{1,3}){0,6}[^\W\d_]*")
LINE: Final = 72
PREFIXES: Final = (
    "South ", "North ", "New ", "Saudi ", "Sri ", "Costa ", "Equatorial ", "Saint ", "San ",
    "Northern ", "Cape ", "Sierra ", "East ", "Puerto ", "Hong ", "Papua ", "Solomon ", "Central ",
)  # fmt: skip
"""First words of nations of two words."""
AHEAD: Final = 40
SIGNS: Final = ".-/:"
"""What parts the digits of dates and times."""
PARTING: Final = frozenset(".-/")
"""What stands behind the first number of a date in digits, or in words with such signs."""
YEAR_DIGITS: Final = 4
CENTURIES: Final = frozenset(("16", "17", "18", "19", "20"))
"""What a year begins with."""
LEADING_DIGITS: Final = frozenset((1, 2, YEAR_DIGITS))
"""So many digits has the first number of a date in digits."""
YEARS: Final = frozenset("yYjJaA")
"""What `AGE_BEHIND` begins with, behind a space or two."""
LEADING: Final = frozenset(' :="')
"""What `AGE_AHEAD` ends with."""
LEADS: Final = frozenset(
    ("ge", "ed", "of", "is", "rn", "ns", "ng", "as", "re", "am", "st", "ly", "ut", "dy", "'s", "'m")
)
"""The last two letters of all words with which `AGE_AHEAD` and `AGE_SAID` end."""
WIDEST_LEAD: Final = 4
"""So many of `LEADING` stand between such a word and the number."""
SAYING: Final = ("s ", "m ", "only ", "just ", "already ", "\u017f ")
"""What `AGE_SAID` ends with. The last one is an s, if case is ignored."""


def find_ruled(text: str, said: list[Said]) -> list[Found]:
    """Return the dates, ages, titles and nationalities in *text*, whose pieces are *said*."""
    found: list[Found] = []
    done: i64 = 0
    at: i64 = -1
    start: i64 = 0
    for piece in said:
        at += 1
        if piece.role != NO_ROLE and start >= done:
            one = _at(text, said, at, start)
            if one is not None:
                done = one[2]
                found.append(one)
        start += piece.size
    return found


def _at(text: str, said: list[Said], at: int, start: int) -> Found | None:
    piece = said[at]
    role = piece.role
    if role == NUMBER:
        return numbered(text, said, at, start)
    if role == MONTH_NAME:
        return in_month(text, start, start + piece.size)
    end = start + len(piece.text.rstrip())
    if role == NATION:
        return "pii.nrp", start - _ahead(said, at), end, 0.7
    title = _honorific(text, start) if role in TITLES else None
    return _job(text, end) if title is None and role in JOBS else title


def in_month(text: str, start: int, behind: int) -> Found | None:
    """Return the date that begins with the month at *start*; *behind* is where it goes on."""
    # Hot path: most months, and words that are written like one, have no number behind them.
    if not text[behind : behind + 4].lstrip("., ")[:1].isdecimal():
        return None
    date = BY_MONTH.match(text, start)
    return None if date is None else ("pii.date", start, date.end(), 0.85)


def numbered(text: str, said: list[Said], at: int, start: int) -> Found | None:
    """Return the date, year or age that begins with the number at *start*, the piece *at*.

    Hot path: most numbers are none of these, and what stands beside them tells so for less than a
    pattern does.
    """
    if start > 1 and text[start - 1] in SIGNS and text[start - 2].isdigit():
        return None
    end = start + said[at].digits
    behind = text[end : end + 1]
    if _parted(text, start, end, behind) or _month_behind(said, at):
        date = BY_NUMBER.match(text, start)
        if date is not None:
            return "pii.date", start, date.end(), 0.85
    if behind == "/":
        expiry = MONTH_YEAR.match(text, start)
        if expiry is not None and EXPIRY_AHEAD.search(text[max(0, start - AHEAD) : start]):
            return "pii.date", start, expiry.end(), 0.7
    if end - start == YEAR_DIGITS and text[start : start + 2] in CENTURIES:
        year = YEAR.match(text, start)
        if year is not None and YEAR_AHEAD.search(text[max(0, start - AHEAD) : start]):
            return "pii.date", start, year.end(), 0.6
    return _age(text, start, end) if end - start < YEAR_DIGITS else None


def _parted(text: str, start: int, end: int, sign: str) -> bool:
    """Return whether the number at ``start:end`` begins a date in digits, with *sign* behind it.

    A date has a second number of one or two digits, and the same sign behind that.
    """
    if sign not in PARTING or end - start not in LEADING_DIGITS:
        return False
    second = text[end + 1 : end + 4]
    return second[1:2] == sign or second[2:3] == sign


def _month_behind(said: list[Said], at: i64) -> bool:
    """Return whether one of the three pieces behind *at* is a month: "3rd. of May"."""
    last: i64 = min(at + 4, len(said))
    place: i64 = at + 1
    while place < last:
        if said[place].month:
            return True
        place += 1
    return False


def _age(text: str, start: int, end: int) -> Found | None:
    """Return the age that the number at ``start:end`` is."""
    told = _told(text, end)
    if not told and not _led(text, start):
        return None
    before = text[max(0, start - AHEAD) : start]
    low = before.lower()
    led = low[-1:] in LEADING and ("age" in low or "turn" in low or "when " in low)
    said = low.endswith(SAYING)
    if not (told or led or said) or AGE.match(text, start) is None:
        return None
    if told and AGE_BEHIND.match(text, end):
        return "pii.age", start, end, 0.85
    if (led and AGE_AHEAD.search(before) and AGE_ENDS.match(text, end)) or (
        said and AGE_SAID.search(before) and SAID_ENDS.match(text, end)
    ):
        return "pii.age", start, end, 0.65
    return None


def _told(text: str, end: i64) -> bool:
    """Return whether what `AGE_BEHIND` begins with stands behind the number that ends at *end*."""
    stop: i64 = min(end + 3, len(text))
    while end < stop and (text[end] == " " or text[end] == "-"):
        end += 1
    return end < stop and text[end] in YEARS


def _led(text: str, start: i64) -> bool:
    """Return whether the word before the number at *start* may lead to an age.

    Hot path: before most numbers stands another one, or a word that no age stands behind.
    """
    last: i64 = start - 1
    first: i64 = last
    while first >= 0 and last - first < WIDEST_LEAD and text[first] in LEADING:
        first -= 1
    if first < 1 or first == last:
        return False
    ending = text[first - 1 : first + 1]
    return ending in LEADS or not ending.isascii() or ending.lower() in LEADS


def _ahead(said: list[Said], at: int) -> int:
    """Return how long the word is that belongs to the nation of which *at* is the last word."""
    return said[at - 1].size if at and said[at - 1].text in PREFIXES else 0


def _honorific(text: str, start: int) -> Found | None:
    title = TITLE.match(text, start)
    assert title is not None
    behind = text[title.end() : title.end() + 2]
    sure = text[start].isupper() and behind[1:].isupper()
    if behind[:1] == " " and (
        sure or (title[0].strip(".").lower() in SHORT and behind[1:].isalpha())
    ):
        return "pii.title", start, title.end(), 0.7
    return None


def _job(text: str, end: int) -> Found | None:
    """Return a job that stands alone on its line, of which the last word ends at *end*."""
    # Hot path: most words for jobs stand in a sentence.
    behind = text[end : end + 2]
    if behind and behind[0] != "\n" and not behind.isspace():
        return None
    first = text.rfind("\n", max(0, end - LINE), end) + 1
    if not first and end > LINE:
        return None
    line = text[first : end + LINE].partition("\n")[0]
    body = line.strip()
    whole = len(body) <= LINE and first + len(line.rstrip()) == end
    if whole and JOB_LINE.fullmatch(body) and not SAID_LINE.search(body):
        begin = first + line.index(body)
        return "pii.title", begin, begin + len(body), 0.6
    return None


def open_line(text: str) -> int:
    """Return where the last line of *text* begins if it may still be a job, else its length."""
    first = text.rfind("\n", max(0, len(text) - LINE - 1)) + 1
    if len(text) - first <= LINE and OPEN_LINE.fullmatch(text, first):
        return first
    return len(text)
