"""How to connect with a store that is away from here in; one that decisions can be made with out.

Who can wait asks with a `replay` and `run`: one call for all that a try has asked. Who cannot, asks
it like any other store and is blocked meanwhile, while a thread of its own waits.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from time import monotonic, time_ns
from typing import Final, TypeVar, cast
from weakref import WeakKeyDictionary

from engine.runtime.memory import SESSION_LIFE
from engine.runtime.store import NANO, StoreUnavailable, Taker
from engine.state.remote import STALE, Asker, Far, Health, Op, PartAway, Replay
from engine.state.spare import Name, Spare

APART: Final = "its clock is in another calendar period than this machine's"
AT_ONCE = 64
"""So many debts are paid at a time."""
REST = 0.25
"""Seconds until the next are tried, where a part of the store is away: others go on asking."""

LOOK: Final = (Op("turn", ("", "")), Op("advance", ("", "")))
"""What tells whether the store is there and takes writes. All who look advance one number: where it
is less than it was, the store has lost what limits have counted."""
LASTS = SESSION_LIFE / NANO / 2
"""Seconds in which nothing of it ends by itself."""
MARKED: Final = 60 * NANO
"""So long after its last look a process still counts as one that uses the store, in ns."""
MET = 10.0
"""Seconds for which it counts here without being found again."""
PLACE: Final = 3600 * NANO
"""All marks of an hour lie together, apart from those of others: so none piles up."""

Answer = TypeVar("Answer")

Connect = Callable[[], Far]
"""Returns a connection for the event loop that runs; it need not have reached anybody yet."""


class Waiter:
    """A thread with an event loop, in which others wait who have none."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._work, name="engine-state", daemon=True)
        self._thread.start()

    def wait(self, work: Coroutine[object, object, Answer]) -> Answer:
        """Return what *work* comes to, blocking until then."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def end(self, last: Coroutine[object, object, None]) -> None:
        """Do *last*, and end the thread."""
        self.wait(last)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _work(self) -> None:
        self._loop.run_forever()
        self._loop.close()


class RemoteStore(Asker):
    """See the module and store.Store. *connect* is called once in every event loop that asks."""

    def __init__(
        self,
        connect: Connect,
        spare: Spare | None = None,
        *,
        local: bool = False,
        clock: Callable[[], int] = time_ns,
        mark: str = "",
    ) -> None:
        """Connect when first asked. *clock* gives ns since the epoch, as to those who ask.

        By its *mark* a secret is told from others: see `strangers`.

        *spare* is where rules take from that say so while the store is away; with *local* all else
        that it can do is done there too.
        """
        self._connect = connect
        self._spare = spare
        self._local = local
        self._clock = clock
        self._fars: WeakKeyDictionary[asyncio.AbstractEventLoop, Far] = WeakKeyDictionary()
        self._busy: set[asyncio.Task[None]] = set()
        self._lock = threading.Lock()
        self._waiter: Waiter | None = None
        self._closed = False
        self._met: Mapping[str, float] = {}
        """Marks of others, and until when they count."""
        self.mark = mark
        self.offset = 0
        """By how many ns the store's clock is ahead of this machine's."""
        self.away = ""
        """Why the last call failed; empty when it did not, or when only a part of it is away."""
        self.forgot = 0
        """How often a `look` has found that the store has lost what it had."""
        self._looked = ""
        self._turn = 0
        self._turned = 0.0
        """What the store's number is at least, and until when it is held against that."""
        self._rests_until = 0.0

    @property
    def beside(self) -> Spare | None:
        """What to decide with in the place of this store when it has failed; None for nothing."""
        return self._spare if self._local else None

    def at_hand(self) -> RemoteStore | Spare:
        """Return what to ask now: this, or what there is beside it while it is away."""
        beside = self.beside
        return beside if self.away and beside is not None else self

    def health(self) -> Health:
        """Return how the connections of this process fare, together."""
        each = [far.health() for far in list(self._fars.values())]
        closed = all(one.closed for one in each) and not self.away
        return Health(closed, *(sum(column) for column in list(zip(*each, strict=True))[1:]))

    @property
    def owed(self) -> tuple[int, int]:
        """What is to be made up for in the store, and what never will be: there was no room."""
        return (0, 0) if self._spare is None else (self._spare.debts, self._spare.lost)

    def unpaid(self, reservation: str) -> Spare | None:
        """Return where *reservation* was taken from and is owed still; None for nowhere."""
        spare = self._spare
        return spare if spare is not None and spare.owes(reservation) else None

    @property
    def trouble(self) -> str:
        """Why the last call failed, or the last `look`; empty when neither did.

        A store that is full, or a replica, goes on answering what does not put anything.
        """
        return self.away or self._looked

    @property
    def evicts(self) -> str:
        """By which policy the store forgets what is kept when it is full; empty for none."""
        return next(filter(None, (far.evicts for far in list(self._fars.values()))), "")

    @property
    def strangers(self) -> frozenset[str]:
        """The marks of other secrets than ours by which somebody uses the store, as last looked.

        What they keep of sessions cannot be read with ours.
        """
        now = monotonic()
        return frozenset(mark for mark, ends in self._met.items() if ends > now)

    @property
    def lacking(self) -> str:
        """Why a part of the store is away, as last met; empty for none. Others are answered."""
        return next(filter(None, (far.lacking for far in list(self._fars.values()))), "")

    async def connect(self) -> None:
        """Connect in this event loop before anybody asks, if that can be; it may take a second."""
        await self._far().connect()

    async def look(self) -> None:
        """Look whether the store is there and takes writes: `trouble` says what was found.

        And whether it still has what it had: see `forgot`; and who else is there: see `strangers`.
        """
        least = self._turn if monotonic() < self._turned else 0
        try:
            answers = await self.run([*LOOK, *self._marking()])
        except PartAway:  # As for who decides: others are there.
            self._looked = ""
        except StoreUnavailable as away:
            self._looked = str(away)
        else:
            self._looked = next((str(one) for one in answers if _refuses(one)), "")
            if not self._looked:
                turn = cast("int", answers[0])
                self.forgot += turn < least
                self._turn, self._turned = turn + 1, monotonic() + LASTS
                if self.mark:
                    self._meet(cast("frozenset[str]", answers[-1]))

    def _marking(self) -> tuple[Op, ...]:
        """Return what puts our mark, and looks for those of others."""
        if not self.mark:
            return ()
        place = "", f"secrets {self.instant(self._clock()) // PLACE}"
        return Op("label", (*place, self.mark, MARKED)), Op("labels", place)

    def _meet(self, marks: frozenset[str]) -> None:
        now = monotonic()
        kept = {one: ends for one, ends in self._met.items() if ends > now}
        self._met = kept | dict.fromkeys(marks - {self.mark}, now + MET)

    def replay(self) -> Replay:
        """Return a store for the tries of one decision."""
        return Replay(self.offset, self.spare())

    async def run(self, ops: Sequence[Op]) -> list[object]:
        """Do all *ops* in one step and return their answers. Raises StoreUnavailable."""
        far = self._far()
        try:
            answers = await far.run(ops, self._clock())
        except PartAway:  # Who asks what lies elsewhere is answered there.
            self.away = ""
            raise
        except StoreUnavailable as away:
            self.away = str(away)
            raise
        self.away = ""
        self.offset = far.offset
        self.reconcile()
        return answers

    def reconcile(self) -> None:
        """Begin to pay what is owed, where there is an event loop to do it in."""
        due = self._spare is not None and self._spare.debts and monotonic() >= self._rests_until
        if self._spare is not None and due and not self._busy:
            self._begin(self._pay(self._spare))

    def _begin(self, work: Coroutine[object, object, None]) -> None:
        try:
            task = asyncio.get_running_loop().create_task(work)
        except RuntimeError:  # There is no loop here: whoever has one will.
            work.close()
            return
        self._busy.add(task)
        task.add_done_callback(self._busy.discard)

    async def leave(self) -> None:
        """Disconnect from this event loop, having paid what is owed if that can be."""
        if self._spare is not None:
            await self._pay(self._spare)
        far = self._fars.pop(asyncio.get_running_loop(), None)
        if far is not None:
            await far.close()

    def close(self) -> None:
        """Disconnect. Whatever is asked afterwards raises StoreUnavailable."""
        with self._lock:
            self._closed = True
            waiter, self._waiter = self._waiter, None
        if waiter is not None:
            waiter.end(self.leave())
        if self._spare is not None:
            self._spare.close()

    def instant(self, now: int) -> int:
        """Return the instant of the store's clock."""
        return now + self.offset

    def spare(self) -> Taker | None:
        """Return where to take from while the store is away."""
        return None if self._spare is None else self._spare.spare()

    def sweep(self, now: int, limit: int) -> int:
        """Forget what no longer matters beside the store; in it, what ends is forgotten by itself.

        Begins to look whether it is back, and to pay what is owed.
        """
        if self.trouble:
            self._begin(self.look())
        self.reconcile()
        return 0 if self._spare is None else self._spare.sweep(now, limit)

    def _ask(self, method: str, *arguments: object) -> object:
        """Return the answer, blocking until it is there. Raises StoreUnavailable."""
        answer = self.block([Op(method, arguments)])[0]
        if isinstance(answer, StoreUnavailable):
            raise answer
        if answer is STALE:  # The next one to ask has learnt the offset.
            raise StoreUnavailable(APART)
        return answer

    def block(self, ops: Sequence[Op]) -> list[object]:
        """Do what `run` does, blocking."""
        waiter = self._elsewhere()
        return waiter.wait(self.run(ops))

    def _far(self) -> Far:
        loop = asyncio.get_running_loop()
        far = self._fars.get(loop)
        if far is None:
            far = self._fars[loop] = self._connect()
        return far

    def _elsewhere(self) -> Waiter:
        with self._lock:
            if self._closed:
                raise StoreUnavailable("it was closed")
            if self._waiter is None:
                self._waiter = Waiter()
            return self._waiter

    async def _pay(self, spare: Spare) -> None:
        """Do to the store what was done in its place. What fails is kept for the next time."""
        while spare.debts:
            debts = spare.pop(AT_ONCE)
            far = self._far()
            paid = await asyncio.gather(
                *(far.run([op], self._clock()) for op in debts.values()), return_exceptions=True
            )
            unpaid: dict[Name, Op] = {}
            for (name, op), answers in zip(debts.items(), paid, strict=True):
                if isinstance(answers, BaseException):
                    unpaid[name] = op
                elif isinstance(answers[0], StoreUnavailable):  # It will not take this one.
                    spare.lost += 1
            if unpaid:
                spare.restore(unpaid)
                if any(isinstance(one, PartAway) for one in paid):
                    self._rests_until = monotonic() + REST
                return
            self.away = ""


def _refuses(answer: object) -> bool:
    return isinstance(answer, StoreUnavailable)
