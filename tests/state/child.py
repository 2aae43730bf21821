"""A process of its own that takes from a store: ``child.py FOLDER PREFIX KEYS TRIES LIMIT``.

It tries to take TRIES times 1 from the budgets PREFIX0, PREFIX1 … by turns, writes a byte for every
grant as soon as it has it, and ends.
"""

from __future__ import annotations

import os
import sys

from engine.state.lmdb import LmdbStore
from tests.state.takes import NOW, usd


def main() -> None:
    folder, prefix, keys, tries, limit = sys.argv[1:]
    store = LmdbStore(folder, map_size=2**17)
    takes = [usd(f"{prefix}{number}", limit=int(limit)) for number in range(int(keys))]
    for number in range(int(tries)):
        (level,) = store.take([takes[number % len(takes)]], NOW)
        if level.granted:
            os.write(1, b".")


if __name__ == "__main__":
    main()
