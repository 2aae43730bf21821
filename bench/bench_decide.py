"""How long does a decision take in process, and how does that grow with the number of rules?

    python bench/bench_decide.py [--rules 10 100 1000 10000] [--rounds 25] [--json]

Every engine gets the same rules and requests; their answers are compared before anything is timed.
The rounds are short and interleaved, so that other work on the machine hits all alike. A figure is
the median over the rounds of the mean time a request; a ratio is the median over the rounds of the
ratio within a round.
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

from bench.goals import Goal, Result, Row, show
from bench.peers import PEERS, Ask, Peer, missing
from bench.workloads import Workload, make_workload

LEAST_NS = 10_000_000
"""A round of one engine lasts at least this long."""

WARMING_NS = 2_000_000
"""For so long an engine decides before its clock starts."""

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
    contenders.sort(key=lambda one: peers.index(one.peer))
    gc.collect()
    gc.freeze()
    for _ in range(options.rounds):
        for contender in contenders:
            contender.figures.append(measure(contender.ask, options.requests))
    show(judge(contenders, absent), as_json=options.json)
    return 0


def parse_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--rules", type=int, nargs="+", default=[10, 100, 1000, 10_000])
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=25)
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
    # What another engine has pushed out of the processor's caches is fetched again, untimed.
    repeat(ask, requests, WARMING_NS)
    return repeat(ask, requests, LEAST_NS)


def repeat(ask: Ask, requests: int, least: int) -> float:
    """Decide again and again for *least* nanoseconds; return the mean time in microseconds."""
    done = 0
    start = perf_counter_ns()
    while True:
        for number in range(requests):
            ask(number)
            done += 1
            if done % 16 == 0 or done < 4:
                passed = perf_counter_ns() - start
                if passed > least:
                    return passed / done / 1000


def judge(contenders: Sequence[Contender], absent: Sequence[str]) -> Result:
    """Return the figures and the goals."""
    rounds = {(one.peer.name, one.rules): one.figures for one in contenders}
    sizes = sorted({rules for _, rules in rounds})
    rows: list[Row] = [
        {"engine": name, **{f"{size:,} rules": median(rounds[name, size]) for size in sizes}}
        for name in dict.fromkeys(engine for engine, _ in rounds)
    ]
    goals = [
        Goal(text, ratio, bound, "lower" if at_most else "higher")
        for text, over, under, bound, at_most in GOALS
        if (ratio := ratio_of(rounds, over, under)) is not None
    ]
    return Result({"Microseconds a decision, median of the rounds": rows}, goals, absent)


Rounds = dict[tuple[str, int], list[float]]
"""The figures of every round by engine and number of rules."""


def ratio_of(rounds: Rounds, over: tuple[str, int], under: tuple[str, int]) -> float | None:
    """Return the median ratio of two engines; ``name*`` stands for the fastest of its kind."""
    upper, lower = find(rounds, *over), find(rounds, *under)
    if upper is None or lower is None:
        return None
    return median(one / other for one, other in zip(upper, lower, strict=True))


def find(rounds: Rounds, name: str, rules: int) -> list[float] | None:
    """Return the figures of an engine, or None when it was not measured."""
    if name.endswith("*"):
        some = [
            figures
            for (engine, size), figures in rounds.items()
            if size == rules and engine.startswith(name[:-1])
        ]
        return min(some, key=median, default=None)
    return rounds.get((name, rules))


if __name__ == "__main__":
    sys.exit(main())
