"""How far a sink has got in, a file that survives crashes out; and back.

One file a sink, replaced as a whole and brought to the disk before anything else goes on. It is
written after the sink has taken a batch, never before: what was sent but not yet noted is sent
again after a crash. A file that is not what was written is put aside, and all that there is is sent
again: that can be told from the log and by who receives it, and loses nothing.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import msgspec

FORMAT = 1
FOLDER = "shipped"
"""In the trail's folder. Others read ``trails`` there: what was not shipped may not be deleted."""
ENDING = ".json"
ASIDE = ".unreadable"


class Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where in a trail the sink goes on."""

    segment: int = 0
    """The segment's number."""
    offset: int = 0
    """Bytes into it; a hint, as segments are compressed and pruned."""
    digest: str = ""
    """Of the last record that was shipped, in hex; empty before the first."""


class Cursor(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How far a sink has got, and what it has done."""

    format: int = FORMAT
    sink: str
    trails: dict[str, int] = {}
    """By trail: the number of the first record that is not shipped."""
    places: dict[str, Place] = {}
    born: str = ""
    """When the sink was first there: trails that were gone by then are no gap."""
    shipped: int = 0
    left_out: int = 0
    """Records that the sink's settings do not choose."""
    dead: int = 0
    missed: int = 0
    """Records that were gone before they could be shipped."""
    run: str = ""
    """When the daemon began, whose decisions are counted in `buckets`."""
    buckets: dict[str, int] = {}
    last: str = ""
    """When the sink took something last, RFC 3339."""
    check: str = ""
    """SHA-256 of the file with nothing in this place."""


class CursorError(Exception):
    """A file is no cursor, or was changed; the text says which."""


def path_of(folder: Path, sink: str) -> Path:
    """Return the cursor's file of *sink* in the trail's *folder*."""
    return folder / FOLDER / f"{sink}{ENDING}"


def load_cursor(path: Path, sink: str) -> Cursor:
    """Return the cursor at *path*, or a new one. Raises OSError and CursorError."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # Who opens a pipe waits for whoever writes.
            raise CursorError("it is no regular file")
        data = path.read_bytes()
    except FileNotFoundError:
        return Cursor(sink=sink)
    try:
        found = msgspec.json.decode(data, type=Cursor)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise CursorError("it is no cursor") from None
    if found.format != FORMAT:
        raise CursorError(f"its format is {found.format}, and only {FORMAT} is known")
    if found.sink != sink:
        raise CursorError("it is another sink's")
    told, found.check = found.check, ""
    if told != checksum(found):
        raise CursorError("it was changed, or is not whole")
    if any(number < 0 for number in found.trails.values()):
        raise CursorError("it holds a number below zero")
    return found


def save_cursor(path: Path, cursor: Cursor) -> None:
    """Replace the file at *path*, on the disk when this returns. Raises OSError."""
    cursor.check = ""
    cursor.check = checksum(cursor)
    new = path.with_suffix(".new")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        rest = memoryview(msgspec.json.encode(cursor))
        while rest:
            rest = rest[os.write(file, rest) :]
        os.fsync(file)
    finally:
        os.close(file)
    new.rename(path)
    sync_folder(path.parent)


def put_aside(path: Path) -> Path:
    """Keep a file that is no cursor under another name, and return it. Raises OSError."""
    number = 0
    while (aside := path.with_suffix(f"{ASIDE}{number or ''}")).exists():
        number += 1
    path.rename(aside)
    return aside


def forget_others(folder: Path, sinks: frozenset[str]) -> list[str]:
    """Delete the cursors of sinks that are not in *sinks* any more; return their names."""
    gone = []
    with suppress(FileNotFoundError):
        for path in sorted((folder / FOLDER).glob(f"*{ENDING}")):
            if path.stem not in sinks:
                path.unlink()
                gone.append(path.stem)
    return gone


def checksum(cursor: Cursor) -> str:
    """Return the checksum of a *cursor* that has none in it."""
    return sha256(msgspec.json.encode(cursor)).hexdigest()


def sync_folder(folder: Path) -> None:
    """Bring the names in *folder* to the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
