"""Hyperscan, typed: expressions to a database as bytes, and those bytes to one that finds.

There are machines without the library. It is never the authority on what matches (see `net`).
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

try:
    import hyperscan
except ImportError:
    hyperscan = None

VERSION = "" if hyperscan is None else hyperscan.__version__
"""Empty where the library cannot be imported. A database fits the version that made it."""

Wanted = tuple[str, bool]
"""An expression over bytes, and whether its first match in a text is enough."""


class DatabaseError(ValueError):
    """Bytes that this machine's Hyperscan cannot use, or there is none; the text says why."""


def _note(index: int, _begin: int, end: int, _flags: int, events: list[int]) -> None:
    events.append(index)
    events.append(end)


class Database:
    """Finds expressions in bytes. Safe to share between threads: each has memory of its own."""

    __slots__ = ("_database", "_own")

    def __init__(self, data: bytes) -> None:
        """Load *data*, made by `build`. Raises `DatabaseError`."""
        if hyperscan is None:
            raise DatabaseError("hyperscan cannot be imported")
        try:
            self._database = hyperscan.loadb(data, hyperscan.HS_MODE_BLOCK)
            self._own = threading.local()
            self._own.scratch = hyperscan.Scratch(self._database)
        except hyperscan.error as error:
            raise DatabaseError(str(error)) from error

    def events(self, data: bytes) -> list[int]:
        """Return number and end of each match in *data*, one after the other in one flat list."""
        events: list[int] = []
        try:
            scratch = self._own.scratch
        except AttributeError:
            scratch = self._own.scratch = hyperscan.Scratch(self._database)
        self._database.scan(data, _note, context=events, scratch=scratch)
        return events


def build(wanted: Sequence[Wanted]) -> tuple[bytes, list[int]]:
    """Return a database of *wanted*, as bytes, and which of them it has: not those too large for it.

    Raises `DatabaseError` where there is no library.
    """
    if hyperscan is None:
        raise DatabaseError("hyperscan cannot be imported")
    kept = list(range(len(wanted)))
    try:
        return _compiled(wanted), kept
    except hyperscan.error:
        kept = [place for place in kept if _fits(wanted[place])]
        return _compiled([wanted[place] for place in kept]), kept


def _compiled(wanted: Sequence[Wanted]) -> bytes:
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(
        expressions=[text.encode() for text, _ in wanted],
        ids=list(range(len(wanted))),
        elements=len(wanted),
        flags=[hyperscan.HS_FLAG_SINGLEMATCH if single else 0 for _, single in wanted],
    )
    data: bytes = hyperscan.dumpb(database)
    return data


def _fits(wanted: Wanted) -> bool:
    try:
        _compiled([wanted])
    except hyperscan.error:
        return False
    return True
