"""Two workers on two cores against one on one, with a connection to each of them.

The generator has to share the cores with the two. What a call costs it is lost to them, so that
however well they do, their gain stays below ``2 s / (s + g)``: a decision costs a server s, and the
generator g. With the cheapest decisions that is far from two, so contents are looked at too.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from msgspec import structs

from bench.goals import Goal, Result, Row
from bench.load.board import Board, Contender, in_flight, rate_of, ratio
from bench.load.daemons import AUDITS
from bench.load.machine import everywhere
from bench.load.matrix import FORGETS, LEAN, RULES, SHAPES, WEIGHED, passes, seen, texts_of
from bench.load.ours import our_daemon
from bench.load.plan import Plan
from bench.workloads import make_workload

BY_WORKERS = f"Workers, a connection to each, {RULES} rules"
FLYING = 32
"""Of each worker."""
GAIN = 1.7
PLAIN, LOOKED = "plain", f"{WEIGHED} KB looked at"


@dataclass(frozen=True, slots=True)
class Pair:
    """One worker, and two."""

    name: str
    one: Contender
    two: Contender


def start(stack: ExitStack, place: Path, plan: Plan, name: str) -> Pair:
    """Start both daemons for a kind of decisions."""
    looks = name == LOOKED
    workload = passes(make_workload(RULES, plan.requests))
    made = []
    for many in (1, 2):
        daemon = our_daemon(
            place / f"{name}{many}",
            workload,
            LEAN,
            FORGETS,
            f"workers={many}",
            *AUDITS["off"],
            more=SHAPES if looks else "",
            contents=texts_of(WEIGHED) if looks else (),
            right=seen,
            cores=everywhere() if many > 1 else (),
        )
        ours = stack.enter_context(daemon)
        first = ours.server.socket
        sockets = [first, *(f"{first}.{number}" for number in range(1, many))]
        contender = ours.unary(f"{many}, {name}", ",".join(sockets))
        load = structs.replace(contender.load, connections=many)
        made.append(replace(contender, load=load))
    return Pair(name, *made)


def run(board: Board, plan: Plan, place: Path) -> Result:
    """Measure it, without real-time priority: here generator and servers share a core."""
    with ExitStack() as stack:
        pairs = [start(stack, place, plan, name) for name in (PLAIN, LOOKED)]
        for number in range(plan.open_rounds):
            for pair in pairs:
                for many, contender in enumerate((pair.one, pair.two), 1):
                    load = contender.closed(FLYING * many, plan.seconds)
                    load = structs.replace(load, ahead=False)
                    board.shoot(contender, in_flight(FLYING * many), load, number)
    return told(board, pairs)


def told(board: Board, pairs: list[Pair]) -> Result:
    """Return the figures and the goals."""
    rows: list[Row] = []
    goals = []
    for pair in pairs:
        one = board.figures[pair.one.name, in_flight(FLYING)]
        two = board.figures[pair.two.name, in_flight(2 * FLYING)]
        gain = ratio(two, one, rate_of)
        most = 2 * one.cpu_us / (one.cpu_us + two.own_us)
        for workers, figure in ((1, one), (2, two)):
            rows.append(
                {
                    "decisions": pair.name,
                    "workers": workers,
                    **figure.row(),
                    "against one": round(gain, 2) if workers > 1 else 1.0,
                    "at most": round(most, 2) if workers > 1 else 1.0,
                }
            )
        words = f"two workers against one, {pair.name}"
        goals.append(Goal(f"{words}, of what two cores allow", gain / most, 0.85, "higher"))
        if pair.name == LOOKED:
            goals.append(Goal(words, gain, GAIN, "higher"))
    return Result({BY_WORKERS: rows}, goals)
