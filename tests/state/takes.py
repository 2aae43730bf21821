"""Takes for the tests of stores."""

from __future__ import annotations

from engine.runtime.store import NANO, Take

NOW = 1_767_225_600 * NANO  # 2026-01-01T00:00:00Z
MINUTE = 60 * NANO
DAY = 86_400 * NANO


def requests(name: str = "r", amount: int = 1, limit: int = 10) -> Take:
    """So many a minute."""
    return Take(
        rule=name, key=name, amount=amount, limit=limit, burst=limit, window=MINUTE, unit="requests"
    )


def tokens(name: str = "t", amount: int = 1, limit: int = 100) -> Take:
    """So many a minute, and corrigible."""
    return Take(
        rule=name, key=name, amount=amount, limit=limit, burst=limit, window=MINUTE, unit="tokens"
    )


def usd(name: str = "u", amount: int = 1, limit: int = 100, day: int = 0) -> Take:
    """So many a day, and corrigible."""
    opens = NOW + day * DAY
    return Take(
        rule=name,
        key=name,
        amount=amount,
        limit=limit,
        burst=limit,
        window=None,
        opens=opens,
        closes=opens + DAY,
        unit="usd",
    )


def slot(name: str = "s", limit: int = 2, life: int = 10 * MINUTE) -> Take:
    """One of so many slots."""
    return Take(
        rule=name,
        key=name,
        amount=NANO,
        limit=limit * NANO,
        burst=limit * NANO,
        window=None,
        unit="concurrent",
        life=life,
    )
