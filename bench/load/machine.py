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
QUIET, STOLEN, SLOW = 0.15, 0.02, 0.03
"""Of a core: with less CPU time of others, less that the hypervisor has stolen, and less of the
time in which it ran slowly, a measurement counts as undisturbed."""


def core(number: int) -> int:
    """Return one of the machine's cores."""
    cores = sorted(os.sched_getaffinity(0))
    return cores[number % len(cores)]


def pinned(number: int) -> list[str]:
    """Return what to put before a command so that it stays on a core."""
    return ["taskset", "-c", str(core(number))]


def everywhere() -> list[str]:
    """Return what to put before a command so that it may use both cores."""
    return ["taskset", "-c", f"{core(SERVER)},{core(LOAD)}"]


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


def all_cpu_seconds() -> tuple[float, float]:
    """Return the CPU time that the machine has spent since it started, and what was stolen."""
    words = Path("/proc/stat").read_text().partition("\n")[0].split()[1:]
    user, nice, system, _, _, interrupt, soft, stolen, *_ = map(int, words)
    return (user + nice + system + interrupt + soft) / TICK, stolen / TICK


@dataclass(slots=True)
class Watched:
    """What was used while a block ran."""

    server_us: float = 0.0
    foreign: float = 0.0
    """Cores that others had meanwhile."""
    stolen: float = 0.0
    """Cores that the hypervisor kept to itself, as far as it says so."""


@contextmanager
def watch(server: int) -> Iterator[Watched]:
    """Yield what is filled when the block ends: what *server* used, and what others than we did."""
    made = Watched()
    spent, stolen = all_cpu_seconds()
    before = cpu_us(os.getpid()), cpu_us(server), perf_counter()
    yield made
    passed = perf_counter() - before[2]
    made.server_us = cpu_us(server) - before[1]
    # The servers and the generator are children of this process.
    ours = (cpu_us(os.getpid()) - before[0]) / 1e6
    now, gone = all_cpu_seconds()
    made.foreign = max(0.0, (now - spent - ours) / passed)
    made.stolen = (gone - stolen) / passed
