"""Pieces of a text to its dates, ages, titles and nationalities, by patterns and lists.

Each rule begins at a piece that has the *role* for it (see `tagger_words.Piece`): a number, a
month, a form of address, a word for a nation, a faith or a party, a word for a job.
"""

from __future__ import annotations

import re

from engine.content.tagger_runs import Pieces

Found = tuple[str, int, int, float]

RULED = frozenset({"pii.date", "pii.age", "pii.title", "pii.nrp"})
ROLE = re.compile(b"[nmhjba]")
"""Where rules begin: at a number, a month, a form of address, a job, both of these, a nation."""

_month = (
    r"(?:jan(?:uar[yi]?|uary)?|feb(?:ruar[yi]?)?|mar(?:ch|s|ço|zo)?|m[äa]rz|apr(?:il|ile)?|a[vb]ril"
    r"|ma[iyj]o?|ma[gi]gio|june?|jun[ih]o|juin|juni|giugno|july?|jul[iy]o|juillet|juli|luglio"
    r"|aug(?:ust)?|août|agosto|sept?(?:ember|iembre|tembre|tembro)?|settembre|setembro"
    r"|o[ck]t(?:ober|ubre|obre)?|ottobre|outubro|nov(?:ember|embre|iembre|embro)?"
    r"|de[czs](?:ember|embre|embro|iembre)?|dicembre|diciembre|janvier|février|enero|febrero"
    r"|gennaio|febbraio|janeiro|fevereiro|januari|februari)\b\.?"
)
_year = r"(?:1[6-9]|20)\d\d"
_day = r"(?:0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?\.?"
_clock = r"(?:[T ]{1,2}\d{1,2}:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z| ?[ap]m\b|[+-]\d\d:?\d\d)?)?"
BY_NUMBER = re.compile(
    rf"{_year}([-/.])\d{{1,2}}\1\d{{1,2}}{_clock}(?!\w)"
    rf"|\d{{1,2}}([-/.])\d{{1,2}}\2(?:{_year}|\d\d){_clock}(?![\w-]|\.\d)"
    rf"|{_day}(?: of| de)? {_month}(?:,?(?: de| of)? {_year})?(?!\w)"
    rf"|{_day}-{_month}-(?:{_year}|\d\d)(?!\w)",
    re.IGNORECASE,
)
BY_MONTH = re.compile(
    rf"{_month} {_day}(?:(?:,| of)? {_year})?(?!\w)|{_month},? {_year}(?!\w)",
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


def find_ruled(text: str, pieces: Pieces) -> list[Found]:
    """Return the dates, ages, titles and nationalities in *text*."""
    found: list[Found] = []
    done = 0
    for match in ROLE.finditer(pieces.roles):
        at = match.start()
        if pieces.starts[at] < done:
            continue
        one = _at(text, pieces, at, pieces.said[at].role)
        if one is not None:
            done = one[2]
            found.append(one)
    return found


def _at(text: str, pieces: Pieces, at: int, role: str) -> Found | None:
    start = pieces.starts[at]
    if role == "n":
        return _numbered(text, start)
    if role == "m":
        date = BY_MONTH.match(text, start)
        return None if date is None else ("pii.date", start, date.end(), 0.85)
    if role == "a":
        return "pii.nrp", _nation(pieces, at), start + len(pieces.texts[at].rstrip()), 0.7
    title = _honorific(text, start) if role in "hb" else None
    return _job(text, pieces, at) if title is None and role in "jb" else title


def _numbered(text: str, start: int) -> Found | None:
    before = text[max(0, start - AHEAD) : start]
    if before[-1:] in SIGNS and before[-2:-1].isdigit():
        return None
    date = BY_NUMBER.match(text, start)
    if date is not None:
        return "pii.date", start, date.end(), 0.85
    expiry = MONTH_YEAR.match(text, start)
    if expiry is not None and EXPIRY_AHEAD.search(before):
        return "pii.date", start, expiry.end(), 0.7
    year = YEAR.match(text, start)
    if year is not None and YEAR_AHEAD.search(before):
        return "pii.date", start, year.end(), 0.6
    age = AGE.match(text, start) if year is None else None
    if age is None:
        return None
    if AGE_BEHIND.match(text, age.end()):
        return "pii.age", start, age.end(), 0.85
    if (AGE_AHEAD.search(before) and AGE_ENDS.match(text, age.end())) or (
        AGE_SAID.search(before) and SAID_ENDS.match(text, age.end())
    ):
        return "pii.age", start, age.end(), 0.65
    return None


def _nation(pieces: Pieces, at: int) -> int:
    """Return where the name of a nation begins, of which the piece *at* is the last word."""
    if at and pieces.texts[at - 1] in PREFIXES:
        return pieces.starts[at - 1]
    return pieces.starts[at]


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


def _job(text: str, pieces: Pieces, at: int) -> Found | None:
    """Return a job that stands alone on its line."""
    end = pieces.starts[at] + len(pieces.texts[at].rstrip())
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
