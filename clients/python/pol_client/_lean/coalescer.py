"""Decisions asked for at once -> few calls, none of them later for it.

A decision is sent at once while nothing is under way. Else it is put together with the others that
are asked for meanwhile, until an answer comes or a millisecond is over; then they go in one call.
Alone, each costs the daemon and its caller several times as much.

    16 tasks ask         one call with 16 decisions
    16 more meanwhile    a second call: the daemon decides while this process reads answers
    more still           gathered until one of the two comes back

What the daemon needs long for (it asks a classifier) holds its neighbours back in a call. So while
there are such decisions each one gets a call of its own.
"""

from __future__ import annotations

import asyncio
from collections import deque
from functools import partial
from typing import Protocol

from pol_client import connect
from pol_client._lean.calls import Unary, Undecided
from pol_client._lean.deadlines import Deadlines, Due, Waits
from pol_client._lean.link import Link
from pol_client._lean.peer import Peer
from pol_client.errors import DeadlineExceeded, NoDecision, Unavailable, no_decision
from pol_client.lay import lay_batch
from pol_client.reading import read_answers
from pol_client.results import Decision

MOST = 64
"""Decisions of one call."""
FEW = 16
"""So few are not shared out among two calls."""
EARLY = 2 * FEW
"""Where no more are asked for at once, calls are written in the turn that gathered them: a daemon
waits for them. Where more are, calls come to hold fewer decisions by it, which costs more."""
CALLS = 2
"""Calls under way on a connection while decisions are gathered: one is decided on while the answer
of the other is read."""
MOST_CALLS = 256
"""Calls under way on a connection whatever comes: daemons let a thousand run for all clients."""
MOST_BYTES = 1 << 20
"""Of one call, where it is more than one decision."""
GATHER_SECONDS = 0.001
"""A decision waits so long for an answer to others at most, then it goes anyway."""
SLOW_NS = 5_000_000
"""A decision that took the daemon longer holds its neighbours back."""
APART_SECONDS = 0.25
"""So long after such a decision each one has a call of its own."""
AGAIN_SECONDS = 0.02
"""Until decisions are sent again that a daemon has refused twice without looking at them."""

Pairs = tuple[tuple[str, str], ...]


class Carrier:
    """What calls go over; no Protocol, so that compiled calls are quick."""

    def __init__(self, *, patient: bool) -> None:
        self.patient = patient
        """Whether a decision waits for a daemon that is not there yet."""

    def links(self) -> list[Link]:
        """Return all connections."""
        raise NotImplementedError

    def deadlines(self) -> Deadlines:
        """Return what fails that is not done in time."""
        raise NotImplementedError

    def pairs(self) -> Pairs:
        """Return the metadata of a call that is made now."""
        raise NotImplementedError

    def block(self, path: str, seconds: float, pairs: Pairs) -> bytes:
        """Return the fields of a call."""
        raise NotImplementedError


class Wanted(Waits, Protocol):
    """Who waits for a decision: a future of either kind, or what is like one."""

    def set_result(self, decision: Decision, /) -> None:
        """Give it."""
        ...


class Asked(Due):
    """One decision that somebody waits for."""

    __slots__ = ("message", "pairs", "tries", "wanted")

    def __init__(self, message: bytes, pairs: Pairs, deadline: float, wanted: Wanted) -> None:
        super().__init__(deadline, wanted)
        self.message = message
        self.pairs = pairs
        self.wanted = wanted
        self.tries = 0

    def forget(self) -> None:
        """Keep nothing of it: what watches its deadline keeps it for a while."""
        self.over = True
        self.message = b""

    def give(self, decision: Decision) -> None:
        """Tell who waits."""
        self.forget()
        try:  # noqa: SIM105 - hot path
            self.wanted.set_result(decision)
        except asyncio.InvalidStateError:
            pass  # Who waited has given up.

    def fail(self, failure: NoDecision) -> None:
        """Tell who waits, if somebody does, that there is no decision."""
        waits = not self.done()
        self.forget()
        if waits:
            self.wanted.set_exception(failure)


class Batch:
    """Decisions that are under way in one call."""

    __slots__ = ("_asked", "_coalescer", "_heard", "_link", "_over", "_peer", "call", "due")

    def __init__(self, coalescer: Coalescer, link: Link, peer: Peer, asked: list[Asked]) -> None:
        self._coalescer = coalescer
        self._link = link
        self._peer = peer
        self._asked = asked
        self._heard = peer.heard
        self._over = False
        self.call: Unary | None = None
        self.due: Due | None = None
        """Its deadline."""

    @property
    def link(self) -> Link:
        """The connection."""
        return self._link

    @property
    def asked(self) -> list[Asked]:
        """The decisions."""
        return self._asked

    def told(self, answer: bytes | None, failure: NoDecision | None) -> None:
        """Hear how the call went."""
        if not self._over:
            self._over = True
            if self.due is not None:
                self.due.over = True
                self.due = None
            self.call = None  # Else each batch would be garbage that only the collector finds.
            self._coalescer.answered(self, answer, failure)

    # What deadlines ask for.

    def done(self) -> bool:
        """Return whether it is over."""
        return self._over

    def set_exception(self, failure: Exception) -> None:
        """Give up: nobody waits for it any more."""
        if isinstance(failure, NoDecision) and self.call is not None:
            self._peer.drop(self.call)
            self._link.doubt(self._peer, self._heard)
            self.told(None, failure)


class Coalescer:
    """Asks for decisions, many in a call. Belongs to one event loop."""

    def __init__(self, transport: Carrier, in_flight: int, waiting: int) -> None:
        """Let *in_flight* decisions be under way at once, and so many *waiting* for their turn."""
        self._transport = transport
        self._most_flying = in_flight
        self._most_waiting = waiting
        self._deadlines = transport.deadlines()
        self._queue: deque[Asked] = deque()
        self._flying = 0
        self._calls: dict[Link, int] = {}
        self._last = 1
        """How many the newest answer held."""
        self._soon = False
        """Whether what waits is sent at the end of this turn of the loop."""
        self._timer: asyncio.TimerHandle | None = None
        self._apart_until = 0.0
        self._opening: dict[Link, asyncio.Task[None]] = {}
        """What waits until a connection is there, whoever has it made."""
        self._batches: set[Batch] = set()
        self._closed = False
        self._loop = asyncio.get_running_loop()

    def ask(self, message: bytes, seconds: float) -> asyncio.Future[Decision]:
        """Return the future of the decision on *message*, which fails with NoDecision."""
        belongs(self._loop)
        future: asyncio.Future[Decision] = self._loop.create_future()
        self.put(message, self._transport.pairs(), seconds, future)
        return future

    def put(self, message: bytes, pairs: Pairs, seconds: float, future: Wanted) -> None:
        """Have *future* told the decision on *message*, or that there is none."""
        if self._closed:
            future.set_exception(
                Unavailable("UNAVAILABLE", "the client or its pipeline was closed")
            )
            return
        if len(self._queue) >= self._most_waiting:
            why = "too many decisions wait for an answer"
            future.set_exception(NoDecision("RESOURCE_EXHAUSTED", why))
            return
        loop = self._loop
        deadline = loop.time() + seconds
        asked = Asked(message, pairs, deadline, future)
        self._queue.append(asked)
        self._deadlines.watch(asked)
        if not self._soon:
            if not self._flying and self._last == 1:
                self._flush()
            else:  # The tasks that an answer has woken ask again in this turn, all of them.
                self._soon = True
                loop.call_soon(self._turn)

    async def close(self) -> None:
        """Fail what is under way, and take no more."""
        self._closed = True
        failure = Unavailable("UNAVAILABLE", "the client or its pipeline was closed")
        for task in tuple(self._opening.values()):
            task.cancel()
        self._fail(failure)
        for batch in tuple(self._batches):
            batch.set_exception(failure)
        self._stop_timer()

    def answered(self, batch: Batch, answer: bytes | None, failure: NoDecision | None) -> None:
        """Hear how a call went."""
        asked = batch.asked
        self._batches.discard(batch)
        self._flying -= len(asked)
        self._calls[batch.link] -= 1
        if not self._calls[batch.link] and batch.link.peer is None:
            del self._calls[batch.link]  # It may be gone for good.
        self._last = len(asked)
        if failure is None:
            assert answer is not None
            failure = self._give(asked, answer)
        if isinstance(failure, Undecided):
            self._again(asked)
        elif failure is not None:
            for one in asked:
                one.fail(failure)
        # Who has got an answer in this turn may ask again in the next one, before it is over.
        if (self._queue or len(asked) > 1) and not self._soon:
            self._soon = True
            self._loop.call_soon(self._turn)

    def _give(self, asked: list[Asked], answer: bytes) -> NoDecision | None:
        """Give everybody the decision. Return what is wrong with the answer, if anything is."""
        try:
            answers = read_answers(answer, alone=len(asked) == 1)
        except NoDecision as failure:
            return failure
        decisions = answers.decisions
        if len(decisions) != len(asked):
            return NoDecision("INTERNAL", "an answer with another number of decisions")
        for number, decision in enumerate(decisions):  # Hot path.
            one = asked[number]
            if answers.failed and decision.failure is not None:
                one.fail(no_decision(decision.failure))
            elif not one.over:
                one.give(decision)
        if answers.slowest > SLOW_NS:
            self._apart_until = self._loop.time() + APART_SECONDS
        return None

    def _again(self, asked: list[Asked]) -> None:
        """Queue once more what nobody has looked at."""
        pause = False
        for one in reversed(asked):
            one.tries += 1
            pause = pause or one.tries > 1
            if not one.done():
                self._queue.appendleft(one)
        if pause and self._queue and not self._soon:
            self._soon = True
            self._loop.call_later(AGAIN_SECONDS, self._turn)

    def _turn(self) -> None:
        self._soon = False
        self._flush()

    def _late(self) -> None:
        """Send what was gathered for long enough."""
        self._timer = None
        self._flush(calls=MOST_CALLS)

    def _flush(self, calls: int = CALLS) -> None:
        """Send what waits, on connections with fewer *calls*."""
        queue = self._queue
        apart = self._apart_until > 0.0 and self._loop.time() < self._apart_until
        if apart:
            calls = MOST_CALLS
        held: list[Peer] = []
        soon = self._flying + len(queue) <= EARLY
        try:
            while queue and self._flying < self._most_flying:
                link = self._free(calls)
                if link is None:
                    break
                free = calls - self._calls[link]
                share = 1 if apart else min(MOST, max(FEW, -(-len(queue) // min(free, CALLS))))
                asked = self._take(min(share, self._most_flying - self._flying))
                if asked:
                    self._send(link, asked, held, soon=soon)
        finally:
            for peer in held:  # All in one write, and that now: a daemon waits for it.
                peer.release()
        if not queue:
            self._stop_timer()
        elif self._timer is None and self._calls:
            self._timer = self._loop.call_later(GATHER_SECONDS, self._late)

    def _free(self, calls: int) -> Link | None:
        """Return the connection with the fewest calls, if it may have one more."""
        best, fewest = None, calls
        for link in self._transport.links():
            peer = link.peer
            if peer is None or not peer.open:
                self._connect(link)
                continue
            flying = self._calls.setdefault(link, 0)
            if flying < fewest and not peer.crowded:
                best, fewest = link, flying
        return best

    def _take(self, most: int) -> list[Asked]:
        """Return the next decisions that go in one call."""
        queue = self._queue
        taken: list[Asked] = []
        size = 0
        while queue and len(taken) < most:
            one = queue[0]
            if not one.done():
                size += len(one.message)
                if taken and (size > MOST_BYTES or one.pairs != taken[0].pairs):
                    break
                taken.append(one)
            else:
                one.forget()
            queue.popleft()
        return taken

    def _send(self, link: Link, asked: list[Asked], held: list[Peer], *, soon: bool) -> None:
        """Begin a call; its connection is noted in *held* if it is to be written *soon*."""
        peer = link.peer
        assert peer is not None
        if soon and peer.hold():
            held.append(peer)
        batch = Batch(self, link, peer, asked)
        first = asked[0]
        if len(asked) == 1:
            path, message, deadline = connect.DECIDE.path, first.message, first.deadline
        else:
            path, message = connect.DECIDE_BATCH.path, lay_batch([one.message for one in asked])
            deadline = max([one.deadline for one in asked])
        left = deadline - self._loop.time()
        block = self._transport.block(path, left, first.pairs)
        self._flying += len(asked)
        self._calls[link] += 1
        self._batches.add(batch)
        batch.due = self._deadlines.add(deadline, batch)
        batch.call = peer.start(partial(Unary, done=batch.told), block, message)

    def _connect(self, link: Link) -> None:
        """Have *link* connected, and what waits sent then."""
        if link not in self._opening:
            self._opening[link] = self._loop.create_task(self._open(link))

    async def _open(self, link: Link) -> None:
        patient = self._transport.patient
        try:
            while self._queue:
                deadline = max(one.deadline for one in self._queue)
                try:
                    await link.wait(deadline, patient=patient)
                except DeadlineExceeded:
                    self._tidy()  # Else they are waited for again, no time at all, for ever.
                    continue
                break
        except NoDecision as failure:
            if not any(one.peer is not None for one in self._transport.links()):
                self._fail(failure)
            return
        finally:
            self._opening.pop(link, None)
        self._flush()

    def _tidy(self) -> None:
        """Forget what nobody waits for any more."""
        queue, self._queue = self._queue, deque()
        for one in queue:
            if one.done():
                one.forget()
            else:
                self._queue.append(one)

    def _fail(self, failure: NoDecision) -> None:
        queue, self._queue = self._queue, deque()
        for one in queue:
            one.fail(failure)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def belongs(loop: asyncio.AbstractEventLoop) -> None:
    """Raise RuntimeError unless *loop* is the running one: no answer would ever be heard."""
    if asyncio.get_running_loop() is not loop:
        raise RuntimeError("this client belongs to another event loop: make one in each")
