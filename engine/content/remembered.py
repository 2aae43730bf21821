"""Detectors to detectors that remember: a text that was looked at before is not looked at again.

A conversation sends its whole history with every turn, so that all but the newest message was seen
a moment ago. What was found is kept by a keyed hash of the text, never with the text itself: who
reads the memory learns places and kinds, and cannot try texts without the deployment's secret.

Each bundle of policies has a memory of its own, so that no finding outlives its detectors.
"""

from __future__ import annotations

import hashlib
from threading import Lock
from typing import Protocol

from cachetools import LRUCache

from engine.content.findings import Finding, Injection

MEMORY_BYTES = 33_554_432
"""What is remembered of one bundle's texts, at most: about 60,000 messages."""

SHORT_SCAN = 128
"""A text of so few characters is scanned as fast as it is hashed, looked up and kept."""
SHORT_SCORE = 64

ENTRY_BYTES = 360
FINDING_BYTES = 200
"""About what an entry, and each finding in it, takes."""

Scanned = tuple[Finding, ...]


class ScansTexts(Protocol):
    """What finds entities."""

    def scan(self, text: str, entities: frozenset[str]) -> Scanned:
        """Return the findings of *entities* in *text*."""
        ...


class ScoresTexts(Protocol):
    """What judges injections."""

    def __call__(self, text: str, role: str) -> Injection:
        """Return the score and signals of *text*, spoken by *role*."""
        ...


class Memory:
    """Findings and scores by keyed hash, the least recently used forgotten first.

    Safe to share between threads. *limit* is in bytes.
    """

    __slots__ = ("_entries", "_hash", "_lock")

    def __init__(self, secret: bytes, limit: int) -> None:
        key = hashlib.blake2b(secret, person=b"findings").digest()
        # Hot path: a copy of the keyed state takes half the time of making it.
        self._hash = hashlib.blake2b(key=key, digest_size=16)
        self._lock = Lock()
        self._entries: LRUCache[tuple[bytes, object], Scanned | Injection] = LRUCache(
            limit, getsizeof=_size
        )

    def digest(self, text: str) -> bytes:
        """Return the keyed hash of *text*."""
        state = self._hash.copy()
        state.update(text.encode("utf-8", "surrogatepass"))
        return state.digest()

    def look_up(self, key: tuple[bytes, object]) -> Scanned | Injection | None:
        """Return what was found for *key*: the hash of a text and what was asked."""
        with self._lock:
            return self._entries.get(key)

    def keep(self, key: tuple[bytes, object], found: Scanned | Injection) -> None:
        """Remember *found*, unless it alone is larger than the memory."""
        if _size(found) <= self._entries.maxsize:
            with self._lock:
                self._entries[key] = found

    @property
    def used(self) -> int:
        """How many bytes are taken, about."""
        return int(self._entries.currsize)


def _size(found: Scanned | Injection) -> int:
    # An `Injection` has two fields, which are counted as if they were findings.
    return ENTRY_BYTES + FINDING_BYTES * len(found)


class RememberingScanner:
    """A scanner that asks *memory* first; *inner* is the one behind it."""

    __slots__ = ("_memory", "inner")

    def __init__(self, inner: ScansTexts, memory: Memory) -> None:
        self.inner = inner
        self._memory = memory

    def scan(self, text: str, entities: frozenset[str]) -> Scanned:
        """Return the findings of *entities* in *text*, as *inner* has them."""
        if len(text) <= SHORT_SCAN:
            return self.inner.scan(text, entities)
        key = self._memory.digest(text), entities
        known = self._memory.look_up(key)
        if known is None:
            known = self.inner.scan(text, entities)
            self._memory.keep(key, known)
        return known  # type: ignore[return-value]  # what a set of entities keys are findings


class RememberingScorer:
    """A judge of injections that asks *memory* first."""

    __slots__ = ("_memory", "inner")

    def __init__(self, inner: ScoresTexts, memory: Memory) -> None:
        self.inner = inner
        self._memory = memory

    def __call__(self, text: str, role: str) -> Injection:
        """Return the score and signals of *text* in the mouth of *role*."""
        if len(text) <= SHORT_SCORE:
            return self.inner(text, role)
        key = self._memory.digest(text), role
        known = self._memory.look_up(key)
        if known is None:
            known = self.inner(text, role)
            self._memory.keep(key, known)
        return known  # type: ignore[return-value]  # what a role keys are scores


def remembering(
    scanner: ScansTexts, score: ScoresTexts, secret: bytes, limit: int
) -> tuple[ScansTexts, ScoresTexts]:
    """Return *scanner* and *score* with one memory of *limit* bytes before them, unless it is 0."""
    if not limit:
        return scanner, score
    memory = Memory(secret, limit)
    return RememberingScanner(scanner, memory), RememberingScorer(score, memory)
