"""Slices of quotas taken ahead: never more than the limit, and back what nobody needed."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from random import Random

import msgspec
import pytest

from engine.runtime.store import NANO, Level, Settled, StoreUnavailable, Take
from engine.state.leases import LIFE, SHARE, Leases, terms_of
from engine.state.remote import Op
from engine.state.valkey import Valkey
from tests.runtime.exact import ExactRefill
from tests.state.servers import MISSING, PROGRAM, Server
from tests.state.takes import DAY, MINUTE, NOW

TICK = NANO // 1000
WIDE = Take("wide", "wide", NANO, 6000 * NANO, 6000 * NANO, MINUTE)
TODAY = Take("day", "day", NANO, 1000 * NANO, 1000 * NANO, None, NOW, NOW + DAY)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        return self.now


def leased(server: Server, clock: Clock) -> Leases:
    return Leases(Valkey(server.url, timeout=60, clock=True), clock=clock)


def run(story: Coroutine[object, object, None]) -> None:
    asyncio.run(story)


async def take(far: Leases, clock: Clock, *takes: Take, reservation: str = "") -> tuple[Level, ...]:
    (levels,) = await far.run([Op("take", (takes, reservation, MINUTE))], clock.now)
    assert isinstance(levels, tuple)
    return levels


async def granted(far: Leases, clock: Clock, *takes: Take) -> bool:
    return all(level.granted for level in await take(far, clock, *takes))


async def settled(far: Leases) -> None:
    """Wait until nothing is being fetched or given back."""
    while far._tasks:
        await asyncio.gather(*far._tasks)
        await asyncio.sleep(0)


async def left(server: Server, clock: Clock, take: Take) -> int:
    """How many are left in the store, for who does not lease."""
    far = Valkey(server.url, timeout=60, clock=True)
    none = msgspec.structs.replace(take, amount=0)
    (levels,) = await far.run([Op("peek", ((none,),))], clock())
    await far.close()
    assert isinstance(levels, tuple)
    return int(levels[0].remaining // NANO)


def test_a_bucket_that_is_met_again_is_leased_and_then_costs_no_call(server: Server) -> None:
    async def story() -> None:
        clock = Clock()
        far = leased(server, clock)
        for _ in range(2):
            assert await granted(far, clock, WIDE)
            await settled(far)
        calls = far.health().calls
        (level,) = await take(far, clock, WIDE)
        assert level.remaining == (6000 - 100 - 3) * NANO
        assert (far.local, far.health().calls) == (1, calls)
        await far.close()

    run(story())


def test_what_is_not_spent_goes_back_when_it_ends_and_at_close(server: Server) -> None:
    async def story() -> None:
        clock = Clock()
        one, other = leased(server, clock), leased(server, clock)
        for far in (one, other):
            for _ in range(3):
                assert await granted(far, clock, TODAY)
                await settled(far)
        assert await left(server, clock, TODAY) == 1000 - 2 * 2 - 2 * 4
        await other.close()
        assert await left(server, clock, TODAY) == 1000 - 2 * 2 - 4 - 1
        clock.now += LIFE
        one._sweep()
        await settled(one)
        assert await left(server, clock, TODAY) == 1000 - 6
        await one.close()
        assert one.health().closed is False

    run(story())


def test_slices_grow_with_the_demand_and_shrink_without(server: Server) -> None:
    async def story() -> None:
        clock = Clock()
        far = leased(server, clock)
        for _ in range(300):
            assert await granted(far, clock, WIDE)
            await settled(far)
        desk = far._desks["wide"]
        assert desk.lease is not None
        assert desk.lease.take.amount >= 32 * NANO
        assert far.local > 250
        wanted = desk.wanted
        clock.now += LIFE
        far._sweep()
        assert desk.wanted <= wanted
        await settled(far)
        far._sweep()
        assert far._desks == {}
        await far.close()

    run(story())


def test_an_empty_bucket_is_remembered_as_empty(server: Server) -> None:
    async def story() -> None:
        clock = Clock()
        far = leased(server, clock)
        whole = msgspec.structs.replace(TODAY, amount=1000 * NANO)
        assert await granted(far, clock, whole)
        (first,) = await take(far, clock, TODAY)
        calls = far.health().calls
        clock.now += LIFE // 2
        (again,) = await take(far, clock, TODAY)
        assert not first.granted
        assert not again.granted
        assert 0 < again.retry_after <= LIFE
        assert far.health().calls == calls
        clock.now += LIFE
        await take(far, clock, TODAY)
        assert far.health().calls == calls + 1
        await far.close()

    run(story())


def test_one_refusal_refuses_all_and_spends_nothing(server: Server) -> None:
    async def story() -> None:
        clock = Clock()
        far = leased(server, clock)
        for _ in range(2):
            await take(far, clock, WIDE)
        await settled(far)
        assert await granted(far, clock, msgspec.structs.replace(TODAY, amount=1000 * NANO))
        assert not await granted(far, clock, TODAY)
        calls, lease = far.health().calls, far._desks["wide"].lease
        assert lease is not None
        wide, day = await take(far, clock, WIDE, TODAY)
        assert (wide.granted, day.granted, lease.spent) == (True, False, 0)
        assert far.health().calls == calls
        await far.close()

    run(story())


def test_what_can_not_be_leased_is_asked_for(server: Server) -> None:
    async def story() -> None:
        clock = Clock()
        far = leased(server, clock)
        small = Take("small", "small", NANO, 20 * NANO, 20 * NANO, MINUTE)
        large = msgspec.structs.replace(WIDE, key="large", amount=900 * NANO)
        for _ in range(3):
            assert await granted(far, clock, small)
            assert await granted(far, clock, large)
            assert not await granted(far, clock, msgspec.structs.replace(WIDE, amount=9**9 * NANO))
            assert await granted(far, clock, msgspec.structs.replace(WIDE, amount=0))
            await settled(far)
        assert far.local == 0
        answers = await far.run([Op("labels", ("t", "s")), Op("peek", ((WIDE,),))], clock.now)
        assert answers[0] == frozenset()
        await far.close()

    run(story())


def test_what_is_taken_from_a_lease_can_be_settled(server: Server) -> None:
    async def story() -> None:
        clock = Clock()
        far, other = leased(server, clock), leased(server, clock)
        tokens = Take(
            "t", "t", 10 * NANO, 6000 * NANO, 6000 * NANO, DAY, unit="tokens", payer="north"
        )
        usd = Take(
            "u",
            "u",
            10 * NANO,
            6000 * NANO,
            6000 * NANO,
            None,
            NOW,
            NOW + DAY,
            "usd",
            payer="north",
        )
        for number in range(4):
            levels = await take(far, clock, tokens, usd, reservation=f"d{number}")
            assert all(level.granted for level in levels)
            await settled(far)
        assert far.local == 2
        real = (("tokens", NANO), ("usd", 40 * NANO))
        for number in range(4):
            settling = Op("settle", (f"d{number}", real))
            assert await other.run([settling], clock.now) == [Settled("north")]
        assert await other.run([Op("settle", ("d3", real))], clock.now) == [None]
        await far.close()
        await other.close()
        assert await left(server, clock, tokens) == 6000 - 4
        assert await left(server, clock, usd) == 6000 - 4 * 40

    run(story())


def test_a_lease_of_a_day_is_not_spent_in_the_next(server: Server) -> None:
    async def story() -> None:
        clock = Clock()
        clock.now = NOW + DAY - LIFE // 2
        far = leased(server, clock)
        for _ in range(2):
            assert await granted(far, clock, TODAY)
            await settled(far)
        clock.now = NOW + DAY
        tomorrow = msgspec.structs.replace(TODAY, opens=NOW + DAY, closes=NOW + 2 * DAY)
        assert await granted(far, clock, tomorrow)
        assert far.local == 0
        await settled(far)
        assert await left(server, clock, tomorrow) == 999 - 4
        assert await granted(far, clock, tomorrow, tomorrow)
        await far.close()

    run(story())


def test_money_is_leased_in_parts(server: Server) -> None:
    async def story() -> None:
        clock = Clock()
        far = leased(server, clock)
        cents = Take("usd", "usd", 10**7 + 1, 500 * NANO, 500 * NANO, DAY, unit="usd")
        for _ in range(3):
            assert await granted(far, clock, cents)
            await settled(far)
        assert far.local == 1
        await far.close()
        assert await left(server, clock, cents) == 499

    run(story())


@pytest.mark.skipif(PROGRAM is None, reason=MISSING)
def test_without_the_store_leases_are_spent_and_no_more() -> None:
    async def story() -> None:
        clock = Clock()
        own = Server()
        far = leased(own, clock)
        for _ in range(2):
            await take(far, clock, TODAY)
        await settled(far)
        own.stop()
        for _ in range(4):
            assert await granted(far, clock, TODAY)
        await settled(far)
        with pytest.raises(StoreUnavailable):
            await take(far, clock, TODAY)
        assert far.offset == 0
        far._ended.append(far._desks["day"].lease)  # type: ignore[arg-type]
        await far.close()

    run(story())


def test_leases_end_when_nobody_asks_any_more(server: Server) -> None:
    async def story() -> None:
        far = Leases(Valkey(server.url, timeout=60))
        for _ in range(3):
            await far.run([Op("take", ((WIDE,), "", 0))], 0)
        async with asyncio.timeout(60):
            while far._desks:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.02)
        await far.close()

    run(story())


def test_the_terms_lose_a_twentieth_of_a_burst_at_most() -> None:
    random = Random(1)  # noqa: S311 - no secret
    for _ in range(1000):
        limit, burst = random.randint(1, 10**6) * NANO, random.randint(1, 10**6) * NANO
        one = Take("r", "r", NANO, limit, burst, random.randint(1, DAY))
        terms = terms_of(one)
        if terms is None:
            continue
        assert 0 < terms.life <= LIFE
        assert burst - burst // 20 - 1 <= terms.burst < burst
        assert terms.most <= burst // SHARE


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_processes_with_leases_never_exceed_the_limit(server: Server, seed: int) -> None:
    async def story() -> None:
        clock, random = Clock(), Random(seed)  # noqa: S311 - no secret
        burst = random.choice([200, 300])
        limit = random.choice([50, 3000, 20_000])
        one = Take("r", f"r{seed}", NANO, limit * NANO, burst * NANO, MINUTE)
        exact = ExactRefill(limit=limit, window=MINUTE, burst=burst)
        fars = [leased(server, clock) for _ in range(3)]
        for _ in range(700):
            far = random.choice(fars)
            amount = random.choice([1, 1, 1, 3])
            wanted = msgspec.structs.replace(one, amount=amount * NANO)
            if await granted(far, clock, wanted):
                assert exact.fits(amount, clock.now)
                exact.take(amount, clock.now)
            if random.random() < 0.5:
                await settled(far)
            if random.random() < 0.2:
                clock.now += random.choice([1, TICK, 50 * TICK, 300 * TICK, 1200 * TICK])
                for each in fars:
                    each._sweep()
        assert sum(far.local for far in fars) > 100
        for far in fars:
            await far.close()

    run(story())
