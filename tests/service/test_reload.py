from __future__ import annotations

import asyncio
import errno
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from watchfiles import Change

from engine.language.diagnostics import Diagnostic
from engine.language.text import Span
from engine.runtime.memory import MemoryStore
from engine.service import reload as module
from engine.service.bundles import Recipe, load_folder
from engine.service.cache import FolderCache, open_cache
from engine.service.gate import Gate
from engine.service.reload import (
    Attempt,
    Reloader,
    ReloadError,
    codes_of,
    compile_apart,
    identity,
    reason_of,
    relevant,
)
from engine.service.shelf import BUNDLE, FolderShelf, is_current
from engine.service.taking import GateTaker
from tests.service.bundle import SECRET, asked, write_folder

pytestmark = pytest.mark.slow

OPEN = "policy door { default allow }"
SHUT = "policy door { default deny }"
BROKEN = "policy door { default perhaps }"
PATIENCE = 60
RECIPE = Recipe(SECRET)


class House:
    """A gate that serves the folder ``root``, and its reloader; what that told is in ``told``."""

    def __init__(self, folder: Path) -> None:
        self.root = write_folder(folder / "policies", {"door.pol": OPEN})
        self.gate = Gate(MemoryStore(), secret=SECRET)
        self.gate.swap(load_folder(self.root, RECIPE))
        self.cache = open_cache(folder / "cache")
        self.told: list[str | None] = []
        self.heard = asyncio.Event()
        taker = GateTaker(self.gate, self.root, self.cache, RECIPE)
        self.attempts: list[Attempt] = []
        self.reloader = Reloader(
            taker, self.root, self.cache, told=self.hear, record=self.attempts.append
        )

    def hear(self, problem: str | None) -> None:
        self.told.append(problem)
        self.heard.set()

    def write(self, text: str) -> None:
        (self.root / "door.pol").write_text(text)

    @property
    def action(self) -> str:
        return self.gate.decide(asked()).action

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition():
                self.heard.clear()
                await self.heard.wait()


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_changed_policies_decide_after_a_reload(house: House) -> None:
    before = house.gate.status().revision
    house.write(SHUT)
    run(house.reloader.reload())
    assert house.action == "deny"
    after = house.gate.status().revision
    assert after != before
    assert house.told == [None]
    assert house.attempts == [Attempt(after, before)]


def test_unchanged_policies_are_not_loaded_again(house: House) -> None:
    before = house.gate.status()
    house.gate.refuse("something earlier")
    run(house.reloader.reload())
    assert house.gate.status() == before
    assert house.attempts == [Attempt(before.revision, before.revision)]


def test_broken_policies_change_nothing_but_the_status(house: House) -> None:
    house.write(BROKEN)
    with pytest.raises(ReloadError, match=r"door\.pol:1:23") as caught:
        run(house.reloader.reload())
    assert caught.value.diagnostics[0].span.path == "door.pol"
    assert house.action == "allow"
    status = house.gate.status()
    assert status.refusal == str(caught.value) == house.told[0]
    assert status.refused_at > status.loaded_at
    [attempt] = house.attempts
    assert attempt.revision == attempt.previous == status.revision
    assert attempt.why == ("E101 door.pol:1:23",)


def test_of_very_many_problems_the_first_are_recorded() -> None:
    long = Span("x" * 600, 0, 0, 1, 1, 1, 1)
    found = [Diagnostic("W101", "m", long, "warning"), *[Diagnostic("E201", "m", long)] * 60]
    told = codes_of(found)
    assert (len(told), told[0]) == (50, "E201 " + "x" * 500)


def test_calls_that_arrive_during_a_reload_share_the_next(house: House) -> None:
    house.write(BROKEN)

    async def work() -> None:
        calls = [asyncio.create_task(house.reloader.reload()) for _ in range(10)]
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert all(isinstance(one, ReloadError) for one in outcomes)

    run(work())
    assert len(house.told) == 2


def test_a_compiler_that_takes_too_long_is_given_up(house: House) -> None:
    house.reloader.patience = 0.01
    with pytest.raises(ReloadError, match=r"longer than 0\.01 s") as caught:
        run(house.reloader.reload())
    assert [one.code for one in caught.value.diagnostics] == ["E808"]
    assert house.action == "allow"


def test_a_compiler_that_breaks_is_told(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(ReloadError, match="ended with code 1"):
        run(house.reloader.reload())


@pytest.mark.parametrize(
    ("number", "told"),
    [(9, r"was killed \(signal 9\), mostly by the kernel for want of memory$"), (15, "signal 15$")],
)
def test_a_compiler_that_somebody_ended_is_told(
    house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, number: int, told: str
) -> None:
    ended = tmp_path / "ended"
    ended.write_text(f"#!/bin/sh\nkill -{number} $$\n")
    ended.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(ended))
    with pytest.raises(ReloadError, match=told):
        run(house.reloader.reload())
    assert house.action == "allow"


def test_a_compiler_for_which_there_is_no_descriptor_is_told_with_its_remedy() -> None:
    few = OSError(errno.EMFILE, os.strerror(errno.EMFILE))
    assert reason_of(few) == "Too many open files; allow the process more open files (`ulimit -n`)"
    assert reason_of(OSError(errno.ENOENT, "No such file")) == "No such file"


def test_a_compiler_that_cannot_start_is_told(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(ReloadError, match="cannot be started: No such file"):
        run(house.reloader.reload())
    assert house.action == "allow"


def test_a_cache_without_room_is_told(house: House) -> None:
    house.write(SHUT)
    house.cache.path(FolderShelf(house.cache, house.root).key(BUNDLE)).mkdir(parents=True)
    with pytest.raises(ReloadError, match="does not hold what was compiled"):
        run(house.reloader.reload())
    assert house.action == "allow"


@pytest.mark.parametrize("broken", [False, True])
def test_a_compiler_that_nobody_waits_for_any_more_is_ended(
    house: House, monkeypatch: pytest.MonkeyPatch, *, broken: bool
) -> None:
    begin, given_up, made = module.start_compiler, threading.Event(), list[Any]()

    def start(root: Path, cache: Path, finder: Any) -> Any:
        given_up.wait(PATIENCE)
        if broken:
            raise OSError(12, "no memory")
        made.append(begin(root, cache, finder))
        return made[0]

    async def give_up() -> None:
        compiling = asyncio.ensure_future(compile_apart(house.root, house.cache.folder, PATIENCE))
        await asyncio.sleep(0)  # It has begun.
        compiling.cancel()
        given_up.set()
        with pytest.raises(asyncio.CancelledError):
            await compiling

    monkeypatch.setattr(module, "start_compiler", start)
    asyncio.run(give_up())
    assert [one.returncode for one in made] == ([] if broken else [-signal.SIGKILL])


def test_the_compiler_finds_this_package_from_anywhere(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    outcome = asyncio.run(compile_apart(house.root, house.cache.folder, PATIENCE))
    assert outcome.revision == house.gate.status().revision


# --- watching ------------------------------------------------------------------------------------


def watching(house: House, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run *work* while the folder is watched."""

    async def both() -> None:
        watch = asyncio.create_task(house.reloader.watch(20, frozenset()))
        try:
            await work()
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)

    asyncio.run(both())


async def write_until(house: House, text: str, condition: Callable[[], bool]) -> None:
    """Write *text* again and again until a reload has made *condition* true.

    A watcher needs a moment before it sees changes, and does not say when it is ready.
    """
    async with asyncio.timeout(PATIENCE):
        while not condition():
            house.write(text)
            house.heard.clear()
            try:
                async with asyncio.timeout(2):
                    await house.heard.wait()
            except TimeoutError:
                continue


def test_a_changed_file_reloads_and_a_broken_one_is_waited_out(house: House) -> None:
    async def work() -> None:
        await write_until(house, SHUT, lambda: house.action == "deny")
        house.write(BROKEN)
        await house.until(lambda: house.gate.status().refusal != "")
        assert house.action == "deny"
        house.write(OPEN)
        await house.until(lambda: house.action == "allow")
        assert house.gate.status().refusal == ""

    watching(house, work)


def test_what_changed_before_the_watch_began_is_not_missed(house: House) -> None:
    house.write(SHUT)

    async def work() -> None:
        await house.until(lambda: house.action == "deny")

    watching(house, work)


def test_what_did_not_change_before_the_watch_began_is_left_alone(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.gate.swap(load_folder(house.root, RECIPE, house.cache))
    looked = threading.Event()

    def look(root: Path, shelf: FolderShelf, revision: str) -> bool:
        found = is_current(root, shelf, revision)
        looked.set()
        return found

    monkeypatch.setattr("engine.service.reload.is_current", look)

    async def work() -> None:
        assert await asyncio.to_thread(looked.wait, PATIENCE)
        assert house.told == []
        await write_until(house, SHUT, lambda: house.action == "deny")

    watching(house, work)


def test_what_cannot_be_looked_at_when_the_watch_begins_is_reloaded(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.gate.swap(load_folder(house.root, RECIPE, house.cache))
    house.reloader.patience = 0.5
    real, back = FolderCache.get, threading.Event()

    def away(cache: FolderCache, key: str) -> bytes | None:
        # As on a file system that is away, where who reads waits for ever.
        monkeypatch.setattr(FolderCache, "get", real)
        house.reloader.patience = PATIENCE
        back.wait(PATIENCE)
        return real(cache, key)

    monkeypatch.setattr(FolderCache, "get", away)

    async def work() -> None:
        try:
            await house.until(lambda: house.told != [])
        finally:
            back.set()
        assert house.told == [None]
        assert house.action == "allow"

    watching(house, work)


def test_only_what_the_cache_knows_is_current(house: House) -> None:
    shelf = FolderShelf(house.cache, house.root)
    assert not is_current(house.root, shelf, house.gate.status().revision)
    revision = load_folder(house.root, RECIPE, house.cache).revision
    assert is_current(house.root, shelf, revision)
    house.write(SHUT)
    assert not is_current(house.root, shelf, revision)
    (house.root / "door.pol").unlink()
    assert not is_current(house.root, shelf, revision)


def test_a_folder_that_is_replaced_is_followed(house: House, tmp_path: Path) -> None:
    async def work() -> None:
        await write_until(house, SHUT, lambda: house.action == "deny")
        house.root.rename(tmp_path / "old")
        write_folder(house.root, {"door.pol": OPEN})
        await house.until(lambda: house.action == "allow")
        house.write(SHUT)
        await write_until(house, SHUT, lambda: house.action == "deny")

    watching(house, work)


def test_a_folder_that_comes_back_is_loaded(house: House, tmp_path: Path) -> None:
    async def work() -> None:
        house.root.rename(tmp_path / "old")
        await asyncio.sleep(0)
        write_folder(tmp_path / "new", {"door.pol": SHUT}).rename(house.root)
        await house.until(lambda: house.action == "deny")

    watching(house, work)


def test_a_folder_that_is_missing_at_first_is_waited_for(
    house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    house.root.rename(tmp_path / "old")
    looks = 0

    def look(folder: Path) -> tuple[int, int] | None:
        nonlocal looks
        looks += 1
        if looks == 3:
            write_folder(tmp_path / "new", {"door.pol": SHUT}).rename(house.root)
        return identity(folder)

    monkeypatch.setattr("engine.service.reload.identity", look)
    monkeypatch.setattr("engine.service.reload.LOOK_AGAIN", 0.01)

    async def work() -> None:
        await house.until(lambda: house.action == "deny")

    watching(house, work)


def test_a_folder_that_vanishes_before_it_is_watched_is_waited_for(
    house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("engine.service.reload.identity", lambda _folder: (1, 1))
    house.root.rename(tmp_path / "old")
    run(house.reloader._follow((1, 1), 20, frozenset()))
    assert house.told == []


@pytest.mark.parametrize(
    ("path", "counts"),
    [
        ("/p/a.pol", True),
        ("/p/data/tenants.json", True),
        ("/p/..data", True),
        ("/p/..2026_01/a.pol", True),
        ("/p/.a.pol.swp", False),
        ("/p/.git/index", False),
        ("/p/data/state/lock", False),
        ("/elsewhere/a.pol", True),
    ],
)
def test_only_what_may_change_policies_counts_as_a_change(path: str, counts: bool) -> None:  # noqa: FBT001
    ignored = frozenset({Path("/p/data/state")})
    assert relevant(Change.modified, Path(path), Path("/p"), ignored) is counts
