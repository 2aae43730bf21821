"""Segments whose writer is gone in, closed and signed ones out."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from engine.storage.checkpoints import Checkpoint, CheckpointFile, read_checkpoint
from engine.storage.frames import first_digest, read_frames
from engine.storage.header import CLOSED, is_begun, is_cut, read_header
from engine.storage.merkle import Tree
from engine.storage.notes import NoteError, Signer
from engine.storage.plain import plain_bytes
from engine.storage.segment import recover


def sign_closed(path: Path, signer: Signer, time: str) -> str:
    """Sign all of the trail whose last segment is at *path*, which nobody writes any more.

    Return the note. Raises OSError, NoSegment and Altered.
    """
    data = plain_bytes(path)
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


def recover_signed(path: Path, signer: Signer, time: str) -> Path | None:
    """Close the open segment at *path* if its writer is gone, and sign all of its trail.

    Return the closed segment: the one before it, where *path* was not even begun; None where there
    is nothing to do. Raises OSError, NoSegment and Altered.
    """

    def sign(last: Path) -> None:
        begun = not is_begun(plain_bytes(last))
        whole = last if begun else _before(last)
        if begun or whole.exists():
            sign_closed(whole, signer, time)

    def signed(trail: str) -> int:
        return _signed_size(path.parent, trail)

    closed = recover(path, time, sign, signed)
    if closed is not None:
        return closed
    if path.exists() or path.with_suffix(CLOSED).exists() or not _before(path).exists():
        return None  # Somebody has it, was quicker, or it was the first one.
    return _before(path)


def _signed_size(folder: Path, trail: str) -> int:
    """Return the most records of *trail* that a checkpoint in *folder* counts, whoever signed it.

    Raises OSError.
    """
    most = 0
    for note in CheckpointFile(folder).lines():
        with suppress(NoteError):
            found = read_checkpoint((note or "").rpartition("\n\n")[0] + "\n")
            if found.trail == trail:
                most = max(most, found.size)
    return most


def _before(path: Path) -> Path:
    """Return where the segment is, closed, that comes before the one at *path*."""
    name, _, number = path.stem.rpartition("-")
    return path.with_name(f"{name}-{int(number) - 1:08d}{CLOSED}")
