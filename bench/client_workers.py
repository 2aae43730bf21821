"""What does a second worker give the Python client, which finds both behind one port by itself?

Asked by `bench.bench_clients`. The client shares the two cores with both workers. What a decision
costs it is lost to them: it gains ``2 s / (s + g)`` at most, where a decision costs a worker s and
the client g. With the cheapest decisions that is far from two, so contents are looked at too, each
for the first time: the daemon remembers nothing of them. Audit is off, as where `bench.load`
measures workers: its process would be another that shares the two cores.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import cycle
from pathlib import Path
from statistics import median
from typing import Any

import uvloop
from pol_client import AsyncClient, Decision

from bench.bench_transport import POLICY, RULE, RULES, pin
from bench.goals import Goal, Result, Row
from bench.load.daemons import AUDITS, daemon
from bench.load.matrix import FORGETS, SHAPES, texts_of
from bench.python_client import WANTED, Figure, ask_in_tasks

PLAIN, LOOKED = "plain", "4 KB looked at"
KILOBYTES = 4
FLYING = 64
CORES = {1: ("taskset", "-c", "0"), 2: ("taskset", "-c", "0,1")}
"""One worker has a core, and two have two, which the client shares."""
GAIN = 1.7


def write(folder: Path, more: str) -> Path:
    """Write the policies, and a file with *more*; return the folder."""
    folder.mkdir(parents=True)
    made = "".join(RULE.format(number=n, tenant=n % RULES) for n in range(10, 10 + RULES))
    (folder / "bench.pol").write_text(POLICY.format(rules=made), encoding="utf-8")
    if more:
        (folder / "more.pol").write_text(more, encoding="utf-8")
    return folder


def spent_by(process: int) -> float:
    """Return the processor time of a supervisor and of what it has started, in seconds."""
    tree = [
        process,
        *map(int, Path(f"/proc/{process}/task/{process}/children").read_text().split()),
    ]
    tasks = [task for one in tree for task in Path(f"/proc/{one}/task").iterdir()]
    return sum(int(Path(one, "schedstat").read_text().split()[0]) for one in tasks) / 1e9


class Asked:
    """Contents, one after another, none like the one before."""

    def __init__(self, client: AsyncClient, *, looks: bool) -> None:
        contents = texts_of(KILOBYTES) if looks else [str(WANTED.get("content"))]
        self._contents = cycle(contents)
        self._client = client

    async def decide(self) -> Any:
        """Return a decision, as one that passes: detectors may stop what they find."""
        asked: dict[str, Any] = {**WANTED, "content": next(self._contents)}
        decision: Decision = await self._client.decide(**asked)
        return Passed() if decision.decision_id else decision


class Passed:
    """What counts as an answer."""

    passes = True


async def round_of(address: str, process: int, seconds: float, *, looks: bool) -> Figure:
    """Ask for a while; return what came of it."""
    async with AsyncClient(address, timeout=30) as client:
        asked = Asked(client, looks=looks)
        await ask_in_tasks(asked.decide, FLYING, seconds / 4, [])  # Until both workers are found.
        taken: list[float] = []
        own, others, begin = time.process_time(), spent_by(process), time.perf_counter()
        await ask_in_tasks(asked.decide, FLYING, seconds, taken)
        span = time.perf_counter() - begin
        own, others = time.process_time() - own, spent_by(process) - others
    return {
        "rate": len(taken) / span,
        "p50": median(taken) * 1e6,
        "client": own / len(taken) * 1e6,
        "server": others / len(taken) * 1e6,
    }


@contextmanager
def client_on(many: int) -> Iterator[None]:
    """Keep this process beside one worker, or let it share both cores with two."""
    before = os.sched_getaffinity(0)
    if many == 1:
        pin(1)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def measure_workers(place: Path, seconds: float, rounds: int) -> Result:
    """Measure one worker and two in turns."""
    if len(os.sched_getaffinity(0)) < len(CORES):
        return Result({}, [], ("two cores",))
    rows: list[Row] = []
    goals: list[Goal] = []
    for name in (PLAIN, LOOKED):
        looks = name == LOOKED
        policies = write(place / name / "policies", SHAPES if looks else "")
        found: dict[int, list[Figure]] = {1: [], 2: []}
        with ExitStack() as stack:
            daemons = {
                many: stack.enter_context(
                    daemon(
                        place / name / str(many),
                        policies,
                        FORGETS,
                        *AUDITS["off"],
                        f"workers={many}",
                        cores=CORES[many],
                    )
                )
                for many in found
            }
            for number in range(rounds + 1):
                for many, served in daemons.items():
                    with client_on(many):
                        work = round_of(served.address, served.pid, seconds, looks=looks)
                        figure = uvloop.run(work)
                    if number:  # The first round warms up.
                        found[many].append(figure)
        pairs = zip(found[2], found[1], strict=True)
        gain = round(median(two["rate"] / one["rate"] for two, one in pairs), 2)
        one, two = (min(found[many], key=lambda each: each["server"]) for many in found)
        most = round(2 * one["server"] / (one["server"] + two["client"]), 2)
        rows += [row_of(name, 1, found[1], 1.0, 1.0), row_of(name, 2, found[2], gain, most)]
        words = f"Python, two workers against one, {name}"
        goals.append(Goal(f"{words}, of what two cores allow", gain / most, 0.85, "higher"))
        if looks:
            goals.append(Goal(words, gain, GAIN, "higher"))
    return Result({"Workers behind one port, found by the Python client": rows}, goals)


def row_of(name: str, many: int, found: list[Figure], gain: float, most: float) -> Row:
    """Return one line of the table: the quickest round."""
    best = max(found, key=lambda one: one["rate"])
    return {
        "decisions": name,
        "workers": many,
        "a second": round(best["rate"]),
        "p50 us": round(best["p50"]),
        "client's CPU us": round(best["client"], 1),
        "server's CPU us": round(best["server"], 1),
        "against one": gain,
        "at most": most,
    }
