"""Runs every bench, one after another, and holds the ratios against their budgets.

    python -m bench.report [--quick] [--only decide cli ...]

A bench is a child process that prints its figures and goals as JSON (see `bench.goals`). Exit 1
when a bench failed or a ratio broke its budget in ``budget.toml``; a goal that was missed within
its budget is told and does not fail. Without ``--quick`` and ``--only`` all is written to
``bench/REPORT.md``.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

from bench.goals import Goal, Result, Row, from_json, goal_lines, how_it_runs, show_number
from bench.plots import draw_all

ROOT = Path(__file__).parent.parent
BUDGET = Path(__file__).with_name("budget.toml")
REPORT = Path(__file__).with_name("REPORT.md")


@dataclass(frozen=True, slots=True)
class Bench:
    """One question: the module ``bench.bench_<name>`` and how it is run."""

    name: str
    question: str
    quick: Sequence[str]
    full: Sequence[str] = ()


BENCHES = (
    Bench(
        "decide",
        "How long does a decision take in process, and how does that grow with the rules?",
        ("--rules", "10", "100", "10000", "--rounds", "7", "--requests", "50"),
    ),
    Bench(
        "compile",
        "How long does it take to check and compile policies, cold and after a change?",
        ("--rules", "1000", "--rounds", "2"),
    ),
    Bench(
        "cli",
        "How long does somebody wait for the command line, from a cold start?",
        ("--rounds", "5"),
    ),
    Bench(
        "state",
        "How much does a decision's state cost, in memory and in LMDB?",
        ("--rounds", "5"),
    ),
    Bench(
        "valkey",
        "How much does a decision's state cost in a Valkey or Redis server?",
        ("--rounds", "20", "--calls", "1000", "--bucket", "20000"),
        ("--rounds", "60", "--calls", "1000"),
    ),
    Bench(
        "reviews",
        "How long do reviewers wait for a list and a claim, with 10,000 open reviews?",
        ("--rounds", "10"),
    ),
    Bench(
        "taint",
        "How much do sessions cost: the user's words, labelled content, tainted arguments?",
        ("--rounds", "3"),
    ),
    Bench(
        "exact",
        "Is a limit exact over several workers and many callers, and how fast are they?",
        ("--limit", "3000", "--callers", "200"),
    ),
    Bench(
        "content",
        "How long do finding, scoring and redacting take?",
        ("--quick",),
    ),
    Bench(
        "remembered",
        "What does a message cost that was seen before?",
        ("--rounds", "5"),
    ),
    Bench(
        "guard",
        "What does a chunk of a guarded stream cost?",
        ("--rounds", "5"),
    ),
    Bench(
        "redaction",
        "What does redaction cost beyond the scan?",
        ("--rounds", "7"),
    ),
    Bench(
        "classifiers",
        "What does asking a model server cost a decision?",
        ("--rounds", "3"),
    ),
    Bench(
        "record",
        "What does the record of a decision cost, and what do values and content add to it?",
        ("--rounds", "10"),
    ),
    Bench(
        "audit_read",
        "How fast is an audit trail verified, asked and counted, with a million records?",
        ("--records", "50000", "--rounds", "2"),
    ),
    Bench(
        "sinks",
        "How fast is the audit trail shipped, and what of that is reading, forming and sending?",
        ("--records", "20000"),
    ),
    Bench(
        "export",
        "How many records a second does the audit trail give in each format of an export?",
        ("--records", "5000"),
    ),
    Bench(
        "audit",
        "What does the audit trail cost a decision, and what does group commit gain?",
        ("--rounds", "5", "--records", "1000"),
    ),
    Bench(
        "clients",
        "What do the clients gain by their own transport, and when decisions share calls?",
        ("--seconds", "0.3", "--rounds", "3"),
    ),
    Bench(
        "grpc",
        "How long does a decision take over gRPC, and how much of that is gRPC itself?",
        ("--seconds", "0.2", "--rounds", "3"),
        ("--seconds", "0.3", "--rounds", "5"),
    ),
    Bench(
        "lane",
        "What does a decision cost between the bytes of its request and of its answer?",
        ("--rules", "100", "1000", "--rounds", "7"),
        ("--rules", "10", "100", "10000"),
    ),
    Bench(
        "transport",
        "How much quicker are decisions over the lean HTTP/2 server than over grpcio's?",
        ("--seconds", "0.5", "--rounds", "3"),
        ("--seconds", "0.5", "--rounds", "5"),
    ),
    Bench(
        "load",
        "How fast is the daemon under load, beside its peers, and how does that change?",
        ("--quick",),
    ),
    Bench(
        "start",
        "How long until a daemon decides, and how much memory does it hold?",
        ("--rules", "1000", "--rounds", "2"),
        ("--rules", "10000", "--rounds", "2"),
    ),
    Bench(
        "reload",
        "Does a decision wait while policies are reloaded?",
        ("--rules", "1000", "--reloads", "10", "--audit", "off"),
    ),
    Bench(
        "neighbours",
        "How long does who asks for little wait beside who asks for much?",
        ("--seconds", "0.5", "--rounds", "2"),
    ),
    Bench(
        "attacks",
        "How long do the neighbours of an attacker wait?",
        ("--seconds", "0.2"),
        ("--seconds", "0.5"),
    ),
)

Budgets = Mapping[str, Mapping[str, float]]
"""For each bench the worst allowed value of a goal."""


@dataclass(frozen=True, slots=True)
class Done:
    """A bench that was run; *result* is None when it failed."""

    bench: Bench
    result: Result | None
    seconds: float
    load: float
    """The machine's load average over the minute before it ended."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print and write; return 0, or 1 when a bench failed or a budget was broken."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, no report written")
    parser.add_argument("--only", nargs="+", choices=[one.name for one in BENCHES], default=[])
    options = parser.parse_args(arguments)
    budgets: Budgets = tomllib.loads(BUDGET.read_text(encoding="utf-8"))
    some = [one for one in BENCHES if not options.only or one.name in options.only]
    started = datetime.now(UTC)
    done = []
    for number, bench in enumerate(some, 1):
        print(f"\n[{number}/{len(some)}] {bench.question}", flush=True)
        done.append(run(bench, quick=options.quick))
        print("\n".join(outcome(done[-1], budgets)), flush=True)
    problems = [line for one in done for line in broken(one, budgets)]
    print(f"\n{verdict(done, problems)}")
    if not options.quick and not options.only:
        REPORT.write_text("\n".join(markdown(done, problems, started)) + "\n", encoding="utf-8")
        print(f"written: {REPORT.relative_to(ROOT)}")
    return int(bool(problems))


def run(bench: Bench, *, quick: bool) -> Done:
    """Run *bench* in a child process; what it says on stderr is seen at once."""
    words = [sys.executable, "-m", f"bench.bench_{bench.name}", "--json"]
    words += bench.quick if quick else bench.full
    start = monotonic()
    child = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    result = from_json(child.stdout) if child.returncode == 0 else None
    return Done(bench, result, monotonic() - start, os.getloadavg()[0])


def outcome(done: Done, budgets: Budgets) -> Iterator[str]:
    """Yield what a person wants to know of one bench: its goals and what was not measured."""
    if done.result is not None:
        yield from goal_lines(done.result.goals)
        yield from (f"not measured: {name}" for name in done.result.absent)
    yield from broken(done, budgets)
    yield f"({done.seconds:.0f} s, load {done.load:.1f})"


def broken(done: Done, budgets: Budgets) -> Iterator[str]:
    """Yield a line for each budget that does not hold."""
    if done.result is None:
        yield f"FAILED {done.bench.name}: the bench gave no figures"
        return
    for goal in done.result.goals:
        budget = budgets.get(done.bench.name, {}).get(goal.name)
        if budget is not None and not Goal(goal.name, goal.value, budget, goal.better).met:
            yield (
                f"BROKEN {goal.name}: {show_number(goal.value)}, "
                f"the budget is {show_number(float(budget))}"
            )


def verdict(done: Sequence[Done], problems: Sequence[str]) -> str:
    """Return the sum of it all in a sentence."""
    goals = [goal for one in done if one.result is not None for goal in one.result.goals]
    met = sum(goal.met for goal in goals)
    budgets = "every budget holds" if not problems else f"{len(problems)} broken"
    return f"{met} of {len(goals)} goals met; {budgets}"


def machine() -> Iterator[str]:
    """Yield what the figures were measured on."""
    model = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    yield f"- processor: {model}, {os.cpu_count()} cores"
    yield f"- Python {platform.python_version()}, {platform.system()} {platform.release()}"
    yield f"- the engine's hot modules: {how_it_runs()}"


def markdown(done: Sequence[Done], problems: Sequence[str], started: datetime) -> Iterator[str]:
    """Yield the report: the machine, every goal, then every figure."""
    yield "# Benchmarks"
    yield ""
    yield "Written by `make bench-full`; `bench/README.md` says how to read it. Absolute times are"
    yield "those of this machine with whatever else it did; the ratios are within one run."
    yield ""
    yield f"- {started:%Y-%m-%d %H:%M} UTC"
    yield from machine()
    loads = ", ".join(f"{one.bench.name} {one.load:.1f}" for one in done)
    yield f"- load average at the end of each bench: {loads}"
    yield ""
    yield f"**{verdict(done, problems)}.**"
    yield ""
    yield "## Goals"
    yield ""
    rows: list[Row] = [
        {
            "": "met" if goal.met else "**missed**",
            "bench": one.bench.name,
            "goal": goal.name,
            "reached": goal.value,
            "bound": f"{'≤' if goal.better == 'lower' else '≥'} {show_number(float(goal.bound))}",
        }
        for one in done
        if one.result is not None
        for goal in one.result.goals
    ]
    yield from markdown_table(rows)
    yield from (f"\n{line}" for line in problems)
    for one in done:
        yield ""
        yield f"## {one.bench.question}"
        yield ""
        yield f"`python -m bench.bench_{one.bench.name} {' '.join(one.bench.full)}".rstrip() + "`"
        for path, shows in draw_all(one.result) if one.result else ():
            yield f"\n![{shows}]({path.relative_to(REPORT.parent)})"
        for title, figures in (one.result.figures if one.result else {}).items():
            yield f"\n{title}:\n"
            yield from markdown_table(figures)
        yield from (f"\nNot measured: {name}" for name in (one.result.absent if one.result else ()))


def markdown_table(rows: Sequence[Row]) -> Iterator[str]:
    """Yield *rows* as a Markdown table, numbers to the right."""
    yield "| " + " | ".join(rows[0]) + " |"
    yield "|" + "|".join("---" if isinstance(one, str) else "--:" for one in rows[0].values()) + "|"
    for row in rows:
        yield "| " + " | ".join(show_number(value) for value in row.values()) + " |"


if __name__ == "__main__":
    sys.exit(main())
