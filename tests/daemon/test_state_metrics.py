"""How the state store fares, as metrics and the page of readiness tell it."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest

from engine.daemon.metrics import GateWatch
from engine.daemon.state_metrics import StateMetrics, strangers_of, trouble_of
from engine.runtime.memory import MemoryStore
from engine.runtime.store import Store, StoreUnavailable
from engine.service.gate import Gate
from engine.state.remote import Op
from engine.state.remote_store import RemoteStore
from engine.state.spare import Spare
from tests.runtime.made import Away, load
from tests.service.bundle import SECRET
from tests.state.near import NearFar, Shore


def told(store: Store) -> dict[str, float]:
    registry = CollectorRegistry()
    registry.register(StateMetrics(store))
    lines = generate_latest(registry).decode().splitlines()
    pairs = (line.split() for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


def test_a_store_at_hand_is_asked() -> None:
    kept = {"engine_state_up": 1, "engine_reservations_lapsed_total": 0}
    assert told(MemoryStore()) == kept
    assert told(Away()) == kept | {"engine_state_up": 0}


def test_a_store_that_is_away_tells_of_its_connections() -> None:
    shore = Shore()
    spare = Spare(MemoryStore(), most=1)
    remote = RemoteStore(lambda: NearFar(shore), spare)
    ask = Op("labels", ("t", "s"))

    async def main() -> None:
        await remote.run([ask])
        shore.away = "it is gone"
        with pytest.raises(StoreUnavailable):
            await remote.run([ask])

    asyncio.run(main())
    for _ in range(3):
        spare.turn("t", "s", 0, advance=True)
    found = told(remote)
    assert (found["engine_state_up"], found["engine_state_breaker_closed"]) == (0, 0)
    assert (found["engine_state_owed"], found["engine_state_lost_total"]) == (1, 2)
    assert {"engine_state_failures_total", "engine_state_timeouts_total"} < set(found)
    assert trouble_of(remote) == "the state store (it is gone)"
    remote.close()


def test_a_store_of_which_a_part_is_away_says_so() -> None:
    far = NearFar(Shore())
    remote = RemoteStore(lambda: far)
    assert remote.labels("t", "s", 0) == frozenset()
    assert (told(remote)["engine_state_up"], trouble_of(remote)) == (1, "")
    far.lacking = "a half is gone"
    assert (told(remote)["engine_state_up"], remote.trouble) == (0, "")
    assert trouble_of(remote) == "the state store (a half is gone)"
    remote.close()


def test_daemons_with_another_secret_are_counted_and_told() -> None:
    shore = Shore()
    ours, other = (RemoteStore(lambda: NearFar(shore), mark=mark) for mark in ("ours", "other"))
    gate = Gate(ours, secret=SECRET)
    gate.swap(load("policy p { default allow }"))
    watch = GateWatch(gate, CollectorRegistry())
    assert (told(ours)["engine_state_secrets"], strangers_of(MemoryStore())) == (1, "")
    asyncio.run(other.look())
    asyncio.run(ours.look())
    assert (told(ours)["engine_state_secrets"], told(ours)["engine_state_up"]) == (2, 1)
    ready, text = watch.readiness()
    assert ready
    assert text.endswith("; degraded: " + strangers_of(ours))


def test_a_daemon_without_its_state_is_ready_but_degraded() -> None:
    for store, end in ((MemoryStore(), ""), (Away(), "; degraded: the state store (it is away)")):
        gate = Gate(store, secret=SECRET)
        gate.swap(load("policy p { default allow }"))
        ready, text = GateWatch(gate, CollectorRegistry()).readiness()
        assert ready
        assert text.startswith("serving ")
        assert text.endswith(end)
