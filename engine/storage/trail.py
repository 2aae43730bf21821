"""One process' records in, segments and signed checkpoints in a folder out.

A trail goes on over its segments: numbers, the chain and the Merkle tree are those of the trail.
Appending costs a write into the kernel's pages; the tree grows beside (`digest`), a little at a
time, and is signed now and then (`checkpoint`).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from engine.storage.checkpoints import Checkpoint, CheckpointFile
from engine.storage.frames import first_digest, read_frames
from engine.storage.merkle import Tree
from engine.storage.notes import Signer
from engine.storage.segment import Header, Segment, is_cut, read_header

MEGABYTE = 2**20
NAME_BYTES = 8


class Trail:
    """Owns the segments it writes. One thread appends; see `sync` for another one."""

    def __init__(
        self,
        folder: Path,
        signer: Signer,
        *,
        time: Callable[[], str],
        segment_bytes: int = 64 * MEGABYTE,
    ) -> None:
        """Begin a new trail in *folder*; *time* gives now as RFC 3339. Raises OSError."""
        self.name = os.urandom(NAME_BYTES).hex()
        self._folder = folder
        self._signer = signer
        self._time = time
        self._limit = segment_bytes
        self._tree = Tree()
        self._leaves: list[bytes] = []
        """Of records that are not in the tree yet."""
        self._signed = 0
        self._checkpoints = CheckpointFile(folder)
        self._segment = Segment(folder, self._header(0, ""))

    @property
    def path(self) -> Path:
        """The segment that is written now."""
        return self._segment.path

    @property
    def size(self) -> int:
        """How many records there are."""
        return self._segment.sequence

    def append(self, payload: bytes) -> None:
        """Keep a record. Raises OSError; then nothing of it is kept."""
        if self._segment.size >= self._limit or self._segment.broken:
            self.roll()
        self._leaves.append(self._segment.append(payload))

    def roll(self) -> None:
        """Go on in a new segment. Raises OSError, and goes on in the old one if that is whole."""
        old = self._segment
        while self.digest():
            pass
        self._segment = Segment(self._folder, self._header(old.header.number + 1, old.digest.hex()))
        try:
            old.close()
        finally:
            old.drop()
        self.checkpoint()

    def sync(self) -> None:
        """Bring everything to the disk. May be called in another thread. Raises OSError.

        If that fails, all that follows is kept in a new segment.
        """
        self._segment.sync()

    def digest(self, most: int = 256) -> bool:
        """Take up to *most* records into the tree; return whether there are more."""
        self._tree.extend(self._leaves[:most])
        del self._leaves[:most]
        return bool(self._leaves)

    def checkpoint(self) -> str:
        """Sign what there is and return the note; empty when nothing is new. Raises OSError."""
        if self.size == self._signed:
            return ""
        while self.digest():
            pass
        segment = self._segment
        note = self._checkpoints.append(
            Checkpoint(
                f"{self._signer.name}/{self.name}",
                self._tree.size,
                self._tree.root,
                segment.header.number,
                segment.digest,
                self._time(),
                "",
            ),
            self._signer,
        )
        self._signed = self._tree.size
        return note

    def close(self) -> None:
        """Sign and close. Raises OSError."""
        try:
            self.checkpoint()
            self._segment.close()
        finally:
            self._segment.drop()

    def _header(self, number: int, previous: str) -> Header:
        return Header(
            trail=self.name,
            number=number,
            first=self._tree.size,
            previous=previous,
            opened=self._time(),
            peaks=tuple(one.hex() for one in self._tree.peaks),
        )


def sign_closed(path: Path, signer: Signer, time: str) -> str:
    """Sign all of the trail whose last segment is at *path*, closed by `segment.recover`.

    Return the note. Raises OSError, NoSegment and Altered.
    """
    data = path.read_bytes()
    header, end = read_header(data)
    tree = Tree(header.first, [bytes.fromhex(one) for one in header.peaks])
    digest = first_digest(data[:end])
    for frame in read_frames(data, end, digest, header.first):
        if not is_cut(frame, len(data)):
            tree.extend((frame.leaf,))
            digest = frame.digest
    checkpoint = Checkpoint(
        f"{signer.name}/{header.trail}", tree.size, tree.root, header.number, digest, time, ""
    )
    return CheckpointFile(path.parent).append(checkpoint, signer)
