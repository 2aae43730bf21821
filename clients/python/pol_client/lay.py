"""A request as its caller writes it -> the bytes of the wire's request.

What nearly all requests say is laid by hand, several times as fast as protobuf's message is filled
and written. A request with anything else in it, or with anything wrong, goes through `request`,
which is the reference: the bytes are the same, and the errors are its.

    0a 02 72 31 request_id | 12 05 .. tenant | 1a 02 .. user | 28 01 stage | 32 .. content | ..
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pol_client.fields import (
    QUOTE,
    Groups,
    Odd,
    Texts,
    field,
    float_of,
    key_of,
    number_of,
    text,
    text_of,
)
from pol_client.request import ENCODER, STAGES, build_request
from pol_client.results import Message

MOST: Final = 1 << 63
DEEP: Final = 16
"""JSON that is nested deeper is written by the library, which knows where to stop."""

REQUEST_ID: Final = b"\x0a"
TENANT: Final = b"\x12"
USER: Final = b"\x1a"
ROLE: Final = b"\x22"
CONTENT: Final = b"\x32"
MESSAGE: Final = b":"
CONTEXT: Final = b"\x42"
ATTRIBUTES: Final = b"\x52"
MODEL: Final = b"\x62"
TOOL: Final = b"\x6a"
SESSION: Final = b"\x72"
USAGE: Final = b"z"
SOURCE: Final = b"\x82\x01"
CAPABILITIES: Final = b"\x8a\x01"
APPROVAL: Final = b"\x92\x01"
FIRST: Final = b"\x0a"
SECOND: Final = b"\x12"
THIRD: Final = b"\x1a"
"""A field of a message within, by its number."""
FIRST_NUMBER: Final = b"\x08"
SECOND_NUMBER: Final = b"\x10"
THIRD_NUMBER: Final = b"\x18"
ZERO: Final = b"\0"
STAGE: Final = {name: bytes((0x28, number)) for name, number in STAGES.items()}
"""The field ``stage``."""
CAPABLE: Final = {
    "mask": b"\x08\x01",
    "mask_stream": b"\x10\x01",
    "wait": b"\x18\x01",
    "route": b"\x20\x01",
}
TENANTS: Final = Texts(TENANT)
USERS: Final = Texts(USER)
ROLES: Final = Texts(ROLE, empty=True)
NAMES: Final = Texts(FIRST)
PROVIDERS: Final = Texts(SECOND)
LABELS: Final = Texts(SECOND, empty=True)
VERSIONS: Final = Texts(THIRD)
SOURCES: Final = Texts(SOURCE)
NAMED_MODELS: Final = Texts(FIRST, around=MODEL)
NAMED_TOOLS: Final = Texts(FIRST, around=TOOL)
SESSIONS: Final = Texts(FIRST, around=SESSION)
"""Groups of which only the name is told."""
KNOWN_USERS: Final = Groups()
KNOWN_MODELS: Final = Groups()
PAIR: Final = 2
HEAD_BYTES: Final = 1_024
HEADS: Final = tuple([FIRST + number_of(size) for size in range(HEAD_BYTES)])
"""How the requests of a batch begin, by their size."""


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
        size = len(one)
        parts.append(HEADS[size] if size < HEAD_BYTES else FIRST + number_of(size))
        parts.append(one)
    return b"".join(parts)


def laid(asked: dict[str, object]) -> bytes:
    """Return the bytes of the message, its fields by their numbers. Raises Odd and ValueError."""
    # Hot path: what is looked up is taken in the order in which it is sent.
    parts: list[bytes] = []
    others: dict[str, str] = {}
    left = len(asked) - lay_who(asked, parts, others)
    if (value := asked.get("content")) is not None:
        left -= 1
        data = text_of(value).encode()
        parts.append(CONTENT)
        parts.append(number_of(len(data)))
        parts.append(data)
    if left and (value := asked.get("messages")) is not None:
        left -= 1
        parts.append(lay_messages(value))
    if left and (value := asked.get("context")) is not None:
        left -= 1
        data = json_of(value).encode()
        parts.append(CONTEXT)
        parts.append(number_of(len(data)))
        parts.append(data)
    place = len(parts)
    if left:
        left -= lay_with(asked, parts, others)
    if left:
        check_rest(asked, left - lay_rest(asked, parts))
    if others:  # In the caller's order.
        made = ", ".join([others[name] for name in asked if name in others])
        parts.insert(place, field(ATTRIBUTES, ("{" + made + "}").encode()))
    return b"".join(parts)


def lay_who(asked: dict[str, object], parts: list[bytes], others: dict[str, str]) -> int:
    """Add to *parts* who asks, and at which stage; return how much that is. Raises Odd."""
    if (value := asked.get("request_id")) is not None:
        parts.append(text(REQUEST_ID, value))
    if (value := asked.get("tenant")) is not None:
        parts.append(lay_tenant(value, others))
    if (value := asked.get("user")) is not None:
        parts.append(lay_user(value, others))
    if (value := asked.get("stage")) is not None:
        parts.append(lay_stage(value))
    return len(parts)


def lay_with(asked: dict[str, object], parts: list[bytes], others: dict[str, str]) -> int:
    """Add to *parts* with what it is asked; return how much that is. Raises Odd."""
    before = len(parts)
    if (value := asked.get("model")) is not None:
        parts.append(lay_model(value, others))
    if (value := asked.get("tool")) is not None:
        parts.append(lay_tool(value, others))
    if (value := asked.get("session")) is not None:
        parts.append(lay_session(value, others))
    return len(parts) - before


def lay_rest(asked: dict[str, object], parts: list[bytes]) -> int:
    """Add to *parts* what is seldom said; return how much that is. Raises Odd."""
    before = len(parts)
    if (value := asked.get("usage")) is not None:
        parts.append(lay_usage(value))
    if (value := asked.get("source")) is not None:
        parts.append(SOURCES.lay(value))
    if (value := asked.get("capabilities")) is not None:
        parts.append(lay_capabilities(value))
    if (value := asked.get("approval")) is not None:
        parts.append(text(APPROVAL, value))
    return len(parts) - before


def check_rest(asked: dict[str, object], left: int) -> None:
    """Raise Odd unless the *left* others say nothing: there are none by that name."""
    for value in asked.values():
        if value is None:
            left -= 1
    if left:
        raise Odd


def lay_stage(value: object) -> bytes:
    """Return ``stage``. Raises Odd."""
    made = STAGE.get(text_of(value))
    if made is None:
        raise Odd
    return made


def group_of(value: object) -> dict[str, object]:
    """Return *value*, which is a group of attributes. Raises Odd."""
    if not isinstance(value, dict):
        raise Odd
    return value


def lay_tenant(value: object, others: dict[str, str]) -> bytes:
    """Return ``tenant.id``."""
    if isinstance(value, str):
        return TENANTS.lay(value)
    made = b""
    rest: list[str] = []
    for part, inner in group_of(value).items():
        if part != "id":
            extra(part, inner, rest)
        elif inner is not None:
            made = TENANTS.lay(inner)
    add("tenant", rest, others)
    return made


def extra(part: str, value: object, rest: list[str]) -> None:
    """Add an attribute that the wire has no field for, as JSON."""
    if value is not None:
        rest.append(QUOTE(text_of(part)) + ": " + json_of(value))


def add(name: str, rest: list[str], others: dict[str, str]) -> None:
    """Add the other attributes of a group, if there are any."""
    if rest:
        others[name] = '"' + name + '": {' + ", ".join(rest) + "}"


def texts(kind: Texts, value: object) -> bytes:
    """Return a field for each text of a list. Raises Odd."""
    if isinstance(value, list):
        return b"".join([kind.lay(one) for one in value])
    if isinstance(value, tuple):
        return b"".join([kind.lay(one) for one in value])
    raise Odd


def lay_user(value: object, others: dict[str, str]) -> bytes:
    """Return ``user.id`` and ``user.roles``."""
    if isinstance(value, str):
        return USERS.lay(value)
    group = group_of(value)
    pair = len(group) == PAIR
    if pair:
        known = KNOWN_USERS.find(group.get("id"), group.get("roles"))
        if known is not None:
            return known
    name, roles = b"", b""
    rest: list[str] = []
    for part, inner in group.items():
        match part:
            case _ if inner is None:
                pass
            case "id":
                name = USERS.lay(inner)
            case "roles":
                roles = texts(ROLES, inner)
            case _:
                extra(part, inner, rest)
    add("user", rest, others)
    if pair and isinstance(said := group.get("roles"), list):
        KNOWN_USERS.keep(group.get("id"), said.copy(), name + roles)
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


def lay_model(value: object, others: dict[str, str]) -> bytes:
    """Return the model."""
    if isinstance(value, str):
        return NAMED_MODELS.lay(value)
    group = group_of(value)
    pair = len(group) == PAIR
    if pair:
        known = KNOWN_MODELS.find(group.get("name"), group.get("provider"))
        if known is not None:
            return known
    name, provider, version = b"", b"", b""
    rest: list[str] = []
    for part, inner in group.items():
        match part:
            case _ if inner is None:
                pass
            case "name":
                name = NAMES.lay(inner)
            case "provider":
                provider = PROVIDERS.lay(inner)
            case "version":
                version = VERSIONS.lay(inner)
            case _:
                extra(part, inner, rest)
    add("model", rest, others)
    made = field(MODEL, name + provider + version)
    if pair and name and provider:
        KNOWN_MODELS.keep(group.get("name"), group.get("provider"), made)
    return made


def lay_tool(value: object, others: dict[str, str]) -> bytes:
    """Return the tool with its arguments."""
    if isinstance(value, str):
        return NAMED_TOOLS.lay(value)
    name, server, args = b"", b"", b""
    rest: list[str] = []
    for part, inner in group_of(value).items():
        match part:
            case _ if inner is None:
                pass
            case "name":
                name = NAMES.lay(inner)
            case "server":
                server = PROVIDERS.lay(inner)
            case "args":
                args = field(THIRD, json_of(inner).encode())
            case _:
                extra(part, inner, rest)
    add("tool", rest, others)
    return field(TOOL, name + server + args)


def lay_session(value: object, others: dict[str, str]) -> bytes:
    """Return the session."""
    if isinstance(value, str):
        return SESSIONS.lay(value)
    name, labels, turn = b"", b"", b""
    rest: list[str] = []
    for part, inner in group_of(value).items():
        match part:
            case _ if inner is None:
                pass
            case "id":
                name = NAMES.lay(inner)
            case "labels":
                labels = texts(LABELS, inner)
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
    """Return what a value is that is of the kinds that most are of."""
    if isinstance(value, str):
        return QUOTE(value)
    if type(value) is float:
        return float_of(value)
    if value is None or value is True or value is False:
        return "null" if value is None else "true" if value else "false"
    if type(value) is int:
        return repr(value)
    if depth < DEEP and type(value) is dict:
        made = ""
        for name, inner in value.items():
            said = plain_json(inner, depth + 1)
            made = f"{made}, {key_of(name)}{said}" if made else f"{key_of(name)}{said}"
        return f"{{{made}}}"
    if depth < DEEP and type(value) is list:
        return "[" + ", ".join([plain_json(inner, depth + 1) for inner in value]) + "]"
    return library_json(value)


def library_json(value: object) -> str:
    """Return what the library makes of it. Raises ValueError and Odd."""
    try:
        return ENCODER.encode(value)
    except (TypeError, RecursionError):
        raise Odd from None
