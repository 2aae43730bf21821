"""Records in, as safe as was chosen out; and what becomes of them while the disk is full or slow.

``written``  a record is in the kernel's pages when `put` returns: it survives the process.
``synced``   and on the disk when what `kept` gave is done: it survives the machine. A thread brings
             everything to the disk, again and again while there is news; there is no timer. What
             comes while the disk is busy goes with the next time: the more callers wait, the more
             go together.
``spool``    `put` takes a bounded share of memory, and a thread writes. The last instants are lost
             with the process.

What cannot be kept is refused (``deny``), or lost, counted and told (``drop``), or waits in memory
until there is room (``block``): nobody is answered meanwhile, and what finds that memory full is
refused. What was lost or refused is told by a record as soon as there is room again.

When the disk fails to take a segment, that segment is never touched again: what it may not have is
appended anew to another one, once; after that it is refused, lost, or waits, as chosen.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future as Blocked
from contextlib import suppress
from errno import ENOSPC
from threading import Condition, Lock, Thread
from time import monotonic

from engine.storage.durability import BOUNDS, Losses, Tally, Way, reason_of
from engine.storage.trail import Trail
from engine.storage.waiters import Waiter, Waiters, answer_all

BATCH_BYTES = 65_536
"""So much is appended in one go while others must wait."""
FIRST_PAUSE, LONGEST_PAUSE = 0.02, 1.0
"""Seconds between two attempts to write while there is no room."""
LAST_ATTEMPTS = 3
"""How often it is tried to write what waits when the process ends."""
TURN_SECONDS = 10.0
"""Between two attempts to go on in a new segment."""
TOO_LATE = "it was not kept in time"
NO_ROOM = "as much waits for room as may"


class Committer:
    """Puts records into *trail*, which must be careful if they are to be ``synced``.

    One thread puts and asks what is kept.
    """

    def __init__(
        self,
        trail: Trail,
        way: Way,
        *,
        gap: Callable[[Losses], bytes],
        time: Callable[[], str],
        told: Callable[[str], None],
    ) -> None:
        """*gap* makes the record of what was lost; *told* hears what is wrong, from any thread."""
        self.tally = Tally()
        self._trail = trail
        self._way = way
        self._gap = gap
        self._time = time
        self._told = told
        self._careful = way.durability == "synced"
        self._lock = Lock()
        self._news = Condition(self._lock)
        self._idle = False
        """Whether the thread waits for news."""
        self._ending = False
        self._turning = False
        self._turn_after = 0.0
        self._put = 0
        """Records that were accepted."""
        self._appended = 0
        self._done = 0
        """Those that are as safe as was chosen."""
        self._backlog: deque[bytes] = deque()
        """Accepted, and not appended yet."""
        self._backlog_bytes = 0
        self._unsynced: deque[tuple[bytes, Losses | None]] = deque()
        """Appended, and not on the disk yet; and what it tells. Only of what is ``synced``."""
        self._losses: Losses | None = None
        """Not told yet."""
        self._last = 0
        """The newest record; 0 when it was refused or dropped."""
        self._waiters = Waiters()
        self._watched = False
        self._stuck = ""
        """Why nothing can be written; empty while it can."""
        self._thread: Thread | None = None

    # --- from the thread that decides ------------------------------------------------------------

    def put(self, payload: bytes) -> None:
        """Keep a record as was chosen; raise OSError when its decision must not be given."""
        with self._lock:
            self._last = 0
            if self._backlog or self._way.durability == "spool":
                self._stow(payload)
                return
            try:
                self._append((payload,))
            except OSError as error:
                self._refuse(payload, error)
                return
            self._appended += 1
            self._put += 1
            self._last = self._put
            if self._careful:
                self._wake()
            else:
                self._done = self._put

    def kept(self) -> asyncio.Future[str] | None:
        """Return what is done when what was put last may be answered; None when it may now.

        It gives why that must not be answered, or "".
        """
        if self._last <= self._done or not self._waits():
            return None
        loop = asyncio.get_running_loop()
        told: asyncio.Future[str] = loop.create_future()
        with self._lock:
            if self._last <= self._done:
                return None
            self._waiters.add(Waiter(self._last, monotonic(), told))
        if not self._watched and self._way.on_full != "block":
            self._watched = True
            loop.call_later(self._way.patience / 4, self._look, loop)
        return told

    def wait(self) -> str:
        """Wait until what was put last may be answered; return why it must not be, or ""."""
        told: Blocked[str] = Blocked()
        with self._lock:
            if self._last <= self._done or not self._waits():
                return ""
            waiter = Waiter(self._last, monotonic(), told)
            self._waiters.add(waiter)
        try:
            return told.result(None if self._way.on_full == "block" else self._way.patience)
        except TimeoutError:
            with self._lock:
                return self._late() if self._waiters.leave(waiter) else told.result()

    def _waits(self) -> bool:
        """Return whether answers must wait now: with a spool, only for room in it."""
        if self._way.durability != "spool":
            return True
        return self._way.on_full == "block" and self._backlog_bytes > self._way.most_bytes // 2

    def _append(self, payloads: Sequence[bytes]) -> None:
        """Append *payloads*, behind what is to be told. Under the lock. Raises OSError."""
        losses = self._losses
        if losses is not None:
            payloads = (self._gap(losses), *payloads)
        if len(payloads) == 1:
            self._trail.append(payloads[0])
        else:
            self._trail.append_all(payloads)
        if self._careful:
            telling = losses
            for payload in payloads:
                self._unsynced.append((payload, telling))
                telling = None
        if losses is not None:
            self._losses = None
            self.tally.gaps += 1
        self.tally.records += len(payloads)
        self.tally.bytes += sum(map(len, payloads))
        if self._stuck:
            self._stuck = ""
            self._told("there is room again")

    def _refuse(self, payload: bytes, error: OSError) -> None:
        """Do with a record that cannot be appended as was chosen. Under the lock."""
        self._is_stuck(error)
        match self._way.on_full:
            case "block":
                self._stow(payload)
            case "deny":
                self._lose(denied=1, why=reason_of(error))
                raise error
            case "drop":
                self._lose(dropped=1, why=reason_of(error))

    def _stow(self, payload: bytes) -> None:
        """Have a record wait in memory, or do with it as was chosen. Under the lock."""
        if self._backlog_bytes + len(payload) > self._way.most_bytes:
            why = self._stuck or NO_ROOM
            if self._way.on_full == "drop":
                self._lose(dropped=1, why=why)
                return
            self._lose(denied=1, why=why)
            raise OSError(ENOSPC, why)
        self._backlog.append(payload)
        self._backlog_bytes += len(payload)
        self._put += 1
        self._last = self._put
        self._wake()

    def _lose(self, *, dropped: int = 0, denied: int = 0, doubtful: int = 0, why: str) -> None:
        """Note what is to be told. Under the lock."""
        self.tally.dropped += dropped
        self.tally.denied += denied
        self._untell(Losses(dropped, denied, doubtful, self._time(), why))

    def _untell(self, losses: Losses) -> None:
        """Have *losses* be told with the next record. Under the lock."""
        if self._losses is None:
            self._losses = losses
        else:
            self._losses.add(losses)

    def _is_stuck(self, error: OSError) -> None:
        """Say once that nothing can be written."""
        if not self._stuck:
            self._stuck = reason_of(error)
            self._told(f"nothing can be written ({self._stuck}): {self._way.on_full}")

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """End the patience of those who have waited too long."""
        with self._lock:
            late = self._waiters.expired(monotonic() - self._way.patience)
            whys = [self._late() for _ in late]
            self._watched = bool(self._waiters)
        if late:
            answer_all(late, whys[0])
        if self._watched:
            loop.call_later(self._way.patience / 4, self._look, loop)

    def _late(self) -> str:
        """Return what an answer is told that has waited too long. Under the lock."""
        if self._way.on_full == "drop":
            self.tally.late += 1
            return ""
        self._lose(denied=1, why=TOO_LATE)
        return TOO_LATE

    # --- the other thread ------------------------------------------------------------------------

    def _wake(self) -> None:
        """Have the thread look at what there is. Under the lock."""
        if self._idle:
            self._idle = False
            self._news.notify()
        elif self._thread is None:
            self._thread = Thread(target=self._run, name="audit", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        pause, attempts = 0.0, 0
        while True:
            with self._lock:
                if pause and not self._ending:
                    self._news.wait(pause)
                while not (self._backlog or self._unsynced or self._turning or self._ending):
                    self._idle = True
                    self._news.wait()
                    self._idle = False
                ending = self._ending
            whole = self._drain() and (not self._unsynced or self._sync())
            if whole and self._careful and (self._turning or self._trail.due):
                self._turn()
            pause = 0.0 if whole else min(max(2 * pause, FIRST_PAUSE), LONGEST_PAUSE)
            attempts += ending
            if ending and (attempts == LAST_ATTEMPTS or not (self._backlog or self._unsynced)):
                return

    def _drain(self) -> bool:
        """Append what waits in memory; return whether that is all done."""
        while self._backlog:
            with self._lock:
                batch, size = [], 0
                for payload in self._backlog:
                    batch.append(payload)
                    size += len(payload)
                    if size >= BATCH_BYTES:
                        break
                try:
                    self._append(batch)
                except OSError as error:
                    self._is_stuck(error)
                    return False
                for _ in batch:
                    self._backlog.popleft()
                self._backlog_bytes -= size
                self._appended += len(batch)
                if not self._careful:
                    self._finished(self._appended)
        return True

    def _sync(self) -> bool:
        """Bring what was appended to the disk; return whether that went well."""
        with self._lock:
            appended, count = self._appended, len(self._unsynced)
        try:
            self._bring()
        except OSError as error:
            return self._anew(error)
        with self._lock:
            for _ in range(count):
                self._unsynced.popleft()
            self._finished(appended)
        return True

    def _bring(self) -> None:
        """Sync the trail, and count that. Raises OSError."""
        began = monotonic()
        try:
            self._trail.sync()
        except OSError as error:
            self.tally.failures += 1
            self._told(f"the disk failed: {reason_of(error)}; a new segment goes on")
            raise
        spent = monotonic() - began
        self.tally.syncs[bisect_left(BOUNDS, spent)] += 1
        self.tally.sync_seconds += spent

    def _anew(self, failed: OSError) -> bool:
        """Append anew what the disk may not have, or do with it as was chosen."""
        with self._lock:
            parts = tuple(self._unsynced)
            self._trail.rewind()
            try:
                self._trail.append_all([payload for payload, _ in parts])
                self._bring()
            except OSError as error:
                self._trail.rewind()
                self._unsynced.clear()
                self._give_up(parts, error)
                return False
            self._unsynced.clear()
            self._lose(why=reason_of(failed))
            self._finished(self._appended)
        return True

    def _give_up(self, parts: Sequence[tuple[bytes, Losses | None]], error: OSError) -> None:
        """Do with records that the disk has failed to take twice as was chosen. Under the lock."""
        self._is_stuck(error)
        self.tally.records -= len(parts)
        self.tally.bytes -= sum(len(payload) for payload, _ in parts)
        payloads = [payload for payload, losses in parts if losses is None]
        for _, losses in parts:
            if losses is not None:
                self.tally.gaps -= 1
                self._untell(losses)
        match self._way.on_full:
            case "block":
                self._backlog.extendleft(reversed(payloads))
                self._backlog_bytes += sum(map(len, payloads))
                self._appended -= len(payloads)
            case "deny":
                self._lose(denied=len(payloads), why=reason_of(error))
                self._finished(self._appended, reason_of(error))
            case "drop":
                self._lose(dropped=len(payloads), why=reason_of(error))
                self._finished(self._appended)

    def _finished(self, done: int, why: str = "") -> None:
        """Answer those who wait for the first *done* records. Under the lock."""
        self._done = done
        self._waiters.finish(done, why)

    def _turn(self) -> None:
        """Go on in a new segment, unless that has failed a moment ago."""
        if monotonic() < self._turn_after:
            return
        with self._lock:
            self._turning = False
            try:
                self._trail.turn()
            except OSError as error:
                self._turn_after = monotonic() + TURN_SECONDS
                self._told(f"no new segment can be begun: {reason_of(error)}")
                return
            if self._careful:  # It has brought all to the disk that had come in the meantime.
                self._unsynced.clear()
                self._finished(self._appended)

    # --- now and then, from any thread -----------------------------------------------------------

    def tend(self) -> str:
        """Bring everything to the disk, close what is old, sign, and return the checkpoint.

        Raises OSError where it cannot be signed.
        """
        if not self._careful:
            self._tend_disk()
        with self._lock:
            if self._losses is not None and not self._backlog:
                with suppress(OSError):
                    self._append(())
            if self._careful and (self._unsynced or self._trail.due):
                self._turning = self._trail.due
                self._wake()
        return self._trail.checkpoint()

    def _tend_disk(self) -> None:
        unsure = self._trail.unsure
        try:
            if unsure:
                self._bring()
        except OSError as error:
            with self._lock:
                self._lose(doubtful=unsure, why=reason_of(error))
        if self._trail.due:
            self._turn()

    def turn(self) -> None:
        """Go on in a new segment. Raises OSError, unless the thread has to do it."""
        if not self._careful:
            self._trail.turn()
            return
        with self._lock:
            self._turning = True
            self._wake()

    @property
    def waiting(self) -> int:
        """How many records wait to be appended, or to be brought to the disk."""
        return len(self._backlog) + len(self._unsynced)

    @property
    def stuck(self) -> bool:
        """Whether nothing can be written."""
        return bool(self._stuck)

    def close(self) -> None:
        """Keep what waits, as far as there is room, and close the trail. Raises OSError."""
        with self._lock:
            self._ending = True
            self._news.notify_all()
        if self._thread is not None:
            self._thread.join()
        with self._lock:
            if self._backlog:
                self._told(f"{len(self._backlog)} records are lost: {self._stuck}")
                self.tally.dropped += len(self._backlog)
                self._backlog.clear()
            if self._losses is not None:
                with suppress(OSError):
                    self._append(())
        self._trail.close()
