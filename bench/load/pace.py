"""A core of the machine in, for what share of a while it ran slowly out.

    python -m bench.load.pace CORE      (see `Pace`, which starts it)

A virtual core may share a real one with another machine's. The same work then takes up to twice its
CPU time, for tenths of a second, and nothing says so: neither is anything stolen, nor has anybody
else the core. So a process on that core does the same little work again and again, a hundredth of
the time, before all others where that is permitted, and compares its CPU time with the least.
"""

from __future__ import annotations

import gc
import json
import os
import select
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from time import thread_time_ns

from bench.load.ahead import LOOP_ORDER
from bench.load.ask import Child

EVERY = 0.01
"""Seconds from one look to the next."""
SLOWER = 1.3
"""Times the least CPU time, from which on a look was slow."""
FIRST = 2000
"""Looks before the first while, to know the least."""
BEGIN, END = b"b", b"e"
TEXTS = [
    json.dumps({"tenant": {"id": f"t{number}"}, "roles": [f"r{one}" for one in range(number % 5)]})
    for number in range(12)
]


def work() -> int:
    """Do what the CPU time is taken of: it asks as much of a core as what is measured does."""
    total = 0
    for text in TEXTS:
        read = json.loads(text)
        read["seen"] = [len(name) for name in read]
        total += len(json.dumps(read)) + len(str(sorted(read)))
    return total


def look() -> int:
    """Return the CPU time of the work in ns, done when caches know it."""
    work()
    before = thread_time_ns()
    work()
    return thread_time_ns() - before


def slow_share(looks: list[int], least: int) -> float:
    """Return what share of *looks* took longer than the *least* by much."""
    return sum(one > SLOWER * least for one in looks) / len(looks) if looks else 0.0


@dataclass(slots=True)
class Paced:
    """How the core was while a block ran."""

    slow: float = 0.0
    """The share of the time in which it ran slowly, by samples."""


class Pace(Child):
    """The process that looks, on the core of the servers."""

    def __init__(self, core: int) -> None:
        super().__init__("bench.load.pace", core)

    @contextmanager
    def watch(self) -> Iterator[Paced]:
        """Yield what is filled when the block ends."""
        source, out = self.process.stdout, self.process.stdin
        assert source is not None
        assert out is not None
        made = Paced()
        out.write(BEGIN)
        out.flush()
        source.read(1)
        try:
            yield made
        finally:
            out.write(END)
            out.flush()
            (made.slow,) = struct.unpack("d", source.read(8))


def main() -> None:
    """Look while a block runs, as standard input says, until it ends."""
    os.sched_setaffinity(0, {int(sys.argv[1])})
    gc.disable()
    with suppress(PermissionError):
        order = os.sched_param(LOOP_ORDER + 1)
        os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, order)
    source, out = sys.stdin.buffer, sys.stdout.buffer
    least = min(look() for _ in range(FIRST))
    looks: list[int] = []
    running = False
    while True:
        if running and not select.select([source], [], [], EVERY)[0]:
            looks.append(look())
            continue
        told = os.read(source.fileno(), 1)
        if not told:
            return
        running = told == BEGIN
        if running:
            looks.clear()
            out.write(BEGIN)
        else:
            least = min(least, *looks) if looks else least
            out.write(struct.pack("d", slow_share(looks, least)))
        out.flush()


if __name__ == "__main__":
    main()
