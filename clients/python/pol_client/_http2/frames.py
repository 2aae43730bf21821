# GENERATED from engine/doors/http2/frames.py by grammar/generate.py, do not edit.
"""Frames of HTTP/2 as bytes (RFC 9113, sections 4 and 6): types, flags, codes, and what is sent."""

from __future__ import annotations

from enum import IntEnum
from struct import Struct
from typing import Final

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEAD_BYTES: Final = 9
FRAME_BYTES: Final = 16_384
"""The largest payload that may be sent to a peer that has not allowed more."""
MOST_FRAME_BYTES: Final = 0xFF_FFFF
WINDOW: Final = 65_535
"""Of a stream and of a connection, at first."""
MOST_WINDOW: Final = 0x7FFF_FFFF

# Each is final by itself: compiled code then has its value in place, and looks nothing up.
DATA: Final = 0
HEADERS: Final = 1
PRIORITY: Final = 2
RST_STREAM: Final = 3
SETTINGS: Final = 4
PUSH_PROMISE: Final = 5
PING: Final = 6
GOAWAY: Final = 7
WINDOW_UPDATE: Final = 8
CONTINUATION: Final = 9

END_STREAM: Final = 0x1
ACK: Final = 0x1
END_HEADERS: Final = 0x4
PADDED: Final = 0x8
PRIORITIZED: Final = 0x20

HEADER_TABLE_SIZE: Final = 1
ENABLE_PUSH: Final = 2
MAX_CONCURRENT_STREAMS: Final = 3
INITIAL_WINDOW_SIZE: Final = 4
MAX_FRAME_SIZE: Final = 5
MAX_HEADER_LIST_SIZE: Final = 6
WORKER: Final = 0xF0E1
"""A setting of our own, in the range for experiments: which of several processes on one port this
is, from 0, in the upper 16 bits; and how many there are, in the lower. Others ignore it."""

HEAD: Final = Struct(">HBBBI")
"""The upper 16 bits of the length, its lower 8, type, flags, stream."""
U32: Final = Struct(">I")
SETTING: Final = Struct(">HI")


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


def data_head(length: int, stream: int) -> bytes:
    """Return the head of a DATA frame without flags."""
    # Type and flags are nought, so that it is one number: compiled, that is quicker than `struct`.
    return (length << 48 | stream).to_bytes(HEAD_BYTES, "big")


def settings(values: tuple[tuple[int, int], ...]) -> bytes:
    """Return a SETTINGS frame."""
    payload = b"".join([SETTING.pack(*one) for one in values])
    return head(len(payload), SETTINGS, 0, 0) + payload


SETTINGS_ACK: Final = head(0, SETTINGS, ACK, 0)


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
