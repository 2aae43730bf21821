"""How long does somebody wait for the command line, from a cold start?

    python -m bench.bench_cli [--rounds 15] [--json]

Every command is a process of its own, started in turns with the others: the script as installed,
beside a Python that does nothing and one that imports click. Wall time counts what a person waits,
CPU time (user and system, of the child alone) what the command itself costs whatever else the
machine does. Medians, and the quickest round beside them.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import perf_counter

from bench.goals import Goal, Result, Row, show

SCRIPT = Path(sys.executable).with_name("engine")
NOTHING, CLICK = "python -c pass", 'python -c "import click"'
HELP, CHECK = "engine --help", "engine check, a small folder"
WALL = ((HELP, 0.15), (CHECK, 0.4))
"""The most seconds that a person may wait."""
SHARES = ((HELP, CLICK, 1.6), (CHECK, CLICK, 8.0))
"""CPU time against that of another in the same run, at most."""


@dataclass(slots=True)
class Command:
    """What is started, with the seconds of every round."""

    name: str
    words: Sequence[str]
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return 0."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as place:
        folder = str(Path(place, "small"))
        run([str(SCRIPT), "new", folder])
        commands = [
            Command(NOTHING, [sys.executable, "-c", "pass"]),
            Command(CLICK, [sys.executable, "-c", "import click"]),
            Command(HELP, [str(SCRIPT), "--help"]),
            Command(CHECK, [str(SCRIPT), "check", folder]),
        ]
        for number in range(options.rounds + 1):
            for command in commands:
                wall, cpu = run(command.words)
                if number:  # the first round fetches the files from the disk
                    command.wall.append(wall)
                    command.cpu.append(cpu)
    show(judge({one.name: one for one in commands}), as_json=options.json)
    return 0


def run(words: Sequence[str]) -> tuple[float, float]:
    """Run *words* to the end; return the seconds it took, by the wall and of CPU."""
    # A Python that may not keep its bytecode would compile everything at every start.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = perf_counter()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, env=environment)
    wall = perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def judge(commands: Mapping[str, Command]) -> Result:
    """Return the figures and the goals."""
    rows: list[Row] = [
        {
            "command": one.name,
            "wall s": median(one.wall),
            "quickest wall s": min(one.wall),
            "CPU s": median(one.cpu),
        }
        for one in commands.values()
    ]
    goals = [
        *(
            Goal(f"{name}: seconds of wall time", median(commands[name].wall), bound)
            for name, bound in WALL
        ),
        *(
            Goal(
                f"{name}: CPU against {other}",
                median(commands[name].cpu) / median(commands[other].cpu),
                bound,
            )
            for name, other, bound in SHARES
        ),
    ]
    return Result({"Cold starts": rows}, goals)


if __name__ == "__main__":
    sys.exit(main())
