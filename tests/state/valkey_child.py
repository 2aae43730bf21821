"""A process of its own that empties a bucket in a server: ``valkey_child.py URL CALLERS LEASED``.

Every caller takes until it is refused. A byte is written for every grant as soon as it is there.
"""

from __future__ import annotations

import asyncio
import os
import sys

from engine.runtime.store import NANO, Take
from engine.state.leases import Leases
from engine.state.remote import Far, Op
from engine.state.valkey import Valkey

BUCKET = 3000
DAY = 86_400 * NANO
ONE = Take("bucket", "bucket", NANO, NANO, BUCKET * NANO, 1000 * DAY)
PATIENCE = 60.0


async def empty(url: str, callers: int, *, leased: bool) -> None:
    connected = Valkey(url, timeout=PATIENCE)
    far: Far = Leases(connected) if leased else connected

    async def caller() -> None:
        while True:
            (levels,) = await far.run([Op("take", ((ONE,), "", 0))], 0)
            assert isinstance(levels, tuple)
            if not levels[0].granted:
                return
            os.write(1, b".")

    await asyncio.gather(*(caller() for _ in range(callers)))
    await far.close()


def main() -> None:
    url, callers, leased = sys.argv[1:]
    asyncio.run(empty(url, int(callers), leased=leased == "1"))


if __name__ == "__main__":
    main()
