"""How fast is an audit trail verified, asked and counted, with a million records?

    python bench/bench_audit_read.py [--records 1000000] [--rounds 5] [--json]

A real trail is written first: entries of decisions as the daemon's, in segments of 64 MB, signed
every 2,000 records. *verify* reads all of it in this process alone, so a figure is one core's, and
is CPU time; beside it the same payloads are only hashed once, which is the least that any verifying
does. Questions are asked when the indexes are there; *index* is what making them costs, once a
record. Times of questions are the smallest of the rounds, on the wall, files in the page cache.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from itertools import islice
from pathlib import Path
from time import perf_counter, process_time

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.goals import Goal, Result, Row, show
from engine.service.entries import Entry, ReasonEntry, RedactionEntry
from engine.storage.index import make_index
from engine.storage.moment import time_of
from engine.storage.notes import Signer
from engine.storage.query import find
from engine.storage.read import records_of
from engine.storage.source import COMPRESSED, compressed, opened_source, segment_files
from engine.storage.tally import count
from engine.storage.trail import Trail
from engine.storage.verify import verify_folder
from engine.storage.wanted import Wanted

START = 1_767_225_600_000_000
BETWEEN = 20_000
"""Microseconds from one record to the next."""
SIGNED = 2000
SIGNER = Signer("bench.example", Ed25519PrivateKey.from_private_bytes(bytes(32)))
LIMIT = 1000


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return 0; leave with 1 when an answer is not what reading finds."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="audit-read-"))
    try:
        result = measure(folder, options.records, options.rounds)
    finally:
        shutil.rmtree(folder)
    show(result, as_json=options.json)
    return 0


def measure(folder: Path, records: int, rounds: int) -> Result:
    """Return all figures."""
    size = write(folder, records)
    check, hashing = verified(folder, records)
    index = indexed(folder)
    questions = list(asked(folder, records, rounds))
    slowest = max(float(row["ms"] or 0) for row in questions[:3])
    pressed = max(float(row["ms"] or 0) for row in questions[5:8])
    rows: list[Row] = [
        {"what": "bytes a record", "figure": size / records},
        {"what": "verify, records/s a core", "figure": records / check},
        {"what": "verify, us a record", "figure": check / records * 1e6},
        {"what": "hash the payloads only, us a record", "figure": hashing / records * 1e6},
        {"what": "make the index, us a record", "figure": index / records * 1e6},
    ]
    goals = [
        Goal("verify, records/s a core", records / check, 200_000, "higher"),
        Goal("verify, against hashing the payloads once", check / hashing, 6.0),
        Goal("the slowest question by tenant and action, ID or time, ms", slowest, 1000.0),
        Goal("the same over compressed segments, ms", pressed, 1000.0),
    ]
    return Result({f"{records:,} records": rows, "questions": questions}, goals)


def entry_of(number: int) -> Entry:
    """Return a decision like a daemon's."""
    action = "deny" if number % 17 == 0 else "allow"
    rule = f"company.rule{number % 23}"
    return Entry(
        time=time_of(START + number * BETWEEN),
        decision_id=f"01a22158-{number >> 16:04x}-7c12-8b0c-{number:012x}",
        request_id=f"r{number}",
        revision="3f2a9c0b12de4f56",
        tenant=f"tenant{number % 50}",
        user=f"user{number % 5003}",
        stage="input" if number % 2 else "output",
        model="gpt-large",
        session=f"s{number // 7}",
        action=action,
        effective_action=action,
        reasons=(ReasonEntry(policy="company", rule=rule, action=action, severity="high"),),
        redactions=(RedactionEntry(entity="pii.email", path="content", length=21),),
        labels=("internal",),
        evaluated_in=50_000 + number % 9000,
        content_hash=f"{number:032x}",
    )


def write(folder: Path, records: int) -> int:
    """Write the trail; return the bytes of all records."""
    trail = Trail(folder, SIGNER, time=lambda: time_of(START))
    encode, size = msgspec.json.Encoder(enc_hook=str).encode, 0
    for number in range(records):
        payload = encode(entry_of(number))
        size += len(payload)
        trail.append(payload)
        if number % SIGNED == SIGNED - 1:
            trail.checkpoint()
    trail.close()
    return size


def verified(folder: Path, records: int) -> tuple[float, float]:
    """Return the CPU seconds of verifying everything, and of only hashing the payloads."""
    start = process_time()
    report = verify_folder(folder, [SIGNER.verifier])
    check = process_time() - start
    if report.problems or (report.records, report.signed) != (records, records):
        sys.exit("the trail is not whole")
    hashing = 0.0
    for path in segment_files(folder):
        payloads = [one.payload for one in records_of(path)]
        start = process_time()
        for payload in payloads:
            sha256(payload).digest()
        hashing += process_time() - start
    return check, hashing


def indexed(folder: Path) -> float:
    """Make the indexes; return how many CPU seconds that took."""
    start = process_time()
    for path in segment_files(folder):
        with opened_source(path) as source:
            make_index(source)
    return process_time() - start


def asked(folder: Path, records: int, rounds: int) -> Iterator[Row]:
    """Yield a row for each question, of plain and then of compressed segments."""
    tenant = Wanted(tenant="tenant3", action="deny")
    middle = time_of(START + records // 2 * BETWEEN)
    later = time_of(START + (records // 2 + 500) * BETWEEN)
    number = records // 3
    choices = {
        f"tenant and action, the first {LIMIT}": tenant,
        "a decision's id": Wanted(decision=entry_of(number).decision_id),
        "a time range of 500 records": Wanted(since=middle, until=later),
        f"a user, the first {LIMIT}": Wanted(user="user7"),
    }
    expected = [
        min(LIMIT, sum(n % 50 == 3 and n % 17 == 0 for n in range(records))),
        1,
        500,
        min(LIMIT, sum(n % 5003 == 7 for n in range(records))),
    ]
    for form in ("", ", compressed"):
        for (name, wanted), count_of in zip(choices.items(), expected, strict=True):
            found: list[object] = []

            def ask(wanted: Wanted = wanted, found: list[object] = found) -> None:
                found[:] = islice(find(folder, wanted), LIMIT)

            spent = best(ask, rounds)
            if len(found) != count_of:
                sys.exit(f"{name}: {len(found)} found, not {count_of}")
            yield {"question": name + form, "records": len(found), "ms": spent * 1000}
        spent = best(lambda: count(folder, Wanted()), max(1, rounds // 3))
        yield {"question": f"stats of all{form}", "records": records, "ms": spent * 1000}
        if not form:
            compress(folder)


def best(act: Callable[[], object], rounds: int) -> float:
    """Return the smallest time that *act* took, in seconds."""
    spent = []
    for _ in range(rounds):
        start = perf_counter()
        act()
        spent.append(perf_counter() - start)
    return min(spent)


def compress(folder: Path) -> None:
    """Compress every segment."""
    for path in segment_files(folder):
        path.with_suffix(COMPRESSED).write_bytes(compressed(path.read_bytes()))
        path.unlink()


if __name__ == "__main__":
    sys.exit(main())
