from __future__ import annotations

import asyncio
import io
from pathlib import Path

import pytest

from engine.daemon import flush as module
from engine.daemon.flush import flush_often
from engine.daemon.logs import open_log
from engine.state.lmdb import FILE, LmdbStore


def flushed(folder: Path | None, seconds: float, times: int, patch: pytest.MonkeyPatch) -> str:
    """Return what is logged until the state in *folder* was to be flushed *times* times."""
    stream = io.StringIO()
    left = times
    done = asyncio.Event()
    write = module.flush

    def count(path: Path) -> None:
        nonlocal left
        left -= 1
        try:
            write(path)
        finally:
            if not left:
                done.set()

    async def run() -> None:
        work = asyncio.ensure_future(flush_often(folder, seconds, open_log("info", "json", stream)))
        await asyncio.wait(
            (work, asyncio.ensure_future(done.wait())), return_when="FIRST_COMPLETED"
        )
        work.cancel()

    patch.setattr(module, "flush", count)
    asyncio.run(run())
    assert left == 0
    return stream.getvalue()


def test_the_state_goes_to_the_disk_again_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LmdbStore(tmp_path / "state", map_size=2**17)
    assert flushed(tmp_path, 0.001, 3, monkeypatch) == ""
    assert (tmp_path / "state" / FILE).exists()
    store.close()


def test_a_disk_that_fails_is_told_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = flushed(tmp_path, 0.001, 2, monkeypatch)
    assert told.count("the state was not written to the disk") >= 1
    assert "No such file" in told


@pytest.mark.parametrize(("folder", "seconds"), [(None, 5), (Path("data"), 0)])
def test_what_is_not_kept_or_not_to_be_flushed_is_left_alone(
    folder: Path | None, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert flushed(folder, seconds, 0, monkeypatch) == ""
