"""The fields of a request in, what a gRPC call says with them out; and fields that end a call."""

from __future__ import annotations

import base64
from binascii import Error as NotBase64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

import grpc

from engine.doors.http2.fields import Fields, block_of, size_of
from engine.doors.http2.limits import Limits
from engine.doors.http2.requests import Malformed
from engine.service.tracing import TRACEPARENT

UNITS = {b"n": 1e-9, b"u": 1e-6, b"m": 1e-3, b"S": 1.0, b"M": 60.0, b"H": 3600.0}
DIGITS = 8
"""Of a timeout, at most."""
LENGTH_DIGITS = 18
"""Of a content-length, at most: Python reads no number of thousands of digits."""
LONGEST_SECONDS = 366 * 86_400.0
"""A timeout that is longer is as good as none."""
MESSAGE_BYTES = 4_096
"""Of a status' sentence as it is sent: clients refuse trailers of more than 8 KB."""
HEADER_BYTES = Limits().header_bytes

Metadata = tuple[tuple[str, str | bytes], ...]

ACCEPTED = ((b"content-type", b"application/grpc"), (b"grpc-accept-encoding", b"identity,gzip"))
OPENING: Final = b"\x88" + block_of(ACCEPTED)
"""``:status 200`` (the 8th of the static table) and what every answer begins with."""
OPENING_GZIP: Final = b"\x88" + block_of((*ACCEPTED, (b"grpc-encoding", b"gzip")))
"""The same where messages may be compressed."""
FINE: Final = block_of(((b"grpc-status", b"0"),))
GRPC = b"application/grpc"
OWN = frozenset(
    (
        b"te",
        b"content-type",
        b"content-length",
        b"grpc-timeout",
        b"grpc-encoding",
        b"grpc-accept-encoding",
    )
)
MESSAGE_SIGNS = " !\"#$&'()*+,/:;<=>?@[\\]^`{|}"
"""What is sent as it is, beside letters and digits: all printable signs but ``%``."""


@dataclass(frozen=True, slots=True)
class Head:
    """What the fields of a call say. *timeout* in seconds; *refused* is why it is no call."""

    path: str
    timeout: float | None
    metadata: Metadata
    gzipped: bool = False
    """Whether its messages may be compressed."""
    gzips: bool = False
    """Whether those of the answer may be: for callers who compress theirs, and say so."""
    traced: bool = False
    """Whether it tells of a trace."""
    length: int = -1
    http: bytes = b""
    """The status of HTTP for what is no gRPC at all."""
    refused: tuple[grpc.StatusCode, str] | None = None


def read_head(fields: Fields, most: int = HEADER_BYTES) -> Head | Malformed:
    """Return what *fields*, which HTTP/2 allows, say; *most* bytes of them are a call."""
    if size_of(fields) > most:
        why = f"metadata of more than {most:,} bytes"
        return Head("", None, (), refused=(grpc.StatusCode.RESOURCE_EXHAUSTED, why))
    plain = [one for one in fields if one[0][:1] != b":"]
    return _call(dict(fields), plain)


def _call(said: dict[bytes, bytes], plain: Sequence[tuple[bytes, bytes]]) -> Head | Malformed:
    """Return the call that fields of HTTP ask for."""
    length = -1
    if b"content-length" in said:
        lengths = {value for name, value in plain if name == b"content-length"}
        text = said[b"content-length"]
        if len(lengths) != 1 or not text.isdigit() or len(text) > LENGTH_DIGITS:
            return Malformed("content-length is no number")
        length = int(text)
    path = said.get(b":path", b"").decode("ascii", "replace")  # CONNECT has none.
    http = b""
    if said[b":method"] != b"POST":
        http = b"405"
    elif said.get(b"content-type", b"").partition(b";")[0].partition(b"+")[0] != GRPC:
        http = b"415"
    encoding = said.get(b"grpc-encoding", b"identity")
    refused = None
    if encoding not in (b"identity", b"gzip"):
        refused = (grpc.StatusCode.UNIMPLEMENTED, "messages are compressed with gzip or not at all")
    timeout = None
    if b"grpc-timeout" in said:
        timeout = _seconds(said[b"grpc-timeout"])
        if timeout is None:
            refused = (grpc.StatusCode.INTERNAL, "grpc-timeout is no timeout")
    metadata: Metadata = ()
    try:
        metadata = tuple([_metadatum(*one) for one in plain if one[0] not in OWN])
    except NotBase64:
        refused = (grpc.StatusCode.INTERNAL, "metadata that ends in -bin is no base64")
    gzipped = encoding == b"gzip"
    accepted = said.get(b"grpc-accept-encoding", b"").split(b",")
    gzips = gzipped and b"gzip" in [one.strip() for one in accepted]
    traced = TRACEPARENT in dict(metadata)
    return Head(path, timeout, metadata, gzipped, gzips, traced, length, http, refused)


def _metadatum(name: bytes, value: bytes) -> tuple[str, str | bytes]:
    if not name.endswith(b"-bin"):
        return name.decode(), value.decode("latin-1")
    return name.decode(), base64.b64decode(value + b"=" * (-len(value) % 4), validate=True)


def _seconds(text: bytes) -> float | None:
    """Return a ``grpc-timeout`` in seconds; None if it is none."""
    number, unit = text[:-1], UNITS.get(text[-1:])
    if unit is None or not number.isdigit() or len(number) > DIGITS:
        return None
    return min(int(number) * unit, LONGEST_SECONDS)


def trailers_of(
    code: grpc.StatusCode, message: str, metadata: Sequence[tuple[str, str | bytes]] = ()
) -> bytes:
    """Return the fields that end a call."""
    fields = [(b"grpc-status", str(code.value[0]).encode())]
    if message:
        fields.append((b"grpc-message", _sentence(message)))
    for name, value in metadata:
        sent = base64.b64encode(value).rstrip(b"=") if isinstance(value, bytes) else value.encode()
        fields.append((name.encode(), sent))
    return block_of(fields)


def _sentence(message: str) -> bytes:
    """Return a status' sentence as it is sent; the end of one that is very long is left out."""
    message = message[:MESSAGE_BYTES]
    while True:
        said = quote(message, safe=MESSAGE_SIGNS, errors="replace").encode()
        if len(said) <= MESSAGE_BYTES:
            return said
        message = message[: len(message) // 2]
