"""Detectors to detectors that remember: a text that was looked at before is not looked at again.

A conversation sends its whole history with every turn, so that all but the newest message was seen
a moment ago. What was found is kept by a keyed hash of the text, never with the text itself: who
reads the memory learns places and kinds, and cannot try texts without the deployment's secret.

Each bundle of policies has a memory of its own, so that no finding outlives its detectors.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from threading import Lock
from typing import Protocol

from engine.content.findings import Finding, Injection
from engine.content.hashing import Begin, Hash, with_blake2b

MEMORY_BYTES = 33_554_432
"""What is remembered of one bundle's texts, at most: about 60,000 messages."""

SHORT_SCAN = 128
"""A text of so few characters is scanned as fast as it is hashed, looked up and kept."""
SHORT_SCORE = 64

MAX_QUESTIONS = 1024
"""For so many sets of entities and roles is kept where their hashes begin."""

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


Question = frozenset[str] | str
"""What is asked of a text: entities to find, or a role to judge it in."""


class Memory:
    """Findings and scores by keyed hash, the least recently used forgotten first.

    Safe to share between threads. *limit* is in bytes; *begin* is the hash to use.
    """

    __slots__ = ("_begin", "_begun", "_entries", "_key", "_limit", "_lock", "used")

    def __init__(self, secret: bytes, limit: int, begin: Begin = with_blake2b) -> None:
        self._key = hashlib.blake2b(secret, person=b"findings").digest()
        self._begin = begin
        self._begun: dict[Question, Hash] = {}
        self._limit = limit
        self._lock = Lock()
        self._entries: OrderedDict[bytes, Scanned | Injection] = OrderedDict()
        self.used = 0
        """How many bytes are taken, about."""

    def digest(self, text: str, question: Question) -> bytes:
        """Return the keyed hash of *question* and *text*."""
        # Hot path: a copy of what has taken key and question takes a third of beginning anew.
        state = (self._begun.get(question) or self._ask(question)).copy()
        state.update(text.encode("utf-8", "surrogatepass"))
        return state.digest()

    def _ask(self, question: Question) -> Hash:
        """Return the hash of *question*, to which a text can be added; not to be changed."""
        # Invariant: where the question ends and the text begins does not depend on either.
        spelt = repr(question if isinstance(question, str) else sorted(question)).encode()
        state = self._begin(self._key)
        state.update(len(spelt).to_bytes(8, "big") + spelt)
        if len(self._begun) >= MAX_QUESTIONS:
            self._begun.clear()
        self._begun[question] = state
        return state

    def look_up(self, key: bytes) -> Scanned | Injection | None:
        """Return what was found for *key*: the hash of a text and what was asked."""
        # Hot path: both calls are atomic, so that no lock is needed, which takes as long as both.
        try:
            found = self._entries[key]
            self._entries.move_to_end(key)
        except KeyError:  # never there, or forgotten between the calls
            return None
        return found

    def keep(self, key: bytes, found: Scanned | Injection) -> None:
        """Remember *found*, unless it alone is larger than the memory."""
        size = _size(found)
        if size > self._limit:
            return
        entries = self._entries
        with self._lock:
            before = entries.pop(key, None)
            self.used += size - (0 if before is None else _size(before))
            entries[key] = found
            while self.used > self._limit:
                self.used -= _size(entries.popitem(last=False)[1])


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
        key = self._memory.digest(text, entities)
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
        key = self._memory.digest(text, role)
        known = self._memory.look_up(key)
        if known is None:
            known = self.inner(text, role)
            self._memory.keep(key, known)
        return known  # type: ignore[return-value]  # what a role keys are scores


def remembering(
    scanner: ScansTexts,
    score: ScoresTexts,
    secret: bytes,
    limit: int,
    begin: Begin = with_blake2b,
) -> tuple[ScansTexts, ScoresTexts]:
    """Return *scanner* and *score* with one memory of *limit* bytes before them, unless it is 0.

    *begin* is the hash to use.
    """
    if not limit:
        return scanner, score
    memory = Memory(secret, limit, begin)
    return RememberingScanner(scanner, memory), RememberingScorer(score, memory)
