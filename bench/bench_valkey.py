"""How much does a decision's state cost in a Valkey or Redis server?

    python -m bench.bench_valkey [--rounds 9] [--callers 500] [--bucket 100000] [--json]

A server of its own is started on loopback. Takes from two buckets are made one by one and by many
callers at once (who are sent together), over one connection, by turns: how many a second. What the
server itself spends on them is its own CPU time. Takes that are leased are held against the same
takes in LMDB, in CPU time of the process. At last two processes with half of the callers each take
from one bucket until it is empty, without leases and with: the grants are counted.

Without a valkey-server or redis-server nothing is measured, and that is said.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from time import monotonic, perf_counter, process_time, sleep

import uvloop
from redis.asyncio import Redis

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.goals import Goal, Result, Row, show
from engine.runtime.store import NANO, Level, Take
from engine.state.leases import Leases
from engine.state.lmdb import LmdbStore
from engine.state.remote import Far, Op
from engine.state.valkey import Valkey
from engine.state.valkey_script import make_ready
from engine.state.valkey_wire import Manner, Writer

PROGRAMS = ("valkey-server", "redis-server")
MINUTE, DAY = 60 * NANO, 86_400 * NANO
TIMEOUT = 30.0
"""Seconds: a bench on a busy machine is not about time-outs."""
SIDES = 2
"""Processes that take from one bucket."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return 0; 1 when a limit is not kept."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--calls", type=int, default=2000, help="of one round")
    parser.add_argument("--callers", type=int, default=500, help="of one process")
    parser.add_argument("--bucket", type=int, default=100_000)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--side", nargs=2, metavar=("URL", "LEASES"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.side:
        url, leases = options.side
        print(uvloop.run(empty(url, options.bucket, options.callers, leased=leases == "1")))
        return 0
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        show(Result({}, [], ["a server (apt-get install redis-server)"]), as_json=options.json)
        return 0
    with server(program) as url:
        figures = uvloop.run(measure(url, options))
        granted = {leased: drained(url, options, leased=leased) for leased in (False, True)}
    show(judge(figures, granted, options.bucket), as_json=options.json)
    return int(granted[False] != options.bucket or granted[True] > options.bucket)


@contextmanager
def server(program: str) -> Iterator[str]:
    """Start a server on a free port of loopback; yield its URL."""
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        port = tried.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder],
            stdout=subprocess.DEVNULL,
        )
        try:
            while True:
                with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                sleep(0.01)
            yield f"redis://127.0.0.1:{port}"
        finally:
            os.kill(process.pid, signal.SIGTERM)
            process.wait()


MANNER = Manner()


def pair(key: str, limit: int = 1000) -> Op:
    """Return a take from two buckets that are far from empty."""
    takes = tuple(
        Take(
            rule=name,
            key=f'["policy.{name}","requests","","{key}"]',
            amount=NANO,
            limit=limit * NANO,
            burst=10**9 * NANO,
            window=MINUTE,
        )
        for name in ("first", "second")
    )
    return Op("take", (takes, "", 0))


# --- what it costs -------------------------------------------------------------------------------


async def measure(url: str, options: argparse.Namespace) -> dict[str, float]:
    """Return microseconds by what was done."""
    far = Valkey(url, timeout=TIMEOUT)
    client = Redis.from_url(url)
    leases = Leases(Valkey(url, timeout=TIMEOUT))
    ops = [pair(f"tenant-{number:04}") for number in range(500)]
    leased = pair("leased")
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder, closing(LmdbStore(folder)) as kept:
        takes: Sequence[Take] = leased.arguments[0]  # type: ignore[assignment]
        for _ in range(options.rounds):
            done = {
                "one by one": await timed(one_by_one(far, ops, options.calls), perf_counter),
                "one by one, redis-py's evalsha": await timed(
                    by_library(client, ops, options.calls), perf_counter
                ),
                "many callers at once": await timed(
                    at_once(far, ops, options.calls, options.callers), perf_counter
                ),
                "leased, CPU": await timed(one_by_one(leases, [leased], options.calls), cpu),
                "LMDB, CPU": await timed(in_file(kept, takes, options.calls), cpu),
            }
            for name, seconds in done.items():
                found.setdefault(name, []).append(seconds / options.calls * 1e6)
            before = await server_cpu(far)
            await at_once(far, ops, options.calls, options.callers)
            spent = (await server_cpu(far) - before) / options.calls * 1e6
            found.setdefault("script, CPU of the server", []).append(spent)
    await far.close()
    await client.aclose()
    await leases.close()
    return {name: min(all_) for name, all_ in found.items()}


async def timed(story: Coroutine[object, object, None], clock: Callable[[], float]) -> float:
    """Return how long *story* took by *clock*."""
    began = clock()
    await story
    return clock() - began


def cpu() -> float:
    """Return the CPU seconds of this process."""
    return process_time()


async def one_by_one(far: Far, ops: Sequence[Op], calls: int) -> None:
    """Make *calls* calls, each when the one before is answered."""
    for number in range(calls):
        await far.run([ops[number % len(ops)]], 0)


async def by_library(client: Redis, ops: Sequence[Op], calls: int) -> None:
    """Do what `one_by_one` does as most programs would: with the library's call of a script."""
    ready = [make_ready(Writer(MANNER).call([op], 0)) for op in ops]
    for number in range(calls):
        one = ready[number % len(ready)]
        keys = one.call.keys
        await client.evalsha(one.script.digest, len(keys), *keys, one.call.request)


async def at_once(far: Far, ops: Sequence[Op], calls: int, callers: int) -> None:
    """Let *callers* make *calls* calls in all, each of them one after the other."""
    each = iter(range(calls))

    async def caller() -> None:
        for number in each:
            await far.run([ops[number % len(ops)]], 0)

    await asyncio.gather(*(caller() for _ in range(callers)))


async def in_file(kept: LmdbStore, takes: Sequence[Take], calls: int) -> None:
    """Make the same takes in LMDB."""
    now = 1_767_225_600 * NANO
    for number in range(calls):
        kept.take(takes, now + number)


async def server_cpu(far: Valkey) -> float:
    """Return the CPU seconds that the server has spent on commands."""
    reply = await far._first.ask(("INFO", "cpu"))  # noqa: SLF001 - a command of no store
    assert isinstance(reply, bytes)
    told = dict(line.split(":") for line in reply.decode().splitlines() if ":" in line)
    return float(told["used_cpu_user_main_thread"]) + float(told["used_cpu_sys_main_thread"])


# --- exactness -----------------------------------------------------------------------------------


def drained(url: str, options: argparse.Namespace, *, leased: bool) -> int:
    """Let two processes take from one bucket until it is empty; return the grants of both."""
    numbers = ["--bucket", str(options.bucket), "--callers", str(options.callers)]
    command = [sys.executable, "-m", "bench.bench_valkey", "--side", url, str(int(leased))]
    root = Path(__file__).parent.parent
    sides = [
        subprocess.Popen([*command, *numbers], stdout=subprocess.PIPE, cwd=root)
        for _ in range(SIDES)
    ]
    return sum(int(side.communicate(timeout=600)[0]) for side in sides)


async def empty(url: str, bucket: int, callers: int, *, leased: bool) -> int:
    """Take from the bucket with *callers* until each is refused a while; return the grants."""
    name = f"bucket {leased}"
    one = Take(name, name, NANO, NANO, bucket * NANO, 1000 * DAY)
    connected = Valkey(url, timeout=TIMEOUT)
    far: Far = Leases(connected) if leased else connected
    granted, refused = itertools.count(), monotonic()

    async def caller() -> None:
        nonlocal refused
        # Slices that others give back come late: a refusal is no end before a second has passed.
        while True:
            (levels,) = await far.run([Op("take", ((one,), "", 0))], 0)
            assert isinstance(levels, tuple)
            level: Level = levels[0]
            if level.granted:
                next(granted)
                refused = monotonic()
            elif not leased or monotonic() - refused > 2:
                return
            else:
                await asyncio.sleep(0.1)

    await asyncio.gather(*(caller() for _ in range(callers)))
    await far.close()
    return next(granted)


def judge(figures: dict[str, float], granted: dict[bool, int], bucket: int) -> Result:
    """Return the figures and the goals."""
    rows: list[Row] = [{"two buckets": name, "us": figure} for name, figure in figures.items()]
    kept: list[Row] = [
        {"two processes, one bucket": name, "of": bucket, "granted": granted[leased]}
        for name, leased in (("every take asked for", False), ("leased", True))
    ]
    faster = figures["one by one"] / figures["many callers at once"]
    goals = [
        Goal("at once against one by one", faster, 5.0, "higher"),
        Goal(
            "at once against redis-py one by one",
            figures["one by one, redis-py's evalsha"] / figures["many callers at once"],
            5.0,
            "higher",
        ),
        Goal("leased against LMDB", figures["leased, CPU"] / figures["LMDB, CPU"], 1.5),
        Goal("granted of a bucket", granted[False] / bucket, 1.0),
        Goal("granted of a bucket, at least", granted[False] / bucket, 1.0, "higher"),
        Goal("granted of a bucket with leases", granted[True] / bucket, 1.0),
    ]
    return Result({"microseconds a decision": rows, "exactness": kept}, goals)


if __name__ == "__main__":
    sys.exit(main())
