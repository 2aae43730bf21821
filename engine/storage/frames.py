"""Records in, chained frames out; frames in, records out, or where they stop being whole.

A segment is a header line and frames behind it::

    frame = head | payload | digest        head = length u32, crc32 of the payload u32, sequence u64
    leaf_i = SHA-256(0x00 | payload)                                   (RFC 6962, 2.1)
    digest_i = SHA-256(digest_{i-1} | head | leaf_i)                   digest_0 = SHA-256(header)

all little-endian. A record may be forgotten: then its leaf stands where its payload stood, the
length in the head is marked (`PRUNED`; digests are made of the unmarked one), and everything behind
it is verified as before.

Whoever changes, takes out, adds or moves a record must make every digest behind
it anew, and then they no longer lead to what a checkpoint has signed. The checksum is there to tell
a frame that a crash has cut from one that somebody has changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from struct import Struct
from typing import NamedTuple

try:  # The same sum in a fifth of the time, where there is a wheel of it.
    from isal.isal_zlib import crc32
except ImportError:
    from zlib import crc32

HEAD = Struct("<IIQ")
DIGEST_BYTES = 32
OVERHEAD = HEAD.size + DIGEST_BYTES
MOST_BYTES = 2**26
"""Bytes of the longest payload: a larger length is no length."""
PRUNED = 2**31
"""In the length of a frame on the disk: its payload is gone, and its leaf stands there instead."""
PRUNED_BYTES = OVERHEAD + DIGEST_BYTES
SECTOR_BYTES = 512
"""What a disk takes whole or not at all."""
_HOLE = bytes(16)
"""More zeros than a frame has in a row: records are JSON, and heads and digests are not so poor."""
_LEAF = sha256(b"\0")
"""What every leaf begins with: to copy it costs less than to join the bytes."""


class Frame(NamedTuple):
    """A record: its number in the process' trail, its bytes, its digests, and where it stands."""

    sequence: int
    payload: bytes
    leaf: bytes
    digest: bytes
    start: int
    end: int
    pruned: bool = False
    """Whether its payload was forgotten: then it is empty, and the leaf is what was kept of it."""


class Altered(Exception):
    """A frame is not what was written. *at* is where it begins; *last* when nothing is behind it.

    The last frame may also be one that never came to the disk whole. *record* is the number of the
    record that belongs there.
    """

    def __init__(self, at: int, why: str, record: int, *, last: bool = False) -> None:
        super().__init__(f"at byte {at}: {why}")
        self.at = at
        self.why = why
        self.record = record
        self.last = last


class Torn(Exception):
    """The last frame was not written to its end. *at* is where it begins."""

    def __init__(self, at: int) -> None:
        super().__init__(f"at byte {at}: the last record is not whole")
        self.at = at


class Scan(NamedTuple):
    """What of a segment is whole: for each record its leaf and where it ends."""

    leaves: list[bytes]
    ends: list[int]
    pruned: list[int]
    """Which of them have no payload any more: places in `leaves`."""
    digest: bytes
    """Of the last one."""
    end: int
    wrong: Altered | Torn | None
    """Why it stops being whole there; None where it is whole to its end."""


def first_digest(header: bytes) -> bytes:
    """Return what the first digest is chained to."""
    return sha256(header).digest()


def leaf_of(payload: bytes) -> bytes:
    """Return the Merkle leaf of *payload*."""
    one = _LEAF.copy()
    one.update(payload)
    return one.digest()


def make_frame(previous: bytes, sequence: int, payload: bytes) -> tuple[bytes, bytes, bytes]:
    """Return the frame's bytes, its leaf and its digest."""
    # Hot path: every decision comes by here before it is answered.
    head = HEAD.pack(len(payload), crc32(payload), sequence)
    leaf = leaf_of(payload)
    digest = sha256(previous + head + leaf).digest()
    return head + payload + digest, leaf, digest


def make_frames(
    previous: bytes, sequence: int, payloads: list[bytes]
) -> tuple[list[bytes], list[bytes], bytes]:
    """Return the frames of records that follow each other, their leaves, and the last digest."""
    frames: list[bytes] = []
    leaves: list[bytes] = []
    pack, checked, hashed, begun = HEAD.pack, crc32, sha256, _LEAF.copy
    digest, number = previous, sequence
    # Hot path: as `make_frame`, of which only the calls are saved: a fifth.
    for payload in payloads:
        head = pack(len(payload), checked(payload), number)
        one = begun()
        one.update(payload)
        leaf = one.digest()
        digest = hashed(digest + head + leaf).digest()
        frames.append(head)
        frames.append(payload)
        frames.append(digest)
        leaves.append(leaf)
        number += 1
    return frames, leaves, digest


def pruned_frame(data: bytes, start: int) -> bytes:
    """Return the frame of *data* at *start* without its payload: the leaf stands in its place."""
    length, checksum, sequence = HEAD.unpack_from(data, start)
    if length & PRUNED:
        return data[start : start + PRUNED_BYTES]
    body = start + HEAD.size
    end = body + length
    head = HEAD.pack(length | PRUNED, checksum, sequence)
    return head + leaf_of(data[body:end]) + data[end : end + DIGEST_BYTES]


def scan_frames(data: bytes, start: int, previous: bytes, sequence: int) -> Scan:
    """Return the leaves of *data* from *start* on, as far as it is whole.

    The first frame must have the number *sequence* and be chained to *previous*.
    """
    leaves: list[bytes] = []
    ends: list[int] = []
    pruned: list[int] = []
    size, unpack, head_size = len(data), HEAD.unpack_from, HEAD.size
    last = size - OVERHEAD
    # Hot path: `verify` reads millions. The chain covers the payload, so its checksum need not be
    # made as well; and what a frame is chained to stands right before it. Both took a third.
    while start <= last:
        length, checksum, number = unpack(data, start)
        body = start + head_size
        end = body + length
        chained = data[start - DIGEST_BYTES : body] if leaves else previous + data[start:body]
        if length & PRUNED:
            end = body + DIGEST_BYTES
            leaf = data[body:end]
            head = HEAD.pack(length ^ PRUNED, checksum, number)
            chained = chained[:DIGEST_BYTES] + head
            pruned.append(len(leaves))
        else:
            leaf = leaf_of(data[body:end])
        stop = end + DIGEST_BYTES
        if number != sequence or sha256(chained + leaf).digest() != data[end:stop]:
            break
        leaves.append(leaf)
        ends.append(stop)
        start = stop
        sequence += 1
    if pruned and pruned[-1] == len(leaves):
        pruned.pop()
    digest = data[start - DIGEST_BYTES : start] if leaves else previous
    wrong = None if start == size else _wrong(data, start, sequence)
    return Scan(leaves, ends, pruned, digest, start, wrong)


def read_frames(data: bytes, start: int, previous: bytes, sequence: int) -> Iterator[Frame]:
    """Yield the frames of *data* from *start* on, whose first must have the number *sequence*.

    Raises Torn at the end of what a crash has cut, and Altered.
    """
    found = scan_frames(data, start, previous, sequence)
    gone = set(found.pruned)
    for row, (leaf, end) in enumerate(zip(found.leaves, found.ends, strict=True)):
        body = start + HEAD.size
        payload = b"" if row in gone else data[body : end - DIGEST_BYTES]
        digest = data[end - DIGEST_BYTES : end]
        yield Frame(sequence + row, payload, leaf, digest, start, end, row in gone)
        start = end
    if found.wrong is not None:
        raise found.wrong


def frame_at(data: bytes, start: int, previous: bytes, sequence: int) -> Frame:
    """Return the one frame that is *data*, which begins at byte *start* of its segment.

    Raises Altered where it is not that one, chained to *previous*.
    """
    found = scan_frames(data, 0, previous, sequence)
    if found.wrong is not None or len(found.leaves) != 1:
        raise Altered(start, f"record {sequence} is not what was written there", sequence)
    pruned = bool(found.pruned)
    payload = b"" if pruned else data[HEAD.size : -DIGEST_BYTES]
    return Frame(sequence, payload, found.leaves[0], found.digest, start, start + len(data), pruned)


def _wrong(data: bytes, start: int, sequence: int) -> Altered | Torn:
    """Return why the frame at *start* is not the whole frame of record *sequence*."""
    size = len(data)
    if start + OVERHEAD > size:
        return Torn(start)
    length, checksum, number = HEAD.unpack_from(data, start)
    if not (length or checksum or number) and data[start:] == bytes(size - start):
        # Written ahead; or a power cut has left them where bytes did not come to the disk.
        return Torn(start)
    kept = length if not length & PRUNED else DIGEST_BYTES
    if length & ~PRUNED > MOST_BYTES:
        return Altered(start, f"a record of {length} bytes", sequence)
    end = start + OVERHEAD + kept
    if end > size:
        return Torn(start)
    payload = data[start + HEAD.size : end - DIGEST_BYTES]
    if not length & PRUNED and crc32(payload) != checksum:
        why = f"record {number} has other bytes than were written"
        return Altered(start, why, sequence, last=end == size)
    if number != sequence:
        return Altered(start, _misplaced(data, start, number, sequence), sequence)
    return Altered(start, f"record {number} is not chained to the one before it", sequence)


def is_holed(data: bytes, at: int, base: int = 0) -> bool:
    """Return whether the frame at *at*, which is not whole, has zeros where it was written.

    So a power cut leaves records that were written in the place of zeros, and not synced yet: a
    disk takes their sectors in any order. *data* begins at byte *base* of its segment.
    """
    length = HEAD.unpack_from(data, at)[0] if at + HEAD.size <= len(data) else 0
    end = at + OVERHEAD + (length if length <= MOST_BYTES else 0)
    if not length or data.find(_HOLE, at, end + len(_HOLE) - 1) >= 0:
        return True
    sector = at + SECTOR_BYTES - (base + at) % SECTOR_BYTES
    return not any(data[at : min(sector, at + HEAD.size)])


def _misplaced(data: bytes, start: int, number: int, sequence: int) -> str:
    """Return how record *number* came to stand at *start*, where *sequence* belongs."""
    why = f"record {number} stands where record {sequence} belongs"
    if number < sequence:
        return f"{why}: it belongs further ahead or in another segment, and is put here"
    size = len(data)
    at = start
    while at + OVERHEAD <= size:
        length, _, other = HEAD.unpack_from(data, at)
        if other == sequence:
            return f"{why}: they are in another order than they were written in"
        at += OVERHEAD + (DIGEST_BYTES if length & PRUNED else length)
    missing = (
        f"record {sequence} is"
        if number == sequence + 1
        else (f"records {sequence} to {number - 1} are")
    )
    return f"{why}: {missing} missing"
