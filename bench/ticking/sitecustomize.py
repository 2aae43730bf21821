"""On PYTHONPATH of a daemon: every event loop tells when something held it for too long.

Not part of the daemon: the bench puts this folder before the others, and Python runs this file
when it starts. A timer of the loop runs every millisecond. Two clocks tell what was between two
of its runs: the wall's, in which other processes of the machine count too, and this process's CPU
time, in which they do not. A line a hold, in the file that ``ENGINE_TICKS`` names:
process, ns since the epoch, wall ns, CPU ns of the process.
"""

import asyncio
import os
import sys
from collections.abc import Awaitable
from time import perf_counter_ns, process_time_ns, time_ns
from typing import Any

STEP = 0.001
LEAST_NS = 500_000


async def tick(path: str) -> None:
    """Write down what holds the loop. For ever."""
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    wall, cpu = perf_counter_ns(), process_time_ns()
    while True:
        await asyncio.sleep(STEP)
        now, used = perf_counter_ns(), process_time_ns()
        late = now - wall - int(STEP * 1e9)
        if late > LEAST_NS or used - cpu > LEAST_NS:
            line = f"{os.getpid()} {time_ns()} {late} {used - cpu}\n"
            os.write(handle, line.encode())
        wall, cpu = perf_counter_ns(), process_time_ns()


def watch(path: str) -> None:
    """Have the loops that uvloop runs watched."""
    import uvloop  # noqa: PLC0415 - only a daemon that is watched pays for it

    plain = uvloop.run

    def run(main: Awaitable[object], **options: Any) -> object:
        async def both() -> object:
            ticking = asyncio.ensure_future(tick(path))
            try:
                return await main
            finally:
                ticking.cancel()

        return plain(both(), **options)

    uvloop.run = run  # type: ignore[assignment]


if os.environ.get("ENGINE_TICKS") and {"serve", "engine.daemon.worker"} & set(sys.orig_argv):
    watch(os.environ["ENGINE_TICKS"])
