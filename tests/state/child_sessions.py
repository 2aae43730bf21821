"""A process of its own that keeps a session: ``child_sessions.py FOLDER TURNS``.

Each turn it notes three fingerprints under a label, puts the label and counts the turn, and then
writes a byte; after the last it ends.
"""

from __future__ import annotations

import os
import sys

from engine.state.lmdb import LmdbStore
from tests.state.takes import DAY, NOW


def main() -> None:
    folder, turns = sys.argv[1:]
    store = LmdbStore(folder, map_size=2**20)
    for number in range(int(turns)):
        said = frozenset((number, number + 10**6, number + 2 * 10**6))
        store.note("north", "s", "untrusted", said, NOW + DAY, NOW)
        store.label("north", "s", "untrusted", NOW + DAY, NOW)
        store.turn("north", "s", NOW, advance=True)
        os.write(1, b".")


if __name__ == "__main__":
    main()
