"""Work that may never come back in; what it comes to out, or that it takes too long.

Who reads from a file system that is away may be held for ever, and nobody can end that from within
the process. The threads of a pool would be waited for when it ends; this one is left behind.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

Made = TypeVar("Made")


async def within(seconds: float, work: Callable[[], Made]) -> Made:
    """Return what *work* comes to in a thread of its own, and raise the OSError that it raises.

    Raises TimeoutError after *seconds*: then nobody hears any more of what it comes to; and
    RuntimeError where it breaks otherwise.
    """
    made: Future[Made] = Future()
    made.set_running_or_notify_cancel()  # From here on only *work* ends it.

    def do() -> None:
        try:
            made.set_result(work())
        except OSError as error:
            made.set_exception(error)
        finally:
            if not made.done():  # The thread's own hook tells of what it is.
                made.set_exception(RuntimeError("it broke"))

    Thread(target=do, name="engine-bounded", daemon=True).start()
    async with asyncio.timeout(seconds):
        return await asyncio.wrap_future(made)
