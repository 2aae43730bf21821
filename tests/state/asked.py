"""Asking a server that counts by its own clock, for tests."""

from __future__ import annotations

import asyncio
import time

from engine.runtime.store import Level, Take
from engine.state.remote import Op
from engine.state.valkey import Valkey
from tests.state.servers import Server
from tests.state.takes import DAY, usd


def ask(server: Server, *ops: Op, url: str = "") -> list[object]:
    """Ask by the server's own clock."""

    async def story() -> list[object]:
        far = Valkey(url or server.url, timeout=60)
        try:
            return await far.run(ops, 0)
        finally:
            await far.close()

    return asyncio.run(story())


def take(*takes: Take, reservation: str = "", hold: int = 0) -> Op:
    return Op("take", (takes, reservation, hold))


def peek(*takes: Take) -> Op:
    return Op("peek", (takes,))


def today(name: str = "u", amount: int = 1, limit: int = 100) -> Take:
    opens = time.time_ns() // DAY * DAY
    made = usd(name, amount=amount, limit=limit)
    return Take(name, name, amount, limit, limit, None, opens, opens + DAY, made.unit)


def levels_of(answer: object) -> tuple[Level, ...]:
    assert isinstance(answer, tuple)
    return answer


def remaining(answer: object) -> list[int]:
    return [level.remaining for level in levels_of(answer)]


def keys(server: Server) -> list[str]:
    listed = server.do("KEYS", "*").decode(errors="replace").split("\r\n")
    return sorted(one for one in listed if one and one[0] not in "*$")


def life(server: Server, key: str) -> int:
    return int(server.do("PTTL", key)[1:])
