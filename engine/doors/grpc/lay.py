"""A decision in, the bytes of the wire's decision out.

What nearly all decisions say is laid by hand, five times as fast as protobuf's message is filled
and written: a field is its number, its length and its bytes. What only some say is written by
protobuf and stands behind it, as its encoding allows. `convert.write_decision` is the reference.

    0a 02 72 31 | 10 01 18 01 | 22 .. reason | 62 .. revision | 6a 24 decision_id | 70 .. | a8 01 00
"""

from __future__ import annotations

from functools import lru_cache

from engine.doors.grpc.convert import ACTIONS, write_reason, write_rest
from engine.runtime.decision import Decision, Reason
from engine.wire import engine_pb2 as wire

REMEMBERED = 4096
"""Reasons whose bytes are kept. When there are more, all are forgotten."""
ONE_BYTE = 0x80
"""Numbers below this take one byte."""
SEVEN = tuple(bytes([0x80 | number]) for number in range(ONE_BYTE))
"""Seven bits of a number that goes on."""
LAST = tuple(bytes([number]) for number in range(ONE_BYTE))

REQUEST_ID, REASON, REVISION, DECISION_ID = b"\x0a", b"\x22", b"\x62", b"\x6a"
EVALUATED_IN = b"\x70"
ID_BYTES = 36
AN_ID = DECISION_ID + bytes([ID_BYTES])
RESERVED = (b"\xa8\x01\x00", b"\xa8\x01\x01")
OUTCOMES = {
    (action, effective): bytes([0x10, number, 0x18, as_carried_out])
    for action, number in ACTIONS.items()
    for effective, as_carried_out in ACTIONS.items()
}
"""The fields ``action`` and ``effective_action``."""

laid: dict[int, tuple[Reason, bytes]] = {}
"""Fields ``reasons`` by the identity of the reason, which is held so that it stays its own."""


def lay_decision(decision: Decision) -> bytes:
    """Return the bytes of the message."""
    # Hot path.
    request_id, decision_id = decision.request_id.encode(), decision.decision_id.encode()
    spent = decision.evaluated_in
    pieces = [
        field(REQUEST_ID, request_id) if request_id else b"",
        OUTCOMES[decision.action, decision.effective_action],
        *[lay_reason(one) for one in decision.reasons],
        lay_revision(decision.revision),
        AN_ID + decision_id if len(decision_id) == ID_BYTES else field(DECISION_ID, decision_id),
        EVALUATED_IN,
        lay_number(spent),
        RESERVED[decision.reserved],
    ]
    if not decision.bare:
        more = wire.Decision()
        write_rest(more, decision)
        pieces.append(more.SerializeToString())
    return b"".join(pieces)


def lay_number(number: int) -> bytes:
    """Return *number*, which is not negative, seven bits a byte."""
    if number < ONE_BYTE:
        return LAST[number]
    if number < ONE_BYTE**2:
        return SEVEN[number & 0x7F] + LAST[number >> 7]
    if number < ONE_BYTE**3:
        return SEVEN[number & 0x7F] + SEVEN[number >> 7 & 0x7F] + LAST[number >> 14]
    return SEVEN[number & 0x7F] + lay_number(number >> 7)


def field(begins: bytes, value: bytes) -> bytes:
    """Return the field that *begins* so, and holds *value*."""
    return begins + lay_number(len(value)) + value


@lru_cache(maxsize=16)
def lay_revision(revision: str) -> bytes:
    """Return the field ``revision``."""
    return field(REVISION, revision.encode()) if revision else b""


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
