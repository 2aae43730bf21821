"""A process of its own that stops in the middle of a transaction: ``stopping.py FOLDER``.

It takes once, says so, and is stopped (SIGSTOP) while it takes again: it has the lock of all
writers, and what it has written is not committed.
"""

from __future__ import annotations

import os
import signal
import sys

import lmdb

from engine.state.lmdb import LmdbStore
from tests.state.takes import NOW, requests


def main() -> None:
    store = LmdbStore(sys.argv[1], map_size=2**17)
    store.take([requests("shared")], NOW)
    os.write(1, b".")

    def work(transaction: lmdb.Transaction[bytes]) -> None:
        transaction.put(b"bshared", b"half of something")
        os.kill(os.getpid(), signal.SIGSTOP)

    store._write(work)


if __name__ == "__main__":
    main()
