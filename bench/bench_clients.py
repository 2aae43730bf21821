"""What does the TypeScript client gain when concurrent decisions share a stream?

    python -m bench.bench_clients [--seconds 1] [--rounds 5] [--json]

One daemon's door on loopback (`bench.bench_grpc`) is asked in turns by two clients of one Node
process: each decision a unary call of grpc-js, and all on one stream. Needs Node and the client,
built (`npm ci && npm run build` in ``clients/typescript``); else it says so and measures nothing.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
from pathlib import Path
from statistics import median

from bench.bench_grpc import child
from bench.goals import Goal, Result, Row, show

HERE = Path(__file__).resolve().parent
CLIENT = HERE.parent / "clients/typescript"
RULES = 100
GOALS = ((1, 1.0), (64, 2.0))
"""In flight; at least so many decisions on the stream for one in a call of its own."""

Rounds = dict[str, list[dict[str, float]]]


def ask(seconds: float, rounds: int) -> Rounds:
    """Return what each way reached in each round: ``{"unary 1": [{"rate", "p50"}, …], …}``."""
    node = shutil.which("node") or "node"
    with child(RULES) as (address, _):
        said = subprocess.run(
            [
                node,
                str(HERE / "bench_typescript.mjs"),
                address,
                str(CLIENT / "index.mjs"),
                str(seconds),
                str(rounds),
            ],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    found: Rounds = json.loads(said)
    return found


def judge(found: Rounds) -> Result:
    """Return the figures (the quickest round) and the goals (the median of the rounds' ratios)."""
    rows: list[Row] = []
    goals = []
    for flying, bound in GOALS:
        ratio = median(
            shared["rate"] / own["rate"]
            for shared, own in zip(
                found[f"coalesced {flying}"], found[f"unary {flying}"], strict=True
            )
        )
        for way in ("unary", "coalesced"):
            best = max(found[f"{way} {flying}"], key=lambda one: one["rate"])
            rows.append(
                {
                    "what": way,
                    "in flight": flying,
                    "p50 us": round(best["p50"], 1),
                    "client's CPU us": round(best["cpu"], 1),
                    "a second": round(best["rate"]),
                    "x unary": 1.0 if way == "unary" else round(ratio, 2),
                }
            )
        if flying > 1:
            cpu = median(
                own["cpu"] / shared["cpu"]
                for shared, own in zip(
                    found[f"coalesced {flying}"], found[f"unary {flying}"], strict=True
                )
            )
            goals.append(
                Goal(
                    "TypeScript, 64 in flight, CPU of a call against a stream's",
                    round(cpu, 2),
                    2.5,
                    "higher",
                )
            )
        name = f"TypeScript, {flying} in flight, on a stream against calls"
        goals.append(Goal(name, round(ratio, 2), bound, "higher"))
    return Result({"Decisions through grpc-js on loopback, quickest round": rows}, goals)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0, help="of one measurement")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if shutil.which("node") is None or not (CLIENT / "dist/index.js").exists():
        result = Result({}, [], ("node with the built TypeScript client",))
    else:
        result = judge(ask(given.seconds, given.rounds))
    show(result, as_json=given.json)


if __name__ == "__main__":
    main()
