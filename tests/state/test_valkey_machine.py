"""The machine of ``test_machine``, against a server: with small figures, and with huge ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count

import msgspec
import pytest
from hypothesis import settings

from engine.runtime.store import Level, Settled, Store, Take
from tests.state.servers import MISSING, PROGRAM, ValkeyStore, shared
from tests.state.test_machine import StoreMachine

numbers = count()
AMOUNT = 10**15 + 37
TIME = 998_244_353
"""Prime, so that levels have no factors to be rid of and fill three digits of the script's."""

needed = pytest.mark.skipif(PROGRAM is None, reason=MISSING)


class Magnified(ValkeyStore):
    """A store in which amounts and times are as many times as large, and that does not show it."""

    def take(
        self, takes: Sequence[Take], now: int, *, reservation: str = "", hold: int = 0
    ) -> tuple[Level, ...]:
        larger = [magnified(take) for take in takes]
        levels = super().take(larger, now * TIME, reservation=reservation, hold=hold * TIME)
        return tuple(map(reduced, takes, levels))

    def peek(self, takes: Sequence[Take], now: int) -> tuple[Level, ...]:
        levels = super().peek([magnified(take) for take in takes], now * TIME)
        return tuple(map(reduced, takes, levels))

    def settle(self, reservation: str, amounts: Mapping[str, int], now: int) -> Settled | None:
        larger = {unit: amount * AMOUNT for unit, amount in amounts.items()}
        return super().settle(reservation, larger, now * TIME)

    def count(self, meter: str, key: str, window: int, now: int) -> int:
        return super().count(meter, key, window * TIME, now * TIME)

    def record(self, meter: str, key: str, window: int, now: int) -> None:
        super().record(meter, key, window * TIME, now * TIME)

    def labels(self, tenant: str, session: str, now: int) -> frozenset[str]:
        return super().labels(tenant, session, now * TIME)

    def label(self, tenant: str, session: str, label: str, until: int | None, now: int) -> None:
        ends = None if until is None else until * TIME
        super().label(tenant, session, label, ends, now * TIME)


def magnified(take: Take) -> Take:
    if take.life:
        return msgspec.structs.replace(take, life=take.life * TIME)
    return msgspec.structs.replace(
        take,
        amount=take.amount * AMOUNT,
        limit=take.limit * AMOUNT,
        burst=take.burst * AMOUNT,
        window=None if take.window is None else take.window * TIME,
        opens=take.opens * TIME,
        closes=take.closes * TIME,
    )


def reduced(take: Take, level: Level) -> Level:
    if take.life:
        wait = level.retry_after // TIME if level.retry_after > 0 else level.retry_after
        return msgspec.structs.replace(level, retry_after=wait, reset=level.reset // TIME)
    return msgspec.structs.replace(level, remaining=level.remaining // AMOUNT)


class ValkeyMachine(StoreMachine):
    """A store in a server, left and met again as a restart."""

    kind = ValkeyStore

    def opened(self) -> Store:
        self.prefix = f"m{next(numbers)}:"
        return self.kind(shared().url, self.prefix)

    def restarted(self) -> Store:
        self.store.close()
        return self.kind(shared().url, self.prefix)

    def sweep(self, limit: int) -> None:
        """Do nothing: entries end by themselves."""


class MagnifiedMachine(ValkeyMachine):
    """With figures that no double holds."""

    kind = Magnified


class LongValkeyMachine(ValkeyMachine):
    """As much as a night allows."""


class LongMagnifiedMachine(MagnifiedMachine):
    """As much as a night allows."""


ValkeyMachine.TestCase.settings = settings(max_examples=15, stateful_step_count=50, deadline=None)
MagnifiedMachine.TestCase.settings = ValkeyMachine.TestCase.settings
LongValkeyMachine.TestCase.settings = settings(
    max_examples=500, stateful_step_count=80, deadline=None
)
LongMagnifiedMachine.TestCase.settings = LongValkeyMachine.TestCase.settings
TestValkey = needed(pytest.mark.slow(ValkeyMachine.TestCase))
TestMagnified = needed(pytest.mark.slow(MagnifiedMachine.TestCase))
TestValkeyLong = needed(pytest.mark.nightly(LongValkeyMachine.TestCase))
TestMagnifiedLong = needed(pytest.mark.nightly(LongMagnifiedMachine.TestCase))
