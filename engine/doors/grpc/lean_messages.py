"""Bytes of a call in, its messages out; and a message as it is sent."""

from __future__ import annotations

import zlib

import grpc

PREFIX = 5
"""Bytes before a message: whether it is compressed, and its length."""

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
        try:
            made = unpacker.decompress(message, self._most + 1)
        except zlib.error:
            raise RefusedMessage(grpc.StatusCode.INTERNAL, "a message is no gzip") from None
        if len(made) > self._most:
            raise RefusedMessage(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                f"Received message larger than max (more vs. {self._most}), unpacked",
            )
        if not unpacker.eof:
            raise RefusedMessage(grpc.StatusCode.INTERNAL, "a message is no whole gzip")
        return made
