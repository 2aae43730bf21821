"""Hold the measured branch coverage against the gates; exit 1 and name what fell below.

Run after pytest wrote its coverage data: ``python tests/gates.py``.
"""

from __future__ import annotations

import io
import sys

import coverage

GATES = {
    "engine/language/*": 100.0,
    "engine/content/*": 100.0,
    "engine/runtime/*": 100.0,
    "engine/state/*": 100.0,
    "engine/service/*": 100.0,
    "engine/*": 95.0,
}


def measure(data: coverage.Coverage, pattern: str) -> tuple[float, str]:
    """Return the covered percentage of the files that fit *pattern*, and the report on them."""
    table = io.StringIO()
    percent = data.report(include=[pattern], file=table, show_missing=True, skip_covered=True)
    return percent, table.getvalue()


def main() -> int:
    """Print one line a gate, and the whole table for each that failed."""
    data = coverage.Coverage()
    data.combine(keep=True) if not data.get_data().measured_files() else data.load()
    failed = False
    for pattern, gate in GATES.items():
        percent, table = measure(data, pattern)
        fine = percent >= gate
        failed |= not fine
        mark = "ok  " if fine else "FAIL"
        sys.stdout.write(f"{mark} {pattern:<22} {percent:7.2f} % (gate {gate:.0f} %)\n")
        if not fine:
            sys.stdout.write(table)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
