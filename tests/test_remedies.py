"""Where the system is short of something, that is what every part says is to be mended."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from engine.daemon.places import StartError, make_data_folder
from engine.language.diagnostics import Report
from engine.language.text import NOWHERE
from engine.remedies import REMEDIES, remedy_for, remedy_in, why_none_opens
from engine.service.cache import CacheFolderError, FolderCache, open_cache
from engine.service.folder import read_data, read_folder
from engine.service.keys import KeyFileError, load_key
from engine.state.errors import StateError
from engine.state.lmdb import LmdbStore
from engine.storage.reviews import ReviewsUnavailable
from engine.storage.reviews_sqlite import SqliteReviews
from tests.few_files import few_files
from tests.service.bundle import write_folder
from tests.storage.mounts import disk

FILES = REMEDIES[errno.EMFILE]
ROOM = REMEDIES[errno.ENOSPC]
KEY = "ab" * 32


def test_a_remedy_is_of_the_number_or_in_the_words() -> None:
    for number, remedy in REMEDIES.items():
        error = OSError(number, os.strerror(number))
        assert remedy_for(error, "else") == remedy == remedy_in(f"x: {error.strerror}", "else")
    assert remedy_for(OSError("no number"), "else") == "else" == remedy_in("nothing", "else")
    assert why_none_opens() is None


def refusal(work: Callable[[], object]) -> str:
    """Return what *work* says that cannot be done, or nothing."""
    try:
        work()
    except (CacheFolderError, KeyFileError, StartError, StateError, ReviewsUnavailable) as error:
        return str(error)
    return ""


def open_reviews(path: Path) -> None:
    SqliteReviews(path).close()


def open_state(path: Path) -> None:
    LmdbStore(path).close()


@pytest.mark.parametrize("work", [load_key, open_reviews, open_state, make_data_folder])
@pytest.mark.parametrize("there", [False, True])
def test_where_no_file_can_be_opened_nobody_is_sent_to_look_at_owner_mode_or_disk(
    tmp_path: Path, work: Callable[[Path], object], *, there: bool
) -> None:
    place = tmp_path / "place"
    if there:
        work(place)
    said = []
    for free in range(40):
        with few_files(free):
            said.append(refusal(lambda: work(place)))
        if not said[-1]:
            break
    *refused, last = said
    assert last == "", last
    assert refused
    for one in refused:
        assert FILES in one, one
        assert not any(word in one for word in ("owner", "may be written", "make it", "room"))


@pytest.mark.slow
@pytest.mark.parametrize("work", [load_key, open_state])
def test_where_there_is_no_room_it_is_room_that_is_asked_for(
    tmp_path: Path, work: Callable[[Path], object]
) -> None:
    with disk(tmp_path / "disk", 64) as small:
        with suppress(OSError), (small / "rest").open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        said = refusal(lambda: work(small / "place"))
    assert said.endswith(f"No space left on device; {ROOM}")


def test_policies_and_data_that_cannot_be_opened_are_told_with_the_remedy(tmp_path: Path) -> None:
    write_folder(tmp_path, {"p.pol": "policy p { default allow }", "more/list.txt": "x"})
    report = Report()
    folder = read_folder(tmp_path, report)
    assert not report.failed
    for free in range(2):
        with few_files(free):
            read_folder(tmp_path, report)
    with few_files(0):
        assert read_data(folder, "more/list.txt", NOWHERE, report) is None
    told = report.found
    assert len(told) >= 2
    assert {one.help for one in told} == {FILES}
    assert {one.code for one in told} == {"E803", "E807"}


def test_a_cache_says_why_what_it_has_cannot_be_read(tmp_path: Path) -> None:
    cache = open_cache(tmp_path / "cache")
    assert cache.trouble(KEY) == ""
    cache.put(KEY, b"data" * 10_000_000)
    assert (cache.trouble(KEY), FolderCache(tmp_path).trouble(KEY)) == ("", "")
    with few_files(0):
        assert cache.get(KEY) is None
        assert cache.trouble(KEY) == f"Too many open files; {FILES}"
    before = resource.getrlimit(resource.RLIMIT_AS)
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + 10_000_000, before[1]))
    try:
        found, why = cache.get(KEY), cache.trouble(KEY)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
    assert (found, why) == (None, f"Cannot allocate memory; {REMEDIES[errno.ENOMEM]}")
