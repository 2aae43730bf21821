"""The functions of the language: one table of signatures, documentation, examples and bodies.

The checker reads the signatures, both evaluators call the bodies, the reference and the editor show
the documentation. A body is total: it returns, or raises ``Unknowable`` or ``ArithmeticError``
(which an evaluator turns into "cannot be known"). Functions without a body ask the evidence of the
evaluator.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sized
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from engine.language.json_values import (
    Unknowable,
    convert,
    json_contains,
    json_equal,
    json_items,
    json_member,
    json_order,
    json_overlaps,
    json_text,
    json_within,
)
from engine.language.types import BOOL, FLOAT, INT, JSON, STRING, Enumeration, Type

__all__ = [
    "TABLE",
    "WEEKDAYS",
    "Function",
    "Kind",
    "Parameter",
    "Unknowable",
    "convert",
    "json_contains",
    "json_equal",
    "json_items",
    "json_member",
    "json_order",
    "json_overlaps",
    "json_text",
    "json_within",
]

INT_MAX = 2**63 - 1
INT_MIN = -(2**63)
BYTES_PER_TOKEN = 4

WEEKDAYS = Enumeration(
    ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
)
"""What ``weekday`` returns."""


class Kind(StrEnum):
    """What a parameter takes."""

    TEXT = "string"
    """Any string, text or enumeration; a json value that is a string."""
    SCANNED = "text"
    """``content``, or an attribute of type text: what detectors can look at."""
    ENTITIES = "entity, …"
    """One entity type or more."""
    PATH = "path"
    """A literal path into the tool arguments."""
    NUMBER = "number"
    """An int, float or decimal."""
    TIME = "time"
    """A point in time."""
    ZONE = "zone"
    """The name of a time zone; may be left out, then UTC."""
    COUNTABLE = "string | set | list"
    """What has a length."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a function."""

    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Function:
    """One function. *result* is None where the result has the type of the (numeric) arguments."""

    name: str
    parameters: tuple[Parameter, ...]
    result: Type | None
    doc: str
    example: str
    body: Callable[..., object] | None

    @property
    def signature(self) -> str:
        """The signature as documentation shows it: ``hour(at: time, zone?: zone): int``."""
        shown = ", ".join(
            f"{one.name}{'?' if one.kind is Kind.ZONE else ''}: {one.kind}"
            for one in self.parameters
        )
        return f"{self.name}({shown}): {self.result or 'number'}"


def in_zone(at: datetime, zone: str) -> datetime:
    """Return *at* on the clocks of *zone*, or raise Unknowable for a zone that does not exist."""
    try:
        return at.astimezone(ZoneInfo(zone))
    except (KeyError, ValueError, OSError) as error:
        raise Unknowable(f"the time zone `{zone}`") from error


@lru_cache(maxsize=1_024)
def zone_exists(zone: str) -> bool:
    """Return whether *zone* is the name of a time zone, such as ``Europe/Berlin``."""
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        return False
    return True


def count_tokens(text: str) -> int:
    """Return an estimate of how many tokens *text* has: a quarter of its UTF-8 bytes, rounded up.

    A tokenizer for English yields close to four bytes a token; scripts with more bytes a character
    yield more tokens a character, which the bytes reflect.
    """
    return -(-len(text.encode("utf-8", "replace")) // BYTES_PER_TOKEN)


def weekday(at: datetime, zone: str = "UTC") -> str:
    """Return the English name of the day of the week, in small letters."""
    return WEEKDAYS.words[in_zone(at, zone).weekday()]


def absolute(number: float | Decimal) -> float | Decimal:
    """Return *number* without its sign; the smallest int has no counterpart and is out of range."""
    # The built-in would round a decimal to 28 digits.
    return number.copy_abs() if isinstance(number, Decimal) else bounded(abs(number))


def bounded(number: float | Decimal) -> float | Decimal:
    """Return *number*, or raise ArithmeticError for an int that does not fit 64 bits."""
    if isinstance(number, int) and not INT_MIN <= number <= INT_MAX:
        raise OverflowError("the number does not fit 64 bits")
    return number


def round_half_even(number: float | Decimal) -> int:
    """Return the nearest int, of two equally near ones the even one."""
    exact = number if isinstance(number, Decimal) else Decimal(number)
    if not exact.is_finite():
        raise OverflowError("the number is not finite")
    if not INT_MIN <= exact <= INT_MAX:
        raise OverflowError("the number does not fit 64 bits")
    return int(exact.to_integral_value(rounding=ROUND_HALF_EVEN))


def domain(address: str) -> str:
    """Return what stands after the last ``@`` of *address* in small letters.

    Empty without an ``@``.
    """
    return address.rpartition("@")[2].lower() if "@" in address else ""


def length(value: Sized) -> int:
    """Return the number of code points of a string, or of elements of anything else."""
    if isinstance(value, (str, frozenset, tuple, list, dict)):
        return len(value)
    raise Unknowable("the length of a json value that is no string, list or object")


def function(
    name: str,
    parameters: Mapping[str, Kind],
    result: Type | None,
    doc: str,
    example: str,
    body: Callable[..., object] | None,
) -> Function:
    """Return one row of the table."""
    made = tuple(Parameter(name, kind) for name, kind in parameters.items())
    return Function(name, made, result, doc, example, body)


def calendar_function(name: str, doc: str, example: str) -> Function:
    """Return a row for a part of the date or the time of day, such as ``hour``."""

    def body(at: datetime, zone: str = "UTC") -> int:
        """Return the part of *at* on the clocks of *zone*."""
        local = in_zone(at, zone)
        parts = {
            "minute": local.minute,
            "hour": local.hour,
            "day": local.day,
            "month": local.month,
            "year": local.year,
        }
        return parts[name]

    return function(name, {"at": Kind.TIME, "zone": Kind.ZONE}, INT, doc, example, body)


ROWS = (
    function(
        "injection",
        {"of": Kind.SCANNED},
        FLOAT,
        "How likely the text tries to override its instructions, from 0 to 1.",
        "injection(content) >= 0.8",
        None,
    ),
    function(
        "count",
        {"of": Kind.SCANNED, "entities": Kind.ENTITIES},
        INT,
        "How often the text holds one of the entity types.",
        "count(content, pii.card, pii.iban) > 3",
        None,
    ),
    function(
        "arg",
        {"path": Kind.PATH},
        JSON,
        "The value at a path of the tool's arguments: keys, and numbers for elements of lists. "
        "Absent where there is none.",
        '(arg("to.0.address") ?? "") like "*@example.com"',
        None,
    ),
    function(
        "length",
        {"of": Kind.COUNTABLE},
        INT,
        "The number of characters of a string, or of elements of a set or list.",
        "length(content) > 10000",
        length,
    ),
    function(
        "tokens",
        {"of": Kind.TEXT},
        INT,
        "An estimate of the number of tokens: a quarter of the UTF-8 bytes, rounded up.",
        "tokens(content) > 8000",
        count_tokens,
    ),
    function(
        "lower",
        {"of": Kind.TEXT},
        STRING,
        "The text in small letters.",
        'lower(user.id) == "root"',
        str.lower,
    ),
    function(
        "upper",
        {"of": Kind.TEXT},
        STRING,
        "The text in capital letters.",
        'upper(user.id) == "ROOT"',
        str.upper,
    ),
    function(
        "trim",
        {"of": Kind.TEXT},
        STRING,
        "The text without white space at both ends.",
        'trim(content) == ""',
        str.strip,
    ),
    function(
        "starts_with",
        {"of": Kind.TEXT, "start": Kind.TEXT},
        BOOL,
        "Whether the text starts with another one.",
        'starts_with(user.id, "svc-")',
        str.startswith,
    ),
    function(
        "ends_with",
        {"of": Kind.TEXT, "end": Kind.TEXT},
        BOOL,
        "Whether the text ends with another one.",
        'ends_with(user.id, "@example.com")',
        str.endswith,
    ),
    function(
        "domain",
        {"of": Kind.TEXT},
        STRING,
        "What stands after the last `@`, in small letters; empty where there is no `@`.",
        'domain(user.id) == "example.com"',
        domain,
    ),
    function(
        "min",
        {"a": Kind.NUMBER, "b": Kind.NUMBER},
        None,
        "The smaller of two numbers.",
        "min(session.turn, 10) < 5",
        min,
    ),
    function(
        "max",
        {"a": Kind.NUMBER, "b": Kind.NUMBER},
        None,
        "The larger of two numbers.",
        "max(session.turn, 1) > 5",
        max,
    ),
    function(
        "abs",
        {"of": Kind.NUMBER},
        None,
        "The number without its sign.",
        "abs(session.turn - 10) < 3",
        absolute,
    ),
    function(
        "round",
        {"of": Kind.NUMBER},
        INT,
        "The nearest whole number; of two equally near ones the even one.",
        "round(injection(content) * 10) >= 8",
        round_half_even,
    ),
    calendar_function(
        "minute", "The minute of the hour, 0 to 59.", 'minute(now, "Asia/Kolkata") < 30'
    ),
    calendar_function("hour", "The hour of the day, 0 to 23.", 'hour(now, "Europe/Berlin") >= 18'),
    calendar_function("day", "The day of the month, 1 to 31.", "day(now) == 1"),
    calendar_function("month", "The month of the year, 1 to 12.", "month(now) == 12"),
    calendar_function("year", "The year.", "year(now) >= 2026"),
    function(
        "weekday",
        {"at": Kind.TIME, "zone": Kind.ZONE},
        WEEKDAYS,
        'The day of the week, `"monday"` to `"sunday"`.',
        'weekday(now, "Europe/Berlin") in {"saturday", "sunday"}',
        weekday,
    ),
)

TABLE: Mapping[str, Function] = {row.name: row for row in ROWS}
"""Every function by name."""
