"""Answers wait until what they say is recorded, or become a deny."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Awaitable
from pathlib import Path

import msgspec
import pytest

from engine.runtime.memory import MemoryStore
from engine.service.audit import CLOCK, Audit
from engine.service.bundles import Recipe, load_folder
from engine.service.gate import Gate
from engine.service.journal import Journal
from engine.service.record import Both, NoRecorder, RecordError, Then
from engine.storage.durability import Way
from engine.storage.read import read_folder
from tests.service.bundle import SECRET, asked, write_folder
from tests.service.test_record import entry

TIME = "2026-01-01T00:00:00.000000Z"
BROKEN = OSError(errno.EIO, "Input/output error")


def synced(folder: Path) -> Audit:
    return Audit(
        folder / "audit", folder / "key", Way(durability="synced"), name="x", time=lambda: TIME
    )


def gate(folder: Path, audit: Audit) -> Gate:
    write_folder(folder / "policies", {"door.pol": "policy door { default allow }"})
    made = Gate(MemoryStore(), audit, secret=SECRET)
    made.swap(load_folder(folder / "policies", Recipe(SECRET)))
    return made


def breaks(patch: pytest.MonkeyPatch) -> None:
    def fail(_file: int) -> None:
        raise BROKEN

    patch.setattr(os, "fdatasync", fail)


async def answered(gate: Gate) -> str:
    """Decide as a door does; return the action that is answered."""
    decision = gate.begin(asked())
    waited = gate.keeper.kept()
    assert waited is not None
    return (await gate.keeper.when_kept(decision, waited)).action  # type: ignore[arg-type]


def test_a_decision_is_answered_when_it_is_on_the_disk(tmp_path: Path) -> None:
    made = gate(tmp_path, synced(tmp_path))
    assert made.decide(asked()).action == "allow"
    assert asyncio.run(answered(made)) == "allow"
    made.close()
    assert len(list(read_folder(tmp_path / "audit"))) == 2


def test_a_decision_that_the_disk_does_not_take_is_denied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    audit = synced(tmp_path)
    made = gate(tmp_path, audit)
    breaks(monkeypatch)
    assert made.decide(asked()).action == "deny"
    assert asyncio.run(answered(made)) == "deny"
    assert (audit.tally.denied, audit.stuck, audit.waiting) == (2, True, 0)
    monkeypatch.undo()
    assert made.decide(asked()).action == "allow"
    made.close()
    kinds = [msgspec.json.decode(one.payload)["kind"] for one in read_folder(tmp_path / "audit")]
    assert kinds == ["gap", "decision"]


class Late(NoRecorder):
    """Takes its time, and fails then if it is told to."""

    def __init__(self, why: str = "") -> None:
        self._why = why

    def kept(self) -> Awaitable[None] | None:
        return self._wait()

    async def _wait(self) -> None:
        await asyncio.sleep(0)
        if self._why:
            raise RecordError(self._why)

    def tell(self, then: Then) -> bool:
        problem = RecordError(self._why) if self._why else None
        asyncio.get_running_loop().call_soon(then, problem)
        return True


def test_two_recorders_are_both_waited_for(tmp_path: Path) -> None:
    async def wait(both: Both) -> None:
        waited = both.kept()
        assert waited is not None
        await waited

    journal = Journal(tmp_path / "lines", "deny")
    assert Both(NoRecorder(), journal).kept() is None
    assert Both(NoRecorder(), journal).waits() is None
    asyncio.run(wait(Both(Late(), journal)))
    asyncio.run(wait(Both(Late(), Late())))
    for both in (Both(Late("no"), Late()), Both(Late(), Late("no"))):
        with pytest.raises(RecordError, match="no"):
            asyncio.run(wait(both))
    journal.close()


def test_who_is_called_is_called_once_when_both_recorders_have_kept_it(tmp_path: Path) -> None:
    async def said(both: Both) -> list[str] | None:
        found: list[str] = []
        if not both.tell(lambda problem: found.append(str(problem or ""))):
            return None
        assert found == []
        for _ in range(3):
            await asyncio.sleep(0)
        return found

    journal = Journal(tmp_path / "lines", "deny")
    assert asyncio.run(said(Both(NoRecorder(), journal))) is None
    assert asyncio.run(said(Both(Late(), journal))) == [""]
    assert asyncio.run(said(Both(journal, Late("no")))) == ["no"]
    assert asyncio.run(said(Both(Late(), Late()))) == [""]
    assert asyncio.run(said(Both(Late("no"), Late("not, either")))) == ["no"]
    assert asyncio.run(said(Both(Late(), Late("no")))) == ["no"]
    journal.close()


def test_who_is_called_hears_why_a_record_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    audit = synced(tmp_path)

    async def said() -> Exception | None:
        heard: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        audit.write(entry())
        assert audit.tell(heard.set_result)
        return await heard

    assert asyncio.run(said()) is None
    breaks(monkeypatch)
    audit.write(entry())
    with pytest.raises(RecordError):
        audit.wait()
    problem = asyncio.run(said())
    assert isinstance(problem, RecordError)
    assert str(problem) == f"cannot write to {audit.folder}: Input/output error"
    monkeypatch.undo()
    audit.close()


def test_what_was_refused_before_anybody_asks_is_not_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    audit = synced(tmp_path)

    def full(_file: int, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    async def asked(way: str) -> Exception | None:
        audit.write(entry())
        audit.tend()
        if way == "called":
            heard: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
            assert audit.tell(heard.set_result)
            return await heard
        waited = audit.kept()
        assert waited is not None
        with pytest.raises(RecordError) as found:
            await waited
        return found.value

    audit.write(entry())
    audit.wait()
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        for way in ("awaited", "called"):
            problem = asyncio.run(asked(way))
            assert isinstance(problem, RecordError)
            assert str(problem) == f"cannot write to {audit.folder}: No space left on device"
    audit.close()


def test_a_thread_waits_for_both_recorders(tmp_path: Path) -> None:
    one, two = synced(tmp_path / "one"), synced(tmp_path / "two")
    for first, second, both in ((one, two, True), (one, NoRecorder(), False)):
        recorder = Both(first, second)
        recorder.write(entry())
        waits = recorder.waits()
        assert waits is not None
        waits()
        assert one.waiting == 0
        assert two.waiting == 0 or not both
    one.close()
    two.close()


def test_a_clock_that_is_set_back_is_recorded(tmp_path: Path) -> None:
    audit = synced(tmp_path)
    later = msgspec.structs.replace(entry(), time="2026-01-02T00:00:00.000000Z")
    for one in (later, later, entry(), entry()):
        audit.write(one)
    audit.reopen()
    audit.close()
    found = [msgspec.json.decode(one.payload) for one in read_folder(tmp_path / "audit")]
    told = [one for one in found if one["kind"] == "admin"]
    assert [(one["act"], one["what"]) for one in told] == [
        (CLOCK, {"from": later.time, "to": TIME})
    ]
    assert [one["kind"] for one in found].index("admin") == 2


def test_what_had_to_wait_is_no_clock_that_was_set_back(tmp_path: Path) -> None:
    now = ["2026-01-01T00:00:09.000000Z"]
    audit = Audit(tmp_path / "audit", tmp_path / "key", "deny", name="x", time=lambda: now[0])
    times = [f"2026-01-01T00:00:0{second}.000000Z" for second in (7, 3, 5, 8, 2)]
    for time in times:
        audit.write(msgspec.structs.replace(entry(), time=time))
    now[0] = "2026-01-01T00:00:04.000000Z"
    late = msgspec.structs.replace(entry(), time="2026-01-01T00:00:01.000000Z")
    for _ in range(2):
        audit.write(late)
    audit.close()
    found = [msgspec.json.decode(one.payload) for one in read_folder(tmp_path / "audit")]
    assert [one["time"] for one in found] == [*times, now[0], late.time, late.time]
    assert [one["what"] for one in found if one["kind"] == "admin"] == [
        {"from": "2026-01-01T00:00:08.000000Z", "to": now[0]}
    ]


@pytest.mark.parametrize("together", [False, True])
def test_what_is_told_late_does_not_set_the_clock_back_twice(
    tmp_path: Path, *, together: bool
) -> None:
    now = ["2026-01-01T00:00:09.000000Z"]
    audit = Audit(tmp_path / "audit", tmp_path / "key", "deny", name="x", time=lambda: now[0])

    def tell(seconds: str) -> None:
        """Record decisions of these *seconds*, those that can be together."""
        for second in seconds:
            one = msgspec.structs.replace(entry(), time=f"2026-01-01T00:00:0{second}.000000Z")
            if not together or not audit.write_all([one]):
                audit.write(one)

    tell("56")
    now[0] = "2026-01-01T00:00:03.000000Z"
    # Between those of afterwards are some that were decided before.
    tell("27382")
    now[0] = "2026-01-01T00:00:08.000000Z"
    tell("78")
    now[0] = "2026-01-01T00:00:04.000000Z"
    tell("4")
    audit.close()
    found = [msgspec.json.decode(one.payload) for one in read_folder(tmp_path / "audit")]
    assert [one["what"]["to"][-9:] for one in found if one["kind"] == "admin"] == [
        "3.000000Z",
        "4.000000Z",
    ]
    assert [one["time"][18] for one in found if one["kind"] == "decision"] == [*"5627382784"]
