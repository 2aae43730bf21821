"""The bytes of decisions -> the decisions: alike ones are read once.

Most decisions of a client differ in nothing but their ids and the time they took. These three are
taken out of the bytes by hand; what the rest means is remembered. `decode` is the reference, and
reads what is not remembered, or not written as it is usual.
"""

from __future__ import annotations

from typing import Final

from google.protobuf.message import DecodeError

from pol_client._wire import engine_pb2 as wire
from pol_client.decode import read_decision
from pol_client.errors import NoDecision, no_decision
from pol_client.results import Decision

ALIKE: Final[dict[bytes, dict[str, object]]] = {}
"""What decisions hold, by their bytes without what is their own."""
MOST_ALIKE: Final = 512
ALIKE_BYTES: Final = 1_024
"""So many of them are remembered, and only short ones."""
APART: Final = (
    "content",
    "messages",
    "arguments",
    "attributes",
    "redactions",
    "throttle",
    "escalation",
    "advice",
    "failure",
)
"""What makes a decision unlike others, or can be changed by who gets it."""

NEW: Final = Decision.__new__
SET: Final = object.__setattr__
"""A decision is made of what it holds in a single step, which its class takes no part in."""
MORE: Final = 0x80
"""A byte of a number that goes on."""
LONGEST: Final = 56
"""Bits of a number that is read here."""
DECISIONS: Final = 0x0A
REQUEST_ID: Final = 0x0A
DECISION_ID: Final = 0x6A
EVALUATED_IN: Final = 0x70
"""Fields, as they begin: their number, and in the lowest three bits how long they are."""
FIRST: Final = 8
"""No field begins with less: they are numbered from 1."""


class Odd(Exception):
    """Bytes that are not as they usually are: the reference says what they mean, if anything."""


class Reader:
    """Goes through bytes, field by field."""

    __slots__ = ("at", "begin", "data", "end", "kind", "number")

    def __init__(self, data: bytes, at: int, end: int) -> None:
        """Begin *at*, and end at *end*."""
        self.data = data
        self.at = at
        self.end = end
        self.kind = 0
        """How the field begins that was read last: its number and how long it is."""
        self.begin = at
        """Where its value begins, if that is bytes; it ends where the next field begins."""
        self.number = 0
        """Its value, if that is a number."""

    def step(self) -> None:
        """Go on behind the next field. Raises Odd."""
        self.kind = kind = self.varint()
        if kind < FIRST:
            raise Odd
        match kind & 7:
            case 0:
                self.number = self.varint()
            case 2:
                size = self.varint()
                self.begin = self.at
                self.at += size
            case 1:
                self.at += 8
            case 5:
                self.at += 4
            case _:
                raise Odd
        if self.at > self.end:
            raise Odd

    def varint(self) -> int:
        """Return the number that stands here, in its shortest form. Raises Odd."""
        data, at, end = self.data, self.at, self.end
        if at >= end:
            raise Odd
        byte = data[at]
        at += 1
        if byte < MORE:  # Hot path.
            self.at = at
            return byte
        value, shift = byte & 0x7F, 7
        while True:
            if at >= end or shift > LONGEST:
                raise Odd
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < MORE:
                break
            shift += 7
        if byte == 0:
            raise Odd
        self.at = at
        return value

    def text(self) -> str:
        """Return the value as text. Raises Odd."""
        try:
            return self.data[self.begin : self.at].decode()
        except UnicodeDecodeError:
            raise Odd from None


def read_answer(data: bytes) -> Decision:
    """Return the decision that one caller asked for. Raises NoDecision where there is none."""
    decision = read_one(data)
    if decision.failure is not None:
        raise no_decision(decision.failure)
    return decision


def read_one(data: bytes) -> Decision:
    """Return the decision. Raises NoDecision for bytes that are none."""
    try:
        return read_part(data, 0, len(data))
    except DecodeError:
        raise invalid() from None


def read_batch(data: bytes) -> list[Decision]:
    """Return the decisions of an answer to many. Raises NoDecision for bytes that are none."""
    try:
        return plain_batch(data)
    except Odd:
        return odd_batch(data)
    except DecodeError:
        raise invalid() from None


def invalid() -> NoDecision:
    """Return what it means that an answer cannot be read."""
    return NoDecision("INTERNAL", "the answer is no valid protobuf")


def odd_batch(data: bytes) -> list[Decision]:
    """Return the decisions, as protobuf reads them. Raises NoDecision."""
    try:
        return [read_decision(one) for one in wire.DecideBatchResponse.FromString(data).decisions]
    except DecodeError:
        raise invalid() from None


def plain_batch(data: bytes) -> list[Decision]:
    """Return the decisions, if there is nothing else. Raises Odd and DecodeError."""
    reader = Reader(data, 0, len(data))
    made: list[Decision] = []
    while reader.at < reader.end:
        reader.step()
        if reader.kind != DECISIONS:
            raise Odd
        made.append(read_part(data, reader.begin, reader.at))
    return made


def read_part(data: bytes, at: int, end: int) -> Decision:
    """Return the decision that lies in *data* from *at* to *end*. Raises DecodeError."""
    try:
        return plain_part(data, at, end)
    except Odd:
        return read_decision(wire.Decision.FromString(data[at:end]))


def plain_part(data: bytes, at: int, end: int) -> Decision:
    """Return the decision, if it is written as it is usual. Raises Odd and DecodeError."""
    # Hot path: most decisions of a client are like one before.
    request_id = decision_id = ""
    spent = 0
    key = b""
    reader = Reader(data, at, end)
    since = at
    while at < end:
        reader.step()
        kind = reader.kind
        own = True
        if kind == DECISION_ID:
            decision_id = reader.text()
        elif kind == EVALUATED_IN:
            spent = reader.number
        elif kind == REQUEST_ID:
            request_id = reader.text()
        else:
            own = False
        if own:
            if at > since:
                key += data[since:at]
            since = reader.at
        at = reader.at
    if at > since:
        key += data[since:at]
    known = ALIKE.get(key)
    made = remembered(key) if known is None else known.copy()
    if known is not None:
        made["advice"] = {}
        made["attributes"] = {}
    made["request_id"] = request_id
    made["decision_id"] = decision_id
    made["evaluated_in"] = spent
    decision = NEW(Decision)
    SET(decision, "__dict__", made)
    return decision


def remembered(key: bytes) -> dict[str, object]:
    """Return what the decision holds whose bytes these are; keep it if others may be like it."""
    made: dict[str, object] = vars(read_decision(wire.Decision.FromString(key)))
    if len(key) <= ALIKE_BYTES and not any(map(made.get, APART)):
        if len(ALIKE) >= MOST_ALIKE:
            ALIKE.clear()
        ALIKE[key] = made.copy()
    return made
