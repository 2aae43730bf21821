"""How fast is the daemon under load, beside its peers, and how does that change?

    python -m bench.bench_load [--quick] [--json]
                               [--only against many ways rules content state workers]

`engine serve` on one core, the load on the other (`bench/load/generate.py`: closed loops, and open
loops that charge a server for everybody who had to wait). The same rules, inputs and core for our
lean server, grpcio's with the same handlers, Cerbos, OPA and an empty grpc-go server, as far as
they can be had; the answers are compared with what the rules say before anything is timed, and
looked at in every call. Then our daemon alone: more rules, content with all detectors, throttles,
streams, batches, TLS and Unix sockets. Metrics are on. A round during which others had more than
0.15 cores, or the server's core ran slowly, does not count where there is one that was quieter;
where there is none, the row says so.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from grpc import RpcError

from bench.goals import Goal, Result, Row, show
from bench.load import against, matrix, workers
from bench.load.ask import Generator, LoadError
from bench.load.board import Board
from bench.load.machine import LOAD, SERVER, core
from bench.load.pace import Pace
from bench.load.plan import FULL, QUICK, Plan

Section = Callable[[Board, Plan, Path], Result]
SECTIONS: Mapping[str, Section] = {
    "against": against.run,
    "many": against.many,
    "ways": matrix.by_way,
    "rules": matrix.by_rules,
    "content": matrix.by_content,
    "state": matrix.by_state,
    "workers": workers.run,
}
LONG = ("many", "workers")
"""A quick look leaves out what takes long to start."""


def measure(plan: Plan, only: list[str]) -> Result:
    """Run the sections, each with a board of its own; one that fails is told and left out."""
    figures: dict[str, Sequence[Row]] = {}
    goals: list[Goal] = []
    absent: list[str] = []
    done = 0
    with (
        Generator(core(LOAD)) as generator,
        Pace(core(SERVER)) as pace,
        TemporaryDirectory() as name,
    ):
        for title in only:
            try:
                result = SECTIONS[title](Board(generator, pace), plan, Path(name, title))
            except (LoadError, RpcError, OSError, SystemExit) as problem:
                sys.stderr.write(f"{title}: {problem}\n")
                absent.append(f"{title}, which failed: {problem}")
                continue
            done += 1
            figures |= result.figures
            goals += result.goals
            absent += [one for one in result.absent if one not in absent]
    goals.append(Goal("sections that could be measured, share", done / len(only), 1, "higher"))
    return Result(figures, goals, absent)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="fewer rounds and sizes")
    parser.add_argument("--only", nargs="+", choices=list(SECTIONS))
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    some = given.only or [one for one in SECTIONS if not (given.quick and one in LONG)]
    show(measure(QUICK if given.quick else FULL, some), as_json=given.json)


if __name__ == "__main__":
    main()
