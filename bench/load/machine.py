"""What Linux knows of a process and of the machine: processors, CPU time, memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

SERVER, LOAD = 0, 1
"""The cores, of those that there are: one has the server, the other asks."""
TICK = os.sysconf("SC_CLK_TCK")
QUIET = 0.15
"""Of a core: with less CPU time of others a measurement counts as undisturbed."""


def core(number: int) -> int:
    """Return one of the machine's cores."""
    cores = sorted(os.sched_getaffinity(0))
    return cores[number % len(cores)]


def pinned(number: int) -> list[str]:
    """Return what to put before a command so that it stays on a core."""
    return ["taskset", "-c", str(core(number))]


def family(pid: int) -> list[int]:
    """Return *pid* and all that it has started."""
    made = [pid]
    for one in made:
        for task in Path(f"/proc/{one}/task").glob("*/children"):
            try:
                made += map(int, task.read_text().split())
            except OSError:
                continue
    return made


def cpu_us(pid: int) -> float:
    """Return the CPU time of all threads of *pid* and of its children."""
    total = 0
    for one in family(pid):
        for task in Path(f"/proc/{one}/task").glob("*/schedstat"):
            try:
                total += int(task.read_text().split()[0])
            except (OSError, IndexError):
                continue
    return total / 1000


def rss_mb(pid: int) -> float:
    """Return the resident memory of *pid* and of its children."""
    total = 0
    for one in family(pid):
        try:
            lines = Path(f"/proc/{one}/status").read_text().splitlines()
        except OSError:
            continue
        total += next((int(line.split()[1]) for line in lines if line.startswith("VmRSS")), 0)
    return total / 1024


def all_cpu_seconds() -> float:
    """Return the CPU time that the machine has spent since it started."""
    words = Path("/proc/stat").read_text().partition("\n")[0].split()[1:]
    user, nice, system, _, _, interrupt, soft, *_ = map(int, words)
    return (user + nice + system + interrupt + soft) / TICK


@dataclass(slots=True)
class Watched:
    """What was used while a block ran."""

    server_us: float = 0.0
    foreign: float = 0.0
    """Cores that others had meanwhile."""


@contextmanager
def watch(server: int) -> Iterator[Watched]:
    """Yield what is filled when the block ends: what *server* used, and what others than we did."""
    made = Watched()
    before = all_cpu_seconds(), cpu_us(os.getpid()), cpu_us(server), perf_counter()
    yield made
    passed = perf_counter() - before[3]
    made.server_us = cpu_us(server) - before[2]
    # The servers and the generator are children of this process.
    ours = (cpu_us(os.getpid()) - before[1]) / 1e6
    made.foreign = max(0.0, (all_cpu_seconds() - before[0] - ours) / passed)


def calm(foreign: float) -> str:
    """Return the word for how undisturbed a measurement was."""
    return "quiet" if foreign < QUIET else f"others: {foreign:.2f} cores"
