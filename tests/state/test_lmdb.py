from __future__ import annotations

import os
import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import lmdb
import pytest

from engine.runtime.store import StoreUnavailable
from engine.state import forget
from engine.state.environment import MEGABYTE
from engine.state.errors import StateError
from engine.state.lmdb import LmdbStore
from tests.state.takes import DAY, MINUTE, NOW, requests, tokens

SMALL = 2**17


@contextmanager
def disk_of(size: int) -> Iterator[None]:
    """Let no file grow beyond *size* bytes: to a store that is what a full disk looks like."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def fill(store: LmdbStore, upto: int = 100_000) -> int:
    """Take from new buckets until the store is full; return how many it took."""
    for number in range(upto):
        try:
            store.take([requests(f"{number:08}")], NOW)
        except StoreUnavailable:
            return number
    raise AssertionError("the store was never full")


def spoil(path: Path, key: bytes, value: bytes) -> None:
    with (
        lmdb.open(str(path), subdir=False, map_size=SMALL) as environment,
        environment.begin(write=True) as transaction,
    ):
        transaction.put(key, value)


# --- keeping -------------------------------------------------------------------------------------


def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    store = LmdbStore(tmp_path, map_size=SMALL)
    store.take([tokens(amount=40)], NOW, reservation="d", hold=MINUTE)
    store.record("m", "k", MINUTE, NOW)
    store.label("t", "s", "tainted", NOW + MINUTE, NOW)
    store.close()
    store = LmdbStore(tmp_path, map_size=SMALL)
    assert store.peek([tokens()], NOW)[0].remaining == 59
    assert store.settle("d", {"tokens": 10}, NOW)
    assert store.peek([tokens()], NOW)[0].remaining == 89
    assert store.count("m", "k", MINUTE, NOW) == 1
    assert store.labels("t", "s", NOW) == {"tainted"}
    store.close()


def test_the_state_is_for_its_owner_only(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        store = LmdbStore(tmp_path / "deep" / "er", map_size=SMALL)
    finally:
        os.umask(before)
    folder = store.path.parent
    modes = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    assert set(modes.values()) == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700
    store.close()


def test_threads_share_a_store(tmp_path: Path) -> None:
    store = LmdbStore(tmp_path, map_size=SMALL)
    granted: list[bool] = []

    def work() -> None:
        granted.extend(store.take([requests(limit=100)], NOW)[0].granted for _ in range(50))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(granted) == 100
    store.close()


# --- growing -------------------------------------------------------------------------------------


def test_the_file_grows_with_what_it_holds(tmp_path: Path) -> None:
    store = LmdbStore(tmp_path, map_size=SMALL, max_size=MEGABYTE)
    for number in range(2000):
        store.take([requests(f"{number:08}")], NOW)
    assert SMALL < store.path.stat().st_size <= MEGABYTE
    assert all(store.peek([requests(f"{n:08}")], NOW)[0].remaining == 8 for n in range(2000))
    store.close()


def test_every_block_of_the_file_exists(tmp_path: Path) -> None:
    store = LmdbStore(tmp_path, map_size=SMALL, max_size=MEGABYTE)
    assert store.path.stat().st_blocks * 512 >= store.path.stat().st_size == SMALL
    fill(store)
    assert store.path.stat().st_blocks * 512 >= store.path.stat().st_size == MEGABYTE
    store.close()


def test_a_full_store_says_so_and_can_be_emptied(tmp_path: Path) -> None:
    store = LmdbStore(tmp_path, map_size=SMALL, max_size=2 * SMALL)
    held = fill(store)
    with pytest.raises(StoreUnavailable, match=f"is full: it may have {2 * SMALL} bytes"):
        store.take([requests("one more")], NOW)
    assert store.peek([requests(f"{held - 1:08}")], NOW)[0].remaining == 8
    forgotten = 0
    while done := store.sweep(NOW + DAY, 100):
        forgotten += done
    assert forgotten == held
    assert store.take([requests("one more")], NOW + DAY)[0].granted
    store.close()


def test_a_disk_that_fills_up_refuses_and_recovers(tmp_path: Path) -> None:
    store = LmdbStore(tmp_path, map_size=SMALL)
    with disk_of(SMALL):
        held = fill(store)
        with pytest.raises(StoreUnavailable, match=r"state[.]mdb cannot be used: .*too large"):
            store.take([requests("one more")], NOW)
        assert store.peek([requests(f"{held - 1:08}")], NOW)[0].remaining == 8
    assert store.take([requests("one more")], NOW)[0].granted
    store.close()


def test_a_smaller_size_does_not_cut_the_file(tmp_path: Path) -> None:
    store = LmdbStore(tmp_path, map_size=MEGABYTE)
    store.close()
    store = LmdbStore(tmp_path, map_size=SMALL)
    assert store.path.stat().st_size == MEGABYTE
    store.close()


# --- opening -------------------------------------------------------------------------------------


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match=r"file/state/state[.]mdb cannot be opened: .*write to"):
        LmdbStore(tmp_path / "file" / "state")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StateError, match="Permission denied"):
        LmdbStore(tmp_path)
    tmp_path.chmod(0o700)


def test_a_folder_in_the_file_s_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "state.mdb").mkdir()
    with pytest.raises(StateError, match=r"state[.]mdb cannot be opened: .*directory"):
        LmdbStore(tmp_path)


def test_a_disk_that_is_full_already_is_named(tmp_path: Path) -> None:
    with disk_of(SMALL), pytest.raises(StateError, match="with space on its disk"):
        LmdbStore(tmp_path, map_size=4 * SMALL)
    store = LmdbStore(tmp_path, map_size=SMALL)
    assert store.take([requests()], NOW)[0].granted
    store.close()


@pytest.mark.parametrize("content", [b"\0" * 65_536, b"not a database" * 10_000, b"x"])
def test_a_file_that_is_no_state_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "state.mdb").write_bytes(content)
    with pytest.raises(StateError, match="is damaged or no state file; move it away to start"):
        LmdbStore(tmp_path)
    assert (tmp_path / "state.mdb").read_bytes() == content


def test_a_file_that_was_cut_is_named(tmp_path: Path) -> None:
    store = LmdbStore(tmp_path, map_size=8 * SMALL)
    for number in range(1000):
        store.take([requests(f"{number:08}")], NOW)
    store.close()
    os.truncate(store.path, 65_536)
    with pytest.raises(StateError, match=r"is cut short: 65536 of \d+ bytes; move it away"):
        LmdbStore(tmp_path)


def test_a_process_opens_its_store_once(tmp_path: Path) -> None:
    store = LmdbStore(tmp_path, map_size=SMALL)
    with pytest.raises(StateError, match="already open in this process"):
        LmdbStore(tmp_path)
    assert store.take([requests()], NOW)[0].granted
    store.close()


def test_another_program_s_file_is_left_alone(tmp_path: Path) -> None:
    spoil(tmp_path / "state.mdb", b"theirs", b"1")
    with pytest.raises(StateError, match="is an LMDB file of another program"):
        LmdbStore(tmp_path)


def test_another_version_s_file_is_left_alone(tmp_path: Path) -> None:
    spoil(tmp_path / "state.mdb", b"\0format", b"engine state 2")
    with pytest.raises(StateError, match=r"is of another version \(engine state 2\)"):
        LmdbStore(tmp_path)


# --- breaking ------------------------------------------------------------------------------------


def test_a_closed_store_is_unavailable(tmp_path: Path) -> None:
    store = LmdbStore(tmp_path, map_size=SMALL)
    store.close()
    store.close()
    with pytest.raises(StoreUnavailable, match="cannot be used"):
        store.take([requests()], NOW)
    with pytest.raises(StoreUnavailable, match="cannot be used"):
        store.count("m", "k", MINUTE, NOW)
    with pytest.raises(StoreUnavailable, match="cannot be used"):
        store.sync()


@pytest.mark.parametrize("value", [b"", b"\1" * 5, b"\2" + b"\0" * 48, b"\1" + b"\0" * 50])
def test_an_unreadable_bucket_is_unavailable_and_others_are_not(
    tmp_path: Path, value: bytes
) -> None:
    LmdbStore(tmp_path, map_size=SMALL).close()
    spoil(tmp_path / "state.mdb", b"br", value)
    store = LmdbStore(tmp_path, map_size=SMALL)
    with pytest.raises(StoreUnavailable, match="a bucket of"):
        store.take([requests("r")], NOW)
    assert store.take([requests("other")], NOW)[0].granted
    store.sweep(NOW + DAY, 100)
    store.close()


def test_an_unreadable_session_is_unavailable(tmp_path: Path) -> None:
    LmdbStore(tmp_path, map_size=SMALL).close()
    spoil(tmp_path / "state.mdb", b"l1:ts", b"\1" + b"\0" * 11)
    store = LmdbStore(tmp_path, map_size=SMALL)
    with pytest.raises(StoreUnavailable, match="a set of labels of 12 bytes"):
        store.labels("t", "s", NOW)
    store.close()


def test_a_sweep_goes_round_the_file_a_part_at_a_time(tmp_path: Path) -> None:
    store = LmdbStore(tmp_path, map_size=SMALL)
    for number in range(100):
        store.take([requests(f"{number:08}")], NOW)
    store.take([requests("last")], NOW - DAY)
    assert [store.sweep(NOW, 1) for _ in range(8)] == [0, 0, 0, 0, 0, 0, 1, 0]
    store.close()


def test_what_was_used_again_since_it_was_looked_at_is_kept(tmp_path: Path) -> None:
    store = LmdbStore(tmp_path, map_size=SMALL)
    store.take([requests("again"), requests("gone")], NOW - DAY)
    store.take([requests("again")], NOW)
    seen = [b"bagain", b"bgone", b"bforgotten"]
    assert store._write(lambda transaction: forget.forget(transaction, seen, NOW)) == (1, 0)
    assert store.peek([requests("again")], NOW)[0].remaining == 8
    store.close()
