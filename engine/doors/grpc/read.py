"""The bytes of a request in, its checked record out.

Nearly all requests are laid out alike: every field once, in the order of the numbers, none longer
than 16 KB. They are read straight from the bytes. What stands in them again and again (who asks,
with which attributes, for which model or tool) is checked once, and then known by its bytes::

    0a 02 72 31 | 12 05 6e 6f 72 74 68 1a 02 75 31 22 05 6e 75 72 73 65 28 01 | 32 02 68 69
    request_id r1 | who: tenant_id north, user_id u1, user_roles nurse, stage 1 | content hi

Whatever is not as expected, be it wrong or merely unusual, is read with protobuf and the whole
check. That is the reference: both give the same record, but it takes three times as long.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Final

import msgspec
from google.protobuf.message import DecodeError
from msgspec.structs import replace

from engine.doors.grpc.convert import decode_json, read_standard
from engine.doors.grpc.fields import END, FIRST, MORE, SECOND, bounds, number, read_struct
from engine.doors.grpc.status import Garbled
from engine.runtime.decision import Message
from engine.runtime.reader import Reader, check_json, fill
from engine.runtime.record import MOST_MESSAGES, Record
from engine.runtime.repeats import has_repeats
from engine.wire import engine_pb2 as wire

REMEMBERED = 4096
"""Groups that are known by their bytes. When there are more, all are forgotten."""
LONGEST: Final = 1_024
"""Bytes by which a group is known, at most."""
NOTHING: Final = b"{}"
WHO: Final = "who"
BESIDE = frozenset({"tenant", "user"})
"""Groups that ``attributes_json`` may add to in what is read straight from the bytes."""

# What fields begin with: the number, and that a length or (STAGE, TURN …) a number follows. Each is
# Final, so that compiled code has the number itself.
REQUEST_ID: Final = 0x0A
TENANT: Final = 0x12
USER: Final = 0x1A
ROLE: Final = 0x22
STAGE: Final = 0x28
CONTENT: Final = 0x32
MESSAGE: Final = 0x3A
CONTEXT: Final = 0x42
CONTEXT_STRUCT: Final = 0x4A
ATTRIBUTES: Final = 0x52
ATTRIBUTES_STRUCT: Final = 0x5A
MODEL: Final = 0x62
TOOL: Final = 0x6A
SESSION: Final = 0x72
USAGE: Final = 0x7A
SOURCE: Final = 0x82
CAPABILITIES: Final = 0x8A
BEYOND: Final = 0x01
"""The second byte of those two."""
INPUT: Final = 0x08
OUTPUT: Final = 0x10
TURN: Final = 0x18
ARGUMENTS: Final = 0x1A
A_STRUCT: Final = b"\0"
"""Stands before attributes that are no JSON, where they are part of what is remembered: JSON
never begins with it, and what a Struct begins with, JSON might."""

UNUSUAL = (IndexError, ValueError, TypeError, RecursionError, msgspec.MsgspecError)
"""What reading raises that meets something else: also no UTF-8, no context of this schema."""

Parts = dict[str, object]
"""Members of a group by name; those that are absent have their defaults."""
Missed = list[tuple[str, bytes]]
"""Groups that are not known yet, each with the bytes by which it would be."""


def read_record(reader: Reader, raw: bytes) -> Record:
    """Return the request in *raw* as a record of the schema of *reader*.

    Raises InvalidRequest; `Garbled` for what is no message at all.
    """
    if len(raw) <= reader.least:
        missed: Missed = []
        try:
            record = read_straight(reader, raw, missed)
            if record is not None:
                return record
        except UNUSUAL:
            return read_whole(reader, raw)
        record = read_whole(reader, raw)
        learn(reader, record, missed)
        return record
    return read_whole(reader, raw)


def read_whole(reader: Reader, raw: bytes) -> Record:
    """Return the same, whatever *raw* is like: the reference."""
    try:
        message = wire.DecideRequest.FromString(raw)
    except DecodeError:
        raise Garbled from None
    return reader.read_parts(read_standard(message), message.context_json)


def read_straight(  # noqa: C901 - the hot path: field by field
    reader: Reader, raw: bytes, missed: Missed
) -> Record | None:
    """Return the same; None where some group is not known yet: those are *missed*.

    Raises one of `UNUSUAL` for what is to be read as a whole.
    """
    # Hot path. Invariants: every byte belongs to a field that was read, and no field comes again
    # or out of order. So there is but one way to read what comes through here. What is known of who
    # asks is a record that is copied: half the time of making one.
    data, at, request_id = raw + END, 0, ""
    content: str | None = None
    messages: tuple[Message, ...] = ()
    context: Any = None
    if data[0] == REQUEST_ID and data[1] < MORE:
        at = 2 + data[1]
        request_id = free_of_nul(data[2:at])
    start, at = at, end_of_who(data, at)
    who = data[start:at]
    if data[at] == CONTENT:
        at, end = bounds(data, at)
        content, at = data[at:end].decode(), end
    elif data[at] == MESSAGE:
        messages, at = read_messages(data, at)
    if data[at] in (CONTEXT, CONTEXT_STRUCT):
        context, at = read_context(reader, data, at)
    if data[at] in (ATTRIBUTES, ATTRIBUTES_STRUCT):
        begun, end = bounds(data, at)
        mark = A_STRUCT if data[at] == ATTRIBUTES_STRUCT else b""
        who, at = who + mark + data[begun:end], end
    record: Any = asked_by(reader, who, missed)
    if at != len(raw) and read_rear(reader, data, at, record, missed) != len(raw):
        raise ValueError
    if missed:
        return None
    if request_id:
        record.request_id = request_id
    if content is not None:
        record.content = content
    if messages:
        record.messages = messages
    if context is not None:
        record.context = context
    for name in reader.wanted:
        if getattr(record, name) is None:
            raise ValueError
    if reader.context_joins:
        return reader.complete(record, (), fill(reader.context_joins, record))
    return reader.complete(record)


def read_context(reader: Reader, data: bytes, at: int) -> tuple[Any, int]:
    """Return the context that stands at *at*, None for an empty one, and where it ends."""
    start, end = bounds(data, at)
    if data[at] == CONTEXT_STRUCT:
        return reader.convert_context(read_struct(data, start, end, 0)), end
    if end == start:
        return None, end
    piece = data[start:end]
    if piece == reader.context_bytes:  # Hot path: a gateway's requests often come in the same.
        return reader.context, end
    made = reader.decode_context(piece)
    if len(piece) <= LONGEST:
        reader.context_bytes, reader.context = piece, made
    return made, end


def asked_by(reader: Reader, who: bytes, missed: Missed) -> Any:
    """Return a record of who asks, if that is known; else one to be thrown away, as *missed*."""
    asker = reader.remembered.get(who)
    if asker is not None:
        return reader.copy(asker)
    missed.append((WHO, who))
    return SimpleNamespace()


def free_of_nul(raw: bytes) -> str:
    """Return a text that becomes a key of state. Raises ValueError."""
    text = raw.decode()
    if "\0" in text:  # Hot path: to ask the bytes takes eight times as long.
        raise ValueError
    return text


def end_of_who(data: bytes, at: int) -> int:
    """Return where tenant, user, roles and stage end. Raises ValueError."""
    start = at
    length = data[at + 1]
    if data[at] != TENANT or length >= MORE:
        raise ValueError
    at += 2 + length
    length = data[at + 1]
    if data[at] != USER or length >= MORE:
        raise ValueError
    at += 2 + length
    while data[at] == ROLE:
        length = data[at + 1]
        if length >= MORE:
            raise ValueError
        at += 2 + length
    if data[at] != STAGE or data[at + 1] >= MORE or at - start > LONGEST:
        raise ValueError
    return at + 2


def read_messages(data: bytes, at: int) -> tuple[tuple[Message, ...], int]:
    """Return the messages that begin at *at*, and where they end. Raises ValueError."""
    made = []
    while data[at] == MESSAGE:
        at, end = bounds(data, at)
        role = text = ""
        if at < end and data[at] == FIRST:
            at, inner = bounds(data, at)
            role, at = data[at:inner].decode(), inner
        if at < end and data[at] == SECOND:
            at, inner = bounds(data, at)
            text, at = data[at:inner].decode(), inner
        if at != end:
            raise ValueError
        made.append(Message(role=role, text=text))
    if len(made) > MOST_MESSAGES:
        raise ValueError
    return tuple(made), at


def read_rear(reader: Reader, data: bytes, at: int, record: Any, missed: Missed) -> int:
    """Put what stands at *at*, from the model on, into *record*; return where it ends.

    What is not known is *missed*. Raises ValueError.
    """
    known = reader.remembered
    if data[at] == MODEL:
        start = at
        _, at = bounds(data, at)
        found = find(known, "model", data[start:at], missed)
        if found is not None:
            record.model = found
    if data[at] == TOOL:
        at = read_tool(known, data, at, record, missed)
    if data[at] == SESSION and data[at + 1] < MORE:
        at, end = at + 2, at + 2 + data[at + 1]
        record.session = read_session(reader, data, at, end)
        at = end
    if data[at] == USAGE:
        at, end = bounds(data, at)
        record.usage = reader.make_usage(**read_usage(data, at, end))
        at = end
    if data[at] == SOURCE and data[at + 1] == BEYOND:
        start = at
        _, at = bounds(data, at + 1)
        found = find(known, "source", data[start:at], missed)
        if found is not None:
            record.source = found
    if data[at] == CAPABILITIES and data[at + 1] == BEYOND:
        start = at
        _, at = bounds(data, at + 1)
        found = find(known, "capabilities", data[start:at], missed)
        if found is not None:
            record.capabilities = found
    return at


def find(known: dict[bytes, Any], name: str, piece: bytes, missed: Missed) -> Any:
    """Return what is *known* by the bytes of *piece*; None where it is not: then it is *missed*."""
    found = known.get(piece)
    if found is None:
        missed.append((name, piece))
    return found


def read_tool(known: dict[bytes, Any], data: bytes, at: int, record: Any, missed: Missed) -> int:
    """Put the tool that stands at *at* into *record*; return where it ends. Raises ValueError.

    It is known by its names; what it is called with differs from call to call.
    """
    start = at
    begun, end = bounds(data, at)  # Hot path: unpacked in two steps, compiled code iterates not.
    at = begun
    while at < end and (data[at] == FIRST or data[at] == SECOND):
        _, at = bounds(data, at)
    tool = find(known, "tool", data[start : start + 1] + data[begun:at], missed)
    if at != end:
        if data[at] != ARGUMENTS:
            raise ValueError
        begun, at = bounds(data, at)
        raw = data[begun:at]
        value = decode_json(raw)
        if at != end or has_repeats(raw, value) or check_json(value, "", 0):
            raise ValueError
        if tool is not None:
            tool = replace(tool, args=value)
    if tool is not None:
        record.tool = tool
    return at


def read_session(reader: Reader, data: bytes, at: int, end: int) -> object:
    """Return the session between *at* and *end*. Raises ValueError."""
    known, turn = None, 0
    if at < end and data[at] == FIRST:
        at, inner = bounds(data, at)
        if inner > at:
            known = free_of_nul(data[at:inner])
        at = inner
    if at < end and data[at] == TURN:
        turn, at = number(data, at + 1)
    if at != end:
        raise ValueError
    return reader.make_session(id=known, turn=turn)


def read_usage(data: bytes, at: int, end: int) -> Parts:
    """Return the members of the usage between *at* and *end*. Raises ValueError."""
    parts: Parts = {}
    if at < end and data[at] == INPUT:
        parts["input_tokens"], at = number(data, at + 1)
    if at < end and data[at] == OUTPUT:
        parts["output_tokens"], at = number(data, at + 1)
    if at != end:
        raise ValueError
    return parts


def is_about_who(attributes: bytes) -> bool:
    """Return whether the *attributes* are for nothing but who asks; False where that is unusual."""
    try:
        if attributes[:1] == A_STRUCT:
            return read_struct(attributes + END, 1, len(attributes), 0).keys() <= BESIDE
        found: Any = decode_json(attributes or NOTHING)
        return bool(found.keys() <= BESIDE)
    except UNUSUAL:  # A Struct that others lay out: it was read as a whole.
        return False


def learn(reader: Reader, record: Record, missed: Missed) -> None:
    """Remember the groups of *record* that were *missed*, each by its bytes.

    Invariant: they are the same whatever else is asked with them. So nothing is learnt where
    attributes add to other groups, or facts are missing.
    """
    known = reader.remembered
    if record.missing:
        return
    for name, piece in missed:
        if name == WHO and not is_about_who(piece[end_of_who(piece + END, 0) :]):
            return
    for name, piece in missed:
        if len(piece) > LONGEST:
            continue
        if len(known) >= REMEMBERED:
            known.clear()
        if name == WHO:
            known[piece] = reader.of_asker(record)
        elif name == "tool":
            known[piece] = replace(record.tool, args=None)
        else:
            known[piece] = getattr(record, name)
