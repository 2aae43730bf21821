"""Over a real door and a real trail, an answer leaves when its record is on the disk, or denies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest

from engine.service.audit import Audit
from engine.service.keeping import UNRECORDED
from engine.storage.durability import Way
from engine.storage.read import read_folder
from engine.wire import engine_pb2 as wire
from tests.doors.grpc.serving import (
    PATIENCE,
    Channel,
    Daemon,
    ask,
    call,
    decide,
    decide_stream,
    serve,
)
from tests.doors.grpc.test_guard import guarded, said, texts
from tests.storage.disks import HeldDisk

TIME = "2026-01-01T00:00:00.000000Z"


@pytest.fixture
def trail(tmp_path: Path) -> Iterator[Audit]:
    way = Way(durability="synced", on_full="deny", patience=20)
    made = Audit(tmp_path / "audit", tmp_path / "key", way, name="x", time=lambda: TIME)
    yield made
    made.close()


@pytest.fixture
def disk(trail: Audit, monkeypatch: pytest.MonkeyPatch) -> Iterator[HeldDisk]:
    assert trail.waiting == 0
    with monkeypatch.context() as patch:
        disk = HeldDisk(patch)
        yield disk
        disk.go_on.set()


@pytest.fixture
def served(trail: Audit, transport: str) -> Iterator[Daemon]:
    with serve(transport=transport) as daemon:
        daemon.gate.recorder = trail
        yield daemon


def plain(channel: Channel) -> list[wire.Decision]:
    return [decide(channel, ask())]


def batch(channel: Channel) -> list[wire.Decision]:
    raw = call(
        channel, "PolicyEngine/DecideBatch", wire.DecideBatchRequest(requests=[ask()] * 3), PATIENCE
    )
    return list(wire.DecideBatchResponse.FromString(raw).decisions)


def stream(channel: Channel) -> list[wire.Decision]:
    answers = decide_stream(channel, iter([ask().SerializeToString()] * 3), timeout=PATIENCE)
    return [wire.Decision.FromString(one) for one in answers]


def guard(channel: Channel) -> list[wire.Decision]:
    return [said(guarded(channel, texts("hello"), timeout=PATIENCE))[1]]


Asked = Callable[[Channel], list[wire.Decision]]
METHODS = pytest.mark.parametrize("asked", [plain, batch, stream, guard])


def held(daemon: Daemon, disk: HeldDisk, asked: Asked, release: Callable[[], None]) -> list[str]:
    """Return the actions and failures that are answered after *release*; nothing may be before."""
    with grpc.insecure_channel(daemon.address) as channel, ThreadPoolExecutor(1) as threads:
        answer: Future[list[wire.Decision]] = threads.submit(asked, channel)
        assert disk.reached.wait(PATIENCE)
        with pytest.raises(TimeoutError):
            answer.result(0.1)
        release()
        disk.go_on.set()
        decisions = answer.result(PATIENCE)
    return [
        wire.Action.Name(one.action) + "".join(reason.failure for reason in one.reasons)
        for one in decisions
    ]


@METHODS
def test_no_answer_leaves_before_its_record_is_on_the_disk(
    served: Daemon, disk: HeldDisk, asked: Asked, tmp_path: Path
) -> None:
    said = held(served, disk, asked, lambda: None)
    assert set(said) == {"ACTION_ALLOW"}
    assert len(list(read_folder(tmp_path / "audit"))) == len(said)


@METHODS
def test_a_disk_that_fails_turns_waiting_answers_into_denies(
    served: Daemon, disk: HeldDisk, asked: Asked
) -> None:
    said = held(served, disk, asked, lambda: setattr(disk, "broken", True))
    disk.broken = False
    assert set(said) == {f"ACTION_DENY{UNRECORDED}"}
