"""Bytes of a call in, its messages out; and a message as it is sent."""

from __future__ import annotations

import zlib
from typing import Final

import grpc

from engine.doors.memory import WITHOUT, tell

PREFIX: Final = 5
"""Bytes before a message: whether it is compressed, and its length."""

GZIP_FROM, GZIP_TO = 1 << 10, 1 << 16
"""Messages of so many bytes are compressed: longer ones would hold up all others."""
UNPACKED = 1 << 20
RATIO = 100
"""A message may unpack to more than `UNPACKED` bytes only if that is at most so many times as much:
no text does more, and a bomb of a few KB would hold up all others."""


class RefusedMessage(Exception):
    """A message that is not read; *code* and the text say why."""

    def __init__(self, code: grpc.StatusCode, why: str) -> None:
        super().__init__(why)
        self.code = code


def too_large() -> RefusedMessage:
    """Return how a message is refused that there is no memory for."""
    tell("the message of a call, which was refused (RESOURCE_EXHAUSTED)")
    return RefusedMessage(grpc.StatusCode.RESOURCE_EXHAUSTED, WITHOUT)


def packed(message: bytes) -> bytes:
    """Return *message* as it is sent."""
    return prefix_of(message) + message


def prefix_of(message: bytes) -> bytes:
    """Return what stands before a *message* that is not compressed."""
    return len(message).to_bytes(PREFIX, "big")


def is_whole(data: bytes, most: int) -> bool:
    """Return whether *data* is one message of at most *most* bytes, whole, as it is sent."""
    size = len(data) - PREFIX
    # Hot path: byte by byte, for compiled that is quicker than anything else.
    return 0 <= size <= most and data[1] << 24 | data[2] << 16 | data[3] << 8 | data[4] == size


def packed_gzip(message: bytes) -> bytes:
    """Return *message* as it is sent to who takes gzip: compressed, where that is worth it."""
    if not GZIP_FROM <= len(message) <= GZIP_TO:
        return packed(message)
    made = zlib.compress(message, 1, wbits=zlib.MAX_WBITS | 16)
    if len(made) >= len(message):
        return packed(message)
    return b"\1" + len(made).to_bytes(4) + made


class Unpacker:
    """Cuts what comes into messages, each with its prefix. *most* bounds one."""

    __slots__ = ("_buffer", "_most", "_wanted")

    def __init__(self, most: int) -> None:
        self._buffer = bytearray()
        self._most = most
        self._wanted = PREFIX

    @property
    def rest(self) -> int:
        """How many bytes of a message that is not whole have come."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[bytes]:
        """Return the messages that are whole now, as they came. Raises RefusedMessage."""
        try:
            return self._whole(data)
        except MemoryError:
            raise too_large() from None

    def _whole(self, data: bytes) -> list[bytes]:
        buffer = self._buffer
        buffer += data
        found: list[bytes] = []
        while len(buffer) >= self._wanted:
            size = int.from_bytes(buffer[1:PREFIX])
            if size > self._most:
                raise RefusedMessage(
                    grpc.StatusCode.RESOURCE_EXHAUSTED,
                    f"Received message larger than max ({size} vs. {self._most})",
                )
            self._wanted = PREFIX + size
            if len(buffer) < self._wanted:
                break
            found.append(bytes(buffer[: self._wanted]))
            del buffer[: self._wanted]
            self._wanted = PREFIX
        return found


def unpacked(packed: bytes, most: int, *, gzipped: bool) -> bytes:
    """Return a message of at most *most* bytes. Raises RefusedMessage.

    To be asked only when it is answered: small messages may become large ones.
    """
    try:
        return _unpacked(packed, most, gzipped=gzipped)
    except MemoryError:
        raise too_large() from None


def _unpacked(packed: bytes, most: int, *, gzipped: bool) -> bytes:
    if not packed[0]:
        return packed[PREFIX:]
    if packed[0] != 1 or not gzipped:
        raise RefusedMessage(
            grpc.StatusCode.INTERNAL, "a message is compressed, and nothing says how"
        )
    message = packed[PREFIX:]
    if not message:  # To grpcio nothing is gzip too.
        return message
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    most = min(most, max(UNPACKED, RATIO * len(message)))
    try:
        made = unpacker.decompress(message, most + 1)
    except zlib.error:
        raise RefusedMessage(grpc.StatusCode.INTERNAL, "a message is no gzip") from None
    if len(made) > most:
        raise RefusedMessage(
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            f"Received message larger than max (more vs. {most}), unpacked",
        )
    if not unpacker.eof:
        raise RefusedMessage(grpc.StatusCode.INTERNAL, "a message is no whole gzip")
    if unpacker.unused_data:  # Nobody would look at it.
        raise RefusedMessage(grpc.StatusCode.INTERNAL, "something stands behind a message's gzip")
    return made
