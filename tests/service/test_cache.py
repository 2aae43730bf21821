from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from engine.service.cache import PIECE_BYTES, CacheFolderError, FolderCache, NoCache, open_cache

KEY = "ab" * 32
OTHER = "cd" * 32


def test_what_is_put_is_found(tmp_path: Path) -> None:
    cache = open_cache(tmp_path / "deep" / "cache")
    assert cache.get(KEY) is None
    cache.put(KEY, b"one")
    cache.put(OTHER, b"")
    cache.put(KEY, b"two")
    assert (cache.get(KEY), cache.get(OTHER)) == (b"two", b"")


def test_the_folder_belongs_to_its_owner_alone(tmp_path: Path) -> None:
    cache = open_cache(tmp_path / "cache")
    assert stat.S_IMODE(cache.folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777])
def test_a_folder_that_others_may_write_is_refused(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "cache"
    folder.mkdir()
    folder.chmod(mode)
    with pytest.raises(CacheFolderError, match="can be written by others"):
        open_cache(folder)


def test_a_folder_of_another_user_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    with pytest.raises(CacheFolderError, match="can be written by others"):
        open_cache(tmp_path)


def test_a_folder_that_cannot_be_made_is_named_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CacheFolderError, match="set `cache`"):
        open_cache(tmp_path / "file" / "cache")


def test_entries_are_written_by_their_owner_only(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        cache = open_cache(tmp_path / "cache")
        cache.put(KEY, b"data")
        cache.copy(KEY, OTHER)
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in cache.folder.glob("??/*")} == {0o600}
    assert cache.get(OTHER) == b"data"


@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_an_entry_that_others_may_write_is_a_miss(tmp_path: Path, mode: int) -> None:
    cache = open_cache(tmp_path / "cache")
    cache.put(KEY, b"data")
    cache.path(KEY).chmod(mode)
    assert cache.lend(KEY) is None


def test_an_entry_of_another_user_is_a_miss(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who may write to the folder around the cache has put another in its place."""
    cache = open_cache(tmp_path / "cache")
    cache.put(KEY, b"code of somebody else")
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    assert cache.get(KEY) is None


def test_nobody_waits_for_a_pipe_among_the_entries(tmp_path: Path) -> None:
    cache = open_cache(tmp_path / "cache")
    cache.path(KEY).parent.mkdir()
    os.mkfifo(cache.path(KEY))
    assert cache.get(KEY) is None


@pytest.mark.parametrize("cut", [0, 10, 33])
def test_a_damaged_entry_is_a_miss(tmp_path: Path, cut: int) -> None:
    cache = open_cache(tmp_path)
    cache.put(KEY, b"a long enough entry")
    path = cache.path(KEY)
    path.write_bytes(path.read_bytes()[:cut])
    assert cache.get(KEY) is None


def test_a_cache_that_cannot_be_written_is_only_slower(tmp_path: Path) -> None:
    (tmp_path / KEY[:2]).write_text("a file where a folder should be")
    cache = FolderCache(tmp_path)
    cache.put(KEY, b"data")
    cache.copy(KEY, OTHER)
    assert cache.get(KEY) is None
    assert cache.lend(KEY) is None


@pytest.mark.parametrize("size", [0, 1, PIECE_BYTES - 1, PIECE_BYTES, 3 * PIECE_BYTES + 5])
def test_what_is_lent_is_what_was_put(tmp_path: Path, size: int) -> None:
    cache = open_cache(tmp_path)
    data = os.urandom(size)
    cache.put(KEY, data)
    lent = cache.lend(KEY)
    assert lent is not None
    assert lent.readonly
    assert bytes(lent) == data == cache.get(KEY)


def test_damaged_entries_are_not_lent(tmp_path: Path) -> None:
    cache = open_cache(tmp_path)
    cache.put(KEY, bytes(2 * PIECE_BYTES))
    with cache.path(KEY).open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"x")
    assert cache.lend(KEY) is None
    assert cache.lend(OTHER) is None


def test_a_copy_stays_what_it_was_when_the_original_changes(tmp_path: Path) -> None:
    cache = open_cache(tmp_path)
    cache.copy(KEY, OTHER)
    assert cache.get(OTHER) is None
    cache.put(KEY, b"one")
    cache.copy(KEY, OTHER)
    cache.put(KEY, b"two")
    assert (cache.get(KEY), cache.get(OTHER)) == (b"two", b"one")
    cache.copy(KEY, OTHER)
    assert cache.get(OTHER) == b"two"


def test_a_file_system_without_links_is_copied_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", refuse)
    cache = open_cache(tmp_path)
    cache.put(KEY, b"one")
    before = os.umask(0)
    cache.copy(KEY, OTHER)
    os.umask(before)
    assert cache.get(OTHER) == b"one"


def test_no_draft_stays_behind(tmp_path: Path) -> None:
    cache = open_cache(tmp_path)
    cache.put(KEY, b"data")
    cache.path(OTHER).mkdir(parents=True)
    cache.put(OTHER, b"data")
    assert [one.name for one in tmp_path.glob("??/*") if one.is_file()] == [f"{KEY}.bin"]


def test_what_was_used_last_is_kept_when_the_cache_is_full(tmp_path: Path) -> None:
    cache = FolderCache(tmp_path, most_bytes=2 * (32 + 100))
    keys = [f"{number:02x}" * 32 for number in range(4)]
    for age, key in enumerate(keys):
        cache.put(key, bytes(100))
        os.utime(cache.path(key), (age, age))
    cache.get(keys[0])
    assert cache.trim() == 2 * 132
    assert [key for key in keys if cache.get(key)] == [keys[0], keys[3]]
    assert cache.trim() == 0


def test_no_cache_remembers_nothing() -> None:
    cache = NoCache()
    cache.put(KEY, b"data")
    cache.copy(KEY, OTHER)
    assert cache.get(KEY) is None
    assert cache.lend(KEY) is None
