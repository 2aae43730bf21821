"""How long does a decision take over gRPC, and how much of that is gRPC itself?

    python -m bench.bench_grpc [--seconds 0.5] [--rounds 7] [--json]

A daemon's door with a real gate runs in a child process on loopback, beside an empty grpc.aio
handler in the same event loop that gets as many bytes and returns a fixed answer: the yardstick.
Both are asked by the same kind of client in turns, so that the ratio holds whatever else the
machine does.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import grpc
import grpc.aio
import uvloop
from pol_client import AsyncClient, Client, Request
from pol_client.request import build_request

from bench.goals import Goal, Result, Row, show
from engine.doors.grpc.listener import Listener
from engine.doors.grpc.server import Door
from engine.doors.grpc.service import Service
from engine.runtime.memory import MemoryStore
from engine.service.bundles import Recipe, load_folder
from engine.service.gate import Gate
from engine.wire import engine_pb2 as wire

EMPTY = "/bench.Empty/Call"
GOALS = (
    # what, in flight, at least so many decisions for an empty call of the same kind
    ("decide, threads", 1, 0.3),
    ("pipeline, asyncio", 32, 0.7),
    ("batches of 64, asyncio", 1, 4.0),
)
SECRET = b"a secret for a bench, 32 bytes.."

RULE = """
  rule r{number} {{
    when tenant.id == "t{tenant}" and context.amount > {number}
    then deny "too much"
  }}"""

POLICY = """package bench
schema {{
  context.amount: float
  context.purpose: string?
}}
policy limits {{
  default allow
{rules}
}}
"""

ASKED: Request = {
    "tenant": "t7",
    "user": {"id": "u1", "roles": ["clerk", "nurse"]},
    "stage": "request",
    "content": "Please summarise the attached report in three sentences. " * 4,
    "model": {"name": "sonnet", "provider": "p"},
    "session": "s-1",
    "context": {"amount": 1.5, "purpose": "care"},
}


@dataclass(frozen=True, slots=True)
class Figure:
    """One measurement: *flying* at once; p50 and p99 of the quickest round in us."""

    what: str
    flying: int
    p50_us: float
    p99_us: float
    per_second: float
    ratio: float
    """Decisions a second beside empty calls of the same client: the median of the rounds."""


def serve(folder: Path) -> None:
    """Serve until the parent goes away; print the two addresses."""
    uvloop.run(serve_both(folder))


async def serve_both(folder: Path) -> None:
    """Serve the door and the empty handler in this loop."""
    gate = Gate(MemoryStore(), secret=SECRET)
    gate.swap(load_folder(folder, Recipe(SECRET)))
    door = Door(Service(gate, "bench"), [Listener("127.0.0.1:0")])
    (address,) = await door.start()
    empty = grpc.aio.server()
    answer = wire.Decision(action=wire.ACTION_ALLOW, revision="x" * 64).SerializeToString()

    async def handle(_raw: bytes, _context: object) -> bytes:
        return answer

    handler = grpc.unary_unary_rpc_method_handler(handle)
    empty.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("bench.Empty", {"Call": handler}),)
    )
    port = empty.add_insecure_port("127.0.0.1:0")
    await empty.start()
    sys.stdout.write(f"{address} 127.0.0.1:{port}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    await door.drain(0)
    await empty.stop(0)


@contextmanager
def child(rules: int) -> Iterator[tuple[str, str]]:
    """Yield the addresses of the door and of the empty handler in a child process."""
    with tempfile.TemporaryDirectory() as folder:
        made = "".join(RULE.format(number=n, tenant=n % 100) for n in range(10, 10 + rules))
        Path(folder, "bench.pol").write_text(POLICY.format(rules=made))
        command = [sys.executable, "-m", "bench.bench_grpc", "--serve", folder]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            door, empty = process.stdout.readline().split()
            yield door, empty
            process.communicate()


def in_threads(
    call: Callable[[], object], flying: int, seconds: float
) -> tuple[list[float], float]:
    """Return the latencies of *call* from *flying* threads, and the seconds it took."""
    taken: list[float] = []
    end = time.perf_counter() + seconds

    def work() -> None:
        while (start := time.perf_counter()) < end:
            call()
            taken.append(time.perf_counter() - start)

    threads = [threading.Thread(target=work) for _ in range(flying)]
    begin = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return taken, time.perf_counter() - begin


async def in_tasks(
    call: Callable[[], Awaitable[object]], flying: int, seconds: float
) -> tuple[list[float], float]:
    """Return the latencies of *call* from *flying* tasks, and the seconds it took."""
    taken: list[float] = []
    end = time.perf_counter() + seconds

    async def work() -> None:
        while (start := time.perf_counter()) < end:
            await call()
            taken.append(time.perf_counter() - start)

    begin = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(flying)))
    return taken, time.perf_counter() - begin


class Board:
    """Collects the rounds of each measurement, and the yardstick's by (kind, flying)."""

    def __init__(self) -> None:
        self.rounds: dict[tuple[str, int, int, str], list[tuple[float, float, float]]] = {}

    def add(
        self, what: str, flying: int, size: int, yardstick: str, taken: tuple[list[float], float]
    ) -> None:
        """Note one round; *size* is how many decisions one call has."""
        latencies, seconds = sorted(taken[0]), taken[1]
        self.rounds.setdefault((what, flying, size, yardstick), []).append(
            (
                len(latencies) * size / seconds,
                latencies[len(latencies) // 2] * 1e6,
                latencies[len(latencies) * 99 // 100] * 1e6,
            )
        )

    def figures(self) -> list[Figure]:
        """Return the quickest round of each, and the median of its rounds against empty calls."""
        yards = {key[:2]: rounds for key, rounds in self.rounds.items() if not key[3]}
        made = []
        for (what, flying, _, yardstick), rounds in self.rounds.items():
            rate, p50, p99 = max(rounds)
            pairs = zip(rounds, yards[yardstick or what, flying], strict=True)
            ratio = median(one[0] / other[0] for one, other in pairs)
            made.append(
                Figure(what, flying, round(p50, 1), round(p99, 1), round(rate), round(ratio, 3))
            )
        return made


def measure_threads(board: Board, addresses: tuple[str, str], seconds: float) -> None:
    """Measure the client for threads."""
    raw = build_request(ASKED).SerializeToString()
    with (
        Client(addresses[0], timeout=10, transport="grpcio") as client,
        grpc.insecure_channel(addresses[1]) as channel,
        client.pipeline() as pipeline,
    ):
        empty: Any = channel.unary_unary(EMPTY, None, None)
        for flying in (1, 8, 32):
            yard = in_threads(lambda: empty(raw), flying, seconds)
            board.add("empty, threads", flying, 1, "", yard)
            for what, call in (
                ("decide, threads", lambda: client.decide(**ASKED)),
                ("pipeline, threads", lambda: pipeline.decide(**ASKED)),
            ):
                taken = in_threads(call, flying, seconds)
                board.add(what, flying, 1, "empty, threads", taken)


async def measure_tasks(board: Board, addresses: tuple[str, str], seconds: float) -> None:
    """Measure the client for asyncio."""
    raw = build_request(ASKED).SerializeToString()
    async with (
        AsyncClient(addresses[0], timeout=10, transport="grpcio") as client,
        grpc.aio.insecure_channel(addresses[1]) as channel,
        client.pipeline() as pipeline,
    ):
        empty: Any = channel.unary_unary(EMPTY, None, None)
        for flying in (1, 8, 32):
            yard = await in_tasks(lambda: empty(raw), flying, seconds)
            board.add("empty, asyncio", flying, 1, "", yard)
            calls: list[tuple[str, int, Callable[[], Awaitable[object]]]] = [
                ("decide, asyncio", 1, lambda: client.decide(**ASKED)),
                ("pipeline, asyncio", 1, lambda: pipeline.decide(**ASKED)),
                ("batches of 16, asyncio", 16, lambda: client.decide_batch([ASKED] * 16)),
                ("batches of 64, asyncio", 64, lambda: client.decide_batch([ASKED] * 64)),
            ]
            for what, size, call in calls:
                taken = await in_tasks(call, flying, seconds)
                board.add(what, flying, size, "empty, asyncio", taken)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=0.5, help="of one measurement")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--rules", type=int, default=1000)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.serve)
        return
    board = Board()
    with child(given.rules) as addresses:
        for _ in range(given.rounds):
            measure_threads(board, addresses, given.seconds)
            uvloop.run(measure_tasks(board, addresses, given.seconds))
    show(judge(board.figures()), as_json=given.json)


def judge(figures: list[Figure]) -> Result:
    """Return the figures and the goals."""
    rows: list[Row] = [
        {
            "what": each.what,
            "in flight": each.flying,
            "p50 us": each.p50_us,
            "p99 us": each.p99_us,
            "a second": each.per_second,
            "x empty": each.ratio,
        }
        for each in figures
    ]
    reached = {(each.what, each.flying): each.ratio for each in figures}
    goals = [
        Goal(
            f"{what}, {flying} in flight, against empty calls",
            reached[what, flying],
            bound,
            "higher",
        )
        for what, flying, bound in GOALS
    ]
    return Result({"Decisions over gRPC on loopback, quickest round": rows}, goals)


if __name__ == "__main__":
    main()
