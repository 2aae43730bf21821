"""Records in, a Parquet file of the table of `forms_table` out, a group of rows at a time.

Needs the extra ``parquet``: nobody imports this module before it is asked for.
"""

from __future__ import annotations

from types import TracebackType
from typing import BinaryIO, Final, Self, assert_never

import pyarrow as pa
from pyarrow import parquet as pq

from engine.sinks.forms_table import COLUMNS, REASON, Column, Type, row_of
from engine.sinks.forms_taken import Taken

ROWS: Final = 16_384
"""Rows of a group: what is held in memory, and what a reader can skip as a whole."""

MOST_BYTES: Final = 32 * 2**20
"""Bytes of the records of a group; a group of long records has fewer rows."""

LEVEL: Final = 3


class ParquetWriter:
    """Writes records into *file*, compressed with zstd. Whoever opens it closes it, or uses `with`.

    A block that does not end well gives the file up: what is there of it is not made to look whole.
    """

    def __init__(self, file: BinaryIO, *, rows: int = ROWS) -> None:
        self._outlet = Outlet(file)
        self._writer = pq.ParquetWriter(
            self._outlet, SCHEMA, compression="zstd", compression_level=LEVEL, version="2.6"
        )
        self._most = rows
        self._rows: list[dict[str, object]] = []
        self._bytes = 0

    def add(self, taken: Taken) -> None:
        """Add a row. Raises OSError."""
        self._rows.append(row_of(taken))
        self._bytes += len(taken.payload)
        if len(self._rows) >= self._most or self._bytes >= MOST_BYTES:
            self._flush()

    def close(self) -> None:
        """Write what is left, and the file's end. Raises OSError."""
        self._flush()
        self._writer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        self._outlet.shut = True

    def _flush(self) -> None:
        if not self._rows:
            return
        columns = {name: [row[name] for row in self._rows] for name in SCHEMA.names}
        self._writer.write_table(pa.Table.from_pydict(columns, schema=SCHEMA))
        self._rows.clear()
        self._bytes = 0


class Outlet:
    """What pyarrow writes to, until it is shut: then what comes is written nowhere.

    For pyarrow ends a file also when it is only let go of, and tells of one that is closed by then.
    """

    closed = False
    """Never: pyarrow asks before it writes."""

    def __init__(self, file: BinaryIO) -> None:
        self.shut = False
        self._file = file

    def write(self, data: bytes) -> int:
        """Write *data*, or nothing. Raises OSError."""
        return len(data) if self.shut else self._file.write(data)

    def flush(self) -> None:
        """Do nothing: whoever opened the file sees to it."""


def arrow_type(type_: Type) -> pa.DataType:
    """Return the type of Arrow for a column's."""
    match type_:
        case "time":
            return pa.timestamp("us", tz="UTC")
        case "text" | "json":
            return pa.string()
        case "whole":
            return pa.int64()
        case "number":
            return pa.float64()
        case "flag":
            return pa.bool_()
        case "texts":
            return pa.list_(pa.string())
        case "reasons":
            return pa.list_(pa.struct([(name, pa.string()) for name in (*REASON, "values")]))
        case "redactions":
            fields = [("entity", pa.string()), ("path", pa.string()), ("length", pa.int64())]
            return pa.list_(pa.struct(fields))
        case _:
            assert_never(type_)


def _field(column: Column) -> pa.Field:
    always = column.name in {"trail", "sequence"}
    return pa.field(column.name, arrow_type(column.type), nullable=not always)


SCHEMA: Final = pa.schema([_field(column) for column in COLUMNS])
