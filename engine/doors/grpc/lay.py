"""A decision in, the bytes of the wire's decision out.

What nearly all decisions say is laid by hand, five times as fast as protobuf's message is filled
and written: a field is its number, its length and its bytes. What only some say is written by
protobuf and stands behind it, as its encoding allows. `convert.write_decision` is the reference.

    0a 02 72 31 | 10 01 18 01 | 22 .. reason | 62 .. revision | 6a 24 decision_id | 70 .. | a8 01 00
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from msgspec.structs import astuple

from engine.doors.grpc.convert import ACTIONS, write_reason, write_rest
from engine.runtime import held as at
from engine.runtime.decision import BARE, Decision, Reason
from engine.runtime.held import Held, says_no_more
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

DECISION: Final = b"\x0a"
"""What each element of ``DecideBatchResponse.decisions`` begins with."""
HEAD_BYTES: Final = 1_024
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

    __slots__ = ("action", "before_id", "effective", "laid", "plain", "reasons", "revision")

    def __init__(self, held: Held) -> None:
        self.reasons: tuple[Reason, ...] = held[at.REASONS]
        self.action: str = held[at.ACTION]
        self.effective: str = held[at.EFFECTIVE]
        self.revision: str = held[at.REVISION]
        self.plain = self.action in BARE and self.effective == self.action
        """Whether no more need be said for the actions."""
        self.laid = b"".join(
            [
                OUTCOMES[self.action, self.effective],
                *[lay_reason(one) for one in self.reasons],
                field(REVISION, self.revision.encode()) if self.revision else b"",
            ]
        )
        self.before_id = self.laid + AN_ID


middles: dict[int, Middle] = {}
"""By the identity of the reasons, which are held so that they stay their own."""


def lay_decision(decision: Decision) -> bytes:
    """Return the bytes of the message."""
    # Hot path.
    held: Held = astuple(decision)
    middle = middle_of(held)
    request_id: str = held[at.REQUEST_ID]
    decision_id: bytes = held[at.DECISION_ID].encode()
    if len(decision_id) == ID_BYTES:
        pieces = [middle.before_id, decision_id]
    else:
        pieces = [middle.laid, field(DECISION_ID, decision_id)]
    pieces.append(EVALUATED_IN)
    pieces.append(lay_number(held[at.EVALUATED_IN]))
    pieces.append(RESERVED if held[at.RESERVED] else NOT_RESERVED)
    if request_id:
        pieces.insert(0, field(REQUEST_ID, request_id.encode()))
    if not (middle.plain and says_no_more(held)):
        more = wire.Decision()
        write_rest(more, decision)
        pieces.append(more.SerializeToString())
    return b"".join(pieces)


def middle_of(held: Held) -> Middle:
    """Return the fields between the ids. Most decisions have the very reasons of one before."""
    reasons: tuple[Reason, ...] = held[at.REASONS]
    known = middles.get(id(reasons))
    if (
        known is not None
        and known.reasons is reasons  # Invariant: they are held, so no others have their id.
        and known.action == held[at.ACTION]
        and known.effective == held[at.EFFECTIVE]
        and known.revision == held[at.REVISION]
    ):
        return known
    made = Middle(held)
    for one in reasons:
        if one.failure:  # Those are new for each decision.
            return made
    if len(middles) >= REMEMBERED:
        middles.clear()
    middles[id(reasons)] = made
    return made


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


HEADS: Final = tuple([DECISION + lay_number(size) for size in range(HEAD_BYTES)])
"""How the decisions of a batch begin, by their size."""


def lay_all(decisions: Iterable[bytes]) -> bytes:
    """Return the bytes of the message that holds all of them."""
    pieces: list[bytes] = []
    for one in decisions:
        size = len(one)
        pieces.append(HEADS[size] if size < HEAD_BYTES else DECISION + lay_number(size))
        pieces.append(one)
    return b"".join(pieces)


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
