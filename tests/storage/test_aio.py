"""Files that are synced beside, and where that cannot be."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
from contextlib import suppress
from pathlib import Path

import pytest

from engine.storage import aio as module
from engine.storage.aio import EVENT, Aio, syncer


@pytest.fixture
def aio() -> Aio:
    try:
        return Aio()
    except OSError as error:
        pytest.skip(f"this kernel does not sync beside: {error}")


def descriptors() -> set[str]:
    found = set()
    for one in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # The folder's own, which is closed by now.
            found.add(f"{one} {one.readlink()}")
    return found


def test_the_end_of_a_sync_is_told(tmp_path: Path, aio: Aio) -> None:
    file = os.open(tmp_path / "x", os.O_WRONLY | os.O_CREAT, 0o600)
    for number in range(20):
        os.write(file, bytes([number]) * 5000)
        aio.begin(file)
        assert aio.wait(60)
        aio.end()
        assert not aio.wait(0)
    os.close(file)
    aio.close()


def test_what_has_not_ended_is_told_apart(aio: Aio) -> None:
    with pytest.raises(BlockingIOError):
        aio.end()
    aio.close()


def test_where_a_guard_forbids_it_nothing_syncs_beside(
    monkeypatch: pytest.MonkeyPatch, aio: Aio
) -> None:
    def guarded(*_: object) -> int:
        ctypes.set_errno(errno.EPERM)
        return -1

    aio.close()
    before = descriptors()
    monkeypatch.setattr(module, "call", guarded)
    assert syncer() is None
    assert descriptors() == before


def test_where_there_is_no_such_kernel_nothing_syncs_beside(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Plan9")
    assert syncer() is None


def test_what_is_no_file_is_refused(aio: Aio) -> None:
    ends = os.pipe()
    for file in (ends[1], 10_000):
        with pytest.raises(OSError, match=r"Bad file descriptor|Invalid argument"):
            aio.begin(file)
    aio.close()
    for end in ends:
        os.close(end)


def test_a_sync_that_fails_raises_what_fdatasync_would(
    monkeypatch: pytest.MonkeyPatch, aio: Aio
) -> None:
    def failed(*arguments: object) -> int:
        event = arguments[4]
        assert isinstance(event, ctypes.Array)
        EVENT.pack_into(event, 0, 0, 0, -errno.EIO, 0)
        return 1

    with monkeypatch.context() as patch:
        patch.setattr(module, "call", failed)
        with pytest.raises(OSError, match="Input/output error") as caught:
            aio.end()
    assert caught.value.errno == errno.EIO
    aio.close()


@pytest.mark.parametrize("call", [True, False])
def test_what_is_written_ahead_is_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, call: bool
) -> None:
    if not call:
        monkeypatch.setattr(module, "_write_range", None)
    file = os.open(tmp_path / "x", os.O_RDWR | os.O_CREAT, 0o600)
    os.write(file, b"x" * 10_000)
    module.begin_writing(file, 0, 10_000)
    os.write(file, b"y" * 10_000)
    assert os.pread(file, 20_000, 0) == b"x" * 10_000 + b"y" * 10_000
    os.close(file)
    module.begin_writing(file, 0, 10_000)  # Nothing is told, and nothing is harmed.


@pytest.mark.parametrize(("what", "name"), [("machine", "pdp11"), ("system", "Plan9")])
def test_another_machine_or_system_has_none(
    monkeypatch: pytest.MonkeyPatch, what: str, name: str
) -> None:
    monkeypatch.setattr(platform, what, lambda: name)
    with pytest.raises(OSError, match="not implemented"):
        Aio()
