"""A state store in, how it fares out: for metrics and the page of readiness."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from engine.runtime.store import Store, StoreUnavailable
from engine.state.remote_store import RemoteStore


def trouble_of(store: Store) -> str:
    """Return why *store* cannot be used, or an empty string.

    One that is away from here is not asked: the last call says it, and the last look. Where only a
    part of it is away, that is said too.
    """
    if isinstance(store, RemoteStore):
        why = store.trouble or store.lacking
        return f"the state store ({why})" if why else ""
    try:
        store.labels("", "", 0)
    except StoreUnavailable as away:
        return f"the state store ({away})"
    return ""


def strangers_of(store: Store) -> str:
    """Return that others use *store* by another secret than ours; empty where nobody does."""
    met = isinstance(store, RemoteStore) and store.strangers
    return "sessions (daemons with another `secret.key` use the state server)" if met else ""


class StateMetrics(Collector):
    """What a store knows of itself when somebody asks."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def collect(self) -> Iterator[Metric]:
        """Yield whether it can be used; and of one that is away from here, its connections."""
        yield GaugeMetricFamily(
            "engine_state_up",
            "Whether throttles, budgets and sessions can be reached.",
            float(not trouble_of(self._store)),
        )
        yield CounterMetricFamily(
            "engine_reservations_lapsed",
            "Reservations that ended without being settled, as they were swept away.",
            self._store.lapsed,
        )
        if isinstance(self._store, RemoteStore):
            yield from connections_of(self._store)


def connections_of(store: RemoteStore) -> Iterator[Metric]:
    """Yield how the connections of *store* fare, and what is found in it."""
    health = store.health()
    yield GaugeMetricFamily(
        "engine_state_breaker_closed",
        "0 while a failing state server is left alone.",
        float(health.closed),
    )
    yield CounterMetricFamily(
        "engine_state_calls", "What the state server was asked.", health.calls
    )
    yield CounterMetricFamily(
        "engine_state_failures",
        "What it did not answer, or was not asked while the breaker was open.",
        health.failures,
    )
    yield CounterMetricFamily(
        "engine_state_timeouts", "Calls it did not answer in time.", health.timeouts
    )
    yield CounterMetricFamily(
        "engine_state_reconnects", "Connections made anew.", health.reconnects
    )
    yield CounterMetricFamily(
        "engine_state_forgotten",
        "How often it was found to have lost what limits have counted.",
        store.forgot,
    )
    yield GaugeMetricFamily(
        "engine_state_secrets",
        "By how many different secret keys the state server is used: one, if all is well.",
        1 + len(store.strangers),
    )
    owed, lost = store.owed
    yield GaugeMetricFamily(
        "engine_state_owed",
        "What was counted here meanwhile and is to be made up for in the state server.",
        owed,
    )
    yield CounterMetricFamily(
        "engine_state_lost", "What was counted here and cannot be made up for.", lost
    )
