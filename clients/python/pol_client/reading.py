"""The bytes of decisions -> the decisions: alike ones are read once.

Most decisions of a client differ in nothing but their ids and the time they took. These three are
taken out of the bytes by hand; what the rest means is remembered. `decode` is the reference, and
reads what is not remembered, or not written as it is usual.
"""

from __future__ import annotations

from typing import Final

from pol_client._wire import engine_pb2 as wire
from pol_client.decode import UNREADABLE, invalid, read_decision
from pol_client.errors import no_decision
from pol_client.results import Decision


class Known:
    """What decisions hold whose bytes are the same but for what is their own."""

    __slots__ = ("holds", "place")

    def __init__(self, holds: dict[str, object], place: int) -> None:
        self.holds = holds
        self.place = place
        """How much of these bytes is in front of the id, which the time stands behind; else -1."""


ALIKE: Final[dict[bytes, Known]] = {}
"""By their bytes without what is their own."""
PLACES: Final[list[int]] = []
"""Where ids were found last: there they are looked for before anything else is read."""
MOST_PLACES: Final = 4
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
SET: Final = vars(Decision)["__dict__"].__set__
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
ID_BYTES: Final = 36
"""Of an id, as daemons make them."""
WHOLE_ID: Final = ID_BYTES + 2
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
    return read_answers(data, alone=True).decisions[0]


def read_batch(data: bytes) -> list[Decision]:
    """Return the decisions of an answer to many. Raises NoDecision for bytes that are none."""
    return read_answers(data, alone=False).decisions


def read_answers(data: bytes, *, alone: bool) -> Answers:
    """Return the decisions of an answer to one who was *alone*, or to many. Raises NoDecision."""
    made = Answers()
    reader = Reader(data, 0, len(data))
    try:
        if alone:
            made.take(reader, 0, len(data))
        else:
            made.take_all(reader)
    except Odd:
        return odd_answers(data)
    except UNREADABLE:
        raise invalid() from None
    return made


def odd_answers(data: bytes) -> Answers:
    """Return the decisions, as protobuf reads them. Raises NoDecision."""
    made = Answers()
    try:
        for one in wire.DecideBatchResponse.FromString(data).decisions:
            made.add(read_decision(one))
    except UNREADABLE:
        raise invalid() from None
    return made


class Answers:
    """Decisions that have come together."""

    __slots__ = ("decisions", "failed", "slowest")

    def __init__(self) -> None:
        self.decisions: list[Decision] = []
        self.failed = False
        """Whether there is one that could not be decided."""
        self.slowest = 0
        """Nanoseconds spent on the one that took longest."""

    def add(self, decision: Decision) -> None:
        """Add one."""
        self.decisions.append(decision)
        self.failed = self.failed or decision.failure is not None
        self.slowest = max(self.slowest, decision.evaluated_in)

    def take_all(self, reader: Reader) -> None:
        """Add all decisions, if there is nothing else. Raises Odd and UNREADABLE."""
        while reader.at < reader.end:
            reader.step()
            if reader.kind != DECISIONS:
                raise Odd
            end = reader.at
            self.take(reader, reader.begin, end)
            reader.at = end

    def take(self, reader: Reader, at: int, end: int) -> None:
        """Add the decision that lies from *at* to *end*. Raises UNREADABLE."""
        try:
            if not self._quick(reader, at, end):
                self.add(plain_part(reader.data, at, end))
        except Odd:
            self.add(read_decision(wire.Decision.FromString(reader.data[at:end])))

    def _quick(self, reader: Reader, at: int, end: int) -> bool:
        """Add it if it is like one before, and its id where that had it. Raises Odd."""
        # Hot path: most decisions of a client are.
        data, request_id = reader.data, ""
        if at + 1 < end and data[at] == REQUEST_ID:
            reader.at = at
            reader.step()
            if reader.at > end:
                raise Odd
            request_id = reader.text()
            at = reader.at
        for place in PLACES:
            spot = at + place
            time = spot + WHOLE_ID
            if (
                time + 1 < end
                and data[spot] == DECISION_ID
                and data[spot + 1] == ID_BYTES
                and data[time] == EVALUATED_IN
            ):
                reader.at = time + 1
                spent = reader.varint()
                if reader.at > end:
                    raise Odd
                known = ALIKE.get(data[at:spot] + data[reader.at : end])
                if known is not None and known.place == place:
                    reader.begin = spot + 2
                    reader.at = time
                    self.decisions.append(like(known, request_id, reader.text(), spent))
                    self.slowest = max(self.slowest, spent)
                    return True
        return False


def plain_part(data: bytes, at: int, end: int) -> Decision:
    """Return the decision, if it is written as it is usual. Raises Odd and UNREADABLE."""
    request_id = decision_id = ""
    spent = 0
    key = b""
    reader = Reader(data, at, end)
    first = since = at
    spot = after = -1
    while at < end:
        reader.step()
        kind = reader.kind
        own = True
        if kind == DECISION_ID:
            decision_id = reader.text()
            spot = at
        elif kind == EVALUATED_IN:
            spent = reader.number
            after = reader.at if at == spot + WHOLE_ID else -1
        elif kind == REQUEST_ID:
            request_id = reader.text()
            if at == first:
                first = reader.at
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
    if known is not None:
        look_at(known.place)
        return like(known, request_id, decision_id, spent)
    made: dict[str, object] = vars(read_decision(wire.Decision.FromString(key)))
    # Nothing else was taken out: all in front of the id is there, and all behind the time.
    whole = spot >= 0 and after >= 0 and len(key) == spot - first + end - after
    keep(key, made, spot - first if whole else -1)
    return finished(made, request_id, decision_id, spent)


def like(known: Known, request_id: str, decision_id: str, spent: int) -> Decision:
    """Return another decision that holds the same, and shares nothing that can be changed."""
    made = known.holds.copy()
    made["advice"] = {}
    made["attributes"] = {}
    return finished(made, request_id, decision_id, spent)


def finished(made: dict[str, object], request_id: str, decision_id: str, spent: int) -> Decision:
    """Return a decision that holds what was *made* of the bytes, and what is its own."""
    made["request_id"] = request_id
    made["decision_id"] = decision_id
    made["evaluated_in"] = spent
    decision = NEW(Decision)
    SET(decision, made)
    return decision


def keep(key: bytes, made: dict[str, object], place: int) -> None:
    """Remember what decisions hold whose bytes these are, if others may be like this one."""
    if len(key) <= ALIKE_BYTES and not any(map(made.get, APART)):
        if len(ALIKE) >= MOST_ALIKE:
            ALIKE.clear()
        ALIKE[key] = Known(made.copy(), place)
        look_at(place)


def look_at(place: int) -> None:
    """Look for ids there, and no more where none was found for long."""
    if place >= 0 and place not in PLACES:
        PLACES.insert(0, place)
        del PLACES[MOST_PLACES:]
