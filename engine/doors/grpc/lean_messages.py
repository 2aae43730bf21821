"""Bytes of a call in, its messages out; and a message as it is sent."""

from __future__ import annotations

import zlib

import grpc

PREFIX = 5
"""Bytes before a message: whether it is compressed, and its length."""

GZIP_FROM, GZIP_TO = 1 << 10, 1 << 16
"""Messages of so many bytes are compressed: longer ones would hold up all others."""
UNPACKED = 1 << 20
RATIO = 100
"""A message may unpack to more than `UNPACKED` bytes only if that is at most so many times as much:
no text does more, and a bomb of a few KB would hold up all others."""

Packed = tuple[int, bytes]
"""Whether a message is compressed, and what came."""


class RefusedMessage(Exception):
    """A message that is not read; *code* and the text say why."""

    def __init__(self, code: grpc.StatusCode, why: str) -> None:
        super().__init__(why)
        self.code = code


def packed(message: bytes) -> bytes:
    """Return *message* as it is sent."""
    return b"\0" + len(message).to_bytes(4) + message


def packed_gzip(message: bytes) -> bytes:
    """Return *message* as it is sent to who takes gzip: compressed, where that is worth it."""
    if not GZIP_FROM <= len(message) <= GZIP_TO:
        return packed(message)
    made = zlib.compress(message, 1, wbits=zlib.MAX_WBITS | 16)
    if len(made) >= len(message):
        return packed(message)
    return b"\1" + len(made).to_bytes(4) + made


class Unpacker:
    """Cuts what comes into messages. *most* bounds one, as it is and unpacked."""

    __slots__ = ("_buffer", "_gzipped", "_most", "_wanted")

    def __init__(self, most: int, *, gzipped: bool) -> None:
        self._buffer = bytearray()
        self._most = most
        self._gzipped = gzipped
        self._wanted = PREFIX

    @property
    def rest(self) -> int:
        """How many bytes of a message that is not whole have come."""
        return len(self._buffer)

    def forget(self) -> None:
        """Drop what has come."""
        self._buffer = bytearray()
        self._wanted = PREFIX

    def feed(self, data: bytes) -> list[Packed]:
        """Return the messages that are whole now, as they came. Raises RefusedMessage."""
        buffer = self._buffer
        if not buffer and len(data) >= PREFIX:  # Hot path: a message in one frame.
            size = int.from_bytes(data[1:PREFIX])
            if size + PREFIX == len(data) and size <= self._most:
                return [(data[0], data[PREFIX:])]
        buffer += data
        found: list[Packed] = []
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
            found.append((buffer[0], bytes(buffer[PREFIX : self._wanted])))
            del buffer[: self._wanted]
            self._wanted = PREFIX
        return found

    def unpacked(self, packed: Packed) -> bytes:
        """Return a message. Raises RefusedMessage.

        To be asked only when it is answered: small messages may become large ones.
        """
        flag, message = packed
        if not flag:
            return message
        if flag != 1 or not self._gzipped:
            raise RefusedMessage(
                grpc.StatusCode.INTERNAL, "a message is compressed, and nothing says how"
            )
        unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
        most = min(self._most, max(UNPACKED, RATIO * len(message)))
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
        return made
