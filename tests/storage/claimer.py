"""A process that claims every review: ``claimer.py PLACE NAME COUNT`` prints what it won."""

from __future__ import annotations

import sys

from engine.storage.reviews import Move, Refused
from tests.storage.asked import NOW
from tests.storage.places import Place


def main(place: str, who: str, count: str) -> None:
    """Wait for a line, then try each claim once."""
    store = Place(place).open()
    store.counts(NOW)
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
