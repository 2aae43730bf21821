"""How long does who asks for little wait beside who asks for much?

    python -m bench.bench_neighbours [--seconds 1] [--rounds 5] [--json]

A daemon with all detectors runs on one core. On the other one a client asks for small decisions,
one after another, while another client has long texts decided, 4 KB each and all different, in
batches, on a stream or as calls of one connection, as many as it can. The measure is in the same
run: what the other waits, as the neighbour would were all that is there decided in one go.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import uvloop
from pol_client import AsyncClient, Client

from bench.bench_transport import LOAD_CORE, pin
from bench.client_workers import write
from bench.goals import Goal, Result, Row, show
from bench.load.daemons import AUDITS, daemon
from bench.load.matrix import ALL, FORGETS, texts_of
from bench.python_client import WANTED

KILOBYTES = 4
MANY = 64
QUIET, BATCHES = "nobody", f"batches of {MANY}"
STREAM, CALLS = f"a stream, {MANY} in flight", f"calls, {MANY} in flight"
WAYS = (QUIET, BATCHES, STREAM, CALLS)
USUAL, MOST = 0.1, 0.3
"""Of what the other waits, what a neighbour may in the median, and in one of a hundred times."""


async def keep_busy(way: str, address: str) -> None:
    """Ask for much until the parent goes away; say after each batch how many ms it took."""
    pin(LOAD_CORE)
    parent, texts = os.getppid(), cycle(texts_of(KILOBYTES))
    client = AsyncClient(address, coalesce=False)

    def asked() -> Any:
        return {**WANTED, "content": next(texts)}

    async def repeat(act: Callable[[], Awaitable[object]]) -> None:
        while os.getppid() == parent:
            begin = time.perf_counter()
            await act()
            sys.stdout.write(f"{(time.perf_counter() - begin) * 1e3}\n")
            sys.stdout.flush()

    if way == BATCHES:
        await repeat(lambda: client.decide_batch([asked() for _ in range(MANY)]))
    asking: Any = client.pipeline() if way == STREAM else client
    await asyncio.gather(*(repeat(lambda: asking.decide(**asked())) for _ in range(MANY)))


@contextmanager
def busy(way: str, address: str) -> Iterator[list[float]]:
    """Let another ask for much; then give what each time took, in ms."""
    took: list[float] = []
    if way == QUIET:
        yield took
        return
    command = [sys.executable, "-m", "bench.bench_neighbours", "--busy", way, address]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None
    try:
        running.stdout.readline()
        yield took
    finally:
        running.terminate()
        took += map(float, running.communicate()[0].split("\n")[:-1])


def ask(address: str, seconds: float) -> list[float]:
    """Return what small decisions took, one after another, in ms, sorted."""
    taken = []
    with Client(address, coalesce=False) as client:
        client.decide(**WANTED)
        until = time.perf_counter() + seconds
        while (begin := time.perf_counter()) < until:
            client.decide(**WANTED)
            taken.append((time.perf_counter() - begin) * 1e3)
    return sorted(taken)


Figures = dict[str, list[float]]
"""By column, a figure of each round."""


def measure(address: str, way: str, seconds: float, found: Figures) -> None:
    """Ask while another asks for much."""
    with busy(way, address) as took:
        taken = ask(address, seconds)
    found.setdefault("calls", []).append(len(taken))
    found.setdefault("p50 ms", []).append(taken[len(taken) // 2])
    found.setdefault("p99 ms", []).append(taken[len(taken) * 99 // 100])
    found.setdefault("most ms", []).append(taken[-1])
    found.setdefault("the other waits, ms", []).append(median(took) if took else 0.0)
    found.setdefault("the other's decisions/s", []).append(
        len(took) * (MANY if way == BATCHES else 1) / seconds
    )


def result_of(figures: dict[str, Figures]) -> Result:
    """Return the medians over the rounds, and the goals."""
    rows: list[Row] = [
        {"beside": way, **{name: median(some) for name, some in found.items()}}
        for way, found in figures.items()
    ]

    def waits(way: str, figure: str) -> Goal:
        bound = USUAL if figure == "p50 ms" else MOST
        share = median(figures[way][figure]) / median(figures[way]["the other waits, ms"])
        return Goal(
            f"a neighbour, {figure[:3]} beside {way}, of what the other waits", share, bound
        )

    return Result(
        {f"Small decisions beside texts of {KILOBYTES} KB with all detectors": rows},
        (
            waits(BATCHES, "p50 ms"),
            *(waits(way, "p99 ms") for way in (BATCHES, STREAM, CALLS)),
        ),
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=1.0, help="of one way in a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--busy", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.busy:
        uvloop.run(keep_busy(*given.busy))
        return
    figures: dict[str, Figures] = {way: {} for way in WAYS}
    with TemporaryDirectory() as name:
        policies = write(Path(name, "policies"), ALL)
        with daemon(Path(name, "data"), policies, FORGETS, *AUDITS["off"]) as server:
            pin(LOAD_CORE)
            for _ in range(given.rounds):
                for way, found in figures.items():
                    measure(server.address, way, given.seconds, found)
    show(result_of(figures), as_json=given.json)


if __name__ == "__main__":
    main()
