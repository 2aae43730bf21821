"""Does a decision wait while 10,000 rules are reloaded?

    python -m bench.bench_reload [--rules 10000] [--reloads 100] [--rate 2000]
                                 [--workers 1] [--json]

The real daemon (`engine serve`, the lean transport) on one core; an open loop of requests at a
moderate rate from the other (`bench.steady`). For some seconds nothing else happens, for some one
file after another changes and is loaded; in turns, so that what else the machine does falls on both
alike. A pause is told in three ways:

- latencies as callers see them, from when a request was due. On a machine with other work they
  hold its hiccups too, so the same without reloads stands beside them.
- *loop held*: the longest that the loop which decides did not come to its next turn
  (`bench/ticking`), and how often it was more than a millisecond. *by itself*: how often the
  process spent most of that time on a processor, and so what the daemon did to a decision that
  waited; else the machine had something else to do.
- *generator held*: how long the loop that asks was itself held up: the noise. Beside the latency
  of all calls stands that of those that it did not fall on.
- *machine aside*: the calls on which neither that fell nor a time in which the loop that decides
  was kept from its core: what it did for half of that time was something else than to run. Where
  a hypervisor keeps both cores at once, CPU times go on, so a hold during which the generator was
  held for half of the time is not *by itself* either. Not told with an audit: there the loop may
  wait for a disk, which looks the same and is the daemon's doing.

Where that is allowed both ends have real-time priority, so that other work of the machine counts
for little; the compiler's process and threads that begin later do not.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep, time_ns
from typing import cast
from urllib.request import urlopen

import msgspec
from pol_client import Request
from pol_client.request import build_request

from bench.goals import Goal, Result, Row, show
from bench.load.daemons import environment
from bench.steady import Taken
from bench.workloads import make_workload, pol_files

ROOT = Path(__file__).parent.parent
PATH = "/engine.v1.PolicyEngine/Decide"
SERVER_CORE, LOAD_CORE = 0, 1
PATIENCE = 120.0
LOOP_ORDER, THREAD_ORDER = 2, 1
"""The loop runs before the threads of its process, as it mostly does without any priority."""
WARM_SECONDS = 0.5
MS = 1_000_000
QUIET, RELOADS, SCRAPES = "nothing", "reloads", "scrapes"
BLOCKS = 5
"""So often quiet seconds and reloads take turns."""
MOST_QUIET = 5.0
"""Seconds of a block in which nothing happens."""
SHARE = 0.999
AUDITS = {
    "off": ("audit.folder=", "record.file="),
    "written": ("audit.durability=written", "record.file="),
}


@dataclass(slots=True)
class Daemon:
    """A daemon that runs, and what it has told."""

    process: subprocess.Popen[str]
    address: str
    pages: str
    root: Path
    ticks: Path
    loaded: list[int] = field(default_factory=list)
    """When policies were loaded, in ns since the epoch."""

    def wait_loaded(self, count: int) -> None:
        """Return when policies were loaded *count* times."""
        end = monotonic() + PATIENCE
        while len(self.loaded) < count:
            if monotonic() > end or self.process.poll() is not None:
                sys.exit("a reload did not come to its end")
            sleep(0.005)


def core(number: int) -> int:
    """Return one of the machine's cores."""
    cores = sorted(os.sched_getaffinity(0))
    return cores[number % len(cores)]


@contextmanager
def daemon(place: Path, root: Path, *settings: str) -> Iterator[Daemon]:
    """Yield ``engine serve`` of the policies in *root*, ready to decide."""
    ticks = place / "ticks"
    ticks.unlink(missing_ok=True)
    options = [part for one in ("grpc.transport=lean", *settings) for part in ("--set", one)]
    command = [
        sys.executable,
        "-P",
        "-m",
        "engine",
        "serve",
        str(root),
        "--data",
        str(place / "data"),
    ]
    process = subprocess.Popen(
        ["taskset", "-c", str(core(SERVER_CORE)), *command, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(ROOT / "bench/ticking", ENGINE_TICKS=str(ticks), ENGINE_LOG_FORMAT="json"),
    )
    assert process.stdout is not None
    assert process.stderr is not None
    made = Daemon(process, "", "", root, ticks)
    listening = threading.Thread(target=listen, args=(made,), daemon=True)
    listening.start()
    try:
        words = process.stdout.readline().replace(",", " ").split()
        if "serves" not in words:
            sys.exit("the daemon did not start")
        made.address = words[words.index("serves") + 1]
        made.pages = next(one for one in words if one.startswith("http")).rstrip(":")
        yield made
    finally:
        process.terminate()
        process.wait()


def listen(made: Daemon) -> None:
    """Note what the daemon logs."""
    assert made.process.stderr is not None
    for line in made.process.stderr:
        try:
            told = json.loads(line)
        except ValueError:
            sys.stderr.write(line)
            continue
        match told.get("event"):
            case "policies loaded":
                made.loaded.append(time_ns())
            case "ready" | "draining" | "stopped" | "audit checkpoint":
                pass
            case _:
                sys.stderr.write(line)


def first_in_line(process: int) -> None:
    """Let *process* run before all others of its core, where that is allowed; not its children."""
    policy = os.SCHED_FIFO | os.SCHED_RESET_ON_FORK
    for task in Path(f"/proc/{process}/task").iterdir():
        order = LOOP_ORDER if int(task.name) == process else THREAD_ORDER
        with suppress(PermissionError, ProcessLookupError):
            os.sched_setscheduler(int(task.name), policy, os.sched_param(order))


@contextmanager
def load(made: Daemon, place: Path, rate: float) -> Iterator[list[Taken]]:
    """Ask *rate* times a second as long as the block runs; then the list has what was taken."""
    out, taken = place / "taken", list[Taken]()
    command = [sys.executable, "-m", "bench.steady", made.address, PATH, str(place / "body")]
    command += [str(out), "--rate", str(rate), "--seconds", "3600", "--core", str(core(LOAD_CORE))]
    with subprocess.Popen(command, cwd=ROOT) as process:
        sleep(WARM_SECONDS)
        yield taken
        process.terminate()
    taken.append(msgspec.json.decode(out.read_bytes(), type=Taken))


def change(made: Daemon, files: Sequence[str], number: int) -> None:
    """Change one file, and wait until it is loaded."""
    path = made.root / files[number % len(files)]
    seen = len(made.loaded)
    draft = path.with_suffix(".draft")
    draft.write_text(path.read_text().replace("of t", f"of x{number} t", 1))
    draft.replace(path)
    made.wait_loaded(seen + 1)


def scrape(made: Daemon, times: int) -> None:
    """Look at the page of metrics, ten times a second."""
    for _ in range(times):
        with urlopen(made.pages, timeout=PATIENCE) as page:
            page.read()
        sleep(0.1)


@dataclass(slots=True)
class Phase:
    """What was seen while something went on."""

    latencies: list[int] = field(default_factory=list)
    calm: list[int] = field(default_factory=list)
    """Of calls during which the generator was not held."""
    aside: list[int] = field(default_factory=list)
    """Of those during which the machine did not hold the loop that decides either."""
    pauses: list[int] = field(default_factory=list)
    wrong: int = 0
    holds: list[tuple[int, int]] = field(default_factory=list)
    """Of what held the loop that decides: wall ns, and those that it ran by itself."""
    seconds: float = 0.0

    def add(self, taken: Taken, holds: Iterator[tuple[int, int, int]], begun: int) -> None:
        """Take the figures of a block that has *begun* then."""
        ended = time_ns()
        counted = [one for one in taken.latencies if one[0] >= begun]
        self.latencies += [took for _, took in counted]
        self.calm += undisturbed(counted, taken.pauses)
        self.pauses += [long for when, long in taken.pauses if when >= begun]
        self.wrong += taken.wrong
        apart: list[tuple[int, int]] = []
        for when, wall, cpu in holds:
            own = cpu - inside(taken.pauses, when - wall, when)
            if begun <= when <= ended:
                self.holds.append((wall, own))
                if 2 * own <= wall:
                    apart.append((when - wall, wall))
        self.aside += undisturbed(counted, joined([*taken.pauses, *apart]))
        self.seconds += (ended - begun) / 1e9

    def row(self, audit: str, name: str) -> Row:
        """Return the figures."""
        taken = self.latencies
        return {
            "audit": audit,
            "meanwhile": name,
            "p50 us": round(self.at(0.5) / 1000),
            "p99 us": round(self.at(0.99) / 1000),
            "p99.9 us": round(self.at(SHARE) / 1000),
            "p99.9 us, generator not held": round(share_of(self.calm, SHARE) / 1000),
            "machine aside": round(share_of(self.aside, SHARE) / 1000) if audit == "off" else None,
            "max us": round(self.at(1.0) / 1000),
            "over 1 ms, %": round(100 * sum(one > MS for one in taken) / len(taken), 3),
            "loop held, us": round(max((wall for wall, _ in self.holds), default=0) / 1000),
            "times": sum(wall > MS for wall, _ in self.holds),
            "by itself": sum(wall > MS and 2 * own > wall for wall, own in self.holds),
            "generator held, us": round(max(self.pauses, default=0) / 1000),
            "gen. times": sum(one > MS for one in self.pauses),
        }

    def at(self, share: float) -> int:
        """Return the time within which so large a share of the answers came, in ns."""
        return share_of(self.latencies, share)


def share_of(latencies: Sequence[int], share: float) -> int:
    """Return the time within which so large a share of the answers came, in ns."""
    taken = sorted(latencies)
    return taken[min(len(taken) - 1, int(len(taken) * share))] if taken else 0


def undisturbed(
    latencies: Sequence[tuple[int, int]], pauses: Sequence[tuple[int, int]]
) -> list[int]:
    """Return the times of the calls that no pause fell on: each begins somewhen, and is so long."""
    starts = [begin for begin, _ in pauses]
    found = []
    for due, took in latencies:
        # Pauses do not overlap, so of those that began before the answer only the last may matter.
        last = bisect_left(starts, due + took) - 1
        if last < 0 or sum(pauses[last]) <= due:
            found.append(took)
    return found


def inside(pauses: Sequence[tuple[int, int]], begin: int, end: int) -> int:
    """Return for how long there was a pause from *begin* to *end*."""
    return sum(max(0, min(when + long, end) - max(when, begin)) for when, long in pauses)


def joined(pauses: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the same pauses in their order, those as one that overlap."""
    made: list[tuple[int, int]] = []
    for when, long in sorted(pauses):
        if made and when <= sum(made[-1]):
            first, lasted = made[-1]
            made[-1] = first, max(lasted, when + long - first)
        else:
            made.append((when, long))
    return made


def held_by(made: Daemon) -> Iterator[tuple[int, int, int]]:
    """Yield when, and for how long by both clocks, the loop that decides was held."""
    if made.ticks.exists():
        for line in made.ticks.read_text().splitlines():
            _, when, wall, cpu = map(int, line.split())
            yield when, wall, cpu


def deciding(made: Daemon) -> int:
    """Return the process that decides: the daemon's worker, or the daemon itself."""
    process = made.process.pid
    for child in Path(f"/proc/{process}/task/{process}/children").read_text().split():
        if b"engine.daemon.worker" in Path(f"/proc/{child}/cmdline").read_bytes():
            return int(child)
    return process


def measure(options: argparse.Namespace, place: Path, audit: str) -> dict[str, Phase]:
    """Return what was seen, by what went on meanwhile."""
    workload = make_workload(options.rules)
    root = place / "policies"
    root.mkdir()
    files = pol_files(workload)
    for name, text in files.items():
        Path(root, name).write_text(text)
    names = sorted(set(files) - {"schema.pol"})
    request = cast("Request", workload.requests[0])
    (place / "body").write_bytes(build_request(request).SerializeToString())
    phases = {name: Phase() for name in (QUIET, RELOADS, SCRAPES)}
    each = max(1, options.reloads // BLOCKS)
    settings = (*AUDITS[audit], "reload.debounce_ms=20", f"workers={options.workers}")
    with daemon(place, root, *settings) as made:
        for block in range(BLOCKS):
            with during(phases[RELOADS], made, place, options.rate) as begun:
                for number in range(each):
                    change(made, names, block * each + number)
                spent = (time_ns() - begun) / 1e9
            with during(phases[QUIET], made, place, options.rate):
                sleep(min(spent, MOST_QUIET))
            with during(phases[SCRAPES], made, place, options.rate):
                scrape(made, 20)
    return phases


@contextmanager
def during(phase: Phase, made: Daemon, place: Path, rate: float) -> Iterator[int]:
    """Ask while the block runs, and add what was seen to *phase*; yield when it has begun."""
    with load(made, place, rate) as taken:
        first_in_line(deciding(made))
        begun = time_ns()
        yield begun
        holds = list(held_by(made))
    phase.add(taken[0], iter(holds), begun)


def judge(found: dict[tuple[str, str], Phase]) -> Result:
    """Return the figures and the goals."""
    rows: list[Row] = [phase.row(audit, name) for (audit, name), phase in found.items()]
    goals = []
    for audit in dict.fromkeys(which for which, _ in found):
        quiet = found[audit, QUIET]
        for what in (RELOADS, SCRAPES):
            phase = found[audit, what]
            ratio = phase.at(SHARE) / quiet.at(SHARE)
            calm = share_of(phase.calm, SHARE) / MS
            goals += [
                Goal(f"audit {audit}: p99.9 with {what}, ms", phase.at(SHARE) / MS, 1.0),
                Goal(f"audit {audit}: p99.9 with {what}, generator not held, ms", calm, 1.0),
                Goal(f"audit {audit}: p99.9 with {what} against without", round(ratio, 2), 1.5),
            ]
            if audit == "off":
                aside = share_of(phase.aside, SHARE) / MS
                goals.append(Goal(f"p99.9 with {what}, machine aside, ms", aside, 1.0))
    return Result({"An open loop, one server core": rows}, goals)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rules", type=int, default=10_000)
    parser.add_argument("--reloads", type=int, default=100)
    parser.add_argument("--workers", type=int, choices=(0, 1), default=1)
    parser.add_argument("--rate", type=float, default=2000.0)
    parser.add_argument("--audit", choices=AUDITS, nargs="+", default=list(AUDITS))
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = {}
    for audit in given.audit:
        with TemporaryDirectory(prefix="bench-") as place:
            for name, phase in measure(given, Path(place), audit).items():
                found[audit, name] = phase
    if any(one.wrong for one in found.values()):
        sys.exit("an answer was no answer")
    show(judge(found), as_json=given.json)


if __name__ == "__main__":
    main()
