from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.runtime.buckets import Bucket
from engine.runtime.keys import join_key, split_key
from engine.runtime.store import NANO, Take
from engine.runtime.throttle import FOREVER
from engine.state import layout
from engine.state.clock import Anchor
from engine.state.errors import StateError
from engine.state.inspect import (
    Row,
    Wanted,
    open_existing,
    overview,
    read_row,
    read_rows,
    steady_now,
)
from engine.state.lmdb import LmdbStore
from tests.state.takes import DAY, MINUTE, NOW

SMALL = 2**18


def take(*values: object, rule: str = "p.r", unit: str = "tokens", amount: int = 30) -> Take:
    return Take(
        rule=rule,
        key=join_key((rule, unit, "", *values)),
        amount=amount * NANO,
        limit=60 * NANO,
        burst=60 * NANO,
        window=MINUTE,
        unit=unit,
    )


def budget(*values: object, amount: int = 7, limit: int = 100) -> Take:
    return Take(
        rule="p.day",
        key=join_key(("p.day", "usd", "day UTC", *values)),
        amount=amount * NANO,
        limit=limit * NANO,
        burst=limit * NANO,
        window=None,
        opens=NOW,
        closes=NOW + DAY,
        unit="usd",
    )


def kept(store: LmdbStore, now: int = NOW, **wanted: str) -> list[Row]:
    asked = msgspec.convert(wanted, Wanted)
    return [row for row in read_rows(store, now) if asked.fits(row)]


@pytest.fixture
def lmdb_store(tmp_path: Path) -> LmdbStore:
    return LmdbStore(tmp_path / "state", map_size=SMALL)


def test_every_kind_of_entry_is_read_back(lmdb_store: LmdbStore) -> None:
    lmdb_store.take([take("north", 3), budget("north")], NOW, reservation="secret-id", hold=DAY)
    lmdb_store.record("calls", join_key(["north", "ü"]), MINUTE, NOW)
    lmdb_store.label("north", "s:1", "tainted", NOW + DAY, NOW)
    lmdb_store.remember("north", "s:1", {"7f3a": b"sealed"}, NOW)
    day, refilling, session, meter, placeholder, reservation = kept(lmdb_store)
    assert (day.name, day.unit, day.values, day.used) == ("p.day", "usd", ("north",), 7.0)
    assert (day.share, day.until) == (None, NOW + DAY)
    assert (refilling.name, refilling.unit, refilling.values) == ("p.r", "tokens", ("north", 3))
    assert (refilling.used, refilling.share, refilling.window) == (30.0, 0.5, MINUTE)
    assert (session.tenant, session.session) == ("north", "s:1")
    assert session.labels == {"tainted": NOW + DAY}
    assert (meter.name, meter.values, meter.count) == ("calls", ("north", "ü"), 1)
    assert (placeholder.kind, placeholder.tenant, placeholder.session) == (
        "placeholder",
        "north",
        "s:1",
    )
    assert (reservation.kind, reservation.count) == ("reservation", 2)
    assert overview(lmdb_store, NOW, wall=lambda: NOW - 5).ahead == 5
    assert overview(lmdb_store, NOW).counts["bucket"] == 2
    assert lmdb_store.size().mapped >= lmdb_store.size().used > 0


def slot(*values: object, life: int = 10 * MINUTE) -> Take:
    return Take(
        rule="p.once",
        key=join_key(("p.once", "concurrent", "", *values)),
        amount=NANO,
        limit=9 * NANO,
        burst=9 * NANO,
        window=None,
        unit="concurrent",
        life=life,
    )


def test_slots_are_buckets_of_what_is_held(lmdb_store: LmdbStore) -> None:
    for number in range(3):
        lmdb_store.take([slot("north")], NOW + number * MINUTE, reservation=f"d{number}")
    lmdb_store.settle("d1", {}, NOW + 2 * MINUTE)
    held, *reservations = kept(lmdb_store, NOW + 2 * MINUTE)
    assert (held.kind, held.name, held.unit, held.values) == (
        "bucket",
        "p.once",
        "concurrent",
        ("north",),
    )
    assert (held.used, held.share, held.until) == (2.0, None, NOW + 12 * MINUTE)
    assert [row.kind for row in reservations] == ["reservation", "reservation"]
    (row,) = kept(lmdb_store, NOW + 11 * MINUTE, rule="p.once")
    assert row.used == 1.0
    assert kept(lmdb_store, NOW + 12 * MINUTE) == []


def test_slots_that_are_struck_are_free_and_not_given_back_again(lmdb_store: LmdbStore) -> None:
    lmdb_store.take([slot("north"), take("north")], NOW, reservation="d", hold=DAY)
    (place,) = [row.place for row in kept(lmdb_store, rule="p.once")]
    assert lmdb_store.forget([place], NOW) == 1
    assert lmdb_store.peek([slot("north")], NOW)[0].remaining == 8 * NANO
    lmdb_store.take([slot("north")], NOW, reservation="e")
    assert lmdb_store.settle("d", {"tokens": 0}, NOW)
    assert lmdb_store.peek([slot("north")], NOW)[0].remaining == 7 * NANO


def test_what_is_used_flows_back_and_then_is_no_entry(lmdb_store: LmdbStore) -> None:
    lmdb_store.take([take("north")], NOW)
    (row,) = kept(lmdb_store, NOW + 10 * NANO)
    assert row.used == pytest.approx(20)
    assert row.share == pytest.approx(1 / 3)
    assert kept(lmdb_store, NOW + 30 * NANO) == []


def test_more_than_a_batch_is_read_once_each(lmdb_store: LmdbStore) -> None:
    for number in range(0, 2100, 100):
        lmdb_store.take([take(one) for one in range(number, number + 100)], NOW)
    rows = kept(lmdb_store)
    assert {row.values[0] for row in rows} == set(range(2100))
    assert len(rows) == 2100


def test_rows_are_found_by_what_they_are_named_by(lmdb_store: LmdbStore) -> None:
    lmdb_store.take([take("north"), take("south"), budget("north")], NOW)
    lmdb_store.record("calls", join_key(["north"]), MINUTE, NOW)
    lmdb_store.label("north", "s", "x", None, NOW)
    lmdb_store.remember("south", "s", {"7f": b"sealed"}, NOW)
    assert len(kept(lmdb_store, rule="p.r")) == 2
    assert [row.kind for row in kept(lmdb_store, rule="calls")] == ["meter"]
    assert len(kept(lmdb_store, tenant="north")) == 4
    assert len(kept(lmdb_store, tenant="north", rule="p.r")) == 1
    assert [row.name for row in kept(lmdb_store, key=take("south").key)] == ["p.r"]
    session = Wanted(session=("south", "s"))
    assert [r.kind for r in read_rows(lmdb_store, NOW) if session.fits(r)] == ["placeholder"]


def test_what_sessions_have_read_is_read_back_by_number(lmdb_store: LmdbStore) -> None:
    lmdb_store.note("north", "s:1", "untrusted", frozenset({1, 2}), NOW + DAY, NOW)
    lmdb_store.note("north", "s:1", "page", frozenset({3}), NOW + 2 * DAY, NOW)
    lmdb_store.turn("north", "s:1", NOW, advance=True)
    first, second, source, turn = kept(lmdb_store, tenant="north")
    assert [(one.kind, one.count) for one in (first, second)] == [("print", 2), ("print", 1)]
    assert (source.kind, source.count, source.until) == ("source", 3, NOW + 2 * DAY)
    assert source.labels == {"untrusted": NOW + DAY, "page": NOW + 2 * DAY}
    assert (turn.kind, turn.count) == ("turn", 1)
    for row in (first, second, source, turn):
        assert (row.tenant, row.session) == ("north", "s:1")
        assert Wanted(session=("north", "s:1")).fits(row)
        assert not Wanted(session=("north", "s")).fits(row)


def test_long_names_say_what_can_be_said(lmdb_store: LmdbStore) -> None:
    lmdb_store.take([take("north", 3, "x" * 400), take("y", rule="p." + "r" * 400)], NOW)
    lmdb_store.record("m", "k" * 600, MINUTE, NOW)
    lmdb_store.label("t" * 600, "s", "x", None, NOW)
    lmdb_store.remember("t" * 600, "s", {"7f": b"sealed"}, NOW)
    rows = kept(lmdb_store)
    assert sorted((row.kind, row.name, row.values) for row in rows) == [
        ("bucket", "", ()),
        ("bucket", "p.r", ("north", 3)),
        ("meter", "", ()),
        ("placeholder", "", ()),
        ("session", "", ()),
    ]
    assert [row.count for row in rows if row.kind == "meter"] == [1]


def test_a_budget_that_never_refills_and_odd_keys_are_read() -> None:
    never = layout.pack_bucket(Bucket(NOW, 5 * NANO * MINUTE, MINUTE, FOREVER))
    assert read_row(b'b["a",1,2]', never, NOW).name == "a"
    assert read_row(b"bplain", never, NOW).name == ""
    cut = 'b["a","usd","",1,23…0f'.encode()
    assert read_row(cut, never, NOW).values == (1,)
    assert read_row(b'b["a",', never, NOW).name == "a"
    assert read_row(b'b["\\x",', never, NOW).name == ""


@pytest.mark.parametrize(
    "place", [b"bk", b"mk", b"rk", b"lk", b"pk", b"l1:tk", b"n1:tk", b"f1:t1:s0", b"t1:ts", b"zk"]
)
def test_what_cannot_be_read_is_said(place: bytes) -> None:
    assert read_row(place, b"?", NOW) == Row(kind="unreadable", place=place)


def test_unreadable_entries_are_counted(lmdb_store: LmdbStore) -> None:
    lmdb_store._write(lambda transaction: transaction.put(b"zz", b"?"))
    assert overview(lmdb_store, NOW).counts == {"unreadable": 1}


def test_the_instant_is_that_of_the_daemons(lmdb_store: LmdbStore) -> None:
    boot = b"b" * 36

    def now() -> int:
        return steady_now(lmdb_store, boot=boot, running=lambda: 50, wall=lambda: 900)

    assert now() == 900
    assert lmdb_store.kept_anchor() is None
    lmdb_store.anchor(lambda _: Anchor(boot, 1000, 1000).pack())
    assert now() == 1050
    assert steady_now(lmdb_store) > NOW - 10**18


# --- forgetting ----------------------------------------------------------------------------------


def forget(store: LmdbStore, now: int, **wanted: str) -> int:
    return store.forget([row.place for row in kept(store, now, **wanted)], now)


def test_a_forgotten_bucket_is_as_good_as_new_and_others_stay(lmdb_store: LmdbStore) -> None:
    lmdb_store.take([take("north", amount=60), take("south", amount=60)], NOW)
    assert forget(lmdb_store, NOW, tenant="north") == 1
    levels = lmdb_store.peek([take("north"), take("south")], NOW)
    assert [level.granted for level in levels] == [True, False]
    assert lmdb_store.forget([b"bgone", b"lgone"], NOW) == 0


def test_forgetting_does_not_hold_unseen_buckets_until_the_end_of_the_forgotten(
    lmdb_store: LmdbStore,
) -> None:
    lmdb_store.take([budget("north", amount=100)], NOW)
    forget(lmdb_store, NOW + MINUTE, rule="p.day")
    lmdb_store.take([take("new", amount=60)], NOW + MINUTE)
    (level,) = lmdb_store.peek([take("new", amount=60)], NOW + 2 * MINUTE)
    assert level.granted


def test_a_clock_that_goes_back_before_a_reset_grants_nothing_twice(lmdb_store: LmdbStore) -> None:
    lmdb_store.take([take("north", amount=60)], NOW)
    forget(lmdb_store, NOW + MINUTE - 1, rule="p.r")
    assert lmdb_store.take([take("north", amount=60)], NOW)[0].granted
    assert not lmdb_store.take([take("north", amount=60)], NOW + MINUTE)[0].granted
    assert lmdb_store.take([take("north", amount=60)], NOW + 2 * MINUTE)[0].granted


def test_settling_what_was_reserved_before_a_reset_gives_nothing_back(
    lmdb_store: LmdbStore,
) -> None:
    lmdb_store.take([budget("north", amount=90), take("north")], NOW, reservation="d", hold=DAY)
    lmdb_store.take([budget("south", amount=90)], NOW, reservation="e", hold=DAY)
    lmdb_store.take([take("west")], NOW, reservation="f", hold=DAY)
    lmdb_store._write(lambda transaction: transaction.put(b"rodd", b"?"))
    forget(lmdb_store, NOW, rule="p.day")
    assert lmdb_store.take([budget("north", amount=100)], NOW)[0].granted
    assert lmdb_store.settle("d", {"usd": 0, "tokens": 0}, NOW)
    assert not lmdb_store.peek([budget("north", amount=1)], NOW)[0].granted
    assert lmdb_store.peek([take("north", amount=60)], NOW)[0].granted
    assert not lmdb_store.settle("e", {"usd": 0}, NOW)
    assert lmdb_store.settle("f", {"tokens": 0}, NOW)


# --- folders -------------------------------------------------------------------------------------


def test_a_store_is_opened_without_being_made_larger(tmp_path: Path) -> None:
    LmdbStore(tmp_path / "state", map_size=2 * 2**20).close()
    store = open_existing(tmp_path)
    assert store.size().file == store.size().mapped == 2 * 2**20
    store.close()


def test_folders_without_a_state_are_refused_and_stay_as_they_are(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="there is no folder"):
        open_existing(tmp_path / "gone")
    with pytest.raises(StateError, match="there is no state in"):
        open_existing(tmp_path)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(StateError, match="cannot read"):
        open_existing(tmp_path / ("x" * 300))
    (tmp_path / "state").mkdir()
    (tmp_path / "state/state.mdb").write_bytes(b"no state file at all" * 1000)
    with pytest.raises(StateError, match="is damaged or no state file"):
        open_existing(tmp_path)


# --- keys ----------------------------------------------------------------------------------------

parts = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text() | st.floats(),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)


@given(st.lists(parts, max_size=5))
def test_a_key_is_split_into_what_it_was_joined_from(values: list[object]) -> None:
    key = join_key(values)
    found = split_key(key)
    assert (found is None) == (not key.endswith("]"))
    assert found is None or join_key(found) == key


@given(st.lists(st.text(max_size=20), max_size=3))
def test_texts_come_back_as_they_were(values: list[str]) -> None:
    assert split_key(join_key(values)) in (tuple(values), None)


def test_what_is_no_key_has_no_parts() -> None:
    assert split_key("x]") is None
