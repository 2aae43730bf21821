"""A request that was refused in, every wrong path with a sentence out.

The slow, complete companion of the fast reader: it looks at each attribute on its own, so that a
caller learns all mistakes from one answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any, NamedTuple, get_args

import msgspec

from engine.language.diagnostics import did_you_mean
from engine.language.program import Field
from engine.language.required import required
from engine.language.types import Enumeration, ListOf, Scalar, SetOf, Type
from engine.runtime.decision import Message
from engine.runtime.record import (
    ELSEWHERE,
    GROUPS,
    IDS,
    LONGEST_ID,
    LONGEST_STRING,
    LONGEST_TOKEN,
    MOST_MESSAGES,
    Capability,
    decode_custom,
    native,
    nest,
)

MOST_UNKNOWN = 100
"""How many unknown attributes are named; looking for what each could have meant takes long."""

SHOWN = 100
"""Characters of a name that are shown."""

PARTS = ("request_id", "approval", "content", "messages", "capabilities")
"""What a request holds beside attributes."""

SHORT = {"request_id": LONGEST_ID, "approval": LONGEST_TOKEN}
"""Those that are short texts, and how long they may be."""


class Problem(NamedTuple):
    """One thing wrong with a request: where, and a lower-case sentence."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


def list_problems(
    raw: object, fields: Mapping[str, Field], supplied: frozenset[str]
) -> tuple[Problem, ...]:
    """Return everything wrong with *raw*, sorted by path.

    *supplied* are the paths that facts fill in: a request need not hold them.
    """
    if not isinstance(raw, Mapping):
        return (Problem("", f"expected a record, not {kind_of(raw)}"),)
    known = [*fields, *PARTS]
    found = [
        *islice(_unknown(raw, nest(fields), "", known), MOST_UNKNOWN + 1),
        *_wrong(raw, fields, supplied),
        *_parts(raw),
    ]
    return tuple(sorted(set(found)))


def shown_name(name: object) -> str:
    """Return *name* as it can be shown: in characters, not too many."""
    text = str(name)
    cut = f"{text[:SHOWN]}…" if len(text) > SHOWN else text
    return cut.encode("utf-8", "backslashreplace").decode()


def too_long(length: int, limit: int) -> str:
    """Return the sentence about a text of *length* characters."""
    return f"{length:,} characters, and the limit is {limit:,}"


def too_large(length: int, limit: int) -> str:
    """Return the sentence about content that is longer than detectors may look at."""
    return f"content too large: {too_long(length, limit)}"


def kind_of(value: object) -> str:  # noqa: C901  a case for every kind
    """Return what *value* is, in the words of a policy author; never the value itself."""
    match value:
        case None:
            return "null"
        case bool():
            return "a bool"
        case int():
            return "an int"
        case float():
            return "a float"
        case Decimal():
            return "a decimal"
        case str():
            return "a string"
        case datetime():
            return "a time"
        case timedelta():
            return "a duration"
        case Mapping() | msgspec.Struct():
            return "a record"
        case list() | tuple() | set() | frozenset():
            return "a list"
        case _:
            return f"a {type(value).__name__}"


def _members(value: object) -> Mapping[object, object] | None:
    """Return the members of a group (it may be decoded already), or None when it is none."""
    if isinstance(value, Mapping):
        return value
    if isinstance(value, msgspec.Struct):
        return {name: getattr(value, name) for name in value.__struct_fields__}
    return None


def _unknown(
    raw: Mapping[Any, object], tree: Mapping[str, Any], prefix: str, known: Iterable[str]
) -> Iterator[Problem]:
    for name, value in raw.items():
        path = f"{prefix}{shown_name(name)}"
        if path in PARTS:
            continue
        if name not in tree:
            help_ = did_you_mean(path, known)
            yield Problem(path, f"unknown attribute{f', {help_}' if help_ else ''}")
            continue
        inner = tree[name]
        if not isinstance(inner, dict):
            continue
        members = _members(value)
        if members is None:
            yield Problem(path, f"expected a record, not {kind_of(value)}")
        else:
            yield from _unknown(members, inner, f"{path}.", known)


_ABSENT = object()


def _look_up(raw: Mapping[Any, object], path: str) -> object:
    """Return what stands at *path*, _ABSENT where nothing does, or None below what is no group."""
    value: object = raw
    for name in path.split("."):
        members = _members(value)
        if members is None:
            return None
        value = members.get(name, _ABSENT)
        if value is _ABSENT:
            return _ABSENT
    return value


def _wrong(
    raw: Mapping[Any, object], fields: Mapping[str, Field], supplied: frozenset[str]
) -> Iterator[Problem]:
    for path, field in fields.items():
        if path not in ELSEWHERE:
            value = _look_up(raw, path)
            message = _lack(raw, field, value) if path not in supplied else ""
            if value is not _ABSENT and value is not None:
                message = (
                    (path in IDS and _too_long(value, LONGEST_ID))
                    or objection(value, field.type)
                    or _refusal(path, value)
                )
            if message:
                yield Problem(path, message)


def _lack(raw: Mapping[Any, object], field: Field, value: object) -> str:
    """Return what is wrong when *field* has no *value*, or an empty string."""
    if value is _ABSENT:
        if required(field):
            return "required, but missing"
        word = _asking(raw, field)
        return asked_by(field, word) if word else ""
    # A group of the wrong kind has been named already; a null is only wrong by itself.
    wrong = value is None and not field.optional and not _blocked(raw, field.path)
    return f"expected {field.type}, not null" if wrong else ""


def _refusal(path: str, value: object) -> str:
    """Return why a *value* of the right type is refused all the same, or an empty string."""
    if value == "" and path in {"tenant.id", "user.id"}:
        return "must not be empty"
    if path.startswith("usage.") and _negative(value):
        return "must not be negative"
    return ""


def _asking(raw: Mapping[Any, object], field: Field) -> str:
    """Return the word in *raw* for which *field* is required, or an empty string."""
    if field.required_when is None:
        return ""
    path, words = field.required_when
    value = _look_up(raw, path)
    return value if isinstance(value, str) and value in words else ""


def asked_by(field: Field, word: str) -> str:
    """Return the sentence about a *field* that is missing though *word* asks for it."""
    assert field.required_when is not None, "only such fields are asked for by a word"
    return f'required when {field.required_when[0]} is "{word}"'


def _blocked(raw: Mapping[Any, object], path: str) -> bool:
    """Return whether a parent of *path* is no group."""
    parents = path.split(".")[:-1]
    places = (".".join(parents[: depth + 1]) for depth in range(len(parents)))
    return any(_members(_look_up(raw, place)) is None for place in places)


def _negative(value: object) -> bool:
    if isinstance(value, str):  # A decimal in words: that it is one has been seen to.
        return value.startswith("-")
    return isinstance(value, int | float | Decimal) and value < 0


def objection(value: object, type_: Type) -> str | None:
    """Return a sentence about why *value* is no *type_*, or None when it is one."""
    try:
        made = msgspec.convert(value, native(type_), dec_hook=decode_custom)
        msgspec.msgpack.encode(made, enc_hook=str)
    except msgspec.ValidationError as error:
        return _mismatch(value, type_, str(error))
    except UnicodeEncodeError:
        return "holds half of a surrogate pair, which is no character"
    except RecursionError:
        return "nested too deeply"
    except OverflowError:
        # A time near the end of the calendar has a zone that leads beyond it.
        return "not in the years 1 to 9999" if type_ is Scalar.TIME else "beyond 64 bits"
    return None


def _mismatch(value: object, type_: Type, detail: str) -> str:
    match type_:
        case Enumeration(words) if isinstance(value, str):
            help_ = did_you_mean(value, words)
            return f"expected {type_}{f', {help_}' if help_ else ''}"
        case SetOf(item) | ListOf(item) if isinstance(value, list | tuple | set | frozenset):
            found = ((index, objection(one, item)) for index, one in enumerate(value))
            wrong = (f"item {index}: {inner}" for index, inner in found if inner)
            return next(wrong, f"expected {type_}")
        case Scalar.INT if isinstance(value, int) and not isinstance(value, bool):
            return "beyond 64 bits"
        case Scalar.FLOAT if isinstance(value, float):
            return "not finite"
        case Scalar.STRING if isinstance(value, str):
            return too_long(len(value), LONGEST_STRING)
        case Scalar.TIME if isinstance(value, str | datetime):
            return "expected a time with a zone, such as 2026-01-01T00:00:00Z"
        case Scalar.IP | Scalar.DURATION | Scalar.DECIMAL if "wrong kind" not in detail:
            return f"expected {type_}: {detail.partition(' - at ')[0]}"
        case _:
            pass
    return f"expected {type_}, not {kind_of(value)}"


def _parts(raw: Mapping[Any, object]) -> Iterator[Problem]:
    """Yield what is wrong with what a request holds beside attributes."""
    for name in PARTS:
        value = raw.get(name)
        if value is None:
            if name in SHORT and name in raw:
                yield Problem(name, "expected string, not null")
            continue
        if name == "messages":
            yield from _messages(value)
        elif name == "capabilities":
            yield from _capabilities(value)
        else:
            message = _no_text(value) or (name in SHORT and _too_long(value, SHORT[name]))
            if message:
                yield Problem(name, message)
    for name in GROUPS:
        if name in raw and raw[name] is None:
            yield Problem(name, "expected a record, not null")


def _no_text(value: object) -> str | None:
    """Return why *value* is no text of any length, or None."""
    return objection(value, Scalar.TEXT if isinstance(value, str) else Scalar.STRING)


def _too_long(value: object, most: int) -> str | None:
    """Return why a *value* is longer than *most* characters, or None."""
    if isinstance(value, str) and len(value) > most:
        return too_long(len(value), most)
    return None


def _messages(value: object) -> Iterator[Problem]:
    if not isinstance(value, list | tuple):
        yield Problem("messages", f"expected a list of messages, not {kind_of(value)}")
        return
    if len(value) > MOST_MESSAGES:
        yield Problem("messages", f"{len(value):,} messages, and the limit is {MOST_MESSAGES:,}")
        return
    for index, one in enumerate(value):
        members = _members(one)
        path = f"messages[{index}]"
        if members is None:
            yield Problem(path, f"expected a record of role and text, not {kind_of(one)}")
            continue
        for name in members:
            if name not in Message.__struct_fields__:
                shown = shown_name(name)
                help_ = did_you_mean(shown, Message.__struct_fields__)
                yield Problem(f"{path}.{shown}", f"unknown{f', {help_}' if help_ else ''}")
        for name in Message.__struct_fields__:
            if name not in members:
                yield Problem(f"{path}.{name}", "required, but missing")
                continue
            message = _no_text(members[name])
            if message:
                yield Problem(f"{path}.{name}", message)


def _capabilities(value: object) -> Iterator[Problem]:
    message = objection(value, SetOf(Enumeration(get_args(Capability))))
    if message:
        yield Problem("capabilities", message)
