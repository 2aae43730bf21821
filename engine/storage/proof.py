"""A record in, a proof that it is in the signed trail out; a proof in, its record out.

The form is C2SP's tlog-proof, so that other tools check it too; the record itself is the extra::

    c2sp.org/tlog-proof@v1
    extra eyJraW5kIjoi…          the record
    index 41                     its number
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
    …                            the roots that lead up to that of the tree

    audit.example/1f3a9c0b12de4f56
    1042                         a signed checkpoint; see `checkpoints`
    …
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Iterable
from pathlib import Path

import msgspec

from engine.storage.checkpoints import Checkpoint, CheckpointFile, read_checkpoint
from engine.storage.frames import first_digest, leaf_of, scan_frames
from engine.storage.header import read_header
from engine.storage.merkle import inclusion, root_from
from engine.storage.no_json import NO_JSON
from engine.storage.notes import NoteError, Verifier, open_note
from engine.storage.read import Kept
from engine.storage.source import read_bytes, segment_files, stem_of

FIRST_LINE = "c2sp.org/tlog-proof@v1"
_EXTRA = "extra "
_INDEX = "index "


class ProofError(Exception):
    """There is no proof, or one proves nothing; the text says why."""


class Proven(msgspec.Struct, frozen=True):
    """What a proof proves: this record is number *index* of what the checkpoint signs."""

    index: int
    payload: bytes
    checkpoint: Checkpoint


def make_proof(folder: Path, kept: Kept, verifiers: Iterable[Verifier]) -> str:
    """Return the proof that *kept* is in the trail of *folder*, by the first note that vouches.

    Raises ProofError, NoteError, OSError and NoSegment.
    """
    note, checkpoint = _vouching(folder, kept, tuple(verifiers))
    paths = [one for one in segment_files(folder) if stem_of(one).startswith(f"{kept.trail}-")]
    leaves: list[bytes] = []
    first = 0
    peaks: tuple[bytes, ...] = ()
    for path in paths:
        data = read_bytes(path)
        header, end = read_header(data)
        if header.first > kept.sequence and not leaves:
            break
        found = scan_frames(data, end, first_digest(data[:end]), header.first)
        if header.first + len(found.leaves) <= kept.sequence:
            continue
        if not leaves:
            first, peaks = header.first, tuple(bytes.fromhex(one) for one in header.peaks)
        # What a recovery adds behind the last record is none of the trail.
        del leaves[header.first - first :]
        leaves += found.leaves
        if first + len(leaves) >= checkpoint.size:
            break
    if first + len(leaves) < checkpoint.size:
        raise ProofError("the trail is not whole up to the checkpoint: ask `verify`")
    path_up = inclusion(leaves[: checkpoint.size - first], kept.sequence, first, peaks)
    if root_from(leaf_of(kept.payload), kept.sequence, checkpoint.size, path_up) != checkpoint.root:
        raise ProofError("the trail is not what was signed: ask `verify`")
    lines = [FIRST_LINE, f"{_EXTRA}{b64encode(kept.payload).decode()}", f"{_INDEX}{kept.sequence}"]
    lines += [b64encode(one).decode() for one in path_up]
    return "\n".join(lines) + f"\n\n{note}"


def _vouching(folder: Path, kept: Kept, verifiers: tuple[Verifier, ...]) -> tuple[str, Checkpoint]:
    """Return the smallest signed checkpoint of the record's trail that covers it."""
    found: tuple[str, Checkpoint] | None = None
    for note in CheckpointFile(folder).lines():
        try:
            one = read_checkpoint((note or "").rpartition("\n\n")[0] + "\n")
        except NoteError:
            continue  # A damaged line: another one may vouch.
        if one.trail != kept.trail or one.size <= kept.sequence:
            continue
        if found is None or one.size < found[1].size:
            found = note or "", one
    if found is None:
        raise ProofError("no checkpoint vouches for it yet; the next one will, in a moment")
    open_note(found[0], verifiers)
    return found


def read_proof(text: str, verifiers: Iterable[Verifier]) -> Proven:
    """Return what the proof in *text* proves. Raises ProofError, and NoteError for its note."""
    head, _, note = text.partition("\n\n")
    lines = head.split("\n")
    shape = (FIRST_LINE, _EXTRA, _INDEX)
    whole = len(lines) >= len(shape) and all(map(str.startswith, lines, shape))
    try:
        payload = b64decode(lines[1].removeprefix(_EXTRA) if whole else "!", validate=True)
        number = int(lines[2].removeprefix(_INDEX))
        path = [b64decode(one, validate=True) for one in lines[3:]]
    except (ValueError, Error):
        raise ProofError("this is no proof of a record (c2sp.org/tlog-proof@v1)") from None
    checkpoint = read_checkpoint(open_note(note, verifiers))
    try:
        root = root_from(leaf_of(payload), number, checkpoint.size, path)
    except ValueError as error:
        raise ProofError(f"it proves nothing: {error}") from None
    if root != checkpoint.root:
        raise ProofError("it proves nothing: the record is not in what was signed")
    return Proven(number, payload, checkpoint)


def notes_in(text: str) -> list[str]:
    """Return the checkpoints in a second copy of them, whatever keeps it. Raises NoteError.

    It may be a copy of ``checkpoints.jsonl``, a log of the daemon, what a sink has, or plain notes.
    """
    found: list[str] = []
    for line in text.split("\n"):
        at = line.find('"note":')
        if at >= 0:
            with_note = line[line.find('"', at + len('"note":')) :]
            found += _string_at(with_note)
    if found or not text.strip():
        return found
    parts = text.strip("\n").split("\n\n")
    return [f"{one}\n\n{signed}\n" for one, signed in zip(parts[::2], parts[1::2], strict=False)]


def _string_at(text: str) -> list[str]:
    """Return the JSON string that *text* begins with, if it does."""
    end = 1
    while end < len(text) and text[end] != '"':
        end += 2 if text[end] == "\\" else 1
    try:
        return [msgspec.json.decode(text[: end + 1], type=str)]
    except NO_JSON:
        return []
