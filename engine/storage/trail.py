"""One process' records in, segments and signed checkpoints in a folder out.

A trail goes on over its segments: numbers, the chain and the Merkle tree are those of the trail.
Appending costs a write into the kernel's pages; the tree grows beside (`digest`), a little at a
time, and is signed now and then (`checkpoint`). One thread appends; another one may bring it to the
disk (`sync`), close what is full, and sign, meanwhile.

When the disk fails (`sync` raises), the segment is never touched again. A *careful* trail takes
nothing into its tree that is not on the disk: so it can forget what the disk may not have
(`rewind`), and whoever still has those records appends them anew, with the same numbers.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from errno import EIO
from math import inf
from pathlib import Path
from threading import Lock, RLock
from time import monotonic, sleep
from typing import NamedTuple

from engine.storage.aio import begin_writing
from engine.storage.checkpoints import Checkpoint, CheckpointFile
from engine.storage.header import Header
from engine.storage.merkle import Tree
from engine.storage.notes import Signer
from engine.storage.padded import AHEAD, Padded
from engine.storage.room import Rooms
from engine.storage.segment import NONE, Mark, Segment

KILOBYTE, MEGABYTE = 2**10, 2**20
NAME_BYTES = 8
DIGESTED = 256
"""How many records are taken into the tree at once: 0.4 ms during which nothing is appended."""
PACED, PACE_SECONDS = 64, 0.0003
"""Beside: records that are taken into the tree at once, and a pause after them. They are twice as
many, up to `DIGESTED`, each time that as many have come in the meantime."""
PACED_FROM, AT_ONCE = 128, 64
"""Who appends takes so many records into the tree at once, when there are so many to be taken (of a
careful trail, while the disk is busy: see `grow`). So a new segment, whose header tells the tree,
can be begun at any time without holding anybody up."""
PUSHED = 4 * MEGABYTE
"""So many bytes are there before they are written to the disk beside, from which a sync then has
little to do: one of 64 MB keeps a core busy for 10 ms. Not fewer: each time the file system looks
for room on the disk, and who appends to the file meanwhile waits (ext4 locks its map of blocks, and
may have to read first where there is room: some milliseconds)."""
SPARED = 64 * KILOBYTE
"""The newest bytes are not pushed: who appends to a page that is just taken would wait for it."""
PIECE, PIECE_SECONDS = 256 * KILOBYTE, 0.0003
"""So many bytes are handed to the kernel at once, and a pause after them. Until it has them it
keeps the core, whoever else wants that: for .1 to .2 ms with so many, for a millisecond and more
with `PUSHED`. Where there is but one core nothing is decided meanwhile."""
MOST_CLOSING = 16
"""How many full segments may wait for another thread to close them: then the newest one grows."""


GONE = "the segment that was written to was deleted or moved away"


class Begun(NamedTuple):
    """What is being brought to the disk: a segment, up to a place in it."""

    segment: Segment
    mark: Mark


class Trail:
    """Owns the segments it writes."""

    def __init__(
        self,
        folder: Path,
        signer: Signer,
        *,
        time: Callable[[], str],
        segment_bytes: int = 64 * MEGABYTE,
        segment_seconds: float = inf,
        clock: Callable[[], float] = monotonic,
        careful: bool = False,
    ) -> None:
        """Begin a new trail in *folder*; *time* gives now as RFC 3339. Raises OSError.

        A segment is closed at *segment_bytes*, or when it is *segment_seconds* old by *clock*; that
        of a *careful* trail only by `turn`.
        """
        self.name = os.urandom(NAME_BYTES).hex()
        self._folder = folder
        self._signer = signer
        self._time = time
        self._clock = clock
        self._limits = segment_bytes, segment_seconds
        self._careful = careful
        self._ahead = min(AHEAD, segment_bytes)
        """How many zeros are written ahead in a careful trail; none when its disk has failed."""
        self._rooms = Rooms(folder, segment_bytes, clock)
        self._tree = Tree()
        self._leaves: list[bytes] = []
        """Of records that are not in the tree yet."""
        self._signed_size = 0
        self._checkpoints = CheckpointFile(folder)
        self._lock = RLock()
        """Of all but `_syncing`, which is taken before it."""
        self._syncing = Lock()
        self._closing: list[Segment] = []
        """Full ones, which are on the disk only when they are closed."""
        self._segment = self._begin(0, "")
        try:
            self._segment.sync()
        except OSError:
            self._segment.remove()
            raise
        self._since = clock()
        self._pushed = 0
        """Up to where the newest segment is on its way to the disk."""
        self._sure = self._segment.mark
        """Up to where the newest segment is known to be on the disk."""
        self._closed = False

    @property
    def path(self) -> Path:
        """The segment that is written now."""
        return self._segment.path

    @property
    def size(self) -> int:
        """How many records there are."""
        return self._segment.sequence

    @property
    def broken(self) -> bool:
        """Whether the disk has failed to take the newest segment: the next record begins one."""
        return bool(self._segment.broken)

    @property
    def due(self) -> bool:
        """Whether the segment is so full or old that it should be closed."""
        size, age = self._limits
        old = self._clock() - self._since >= age and not self._segment.empty
        return self._segment.size >= size or old

    @property
    def sure(self) -> int:
        """How many records of a careful trail are on the disk."""
        return self._sure.sequence

    @property
    def unsure(self) -> int:
        """How many records the disk may not have yet."""
        with self._lock:
            oldest = min((one.header.first for one in self._closing), default=self._sure.sequence)
            return self.size - oldest

    def append(self, payload: bytes) -> None:
        """Keep a record. Raises OSError; then nothing of it is kept."""
        with self._lock:
            self._make_room()
            leaves = self._leaves
            leaves.append(self._segment.append(payload))
            if len(leaves) >= PACED_FROM and not self._careful:
                self._digest(AT_ONCE)

    def append_all(self, payloads: list[bytes]) -> None:
        """Keep records, all or none. Raises OSError."""
        with self._lock:
            self._make_room()
            self._leaves += self._segment.append_all(payloads)
            while len(self._leaves) >= PACED_FROM and not self._careful:
                self._digest(AT_ONCE)

    def grow(self) -> None:
        """Take records of a careful trail into the tree, when many are on the disk."""
        with self._lock:
            while len(self._leaves) >= PACED_FROM and self._digest(AT_ONCE):
                pass

    def _make_room(self) -> None:
        full = self._segment.size >= self._limits[0] and not self._careful
        full = full and len(self._closing) < MOST_CLOSING
        if full or self._segment.broken:
            if self._careful and self.size > self._sure.sequence:
                raise OSError(EIO, self._segment.broken)  # That must be forgotten before.
            self._go_on()

    def turn(self) -> None:
        """Go on in a new segment and close the old one; raise OSError.

        Where no new one can be made it goes on in the old one, if that is whole. Of a careful trail
        the old one is left to `finish`, and `digest_paced` should come before: who appends waits.
        """
        if not self._careful:
            self.digest_paced()
        with self._syncing:
            with self._lock:
                if self._careful:
                    self._bring()
                if self._segment.size < self._limits[0]:
                    self._rooms.drop()  # It is only old.
                self._go_on()
            if not self._careful:
                self._finish()

    def finish(self) -> None:
        """Close what is full. Raises OSError."""
        with self._syncing:
            self._finish()

    def look(self) -> int | None:
        """Return None if readers find the newest segment; else how many records went with it.

        Then nothing is appended to it any more, and the next record begins a new one. Of a careful
        trail those are not counted that the disk may not have: they can be appended anew.
        """
        with self._lock:
            segment = self._segment
            if segment.broken or segment.file == NONE or segment.is_there:
                return None
            segment.broken = GONE
            if not self._careful:
                self._sure = segment.mark
            return self._sure.sequence - segment.header.first

    @property
    def full(self) -> bool:
        """Whether there are full segments, which `sync` closes."""
        return bool(self._closing)

    @property
    def heavy(self) -> bool:
        """Whether another thread should `push`, or `sync` where there are full segments.

        Never a careful trail, which is brought to the disk all the time.
        """
        much = self._segment.size - self._pushed >= PUSHED
        return (much or bool(self._closing)) and not self._careful

    def push(self) -> None:
        """Have the kernel begin to write what was appended, and make `Rooms`; nobody waits."""
        with self._lock:
            segment, start = self._segment, self._pushed
            end = segment.size - SPARED
            if end <= start:
                return  # It is a new one, since that was due.
            self._pushed = end
        self._hand_over(segment, start, end)
        if self._rooms.prepare(end):
            with self._syncing:  # It is not closed meanwhile.
                segment.widen(self._rooms.most)

    @property
    def short(self) -> bool:
        """Whether another thread should `fill`."""
        return self._segment.short

    def fill(self) -> None:
        """Write zeros ahead of the records of a careful trail, if there is room for that."""
        segment = self._segment
        try:
            segment.fill()
        except OSError:
            # Its room is for records, and for others: what keeps the disk full is not this.
            with self._lock, suppress(OSError):
                segment.cut_back()

    def _begin(self, number: int, previous: str) -> Segment:
        header = self._header(number, previous)
        if self._careful:
            return Padded(self._folder, header, self._ahead)
        return Segment(self._folder, header, file=self._rooms.take())

    def _go_on(self) -> None:
        """Begin a new segment."""
        old = self._segment
        if old.broken:
            self._ahead = 0
        if old.broken and old.empty:
            # Not even its header is sure to be there.
            old.remove()
            number, previous = old.header.number, old.header.previous
        else:
            number, previous = old.header.number + 1, old.digest.hex()
        while self._digest():
            pass
        self._segment = self._begin(number, previous)
        self._since = self._clock()
        self._pushed = 0
        self._sure = self._segment.mark
        self._closing.append(old)

    def _finish(self) -> None:
        """Close what is full. Raises OSError when that cannot be brought to the disk."""
        while self._closing:
            old = self._closing[0]
            try:
                old.close()
            finally:
                old.drop()
                with self._lock:
                    self._closing.remove(old)

    def sync(self) -> None:
        """Bring everything to the disk, in another thread if need be. Raises OSError.

        After that all that follows is kept in a new segment.
        """
        if not self._careful:
            self._hand_over_all()  # So little is left to the syncs themselves.
        with self._syncing:
            self._finish()
            self._bring()

    def _hand_over_all(self) -> None:
        with self._lock:
            segment, start, end = self._segment, self._pushed, self._segment.size - SPARED
            self._pushed = max(start, end)
            full = self._closing[:1]
        for old in full:
            self._hand_over(old, max(0, old.size - 2 * PUSHED), old.size)
        self._hand_over(segment, start, end)

    def _hand_over(self, segment: Segment, start: int, end: int) -> None:
        """Have the kernel begin to write these bytes of *segment*, in pieces; nobody waits."""
        while start < end:
            with self._syncing:  # It is not closed meanwhile. Who goes on in another one waits.
                if segment.file == NONE:
                    return
                begin_writing(segment.file, start, min(start + PIECE, end))
            start += PIECE
            sleep(PIECE_SECONDS)

    def _bring(self) -> None:
        with self._lock:
            segment, mark = self._segment, self._segment.mark
            self._rooms.look(mark.size)
        if mark == self._sure:
            return
        try:
            segment.sync()
        except OSError:
            if not self._careful:
                self._sure = mark  # It is told once.
            raise
        with self._lock:
            if segment is self._segment and not segment.broken:  # See `look`.
                self._sure = mark

    def begin_sync(self) -> Begun | None:
        """Return what is to be brought to the disk now, beside; `end_sync` must follow.

        Of a careful trail. None where another thread is at it, or there is more to do than that.
        """
        if not self._syncing.acquire(blocking=False):
            return None
        if self._closing or self._segment.broken or not self._segment.named:
            self._syncing.release()
            return None
        return Begun(self._segment, self._segment.mark)

    def end_sync(self, begun: Begun | None, failed: OSError | None = None) -> None:
        """Note that what was *begun* is on the disk, or has *failed*. None: it was not begun."""
        with self._lock:
            if failed is not None:
                self._segment.fail(failed)
            elif begun is not None and not self._segment.broken:  # See `look`.
                self._sure = begun.mark
        self._syncing.release()

    def rewind(self) -> None:
        """Forget, in a careful trail whose `sync` has failed, what the disk may not have."""
        with self._lock:
            lost = self.size - self._sure.sequence
            del self._leaves[len(self._leaves) - lost :]
            self._segment.rewind(self._sure)

    def digest(self, most: int = DIGESTED) -> bool:
        """Take up to *most* records into the tree; return whether there are more."""
        with self._lock:
            return self._digest(most)

    def _digest(self, most: int = DIGESTED) -> bool:
        if self._careful:
            most = min(most, self._sure.sequence - self._tree.size)
        self._tree.extend(self._leaves[:most])
        del self._leaves[:most]
        return bool(most and self._leaves)

    def checkpoint(self) -> str:
        """Sign what there is and return the note; empty when nothing is new. Raises OSError."""
        self.digest_paced()
        with self._lock:
            while self._digest():
                pass
            size, root = self._tree.size, self._tree.root
            digest = self._sure.digest if self._careful else self._segment.digest
            number = self._segment.header.number
        if size == self._signed_size:
            return ""
        origin = f"{self._signer.name}/{self.name}"
        note = self._checkpoints.append(
            Checkpoint(origin, size, root, number, digest, self._time(), ""), self._signer
        )
        self._signed_size = size
        return note

    def close(self) -> None:
        """Sign and close; raise OSError. Closing twice is fine."""
        if self._closed:
            return
        self._closed = True
        with self._syncing:
            try:
                self._finish()
                self._bring()
                self.checkpoint()
                self._segment.close()
            finally:
                self._segment.drop()
                self._rooms.end()

    def digest_paced(self) -> None:
        """Take what there is into the tree, a little at a time."""
        most, before = PACED, len(self._leaves)
        while self.digest(most):
            # Each time takes the interpreter from those who append: they get it back in between.
            sleep(PACE_SECONDS)
            left = len(self._leaves)
            if left >= before:
                most = min(2 * most, DIGESTED)
            before = left

    def _header(self, number: int, previous: str) -> Header:
        return Header(
            trail=self.name,
            number=number,
            first=self._tree.size,
            previous=previous,
            opened=self._time(),
            peaks=tuple(one.hex() for one in self._tree.peaks),
        )
