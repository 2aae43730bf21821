"""Records in, as safe as was chosen out; and what becomes of them while the disk is full or slow.

``written``  a record is in the kernel's pages when `put` returns: it survives the process.
``synced``   and on the disk when what `kept` gave is done: it survives the machine (see `synced`).
``spool``    `put` takes a bounded share of memory, and a thread writes. The last instants are lost
             with the process.

What cannot be kept is refused (``deny``), or lost, counted and told (``drop``), or waits in memory
until there is room (``block``): nobody is answered meanwhile, and what finds that memory full is
refused. What was lost or refused is told by a record as soon as there is room again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future as Blocked
from errno import ENOSPC
from threading import Condition, Lock, Thread
from time import monotonic

from engine.storage.account import Account
from engine.storage.durability import Losses, Tally, Way, reason_of
from engine.storage.trail import GONE, Trail
from engine.storage.waiters import Fault, Then, Waiters

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
    """Puts records into *trail*. One thread puts and asks what is kept."""

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
        """*gap* makes the record of what was lost; *told* hears what is wrong, from any thread.

        *fault*, where there is one, makes what `kept` raises in the place of giving why.
        """
        self._trail = trail
        self._way = way
        self._most_bytes = way.most_bytes
        self._gap = gap
        self._told = told
        self._account = Account(way.on_full, time=time, told=told)
        self._spools = way.durability == "spool"
        self._lock = Lock()
        self._news = Condition(self._lock)
        self._idle = False
        """Whether the thread waits for news."""
        self._ending = False
        self._turn_after = 0.0
        self._put = 0
        """Records that were accepted."""
        self._appended = 0
        self._done = 0
        """Those that are as safe as was chosen."""
        self._backlog: deque[bytes] = deque()
        """Accepted, and not appended yet."""
        self._backlog_bytes = 0
        self._last = 0
        """The newest record; 0 when it was refused or dropped."""
        self._waiters = Waiters(self._lock, way, self._late, fault)
        self._other: Thread | None = None

    @property
    def tally(self) -> Tally:
        """What was counted."""
        return self._account.tally

    # --- from the thread that decides ------------------------------------------------------------

    def put(self, payload: bytes) -> None:
        """Keep a record as was chosen; raise OSError when its decision must not be given."""
        with self._lock:
            self._last = 0
            if self._backlog or self._spools:
                self._stow(payload)
                return
            try:
                self._append([payload])
            except OSError as error:
                self._refuse(payload, error)
                return
            self._appended += 1
            self._put = self._last = self._done = self._appended

    def put_all(self, payloads: list[bytes]) -> bool:
        """Keep records in one go; return whether that went well: if not, none of them is kept."""
        with self._lock:
            if self._backlog or self._spools:
                return False
            try:
                self._append(payloads)
            except OSError:
                return False
            self._appended += len(payloads)
            self._put = self._last = self._done = self._appended
            return True

    def stage(self, payload: bytes) -> None:
        """Keep a record that `kept` or `wait` is asked about before the next: it may wait so long.

        Raises OSError as `put` does.
        """
        self.put(payload)

    def kept(self) -> asyncio.Future[str] | None:
        """Return what is done when what was put last may be answered; None when it may now.

        It gives why that must not be answered, or "".
        """
        if self._last <= self._done or not self._waits():
            return None
        with self._lock:
            if self._last <= self._done:
                return None
            return self._waiters.add(self._last, asyncio.get_running_loop())

    def tell(self, then: Then) -> bool:
        """Have *then* called when what was put last may be answered; return False if it may now.

        Never before this returns; in the loop that runs. It hears of what else `kept` raises.
        """
        if self._last <= self._done or not self._waits():
            return False
        with self._lock:
            if self._last <= self._done:
                return False
            self._waiters.add_called(self._last, asyncio.get_running_loop(), then)
            return True

    def wait(self) -> str:
        """Wait until what was put last may be answered; return why it must not be, or ""."""
        told = self.waited()
        return "" if told is None else self.block(told)

    def waited(self) -> Blocked[str] | None:
        """Return what `block` takes before what was put last may be answered; None when it may now.

        Others may put meanwhile.
        """
        with self._lock:
            if self._last <= self._done or not self._waits():
                return None
            return self._waiters.add_blocked(self._last)

    def block(self, told: Blocked[str]) -> str:
        """Wait for what `waited` gave; return why that must not be answered, or ""."""
        return self._waiters.block(told)

    def _waits(self) -> bool:
        """Return whether answers must wait now: with a spool, only for room in it."""
        if not self._spools:
            return True
        return self._way.on_full == "block" and self._backlog_bytes > self._way.most_bytes // 2

    def _append(self, payloads: list[bytes]) -> None:
        """Append *payloads*, behind what is to be told. Under the lock. Raises OSError."""
        account = self._account
        losses = account.losses
        if losses is not None:
            payloads = [self._gap(losses), *payloads]
        if len(payloads) == 1:
            self._trail.append(payloads[0])
        else:
            self._trail.append_all(payloads)
        size = sum([len(payload) for payload in payloads])
        self._note(payloads, size, losses)
        if losses is not None:
            account.tells()
        if self._trail.heavy:
            self._wake()
        account.tally.records += len(payloads)
        account.tally.bytes += size
        if account.stuck:
            account.is_free()

    def _note(self, payloads: list[bytes], size: int, losses: Losses | None) -> None:
        """Remember what was appended, of *size* bytes; its first record tells *losses*."""

    def _refuse(self, payload: bytes, error: OSError) -> None:
        """Do with a record that cannot be appended as was chosen. Under the lock."""
        self._account.is_stuck(error)
        match self._way.on_full:
            case "block":
                self._stow(payload)
            case "deny":
                self._account.lose(denied=1, why=reason_of(error))
                raise error
            case "drop":
                self._account.lose(dropped=1, why=reason_of(error))

    def _stow(self, payload: bytes) -> None:
        """Have a record wait in memory, or do with it as was chosen. Under the lock."""
        if self._backlog_bytes + len(payload) > self._most_bytes:
            self._overflow()
            return
        self._backlog.append(payload)
        self._backlog_bytes += len(payload)
        self._put += 1
        self._last = self._put
        self._wake()

    def _overflow(self) -> None:
        """Refuse or drop a record that no more memory may be taken for. Under the lock."""
        why = self._account.stuck or NO_ROOM
        if self._way.on_full == "drop":
            self._account.lose(dropped=1, why=why)
            return
        self._account.lose(denied=1, why=why)
        raise OSError(ENOSPC, why)

    def _late(self) -> str:
        """Return what an answer is told that has waited too long. Under the lock."""
        if self._way.on_full == "drop":
            self._account.tally.late += 1
            return ""
        self._account.lose(denied=1, why=TOO_LATE)
        return TOO_LATE

    # --- the other thread ------------------------------------------------------------------------

    def _wake(self) -> None:
        """Have the thread look at what there is. Under the lock."""
        if self._idle:
            self._idle = False
            self._news.notify()
        elif self._other is None:
            self._other = Thread(target=self._run, name="audit", daemon=True)
            self._other.start()

    def _run(self) -> None:
        pause, attempts = 0.0, 0
        while True:
            with self._lock:
                if pause and not self._ending:
                    self._news.wait(pause)
                while not (self._ending or self._is_news()):
                    self._idle = True
                    self._news.wait()
                    self._idle = False
                ending = self._ending
            whole = self._drain() and self._bring_all()
            pause = 0.0 if whole else min(max(2 * pause, FIRST_PAUSE), LONGEST_PAUSE)
            attempts += ending
            if ending and (attempts == LAST_ATTEMPTS or not self.waiting):
                return

    def _is_news(self) -> bool:
        """Return whether there is anything to do."""
        return bool(self._backlog) or self._trail.heavy

    def _bring_all(self) -> bool:
        """Close what is full, which takes a while; return whether what waits is safe now."""
        if self._trail.full:
            self._secure()
        elif self._trail.heavy:
            self._trail.push()
        return True

    def _secure(self) -> None:
        """Bring everything to the disk, and note what it may not have."""
        unsure = self._trail.unsure
        try:
            if unsure:
                self._bring()
        except OSError as error:
            with self._lock:
                self._account.lose(doubtful=unsure, why=reason_of(error))

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
                    self._account.is_stuck(error)
                    return False
                for _ in batch:
                    self._backlog.popleft()
                self._backlog_bytes -= size
                self._appended += len(batch)
                self._drained()
        return True

    def _drained(self) -> None:
        """Answer those who wait for what was appended now, if that is enough. Under the lock."""
        self._finished(self._appended)

    def _finished(self, done: int) -> None:
        """Answer those who wait for the first *done* records. Under the lock."""
        self._done = done
        self._waiters.finish(done)

    def _bring(self) -> None:
        """Sync the trail, and count that. Raises OSError."""
        began = monotonic()
        try:
            self._trail.sync()
        except OSError as error:
            self._account.failed(error)
            raise
        self._account.synced(monotonic() - began)

    # --- now and then, from any thread -----------------------------------------------------------

    def tend(self) -> str:
        """Bring everything to the disk, close what is old, sign, and return the checkpoint.

        Raises OSError where it cannot be signed.
        """
        with self._lock:
            self._look()
        self._secure()
        if self._trail.due:
            self._turn()
        with self._lock:
            self._tell_losses()
        return self._trail.checkpoint()

    def _turn(self) -> bool:
        """Go on in a new segment, unless that has failed a moment ago; return whether it did."""
        if monotonic() < self._turn_after:
            return False
        try:
            self._trail.turn()
        except OSError as error:
            self._turn_after = monotonic() + TURN_SECONDS
            self._told(f"no new segment can be begun: {reason_of(error)}")
            return False
        return True

    def _tell_losses(self) -> None:
        """Append what is to be told, if there is room. Under the lock."""
        if self._account.losses is not None and not self._backlog:
            try:
                self._append([])
            except OSError as error:
                self._account.is_stuck(error)

    def _look(self) -> None:
        """Have what comes go to a new segment where nobody would find it. Under the lock."""
        gone = self._trail.look()
        if gone is not None:
            self._account.lose(doubtful=gone, why=GONE)
            self._told(f"{GONE}, with {gone} records; what comes goes to a new one")

    def turn(self) -> None:
        """Go on in a new segment. Raises OSError, unless the thread has to do it."""
        self._trail.turn()

    @property
    def waiting(self) -> int:
        """How many records are not as safe yet as was chosen."""
        return len(self._backlog)

    @property
    def stuck(self) -> bool:
        """Whether nothing can be written."""
        return bool(self._account.stuck)

    def close(self) -> None:
        """Keep what waits, as far as there is room, and close the trail. Raises OSError."""
        with self._lock:
            self._ending = True
            self._news.notify_all()
        if self._other is not None:
            self._other.join()
        with self._lock:
            if self._backlog:
                self._told(f"{len(self._backlog)} records are lost: {self._account.stuck}")
                self._account.tally.dropped += len(self._backlog)
                self._backlog.clear()
            self._tell_losses()
        self._trail.close()
