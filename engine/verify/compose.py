"""A request as a door takes it, and what is expected of it, in; the text of a test block out.

    test "review 9f86: payments.large" {
      at 2026-01-01T00:00:00Z
      given { stage: "request", content: "a refund of 600", tenant.id: "acme", user.id: "kim" }
      expect escalate by payments.large
    }

Invariant: the block parses back to the same request, whatever stands in it. What the language
cannot write (null in arguments, a number beyond 64 bits) is left out, and named.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec

from engine.language._grammar import KEYWORDS
from engine.language.diagnostics import Report
from engine.language.format import format_file
from engine.language.literals import LARGEST_INT, LONGEST_NUMBER, escape_string
from engine.language.parse import parse_file
from engine.language.program import Field
from engine.language.render import inert
from engine.language.text import Source
from engine.language.types import (
    BOOL,
    DECIMAL,
    DURATION,
    FLOAT,
    INT,
    JSON,
    TIME,
    ListOf,
    SetOf,
    Type,
)

BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
ABSENT: object = object()
"""What stands for a value that cannot be written."""


class Unwritable(Exception):
    """A value that no literal of the language stands for; the text says which kind."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a test block says beside its request: *comment* lines stand above it, *by* are rules."""

    title: str
    comment: Sequence[str]
    time: datetime
    action: str
    by: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Composed:
    """The *text* of a block, and the paths of what could not be written in it."""

    text: str
    left_out: tuple[str, ...]


def compose_test(
    request: Mapping[str, object], fields: Mapping[str, Field], wanted: Wanted
) -> Composed:
    """Return the block for *request*: nested as a door takes it, of which *fields* are written."""
    left_out: list[str] = []
    entries = list(written_entries(request, fields, left_out))
    by = f" by {', '.join(wanted.by)}" if wanted.by else ""
    lines = [
        *(f"# {inert(line)}" for line in wanted.comment),
        f"test {escape_string(wanted.title)} {{",
        f"at {time_text(wanted.time)}",
        f"given {{ {', '.join(entries)} }}",
        f"expect {wanted.action}{by}",
        "}",
    ]
    report = Report()
    parsed = parse_file(Source("composed.pol", "\n".join(lines)), report)
    assert not report.found, f"what is composed parses: {report.found}"
    return Composed(format_file(parsed), tuple(left_out))


def written_entries(
    request: Mapping[str, object], fields: Mapping[str, Field], left_out: list[str]
) -> Iterator[str]:
    """Yield ``path: value`` of all of *fields* that *request* has; name in *left_out* what not."""
    for path, field in fields.items():
        value = value_at(request, path)
        if value is ABSENT or value is None or path == "now":
            continue
        try:
            yield f"{path}: {written(value, field.type, path, left_out)}"
        except (Unwritable, msgspec.ValidationError):
            left_out.append(path)
    messages = request.get("messages")
    if isinstance(messages, (list, tuple)):
        yield f"messages: [{', '.join(map(message_text, messages))}]"


def value_at(request: Mapping[str, object], path: str) -> object:
    """Return what *request* has at *path*; ABSENT where it has nothing."""
    found: object = request
    for name in path.split("."):
        if not isinstance(found, Mapping) or name not in found:
            return ABSENT
        found = found[name]
    return found


def message_text(message: object) -> str:
    """Return a message, ``{"role": …, "text": …}``, as a record."""
    made = msgspec.convert(message, dict[str, str])
    return f"{{ role: {escape_string(made['role'])}, text: {escape_string(made['text'])} }}"


def written(value: object, type_: Type, path: str, left_out: list[str]) -> str:
    """Return *value* as a literal of *type_*. Raises Unwritable."""
    match type_:
        case SetOf(item) | ListOf(item):
            inner = ", ".join(written(one, item, path, left_out) for one in as_items(value))
            return f"{{ {inner} }}" if isinstance(type_, SetOf) else f"[{inner}]"
        case _ if type_ == JSON:
            return json_text(value, path, left_out)
        case _ if type_ == BOOL:
            return str(msgspec.convert(value, bool)).lower()
        case _ if type_ == INT:
            return int_text(msgspec.convert(value, int))
        case _ if type_ in {DECIMAL, FLOAT}:
            return number_text(Decimal(str(value)))
        case _ if type_ == TIME:
            return time_text(msgspec.convert(value, datetime))
        case _ if type_ == DURATION:
            return duration_text(msgspec.convert(value, timedelta))
        case _:
            return escape_string(str(value))


def as_items(value: object) -> Sequence[object]:
    """Return the elements of a set or list, sets in one order."""
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=str)
    if isinstance(value, (list, tuple)):
        return value
    raise Unwritable("no list")


def json_text(value: object, path: str, left_out: list[str]) -> str:
    """Return a JSON value as it is written in a record. Raises Unwritable."""
    match value:
        case bool():
            return str(value).lower()
        case int():
            return int_text(value)
        case float() | Decimal():
            return number_text(Decimal(str(value)))
        case str():
            return escape_string(value)
        case list() | tuple():
            inner = [json_text(one, f"{path}[{n}]", left_out) for n, one in enumerate(value)]
            return f"[{', '.join(inner)}]"
        case dict():
            return object_text(value, path, left_out)
        case _:
            raise Unwritable("null")


def object_text(value: Mapping[str, object], path: str, left_out: list[str]) -> str:
    """Return a JSON object as a record; what cannot be written in it is left out, and named."""
    entries = []
    for key, inner in value.items():
        # Some words cannot be names everywhere, such as `true`.
        bare = BARE.fullmatch(key) and key not in KEYWORDS
        name = key if bare else escape_string(key)
        try:
            entries.append(f"{name}: {json_text(inner, f'{path}.{key}', left_out)}")
        except Unwritable:
            left_out.append(f"{path}.{key}")
    return f"{{ {', '.join(entries)} }}"


def int_text(value: int) -> str:
    """Return a whole number. Raises Unwritable for more than 64 bits."""
    if not -LARGEST_INT - 1 <= value <= LARGEST_INT:
        raise Unwritable("a number of more than 64 bits")
    return str(value)


def number_text(value: Decimal) -> str:
    """Return a number with a point. Raises Unwritable for what has too many digits."""
    if not value.is_finite():
        raise Unwritable("a number that is none")
    text = f"{value:f}"
    text = text if "." in text else f"{text}.0"
    if len(text.lstrip("-")) > LONGEST_NUMBER:
        raise Unwritable("a number with too many digits")
    return text


def time_text(value: datetime) -> str:
    """Return a moment in UTC."""
    utc = value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    return utc.isoformat().replace("+00:00", "Z")


def duration_text(value: timedelta) -> str:
    """Return a length of time, to the millisecond. Raises Unwritable for what has none."""
    left = value // timedelta(milliseconds=1)
    if left < 0 or timedelta(milliseconds=left) != value:
        raise Unwritable("a duration of parts of a millisecond")
    seconds, milliseconds = divmod(left, 1000)
    parts = [f"{seconds}s"] if seconds else []
    if milliseconds or not parts:
        parts.append(f"{milliseconds}ms")
    return "".join(parts)
