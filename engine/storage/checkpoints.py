"""A trail's state in, a signed checkpoint out; checkpoints in, what they vouch for out.

A chain shows that a record was changed, but not that its end was cut off, nor that all of it was
made anew. A checkpoint does: a note that signs how many records a trail has and the root of the
Merkle tree over them. Its form is C2SP's tlog-checkpoint, so that other tools read it::

    audit.example/1f3a9c0b12de4f56          the signer's name, and the trail
    1042                                    its records
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
    segment 3 9b1c…                         the segment and its last digest
    time 2026-01-01T00:00:00.000000Z
    previous 5f2d…                          SHA-256 of the note before, of whichever trail

All trails of a folder write into one file, each behind the note that was there: none can be taken
out without another one telling, but for those that a signed bridge stands for (see `bridges`). It
must also be copied to where this machine cannot change it.
"""

from __future__ import annotations

import fcntl
import os
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from errno import ENOSPC
from hashlib import sha256
from pathlib import Path

import msgspec

from engine.storage.bridges import Bridge, is_bridge, read_bridge
from engine.storage.no_json import NO_JSON
from engine.storage.notes import NoteError, Signer, Verifier, open_note
from engine.storage.plain import plain_file

FILE = "checkpoints.jsonl"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a note says."""

    origin: str
    size: int
    root: bytes
    segment: int
    digest: bytes
    time: str
    previous: str
    """SHA-256 of the note before, in hex; empty for the first."""

    @property
    def trail(self) -> str:
        """The trail's name."""
        return self.origin.rpartition("/")[2]

    @property
    def text(self) -> str:
        """The text that is signed."""
        root = b64encode(self.root).decode()
        return (
            f"{self.origin}\n{self.size}\n{root}\nsegment {self.segment} {self.digest.hex()}\n"
            f"time {self.time}\nprevious {self.previous}\n"
        )


class Line(msgspec.Struct, frozen=True):
    """A line of the file."""

    note: str


def read_checkpoint(text: str) -> Checkpoint:
    """Return the checkpoint in a note's *text*. Raises NoteError."""
    lines = text.removesuffix("\n").split("\n")
    try:
        origin, size, root, segment, time, previous = lines
        kind, number, digest = segment.split(" ")
        found = Checkpoint(
            origin,
            int(size),
            b64decode(root, validate=True),
            int(number),
            bytes.fromhex(digest),
            time.removeprefix("time "),
            previous.removeprefix("previous "),
        )
    except (ValueError, Error):
        raise NoteError("this is no checkpoint of a trail") from None
    if found.text != text or kind != "segment":
        raise NoteError("this is no checkpoint of a trail")
    return found


def digest_of(note: str) -> str:
    """Return the digest of *note*."""
    return sha256(note.encode()).hexdigest()


def text_of(note: str) -> str:
    """Return the text of *note*, whoever has signed it."""
    return note.rpartition("\n\n")[0] + "\n"


def read_text(text: str) -> Checkpoint | Bridge:
    """Return what a note's *text* says. Raises NoteError."""
    return read_bridge(text) if is_bridge(text) else read_checkpoint(text)


def followed(note: str, said: Checkpoint | Bridge) -> str:
    """Return what the next note says it follows."""
    return said.behind if isinstance(said, Bridge) else digest_of(note)


class CheckpointFile:
    """The file that all trails of a folder write their checkpoints into."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE

    def append(self, checkpoint: Checkpoint, signer: Signer) -> str:
        """Sign *checkpoint* behind the newest note, append and return it. Raises OSError."""
        file = self.locked()
        try:
            size = os.fstat(file).st_size
            before, end = _newest(file, size)
            previous = _follows(before) if before else ""
            note = signer.sign(replace(checkpoint, previous=previous).text)
            if end < size:  # A crash has left half a line.
                os.ftruncate(file, end)
            line = msgspec.json.encode(Line(note)) + b"\n"
            if os.write(file, line) < len(line):
                os.ftruncate(file, end)
                raise OSError(ENOSPC, os.strerror(ENOSPC))
            os.fdatasync(file)
        finally:
            os.close(file)
        return note

    def locked(self) -> int:
        """Return the file's descriptor, to append; nobody else does until it is closed.

        Raises OSError.
        """
        while True:
            file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(file, fcntl.LOCK_EX)
                if os.fstat(file).st_ino == self.path.stat().st_ino:
                    return file
            except FileNotFoundError:
                pass
            except OSError:
                os.close(file)
                raise
            os.close(file)  # It was rolled while this waited for the lock.

    def notes(self) -> Iterator[str]:
        """Yield the notes in their order. Raises OSError, and NoteError for what is no line."""
        for number, note in enumerate(self.lines(), 1):
            if note is None:
                raise NoteError(f"{self.path}:{number}: this is no checkpoint")
            yield note

    def lines(self) -> Iterator[str | None]:
        """Yield the note of each line, None for what is no line of this file. Raises OSError."""
        try:
            file = plain_file(self.path)
        except FileNotFoundError:
            return
        with file:
            for line in file:
                # Behind the last end of a line is what is being written, or what a crash has cut.
                if line.endswith(b"\n"):
                    yield note_in(line)


def note_in(line: bytes) -> str | None:
    """Return the note of a *line*, None for what is no line of the file."""
    try:
        return msgspec.json.decode(line, type=Line).note
    except NO_JSON:
        return None


def opened(
    notes: Iterable[str], verifiers: Iterable[Verifier], *, chained: bool = True
) -> Iterator[Checkpoint]:
    """Yield the checkpoints in *notes*, each signed and behind the one before. Raises NoteError.

    Without *chained* they may come from anywhere.
    """
    known = tuple(verifiers)
    previous = ""
    for number, note in enumerate(notes, 1):
        try:
            found = read_text(open_note(note, known))
        except NoteError as error:
            raise NoteError(f"checkpoint {number}: {error}") from None
        if chained and found.previous != previous:
            raise NoteError(f"checkpoint {number} does not follow the one before it")
        previous = followed(note, found)
        if isinstance(found, Checkpoint):
            yield found


class Damage(msgspec.Struct, frozen=True):
    """What is wrong with the checkpoints of the lines *first* to *last*."""

    first: int
    last: int
    why: str

    def __str__(self) -> str:
        if self.last == self.first:
            return f"checkpoint {self.first}{self.why}"
        why = self.why.replace(" does not", " do not", 1)
        return f"checkpoints {self.first} to {self.last}{why}"


def sound(
    lines: Iterable[str | None],
    verifiers: Iterable[Verifier],
    damages: list[Damage],
    bridges: list[Bridge] | None = None,
) -> Iterator[Checkpoint]:
    """Yield the signed checkpoints in *lines*, whatever stands between them; that in *damages*.

    What stands for checkpoints that were forgotten goes into *bridges*. Each signature stands for
    itself: one line that was changed takes nothing from the others.
    """
    known = tuple(verifiers)
    previous: str | None = ""
    for number, note in enumerate(lines, 1):
        try:
            found = read_text(open_note(note or "", known))
        except NoteError as error:
            _damaged(damages, number, ": this is no checkpoint" if note is None else f": {error}")
            # What comes next follows what this line was, or, if it was written later than the
            # damage was done, the newest line that could be read: that cannot be told any more.
            previous = None
            continue
        if previous is not None and found.previous != previous:
            _damaged(damages, number, " does not follow the one before it")
        previous = followed(note or "", found)
        if isinstance(found, Checkpoint):
            yield found
        elif bridges is not None:
            bridges.append(found)


def _damaged(damages: list[Damage], number: int, why: str) -> None:
    """Add a line to *damages*: to the last of them, where it goes on."""
    first = number
    if damages and (damages[-1].last, damages[-1].why) == (number - 1, why):
        first = damages.pop().first
    damages.append(Damage(first, number, why))


def _follows(note: str) -> str:
    """Return what a note behind *note*, the newest in the file, says it follows."""
    try:
        return followed(note, read_text(text_of(note)))
    except NoteError:
        return digest_of(note)


def _newest(file: int, size: int) -> tuple[str, int]:
    """Return the newest note in *file* that can be read, or "", and where the whole lines end.

    A line that cannot be read is evidence, which verify names: it stays, and what is signed next
    stands behind it.
    """
    at, data, most = size, b"", 4096
    while at:
        step = min(at, most)
        at -= step
        data = os.pread(file, step, at) + data
        whole = data[: data.rfind(b"\n") + 1].splitlines()
        # The first of these lines may be the end of one that begins further ahead.
        for line in reversed(whole if not at else whole[1:]):
            with suppress(*NO_JSON):
                return msgspec.json.decode(line, type=Line).note, at + data.rfind(b"\n") + 1
        most = len(data)
    return "", data.rfind(b"\n") + 1
