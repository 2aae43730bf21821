"""A process of its own that takes from a store: ``child.py FOLDER PREFIX KEYS TRIES LIMIT``.

It tries to take TRIES times 1 from the budgets PREFIX0, PREFIX1 … by turns (slots, where the prefix
begins with ``slot``), writes a byte for every grant as soon as it has it, and ends.
"""

from __future__ import annotations

import os
import sys

from engine.state.lmdb import LmdbStore
from tests.state.takes import MINUTE, NOW, slot, usd


def main() -> None:
    folder, prefix, keys, tries, limit = sys.argv[1:]
    store = LmdbStore(folder, map_size=2**17)
    make = slot if prefix.startswith("slot") else usd
    takes = [make(f"{prefix}{number}", limit=int(limit)) for number in range(int(keys))]
    for number in range(int(tries)):
        who = f"{os.getpid()}-{number}"
        (level,) = store.take([takes[number % len(takes)]], NOW, reservation=who, hold=MINUTE)
        if level.granted:
            os.write(1, b".")


if __name__ == "__main__":
    main()
