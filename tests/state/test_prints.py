"""How fingerprints lie in the file; what they are for is in the contract of all stores."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.runtime.store import Noted, StoreUnavailable
from engine.state import layout, prints
from engine.state.layout import UnreadableValue
from engine.state.lmdb import LmdbStore
from engine.state.prints import Source
from tests.state.takes import DAY, NOW

SMALL = 2**20
INDEX = {
    "untrusted": Source(NOW + 1, NOW + 2, full=True, chunks=((0, 5), (7, 70_000))),
    "": Source(NOW, NOW),
}


@pytest.fixture
def kept(tmp_path: Path) -> LmdbStore:
    return LmdbStore(tmp_path, map_size=SMALL)


def note(store: LmdbStore, *values: int, source: str = "x", now: int = NOW) -> None:
    store.note("north", "s", source, frozenset(values), NOW + DAY, now)


def chunks(store: LmdbStore) -> list[bytes]:
    return [place for place, _ in store.page(b"f", 100) if place.startswith(b"f")]


def test_an_index_is_read_back() -> None:
    made = prints.pack_index(INDEX)
    assert prints.unpack_index(made) == INDEX
    assert layout.expiry(made) == NOW + 1
    assert INDEX["untrusted"].size == 70_005


def test_chunks_are_read_back() -> None:
    made = prints.pack_chunk(NOW, [0, 5, 2**48 - 1])
    assert list(prints.unpack_chunk(made)) == [0, 5, 2**48 - 1]
    assert list(prints.unpack_chunk(prints.pack_chunk(NOW, []))) == []


@pytest.mark.parametrize("cut", [1, 8, 12, 30, 40, 44])
def test_a_cut_index_is_not_readable(cut: int) -> None:
    made = prints.pack_index(INDEX)
    with pytest.raises(UnreadableValue):
        prints.unpack_index(made[:cut])


def test_an_index_with_a_name_that_is_no_text_is_not_readable() -> None:
    made = prints.pack_index({"ab": Source(NOW, NOW)})
    with pytest.raises(UnreadableValue):
        prints.unpack_index(made.replace(b"ab", b"\xff\xff"))


@pytest.mark.parametrize("made", [b"", b"\1", prints.pack_chunk(NOW, [1])[:-1], b"\2" * 17])
def test_a_cut_chunk_is_not_readable(made: bytes) -> None:
    with pytest.raises(UnreadableValue):
        prints.unpack_chunk(made)


def test_many_small_notes_make_few_chunks(kept: LmdbStore) -> None:
    for value in range(300):
        note(kept, value, value + 1000)
    assert len(chunks(kept)) <= 9
    assert kept.noted("north", "s", frozenset(range(2000)), NOW).seen["x"] == frozenset(
        (*range(300), *range(1000, 1300))
    )


def test_what_is_known_is_not_written_again(kept: LmdbStore) -> None:
    note(kept, 1, 2, 3)
    before = kept.page(b"", 100)
    note(kept, 2, 3)
    assert kept.page(b"", 100) == before


def test_sources_share_no_chunk(kept: LmdbStore) -> None:
    for value in range(8):
        note(kept, value, source="xyz"[value % 3])
    found = kept.noted("north", "s", frozenset(range(9)), NOW).seen
    assert found == {"x": {0, 3, 6}, "y": {1, 4, 7}, "z": {2, 5}}


def test_an_end_is_put_off_without_writing_every_chunk(kept: LmdbStore) -> None:
    note(kept, *range(500))
    (chunk,) = [value for place, value in kept.page(b"f", 9) if place.startswith(b"f")]
    kept.note("north", "s", "x", frozenset({9999}), NOW + DAY + DAY // 8, NOW)
    assert chunk in [value for _, value in kept.page(b"f", 9)]
    kept.note("north", "s", "x", frozenset(), NOW + 2 * DAY, NOW)
    assert chunk not in [value for _, value in kept.page(b"f", 9)]
    later = NOW + 2 * DAY - 1
    kept.sweep(later, 100)
    assert kept.noted("north", "s", frozenset({3, 9999}), later).seen == {"x": {3, 9999}}


def test_a_chunk_that_is_gone_makes_its_source_full(kept: LmdbStore) -> None:
    note(kept, *range(40))
    note(kept, 99)
    note(kept, 1, source="y")
    (first, *_) = chunks(kept)
    kept.forget([first], NOW)
    found = kept.noted("north", "s", frozenset({3, 99}), NOW)
    assert found == Noted({"x": frozenset({99}), "y": frozenset()}, frozenset({"x"}))
    note(kept, 3)
    found = kept.noted("north", "s", frozenset({3, 4, 99}), NOW)
    assert found == Noted({"x": frozenset({3, 99}), "y": frozenset()}, frozenset({"x"}))


def test_what_cannot_be_read_is_not_guessed(kept: LmdbStore) -> None:
    note(kept, 1)
    (place,) = chunks(kept)
    kept._write(lambda transaction: transaction.put(place, b"?"))
    with pytest.raises(StoreUnavailable):
        kept.noted("north", "s", frozenset({1}), NOW)
