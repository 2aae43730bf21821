"""A decision in, the bytes of the wire's decision out.

What nearly all decisions say is laid by hand, five times as fast as protobuf's message is filled
and written: a field is its number, its length and its bytes. What only some say is written by
protobuf and stands behind it, as its encoding allows. `convert.write_decision` is the reference.

    0a 02 72 31 | 10 01 18 01 | 22 .. reason | 62 .. revision | 6a 24 decision_id | 70 .. | a8 01 00
"""

from __future__ import annotations

from typing import Final

from engine.doors.grpc.convert import ACTIONS, write_reason, write_rest
from engine.runtime.decision import Decision, Reason
from engine.wire import engine_pb2 as wire

REMEMBERED = 4096
"""Reasons, and sequences of them, whose bytes are kept. When there are more, all are forgotten."""
ONE_BYTE: Final = 0x80
TWO_BYTES: Final = 1 << 14
THREE_BYTES: Final = 1 << 21
"""Numbers below these take so many bytes."""
SEVEN: Final = tuple([bytes([0x80 | number]) for number in range(ONE_BYTE)])
"""Seven bits of a number that goes on."""
LAST: Final = tuple([bytes([number]) for number in range(ONE_BYTE)])

REQUEST_ID: Final = b"\x0a"
REASON: Final = b"\x22"
REVISION: Final = b"\x62"
DECISION_ID: Final = b"\x6a"
EVALUATED_IN: Final = b"\x70"
ID_BYTES: Final = 36
AN_ID: Final = b"\x6a\x24"
"""What begins a `DECISION_ID` of so many bytes."""
NOT_RESERVED: Final = b"\xa8\x01\x00"
RESERVED: Final = b"\xa8\x01\x01"
OUTCOMES = {
    (action, effective): bytes([0x10, number, 0x18, as_carried_out])
    for action, number in ACTIONS.items()
    for effective, as_carried_out in ACTIONS.items()
}
"""The fields ``action`` and ``effective_action``."""

laid: dict[int, tuple[Reason, bytes]] = {}
"""Fields ``reasons`` by the identity of the reason, which is held so that it stays its own."""


class Middle:
    """What stands between the ids of a decision, and is the same again and again."""

    __slots__ = ("action", "effective", "laid", "reasons", "revision")

    def __init__(self, decision: Decision) -> None:
        self.reasons = decision.reasons
        self.action: str = decision.action
        self.effective: str = decision.effective_action
        self.revision = decision.revision
        self.laid = b"".join(
            [
                OUTCOMES[self.action, self.effective],
                *[lay_reason(one) for one in self.reasons],
                field(REVISION, self.revision.encode()) if self.revision else b"",
            ]
        )


middles: dict[int, Middle] = {}
"""By the identity of the reasons, which are held so that they stay their own."""


def lay_decision(decision: Decision) -> bytes:
    """Return the bytes of the message."""
    # Hot path.
    request_id, decision_id = decision.request_id.encode(), decision.decision_id.encode()
    pieces = [
        field(REQUEST_ID, request_id) if request_id else b"",
        lay_middle(decision),
        AN_ID + decision_id if len(decision_id) == ID_BYTES else field(DECISION_ID, decision_id),
        EVALUATED_IN,
        lay_number(decision.evaluated_in),
        RESERVED if decision.reserved else NOT_RESERVED,
    ]
    if not decision.bare:
        more = wire.Decision()
        write_rest(more, decision)
        pieces.append(more.SerializeToString())
    return b"".join(pieces)


def lay_middle(decision: Decision) -> bytes:
    """Return the fields between the ids. Most decisions have the very reasons of one before."""
    reasons = decision.reasons
    known = middles.get(id(reasons))
    if (
        known is not None
        and known.reasons is reasons  # Invariant: they are held, so no others have their id.
        and known.action == decision.action
        and known.effective == decision.effective_action
        and known.revision == decision.revision
    ):
        return known.laid
    made = Middle(decision)
    for one in reasons:
        if one.failure:  # Those are new for each decision.
            return made.laid
    if len(middles) >= REMEMBERED:
        middles.clear()
    middles[id(reasons)] = made
    return made.laid


def lay_number(number: int) -> bytes:
    """Return *number*, which is not negative, seven bits a byte."""
    if number < ONE_BYTE:
        return LAST[number]
    if number < TWO_BYTES:
        return SEVEN[number & 0x7F] + LAST[number >> 7]
    if number < THREE_BYTES:
        return SEVEN[number & 0x7F] + SEVEN[number >> 7 & 0x7F] + LAST[number >> 14]
    return SEVEN[number & 0x7F] + lay_number(number >> 7)


def field(begins: bytes, value: bytes) -> bytes:
    """Return the field that *begins* so, and holds *value*."""
    return begins + lay_number(len(value)) + value


def lay_reason(reason: Reason) -> bytes:
    """Return one field ``reasons``. Most reasons are the same object again and again."""
    known = laid.get(id(reason))
    if known is not None and known[0] is reason:  # Invariant: it is held, so no other has its id.
        return known[1]
    message = wire.Reason()
    write_reason(message, reason)
    made = field(REASON, message.SerializeToString())
    if not reason.failure:  # Those are new for each decision.
        if len(laid) >= REMEMBERED:
            laid.clear()
        laid[id(reason)] = (reason, made)
    return made
