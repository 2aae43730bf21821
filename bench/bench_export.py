"""How many records a second does the audit trail give in each format of an export?

    python bench/bench_export.py [--records 20000] [--rounds 3] [--json]

One core's CPU time, the best of the rounds; nothing is read from or written to a disk: a record's
bytes are decoded, put into the form, and encoded, as an export does. Beside them the same bytes are
only decoded and encoded again as JSON, which is the least that any form does.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from time import process_time

import msgspec

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.bench_audit_read import entry_of
from bench.goals import Goal, Result, Row, show
from engine.sinks.forms import line
from engine.sinks.forms_parquet import ParquetWriter
from engine.sinks.forms_table import csv_lines
from engine.sinks.forms_taken import Taken, encode, take

TRAIL = "1f3a9c0b12de4f56"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return 0."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    show(measure(options.records, options.rounds), as_json=options.json)
    return 0


def measure(records: int, rounds: int) -> Result:
    """Return all figures."""
    payloads = [msgspec.json.encode(entry_of(number), enc_hook=str) for number in range(records)]
    ways: dict[str, Callable[[], object]] = {
        "decode, encode": lambda: [encode(one.fields) for one in taken(payloads)],
        "jsonl": lambda: [line("json", one) for one in taken(payloads)],
        "csv": lambda: list(csv_lines(taken(payloads))),
        "parquet": lambda: parquet(payloads),
        "ocsf": lambda: [line("ocsf", one) for one in taken(payloads)],
        "opa": lambda: [line("opa", one) for one in taken(payloads)],
        "cloudevents": lambda: [line("cloudevents", one) for one in taken(payloads)],
    }
    times = dict.fromkeys(ways, float("inf"))
    for _ in range(rounds):
        for name, way in ways.items():
            begin = process_time()
            way()
            times[name] = min(times[name], process_time() - begin)
    least = times["decode, encode"]
    rows: list[Row] = [
        {"format": name, "records/s": records / spent, "against decode, encode": spent / least}
        for name, spent in times.items()
    ]
    goals = [
        Goal(f"{name}, against decoding and encoding", times[name] / least, bound)
        for name, bound in (("csv", 15.0), ("parquet", 15.0), ("ocsf", 12.0), ("opa", 6.0))
    ]
    return Result({f"{records:,} decisions": rows}, goals)


def taken(payloads: Sequence[bytes]) -> list[Taken]:
    """Return the records whose bytes are *payloads*."""
    return [take(TRAIL, number, one) for number, one in enumerate(payloads)]


def parquet(payloads: Sequence[bytes]) -> None:
    """Write a Parquet file in memory."""
    writer = ParquetWriter(io.BytesIO())
    for one in taken(payloads):
        writer.add(one)
    writer.close()


if __name__ == "__main__":
    sys.exit(main())
