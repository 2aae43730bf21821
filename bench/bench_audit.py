"""What does the audit trail cost a decision, and what does group commit gain?

    python bench/bench_audit.py [--rounds 15] [--records 4000] [--json]

*written* is what the worker's own thread spends on a record that is in the kernel's pages when the
decision is answered (CPU time, the smallest of the rounds), beside making its JSON alone. *synced*
is how many records a second are on the disk before they are answered, by how many are in flight.
Who asks is called when that is so, as in the lean server, and once more waits in a task of its own.
One ``fdatasync`` for each record is measured in the same rounds, right before and right after, so
that a disk which others use slows both down. The ratio is the median of the rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter, process_time_ns

import msgspec
import uvloop

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.goals import Goal, Result, Row, show
from engine.daemon.server import SWITCH_SECONDS
from engine.service.audit import Audit
from engine.service.entries import Entry, ReasonEntry, Spent
from engine.service.times import iso_time
from engine.storage.durability import Durability, Way

IN_FLIGHT = (1, 16, 64, 256)
ALONE = 40
"""Records that are synced one by one in a round, before and after."""
BAR = 64
TASKS = f"{BAR}, each in a task"
ENTRY = Entry(
    time="2026-01-01T00:00:00.000000Z",
    decision_id="0196f2c1-7a8b-7cde-8f01-23456789abcd",
    request_id="r-0001",
    revision="5f2d9c31a47be0865f2d9c31a47be086",
    tenant="north",
    user="u1",
    stage="request",
    model="large",
    session="s-81",
    action="redact",
    effective_action="redact",
    reasons=(ReasonEntry(policy="chat", rule="chat.mails", action="redact", severity="low"),),
    evaluated_in=31_000,
    spent=Spent(read=6_000, decide=25_000),
    content_hash="9a1c5e20b7d3f4689a1c5e20b7d3f468",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return 0."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--records", type=int, default=4000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    # As in a worker.
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.collect()
    gc.freeze()
    with tempfile.TemporaryDirectory(prefix="bench-", dir=Path(__file__).parent) as folder:
        show(measure(Path(folder), options.rounds, options.records), as_json=options.json)
    return 0


def trail(folder: Path, durability: Durability) -> Audit:
    """Return a trail in a folder of its own."""
    place = folder / durability
    place.mkdir()
    return Audit(
        place / "audit",
        place / "key",
        Way(durability=durability),
        name="bench",
        time=lambda: iso_time(time.time_ns()),
    )


def measure(folder: Path, rounds: int, records: int) -> Result:
    """Return the figures of so many *rounds* with so many *records* each."""
    encode = msgspec.json.Encoder(enc_hook=str).encode
    written, spool, synced = (trail(folder, one) for one in ("written", "spool", "synced"))
    costs: dict[str, list[float]] = {
        name: [] for name in ("JSON alone", "a line of it, written", "written", "spool")
    }
    gains: dict[int, list[tuple[float, float]]] = {one: [] for one in IN_FLIGHT}
    tasks: list[tuple[float, float]] = []
    plain = os.open(folder / "plain", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    line = encode(ENTRY)
    for _ in range(rounds):
        costs["JSON alone"].append(cost(lambda: encode(ENTRY), records))
        costs["a line of it, written"].append(cost(lambda: os.write(plain, encode(ENTRY)), records))
        costs["written"].append(cost(lambda: keep(written), records))
        written.tend()
        costs["spool"].append(cost(lambda: spool.write(ENTRY), records))
        for flying, found in gains.items():
            before = alone(plain, line)
            rate = uvloop.run(together(synced, flying, max(records // flying, 4)))
            found.append((rate, (before + alone(plain, line)) / 2))
        before = alone(plain, line)
        rate = uvloop.run(awaited(synced, BAR, max(records // BAR, 4)))
        tasks.append((rate, (before + alone(plain, line)) / 2))
    os.close(plain)
    for one in (written, spool, synced):
        one.close()
    return judge(costs, {**{str(one): found for one, found in gains.items()}, TASKS: tasks})


def keep(audit: Audit) -> None:
    """Do with a record what a door does."""
    audit.write(ENTRY)
    audit.kept()


def cost(act: Callable[[], object], records: int) -> float:
    """Return the microseconds of CPU that *act* takes, of all threads."""
    begin = process_time_ns()
    for _ in range(records):
        act()
    return (process_time_ns() - begin) / records / 1000


def alone(file: int, line: bytes) -> float:
    """Return how many records a second come to the disk one by one."""
    begin = perf_counter()
    for _ in range(ALONE):
        os.write(file, line)
        os.fdatasync(file)
    return ALONE / (perf_counter() - begin)


async def together(audit: Audit, flying: int, each: int) -> float:
    """Return how many records a second are synced while so many are in flight.

    Who asks waits as the lean server does: it is called.
    """
    over = asyncio.get_running_loop().create_future()
    flown = 0

    def asks() -> Callable[[Exception | None], None]:
        left = each

        def ask(problem: Exception | None) -> None:
            nonlocal left, flown
            while problem is None and left:
                left -= 1
                audit.write(ENTRY)
                if audit.tell(ask):
                    return
            flown += 1
            if problem is not None:
                over.set_exception(problem)
            elif flown == flying:
                over.set_result(None)

        return ask

    begin = perf_counter()
    for ask in [asks() for _ in range(flying)]:
        ask(None)
    await over
    return flying * each / (perf_counter() - begin)


async def awaited(audit: Audit, flying: int, each: int) -> float:
    """Return the same where each who asks is a task that awaits its record."""

    async def ask() -> None:
        for _ in range(each):
            audit.write(ENTRY)
            waited = audit.kept()
            if waited is not None:
                await waited

    begin = perf_counter()
    await asyncio.gather(*(ask() for _ in range(flying)))
    return flying * each / (perf_counter() - begin)


def judge(costs: dict[str, list[float]], gains: dict[str, list[tuple[float, float]]]) -> Result:
    """Return the figures as tables, and the goals."""
    least = {name: min(found) for name, found in costs.items()}
    ratios = {flying: median(a / b for a, b in found) for flying, found in gains.items()}
    rows: list[Row] = [{"what": name, "microseconds": value} for name, value in least.items()]
    synced: list[Row] = [
        {
            "in flight": flying,
            "records/s": round(median(a for a, _ in found)),
            "one by one/s": round(median(b for _, b in found)),
            "ratio": ratios[flying],
        }
        for flying, found in gains.items()
    ]
    return Result(
        {"a record, in the thread that decides": rows, "synced": synced},
        (
            Goal("written, microseconds a decision", least["written"], 12.0),
            Goal(
                "written, against a line without a chain",
                least["written"] / least["a line of it, written"],
                5.0,
            ),
            Goal(f"synced, {BAR} in flight, against one by one", ratios[str(BAR)], 20.0, "higher"),
        ),
    )


if __name__ == "__main__":
    sys.exit(main())
