"""A server's process in, its threads before all others of its core out, while a block runs.

Other work of the machine then counts for little: what is measured is the server, not the
scheduler. The kernel keeps a twentieth of each second for the others, so a block must be short, and
a pause must follow it (`LONGEST`, `PAUSE`). Where real-time priority is not permitted nothing
happens, and the block is told so.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.load.machine import family

LONGEST, PAUSE = 0.85, 0.1
"""Seconds of a block, and between two: with more the kernel gives the core to others, for 50 ms."""
LOOP_ORDER, THREAD_ORDER = 2, 1
"""Python's loop runs before the threads of its process, as it mostly does without priorities: a
thread that is not first cannot ask another for the interpreter."""
WORKER, BESIDE = b"engine.daemon.worker", b"engine.daemon.shipper"
REFUSED = (
    "real-time priority, which is not permitted here: tails of open loops hold what the scheduler "
    "did to servers and generator"
)


def answering(pid: int) -> list[int]:
    """Return the processes that answer for *pid*: not those that our daemon has beside them."""
    made = family(pid)
    workers = [one for one in made if WORKER in words_of(one)]
    return workers or [one for one in made if BESIDE not in words_of(one)]


def words_of(pid: int) -> bytes:
    """Return the command line of *pid*, b"" when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def order_of(pid: int, task: int) -> int:
    """Return how far before others a thread is."""
    python = b"python" in words_of(pid).partition(b"\0")[0]
    return LOOP_ORDER if python and task == pid else THREAD_ORDER


def put(pids: Sequence[int], *, first: bool) -> bool:
    """Put all threads of *pids* before others, or back among them; return whether that went."""
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").glob("*"):
            number = int(task.name)
            order = order_of(pid, number) if first else 0
            # What it starts meanwhile is not first.
            policy = os.SCHED_FIFO | os.SCHED_RESET_ON_FORK if first else os.SCHED_OTHER
            try:
                os.sched_setscheduler(number, policy, os.sched_param(order))
            except ProcessLookupError:
                continue
            except PermissionError:
                return False
    return True


def before_others() -> list[str]:
    """Return what to put before a command so that it runs before others, if that is permitted."""
    permitted = put([os.getpid()], first=True) and put([os.getpid()], first=False)
    return ["chrt", "-f", str(THREAD_ORDER)] if permitted and shutil.which("chrt") else []


@contextmanager
def ahead(pid: int) -> Iterator[bool]:
    """Have what answers for *pid* run before others; yield whether it does."""
    some = answering(pid)
    went = put(some, first=True)
    try:
        yield went
    finally:
        put(answering(pid), first=False)
