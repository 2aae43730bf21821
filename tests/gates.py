"""Hold the measured branch coverage against the gates; exit 1 and name what fell below.

Run after pytest wrote its coverage data: ``python tests/gates.py``.
"""

from __future__ import annotations

import io
import sys
from dataclasses import dataclass
from pathlib import Path

import coverage

ROOT = Path(__file__).parent.parent
EXACT = tuple(
    f"engine/{floor}/*" for floor in ("language", "content", "runtime", "state", "service")
)
"""What decides and what is written without a person looking: every branch has its test."""


@dataclass(frozen=True, slots=True)
class Gate:
    """The least covered percentage of the files that fit *include* and nothing in *omit*."""

    name: str
    least: float
    include: str
    omit: tuple[str, ...] = ()


GATES = (
    *(Gate(pattern, 100.0, pattern) for pattern in EXACT),
    Gate("the rest of engine", 95.0, "engine/*", EXACT),
    Gate("clients/python", 95.0, "clients/python/*"),
)


def collect() -> coverage.Coverage:
    """Return what was measured, with what processes wrote that outlived their tests."""
    data = coverage.Coverage(
        data_file=str(ROOT / ".coverage"), config_file=str(ROOT / "pyproject.toml")
    )
    data.load()
    if any(ROOT.glob(".coverage.*")):
        data.combine()  # what was loaded stays: this adds to it
        data.save()
    return data


def measure(data: coverage.Coverage, gate: Gate) -> tuple[float, str]:
    """Return the covered percentage of the gate's files, and the report on them."""
    table = io.StringIO()
    percent = data.report(
        include=[str(ROOT / gate.include)],
        omit=[str(ROOT / pattern) for pattern in gate.omit],
        file=table,
    )
    return percent, table.getvalue()


def main() -> int:
    """Print one line a gate, and the whole table for each that failed."""
    data = collect()
    failed = False
    for gate in GATES:
        percent, table = measure(data, gate)
        fine = percent >= gate.least
        failed |= not fine
        mark = "ok  " if fine else "FAIL"
        sys.stdout.write(f"{mark} {gate.name:<20} {percent:7.2f} % (at least {gate.least:.0f} %)\n")
        if not fine:
            sys.stdout.write(table)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
