# GENERATED from engine/doors/http2/frames.py by grammar/generate.py, do not edit.
"""Frames of HTTP/2 as bytes (RFC 9113, sections 4 and 6): types, flags, codes, and what is sent."""

from __future__ import annotations

from enum import IntEnum
from functools import lru_cache
from struct import Struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEAD_BYTES = 9
FRAME_BYTES = 16_384
"""The largest payload that may be sent to a peer that has not allowed more."""
MOST_FRAME_BYTES = 2**24 - 1
WINDOW = 65_535
"""Of a stream and of a connection, at first."""
MOST_WINDOW = 2**31 - 1

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE = range(9)
CONTINUATION = 9

END_STREAM = 0x1
ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
PRIORITIZED = 0x20

HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE = 1, 2, 3, 4
MAX_FRAME_SIZE, MAX_HEADER_LIST_SIZE = 5, 6

HEAD = Struct(">HBBBI")
"""The upper 16 bits of the length, its lower 8, type, flags, stream."""
U32 = Struct(">I")
SETTING = Struct(">HI")


class Code(IntEnum):
    """Error codes (RFC 9113, section 7)."""

    NO_ERROR = 0
    PROTOCOL_ERROR = 1
    INTERNAL_ERROR = 2
    FLOW_CONTROL_ERROR = 3
    SETTINGS_TIMEOUT = 4
    STREAM_CLOSED = 5
    FRAME_SIZE_ERROR = 6
    REFUSED_STREAM = 7
    CANCEL = 8
    COMPRESSION_ERROR = 9
    CONNECT_ERROR = 10
    ENHANCE_YOUR_CALM = 11
    INADEQUATE_SECURITY = 12
    HTTP_1_1_REQUIRED = 13


class ConnectionFailed(Exception):
    """The peer has broken the protocol, and the connection ends; the text says how."""

    def __init__(self, code: Code, why: str) -> None:
        super().__init__(why)
        self.code = code


class StreamFailed(Exception):
    """The peer has broken the protocol on one stream; the others go on."""

    def __init__(self, stream: int, code: Code, why: str) -> None:
        super().__init__(why)
        self.stream = stream
        self.code = code


def head(length: int, kind: int, flags: int, stream: int) -> bytes:
    """Return a frame's head."""
    return HEAD.pack(length >> 8, length & 0xFF, kind, flags, stream)


@lru_cache(maxsize=1_024)
def opening(length: int, kind: int, flags: int) -> bytes:
    """Return a frame's head without its stream: most that are sent are alike."""
    return head(length, kind, flags, 0)[: -U32.size]


def settings(values: tuple[tuple[int, int], ...]) -> bytes:
    """Return a SETTINGS frame."""
    payload = b"".join([SETTING.pack(*one) for one in values])
    return head(len(payload), SETTINGS, 0, 0) + payload


SETTINGS_ACK = head(0, SETTINGS, ACK, 0)


def window_update(stream: int, more: int) -> bytes:
    """Return a WINDOW_UPDATE frame; stream 0 is the connection."""
    return head(4, WINDOW_UPDATE, 0, stream) + U32.pack(more)


def rst_stream(stream: int, code: Code) -> bytes:
    """Return an RST_STREAM frame."""
    return head(4, RST_STREAM, 0, stream) + U32.pack(code)


def ping(data: bytes, *, ack: bool) -> bytes:
    """Return a PING frame with 8 bytes of *data*."""
    return head(8, PING, ACK if ack else 0, 0) + data


def goaway(last: int, code: Code, why: str = "") -> bytes:
    """Return a GOAWAY frame: no stream after *last* was or will be looked at."""
    debug = why.encode()
    return head(8 + len(debug), GOAWAY, 0, 0) + U32.pack(last) + U32.pack(code) + debug


def headers(stream: int, block: bytes, most: int, *, end: bool) -> bytes:
    """Return HEADERS and as many CONTINUATION frames as *block* needs, of *most* bytes each."""
    flags = END_STREAM if end else 0
    if len(block) <= most:
        return head(len(block), HEADERS, flags | END_HEADERS, stream) + block
    parts = [head(most, HEADERS, flags, stream), block[:most]]
    for at in range(most, len(block), most):
        piece = block[at : at + most]
        last = END_HEADERS if at + most >= len(block) else 0
        parts += (head(len(piece), CONTINUATION, last, stream), piece)
    return b"".join(parts)


def unpadded(payload: bytes, flags: int) -> bytes:
    """Return *payload* without its padding. Raises ConnectionFailed."""
    if not flags & PADDED:
        return payload
    if not payload or payload[0] >= len(payload):
        raise ConnectionFailed(Code.PROTOCOL_ERROR, "more padding than payload")
    return payload[1 : len(payload) - payload[0]]
