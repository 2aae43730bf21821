"""Many callers over a disk that fails in every way at random: what is answered is what is kept."""

from __future__ import annotations

import asyncio
import errno
import os
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from engine.storage import beside, committer
from engine.storage.aio import Aio
from engine.storage.committer import Committer
from engine.storage.durability import OnFull, Tally, Way
from tests.storage.committed import kept, made, whole
from tests.storage.disks import heard
from tests.storage.made import record

BROKEN = OSError(errno.EIO, "Input/output error")


class Storm:
    """Fails one call in so many."""

    def __init__(self, patch: pytest.MonkeyPatch, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311 - it must come again
        self.calm = True
        self._write, self._sync, self._fill = os.write, os.fdatasync, os.pwrite
        patch.setattr(os, "write", self.write)
        patch.setattr(os, "pwrite", self.fill)
        patch.setattr(os, "fdatasync", self.sync)
        patch.setattr(beside, "syncer", lambda: StormyAio(self))
        patch.setattr(committer, "FIRST_PAUSE", 0.0001)
        patch.setattr(committer, "LONGEST_PAUSE", 0.001)

    def strikes(self, one_in: int) -> bool:
        return not self.calm and self.random.randrange(one_in) == 0

    def write(self, file: int, data: bytes) -> int:
        if self.strikes(12):
            raise OSError(errno.ENOSPC, "No space left on device")
        if self.strikes(12):
            data = data[: self.random.randrange(1, len(data) + 1)]
        return self._write(file, data)

    def fill(self, file: int, data: bytes, at: int) -> int:
        if self.strikes(12):
            raise OSError(errno.ENOSPC, "No space left on device")
        if self.strikes(12):
            data = data[: self.random.randrange(len(data))]
        return self._fill(file, data, at)

    def sync(self, file: int) -> None:
        if self.strikes(6):
            raise BROKEN
        self._sync(file)


class StormyAio(Aio):
    def __init__(self, storm: Storm) -> None:
        super().__init__()
        self._storm = storm

    def begin(self, file: int) -> None:
        if self._storm.strikes(10):
            raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
        super().begin(file)

    def end(self) -> None:
        super().end()
        if self._storm.strikes(8):
            raise BROKEN


class Callers:
    """Ask as callers do, eight at once, and hear what they are told."""

    def __init__(self, one: Committer, seed: int) -> None:
        self.answers: dict[int, str] = {}
        self._one = one
        self._random = Random(seed)  # noqa: S311 - it must come again

    async def run(self) -> None:
        await asyncio.gather(*(self.caller(100 * each) for each in range(8)))

    async def caller(self, first: int) -> None:
        rarely = self._random.randrange
        for number in range(first, first + 12):
            self.answers[number] = await self.ask(number)
            if rarely(6) == 0:
                await asyncio.sleep(0)
            if rarely(15) == 0:
                self._one.turn()
            if rarely(8) == 0:
                await asyncio.to_thread(self.tend)

    async def ask(self, number: int) -> str:
        one = self._one
        put = one.put if self._random.randrange(5) == 0 else one.stage
        try:
            put(record(number))
        except OSError as error:
            return str(error)
        if self._random.randrange(10) == 0:
            return one.wait()
        told = heard(one, called=self._random.randrange(2) == 0)
        return "" if told is None else await told

    def tend(self) -> None:
        with suppress(OSError):  # It could not be signed.
            self._one.tend()


def weather(
    folder: Path, patch: pytest.MonkeyPatch, seed: int, on_full: OnFull
) -> tuple[dict[int, str], Tally]:
    """Return what callers were told in a storm, and what was counted."""
    folder.mkdir()
    with patch.context() as patched:
        storm = Storm(patched, seed)
        one = made(folder, Way(durability="synced", on_full=on_full), segment_bytes=3000)
        callers = Callers(one, seed)
        storm.calm = False
        asyncio.run(callers.run())
        storm.calm = True
        one.close()
    whole(folder)
    return callers.answers, one.tally


def judge(folder: Path, answers: dict[int, str], tally: Tally, on_full: OnFull) -> None:
    found = kept(folder)
    numbers = [each for each in found if isinstance(each, int)]
    gaps = [each for each in found if isinstance(each, tuple)]
    lost = set(answers) - set(numbers)
    told = sum(dropped + denied for dropped, denied, _ in gaps)
    assert len(answers) == 96
    assert len(numbers) == len(set(numbers))
    match on_full:
        case "deny":
            assert lost == {number for number, why in answers.items() if why}
            assert len(lost) == told == tally.denied
        case "drop":
            assert set(answers.values()) == {""}
            assert len(lost) == told == tally.dropped
        case "block":
            assert (lost, told, set(answers.values())) == (set(), 0, {""})


@pytest.mark.slow
@pytest.mark.parametrize("on_full", ["deny", "drop", "block"])
@pytest.mark.parametrize(
    "seeds", [range(20), pytest.param(range(20, 800), marks=pytest.mark.nightly)]
)
def test_what_is_answered_is_kept_once_and_what_is_lost_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on_full: OnFull, seeds: range
) -> None:
    for seed in seeds:
        folder = tmp_path / str(seed)
        answers, tally = weather(folder, monkeypatch, seed, on_full)
        judge(folder, answers, tally, on_full)
