"""Records in, chained frames out; frames in, records out, or where they stop being whole.

A segment is a header line and frames behind it::

    frame = head | payload | digest        head = length u32, crc32 of the payload u32, sequence u64
    leaf_i = SHA-256(0x00 | payload)                                   (RFC 6962, 2.1)
    digest_i = SHA-256(digest_{i-1} | head | leaf_i)                   digest_0 = SHA-256(header)

all little-endian. Whoever changes, takes out, adds or moves a record must make every digest behind
it anew, and then they no longer lead to what a checkpoint has signed. The checksum is there to tell
a frame that a crash has cut from one that somebody has changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from struct import Struct
from zlib import crc32

HEAD = Struct("<IIQ")
DIGEST_BYTES = 32
OVERHEAD = HEAD.size + DIGEST_BYTES
MOST_BYTES = 2**26
"""Bytes of the longest payload: a larger length is no length."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A record: its number in the process' trail, its bytes, its digests, and where it stands."""

    sequence: int
    payload: bytes
    leaf: bytes
    digest: bytes
    start: int
    end: int


class Altered(Exception):
    """A frame is not what was written. *at* is where it begins; *last* when nothing is behind it.

    The last frame may also be one that never came to the disk whole.
    """

    def __init__(self, at: int, why: str, *, last: bool = False) -> None:
        super().__init__(f"at byte {at}: {why}")
        self.at = at
        self.why = why
        self.last = last


class Torn(Exception):
    """The last frame was not written to its end. *at* is where it begins."""

    def __init__(self, at: int) -> None:
        super().__init__(f"at byte {at}: the last record is not whole")
        self.at = at


def first_digest(header: bytes) -> bytes:
    """Return what the first digest is chained to."""
    return sha256(header).digest()


def leaf_of(payload: bytes) -> bytes:
    """Return the Merkle leaf of *payload*."""
    return sha256(b"\0" + payload).digest()


def make_frame(previous: bytes, sequence: int, payload: bytes) -> tuple[bytes, bytes, bytes]:
    """Return the frame's bytes, its leaf and its digest."""
    # Hot path: every decision comes by here before it is answered.
    head = HEAD.pack(len(payload), crc32(payload), sequence)
    leaf = sha256(b"\0" + payload).digest()
    digest = sha256(previous + head + leaf).digest()
    return head + payload + digest, leaf, digest


def read_frames(data: bytes, start: int, previous: bytes, sequence: int) -> Iterator[Frame]:
    """Yield the frames of *data* from *start* on, whose first must have the number *sequence*.

    Raises Torn at the end of what a crash has cut, and Altered.
    """
    size = len(data)
    while start < size:
        if start + OVERHEAD > size:
            raise Torn(start)
        length, checksum, number = HEAD.unpack_from(data, start)
        if not (length or checksum or number) and not any(data[start:]):
            raise Torn(start)  # A power cut leaves zeros where bytes did not come to the disk.
        if length > MOST_BYTES:
            raise Altered(start, f"a record of {length} bytes")
        end = start + OVERHEAD + length
        if end > size:
            raise Torn(start)
        payload = data[start + HEAD.size : end - DIGEST_BYTES]
        if crc32(payload) != checksum:
            why = f"record {number} has other bytes than were written"
            raise Altered(start, why, last=end == size)
        if number != sequence:
            raise Altered(start, f"record {number} stands where record {sequence} belongs")
        leaf = leaf_of(payload)
        digest = sha256(previous + data[start : start + HEAD.size] + leaf).digest()
        if digest != data[end - DIGEST_BYTES : end]:
            raise Altered(start, f"record {number} is not chained to the one before it")
        yield Frame(number, payload, leaf, digest, start, end)
        start, previous, sequence = end, digest, sequence + 1
