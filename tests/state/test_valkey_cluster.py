"""A store in a cluster: what is one tenant's is taken in one step, and what cannot be is told."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from time import monotonic, sleep

import pytest
from redis.crc import key_slot

from engine.runtime.memory import MemoryStore
from engine.runtime.store import NANO, Level, Noted, Settled, StoreUnavailable, Take
from engine.state import valkey_cluster
from engine.state.leases import Leases
from engine.state.remote import STALE, Op
from engine.state.remote_store import RemoteStore
from engine.state.spare import Spare
from engine.state.valkey import Valkey
from engine.state.valkey_wire import tag_of
from tests.state.servers import MISSING, PROGRAM, Server
from tests.state.takes import MINUTE, tokens, usd

HOUR = 3600 * NANO
TENANTS = [f"tenant{number}" for number in range(8)]

pytestmark = [pytest.mark.slow, pytest.mark.skipif(PROGRAM is None, reason=MISSING)]


class Nodes:
    """Two nodes of a cluster, each with one half of the slots."""

    def __init__(self) -> None:
        options = ("--cluster-enabled", "yes", "--cluster-require-full-coverage", "no")
        self.nodes = [Server(*options) for _ in range(2)]
        first, second = self.nodes
        first.do("CLUSTER", "ADDSLOTS", *range(8192))
        second.do("CLUSTER", "ADDSLOTS", *range(8192, 16384))
        self.names = {key_slot(name.encode()): name for name in map(tag_of, TENANTS)}
        second.do("CLUSTER", "MEET", "127.0.0.1", first.port)
        self.settle()

    def settle(self) -> None:
        """Wait until each node knows the other, and what it has, and works."""
        for node in self.nodes:
            while b"slots_assigned:16384" not in node.do("CLUSTER", "INFO"):
                sleep(0.01)
            while b"state:ok" not in node.do("CLUSTER", "INFO"):
                sleep(0.01)
            while node.do("CLUSTER", "SLOTS").count(b"\r\n127.0.0.1\r\n") < 2:
                sleep(0.01)

    def owners(self, slot: int) -> list[Server]:
        """The node that has *slot*, and the other."""
        first, second = self.nodes
        refused = first.do("SET", f"{{{self.names[slot]}}}", "x")
        first.do("DEL", f"{{{self.names[slot]}}}")
        return [second, first] if refused.startswith(b"-MOVED") else [first, second]

    def move(self, slot: int) -> None:
        """Give *slot*, which is empty, to the other node."""
        source, target = self.owners(slot)
        name = target.do("CLUSTER", "MYID")[5:45]
        for node in (target, source):
            assert node.do("CLUSTER", "SETSLOT", slot, "NODE", name) == b"+OK\r\n"

    def stop(self) -> None:
        for node in self.nodes:
            node.stop()


@pytest.fixture(scope="module")
def cluster() -> Iterator[Nodes]:
    made = Nodes()
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def empty(cluster: Nodes) -> None:
    for node in cluster.nodes:
        node.do("FLUSHALL")


def of(tenant: str, name: str = "r", amount: int = 1, unit: str = "requests") -> Take:
    key = f"{name} {tenant}"
    return Take(name, key, amount, 10, 10, MINUTE, unit=unit, tenant=tenant, payer=tenant)


def take(*takes: Take, reservation: str = "", hold: int = 0) -> Op:
    return Op("take", (takes, reservation, hold))


def ask(cluster: Nodes, *ops: Op, node: int = 0) -> list[object]:
    async def story() -> list[object]:
        far = Valkey(cluster.nodes[node].address, timeout=60)
        try:
            return await far.run(ops, 0)
        finally:
            await far.close()

    return asyncio.run(story())


def remaining(answer: object) -> Sequence[int]:
    assert isinstance(answer, tuple)
    assert all(isinstance(level, Level) for level in answer)
    return [level.remaining for level in answer]


def test_tenants_lie_on_different_nodes_and_each_is_exact(cluster: Nodes) -> None:
    async def story() -> None:
        far = Valkey(cluster.nodes[0].address, timeout=60)
        for number in range(12):
            pair = take(of(f"tenant{number}"), of(f"tenant{number}", "other", amount=4))
            answers = await asyncio.gather(*(far.run([pair], 0) for _ in range(5)))
            granted = [all(level.granted for level in one[0]) for one in answers]  # type: ignore[attr-defined]
            assert sum(granted) == 2
        assert len(far.states) == 2
        assert far.health().closed
        assert far.offset != 0
        await far.close()

    asyncio.run(story())
    assert all(b":0" not in node.do("DBSIZE") for node in cluster.nodes)


@pytest.mark.parametrize("node", [0, 1])
def test_everything_that_a_decision_asks_is_answered(cluster: Nodes, node: int) -> None:
    first = take(of("north", unit="tokens"), reservation="d1", hold=HOUR)
    answers = ask(
        cluster,
        first,
        Op("record", ("m", "k", MINUTE)),
        Op("label", ("north", "s", "x", None)),
        Op("note", ("north", "s", "", (1,), None)),
        Op("remember", ("north", "s", (("a", b"1"),))),
        Op("recall", ("north", "s", ())),
        take(usd("past")),
        node=node,
    )
    assert remaining(answers[0]) == [9]
    assert answers[1:] == [None, None, None, None, {}, STALE]
    again = ask(
        cluster,
        Op("settle", ("d1", (("tokens", 5),))),
        Op("count", ("m", "k", MINUTE)),
        Op("labels", ("north", "s")),
        Op("noted", ("north", "s", (1, 2))),
        Op("recall", ("north", "s", ("a",))),
        Op("settle", ("nobody", ())),
        node=1 - node,
    )
    noted = Noted({"": frozenset({1})}, frozenset())
    assert again == [Settled("north"), 1, frozenset({"x"}), noted, {"a": b"1"}, None]
    assert remaining(ask(cluster, Op("peek", ((of("north", amount=0),),)))[0]) == [5]


def test_what_is_owed_can_be_settled(cluster: Nodes) -> None:
    owed = Op("owe", ((of("north", amount=30, unit="tokens"),), "d1", HOUR))
    assert ask(cluster, owed) == [None]
    assert ask(cluster, Op("settle", ("d1", (("tokens", 4),)))) == [Settled("north")]
    assert remaining(ask(cluster, Op("peek", ((of("north", amount=0),),)))[0]) == [6]


def test_leases_and_what_is_taken_from_them_lie_with_the_tenant(cluster: Nodes) -> None:
    async def story() -> None:
        far = Leases(Valkey(cluster.nodes[0].address, timeout=60))
        wide = Take("w", "w", 9 * NANO, NANO, 9000 * NANO, HOUR, unit="tokens", tenant="north")
        for number in range(4):
            (levels,) = await far.run([take(wide, reservation=f"d{number}", hold=HOUR)], 0)
            assert len(remaining(levels)) == 1
            while far._tasks:
                await asyncio.gather(*far._tasks)
        assert far.local == 2
        await far.close()

    asyncio.run(story())
    settles = [Op("settle", (f"d{number}", (("tokens", NANO),))) for number in range(4)]
    assert ask(cluster, *settles, node=1) == [Settled("")] * 4


def test_a_bucket_that_tenants_share_is_taken_from_alone(cluster: Nodes) -> None:
    for node in (0, 1):
        ask(cluster, take(tokens("all")), node=node)
    assert remaining(ask(cluster, take(tokens("all"), reservation="d", hold=HOUR))[0]) == [97]


def test_what_does_not_lie_together_is_refused_by_its_rules(cluster: Nodes) -> None:
    both = take(of("north", "per_tenant"), tokens("for_all"))
    refused, read = ask(cluster, both, Op("labels", ("north", "s")))
    assert isinstance(refused, StoreUnavailable)
    assert str(refused) == (
        "in a cluster `per_tenant` and `for_all` cannot take in one step: write `by tenant.id` in "
        "each of their throttles"
    )
    assert read == frozenset()
    (alone,) = ask(cluster, both)
    assert isinstance(alone, StoreUnavailable)


def test_slots_that_have_moved_are_found(cluster: Nodes) -> None:
    async def story() -> None:
        far = Valkey(cluster.nodes[0].address, timeout=60)
        await far.run([take(of(tenant)) for tenant in TENANTS], 0)
        for node in cluster.nodes:
            node.do("FLUSHALL")
        for tenant in TENANTS:
            cluster.move(key_slot(tag_of(tenant).encode()))
        answers = await far.run([take(of(tenant)) for tenant in TENANTS], 0)
        assert [remaining(answer) for answer in answers] == [[9]] * 8
        await far.close()

    asyncio.run(story())


def test_signposts_in_slots_that_have_moved_are_found(cluster: Nodes) -> None:
    decision = tag_of("tenant1")  # So its signpost lies where the buckets of that tenant would.
    pair = of("tenant0", unit="tokens", amount=6)

    async def story() -> None:
        far, other = (Valkey(cluster.nodes[0].address, timeout=60) for _ in range(2))
        for one in (far, other):
            await one.run([Op("labels", (tenant, "s")) for tenant in TENANTS], 0)
        cluster.move(key_slot(decision.encode()))
        (taken,) = await far.run([take(pair, reservation=decision, hold=HOUR)], 0)
        assert remaining(taken) == [4]
        settle = Op("settle", (decision, (("tokens", 1),)))
        assert await other.run([settle], 0) == [Settled("tenant0")]
        await far.close()
        await other.close()

    asyncio.run(story())
    assert remaining(ask(cluster, Op("peek", ((of("tenant0", amount=0),),)))[0]) == [9]


def test_a_signpost_in_a_slot_that_is_being_moved_is_waited_for(cluster: Nodes) -> None:
    async def story() -> None:
        far = Valkey(cluster.nodes[0].address, timeout=60)
        decision = tag_of("tenant1")
        source, target = cluster.owners(key_slot(decision.encode()))
        name = target.do("CLUSTER", "MYID")[5:45]
        source.do("CLUSTER", "SETSLOT", key_slot(decision.encode()), "MIGRATING", name)
        settle = Op("settle", (decision, (("tokens", 1),)))
        reserve = take(of("tenant0", unit="tokens"), reservation=decision, hold=HOUR)
        try:
            await far.run([Op("labels", (tenant, "s")) for tenant in TENANTS[2:]], 0)
            (refused,) = await far.run([settle], 0)
            assert isinstance(refused, StoreUnavailable)
            assert str(refused) == valkey_cluster.MOVING
            with pytest.raises(StoreUnavailable, match=valkey_cluster.MOVING):
                await far.run([reserve], 0)
        finally:
            source.do("CLUSTER", "SETSLOT", key_slot(decision.encode()), "STABLE")
        assert await far.run([settle], 0) == [None]
        await far.close()

    asyncio.run(story())


@pytest.mark.parametrize("entered", [0, 1])
def test_who_takes_the_place_of_a_dead_node_is_found(entered: int) -> None:
    cluster = Nodes()
    labels = [Op("labels", (tenant, "s")) for tenant in TENANTS]

    async def story() -> None:
        far = Valkey(cluster.nodes[entered].address, timeout=60)
        assert await far.run(labels, 0) == [frozenset()] * 8
        cluster.nodes[1].kill()
        answers = await far.run(labels, 0)
        assert any(isinstance(answer, StoreUnavailable) for answer in answers)
        cluster.nodes[0].do("CLUSTER", "DELSLOTS", *range(8192, 16384))
        cluster.nodes[0].do("CLUSTER", "ADDSLOTS", *range(8192, 16384))
        ends = monotonic() + 60
        while await far.run(labels, 0) != [frozenset()] * 8:
            assert monotonic() < ends
            await asyncio.sleep(0.01)
        assert far.health().closed is (entered == 0)
        await far.close()

    try:
        asyncio.run(story())
    finally:
        cluster.stop()


def test_a_node_that_is_away_leaves_alone_what_lies_on_others() -> None:
    cluster = Nodes()
    ends = monotonic() + 60

    async def fails(store: RemoteStore, tenant: str) -> None:
        with pytest.raises(StoreUnavailable):
            await store.run([take(of(tenant))])

    async def story() -> None:
        spare = Spare(MemoryStore())
        store = RemoteStore(lambda: Valkey(cluster.nodes[0].address, timeout=60), spare, local=True)
        await store.run([Op("labels", (tenant, "s")) for tenant in TENANTS])
        there = [one for one in TENANTS if key_slot(tag_of(one).encode()) < 8192]
        gone = [one for one in TENANTS if one not in there]
        assert store.lacking == ""
        cluster.nodes[1].kill()
        for tenant in gone:
            await fails(store, tenant)
            spare.spare().take([of(tenant)], 0)
        for number in range(70):
            spare.spare().take([of(gone[0], f"o{number}")], 0)
        spare.spare().take([of(there[0], "other", amount=4)], 0)
        await fails(store, gone[0])
        assert f"{cluster.nodes[1].port} cannot be reached" in store.lacking
        assert store.at_hand() is store
        assert remaining((await store.run([take(of(there[0]))]))[0]) == [9]
        looked = Op("peek", ((of(there[0], "other", amount=0),),))
        while remaining((await store.run([looked]))[0]) != [6]:  # Its debt finds its way.
            assert monotonic() < ends
            await asyncio.sleep(0.01)
        assert store.owed[1] == 0
        assert not store.health().closed
        cluster.nodes[0].kill()
        while store.at_hand() is store:
            assert monotonic() < ends
            await fails(store, there[0])
        await store.leave()

    try:
        asyncio.run(story())
    finally:
        cluster.stop()


def test_a_cluster_whose_nodes_are_all_away_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Nodes()
    labels = [Op("labels", (tenant, "s")) for tenant in TENANTS]

    async def story() -> None:
        far = Valkey(cluster.nodes[0].address, timeout=60)
        assert await far.run(labels, 0) == [frozenset()] * 8
        for node in cluster.nodes:
            node.kill()
        for _ in range(3):
            with pytest.raises(StoreUnavailable, match=r"broke|cannot be reached"):
                await far.run(labels, 0)
        await far.close()

    monkeypatch.setattr(valkey_cluster, "LEARN_EVERY", 0.0)
    try:
        asyncio.run(story())
    finally:
        cluster.stop()


def test_a_slot_that_is_being_moved_is_refused_until_it_has(cluster: Nodes) -> None:
    async def story() -> None:
        far = Valkey(cluster.nodes[0].address, timeout=60)
        slot = key_slot(tag_of("tenant0").encode())
        source, target = cluster.owners(slot)
        source.do("CLUSTER", "SETSLOT", slot, "MIGRATING", target.do("CLUSTER", "MYID")[5:45])
        try:
            with pytest.raises(StoreUnavailable, match="is moving what this decision needs"):
                await far.run([take(of("tenant0"))], 0)
        finally:
            source.do("CLUSTER", "SETSLOT", slot, "STABLE")
        assert remaining((await far.run([take(of("tenant0"))], 0))[0]) == [9]
        await far.close()

    asyncio.run(story())


def test_a_cluster_without_memory_takes_nothing(cluster: Nodes) -> None:
    for node in cluster.nodes:
        node.do("CONFIG", "SET", "maxmemory", "1")
    try:
        with pytest.raises(StoreUnavailable, match="the cluster refuses"):
            ask(cluster, take(of("north", unit="tokens"), reservation="d", hold=HOUR))
    finally:
        for node in cluster.nodes:
            node.do("CONFIG", "SET", "maxmemory", "0")
    assert remaining(ask(cluster, take(of("north", unit="tokens")))[0]) == [9]


def test_a_slot_that_no_node_serves_is_told(cluster: Nodes) -> None:
    async def story() -> None:
        lost = key_slot(tag_of("tenant0").encode())
        owner, other = cluster.owners(lost)
        for node in cluster.nodes:
            node.do("CLUSTER", "DELSLOTS", lost)
        far = Valkey(owner.address, timeout=60)
        try:
            labels = [Op("labels", (tenant, "s")) for tenant in TENANTS]
            places = [cluster.owners(key_slot(tag_of(tenant).encode()))[0] for tenant in TENANTS]
            await far.run([labels[places.index(other, 1)]], 0)  # It learns that it is a cluster.
            answers = await far.run(labels, 0)
            assert isinstance(answers[0], StoreUnavailable)
            assert "no node that serves it" in str(answers[0])
            assert frozenset() in answers
        finally:
            owner.do("CLUSTER", "ADDSLOTS", lost)
            cluster.settle()
        await far.close()

    asyncio.run(story())


def test_a_cluster_that_does_not_tell_its_nodes_is_of_no_use(cluster: Nodes) -> None:
    async def story() -> None:
        for node in cluster.nodes:
            node.do("ACL", "SETUSER", "blind", "on", ">x", "~*", "+@all", "-cluster", "-info")
        far = Valkey(f"redis://blind:x@127.0.0.1:{cluster.nodes[0].port}", timeout=60)
        labels = [Op("labels", (tenant, "s")) for tenant in TENANTS]
        with pytest.raises(StoreUnavailable, match="the cluster does not tell its nodes"):
            await far.run(labels, 0)
        await far.close()

    asyncio.run(story())


def test_a_node_that_is_away_fails_what_lies_on_it(cluster: Nodes) -> None:
    async def story() -> None:
        far = Valkey(cluster.nodes[0].address, timeout=60)
        labels = [Op("labels", (f"tenant{number}", "s")) for number in range(20)]
        assert await far.run(labels, 0) == [frozenset()] * 20
        for line in far._lines:
            line._timeout = 1.0
        cluster.nodes[1].freeze()
        answers = await far.run(labels, 0)
        lost = [answer for answer in answers if isinstance(answer, StoreUnavailable)]
        assert 0 < len(lost) < 20
        there = [op for op, one in zip(labels, answers, strict=True) if one == frozenset()]
        away = [op for op in labels if op not in there]
        with pytest.raises(StoreUnavailable):
            await far.run(away, 0)
        assert await far.run(there, 0) == [frozenset()] * len(there)
        cluster.nodes[1].thaw()
        await far.close()

    asyncio.run(story())
