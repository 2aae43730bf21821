"""Asks a daemon with the Python client, in a process of its own on one core.

    python -m bench.python_client ADDRESS SERVER_PROCESS SECONDS ROUNDS

Prints one line of JSON: for each way and number in flight a list with one item a round, the
decisions a second, p50 and p99, the client's and the server's CPU time of one in us.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import uvloop
from pol_client import AsyncClient, Client, Request

from bench.bench_grpc import ASKED
from bench.bench_transport import LOAD_CORE, Served, pin

TASKS, THREADS = (1, 8, 32, 128), (1, 16)
PLAIN, OWN, TOGETHER = "grpcio, a call each", "a call each", "together"
IN_LOOP: dict[str, dict[str, Any]] = {
    PLAIN: {"transport": "grpcio"},
    OWN: {"coalesce": False},
    TOGETHER: {},
}
IN_THREADS: dict[str, dict[str, Any]] = {
    f"{PLAIN}, threads": {"transport": "grpcio"},
    f"{TOGETHER}, threads": {},
}
WANTED: Request = {**ASKED, "tenant": "acme-shop", "context": {"bench_amount": 1.5}}

Figure = dict[str, float]


@contextmanager
def timed(served: Served, found: list[Figure]) -> Iterator[list[float]]:
    """Give a list for latencies; note what they come to."""
    taken: list[float] = []
    server, client, begin = served.cpu_seconds(), time.process_time(), time.perf_counter()
    yield taken
    span = time.perf_counter() - begin
    client, server = time.process_time() - client, served.cpu_seconds() - server
    taken.sort()
    found.append(
        {
            "rate": len(taken) / span,
            "p50": taken[len(taken) // 2] * 1e6,
            "p99": taken[len(taken) * 99 // 100] * 1e6,
            "cpu": client / len(taken) * 1e6,
            "server": server / len(taken) * 1e6,
        }
    )


async def ask_in_tasks(
    decide: Callable[[], Awaitable[Any]], flying: int, seconds: float, taken: list[float]
) -> None:
    """Ask from *flying* tasks."""
    end = time.perf_counter() + seconds

    async def work() -> None:
        while (start := time.perf_counter()) < end:
            if not (await decide()).passes:
                sys.exit("an answer was no answer")
            taken.append(time.perf_counter() - start)

    await asyncio.gather(*(work() for _ in range(flying)))


def ask_in_threads(
    decide: Callable[[], Any], flying: int, seconds: float, taken: list[float]
) -> None:
    """Ask from *flying* threads."""
    end = time.perf_counter() + seconds

    def work() -> None:
        while (start := time.perf_counter()) < end:
            if not decide().passes:
                sys.exit("an answer was no answer")
            taken.append(time.perf_counter() - start)

    threads = [threading.Thread(target=work) for _ in range(flying)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


async def measure_tasks(
    served: Served, seconds: float, rounds: int, found: dict[str, list[Figure]]
) -> None:
    """Measure the client for asyncio, its ways in turns."""
    clients = {
        way: AsyncClient(served.address, timeout=30, **options) for way, options in IN_LOOP.items()
    }
    for number in range(rounds + 1):
        for flying in TASKS:
            for way, client in clients.items():
                figures: list[Figure] = []
                with timed(served, figures) as taken:
                    await ask_in_tasks(lambda: client.decide(**WANTED), flying, seconds, taken)  # noqa: B023
                if number:  # The first round warms up.
                    found.setdefault(f"{way} {flying}", []).extend(figures)
    for client in clients.values():
        await client.close()


def measure_threads(
    served: Served, seconds: float, rounds: int, found: dict[str, list[Figure]]
) -> None:
    """Measure the client for threads, its ways in turns."""
    with ExitStack() as stack:
        clients = {
            way: stack.enter_context(Client(served.address, timeout=30, **options))
            for way, options in IN_THREADS.items()
        }
        for number in range(rounds + 1):
            for flying in THREADS:
                for way, client in clients.items():
                    figures: list[Figure] = []
                    with timed(served, figures) as taken:
                        ask_in_threads(lambda: client.decide(**WANTED), flying, seconds, taken)  # noqa: B023
                    if number:
                        found.setdefault(f"{way} {flying}", []).extend(figures)


def main() -> None:
    """Measure and print."""
    address, process, seconds, rounds = sys.argv[1:]
    pin(LOAD_CORE)
    served = Served(address, int(process))
    found: dict[str, list[Figure]] = {}
    uvloop.run(measure_tasks(served, float(seconds), int(rounds), found))
    measure_threads(served, float(seconds), int(rounds), found)
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
