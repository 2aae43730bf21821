"""What do the clients gain by their own transport, and when concurrent decisions share calls?

    python -m bench.bench_clients [--seconds 1] [--rounds 5] [--json]

One daemon's door over the lean server runs on one core and is asked in turns, from another: by the
Python client over grpcio, over its own connections with a call each, and with decisions put
together; then from threads; then by two TypeScript clients of one Node process, each decision a
unary call of grpc-js, and all on one stream. The latter needs Node and the client, built
(`npm ci && npm run build` in ``clients/typescript``); else it is left out, which is said. Between
the two the Python client asks daemons with one worker and with two (`client_workers`).
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from bench.bench_transport import PLAIN as RULES
from bench.bench_transport import Served, child, write_policies
from bench.client_workers import measure_workers
from bench.goals import Goal, Result, Row, show
from bench.python_client import IN_LOOP, IN_THREADS, OWN, PLAIN, TASKS, THREADS, TOGETHER

HERE = Path(__file__).resolve().parent
CLIENT = HERE.parent / "clients/typescript"
TYPESCRIPT = ((1, 1.0), (64, 2.0))
"""In flight; at least so many decisions on the stream for one in a call of its own."""

Rounds = dict[str, list[dict[str, float]]]


def ask(command: list[str]) -> Rounds:
    """Return what each way reached in each round: ``{"unary 1": [{"rate", "p50"}, …], …}``."""
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found: Rounds = json.loads(said)
    return found


def ask_python(served: Served, seconds: float, rounds: int) -> Rounds:
    """Ask with the Python client."""
    given = [served.address, str(served.process), str(seconds), str(rounds)]
    return ask([sys.executable, "-m", "bench.python_client", *given])


def ask_typescript(served: Served, seconds: float, rounds: int) -> Rounds:
    """Ask with the TypeScript client."""
    node = shutil.which("node") or "node"
    script, client = HERE / "bench_typescript.mjs", CLIENT / "index.mjs"
    return ask([node, str(script), served.address, str(client), str(seconds), str(rounds)])


def ratio(found: Rounds, one: str, other: str, what: str = "rate") -> float:
    """Return the median of the rounds' ratios of one way to another."""
    pairs = zip(found[one], found[other], strict=True)
    return round(median(mine[what] / theirs[what] for mine, theirs in pairs), 2)


def judge_python(found: Rounds) -> Result:
    """Return the figures (the quickest round) and the goals (the median of the rounds' ratios)."""
    ways = [(way, PLAIN, flying) for flying in TASKS for way in IN_LOOP]
    threads = f"{PLAIN}, threads"
    ways += [(way, threads, flying) for flying in THREADS for way in IN_THREADS]
    rows: list[Row] = []
    for way, yard, flying in ways:
        rounds = found[f"{way} {flying}"]
        best = max(rounds, key=lambda one: one["rate"])
        rows.append(
            {
                "what": way,
                "in flight": flying,
                "a second": round(best["rate"]),
                "p50 us": round(best["p50"]),
                "p99 us": round(best["p99"]),
                "client's CPU us": round(min(one["cpu"] for one in rounds), 1),
                "server's CPU us": round(min(one["server"] for one in rounds), 1),
                "x grpcio": ratio(found, f"{way} {flying}", f"{yard} {flying}"),
            }
        )
    together, own = f"{TOGETHER} 32", f"{OWN} 1"
    yard = f"{PLAIN} 32"
    goals = [
        ("32 in flight, together against grpcio", ratio(found, together, yard), 8.0),
        (
            "32 in flight, together against grpcio's one at a time",
            ratio(found, together, f"{PLAIN} 1"),
            8.0,
        ),
        ("32 in flight, CPU of grpcio's against together", ratio(found, yard, together, "cpu"), 5),
        ("1 in flight, against grpcio", ratio(found, f"{TOGETHER} 1", f"{PLAIN} 1"), 1.0),
        ("1 in flight, CPU of grpcio's against a call", ratio(found, f"{PLAIN} 1", own, "cpu"), 2),
        *(
            (
                f"{flying} threads, against grpcio",
                ratio(found, f"{TOGETHER}, threads {flying}", f"{threads} {flying}"),
                1.0 if flying == 1 else 2.0,
            )
            for flying in THREADS
        ),
    ]
    return Result(
        {"Decisions through the Python client on loopback, quickest round": rows},
        [Goal(f"Python, {name}", value, bound, "higher") for name, value, bound in goals],
    )


def judge_typescript(found: Rounds) -> Result:
    """Return the figures (the quickest round) and the goals (the median of the rounds' ratios)."""
    rows: list[Row] = []
    goals = []
    for flying, bound in TYPESCRIPT:
        shared, own = f"coalesced {flying}", f"unary {flying}"
        reached = ratio(found, shared, own)
        for way in ("unary", "coalesced"):
            best = max(found[f"{way} {flying}"], key=lambda one: one["rate"])
            rows.append(
                {
                    "what": way,
                    "in flight": flying,
                    "p50 us": round(best["p50"], 1),
                    "client's CPU us": round(best["cpu"], 1),
                    "a second": round(best["rate"]),
                    "x unary": 1.0 if way == "unary" else reached,
                }
            )
        if flying > 1:
            goals.append(
                Goal(
                    "TypeScript, 64 in flight, CPU of a call against a stream's",
                    ratio(found, own, shared, "cpu"),
                    2.5,
                    "higher",
                )
            )
        name = f"TypeScript, {flying} in flight, on a stream against calls"
        goals.append(Goal(name, reached, bound, "higher"))
    return Result({"Decisions through grpc-js on loopback, quickest round": rows}, goals)


def joined(one: Result, other: Result) -> Result:
    """Return both."""
    return Result(
        {**one.figures, **other.figures},
        [*one.goals, *other.goals],
        (*one.absent, *other.absent),
    )


def measure(seconds: float, rounds: int) -> Result:
    """Measure all clients that there are."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "policies")
        write_policies(folder, RULES)
        with child(folder, "lean") as served:
            made = judge_python(ask_python(served, seconds, rounds))
        made = joined(made, measure_workers(Path(name), seconds, rounds))
        with child(folder, "lean") as served:
            if shutil.which("node") is None or not (CLIENT / "dist/index.js").exists():
                absent = ("node with the built TypeScript client",)
                return joined(made, Result({}, [], absent))
            other = judge_typescript(ask_typescript(served, seconds, rounds))
    return joined(made, other)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0, help="of one measurement")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    show(measure(given.seconds, given.rounds), as_json=given.json)


if __name__ == "__main__":
    main()
