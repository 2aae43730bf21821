"""A process that claims every review: ``claimer.py FILE NAME COUNT`` prints what it won."""

from __future__ import annotations

import sys
from pathlib import Path

from engine.storage.reviews import Move, Refused
from engine.storage.reviews_sqlite import SqliteReviews
from tests.storage.asked import NOW


def main(path: str, who: str, count: str) -> None:
    """Wait for a line, then try each claim once."""
    store = SqliteReviews(Path(path), patience=30.0)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    for number in range(int(count)):
        try:
            store.act(f"r{number}", Move(verb="claim", who=who), NOW)
        except Refused:
            continue
        sys.stdout.write(f"r{number}\n")
        sys.stdout.flush()
    store.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
