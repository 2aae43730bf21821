"""A store that is away from here, asked by those who are blocked meanwhile; and what stands in."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

import pytest

from engine.runtime.memory import MemoryStore
from engine.runtime.store import NANO, StoreUnavailable, Take
from engine.state.remote import Health, Op, PartAway, Unfetched
from engine.state.remote_store import MARKED, RemoteStore
from engine.state.spare import Spare
from tests.state.near import NOW, NearFar, Shore
from tests.state.takes import requests, tokens

LIFE = 3600 * NANO


@pytest.fixture
def shore() -> Shore:
    return Shore()


@pytest.fixture
def remote(shore: Shore) -> Iterator[RemoteStore]:
    one = RemoteStore(
        lambda: NearFar(shore), Spare(MemoryStore(), most=4), local=True, clock=lambda: NOW
    )
    yield one
    one.close()


Kept = RemoteStore | Spare | MemoryStore


def put_all(store: Kept) -> None:
    """Put something of each kind."""
    store.record("m", "k", LIFE, NOW)
    store.label("t", "s", "seen", None, NOW)
    store.label("t", "s", "soon", NOW + LIFE, NOW)
    store.remember("t", "s", {"7f": b"sealed"}, NOW)
    store.note("t", "s", "seen", frozenset({1, 2}), NOW + LIFE, NOW)
    store.note("t", "s", "", frozenset({3}), None, NOW)
    store.turn("t", "s", NOW, advance=True)


def find_all(store: Kept) -> list[object]:
    return [
        store.count("m", "k", LIFE, NOW),
        store.labels("t", "s", NOW),
        store.recall("t", "s", ["7f", "00"], NOW),
        store.noted("t", "s", frozenset({1, 3, 4}), NOW),
        store.turn("t", "s", NOW, advance=False),
    ]


def test_whoever_is_blocked_finds_what_was_put(remote: RemoteStore) -> None:
    kept = MemoryStore()
    put_all(kept)
    put_all(remote)
    assert find_all(remote) == find_all(kept)
    assert remote.instant(5) == 5
    remote.sweep(NOW, 10)


def test_what_stands_in_puts_everything_later(remote: RemoteStore, shore: Shore) -> None:
    spare = Spare(MemoryStore())
    put_all(spare)
    assert spare.debts == 7
    assert spare.count("m", "k", LIFE, NOW) == 1
    assert spare.recall("t", "s", ["7f"], NOW) == {"7f": b"sealed"}
    assert spare.turn("t", "s", NOW, advance=False) == 1
    paying = RemoteStore(lambda: NearFar(shore), spare, clock=lambda: NOW)
    asyncio.run(paying.leave())
    assert spare.debts == 0
    kept = MemoryStore()
    put_all(kept)
    assert find_all(remote) == find_all(kept)
    paying.close()


def test_what_stands_in_does_not_know_what_sessions_have_read() -> None:
    spare = Spare(MemoryStore())
    put_all(spare)
    with pytest.raises(StoreUnavailable, match="it is away"):
        spare.labels("t", "s", NOW)
    with pytest.raises(StoreUnavailable, match="it is away"):
        spare.noted("t", "s", frozenset({1}), NOW)


def test_what_is_taken_meanwhile_is_owed(shore: Shore) -> None:
    spare = Spare(MemoryStore())
    counted = spare.spare()
    takes = [requests(amount=2)]
    assert counted.peek(takes, NOW)[0].granted
    assert counted.take(takes, NOW)[0].granted
    assert not counted.take([requests(amount=10**6)], NOW)[0].granted
    assert spare.debts == 1
    assert spare.instant(7) == 7
    assert spare.sweep(NOW, 5) == 0
    paying = RemoteStore(lambda: NearFar(shore), spare, clock=lambda: NOW)
    asyncio.run(paying.leave())
    assert shore.store.peek(takes, NOW) == counted.peek(takes, NOW)
    paying.close()


def test_what_stands_in_takes_nothing_unless_a_rule_says_so() -> None:
    spare = Spare(MemoryStore())
    with pytest.raises(StoreUnavailable, match="it is away"):
        spare.take([requests()], NOW)
    with pytest.raises(StoreUnavailable, match="it is away"):
        spare.peek([requests()], NOW)
    assert spare.debts == 0


def test_a_slot_that_was_given_back_is_not_owed() -> None:
    spare = Spare(MemoryStore())
    counted = spare.spare()
    slot = Take("r", "k", NANO, 2 * NANO, 2 * NANO, None, unit="concurrent", life=LIFE)
    counted.take([slot, tokens(amount=60)], NOW, reservation="one", hold=LIFE)
    counted.take([slot], NOW, reservation="two", hold=LIFE)
    assert spare.settle("one", {"tokens": 40}, NOW)
    assert spare.settle("two", {}, NOW)
    assert [op.arguments[0] for op in spare.pop(9).values()] == [(tokens(amount=40),)]
    with pytest.raises(StoreUnavailable, match="settle again"):
        spare.settle("two", {}, NOW)


def test_takes_of_one_reservation_are_owed_apart_and_settled_together() -> None:
    spare = Spare(MemoryStore())
    for take in (tokens("enforced", amount=60), tokens("shadow", amount=70)):
        assert spare.spare().take([take], NOW, reservation="one", hold=LIFE)[0].granted
    assert spare.owes("one")
    assert spare.debts == 2
    assert spare.settle("one", {"tokens": 40}, NOW)
    assert not spare.owes("one")
    owed = [op.arguments[0] for op in spare.pop(9).values()]
    assert owed == [(tokens("enforced", amount=40),), (tokens("shadow", amount=40),)]


def test_no_settlement_reaches_a_debt_of_another_kind() -> None:
    spare = Spare(MemoryStore())
    spare.label("t", "s", "seen", None, NOW)
    for name in ("", " 1", "1"):
        with pytest.raises(StoreUnavailable, match="settle again"):
            spare.settle(name, {}, NOW)
    assert spare.debts == 1


def test_no_more_is_owed_than_there_is_room_for(remote: RemoteStore) -> None:
    spare = remote.beside
    assert spare is not None
    for _ in range(6):
        spare.turn("t", "s", NOW, advance=True)
    assert (spare.debts, spare.lost) == (4, 2)


def test_what_cannot_be_paid_stays_owed(remote: RemoteStore, shore: Shore) -> None:
    spare = remote.beside
    assert spare is not None
    spare.turn("t", "s", NOW, advance=True)
    spare.record("m", "k", LIFE, NOW)
    shore.away = "it is gone"
    asyncio.run(remote.leave())
    assert spare.debts == 2
    shore.away, shore.broken = "", frozenset({"record"})
    asyncio.run(remote.leave())
    assert (spare.debts, spare.lost) == (0, 1)


def test_an_answer_that_is_a_failure_is_raised(remote: RemoteStore, shore: Shore) -> None:
    shore.broken = frozenset({"count"})
    with pytest.raises(StoreUnavailable, match="count is broken"):
        remote.count("m", "k", LIFE, NOW)


def test_while_it_is_away_the_spare_store_is_at_hand(remote: RemoteStore, shore: Shore) -> None:
    assert remote.at_hand() is remote
    shore.away = "it is gone"
    with pytest.raises(StoreUnavailable, match="it is gone"):
        remote.labels("t", "s", NOW)
    assert remote.at_hand() is remote.beside
    shore.away = ""
    remote.labels("t", "s", NOW)
    assert remote.at_hand() is remote


def test_a_part_that_is_there_is_asked(shore: Shore) -> None:
    class Part(NearFar):
        """One part of it is away, and has what is asked for."""

        async def run(self, ops: Sequence[Op], now: int) -> list[object]:
            await super().run(ops, now)
            raise PartAway("the half of it is gone")

    half = RemoteStore(lambda: Part(shore), Spare(MemoryStore()), local=True)
    for away, asked in (("it is gone", half.beside), ("", half)):
        shore.away = away
        with pytest.raises(StoreUnavailable):
            half.labels("t", "s", NOW)
        assert half.at_hand() is asked
    asyncio.run(half.look())
    assert half.trouble == ""
    half.close()


def test_whether_it_is_back_is_looked_for_now_and_then(remote: RemoteStore, shore: Shore) -> None:
    spare = remote.beside
    assert spare is not None
    spare.turn("t", "s", NOW, advance=True)

    async def main() -> None:
        shore.away = "it is gone"
        with pytest.raises(StoreUnavailable):
            await remote.run([Op("labels", ("t", "s"))])
        for away in ("it is still gone", ""):
            shore.away = away
            remote.sweep(NOW, 1)
            await asyncio.sleep(0.01)
            assert remote.away == away
        assert remote.health() == Health(closed=True, calls=3)
        await remote.run([Op("labels", ("t", "s"))])
        await asyncio.sleep(0.01)
        assert remote.owed == (0, 0)
        await remote.leave()

    asyncio.run(main())
    shore.away = "it is gone"
    with pytest.raises(StoreUnavailable):
        remote.labels("t", "s", NOW)
    remote.sweep(NOW, 1)  # Where there is no event loop it waits.
    assert remote.away == "it is gone"
    assert not remote.health().closed
    assert remote.owed == (0, 0)


def test_a_look_tells_whether_anything_can_be_put(remote: RemoteStore, shore: Shore) -> None:
    assert (remote.trouble, remote.evicts) == ("", "")

    async def main() -> None:
        await remote.connect()
        assert (shore.connected, shore.calls) == (1, [])
        await remote.look()
        assert (remote.trouble, remote.evicts) == ("", "")
        shore.broken = frozenset({"advance"})
        await remote.look()
        await remote.run([Op("labels", ("t", "s"))])
        assert (remote.trouble, remote.away) == ("advance is broken", "")
        remote.sweep(NOW, 1)  # Looks again.
        shore.broken = frozenset()
        await asyncio.sleep(0.01)
        assert remote.trouble == ""
        shore.away = "it is gone"
        await remote.look()
        assert remote.trouble == "it is gone"
        shore.away = ""
        await remote.look()
        assert remote.trouble == ""
        await remote.leave()

    asyncio.run(main())


def test_a_look_tells_whether_the_store_has_lost_what_it_had(
    remote: RemoteStore, shore: Shore
) -> None:
    async def main() -> None:
        for _ in range(3):
            await asyncio.gather(remote.look(), remote.look())
        assert remote.forgot == 0
        before = shore.store.copy()
        await remote.look()
        shore.store = before  # A copy that is older, as a replica that takes its place may have.
        await remote.look()
        assert (remote.forgot, remote.trouble) == (1, "")
        shore.store = MemoryStore()
        await remote.look()
        await remote.look()
        assert remote.forgot == 2
        shore.store = MemoryStore()
        remote._turned = 0.0  # After so long it may have ended by itself.
        await remote.look()
        assert remote.forgot == 2
        await remote.leave()

    asyncio.run(main())


def test_a_look_tells_of_others_who_use_another_secret(shore: Shore) -> None:
    def store(mark: str) -> RemoteStore:
        return RemoteStore(lambda: NearFar(shore), clock=lambda: NOW, mark=mark)

    ours, same, other, unmarked = store("ours"), store("ours"), store("other"), store("")

    async def main() -> None:
        for one in (ours, same, unmarked, ours):
            await one.look()
            assert one.strangers == frozenset()
        await other.look()
        for one, strangers in ((ours, {"other"}), (other, {"ours"}), (unmarked, set())):
            await one.look()
            assert one.strangers == strangers
        shore.ahead = MARKED  # The other one has gone meanwhile.
        await ours.look()
        assert ours.strangers == {"other"}
        ours._met = dict.fromkeys(ours._met, 0.0)
        assert ours.strangers == frozenset()
        await ours.look()
        assert (ours.strangers, ours._met) == (frozenset(), {})
        await asyncio.gather(*(one.leave() for one in (ours, same, other, unmarked)))

    asyncio.run(main())


def test_without_a_spare_store_nothing_stands_in(shore: Shore) -> None:
    alone = RemoteStore(lambda: NearFar(shore), clock=lambda: NOW)
    shore.away = "it is gone"
    with pytest.raises(StoreUnavailable):
        alone.labels("t", "s", NOW)
    assert alone.at_hand() is alone
    assert alone.spare() is None
    assert alone.owed == (0, 0)
    assert alone.sweep(NOW, 3) == 0
    asyncio.run(alone.leave())
    alone.close()


def test_a_try_asks_for_everything_it_needs_one_after_another(remote: RemoteStore) -> None:
    tried = remote.replay()
    tried.label("t", "s", "x", None, NOW)
    with pytest.raises(Unfetched):
        tried.settle("d", {"usd": 3, "tokens": 5}, NOW)
    assert list(tried.due) == [
        Op("label", ("t", "s", "x", None)),
        Op("settle", ("d", (("tokens", 5), ("usd", 3)))),
    ]
    assert tried.learn([None, True], 0)
    assert tried.settle("d", {"tokens": 5, "usd": 3}, NOW)
    tried.fail(StoreUnavailable("late"))
    assert tried.sweep(NOW, 1) == 0
    beside = tried.spare()
    assert beside is not None
    found = [beside.take([requests()], NOW) for _ in range(3)]
    assert [found[0][0].remaining, *found] == [9, found[0], found[0], found[0]]
    assert beside.peek([requests()], NOW)[0].remaining == 8
    tried.close()
