"""What every store promises of sessions: what they have read, and their turns."""

from __future__ import annotations

import pytest

from engine.runtime.store import MOST_PRINTS, USER, Noted, Store
from engine.runtime.throttle import FOREVER
from tests.state.takes import DAY, NOW

sweeping = pytest.mark.parametrize("store", ["memory", "lmdb"], indirect=True)
"""In a server entries end by themselves."""


def read(store: Store, *prints: int, now: int = NOW, session: str = "s") -> Noted:
    return store.noted("north", session, frozenset(prints), now)


def seen(store: Store, *prints: int, now: int = NOW) -> dict[str, set[int]]:
    return {source: set(found) for source, found in read(store, *prints, now=now).seen.items()}


def note(
    store: Store, *prints: int, source: str = "x", until: int | None = NOW + DAY, now: int = NOW
) -> None:
    store.note("north", "s", source, frozenset(prints), until, now)


def test_fingerprints_are_found_by_source(store: Store) -> None:
    assert read(store, 1) == Noted({}, frozenset())
    note(store, 1, 2)
    note(store, 2, 2**48 - 1, source=USER)
    note(store, source="y")
    assert seen(store, 1, 2, 3, 2**48 - 1) == {"x": {1, 2}, USER: {2, 2**48 - 1}, "y": set()}
    assert seen(store) == {"x": set(), USER: set(), "y": set()}
    assert not read(store, 1).full


def test_fingerprints_of_other_sessions_are_not_found(store: Store) -> None:
    store.note("ab", "c", "x", frozenset({1}), NOW + DAY, NOW)
    assert store.noted("a", "bc", frozenset({1}), NOW) == Noted({}, frozenset())
    assert store.noted("ab", "", frozenset({1}), NOW) == Noted({}, frozenset())
    assert store.noted("ab", "c", frozenset({1}), NOW).seen == {"x": {1}}


def test_names_of_any_length_are_apart(store: Store) -> None:
    names = ["x" * 600, "x" * 601, "", "\u00e9"]
    for number, name in enumerate(names):
        store.note(name, name, name, frozenset({number}), NOW + DAY, NOW)
        store.turn(name, name, NOW, advance=True)
    for number, name in enumerate(names):
        assert store.noted(name, name, frozenset(range(4)), NOW).seen == {name: {number}}
        assert store.turn(name, name, NOW, advance=False) == 1


def test_fingerprints_add_up_however_they_come(store: Store) -> None:
    kept: set[int] = set()
    for size in (1, 1, 5, 2, 40, 3, 1, 1, 300, 7):
        new = set(range(len(kept) * 7, len(kept) * 7 + size))
        note(store, *new, *list(kept)[:3])
        kept |= new
    asked = range(max(kept) + 10)
    assert seen(store, *asked) == {"x": kept}
    assert seen(store, 3, max(kept)) == {"x": {3, max(kept)} & kept}


def test_fingerprints_of_a_source_end_together_at_the_latest_end(store: Store) -> None:
    note(store, 1, until=NOW + 10)
    note(store, 2, until=NOW + 30)
    note(store, 3, until=NOW + 20)
    note(store, 4, source="y", until=NOW + 10)
    assert seen(store, 1, 2, 3, 4, now=NOW + 10) == {"x": {1, 2, 3}}
    assert seen(store, 1, now=NOW + 29) == {"x": {1}}
    assert seen(store, 1, 2, 3, now=NOW + 30) == {}


def test_a_source_that_has_ended_begins_anew(store: Store) -> None:
    note(store, 1, until=NOW + 10)
    note(store, 2, source="y", until=NOW + 5)
    note(store, 3, until=NOW + 30, now=NOW + 10)
    assert seen(store, 1, 2, 3, now=NOW + 10) == {"x": {3}}
    note(store, 4, source="y", until=NOW + 30, now=NOW + 10)
    assert seen(store, 2, 4, now=NOW + 10) == {"x": set(), "y": {4}}


def test_what_is_noted_until_now_is_not_kept(store: Store) -> None:
    note(store, 1, until=NOW)
    note(store, 1, until=NOW - 1)
    assert seen(store, 1) == {}


def test_what_has_no_end_of_its_own_lasts_for_the_session(store: Store) -> None:
    note(store, 1, source=USER, until=None)
    note(store, 1, source=USER, until=None, now=NOW + DAY // 2)
    assert seen(store, 1, now=NOW + DAY) == {USER: {1}}
    assert seen(store, 1, now=NOW + DAY // 2 + DAY) == {}


def test_an_end_that_is_late_enough_is_not_moved(store: Store) -> None:
    note(store, 1, source=USER, until=None)
    note(store, 2, source=USER, until=None, now=NOW + DAY // 16)
    assert seen(store, 1, 2, now=NOW + DAY - 1) == {USER: {1, 2}}
    assert seen(store, 1, 2, now=NOW + DAY) == {}


def test_a_source_that_is_never_to_end_does_not(store: Store) -> None:
    note(store, 1, until=FOREVER * 3)
    assert seen(store, 1, now=NOW + 10_000 * DAY) == {"x": {1}}


@pytest.mark.slow
def test_a_source_is_full_when_it_would_have_too_many(store: Store) -> None:
    most = range(MOST_PRINTS)
    note(store, *most[:-2], until=NOW + 10)
    note(store, *most[-10:-1], until=NOW + 10)
    assert not read(store).full
    note(store, -1 % 2**48, -2 % 2**48, until=NOW + 20)
    assert read(store) == Noted({"x": frozenset()}, frozenset({"x"}))
    assert seen(store, 2**48 - 1, 5) == {"x": {5}}
    note(store, most[-1])
    assert seen(store, most[-1]) == {"x": {most[-1]}}
    assert read(store).full == {"x"}
    note(store, 1, source="y", until=NOW + 10)
    assert read(store).full == {"x"}
    assert not read(store, now=NOW + DAY).full


@pytest.mark.slow
def test_more_than_are_kept_makes_a_source_full_at_once(store: Store) -> None:
    note(store, *range(MOST_PRINTS + 1))
    assert read(store, 1) == Noted({"x": frozenset()}, frozenset({"x"}))
    note(store, 1)
    assert seen(store, 1, 2) == {"x": {1}}


def test_turns_are_counted_by_session(store: Store) -> None:
    assert store.turn("north", "s", NOW, advance=False) == 0
    assert [store.turn("north", "s", NOW, advance=True) for _ in range(3)] == [1, 2, 3]
    assert store.turn("north", "s", NOW, advance=False) == 3
    assert store.turn("nort", "hs", NOW, advance=False) == 0
    assert store.turn("north", "", NOW, advance=False) == 0


def test_turns_last_for_the_life_of_the_session_from_the_latest_on(store: Store) -> None:
    store.turn("north", "s", NOW, advance=True)
    assert store.turn("north", "s", NOW + DAY // 2, advance=True) == 2
    assert store.turn("north", "s", NOW + DAY // 2 + DAY - 1, advance=False) == 2
    assert store.turn("north", "s", NOW + DAY // 2 + DAY, advance=False) == 0
    assert store.turn("north", "s", NOW + DAY // 2 + DAY, advance=True) == 1


@sweeping
def test_what_sessions_have_read_is_swept(store: Store) -> None:
    note(store, 1, until=NOW + 16)
    note(store, 2, source="y", until=NOW + 160)
    store.turn("north", "t", NOW, advance=True)
    assert store.sweep(NOW + 15, 100) == 0
    store.sweep(NOW + 32, 100)
    assert seen(store, 1, 2, now=NOW + 32) == {"y": {2}}
    assert store.sweep(NOW + 2 * DAY, 100) > 0
    assert store.sweep(NOW + 2 * DAY, 100) == 0
    assert store.turn("north", "t", NOW, advance=False) == 0
    assert seen(store, 2) == {}
