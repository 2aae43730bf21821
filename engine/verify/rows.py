"""Labelled texts in JSON lines, plain or gzip: what stands where, or whether it is an attack.

Three kinds of rows, as published with most corpora of this sort; offsets count code points::

    {"id": "1", "text": "...", "spans": [{"start": 3, "end": 9, "type": "pii.email"}]}
    {"id": "2", "text": "...", "contains": true, "type": "pii.phone"}
    {"id": "3", "text": "...", "label": 1, "kind": "indirect"}

Further fields: ``scope`` names the types that the row's truth covers; a span with ``"optional":
true`` is neither right nor wrong to find; ``template`` keeps rows of one making in one half.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

Half = Literal["all", "tune", "held"]
GZIP = b"\x1f\x8b"
LONGEST_LINE = 16_777_216


class RowError(ValueError):
    """A file or a line that holds no labelled row; the message says which and why."""


class TrueSpan(msgspec.Struct, frozen=True):
    """A finding that should be made: *type* at ``start:end``, in code points."""

    start: int
    end: int
    type: str
    optional: bool = False


class Row(msgspec.Struct, frozen=True):
    """One labelled text; of *spans*, *contains* and *label* at least one is given."""

    text: str
    id: str | int = ""
    spans: tuple[TrueSpan, ...] | None = None
    contains: bool | None = None
    type: str = ""
    label: int | None = None
    kind: str = ""
    scope: tuple[str, ...] | None = None
    template: str | int | None = None


_decoder = msgspec.json.Decoder(Row)


def read_rows(path: Path, half: Half = "all") -> Iterator[Row]:
    """Yield the rows of the file at *path* that belong to *half*.

    The halves ``tune`` and ``held`` are chosen by a hash of the row's template or id, so that what
    was looked at while detectors were written never counts as held out. Raises `RowError`.
    """
    number = 0
    try:
        with _opened(path) as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                row = _row(line, path, number)
                if half == "all" or _tunes(row) == (half == "tune"):
                    yield row
    except OSError as error:
        raise RowError(f"cannot read {path}: {error.strerror or error}") from None
    except (EOFError, zlib.error):
        raise RowError(f"{path}: the compressed file ends or breaks after line {number}") from None


def _opened(path: Path) -> gzip.GzipFile:
    with path.open("rb") as file:
        packed = file.read(2) == GZIP
    return gzip.open(path, "rb") if packed else path.open("rb")  # type: ignore[return-value]


def _row(line: bytes, path: Path, number: int) -> Row:
    if len(line) > LONGEST_LINE:
        raise RowError(f"{path}:{number}: the line is longer than {LONGEST_LINE:,} bytes")
    try:
        row = _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RowError(f"{path}:{number}: {error}") from None
    if row.spans is None and row.contains is None and row.label is None:
        raise RowError(f"{path}:{number}: a row needs `spans`, `contains` or `label`")
    size = len(row.text)
    for span in row.spans or ():
        if not 0 <= span.start < span.end <= size:
            raise RowError(
                f"{path}:{number}: the span {span.start}:{span.end} is not inside the text, "
                f"which has {size} characters"
            )
    return row


def _tunes(row: Row) -> bool:
    key = str(row.template or row.id)
    return hashlib.sha256(key.encode()).digest()[0] % 2 == 0
