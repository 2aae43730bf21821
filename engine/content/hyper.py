"""Hyperscan, typed: expressions to a database as bytes, and those bytes to one that finds.

There are machines without the library. It is never the authority on what matches (see `net`).
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import cast

try:
    import hyperscan
except ImportError:
    hyperscan = None  # type: ignore[assignment]

VERSION = getattr(hyperscan, "__version__", "")
"""Empty where the library cannot be imported. A database fits the version that made it."""

MOST_EVENTS = 1 << 14
"""So many events in one text tell which expressions it has; with more, it may have any."""

Sought = tuple[str, bool]
"""An expression over bytes, and whether its first match in a text is enough."""


class DatabaseError(ValueError):
    """Bytes that this machine's Hyperscan cannot use, or there is none; the text says why."""


def _note(index: int, _begin: int, end: int, _flags: int, events: object) -> None:
    noted = cast("list[int]", events)
    noted.append(index)
    noted.append(end)


def _count(index: int, _begin: int, _end: int, _flags: int, events: object) -> bool:
    """Note an expression, and tell Hyperscan to stop where there were too many events."""
    noted = cast("list[int]", events)
    noted.append(index)
    return len(noted) > MOST_EVENTS


class Database:
    """Finds expressions in bytes. Safe to share between threads: each has memory of its own."""

    __slots__ = ("_database", "_own")

    def __init__(self, data: memoryview) -> None:
        """Load *data*, made by `build`. Raises `DatabaseError`."""
        if hyperscan is None:
            raise DatabaseError("hyperscan cannot be imported")
        try:
            self._database = hyperscan.loadb(bytes(data), hyperscan.HS_MODE_BLOCK)
            self._own = threading.local()
            self._own.scratch = hyperscan.Scratch(self._database)
        except hyperscan.error as error:
            raise DatabaseError(str(error)) from error

    def events(self, data: bytes) -> list[int]:
        """Return number and end of each match in *data*, one after the other in one flat list."""
        events: list[int] = []
        self._database.scan(data, _note, 0, events, self._scratch())  # Hot path: names take time.
        return events

    def matching(self, data: bytes) -> Iterable[int] | None:
        """Return the numbers of what matches in *data*, each once; None if it may be any of them.

        Hot path: a database with first matches alone is slow to begin with: it takes three times
        the memory, and each number of a text reads much of it.
        """
        events: list[int] = []
        try:
            self._database.scan(data, _count, 0, events, self._scratch())
        except hyperscan.ScanTerminated:
            return None
        return dict.fromkeys(events)

    def _scratch(self) -> hyperscan.Scratch:
        try:
            scratch: hyperscan.Scratch = self._own.scratch
        except AttributeError:
            scratch = self._own.scratch = hyperscan.Scratch(self._database)
        return scratch


def build(sought: tuple[Sought, ...], first: int = 0) -> tuple[bytes, tuple[Sought, ...]]:
    """Return a database of *sought*, as bytes, and what it holds: not what is too large for it.

    Its expressions are numbered from *first* on. Where nothing is sought there are no bytes. Raises
    `DatabaseError` where there is no library.
    """
    if hyperscan is None:
        raise DatabaseError("hyperscan cannot be imported")
    try:
        return _compiled(sought, first), sought
    except hyperscan.error:
        held = tuple(one for one in sought if _fits(one))
        return _compiled(held, first), held


def _compiled(sought: tuple[Sought, ...], first: int) -> bytes:
    if not sought:
        return b""
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(
        expressions=[text.encode() for text, _ in sought],
        ids=list(range(first, first + len(sought))),
        elements=len(sought),
        flags=[hyperscan.HS_FLAG_SINGLEMATCH if single else 0 for _, single in sought],
    )
    data: bytes = hyperscan.dumpb(database)
    return data


def _fits(sought: Sought) -> bool:
    try:
        _compiled((sought,), 0)
    except hyperscan.error:
        return False
    return True
