"""Literal tokens -> values: numbers, durations, times, strings with escapes, regular expressions.

Every function takes the text as written and the place, and returns the value; what is impossible is
reported and replaced by a harmless value, so that parsing goes on.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache

from engine.language import catalog_syntax as catalog
from engine.language.diagnostics import Report
from engine.language.nodes import Literal, Regex
from engine.language.text import Span

LARGEST_INT = 2**63 - 1
LARGEST_DURATION = timedelta(days=36525)
"""A hundred years: more is a typing error, and state stores keep windows in 64-bit nanoseconds."""

LONGEST_NUMBER = 40
"""Digits a number with a point may have: more than any money or score needs."""

_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_DURATION_PART = re.compile(r"([0-9_]+)(ms|[smhdw])")
_ESCAPE = re.compile(r"\\(?:u\{([0-9A-Fa-f]{1,6})\}|(.))", re.DOTALL)
_ESCAPES = {'"': '"', "\\": "\\", "n": "\n", "t": "\t", "'": "'"}
_SURROGATES = range(0xD800, 0xE000)
HIDDEN = re.compile(
    r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u180e\u200b\u200e\u200f"
    r"\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e007f]"
    r"|\r(?!\n)"
)
"""What a reader of a policy would not see, or see somewhere else: no source may hold it.

``"for\\u200bbidden"`` would never be met, and many editors show what follows U+2028 in a comment as
a line of its own. Joiners and variation selectors may stand: words and emoji are spelt with them.
"""


def read_int(text: str, span: Span, report: Report, *, negated: bool = False) -> Literal:
    """Return the value of ``1_000``; out of 64 bits is an error.

    Behind a minus it may be one more: what ``-9223372036854775808`` is made of.
    """
    most = LARGEST_INT + negated
    digits = text.replace("_", "")
    value = int(digits) if len(digits) <= LONGEST_NUMBER and digits.isdigit() else most + 1
    if value > most:
        if digits.isdigit():
            report.add(catalog.int_too_large(span))
        value = 0
    return Literal(value, "int", text, span)


def read_number(text: str, span: Span, report: Report) -> Literal:
    """Return the exact value of ``0.85``."""
    if len(text) > LONGEST_NUMBER:
        report.add(catalog.number_too_long(span, LONGEST_NUMBER))
        return Literal(Decimal(0), "number", text, span)
    return Literal(Decimal(text.replace("_", "")), "number", text, span)


def read_percent(text: str, span: Span, report: Report) -> Literal:
    """Return the number of ``10%`` or ``0.5%``; over a hundred is an error."""
    bare = text[:-1]
    made = read_number(bare, span, report) if "." in bare else read_int(bare, span, report)
    if isinstance(made.value, int | Decimal) and made.value > 100:  # noqa: PLR2004 - per cent
        report.add(catalog.percent_too_large(span))
    return Literal(made.value, made.kind, text, span)


def read_duration(text: str, span: Span, report: Report) -> Literal:
    """Return the length of ``250ms`` or ``1h30m``; each unit once, the largest first."""
    total = timedelta()
    previous: timedelta | None = None
    for digits, unit in _DURATION_PART.findall(text):
        size = _UNITS[unit]
        if previous is not None and size >= previous:
            report.add(catalog.duration_order(span))
            return Literal(total, "duration", text, span)
        previous = size
        count = digits.replace("_", "")
        if len(count) > LONGEST_NUMBER or int(count) > LARGEST_DURATION // size:
            report.add(catalog.duration_too_large(span))
            return Literal(timedelta(), "duration", text, span)
        total += int(count) * size
    return Literal(total, "duration", text, span)


def read_time(text: str, span: Span, report: Report) -> Literal:
    """Return the moment of an RFC 3339 time, in UTC."""
    try:
        value = datetime.fromisoformat(_six_digits(text)).astimezone(UTC)
    except (ValueError, OverflowError):
        report.add(catalog.impossible_time(span, text))
        value = datetime(1970, 1, 1, tzinfo=UTC)
    return Literal(value, "time", text, span)


def _six_digits(text: str) -> str:
    """Return *text* with at most six digits behind the second's point: what datetime can hold."""
    return re.sub(r"(\.[0-9]{6})[0-9]+", r"\1", text)


def read_date(text: str, span: Span, report: Report) -> Literal:
    """Return midnight UTC of ``2026-12-31``."""
    made = read_time(f"{text}T00:00:00Z", span, report)
    return Literal(made.value, "time", text, span)


def read_string(text: str, span: Span, report: Report) -> Literal:
    """Return the value of ``"…"`` with its escapes; a wrong escape is reported at its own place."""
    body = text[1:]
    if len(text) > 1 and text[-1] == text[0]:
        body = body[:-1]
    if "\\" in body:
        body = _unescape(body, span, report)
    return Literal(body, "string", text, span)


def _unescape(body: str, span: Span, report: Report) -> str:
    def replace(match: re.Match[str]) -> str:
        code, letter = match.group(1), match.group(2)
        if code is not None:
            value = int(code, 16)
            if value <= sys.maxunicode and value not in _SURROGATES:
                return chr(value)
        elif letter in _ESCAPES:
            return _ESCAPES[letter]
        place = _inside(span, match.start() + 1, match.end() + 1)
        report.add(catalog.unknown_escape(place, match.group()))
        return match.group()

    return _ESCAPE.sub(replace, body)


def _inside(span: Span, start: int, end: int) -> Span:
    """Return the part *start*:*end* of a one-line *span*."""
    first, column = span.start, span.column
    return Span(
        span.path,
        first + start,
        first + end,
        span.line,
        column + start,
        span.line,
        column + end,
    )


def read_bool(text: str, span: Span, report: Report) -> Literal:
    """Return the value of ``true`` or ``false``."""
    del report
    return Literal(text == "true", "bool", text, span)


def read_regex(text: str, span: Span) -> Regex:
    r"""Return the pattern of ``/…/`` with ``\/`` turned into ``/``."""
    body = text[1:-1] if len(text) > 1 and text.endswith("/") else text[1:]
    return Regex(re.sub(r"\\(.)", _keep_escape, body), span)


def _keep_escape(match: re.Match[str]) -> str:
    return "/" if match.group(1) == "/" else match.group()


READERS: Mapping[str, Callable[[str, Span, Report], Literal]] = {
    "INT": read_int,
    "NUMBER": read_number,
    "PERCENT": read_percent,
    "DURATION": read_duration,
    "TIME": read_time,
    "DATE": read_date,
    "STRING": read_string,
    "TRUE": read_bool,
    "FALSE": read_bool,
}
"""Which terminal is read by which function."""


@lru_cache(maxsize=1024)
def escape_string(value: str) -> str:
    """Return *value* as a string literal of the language, all of which a reader sees."""
    made = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    if not made.isprintable():
        made = "".join(map(_seen, made))
    return f'"{made}"'


def _seen(character: str) -> str:
    """Return *character*, escaped where it has no form: controls, directions, ends of lines."""
    if character.isprintable() or unicodedata.category(character) == "Zs":
        return character
    return f"\\u{{{ord(character):x}}}"
