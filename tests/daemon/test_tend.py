"""What is closed is tended, beside everything else."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path

import msgspec
import pytest

from engine.daemon import tend as tending
from engine.daemon.logs import open_log
from engine.daemon.settings_audit import Audit
from engine.daemon.tend import has_work, tend, tend_often, untended
from engine.service.audit import KEY
from engine.storage.source import COMPRESSED, segment_files
from tests.storage.made import SIGNER, filled, told, trail

SETTINGS = Audit(folder="audit")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "audit"
    made.mkdir()
    return made


def test_what_is_open_needs_nothing(folder: Path) -> None:
    one = trail(folder)
    one.append(b'{"kind":"decision"}')
    assert not has_work(SETTINGS, folder)
    one.close()
    assert has_work(SETTINGS, folder)
    assert has_work(Audit(folder="audit", keep_days=1), folder / "nowhere")
    assert untended(SETTINGS, folder / "nowhere") == set()


def test_closed_segments_are_indexed_and_compressed_and_still_whole(folder: Path) -> None:
    filled(folder, 40, segment_bytes=900)
    log = open_log("info", "json", io.StringIO())
    tend(SETTINGS, folder.parent, pytest.fail, log)
    assert not has_work(SETTINGS, folder)
    assert all(one.name.endswith(COMPRESSED) for one in segment_files(folder))
    assert told(folder) == []


def test_what_is_not_to_be_compressed_stays_as_it_is(folder: Path) -> None:
    filled(folder, 5)
    settings = Audit(folder="audit", compress=False)
    tend(settings, folder.parent, pytest.fail, open_log("info", "json", io.StringIO()))
    assert not has_work(settings, folder)
    assert not any(one.name.endswith(COMPRESSED) for one in segment_files(folder))


def test_what_cannot_be_tended_is_told(folder: Path) -> None:
    (folder / f"{'0' * 16}-00000000.seg").mkdir()
    said: list[str] = []
    tend(SETTINGS, folder.parent, said.append, open_log("info", "json", io.StringIO()))
    assert any("cannot be compressed" in one for one in said)


def test_what_is_closed_later_is_tended_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tending, "PAUSE_SECONDS", 0.01)
    out = io.StringIO()
    (folder / f"{'0' * 16}-00000000.seg").write_bytes(b"no segment\n")

    async def go() -> None:
        task = asyncio.create_task(
            tend_often(SETTINGS, folder.parent, folder, open_log("info", "json", out))
        )
        async with asyncio.timeout(30):
            while not out.getvalue():
                assert not task.done(), task.exception()
                await asyncio.sleep(0.01)
            filled(folder, 5)
            while len(untended(SETTINGS, folder)) > 1:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        task.cancel()

    asyncio.run(go())
    assert msgspec.json.decode(out.getvalue().splitlines()[0])["event"] == "the audit trail"


def test_a_trail_that_grows_for_ever_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(folder, 5)
    monkeypatch.setattr(tending, "MUCH_BYTES", 10)
    log = open_log("info", "json", io.StringIO())
    said: list[str] = []
    tend(SETTINGS, folder.parent, said.append, log)
    assert said == ["it has 0 GB, and nothing is ever forgotten: see `audit.keep_days`"]
    key = folder.parent / KEY  # What signs what is forgotten has signed what it is in.
    key.write_text(bytes(range(32)).hex())
    key.chmod(0o600)
    forgetful = Audit(folder="audit", keep_days=1, name=SIGNER.name)
    tend(forgetful, folder.parent, pytest.fail, log)
    assert tending.size_of(folder / "nowhere") == 0
