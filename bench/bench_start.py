"""How soon does a daemon decide, and how much memory does a worker take?

    python -m bench.bench_start [--rules 100 10000 100000] [--rounds 3] [--json]

The real daemon (`engine serve --workers 1`, the lean transport) is started on policies that it has
never seen (*cold*: all are compiled), and again (*warm*: what was compiled is in the cache); each
time until it has answered a first decision. *resident* is what the worker then holds of the
machine's memory (RSS), *own* what of it no other process shares (USS); *reload* the time from the
change of one file until it decides. Times depend on what else the machine does: the best of the
rounds counts. *CPU* is that of the daemon and its children, which does not. The same again with a
policy that looks for everything there is in a content: *all detectors*.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import cast

from pol_client import Request
from pol_client.request import build_request

from bench.bench_reload import PATH, change, daemon, deciding
from bench.goals import Goal, Result, Row, show
from bench.load.matrix import ALL
from bench.steady import run
from bench.workloads import make_workload, pol_files

MEGABYTE = 1 << 20
GOAL_RULES = 10_000
WARM_SECONDS, WORKER_MEGABYTES = 1.5, 150
SETTINGS = ("workers=1", "record.file=", "reload.timeout_seconds=3600", "reload.debounce_ms=20")


@dataclass(frozen=True, slots=True)
class Start:
    """One start: seconds until the first decision and of CPU, and the worker's memory in bytes."""

    seconds: float
    cpu: float
    resident: int
    own: int
    reload: float


def start(place: Path, root: Path, body: bytes, changed: str, number: int) -> Start:
    """Start a daemon, ask it once, change a file, end it."""
    before = os.times()
    begun = monotonic()
    with daemon(place, root, *SETTINGS) as made:
        run(made.address, PATH, body, 1000, 0.001)
        seconds = monotonic() - begun
        memory = memory_of(deciding(made))
        begun = monotonic()
        change(made, [changed], number)
        reload = monotonic() - begun
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user
    return Start(seconds, cpu - before.children_system, *memory, reload)


def memory_of(process: int) -> tuple[int, int]:
    """Return the bytes that *process* holds, and those that it shares with nobody."""
    found: dict[str, int] = {}
    for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()[1:]:
        name, size, *_ = line.split()
        found[name.rstrip(":")] = int(size) * 1024
    return found["Rss"], found["Private_Clean"] + found["Private_Dirty"]


WITH = {"": "", ", all detectors": ALL}
"""What the policies are besides the workload's rules."""


def measure(rules: int, rounds: int, more: str) -> tuple[Start, list[Start]]:
    """Return a cold start of the rules and the policy *more*, and the warm ones after it."""
    workload = make_workload(rules)
    body = build_request(cast("Request", workload.requests[0])).SerializeToString()
    with TemporaryDirectory(prefix="bench-") as place:
        root = Path(place, "policies")
        root.mkdir()
        files = pol_files(workload)
        for name, text in files.items():
            Path(root, name).write_text(text)
        if more:
            Path(root, "more.pol").write_text(more)
        changed = max(files)
        found = [start(Path(place), root, body, changed, number) for number in range(rounds + 1)]
    return found[0], found[1:]


def judge(found: dict[tuple[int, str], tuple[Start, list[Start]]]) -> Result:
    """Return the figures and the goals."""
    rows: list[Row] = []
    goals: list[Goal] = []
    for (rules, beside), (cold, warm) in found.items():
        soon = min(one.seconds for one in warm)
        resident = min(one.resident for one in warm) / MEGABYTE
        rows.append(
            {
                "rules": f"{rules:,}{beside}",
                "cold, s": round(cold.seconds, 2),
                "warm, s": round(soon, 2),
                "warm start and reload, CPU s": round(min(one.cpu for one in warm), 2),
                "reload, s": round(min(one.reload for one in warm), 2),
                "resident, MB": round(resident),
                "own, MB": round(min(one.own for one in warm) / MEGABYTE),
            }
        )
        if rules == GOAL_RULES:
            goals += [
                Goal(f"warm start until the first decision{beside}, s", soon, WARM_SECONDS),
                Goal(f"memory of a worker{beside}, MB", resident, WORKER_MEGABYTES),
            ]
    return Result({"Starts, one worker": rows}, goals)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rules", type=int, nargs="+", default=[100, 10_000, 100_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = {
        (rules, beside): measure(rules, given.rounds, more)
        for rules in given.rules
        for beside, more in WITH.items()
    }
    show(judge(found), as_json=given.json)


if __name__ == "__main__":
    main()
