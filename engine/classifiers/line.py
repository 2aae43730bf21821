"""Questions to one model server in, scores out: cached, gathered into calls, a few calls at a time.

A few threads call the server. A question that finds one free goes out at once; while all are busy
questions gather, and the next free thread takes as many of them as fit into one call. So an idle
server answers without delay and a busy one gets large batches, with no timer to set.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import blake2b
from time import monotonic

from cachetools import TTLCache

from engine.classifiers.breaker import FAILURES, Breaker
from engine.classifiers.call import (
    MOST_CHARACTERS,
    MOST_TEXTS,
    Failed,
    Transport,
    check_scores,
    late,
    unknowable,
)
from engine.classifiers.tally import Tally

CALLS = 8
"""Calls of one server at a time."""

WAITING = 1024
"""Questions that may wait for one server; more are refused at once."""

REMEMBERED = 16_384
REMEMBERED_SECONDS = 300.0
"""How many answers are kept, and for how long: a server may get a better model."""

NOT_ASKED = Failed("open", f"it is not asked for a while: its last {FAILURES} calls failed")
TOO_MANY = Failed("busy", "too many texts are waiting for it")
BROKEN = Failed("ended", "the call was ended")

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A question that waits for a call."""

    text: str
    digest: bytes
    future: Future[float]
    until: float
    """When its asker stops waiting, by the clock."""


@dataclass(slots=True)
class Line:
    """See the module. *seconds* is the timeout of a question; *key* keys the digests of texts."""

    name: str
    seconds: float
    transport: Transport
    key: bytes
    tally: Tally
    clock: Clock = monotonic
    breaker: Breaker = field(default_factory=Breaker)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _queue: deque[Waiting] = field(default_factory=deque)
    _running: int = 0
    _threads: ThreadPoolExecutor = field(init=False)
    _known: TTLCache[bytes, float] = field(init=False)

    def __post_init__(self) -> None:
        self._threads = ThreadPoolExecutor(CALLS, thread_name_prefix=f"classifier-{self.name}")
        self._known = TTLCache(REMEMBERED, REMEMBERED_SECONDS, timer=self.clock)
        breaker = self.breaker
        self.tally.watch(self.name, lambda: breaker.closed)

    def recall(self, text: str) -> float | None:
        """Return the score of *text* when it is remembered."""
        digest = self._digest(text)
        with self._lock:
            found: float | None = self._known.get(digest)
        if found is not None:
            self.tally.recalled(self.name)
        return found

    def ask(self, texts: Sequence[str]) -> list[Future[float]]:
        """Return the future score of each text, or Unknowable. Who waits minds the timeout."""
        futures: list[Future[float]] = [Future() for _ in texts]
        until = self.clock() + self.seconds
        questions = [
            Waiting(text, self._digest(text), future, until)
            for text, future in zip(texts, futures, strict=True)
        ]
        with self._lock:
            refusal: Failed | None = None
            if self.breaker.refuses(self.clock()):
                refusal = NOT_ASKED
            elif len(self._queue) + len(questions) > WAITING:
                refusal = TOO_MANY
            else:
                self._queue.extend(questions)
                if self._running < CALLS:
                    self._running += 1
                    self._threads.submit(self._work)
        if refusal is not None:
            self._refuse(questions, refusal)
        return futures

    def close(self) -> None:
        """Call no more."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self.transport.close()

    def _digest(self, text: str) -> bytes:
        return blake2b(text.encode(), key=self.key, digest_size=16).digest()

    def _work(self) -> None:
        """Make calls until no question waits."""
        idle = False
        try:
            while True:
                with self._lock:
                    batch = self._take()
                    if not batch:
                        # Invariant: in one step, or a question could come in between and stay.
                        self._running -= 1
                        idle = True
                        return
                    admitted = self.breaker.admit(self.clock())
                if admitted:
                    self._call(batch)
                else:
                    self._refuse(batch, NOT_ASKED)
        finally:
            if not idle:  # Something broke that nobody expects: another thread may take the place.
                with self._lock:
                    self._running -= 1

    def _take(self) -> list[Waiting]:
        """Return the next questions that fit into one call and for which somebody waits."""
        batch: list[Waiting] = []
        size = 0
        now = self.clock()
        while self._queue and len(batch) < MOST_TEXTS:
            size += len(self._queue[0].text)
            if batch and size > MOST_CHARACTERS:
                break
            one = self._queue.popleft()
            if one.until > now and one.future.set_running_or_notify_cancel():
                batch.append(one)
        return batch

    def _call(self, batch: list[Waiting]) -> None:
        """Make one call and tell everybody."""
        started = self.clock()
        seconds = max(one.until for one in batch) - started
        failed: Failed | None = BROKEN
        scores: list[float] = []
        try:
            given = self.transport.classify(self.name, [one.text for one in batch], seconds)
            scores = check_scores(given, len(batch))
            failed = None
        except Failed as error:
            # What a question has waited in the queue is a part of its time.
            failed = Failed("timeout", late(self.seconds)) if error.kind == "timeout" else error
        finally:
            # Also when something broke that nobody expects: nobody waits for a thread that is gone.
            self._finish(batch, scores, failed, self.clock() - started)

    def _finish(
        self, batch: list[Waiting], scores: list[float], failed: Failed | None, seconds: float
    ) -> None:
        with self._lock:
            if failed is None:
                self.breaker.succeed()
                for one, score in zip(batch, scores, strict=True):
                    self._known[one.digest] = score
            else:
                self.breaker.fail(self.clock())
        self.tally.called(self.name, failed.kind if failed else None, seconds, len(batch))
        if failed is None:
            for one, score in zip(batch, scores, strict=True):
                one.future.set_result(score)
        else:
            for one in batch:
                one.future.set_exception(unknowable(failed))

    def _refuse(self, questions: Sequence[Waiting], failed: Failed) -> None:
        self.tally.refused(self.name, failed.kind, len(questions))
        for one in questions:
            one.future.set_exception(unknowable(failed))
