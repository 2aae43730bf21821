"""How long does a decision take in process, and how does that grow with the number of rules?

    python bench/bench_decide.py [--rules 10 100 1000 10000] [--rounds 15] [--json]

Every engine gets the same rules and requests; their answers are compared before anything is timed.
The rounds are interleaved, so that other work on the machine hits all alike; figures are medians
over the rounds of the mean time a request. Ratios are between engines of the same run.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter_ns

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.peers import PEERS, Ask, Peer, missing
from bench.workloads import Workload, make_workload

LEAST_NS = 15_000_000
"""A round of one engine lasts at least this long."""

WARMING = 200
"""Requests decided before the clock starts."""

GOALS = (
    # what, over (engine, rules), under (engine, rules), bound, whether it is an upper bound
    ("growth: 10,000 rules against 10", ("pol", 10_000), ("pol", 10), 1.3, True),
    ("against closures by hand", ("pol", 10_000), ("python closures by tenant", 10_000), 1.5, True),
    ("cedarpy, whole set", ("cedarpy, whole set", 10_000), ("pol", 10_000), 1000, False),
    ("cedarpy, sliced", ("cedarpy, sliced by tenant", 10_000), ("pol", 10_000), 15, False),
    ("CEL, sharded", ("CEL in Rust, sharded, *", 10_000), ("pol", 10_000), 5, False),
    ("cedarpy, 100 rules", ("cedarpy, whole set", 100), ("pol", 100), 10, False),
)


@dataclass(slots=True)
class Contender:
    """An engine at one size with its figures, in microseconds a decision."""

    peer: Peer
    rules: int
    ask: Ask
    figures: list[float]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return 0; 1 when engines disagree."""
    options = parse_options(arguments)
    peers = [peer for peer in PEERS if not missing(peer)]
    absent = [f"{peer.name} (install {peer.module})" for peer in PEERS if missing(peer)]
    contenders: list[Contender] = []
    for rules in options.rules:
        workload = make_workload(rules, options.requests)
        some = [Contender(peer, rules, peer.prepare(workload), []) for peer in peers]
        problem = disagreement(some, workload)
        if problem:
            print(problem, file=sys.stderr)
            return 1
        contenders += some
    gc.collect()
    gc.freeze()
    for _ in range(options.rounds):
        for contender in contenders:
            contender.figures.append(measure(contender.ask, options.requests))
    report(contenders, absent, as_json=options.json)
    return 0


def parse_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--rules", type=int, nargs="+", default=[10, 100, 1000, 10_000])
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args(arguments)


def disagreement(contenders: Sequence[Contender], workload: Workload) -> str | None:
    """Return which engine answers differently from the first, and on what; None: none does."""
    first = contenders[0]
    for number, request in enumerate(workload.requests):
        expected = first.peer.answer(first.ask(number))
        for other in contenders[1:]:
            answer = other.peer.answer(other.ask(number))
            if answer != expected:
                return (
                    f"{other.peer.name} answers {answer} and {first.peer.name} {expected} "
                    f"with {first.rules} rules to {json.dumps(request)}"
                )
    return None


def measure(ask: Ask, requests: int) -> float:
    """Return the mean time of a decision in microseconds, over one round."""
    done = 0
    numbers = range(requests)
    # What another engine has pushed out of the processor's caches is fetched again, untimed.
    for number in numbers[:WARMING]:
        ask(number)
    start = perf_counter_ns()
    while True:
        for number in numbers:
            ask(number)
            done += 1
            if done % 16 == 0 and perf_counter_ns() - start > LEAST_NS:
                return (perf_counter_ns() - start) / done / 1000


def report(contenders: Sequence[Contender], absent: Sequence[str], *, as_json: bool) -> None:
    """Print the figures and the goals."""
    medians = {(one.peer.name, one.rules): median(one.figures) for one in contenders}
    bests = {(one.peer.name, one.rules): min(one.figures) for one in contenders}
    goals = [
        {
            "goal": text,
            "best": best,
            "median": ratio_of(medians, over, under),
            "bound": bound,
            "kept": (best <= bound) is at_most,
        }
        for text, over, under, bound, at_most in GOALS
        if (best := ratio_of(bests, over, under)) is not None
    ]
    if as_json:
        rows = [
            {"engine": engine, "rules": rules, "median_us": figure, "best_us": bests[engine, rules]}
            for (engine, rules), figure in medians.items()
        ]
        print(json.dumps({"figures": rows, "goals": goals, "missing": absent}, indent=2))
        return
    sizes = sorted({rules for _, rules in medians})
    for title, figures in (("median", medians), ("best", bests)):
        print(f"{f'microseconds a decision, {title} round':44}", end="")
        print("".join(f"{f'{size:,} rules':>14}" for size in sizes))
        for name in dict.fromkeys(engine for engine, _ in figures):
            cells = [figures.get((name, size)) for size in sizes]
            print(f"{name:44}" + "".join(f"{'-' if c is None else f'{c:.2f}':>14}" for c in cells))
        print()
    print(f"{'ratios':44}{'best':>14}{'median':>14}{'bound':>14}")
    for goal in goals:
        word = "" if goal["kept"] else "   MISSED"
        print(
            f"{goal['goal']:44}{goal['best']:>14.2f}{goal['median']:>14.2f}{goal['bound']:>14}{word}"
        )
    for one in absent:
        print(f"not measured: {one}")


def ratio_of(
    figures: dict[tuple[str, int], float], over: tuple[str, int], under: tuple[str, int]
) -> float | None:
    """Return the ratio of two figures; ``name*`` stands for the fastest of its kind."""
    found = [find(figures, *over), find(figures, *under)]
    if found[0] is None or found[1] is None:
        return None
    return found[0] / found[1]


def find(figures: dict[tuple[str, int], float], name: str, rules: int) -> float | None:
    """Return the figure of an engine, or None when it was not measured."""
    if name.endswith("*"):
        some = [
            figure
            for (engine, size), figure in figures.items()
            if size == rules and engine.startswith(name[:-1])
        ]
        return min(some, default=None)
    return figures.get((name, rules))


if __name__ == "__main__":
    sys.exit(main())
