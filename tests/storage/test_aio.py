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
from engine.storage import uring
from engine.storage.aio import EVENT, Aio, Syncer
from engine.storage.uring import CQE_NUMBERS, RETURNED, Uring, syncers


def here(kind: type[Syncer]) -> Syncer:
    try:
        return kind()
    except OSError as error:
        pytest.skip(f"this kernel does not sync beside: {error}")


@pytest.fixture
def aio() -> Aio:
    found = here(Aio)
    assert isinstance(found, Aio)
    return found


@pytest.fixture
def ring() -> Uring:
    found = here(Uring)
    assert isinstance(found, Uring)
    return found


def descriptors() -> set[str]:
    found = set()
    for one in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # The folder's own, which is closed by now.
            found.add(f"{one} {one.readlink()}")
    return found


@pytest.mark.parametrize("kind", [Aio, Uring])
def test_the_end_of_a_sync_is_told(tmp_path: Path, kind: type[Syncer]) -> None:
    syncer = here(kind)
    file = os.open(tmp_path / "x", os.O_WRONLY | os.O_CREAT, 0o600)
    for number in range(20):
        os.write(file, bytes([number]) * 5000)
        syncer.begin(file)
        assert syncer.wait(60)
        syncer.end()
        assert not syncer.wait(0)
    os.close(file)
    syncer.close()


@pytest.mark.parametrize("kind", [Aio, Uring])
def test_what_has_not_ended_is_told_apart(kind: type[Syncer]) -> None:
    syncer = here(kind)
    with pytest.raises(BlockingIOError):
        syncer.end()
    syncer.close()


def test_what_another_core_fails_to_sync_raises_what_fdatasync_would(
    tmp_path: Path, ring: Uring
) -> None:
    ring.begin(10_000)
    assert ring.wait(60)
    with pytest.raises(OSError, match="Bad file descriptor"):
        ring.end()
    file = os.open(tmp_path / "x", os.O_WRONLY | os.O_CREAT, 0o600)
    ring.begin(file)
    assert ring.wait(60)
    at = ring._events + CQE_NUMBERS * (ring._ended & ring._mask)
    ring._results[at + RETURNED] = -errno.EIO
    with pytest.raises(OSError, match="Input/output error"):
        ring.end()
    os.close(file)
    ring.close()


@pytest.mark.parametrize("found", [-1, 0])
def test_a_sync_that_another_core_does_not_take_was_not_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ring: Uring, found: int
) -> None:
    def refused(*_: object) -> int:
        ctypes.set_errno(errno.EAGAIN)
        return found

    file = os.open(tmp_path / "x", os.O_WRONLY | os.O_CREAT, 0o600)
    with monkeypatch.context() as patch:
        patch.setattr(uring, "call", refused)
        with pytest.raises(BlockingIOError):
            ring.begin(10_000)
    assert not ring.wait(0.01)
    ring.begin(file)  # And not what was refused.
    assert ring.wait(60)
    ring.end()
    with pytest.raises(BlockingIOError):
        ring.end()
    os.close(file)
    ring.close()


def test_a_sync_that_was_taken_is_begun_whatever_the_call_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ring: Uring
) -> None:
    calls = module.call

    def interrupted(*arguments: object) -> int:
        assert calls(*arguments) == 1
        ctypes.set_errno(errno.EINTR)
        return -1

    file = os.open(tmp_path / "x", os.O_WRONLY | os.O_CREAT, 0o600)
    with monkeypatch.context() as patch:
        patch.setattr(uring, "call", interrupted)
        ring.begin(file)
    assert ring.wait(60)
    ring.end()
    os.close(file)
    ring.close()


@pytest.mark.parametrize("call", [uring.SETUP, uring.REGISTER, uring.ENTER])
def test_where_a_guard_forbids_the_ring_this_core_syncs(
    monkeypatch: pytest.MonkeyPatch, aio: Aio, call: int
) -> None:
    calls = module.call

    def guarded(number: int, *arguments: object) -> int:
        if number == call:
            ctypes.set_errno(errno.EPERM)
            return -1
        return int(calls(number, *arguments))

    aio.close()
    before = descriptors()
    monkeypatch.setattr(uring, "call", guarded)
    found = syncers()
    assert [type(one) for one in found] == [Aio]
    for one in found:
        one.close()
    assert descriptors() == before


@pytest.mark.parametrize("fault", ["late", "old"])
def test_a_ring_that_does_not_do_what_is_asked_is_not_relied_on(
    monkeypatch: pytest.MonkeyPatch, aio: Aio, fault: str
) -> None:
    if fault == "late":
        monkeypatch.setattr(Uring, "wait", lambda _, seconds: seconds is None)
    else:
        monkeypatch.setattr(uring, "FAST_POLL", 1 << 31)
    aio.close()
    before = descriptors()
    found = syncers()
    assert [type(one) for one in found] == [Aio]
    found[0].close()
    assert descriptors() == before


def test_a_process_with_one_core_syncs_there(monkeypatch: pytest.MonkeyPatch, aio: Aio) -> None:
    aio.close()
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {1})
    found = syncers()
    assert [type(one) for one in found] == [Aio]
    found[0].close()


def test_what_is_much_is_synced_elsewhere(ring: Uring, aio: Aio) -> None:
    ring.close()
    aio.close()
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("there is one core")
    found = syncers()
    assert [type(one) for one in found] == [Aio, Uring]
    for one in found:
        one.close()


def test_where_there_is_no_such_kernel_nothing_syncs_beside(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Plan9")
    assert syncers() == []


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
