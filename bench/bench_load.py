"""How fast is the daemon under load, beside its peers, and how does that change?

    python -m bench.bench_load [--quick] [--only against rules content state ways] [--json]

`engine serve` on one core, the load on the other (`bench/load/generate.py`: closed loops, and open
loops that charge a server for everybody who had to wait). The same rules, inputs and core for our
lean server, grpcio's with the same handlers, Cerbos, OPA and an empty grpc-go server, as far as
they can be had; the answers are compared with what the rules say before anything is timed, and
looked at in every call. Then our daemon alone: more rules, content with all detectors, throttles,
streams, batches, TLS and Unix sockets. Metrics are on. A round during which others had more than
0.15 cores does not count where there is one that was quieter; where there is none, the row says so.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.goals import Goal, Result, Row, show
from bench.load import against, matrix
from bench.load.ask import Generator, LoadError
from bench.load.board import Board
from bench.load.machine import LOAD, core
from bench.load.plan import FULL, QUICK, Plan

Section = Callable[[Board, Plan, Path], tuple[dict[str, list[Row]], list[Goal]]]
AGAINST = "against"
SECTIONS: Mapping[str, Section] = {
    "ways": matrix.by_way,
    "rules": matrix.by_rules,
    "content": matrix.by_content,
    "state": matrix.by_state,
}
OWN = "What a call costs the load generator"


def measure(plan: Plan, only: list[str]) -> Result:
    """Run the sections, each with a board of its own."""
    figures: dict[str, list[Row]] = {}
    goals: list[Goal] = []
    absent: list[str] = []
    with Generator(core(LOAD)) as generator, TemporaryDirectory() as name:
        place = Path(name)
        if AGAINST in only:
            board = Board(generator)
            found, reached, field = against.run(board, plan, place / AGAINST)
            figures |= found | {OWN: own_rows(board)}
            goals += reached
            absent += field.absent
        for title, section in SECTIONS.items():
            if title in only:
                found, reached = section(Board(generator), plan, place / title)
                figures |= found
                goals += reached
    return Result(figures, goals, absent)


def own_rows(board: Board) -> list[Row]:
    """Return the generator's own cost: its least over all servers asked in the same way."""
    least: dict[str, float] = {}
    for (_, what), figure in board.figures.items():
        if not figure.shots[0].rate:
            least[what] = min(figure.own_us, least.get(what, figure.own_us))
    return [{"asked": what, "us": spent} for what, spent in least.items()]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="fewer rounds and sizes")
    parser.add_argument(
        "--only", nargs="+", choices=[AGAINST, *SECTIONS], default=[AGAINST, *SECTIONS]
    )
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    try:
        result = measure(QUICK if given.quick else FULL, given.only)
    except LoadError as problem:
        sys.exit(f"the load bench ended: {problem}")
    show(result, as_json=given.json)


if __name__ == "__main__":
    main()
