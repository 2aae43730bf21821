"""Records in, answers when they are on the disk out: many with one sync (group commit).

What was appended is brought to the disk again and again while there is news; there is no timer.
What comes while the disk is busy goes with the next time: the more callers wait, the more go
together.
What is awaited is only taken when it comes (`stage`); all of one turn of the event loop is chained
and written in one go, behind that turn. So a record costs half of what it would one by one.

The kernel syncs beside the event loop, which hears the end (see `beside`). A thread does it where
there is no loop or no such kernel, and does all else: what waits for room, new segments, failures.

When the disk fails to take a segment, that segment is never touched again: what it may not have is
appended anew to another one, once; after that it is refused, lost, or waits, as chosen.

Invariants. Records are appended in the order of their numbers, and done in that order. Nothing is
staged while there is a backlog. While a segment is broken that may not have all that was appended,
only the thread does anything about that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future as Blocked
from errno import ENOSPC
from time import monotonic

from engine.storage.batch import Batch, Refusal, Unsynced
from engine.storage.beside import Beside
from engine.storage.committer import Committer
from engine.storage.durability import Losses, Way, reason_of
from engine.storage.trail import Trail
from engine.storage.waiters import Fault, Then, refused


class Synced(Committer):
    """Puts records into a careful trail, and brings them to the disk."""

    def __init__(
        self,
        trail: Trail,
        way: Way,
        *,
        gap: Callable[[Losses], bytes],
        time: Callable[[], str],
        told: Callable[[str], None],
        fault: Fault | None = None,
    ) -> None:
        """See Committer."""
        super().__init__(trail, way, gap=gap, time=time, told=told, fault=fault)
        self._staged: list[bytes] = []
        """Accepted, and not appended yet."""
        self._staged_bytes = 0
        self._unsynced = Unsynced()
        self._refusal = Refusal(0, 0, "")
        """The newest."""
        self._refused = 0
        """Up to where it goes."""
        self._flusher: asyncio.AbstractEventLoop | None = None
        """The loop that will append what is staged."""
        self._wanted = False
        """Whether a new segment is asked for, however full this one is."""
        self._turning = False
        """Whether nothing begins to fly any more, for a new segment to be begun."""
        self._beside = Beside(trail, self._hear)
        self._busy = False
        """Whether the thread syncs."""
        self._failure: OSError | None = None
        """What a flight has ended with, for the thread."""

    # --- from the thread that decides ------------------------------------------------------------

    def put(self, payload: bytes) -> None:
        """Keep a record; it is in the kernel's pages when this returns. See Committer."""
        with self._lock:
            self._stage(payload)
            self._flush()
            if why := self._outcome():
                self._last = 0
                raise OSError(ENOSPC, why)

    def stage(self, payload: bytes) -> None:
        """Keep a record; it is in the kernel's pages when the turn of the loop is over."""
        # Hot path: what `_stage` does where nothing is in the way. To take a lock by name costs
        # half of what `with` does.
        lock = self._lock
        lock.acquire()
        try:
            if self._backlog or self._staged_bytes + self._unsynced.bytes >= self._most_bytes:
                self._stage(payload)
                return
            self._staged.append(payload)
            self._staged_bytes += len(payload)
            self._put = self._last = self._put + 1
        finally:
            lock.release()

    def _stage(self, payload: bytes) -> None:
        self._last = 0
        if self._backlog:
            self._stow(payload)
        elif self._staged_bytes + self._unsynced.bytes >= self._most_bytes:
            self._overflow()
        else:
            self._staged.append(payload)
            self._staged_bytes += len(payload)
            self._put = self._last = self._put + 1

    def kept(self) -> asyncio.Future[str] | None:
        """Return what is done when what was put last is on the disk. See Committer."""
        lock = self._lock
        lock.acquire()
        try:
            last = self._last
            if last > self._done and last > self._refused:
                return self._waiters.add(last, self._flushing())
            why = self._outcome()
        finally:
            lock.release()
        if not why:
            return None
        told = asyncio.get_running_loop().create_future()
        self._waiters.answer([told], why)
        return told

    def tell(self, then: Then) -> bool:
        """See Committer."""
        lock = self._lock
        lock.acquire()
        try:
            last = self._last
            if last > self._done and last > self._refused:
                self._waiters.add_called(last, self._flushing(), then)
                return True
            why = self._outcome()
            if why:
                self._waiters.call(asyncio.get_running_loop(), [then], why)
            return bool(why)
        finally:
            lock.release()

    def _flushing(self) -> asyncio.AbstractEventLoop:
        """Return the loop that runs, which will append what is staged. Under the lock."""
        loop = self._flusher
        if loop is None:
            loop = asyncio.get_running_loop()
            if self._staged:
                self._flusher = loop
                loop.call_soon(self._flush_turn)
        return loop

    def waited(self) -> Blocked[str] | None:
        """See Committer. This waits for nothing: who calls it may hold up others."""
        with self._lock:
            self._beside.leave()
            self._flush()
            if self._last > self._done and self._last > self._refused:
                return self._waiters.add_blocked(self._last)
            why = self._outcome()
        return refused(why) if why else None

    def block(self, told: Blocked[str]) -> str:
        """See Committer."""
        if not told.done():
            self._land_here(self._waiters.patience)
        return super().block(told)

    def _outcome(self) -> str:
        """Return why what was put last must not be answered, if that is known. Under the lock."""
        refusal = self._refusal
        return refusal.why if refusal.above < self._last <= refusal.last else ""

    def _flush_turn(self) -> None:
        """Append what was staged in this turn of the loop."""
        with self._lock:
            self._flusher = None
            self._beside.listen(asyncio.get_running_loop())
            self._flush()

    def _flush(self) -> None:
        """Append what is staged, or do with it as was chosen. Under the lock."""
        staged = self._staged
        self._waiters.apart()
        if not staged or self._anew_is_due:
            return
        above = self._appended
        try:
            self._append(staged)
        except OSError as error:
            if self._anew_is_due:  # The disk has failed just now.
                return
            self._staged, self._staged_bytes = [], 0
            self._appended = self._put
            self._cannot(above, staged, error)
        else:
            self._staged, self._staged_bytes = [], 0
            self._appended = self._put
        self._wake()

    def _note(self, payloads: list[bytes], size: int, losses: Losses | None) -> None:
        self._unsynced.add(Batch(payloads, losses, self._appended, self._trail.size, size))

    @property
    def _anew_is_due(self) -> bool:
        """Whether the thread has yet to append anew what a broken segment may not have."""
        return bool(self._unsynced.all and self._trail.broken)

    def _cannot(self, above: int, payloads: list[bytes], error: OSError) -> None:
        """Do with those appended last, which are not kept, as was chosen. Under the lock."""
        account, why = self._account, reason_of(error)
        account.is_stuck(error)
        match self._way.on_full:
            case "block":
                self._appended = above
                self._backlog.extendleft(reversed(payloads))
                self._backlog.extend(self._staged)
                self._backlog_bytes = sum(map(len, self._backlog))
                self._staged, self._staged_bytes = [], 0
            case "deny":
                account.lose(denied=len(payloads), why=why)
                self._take_back(Refusal(above, self._appended, why))
            case "drop":
                account.lose(dropped=len(payloads), why=why)
                self._take_back(Refusal(above, self._appended, ""))

    def _take_back(self, refusal: Refusal) -> None:
        """Answer those who wait for what is refused or dropped. Under the lock."""
        if not self._unsynced.all:
            self._done = self._appended  # Before anybody is told, who may look how many wait.
        if refusal.above < refusal.last:  # Not what only tells something: that is in nobody's way.
            self._refusal, self._refused = refusal, refusal.last
            self._waiters.refuse(*refusal)

    # --- the kernel, beside ----------------------------------------------------------------------

    def _wake(self) -> None:
        """Have what is appended brought to the disk: beside, or by the thread, which does the rest.

        Under the lock.
        """
        if self._backlog or not (self._beside.flying or self._fly()) or self._is_more():
            super()._wake()

    def _fly(self) -> bool:
        """Have the kernel sync beside, if that is all there is to do; return whether it does."""
        if self._busy or self._turning or self._ending or not self._unsynced.all:
            return False
        begun = self._beside.begin()
        if begun:
            self._trail.grow()
        return begun

    def _hear(self) -> None:
        with self._lock:
            self._land()

    def _land(self) -> None:
        """Do what is due if the kernel has come to an end. Under the lock."""
        landed = self._beside.end()
        if landed is None:
            return
        if landed.failed is None:
            self._unsynced.keep_from(self._trail.sure)
            if not self._backlog:
                self._fly()  # First: the disk has nothing to do.
            self._account.synced(landed.seconds)
            self._synced()
        else:
            self._account.failed(landed.failed)
            self._failure = landed.failed
        self._flush()
        self._go_on()

    def _go_on(self) -> None:
        """Have done what is still to do. Under the lock."""
        if self._is_news():
            self._wake()

    def _land_here(self, seconds: float | None) -> None:
        """Have the thread do all from now on; wait so many seconds for what the kernel is at."""
        # The loop, which this may block, hears nothing.
        with self._lock:
            self._beside.leave()
        self._beside.wait(seconds)
        self._hear()

    # --- the other thread ------------------------------------------------------------------------

    def _is_news(self) -> bool:
        if self._backlog or self._is_more():
            return True
        return bool(not self._beside.flying and (self._turning or self._unsynced.all))

    def _is_more(self) -> bool:
        """Whether there is more to do than to sync, and the disk may be busy with that."""
        return self._trail.short or (self._is_due and not self._turning)

    @property
    def _is_due(self) -> bool:
        """Whether a new segment should be begun, and that has not failed a moment ago."""
        return self._wanted or (self._trail.due and monotonic() >= self._turn_after)

    def _drain(self) -> bool:
        return self._anew_is_due or super()._drain()

    def _drained(self) -> None:
        """Answer nobody: it is not on the disk yet."""

    def _bring_all(self) -> bool:
        if not self._sync():
            return False
        self._trail.grow()  # Where a thread syncs, nobody else does.
        if self._turning or self._is_due:
            self._turn()
        if self._trail.short and not self._ending:
            self._trail.fill()
        return True

    def _sync(self) -> bool:
        """Bring what was appended to the disk; return whether that went well."""
        with self._lock:
            if not self._unsynced.all or self._beside.flying:
                return True
            self._busy = True
            failure, self._failure = self._failure, None
        try:
            if failure is not None:
                raise failure
            self._bring()
        except OSError as error:
            return self._anew(error)
        with self._lock:
            self._busy = False
            self._synced()
            self._fly()
        return True

    def _synced(self) -> None:
        """Answer those who wait for what is on the disk. Under the lock."""
        # Not what there was when the sync began: it may have taken more.
        self._unsynced.keep_from(self._trail.sure)
        unsynced = self._unsynced.all
        # What was refused behind the last of them is done as well.
        self._finished(unsynced[0].above if unsynced else self._appended)

    def _anew(self, failed: OSError) -> bool:
        """Append anew what the disk may not have, or do with it as was chosen."""
        with self._lock:
            self._busy = False
            self._synced()
            batches = tuple(self._unsynced.all)
            self._trail.rewind()
            try:
                self._trail.append_all([payload for batch in batches for payload in batch.payloads])
                self._bring()
            except OSError as error:
                self._trail.rewind()
                self._unsynced.clear()
                self._give_up(batches, error)
                whole = False
            else:
                self._synced()
                self._account.lose(why=reason_of(failed))
                whole = True
            self._flush()
        return whole

    def _give_up(self, batches: Sequence[Batch], error: OSError) -> None:
        """Do with what the disk has failed to take twice as was chosen. Under the lock."""
        account = self._account
        payloads: list[bytes] = []
        for batch in batches:
            account.tally.records -= len(batch.payloads)
            account.tally.bytes -= batch.size
            payloads += batch.put
            if batch.losses is not None:
                account.tally.gaps -= 1
                account.untell(batch.losses)
        self._cannot(batches[0].above if batches else self._appended, payloads, error)

    def _turn(self) -> bool:
        self._trail.digest_paced()  # While others append and sync: under the lock none can.
        with self._lock:
            self._turning = True  # Nothing flies that the turn would have to wait for.
            if self._beside.flying:
                return False  # Its end wakes this thread.
            self._flush()
            self._turning = self._wanted = False
            turned = not self._anew_is_due and super()._turn()
            self._synced()  # All that had come in the meantime, even where that is all it did.
        self._finish()
        return turned

    def _finish(self) -> None:
        """Close what is full, while others append."""
        try:
            self._trail.finish()
        except OSError as error:
            self._told(f"a full segment cannot be closed: {reason_of(error)}")

    # --- now and then, from any thread -----------------------------------------------------------

    def tend(self) -> str:
        """See Committer. The disk is the thread's."""
        with self._lock:
            self._land()
            self._look()
            self._flush()
            self._tell_losses()
            self._go_on()
        return self._trail.checkpoint()

    def _tell_losses(self) -> None:
        if not self._anew_is_due:
            super()._tell_losses()

    def turn(self) -> None:
        """Have the thread go on in a new segment."""
        with self._lock:
            self._wanted = True
            self._wake()

    @property
    def waiting(self) -> int:
        """How many records wait to be appended, or to be brought to the disk."""
        return self._put - self._done

    def close(self) -> None:
        """See Committer."""
        self._land_here(None)
        with self._lock:
            self._flush()
        super().close()
        self._beside.close()
