"""Calls of a daemon from many threads: one loop in a thread of its own carries them all.

What threads ask for at once shares calls, as what tasks ask for does.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Coroutine
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from threading import Lock, RLock, Thread, get_ident
from typing import Any, TypeVar

from pol_client import connect
from pol_client._lean.coalescer import Coalescer, Pairs
from pol_client._lean.forking import watch
from pol_client._lean.lone import Lone
from pol_client._lean.streams import LeanStream
from pol_client._lean.transport import LeanTransport
from pol_client.errors import DeadlineExceeded, NoDecision, Unavailable
from pol_client.reading import read_answer
from pol_client.results import Decision

T = TypeVar("T")

FORMER: list[object] = []
"""What is another process's. It is kept: an event loop that is dropped ends, for both of them."""

GRACE_SECONDS = 1.0
"""How much later than its deadline a thread gives up by itself: the loop is to be first."""


class Waited:
    """An answer that one thread waits for. Set once, from another thread."""

    __slots__ = ("_answer", "_done", "_failure", "_lock")

    def __init__(self) -> None:
        self._lock = Lock()
        self._lock.acquire()
        self._answer: Decision | None = None
        self._failure: NoDecision | None = None
        self._done = False

    def done(self) -> bool:
        """Return whether it is there, or not wanted any more."""
        return self._done

    def set_result(self, answer: Decision) -> None:
        """Give it."""
        self._answer = answer
        self._done = True
        self._lock.release()

    def set_exception(self, failure: NoDecision, /) -> None:
        """Say that there is none."""
        self._failure = failure
        self._done = True
        self._lock.release()

    def result(self, seconds: float) -> Decision:
        """Wait for it. Raises NoDecision."""
        try:
            found = self._lock.acquire(timeout=seconds + GRACE_SECONDS)
        except BaseException:  # Interrupted: what was not sent need not be.
            self._done = True
            raise
        if not found:
            self._done = True
            raise DeadlineExceeded("DEADLINE_EXCEEDED", "no answer in time")
        if self._answer is not None:
            return self._answer
        assert self._failure is not None
        raise self._failure


class Promised:
    """A future that its owner may cancel at any time, from any thread."""

    __slots__ = ("_future", "_told")

    def __init__(self, future: Future[Decision]) -> None:
        self._future = future
        self._told = False

    def done(self) -> bool:
        """Return whether it is there, or not wanted any more."""
        return self._told or self._future.done()

    def set_result(self, answer: Decision) -> None:
        """Give it."""
        self._told = True
        if self._future.set_running_or_notify_cancel():
            self._future.set_result(answer)

    def set_exception(self, failure: NoDecision, /) -> None:
        """Say that there is none."""
        self._told = True
        if self._future.set_running_or_notify_cancel():
            self._future.set_exception(failure)


Asking = tuple[bytes, Pairs, float, Waited | Promised]


class Inbox:
    """What threads ask one coalescer for."""

    def __init__(self, threads: LeanThreads) -> None:
        self._threads = threads
        self._asked: deque[Asking] = deque()
        self._coalescer: Coalescer | None = None
        self._closed = False
        self._called = False
        """Whether the loop is told already that there is something."""
        watch(self)

    def forked(self) -> None:
        """Take no more: what carried it is another process's."""
        self._closed = True

    def put(self, one: Asking) -> None:
        """Hand it to the loop. Raises Unavailable when it is closed."""
        if self._closed:
            raise Unavailable("UNAVAILABLE", "the pipeline was closed")
        self._asked.append(one)
        if not self._called:
            try:
                self._called = True
                self._threads.call(self._take)
            except Unavailable as failure:
                self._refuse(failure)
                raise
            except BaseException:  # Interrupted: whoever comes next calls, and not for this one.
                self._called = False
                with suppress(ValueError):
                    self._asked.remove(one)
                raise

    def submit(self, message: bytes, seconds: float) -> Future[Decision]:
        """Return the future of a decision."""
        answer: Future[Decision] = Future()
        self.put((message, self._threads.pairs(), seconds, Promised(answer)))
        return answer

    def close(self) -> None:
        """Fail what is under way, and take no more."""
        self._closed = True
        self._threads.run(self.end())

    async def end(self) -> None:
        """Fail what is under way, in the loop."""
        self._closed = True
        if self._coalescer is not None or self._asked:
            self._take()
            assert self._coalescer is not None
            await self._coalescer.close()

    def _take(self) -> None:
        try:
            if self._coalescer is None:
                self._coalescer = self._threads.inner.coalescer()
        except Unavailable as failure:
            self._refuse(failure)
            return
        self._called = False
        while (one := self._next()) is not None:
            self._coalescer.put(*one)

    def _refuse(self, failure: NoDecision) -> None:
        """Fail what the loop will not take: the client was closed meanwhile."""
        self._called = False
        while (one := self._next()) is not None:
            one[-1].set_exception(failure)

    def _next(self) -> Asking | None:
        try:
            return self._asked.popleft()
        except IndexError:
            return None


class LeanThreads:
    """Calls over connections of our own, from any thread."""

    def __init__(self, connection: connect.Connection) -> None:
        """Prepare. Raises ValueError for settings and addresses that are none."""
        self._connection = connection
        self._coalesce = connection.more.get("coalesce", True)
        self._closed = False
        self._prepare()
        watch(self)

    def _prepare(self) -> None:
        """Begin, with no connection."""
        self.inner = LeanTransport(self._connection)
        self.pairs = self.inner.pairs
        self._loop: asyncio.AbstractEventLoop | None = None
        self._serving = 0
        """The thread of the loop."""
        # Invariant: nothing is handed to the loop without it, nor after the client was closed, so
        # that nobody waits for what never runs. A signal's handler may need it once more.
        self._lock = RLock()
        self._inbox = Inbox(self)
        self._lone = Lone(self.inner)

    def forked(self) -> None:
        """Begin anew: the loop's thread and all connections are another process's."""
        self._lone.forked()
        FORMER.append((self._loop, self.inner, self._inbox, self._lone))
        self._prepare()
        if self._closed:
            self._lone.close()

    def unary(self, method: connect.Method, message: bytes, seconds: float) -> bytes:
        """Return the answer. Raises NoDecision."""
        pairs = self.pairs()  # Here: what makes tokens may take long, and the loop is for all.
        return self.run(self.inner.unary(method, message, seconds, pairs))

    def decide(self, message: bytes, seconds: float) -> Decision:
        """Return the decision. Raises NoDecision."""
        if not self._coalesce:
            return read_answer(self.unary(connect.DECIDE, message, seconds))
        pairs = self.pairs()
        until = time.monotonic() + seconds
        found = self._lone.decide(message, pairs, seconds)
        if found is not None:
            return found
        answer = Waited()
        left = max(until - time.monotonic(), 0)
        self._inbox.put((message, pairs, left, answer))
        return answer.result(left)

    def stream(self, path: str, seconds: float) -> ThreadStream:
        """Begin a call with many messages."""
        pairs = self.pairs()

        async def begin() -> LeanStream:
            return self.inner.stream(path, seconds, pairs)

        return ThreadStream(self, self.run(begin()))

    def pipe(self) -> Inbox:
        """Return what takes many decisions at once."""
        return Inbox(self)

    def close(self) -> None:
        """Close the connections; calls that run fail."""
        with self._lock:
            closed, self._closed = self._closed, True
            loop = self._loop
        self._lone.close()
        if loop is None or closed:
            return
        ended = asyncio.run_coroutine_threadsafe(self._end(), loop)
        ended.add_done_callback(lambda _: loop.call_soon_threadsafe(loop.stop))
        if get_ident() != self._serving:  # What is called back in the loop does not wait for it.
            ended.result()

    def call(self, function: Any) -> None:
        """Have *function* called in the loop. Raises Unavailable when it is closed."""
        with self._lock:
            self._running().call_soon_threadsafe(function)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Return what *coroutine* returns in the loop. Raises NoDecision."""
        if get_ident() == self._serving:
            coroutine.close()
            raise RuntimeError("what a client calls back must not wait for the client")
        with self._lock:
            try:
                loop = self._running()
            except BaseException:
                coroutine.close()
                raise
            answer = asyncio.run_coroutine_threadsafe(coroutine, loop)
        try:
            return answer.result()
        except CancelledError:
            raise NoDecision("CANCELLED", connect.CLOSED) from None
        except BaseException:  # Interrupted: nobody waits for it.
            answer.cancel()
            raise

    def _running(self) -> asyncio.AbstractEventLoop:
        """Return the loop, begun if need be; to be asked with the lock. Raises Unavailable."""
        if self._closed:
            raise Unavailable("UNAVAILABLE", connect.CLOSED)
        if self._loop is None:
            loop = asyncio.new_event_loop()
            thread = Thread(target=self._serve, args=(loop,), name="pol-client", daemon=True)
            try:
                thread.start()
            except BaseException:  # No thread can be had, or this one was interrupted.
                if thread.is_alive():
                    loop.call_soon_threadsafe(loop.stop)
                else:
                    loop.close()
                raise
            self._loop = loop
        return self._loop

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        self._serving = get_ident()
        try:
            loop.run_forever()
            with self._lock:
                pass  # Who was just handing something in has done so.
            loop.run_until_complete(self._cancel())
        finally:
            loop.close()

    async def _end(self) -> None:
        await self._inbox.end()
        await self.inner.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            await asyncio.wait(others, timeout=GRACE_SECONDS)

    async def _cancel(self) -> None:
        """End what is still left in the loop: somebody may wait for it."""
        await asyncio.sleep(0)  # What was handed in last begins.
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for one in others:
            one.cancel()
        if others:
            await asyncio.wait(others)


class ThreadStream:
    """A call with many messages, from one thread."""

    def __init__(self, threads: LeanThreads, inner: LeanStream) -> None:
        self._threads = threads
        self._inner = inner

    def write(self, message: bytes) -> None:
        """Send a message; waits while the daemon does not read. Raises NoDecision."""
        self._threads.run(self._inner.write(message))

    def end(self) -> None:
        """Send no more. Raises NoDecision."""
        self._threads.run(self._inner.end())

    def read(self) -> bytes | None:
        """Return the next message, or None at the end. Raises NoDecision."""
        return self._threads.run(self._inner.read())

    def cancel(self) -> None:
        """Give it up."""
        self._threads.call(self._inner.cancel)
