"""Is a limit exact over several workers and many callers, and how fast are they?

    python -m bench.bench_exact [--limit 100000] [--callers 1000] [--workers 2] [--json]
                                [--set KEY=VALUE …]

A daemon with workers keeps one bucket. Callers in processes of their own, real gRPC clients, ask
until each is refused. However they are spread, exactly the limit is granted and each grant is in
the record; a worker, killed in the middle, changes nothing about that but what its running calls
may have taken. ``--set`` chooses another store, such as ``--set state=valkey``.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

import msgspec

from bench.callers import Answered
from bench.goals import Goal, Result, Row, show

ROOT = Path(__file__).parent.parent
PROCESSES = 4
CHANNELS = 16
"""Of each process: connections, which the kernel spreads over the workers."""
PATIENCE = 600
ADDRESS = re.compile(r"serves (\S+?)[,:] ")
WORKER = b"engine.daemon.worker"

POLICY = """
policy door {{
  default allow
  rule cap {{
    when content contains "h"
    then throttle {limit} requests per calendar month in "UTC" by tenant.id
  }}
}}
"""


@dataclass(frozen=True, slots=True)
class Serving:
    """A daemon that serves: where, its process, and its folder."""

    address: str
    process: int
    folder: Path

    def workers(self) -> list[int]:
        """Return the processes of its workers."""
        text = Path(f"/proc/{self.process}/task/{self.process}/children").read_text("ascii")
        found = [int(one) for one in text.split()]
        return [one for one in found if WORKER in Path(f"/proc/{one}/cmdline").read_bytes()]

    def recorded(self) -> int:
        """Return how many grants were recorded."""
        lines = (self.folder / "data/decisions.jsonl").read_bytes().splitlines()
        return sum(json.loads(one)["action"] == "allow" for one in lines)


@contextmanager
def daemon(limit: int, workers: int, settings: Sequence[str]) -> Iterator[Serving]:
    """Yield a daemon whose one bucket has *limit*."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "policies").mkdir()
        (folder / "policies/door.pol").write_text(POLICY.format(limit=limit), "utf-8")
        command = [sys.executable, "-m", "engine", "serve", "policies", f"--workers={workers}"]
        options = ["--listen=127.0.0.1:0", "--metrics=", "--no-watch", "--log-level=warning"]
        chosen = [f"--set={one}" for one in settings]
        with subprocess.Popen(
            [*command, *options, *chosen],
            cwd=folder,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        ) as process:
            assert process.stdout is not None
            found = ADDRESS.search(process.stdout.readline())
            if found is None:
                raise SystemExit("the daemon did not start")
            try:
                yield Serving(found[1], process.pid, folder)
            finally:
                process.terminate()
                process.wait(PATIENCE)


def ask(serving: Serving, callers: int, *, kill_at: int = 0) -> tuple[Answered, float]:
    """Return what *callers* callers are answered together, and the seconds it takes.

    When *kill_at* bytes of record are written, a worker is killed.
    """
    command = [sys.executable, "-m", "bench.callers", serving.address]
    numbers = [f"--callers={callers // PROCESSES}", f"--channels={CHANNELS}"]
    started = [
        subprocess.Popen(
            [*command, *numbers], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for _ in range(PROCESSES)
    ]
    began = monotonic()
    for one in started:
        assert one.stdin is not None
        one.stdin.write(b"go\n")
        one.stdin.flush()
    if kill_at:
        record = serving.folder / "data/decisions.jsonl"
        while record.stat().st_size < kill_at:
            sleep(0.01)
        os.kill(serving.workers()[0], signal.SIGKILL)
    answers = [one.communicate(timeout=PATIENCE)[0] for one in started]
    seconds = monotonic() - began
    found = [msgspec.json.decode(one, type=Answered) for one in answers]
    return (
        Answered(
            granted=sum(one.granted for one in found),
            refused=sum(one.refused for one in found),
            failed=sum(one.failed for one in found),
        ),
        seconds,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return 0; 1 when a limit was not exact."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--limit", type=int, default=100_000)
    parser.add_argument("--callers", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--set", dest="settings", metavar="KEY=VALUE", action="append", default=[])
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    rows: list[Row] = []
    wrong: list[float] = []
    for what, workers, kill in (
        ("one process", 1, False),
        (f"{given.workers} workers", given.workers, False),
        (f"{given.workers} workers, one killed", given.workers, True),
    ):
        with daemon(given.limit, workers, given.settings) as serving:
            # A line of the record has about 400 bytes.
            kill_at = 200 * given.limit if kill else 0
            answered, seconds = ask(serving, given.callers, kill_at=kill_at)
            recorded = serving.recorded()
        above = max(answered.granted, recorded) - given.limit
        below = given.limit - answered.granted - answered.failed
        wrong.append(max(above, below, 0))
        rows.append(
            {
                "what": what,
                "limit": given.limit,
                "granted": answered.granted,
                "recorded": recorded,
                "refused": answered.refused,
                "answer lost": answered.failed,
                "decisions a second": round((answered.granted + answered.refused) / seconds),
            }
        )
    goals = [
        Goal(f"{row['what']}: wrongly granted or refused", value, 0)
        for row, value in zip(rows, wrong, strict=True)
    ]
    title = f"{given.callers:,} callers at once, one bucket"
    show(Result({title: rows}, goals), as_json=given.json)
    return int(any(wrong))


if __name__ == "__main__":
    sys.exit(main())
