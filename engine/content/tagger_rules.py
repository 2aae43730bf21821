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
NUMBER = ord("n")
MONTH_NAME = ord("m")
NATION = ord("a")
TITLES = b"hb"
JOBS = b"jb"
"""Where rules begin: at a number, a month, a nation, a form of address, a job, both of these."""

_year = r"(?:1[6-9]|20)\d\d"
_day = r"(?:0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?\.?"
_clock = r"(?:[T ]{1,2}\d{1,2}:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z| ?[ap]m\b|[+-]\d\d:?\d\d)?)?"
BY_NUMBER = re.compile(
    rf"{_year}([-/.])\d{{1,2}}\1\d{{1,2}}{_clock}(?!\w)"
    rf"|\d{{1,2}}([-/.])\d{{1,2}}\2(?:{_year}|\d\d){_clock}(?![\w-]|\.\d)"
    rf"|{_day}(?: of| de)? {MONTH}(?:,?(?: de| of)? {_year})?(?!\w)"
    rf"|{_day}-{MONTH}-(?:{_year}|\d\d)(?!\w)",
    re.IGNORECASE,
)
BY_MONTH = re.compile(
    rf"{MONTH} {_day}(?:(?:,| of)? {_year})?(?!\w)|{MONTH},? {_year}(?!\w)",
    re.IGNORECASE,
)
MONTH_YEAR = re.compile(r"(?:0?[1-9]|1[0-2])/(?:20)?\d\d(?![\w/-]|[.,]\d)")
EXPIRY_AHEAD = re.compile(r"(?i)\b(?:exp|valid|good (?:thru|through))[\w .:/-]{0,24}\Z")
YEAR = re.compile(rf"{_year}(?![\w-]|[.,:/]\d)")
YEAR_AHEAD = re.compile(
    r"(?:\b(?:in|since|until|till|from|of|during|before|after|around|circa|late|early|year|summer"
    r"|spring|winter|autumn|fall|im jahr|seit|en|depuis|desde|nel|dal)|[(\-–])[ (]{0,2}\Z",  # noqa: RUF001 - years stand behind a dash
    re.IGNORECASE,
)
AGE = re.compile(r"1?\d?\d(?![\w.,:/%$€£]{0,40}\d)")
AGE_BEHIND = re.compile(
    r"[ -]{0,2}(?:years?|yrs?)[ -]{1,2}old\b|[ -]?(?:y/?o|yo)\b|-year\b[ -]old|[ -]years of age\b"
    r"| jahre alt\b| ans\b| años\b| anni\b| anos\b",
    re.IGNORECASE,
)
AGE_AHEAD = re.compile(
    r"\b(?:aged?(?: of| is)?|turn(?:ed|s|ing)?|when (?:he|she|i|they) (?:was|were|am|turned))"
    r"(?: just| only| about| almost| nearly)?[ :=\"]{1,4}\Z|\b(?:just|already) turned \Z",
    re.IGNORECASE,
)
AGE_SAID = re.compile(
    r"\b(?:he|she|i|who)(?:['\u2019]s|['\u2019]m| is| am| was) (?:only |just |already )?\Z",
    re.IGNORECASE,
)
AGE_ENDS = re.compile(r"(?!\w|[.,:/%-]\d)")
SAID_ENDS = re.compile(r"[.,;!?)]?(?:\n|\Z|[.!?] )")
TITLE = re.compile(r"[^\W\d_]+\.?")
NAME_BEHIND = re.compile(r"\.? ?[^\W\d_]")
SHORT = frozenset({"mr", "mrs", "ms", "dr", "prof", "sr", "sra", "mme"})
JOB_LINE = re.compile(r"(?:[^\W\d_][^\W\d_]*[ ,/&()-]{1,3}){0,6}[^\W\d_]+")
SAID_LINE = re.compile(
    r"(?i)\b(?:an?|the|my|your|his|her|our|their|this|i|you|he|she|we|they|it|is|was|are|be|to)\b"
)
"""Words of sentences, which stand in no title."""
OPEN_LINE = re.compile(r"\s*(?:[^\W\d_]+[ ,/&()-]{1,3}){0,6}[^\W\d_]*")
LINE = 72
PREFIXES = (
    "South ", "North ", "New ", "Saudi ", "Sri ", "Costa ", "Equatorial ", "Saint ", "San ",
    "Northern ", "Cape ", "Sierra ", "East ", "Puerto ", "Hong ", "Papua ", "Solomon ", "Central ",
)  # fmt: skip
"""First words of nations of two words."""
AHEAD = 40
SIGNS = ".-/:"
"""What parts the digits of dates and times."""
PARTING = frozenset(".-/")
"""What stands behind the first number of a date in digits, or in words with such signs."""
YEAR_DIGITS = 4
YEARS = frozenset("yYjJaA")
"""What `AGE_BEHIND` begins with, behind a space or two."""
LEADING = frozenset(' :="')
"""What `AGE_AHEAD` ends with."""
SAYING = ("s ", "m ", "only ", "just ", "already ", "\u017f ")
"""What `AGE_SAID` ends with. The last one is an s, if case is ignored."""


def find_ruled(text: str, said: list[Said]) -> list[Found]:
    """Return the dates, ages, titles and nationalities in *text*, whose pieces are *said*."""
    found: list[Found] = []
    done = 0
    at: i64 = 0
    start: i64 = 0
    size: i64 = len(said)
    while at < size:
        if said[at].role != NO_ROLE and start >= done:
            one = _at(text, said, at, start)
            if one is not None:
                done = one[2]
                found.append(one)
        start += said[at].size
        at += 1
    return found


def _at(text: str, said: list[Said], at: int, start: int) -> Found | None:
    role = said[at].role
    if role == NUMBER:
        return numbered(text, said, at, start)
    if role == MONTH_NAME:
        date = BY_MONTH.match(text, start)
        return None if date is None else ("pii.date", start, date.end(), 0.85)
    end = start + len(said[at].text.rstrip())
    if role == NATION:
        return "pii.nrp", start - _ahead(said, at), end, 0.7
    title = _honorific(text, start) if role in TITLES else None
    return _job(text, end) if title is None and role in JOBS else title


def numbered(text: str, said: list[Said], at: int, start: int) -> Found | None:
    """Return the date, year or age that begins with the number at *start*, the piece *at*.

    Hot path: most numbers are none of these, and what stands beside them tells so for less than a
    pattern does.
    """
    before = text[max(0, start - AHEAD) : start]
    if before[-1:] in SIGNS and before[-2:-1].isdigit():
        return None
    end = _digits_end(text, start)
    behind = text[end : end + 1]
    if behind in PARTING or _month_behind(said, at):
        date = BY_NUMBER.match(text, start)
        if date is not None:
            return "pii.date", start, date.end(), 0.85
    if behind == "/":
        expiry = MONTH_YEAR.match(text, start)
        if expiry is not None and EXPIRY_AHEAD.search(before):
            return "pii.date", start, expiry.end(), 0.7
    if end - start == YEAR_DIGITS:
        year = YEAR.match(text, start)
        if year is not None and YEAR_AHEAD.search(before):
            return "pii.date", start, year.end(), 0.6
    return _age(text, before, start, end) if end - start < YEAR_DIGITS else None


def _digits_end(text: str, start: i64) -> int:
    """Return where the digits end that follow the first one at *start*."""
    size: i64 = len(text)
    end: i64 = start + 1
    while end < size and text[end].isdecimal():
        end += 1
    return end


def _month_behind(said: list[Said], at: i64) -> bool:
    """Return whether one of the three pieces behind *at* is a month: "3rd. of May"."""
    last: i64 = min(at + 4, len(said))
    place: i64 = at + 1
    while place < last:
        if said[place].month:
            return True
        place += 1
    return False


def _age(text: str, before: str, start: int, end: int) -> Found | None:
    """Return the age that the number at ``start:end`` is, to which *before* leads."""
    low = before.lower()
    told = text[end : end + 3].lstrip(" -")[:1] in YEARS
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
