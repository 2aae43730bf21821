"""Schema in, record types out: the Python classes into which requests are decoded in C.

A record has one attribute for each top level name, and groups nest as the paths do:
``record.stage``, ``record.tenant.plan``, ``record.context.order.total``. Groups always exist; an
absent optional attribute is None. Sets are frozensets, lists tuples, times aware datetimes.

msgspec converts what it knows itself; the three kinds below are marker classes with which the real
classes are registered, so that ``decode_custom`` is asked and may accept more spellings.
"""

from __future__ import annotations

import re
from abc import ABC
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Annotated, Any, Literal, NamedTuple, Protocol, assert_never

import msgspec

from engine.language.program import Field
from engine.language.required import required
from engine.language.types import Enumeration, ListOf, Scalar, SetOf, Type
from engine.runtime.decision import Message, Redaction

GROUPS = ("tenant", "user", "model", "tool", "session", "usage", "source", "context")
"""The groups that every record has, with or without attributes."""

DEFAULTS: Mapping[str, object] = {
    "user.roles": frozenset(),
    "session.labels": frozenset(),
    "session.turn": 0,
}
"""Attributes that are never absent in a policy, and what they are when nobody sends them."""

ELSEWHERE = frozenset({"content", "now"})
"""Standard attributes that evidence answers for."""

ANSWERED = ELSEWHERE | {"session.labels", "session.turn"}
"""Standard attributes that are not, or not all, in the record: ``Evidence.attribute`` answers."""

Capability = Literal["mask", "mask_stream", "wait", "route"]
"""What a caller can carry out at this stage."""

MAX_INT = 2**63 - 1
MAX_FLOAT = 1.7976931348623157e308
Int = Annotated[int, msgspec.Meta(ge=-MAX_INT - 1, le=MAX_INT)]
Float = Annotated[float, msgspec.Meta(ge=-MAX_FLOAT, le=MAX_FLOAT)]

LONGEST_TOKEN = 4_096
LONGEST_ID = 1_024
"""Characters of an id or a name: they go into every line of the record."""

LONGEST_STRING = 1_048_576
"""Characters of any other string. A ``text`` may be as long as content."""

MOST_MESSAGES = 10_000
MOST_DIGITS = 64
"""Of a decimal, in front of and behind the point: more is no figure but an attack on arithmetic."""

Id = Annotated[str, msgspec.Meta(max_length=LONGEST_ID)]
Token = Annotated[str, msgspec.Meta(max_length=LONGEST_TOKEN)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_ID)]
String = Annotated[str, msgspec.Meta(max_length=LONGEST_STRING)]
Messages = Annotated[tuple[Message, ...], msgspec.Meta(max_length=MOST_MESSAGES)]

NAMES = frozenset({"tenant.id", "user.id"})
"""Standard attributes that may not be empty."""

IDS = NAMES | {
    "session.id",
    "model.name",
    "model.provider",
    "model.version",
    "tool.name",
    "tool.server",
}
"""Standard attributes that are short."""

DURATION = re.compile(r"(?:\d{1,9}(?:\.\d{1,9})?(?:ms|s|m|h|d|w))+")
PIECE = re.compile(r"([\d.]+)(ms|s|m|h|d|w)")
SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


class Duration(ABC):  # noqa: B024  real classes are registered with it
    """Marks a timedelta: also ``"1h30m"`` and a number of seconds are taken."""


class Address(ABC):  # noqa: B024
    """Marks an ip address: also its text is taken."""


class Number(ABC):  # noqa: B024
    """Marks a finite Decimal: also its text, an int and a float are taken."""


Duration.register(timedelta)
Address.register(IPv4Address)
Address.register(IPv6Address)
Number.register(Decimal)


class Streamed(NamedTuple):
    """What became of a content while it came in as a stream."""

    restored: int
    """How many placeholders in it were turned back."""
    endless: tuple[Redaction, ...]
    """What was replaced because it might be the beginning of a finding for too long."""


class Record(Protocol):
    """A checked request. The groups are made for each schema, which is why they are Any here."""

    @property
    def request_id(self) -> str: ...  # noqa: D102
    @property
    def approval(self) -> str: ...  # noqa: D102
    @property
    def stage(self) -> str: ...  # noqa: D102
    @property
    def tenant(self) -> Any: ...  # noqa: D102
    @property
    def user(self) -> Any: ...  # noqa: D102
    @property
    def model(self) -> Any: ...  # noqa: D102
    @property
    def tool(self) -> Any: ...  # noqa: D102
    @property
    def session(self) -> Any: ...  # noqa: D102
    @property
    def usage(self) -> Any: ...  # noqa: D102
    @property
    def source(self) -> Any: ...  # noqa: D102
    @property
    def context(self) -> Any: ...  # noqa: D102
    @property
    def content(self) -> str | None: ...  # noqa: D102
    @property
    def messages(self) -> tuple[Message, ...] | None: ...  # noqa: D102
    @property
    def capabilities(self) -> frozenset[Capability] | None: ...  # noqa: D102
    @property
    def missing(self) -> tuple[str, ...]:
        """Paths of required attributes that the facts should have supplied and did not."""
        ...

    @property
    def too_large(self) -> str:
        """What holds more text than detectors may look at; empty where nothing does."""
        ...

    @property
    def long(self) -> bool:
        """Whether there may be so much text that looking at it would hold up other decisions."""
        ...

    @property
    def streamed(self) -> Streamed | None:
        """What was done with the content while it came in, where it came in as a stream."""
        ...


def read_attribute(record: Record, path: str) -> Any:
    """Return what stands at a dotted *path* of *record*: None where it is absent."""
    value: Any = record
    for name in path.split("."):
        value = getattr(value, name)
    return value


def default_of(field: Field) -> object:
    """Return what *field* is when nobody sends it: None (absent), but for some standard ones."""
    return DEFAULTS.get(field.path)


def parse_duration(text: str) -> timedelta:
    """Return the duration that *text* spells, such as ``90s``, ``1h30m`` or ``250ms``."""
    if not DURATION.fullmatch(text):
        # Without the text: a refusal may be logged.
        raise ValueError("no duration, such as `90s`, `1h30m` or `250ms`")
    seconds = sum(float(number) * SECONDS[unit] for number, unit in PIECE.findall(text))
    return to_duration(seconds)


def to_duration(seconds: float) -> timedelta:
    """Return *seconds* as a duration; ValueError when it is too long for one."""
    try:
        return timedelta(seconds=seconds)
    except (OverflowError, ValueError):
        raise ValueError("too long for a duration") from None


def decode_custom(kind: type, value: object) -> object:
    """Return *value* as an instance of one of the marker classes; ValueError when it is none.

    This is msgspec's ``dec_hook``: it is asked for marker classes only.
    """
    if kind is Address and isinstance(value, str | IPv4Address | IPv6Address):
        try:
            return ip_address(value)
        except ValueError:
            raise ValueError("no IPv4 or IPv6 address") from None
    if kind is Duration:
        return _duration(value)
    if kind is Number and isinstance(value, str | int | float | Decimal):
        return read_number(value)
    raise ValueError("wrong kind")


def _duration(value: object) -> timedelta:
    match value:
        case timedelta():
            return value
        case str():
            return parse_duration(value)
        case int() | float() if not isinstance(value, bool):
            return to_duration(value)
        case _:
            raise ValueError("wrong kind")


def read_number(value: str | float | Decimal) -> Decimal:
    """Return the decimal that *value* spells; ValueError for none, an infinite or a huge one."""
    if isinstance(value, bool):
        raise ValueError("wrong kind")  # noqa: TRY004  msgspec turns ValueError into its own
    # Before it is parsed: that takes long for a long one.
    if (isinstance(value, str) and len(value) > 2 * MOST_DIGITS) or (
        isinstance(value, int) and abs(value) >= 10**MOST_DIGITS
    ):
        raise ValueError(TOO_LONG)
    try:
        made = Decimal(str(value))
    except InvalidOperation:
        raise ValueError("no number") from None  # without the value: a refusal may be logged
    if not made.is_finite():
        raise ValueError("not finite")
    if len(made.as_tuple().digits) > MOST_DIGITS or abs(made.adjusted()) > MOST_DIGITS:
        raise ValueError(TOO_LONG)
    return made


TOO_LONG = f"more than {MOST_DIGITS} digits"


@lru_cache(maxsize=4096)
def native(type_: Type) -> Any:
    """Return the annotation with which msgspec decodes a value of *type_*."""
    match type_:
        case Enumeration(words):
            return Literal[words]
        case SetOf(item):
            return frozenset.__class_getitem__(native(item))
        case ListOf(item):
            return tuple.__class_getitem__((native(item), ...))
        case Scalar():
            return SCALARS[type_]
        case _:
            assert_never(type_)


SCALARS: Mapping[Scalar, Any] = {
    Scalar.BOOL: bool,
    Scalar.INT: Int,
    Scalar.FLOAT: Float,
    Scalar.DECIMAL: Number,
    Scalar.STRING: String,
    Scalar.TEXT: str,
    Scalar.TIME: Annotated[datetime, msgspec.Meta(tz=True)],
    Scalar.DURATION: Duration,
    Scalar.IP: Address,
    Scalar.JSON: Any,
}


Tree = dict[str, "Field | Tree"]
"""Attributes by nested names."""


def nest(fields: Mapping[str, Field]) -> Tree:
    """Return *fields* (by full path) as a tree of groups that holds every standard group."""
    within = {path: field for path, field in fields.items() if path not in ELSEWHERE}
    return {name: {} for name in GROUPS} | nest_below(within)


def nest_below(fields: Mapping[str, Field]) -> Tree:
    """Return *fields* by dotted names as a tree of groups."""
    root: Tree = {}
    for path, field in fields.items():
        *parents, name = path.split(".")
        place = root
        for parent in parents:
            inner = place.setdefault(parent, {})
            assert isinstance(inner, dict), f"{path} lies below an attribute"
            place = inner
        place[name] = field
    return root


@dataclass(frozen=True, slots=True)
class RecordTypes:
    """The classes made for one schema: the whole record, and groups that are made alone."""

    record: type[msgspec.Struct]
    context: type[msgspec.Struct]
    session: type[msgspec.Struct]
    usage: type[msgspec.Struct]


def make_types(fields: Mapping[str, Field], supplied: frozenset[str]) -> RecordTypes:
    """Return the record classes for *fields*.

    *supplied* are the paths that facts fill in after decoding: a request need not send them, and
    the groups that hold them can be assigned to.
    """
    tree = nest(fields)
    made: list[tuple[str, Any] | tuple[str, Any, Any]] = [
        ("request_id", Id, ""),
        ("approval", Token, ""),
        ("content", str | None, None),
        ("messages", Messages | None, None),
        ("capabilities", frozenset[Capability] | None, None),
        # Invariant: a request cannot set these; only what is empty under these names would decode.
        ("missing", Annotated[tuple[str, ...], msgspec.Meta(max_length=0)], ()),
        ("too_large", Annotated[str, msgspec.Meta(max_length=0)], ""),
        ("long", Literal[False], False),
        ("streamed", None, None),
    ]
    classes: dict[str, type[msgspec.Struct]] = {}
    for name, inner in tree.items():
        if isinstance(inner, dict):
            made.append(_group(name, name, inner, supplied, classes))
        else:
            made.append(_member(name, inner, supplied))
    record = msgspec.defstruct(
        "Record",
        made,
        kw_only=True,
        forbid_unknown_fields=True,
        gc=False,
        rename={name: f"({name})" for name in ("missing", "too_large", "long", "streamed")},
    )
    return RecordTypes(record, classes["context"], classes["session"], classes["usage"])


def make_row(fields: Mapping[str, Field]) -> type[msgspec.Struct]:
    """Return a class for records of facts: *fields* by name below the group, none required."""
    supplied = frozenset(field.path for field in fields.values())
    members: list[tuple[str, Any, Any]] = [("id", str | None, None)]
    for name, inner in nest_below(fields).items():
        if isinstance(inner, dict):
            members.append(_group(name, name, inner, supplied, {}))
        else:
            members.append(_member(name, inner, supplied))
    return msgspec.defstruct("Row", members, kw_only=True, forbid_unknown_fields=True, gc=False)


def _member(name: str, field: Field, supplied: frozenset[str]) -> tuple[str, Any, Any]:
    kind = native(field.type)
    if field.path in IDS:
        kind = Name if field.path in NAMES else Id
    elif field.path.startswith("usage.") and field.type is Scalar.INT:
        kind = Annotated[int, msgspec.Meta(ge=0, le=MAX_INT)]
    if required(field) and field.path not in supplied:
        return (name, kind, msgspec.field())
    default = default_of(field)
    return (name, kind | None, None) if default is None else (name, kind, default)


def _group(
    name: str,
    path: str,
    tree: Tree,
    supplied: frozenset[str],
    classes: dict[str, type[msgspec.Struct]],
) -> tuple[str, Any, Any]:
    members: list[tuple[str, Any, Any]] = []
    for inner_name, inner in tree.items():
        if isinstance(inner, dict):
            members.append(_group(inner_name, f"{path}.{inner_name}", inner, supplied, classes))
        else:
            members.append(_member(inner_name, inner, supplied))
    assigned = any(one.startswith(f"{path}.") for one in supplied)
    made = msgspec.defstruct(
        f"Group_{path.replace('.', '_')}",
        members,
        kw_only=True,
        forbid_unknown_fields=True,
        gc=False,
        frozen=not assigned,
    )
    classes[path] = made
    try:
        empty = made()
    except TypeError:  # it has a required member
        return (name, made, msgspec.field())
    if assigned:
        return (name, made, msgspec.field(default_factory=made))
    return (name, made, empty)
