"""A segment's first and last lines in, what they say out: whose records, and how the file ended."""

from __future__ import annotations

from contextlib import suppress

import msgspec

from engine.storage.frames import Frame
from engine.storage.no_json import NO_JSON

FORMAT = 1
OPEN = ".open"
"""The ending of a segment that may grow."""
CLOSED = ".seg"
COMPRESSED = f"{CLOSED}.zst"
_CUT = b'{"kind":"cut",'


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """The first line of a segment: whose records, and behind which."""

    format: int = FORMAT
    trail: str
    """Names the process' trail among all."""
    number: int
    """Of the segment in the trail, from 0."""
    first: int
    """The number of the first record."""
    previous: str
    """The last digest of the segment before, in hex; empty for the first."""
    opened: str
    """RFC 3339."""
    peaks: tuple[str, ...] = ()
    """The whole subtrees of the Merkle tree over the records before, in hex, largest first."""

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return f"{self.trail}-{self.number:08d}"

    @property
    def line(self) -> bytes:
        """The line."""
        return msgspec.json.encode(self) + b"\n"


class NoSegment(Exception):
    """A file does not begin as a segment does; the text says how."""


def is_begun(data: bytes) -> bool:
    """Return whether *data* is a segment whose header was not written to its end: it is empty."""
    return b"\n" not in data


def read_header(data: bytes) -> tuple[Header, int]:
    """Return the header and where it ends. Raises NoSegment."""
    end = data.find(b"\n") + 1
    try:
        header = msgspec.json.decode(data[:end], type=Header)
    except NO_JSON as error:
        raise NoSegment(f"its first line is no header: {error}") from None
    if header.format != FORMAT:
        raise NoSegment(f"its format is {header.format}, and only {FORMAT} is known")
    return header, end


class Cut(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="cut"):
    """The last record of a segment whose writer did not close it, with what was half written."""

    time: str
    lost: int
    """Bytes of the record that was being written; 0 when the last one was whole."""


def is_cut(frame: Frame, size: int) -> bool:
    """Return whether *frame* is what a recovery has put behind the last record of *size* bytes.

    It is no record of the trail: another segment may go on before it.
    """
    return frame.end == size and frame.payload.startswith(_CUT)


def lost_of(frame: Frame) -> int:
    """Return how many bytes the recovery has cut that *frame* tells of."""
    with suppress(*NO_JSON):
        return msgspec.json.decode(frame.payload, type=Cut).lost
    return 0
