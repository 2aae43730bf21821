"""A request as its caller writes it -> the bytes of the wire's request.

What nearly all requests say is laid by hand, several times as fast as protobuf's message is filled
and written. A request with anything else in it, or with anything wrong, goes through `request`,
which is the reference: the bytes are the same, and the errors are its.

    0a 02 72 31 request_id | 12 05 .. tenant | 1a 02 .. user | 28 01 stage | 32 .. content | ..
"""

from __future__ import annotations

from collections.abc import Mapping
from json import encoder
from typing import Final

from pol_client.request import ENCODER, STAGES, build_request
from pol_client.results import Message

ONE_BYTE: Final = 0x80
"""Numbers below this take one byte."""
MOST: Final = 1 << 63
QUOTE: Final = encoder.encode_basestring
"""A text -> the same in quotes, as JSON has it."""
DEEP: Final = 16
"""JSON that is nested deeper is written by the library, which knows where to stop."""

REQUEST_ID, TENANT, USER, ROLE, CONTENT, MESSAGE = b"\x0a", b"\x12", b"\x1a", b"\x22", b"\x32", b":"
CONTEXT, ATTRIBUTES, MODEL, TOOL, SESSION, USAGE = b"\x42", b"\x52", b"\x62", b"\x6a", b"\x72", b"z"
SOURCE, CAPABILITIES, APPROVAL = b"\x82\x01", b"\x8a\x01", b"\x92\x01"
FIRST, SECOND, THIRD = b"\x0a", b"\x12", b"\x1a"
"""A field of a message within, by its number."""
FIRST_NUMBER, SECOND_NUMBER, THIRD_NUMBER = b"\x08", b"\x10", b"\x18"
ZERO: Final = b"\0"
LAST: Final = [bytes((number,)) for number in range(ONE_BYTE)]
SEVEN: Final = [bytes((number | ONE_BYTE,)) for number in range(ONE_BYTE)]
"""Seven bits of a number: its last ones, and those with more behind them."""
STAGE: Final = {name: bytes((0x28, number)) for name, number in STAGES.items()}
"""The field ``stage``."""
CAPABLE: Final = {
    "mask": b"\x08\x01",
    "mask_stream": b"\x10\x01",
    "wait": b"\x18\x01",
    "route": b"\x20\x01",
}
TEXTS: Final = {"request_id": REQUEST_ID, "source": SOURCE, "approval": APPROVAL}
GROUPS: Final = frozenset(("tenant", "user", "model", "tool", "session"))
NUMBERS: Final = {
    "request_id": 1,
    "tenant": 2,
    "user": 3,
    "stage": 5,
    "content": 6,
    "messages": 7,
    "context": 8,
    "model": 12,
    "tool": 13,
    "session": 14,
    "usage": 15,
    "source": 16,
    "capabilities": 17,
    "approval": 18,
}
"""Fields, in whose order they are sent."""
ROOM: Final = 19


class Odd(Exception):
    """Something that is seldom said, or wrong: the reference writes it, or says what is wrong."""


def lay_request(asked: Mapping[str, object]) -> bytes:
    """Return the bytes of the message; raise InvalidRequest for what cannot be put on the wire."""
    if isinstance(asked, dict):  # Hot path.
        try:
            return laid(asked)
        except (Odd, TypeError, ValueError):  # Also for text that is none, and endless numbers.
            pass
    return build_request(asked).SerializeToString()


def lay_batch(requests: list[bytes]) -> bytes:
    """Return the bytes of the message that asks for all of them."""
    parts: list[bytes] = []
    for one in requests:
        parts.append(FIRST)
        parts.append(number_of(len(one)))
        parts.append(one)
    return b"".join(parts)


def laid(asked: dict[str, object]) -> bytes:
    """Return the bytes of the message, its fields by their numbers. Raises Odd and ValueError."""
    fields: list[bytes] = [b""] * ROOM
    others: list[str] = []
    for name, value in asked.items():
        if value is not None:
            number = NUMBERS.get(name, 0)
            made = lay_group(name, value, others) if name in GROUPS else lay_part(name, value)
            fields[number] = made
    if others:
        fields[10] = field(ATTRIBUTES, ("{" + ", ".join(others) + "}").encode())
    return b"".join(fields)


def lay_group(name: str, value: object, others: list[str]) -> bytes:
    """Return a group of attributes, and add those to *others* that the wire has no field for."""
    match name:
        case "tenant":
            return lay_tenant(value, others)
        case "user":
            return lay_user(value, others)
        case "model":
            return lay_model(value, others)
        case "session":
            return lay_session(value, others)
        case _:
            return lay_tool(value, others)


def lay_part(name: str, value: object) -> bytes:
    """Return another part of a request. Raises Odd and ValueError."""
    match name:
        case "stage":
            return STAGE[stage_of(value)]
        case "content":
            return field(CONTENT, text_of(value).encode())
        case "context":
            return field(CONTEXT, json_of(value).encode())
        case "messages":
            return lay_messages(value)
        case "usage":
            return lay_usage(value)
        case "capabilities":
            return lay_capabilities(value)
        case _:
            return text(begin_of(name), value)


def stage_of(value: object) -> str:
    """Return *value*, which names a stage. Raises Odd."""
    name = text_of(value)
    if name not in STAGE:
        raise Odd
    return name


def begin_of(name: str) -> bytes:
    """Return how the field of a text begins. Raises Odd for what is no part of a request."""
    begins = TEXTS.get(name)
    if begins is None:
        raise Odd
    return begins


def number_of(value: int) -> bytes:
    """Return *value*, which is not negative, as protobuf writes it: seven bits a byte."""
    if value < ONE_BYTE:
        return LAST[value]
    if value < ONE_BYTE * ONE_BYTE:
        return SEVEN[value & 0x7F] + LAST[value >> 7]
    return SEVEN[value & 0x7F] + number_of(value >> 7)


def field(begins: bytes, value: bytes) -> bytes:
    """Return the field that *begins* so, and holds *value*."""
    return begins + number_of(len(value)) + value


def text_of(value: object) -> str:
    """Return *value*, which is a text. Raises Odd."""
    if not isinstance(value, str):
        raise Odd
    return value


def text(begins: bytes, value: object) -> bytes:
    """Return a field that holds a text; empty texts have none. Raises Odd."""
    data = text_of(value).encode()
    return field(begins, data) if data else b""


def group_of(value: object) -> dict[str, object]:
    """Return *value*, which is a group of attributes. Raises Odd."""
    if not isinstance(value, dict):
        raise Odd
    return value


def lay_tenant(value: object, others: list[str]) -> bytes:
    """Return ``tenant.id``."""
    if isinstance(value, str):
        return text(TENANT, value)
    made = b""
    rest: list[str] = []
    for part, inner in group_of(value).items():
        if part != "id":
            extra(part, inner, rest)
        elif inner is not None:
            made = text(TENANT, inner)
    add("tenant", rest, others)
    return made


def extra(part: str, value: object, rest: list[str]) -> None:
    """Add an attribute that the wire has no field for, as JSON."""
    if value is not None:
        rest.append(QUOTE(text_of(part)) + ": " + json_of(value))


def add(name: str, rest: list[str], others: list[str]) -> None:
    """Add the other attributes of a group, if there are any."""
    if rest:
        others.append('"' + name + '": {' + ", ".join(rest) + "}")


def texts(begins: bytes, value: object) -> bytes:
    """Return a field for each text of a list. Raises Odd."""
    if isinstance(value, list):
        return b"".join([field(begins, text_of(one).encode()) for one in value])
    if isinstance(value, tuple):
        return b"".join([field(begins, text_of(one).encode()) for one in value])
    raise Odd


def lay_user(value: object, others: list[str]) -> bytes:
    """Return ``user.id`` and ``user.roles``."""
    if isinstance(value, str):
        return text(USER, value)
    name, roles = b"", b""
    rest: list[str] = []
    for part, inner in group_of(value).items():
        match part:
            case _ if inner is None:
                pass
            case "id":
                name = text(USER, inner)
            case "roles":
                roles = texts(ROLE, inner)
            case _:
                extra(part, inner, rest)
    add("user", rest, others)
    return name + roles


def lay_messages(value: object) -> bytes:
    """Return the messages."""
    if not isinstance(value, list):
        raise Odd
    return b"".join([field(MESSAGE, lay_message(one)) for one in value])


def lay_message(one: object) -> bytes:
    """Return what one message holds."""
    if isinstance(one, Message):
        return text(FIRST, one.role) + text(SECOND, one.text)
    part = group_of(one)
    if len(part) != 2:  # noqa: PLR2004 - a role and a text
        raise Odd
    return text(FIRST, part.get("role")) + text(SECOND, part.get("text"))


def lay_model(value: object, others: list[str]) -> bytes:
    """Return the model."""
    if isinstance(value, str):
        return field(MODEL, text(FIRST, value))
    name, provider, version = b"", b"", b""
    rest: list[str] = []
    for part, inner in group_of(value).items():
        match part:
            case _ if inner is None:
                pass
            case "name":
                name = text(FIRST, inner)
            case "provider":
                provider = text(SECOND, inner)
            case "version":
                version = text(THIRD, inner)
            case _:
                extra(part, inner, rest)
    add("model", rest, others)
    return field(MODEL, name + provider + version)


def lay_tool(value: object, others: list[str]) -> bytes:
    """Return the tool with its arguments."""
    if isinstance(value, str):
        return field(TOOL, text(FIRST, value))
    name, server, args = b"", b"", b""
    rest: list[str] = []
    for part, inner in group_of(value).items():
        match part:
            case _ if inner is None:
                pass
            case "name":
                name = text(FIRST, inner)
            case "server":
                server = text(SECOND, inner)
            case "args":
                args = field(THIRD, json_of(inner).encode())
            case _:
                extra(part, inner, rest)
    add("tool", rest, others)
    return field(TOOL, name + server + args)


def lay_session(value: object, others: list[str]) -> bytes:
    """Return the session."""
    if isinstance(value, str):
        return field(SESSION, text(FIRST, value))
    name, labels, turn = b"", b"", b""
    rest: list[str] = []
    for part, inner in group_of(value).items():
        match part:
            case _ if inner is None:
                pass
            case "id":
                name = text(FIRST, inner)
            case "labels":
                labels = texts(SECOND, inner)
            case "turn":
                number = whole(inner)
                turn = THIRD_NUMBER + number if number != ZERO else b""
            case _:
                extra(part, inner, rest)
    add("session", rest, others)
    return field(SESSION, name + labels + turn)


def whole(value: object) -> bytes:
    """Return a number that is whole and not negative. Raises Odd."""
    if type(value) is not int or not 0 <= value < MOST:
        raise Odd
    return number_of(value)


def lay_usage(value: object) -> bytes:
    """Return the figures that are known."""
    given, taken, cost = b"", b"", b""
    for part, inner in group_of(value).items():
        match part:
            case "input_tokens":
                given = FIRST_NUMBER + whole(inner) if inner is not None else b""
            case "output_tokens":
                taken = SECOND_NUMBER + whole(inner) if inner is not None else b""
            case "cost_usd":
                cost = text(THIRD, str(inner)) if inner is not None else b""
            case _:
                raise Odd
    return field(USAGE, given + taken + cost)


def lay_capabilities(value: object) -> bytes:
    """Return what the caller can carry out."""
    if not isinstance(value, list | tuple | set | frozenset):
        raise Odd
    for one in value:
        if text_of(one) not in CAPABLE:
            raise Odd
    return field(CAPABILITIES, b"".join([CAPABLE[one] for one in CAPABLE if one in value]))


def json_of(value: object) -> str:
    """Return *value* as JSON, as the library writes it. Raises ValueError and Odd."""
    if type(value) is dict or type(value) is list:
        return plain_json(value, 0)
    return library_json(value)


def plain_json(value: object, depth: int) -> str:
    """Return a value of the kinds that most are of."""
    if isinstance(value, str):
        return QUOTE(value)
    if value is True:
        return "true"
    if value is False:
        return "false"
    if value is None:
        return "null"
    if type(value) is int or type(value) is float:
        # Not endless, and a number at all: those have no JSON.
        return repr(value) if value - value == 0 else library_json(value)
    if depth >= DEEP:
        return library_json(value)
    if type(value) is dict:
        parts: list[str] = []
        for name, inner in value.items():
            parts.append(QUOTE(text_of(name)) + ": " + plain_json(inner, depth + 1))
        return "{" + ", ".join(parts) + "}"
    if type(value) is list:
        return "[" + ", ".join([plain_json(inner, depth + 1) for inner in value]) + "]"
    return library_json(value)


def library_json(value: object) -> str:
    """Return what the library makes of it. Raises ValueError and Odd."""
    try:
        return ENCODER.encode(value)
    except (TypeError, RecursionError):
        raise Odd from None
