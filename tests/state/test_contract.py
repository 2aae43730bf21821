"""What every store promises; a new backend joins the fixture."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from engine.runtime.store import NANO, Settled, Store, Take
from engine.runtime.throttle import FOREVER, ImpossibleAmount
from tests.state.takes import DAY, MINUTE, NOW, requests, slot, tokens, usd

sweeping = pytest.mark.parametrize("store", ["memory", "lmdb"], indirect=True)
"""In a server entries end by themselves."""


def remaining(store: Store, take: Take, now: int = NOW) -> int:
    (level,) = store.peek([take], now)
    return level.remaining + (take.amount if level.granted else 0)


def test_a_limit_is_granted_exactly(store: Store) -> None:
    granted = sum(store.take([requests()], NOW)[0].granted for _ in range(25))
    assert granted == 10
    assert store.take([requests()], NOW)[0].retry_after == MINUTE // 10
    assert store.take([requests()], NOW + MINUTE // 10)[0].granted


def test_all_buckets_are_taken_or_none(store: Store) -> None:
    assert all(level.granted for level in store.take([requests("a"), requests("b", 10)], NOW))
    wide, narrow = store.take([requests("a"), requests("b")], NOW)
    assert (wide.granted, wide.remaining, narrow.granted) == (True, 9, False)
    assert remaining(store, requests("a")) == 9


def test_the_same_bucket_twice_is_taken_from_twice(store: Store) -> None:
    assert [level.remaining for level in store.take([requests(), requests()], NOW)] == [9, 8]


def test_nothing_to_take_is_granted(store: Store) -> None:
    assert store.take([], NOW) == ()
    assert store.peek([], NOW) == ()


def test_peeking_takes_nothing(store: Store) -> None:
    for _ in range(3):
        assert store.peek([requests(amount=10)], NOW)[0].granted
    assert store.take([requests(amount=10)], NOW)[0].granted
    assert not store.peek([requests(amount=1)], NOW)[0].granted


def test_keys_do_not_run_into_each_other(store: Store) -> None:
    names = ["x", "x\0", "", "é", "x" * 3000, "x" * 3001]
    for name in names:
        assert store.take([requests(name, 10)], NOW)[0].granted
    assert not any(store.peek([requests(name)], NOW)[0].granted for name in names)


def test_huge_figures_stay_exact(store: Store) -> None:
    huge = 10**27
    take = Take(rule="h", key="h", amount=huge - 1, limit=huge, burst=huge, window=FOREVER)
    assert store.take([take], NOW)[0].remaining == 1
    assert store.peek([take], NOW)[0].remaining == 1


def test_a_year_beyond_the_clock_is_no_accident(store: Store) -> None:
    late = FOREVER * 3
    assert store.take([requests(amount=10)], late)[0].granted
    assert store.settle("unknown", {}, late) is None
    store.record("m", "k", MINUTE, FOREVER)
    store.label("t", "s", "late", late, NOW)
    assert store.labels("t", "s", NOW) == {"late"}


# --- settling ------------------------------------------------------------------------------------


def test_what_was_not_used_flows_back(store: Store) -> None:
    store.take([tokens(amount=80), usd(amount=50)], NOW, reservation="d1", hold=MINUTE)
    assert store.settle("d1", {"tokens": 30, "usd": 10}, NOW)
    assert (remaining(store, tokens()), remaining(store, usd())) == (70, 90)


def test_what_was_used_beyond_the_estimate_becomes_a_debt(store: Store) -> None:
    store.take([tokens(amount=80), usd(amount=50)], NOW, reservation="d1", hold=MINUTE)
    assert store.settle("d1", {"tokens": 200, "usd": 150}, NOW)
    assert store.peek([tokens()], NOW)[0].retry_after == 101 * MINUTE // 100
    assert not store.peek([usd()], NOW + DAY - 1)[0].granted
    assert store.peek([usd(day=1)], NOW + DAY)[0].granted


def test_who_settles_is_told_whose_decision_it_was(store: Store) -> None:
    paid = replace(tokens(), payer="north \N{WHITE SMILING FACE}"), replace(slot(), payer="north")
    store.take(paid, NOW, reservation="d1", hold=MINUTE)
    assert store.settle("d1", {"tokens": 1}, NOW) == Settled("north \N{WHITE SMILING FACE}")
    assert store.settle("d1", {"tokens": 1}, NOW) is None
    store.take([requests(), replace(usd(), payer="x")], NOW, reservation="d2", hold=MINUTE)
    store.take([replace(usd("more"), payer="x")], NOW, reservation="d2", hold=MINUTE)
    assert store.settle("d2", {}, NOW) == Settled("x")
    store.take([tokens()], NOW, reservation="d3", hold=MINUTE)
    assert store.settle("d3", {}, NOW) == Settled("")


def test_a_unit_that_is_not_named_keeps_its_estimate(store: Store) -> None:
    store.take([tokens(amount=80), usd(amount=50)], NOW, reservation="d1", hold=MINUTE)
    assert store.settle("d1", {"usd": 10, "seconds": 5}, NOW)
    assert (remaining(store, tokens()), remaining(store, usd())) == (20, 90)


def test_settling_twice_changes_nothing(store: Store) -> None:
    store.take([tokens(amount=80)], NOW, reservation="d1", hold=MINUTE)
    assert store.settle("d1", {"tokens": 30}, NOW)
    assert not store.settle("d1", {"tokens": 0}, NOW)
    assert remaining(store, tokens()) == 70


def test_a_late_settlement_leaves_the_estimate(store: Store) -> None:
    store.take([usd(amount=80)], NOW, reservation="d1", hold=MINUTE)
    assert not store.settle("d1", {"usd": 0}, NOW + MINUTE)
    assert remaining(store, usd(), NOW + MINUTE) == 20


def test_a_settlement_after_the_period_closed_touches_nothing(store: Store) -> None:
    store.take([usd(amount=80)], NOW, reservation="d1", hold=2 * DAY)
    store.take([usd(amount=1, day=1)], NOW + DAY)
    assert store.settle("d1", {"usd": 100}, NOW + DAY)
    assert remaining(store, usd(day=1), NOW + DAY) == 99


def test_an_unknown_decision_cannot_be_settled(store: Store) -> None:
    assert not store.settle("nobody", {"usd": 1}, NOW)


def test_a_refused_take_reserves_nothing(store: Store) -> None:
    store.take([tokens(amount=101)], NOW, reservation="d1", hold=MINUTE)
    assert not store.settle("d1", {"tokens": 0}, NOW)


def test_requests_are_not_reserved(store: Store) -> None:
    store.take([requests()], NOW, reservation="d1", hold=MINUTE)
    assert not store.settle("d1", {"requests": 0}, NOW)


def test_a_take_without_a_reservation_cannot_be_settled(store: Store) -> None:
    store.take([tokens()], NOW)
    assert not store.settle("", {"tokens": 0}, NOW)


def test_a_negative_usage_is_refused_and_changes_nothing(store: Store) -> None:
    store.take([tokens(amount=80)], NOW, reservation="d1", hold=MINUTE)
    with pytest.raises(ImpossibleAmount):
        store.settle("d1", {"tokens": -1}, NOW)
    assert store.settle("d1", {"tokens": 80}, NOW)


# --- slots ---------------------------------------------------------------------------------------


def test_a_slot_is_held_until_it_is_settled(store: Store) -> None:
    for decision in ("d1", "d2"):
        assert store.take([slot()], NOW, reservation=decision)[0].granted
    (level,) = store.take([slot()], NOW + MINUTE, reservation="d3")
    assert (level.granted, level.remaining) == (False, 0)
    assert level.retry_after == level.reset == 9 * MINUTE
    assert store.settle("d1", {}, NOW + MINUTE)
    assert store.take([slot()], NOW + MINUTE, reservation="d3")[0].granted
    assert not store.settle("d1", {}, NOW + MINUTE)
    assert not store.peek([slot()], NOW + MINUTE)[0].granted


def test_a_slot_that_nobody_settles_ends_by_itself(store: Store) -> None:
    store.take([slot(limit=1)], NOW, reservation="d1")
    assert not store.take([slot(limit=1)], NOW + 10 * MINUTE - 1)[0].granted
    assert store.take([slot(limit=1)], NOW + 10 * MINUTE)[0].granted
    assert not store.settle("d1", {}, NOW + 10 * MINUTE)
    assert not store.peek([slot(limit=1)], NOW + 10 * MINUTE)[0].granted


def test_a_late_settlement_gives_nobody_else_s_slot_back(store: Store) -> None:
    store.take([slot(limit=1), tokens(amount=80)], NOW, reservation="d1", hold=DAY)
    store.take([slot(limit=1)], NOW + 10 * MINUTE, reservation="d2")
    assert store.settle("d1", {"tokens": 0}, NOW + 10 * MINUTE)
    assert not store.peek([slot(limit=1)], NOW + 10 * MINUTE)[0].granted


def test_a_reservation_lasts_as_long_as_its_slot(store: Store) -> None:
    store.take([slot(limit=1, life=DAY)], NOW, reservation="d1", hold=MINUTE)
    assert store.settle("d1", {}, NOW + 2 * MINUTE)
    assert store.take([slot(limit=1, life=DAY)], NOW + 2 * MINUTE)[0].granted


def test_slots_and_buckets_are_taken_together_or_not_at_all(store: Store) -> None:
    full = requests("full", 10)
    store.take([full], NOW)
    assert not store.take([slot(limit=1), full], NOW, reservation="d1")[1].granted
    assert store.take([slot(limit=1), requests()], NOW, reservation="d2")[0].granted
    assert not store.take([requests(), slot(limit=1)], NOW, reservation="d3")[1].granted
    assert remaining(store, requests()) == 9
    assert not store.settle("d1", {}, NOW)
    assert not store.settle("d3", {}, NOW)


def test_settling_without_figures_frees_the_slot_and_keeps_the_estimate(store: Store) -> None:
    store.take([slot(limit=1), tokens(amount=80)], NOW, reservation="d1", hold=MINUTE)
    assert store.settle("d1", {}, NOW)
    assert store.peek([slot(limit=1)], NOW)[0].granted
    assert remaining(store, tokens()) == 20


def test_a_decision_taken_twice_holds_one_slot(store: Store) -> None:
    for _ in range(2):
        assert store.take([slot(limit=1)], NOW, reservation="d1")[0].granted
    assert store.settle("d1", {}, NOW)
    assert store.peek([slot(limit=1)], NOW)[0].remaining == 0
    assert store.peek([slot(limit=1)], NOW)[0].granted


def test_what_one_decision_takes_in_two_calls_is_settled_together(store: Store) -> None:
    store.take([tokens("enforced", 80)], NOW, reservation="d1", hold=MINUTE)
    store.take([tokens("shadow", 80), slot(limit=1)], NOW, reservation="d1", hold=MINUTE)
    assert store.settle("d1", {"tokens": 10}, NOW)
    assert [remaining(store, tokens(name)) for name in ("enforced", "shadow")] == [90, 90]
    assert store.peek([slot(limit=1)], NOW)[0].granted


def test_slots_without_a_decision_are_held_for_their_life(store: Store) -> None:
    assert [store.take([slot()], NOW)[0].granted for _ in range(3)] == [True, True, False]
    assert not store.settle("", {}, NOW)
    assert store.take([slot()], NOW + 10 * MINUTE)[0].granted


def test_peeking_holds_no_slot(store: Store) -> None:
    for _ in range(3):
        assert store.peek([slot(limit=1)], NOW)[0] == store.peek([slot(limit=1)], NOW)[0]
    assert store.take([slot(limit=1)], NOW)[0].granted


def test_a_lowered_limit_grants_nothing_until_enough_are_free(store: Store) -> None:
    for number in range(4):
        store.take([slot(limit=4)], NOW + number * MINUTE, reservation=f"d{number}")
    (level,) = store.peek([slot(limit=2)], NOW + 5 * MINUTE)
    assert (level.granted, level.remaining, level.retry_after) == (False, 0, 7 * MINUTE)
    assert level.reset == 5 * MINUTE
    for number in (1, 2):
        assert not store.peek([slot(limit=2)], NOW + 5 * MINUTE)[0].granted
        store.settle(f"d{number}", {}, NOW + 5 * MINUTE)
    assert not store.take([slot(limit=2)], NOW + 5 * MINUTE)[0].granted
    store.settle("d3", {}, NOW + 5 * MINUTE)
    assert store.take([slot(limit=2)], NOW + 5 * MINUTE)[0].granted


def test_the_clock_put_back_frees_no_slot_twice(store: Store) -> None:
    store.take([slot(limit=1)], NOW, reservation="d1")
    store.take([slot(limit=1)], NOW + 10 * MINUTE, reservation="d2")
    assert not store.take([slot(limit=1)], NOW, reservation="d3")[0].granted
    assert store.settle("d2", {}, NOW)
    assert store.take([slot(limit=1)], NOW, reservation="d3")[0].granted
    assert not store.peek([slot(limit=1)], NOW + 20 * MINUTE - 1)[0].granted


@sweeping
def test_slots_are_swept_when_all_are_free(store: Store) -> None:
    store.take([slot(life=MINUTE), slot("long", life=DAY)], NOW, reservation="d1")
    store.take([slot("gone", life=MINUTE)], NOW, reservation="d2")
    store.settle("d2", {}, NOW)
    assert store.sweep(NOW, 100) == 1
    assert store.sweep(NOW + MINUTE, 100) == 1
    assert store.peek([slot("long", life=DAY)], NOW + MINUTE)[0].remaining == 0
    (level,) = store.take([slot(limit=1)], NOW)
    assert level.granted
    assert store.peek([slot(limit=1)], NOW)[0].retry_after == 11 * MINUTE


def test_thousands_of_slots_are_counted(store: Store) -> None:
    for number in range(1200):
        take = slot(limit=1000)
        level = store.take([take], NOW + number, reservation=f"d{number}")[0]
        assert level.granted == (number < 1000)
    for number in range(500):
        assert store.settle(f"d{number}", {}, NOW + 2000)
    assert store.peek([slot(limit=1000)], NOW + 2000)[0].remaining == 499 * NANO


# --- meters and labels ---------------------------------------------------------------------------


def test_a_meter_counts_its_window(store: Store) -> None:
    assert store.count("m", "k", MINUTE, NOW) == 0
    for second in range(3):
        store.record("m", "k", MINUTE, NOW + second)
    assert store.count("m", "k", MINUTE, NOW + MINUTE) == 3
    assert store.count("m", "k", MINUTE, NOW + 2 * MINUTE) == 0


def test_meters_keys_and_windows_are_apart(store: Store) -> None:
    store.record("m", "k", MINUTE, NOW)
    others = [("mk", "", MINUTE), ("", "mk", MINUTE), ("m", "j", MINUTE), ("m", "k", MINUTE * 2)]
    assert [store.count(*other, NOW) for other in others] == [0, 0, 0, 0]


def test_labels_stay_until_their_time(store: Store) -> None:
    store.label("t", "s", "tainted", NOW + 10, NOW)
    store.label("t", "s", "read", None, NOW)
    assert store.labels("t", "s", NOW + 9) == {"tainted", "read"}
    assert store.labels("t", "s", NOW + 10) == {"read"}
    assert store.labels("t", "s", NOW + DAY) == frozenset()


def test_a_label_put_again_keeps_the_later_end(store: Store) -> None:
    for until in (NOW + 10, NOW + 30, NOW + 20):
        store.label("t", "s", "tainted", until, NOW)
    assert store.labels("t", "s", NOW + 29) == {"tainted"}
    assert not store.labels("t", "s", NOW + 30)


def test_sessions_of_different_tenants_are_apart(store: Store) -> None:
    store.label("ab", "c", "tainted", None, NOW)
    assert not store.labels("a", "bc", NOW)
    assert not store.labels("ab", "", NOW)


# --- forgetting ----------------------------------------------------------------------------------


@sweeping
def test_a_sweep_forgets_what_no_longer_matters_and_only_that(store: Store) -> None:
    store.take([requests("short"), usd("long"), tokens("held")], NOW, reservation="d", hold=MINUTE)
    store.record("m", "k", MINUTE, NOW)
    store.label("t", "s", "tainted", NOW + MINUTE, NOW)
    store.label("t", "s2", "tainted", NOW + 10 * MINUTE, NOW)
    assert store.sweep(NOW, 100) == 0
    assert store.sweep(NOW + 2 * MINUTE, 100) == 5
    assert store.sweep(NOW + 2 * MINUTE, 100) == 0
    assert remaining(store, usd("long")) == 99
    assert store.labels("t", "s2", NOW + 2 * MINUTE) == {"tainted"}


@sweeping
def test_a_sweep_forgets_no_more_than_it_may(store: Store) -> None:
    for number in range(10):
        store.take([requests(f"r{number}")], NOW)
    swept = [store.sweep(NOW + DAY, 4) for _ in range(4)]
    assert swept == [4, 4, 2, 0]


@sweeping
def test_a_sweep_in_a_wrong_hour_grants_nothing_twice(store: Store) -> None:
    store.take([requests(amount=10)], NOW)
    assert store.sweep(NOW + DAY, 100) == 1
    assert store.take([requests(amount=10)], NOW)[0].granted
    assert not store.take([requests(amount=10)], NOW + MINUTE)[0].granted
    assert store.take([requests(amount=10)], NOW + 2 * MINUTE)[0].granted


@sweeping
def test_a_budget_met_before_what_was_forgotten_does_not_close_midway(store: Store) -> None:
    store.take([requests(amount=10)], NOW)
    swept = NOW + MINUTE
    assert store.sweep(swept, 100) == 1
    assert store.take([usd(amount=0)], NOW)[0].granted
    assert store.take([usd(amount=100, day=1)], NOW + DAY)[0].granted
    assert store.sweep(swept + DAY, 100) == 0
    assert not store.take([usd(day=1)], swept + DAY)[0].granted
    assert store.take([usd(amount=100, day=2)], NOW + 2 * DAY)[0].granted


def test_placeholders_are_kept_by_tenant_and_session(store: Store) -> None:
    store.remember("north", "s", {"a": b"1", "b": b"2"}, NOW)
    store.remember("north", "s", {}, NOW)
    assert store.recall("north", "s", ["a", "b", "c"], NOW) == {"a": b"1", "b": b"2"}
    assert store.recall("nort", "hs", ["a"], NOW) == {}
    assert store.recall("north", "t", ["a"], NOW) == {}


@sweeping
def test_placeholders_end_and_are_swept(store: Store) -> None:
    store.remember("north", "s", {"a": b"1"}, NOW)
    store.remember("north", "s", {"a": b"1"}, NOW + DAY // 2)
    assert store.recall("north", "s", ["a"], NOW + DAY) == {"a": b"1"}
    later = NOW + DAY // 2 + DAY
    assert store.recall("north", "s", ["a"], later) == {}
    assert store.sweep(later, 10) == 1
    store.remember("north", "s", {"a": b"2"}, later)
    assert store.recall("north", "s", ["a"], later) == {"a": b"2"}


def test_a_placeholder_that_is_seen_again_soon_keeps_its_end(store: Store) -> None:
    store.remember("north", "s", {"a": b"1"}, NOW)
    store.remember("north", "s", {"a": b"1"}, NOW + DAY // 16)
    assert store.recall("north", "s", ["a"], NOW + DAY - 1) == {"a": b"1"}
    assert store.recall("north", "s", ["a"], NOW + DAY) == {}


def test_digits_that_two_values_share_stand_for_nothing_from_then_on(store: Store) -> None:
    store.remember("north", "s", {"a": b"1"}, NOW)
    store.remember("north", "s", {"a": b"2"}, NOW)
    assert store.recall("north", "s", ["a"], NOW) == {}
    store.remember("north", "s", {"a": b"1"}, NOW)
    assert store.recall("north", "s", ["a"], NOW) == {}
