from __future__ import annotations

import errno
import os
from pathlib import Path

import msgspec
import pytest

from engine.service.audit import Audit
from engine.service.journal import Journal
from engine.service.laid import Laid
from engine.service.record import Both, NoRecorder, RecordError
from engine.storage.durability import OnFull
from engine.storage.frames import first_digest, read_frames
from engine.storage.header import OPEN, read_header
from engine.storage.source import segment_files
from engine.storage.verify import verify_folder
from tests.service.test_record import entry

TIME = "2026-01-01T00:00:00.000000Z"


def opened(folder: Path, on_full: OnFull = "deny", told: list[str] | None = None) -> Audit:
    made = Audit(
        folder / "audit",
        folder / "audit.key",
        on_full,
        name="audit.example",
        time=lambda: TIME,
    )
    if told is not None:
        made.told = told.append
    made.recover()
    return made


def payloads(folder: Path) -> list[dict[str, object]]:
    found = []
    for path in segment_files(folder / "audit"):
        data = path.read_bytes()
        header, end = read_header(data)
        frames = read_frames(data, end, first_digest(data[:end]), header.first)
        found += [msgspec.json.decode(one.payload) for one in frames]
    return found


def problems(audit: Audit) -> list[str]:
    return [str(one) for one in verify_folder(audit.folder, [audit.verifier]).problems]


@pytest.mark.parametrize("signed", [True, False])
def test_a_key_that_was_replaced_is_told_and_the_former_one_recorded(
    tmp_path: Path,
    signed: bool,  # noqa: FBT001
) -> None:
    first = opened(tmp_path)
    first.write(entry())
    if signed:
        first.close()
    (tmp_path / "audit.key").unlink()
    told: list[str] = []
    audit = Audit(
        tmp_path / "audit", tmp_path / "audit.key", "deny", name="audit.example", time=lambda: TIME
    )
    audit.told = told.append
    audit.recover()
    audit.close()
    acts = [one for one in payloads(tmp_path) if one["kind"] == "admin"]
    if not signed:
        assert (acts, told) == ([], [])
        first.close()
        return
    assert [(one["act"], one["what"]) for one in acts] == [
        ("signing_key_replaced", {"from": str(first.verifier), "to": str(audit.verifier)})
    ]
    assert str(first.verifier) in told[0]
    report = verify_folder(audit.folder, [first.verifier, audit.verifier])
    assert not report.problems
    told.clear()
    again = opened(tmp_path, told=told)
    again.close()
    assert told == []


def test_a_public_key_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    opened(tmp_path).close()
    (tmp_path / "audit" / "audit.pub").unlink()
    (tmp_path / "audit" / "audit.pub").mkdir()
    with pytest.raises(RecordError, match=r"cannot write .*audit\.pub"):
        opened(tmp_path)


def test_a_public_key_that_is_none_is_written_anew(tmp_path: Path) -> None:
    opened(tmp_path).close()
    (tmp_path / "audit" / "audit.pub").write_text("nonsense")
    told: list[str] = []
    audit = opened(tmp_path, told=told)
    assert (tmp_path / "audit" / "audit.pub").read_text() == f"{audit.verifier}\n"
    audit.close()
    assert told == []


def test_entries_are_kept_in_a_signed_trail(tmp_path: Path) -> None:
    audit = opened(tmp_path)
    audit.write(entry())
    note = audit.tend()
    assert "audit.example/" in note
    assert audit.tend() == ""
    audit.reopen()
    audit.write(entry())
    audit.close()
    audit.close()
    assert [one["decision_id"] for one in payloads(tmp_path)] == ["d1", "d1"]
    assert problems(audit) == []
    assert verify_folder(audit.folder, [audit.verifier]).signed == 2


def test_the_signer_is_the_same_after_a_restart(tmp_path: Path) -> None:
    first = opened(tmp_path)
    first.close()
    second = opened(tmp_path)
    second.close()
    assert first.verifier == second.verifier
    assert problems(second) == []


def test_what_a_process_left_open_is_closed(tmp_path: Path) -> None:
    first = opened(tmp_path)
    first.write(entry())
    first._trail._segment.drop()
    told: list[str] = []
    opened(tmp_path, told=told).close()
    assert len(told) == 1
    assert "was left open, and is closed now" in told[0]
    report = verify_folder(first.folder, [first.verifier])
    assert (report.problems, report.records, report.signed) == ([], 1, 1)
    broken = tmp_path / "audit" / f"broken{OPEN}"
    broken.write_bytes(b"nothing\n")
    opened(tmp_path, told=told).close()
    assert "the segment broken.open cannot be closed: its first line" in told[1]


def test_what_the_kernel_holds_for_longer_than_its_process_is_closed_later(tmp_path: Path) -> None:
    first = opened(tmp_path)
    first.write(entry())
    holder = os.dup(first._trail._segment.file)
    first._trail._segment.drop()
    told: list[str] = []
    second = opened(tmp_path, told=told)
    second.tend()
    assert told == []
    os.close(holder)
    second.tend()
    assert ["was left open, and is closed now" in one for one in told] == [True]
    second.write(entry())
    second.tend()
    assert len(told) == 1
    second.close()
    report = verify_folder(first.folder, [first.verifier])
    assert (report.problems, report.records, report.signed) == ([], 2, 2)


def fails(_file: int, _data: bytes) -> int:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_two_recorders_keep_what_one_does(tmp_path: Path) -> None:
    audit = opened(tmp_path)
    both = Both(audit, Journal(tmp_path / "lines", "drop"))
    both.write(entry())
    both.reopen()
    both.close()
    assert both.dropped == 0
    assert len(payloads(tmp_path)) == len((tmp_path / "lines").read_bytes().splitlines()) == 1


def test_a_line_that_is_laid_is_kept_like_one_that_is_not(tmp_path: Path) -> None:
    one = entry()
    raw = msgspec.json.encode(one, enc_hook=str)
    laid = Laid(one.time, one.decision_id, raw)
    audit, journal = opened(tmp_path), Journal(tmp_path / "lines", "drop")
    both = Both(audit, journal)
    assert both.lays
    assert not Both(audit, NoRecorder()).lays
    for line in (one, laid):
        both.write(line)
    assert audit.write_all([laid, one])
    earlier = Laid("2025-12-31T23:59:59Z", "d0", raw)
    assert not audit.write_all([earlier])
    both.close()
    first, *others = payloads(tmp_path)
    assert others == [first] * 3
    assert (tmp_path / "lines").read_bytes() == raw + b"\n" + raw + b"\n"
    assert problems(audit) == []


def test_what_cannot_be_kept_denies_or_leaves_a_gap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    denies, drops = opened(tmp_path / "a"), opened(tmp_path / "b", "drop")

    monkeypatch.setattr(os, "write", fails)
    with pytest.raises(RecordError, match=r"cannot write to .*: No space left on device"):
        denies.write(entry())
    for _ in range(3):
        drops.write(entry())
    assert (denies.dropped, drops.dropped) == (0, 3)
    monkeypatch.undo()
    drops.write(entry())
    drops.close()
    denies.close()
    assert [one.get("lost") for one in payloads(tmp_path / "b")] == [3, None]
    assert [(one["lost"], one["denied"]) for one in payloads(tmp_path / "a")] == [(0, 1)]
    assert problems(drops) == []


def test_a_trail_that_cannot_be_signed_or_rolled_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    audit = opened(tmp_path, told=told)
    audit.write(entry())

    monkeypatch.setattr(os, "write", fails)
    assert audit.tend() == ""
    with pytest.raises(RecordError, match="cannot go on in"):
        audit.reopen()
    audit.close()
    assert [one.partition(":")[0] for one in told] == [
        "it cannot be signed",
        "it could not be closed",
    ]


def test_a_folder_or_a_key_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "audit.key").write_text("no key")
    with pytest.raises(RecordError, match="open to others"):
        opened(tmp_path)
    (tmp_path / "audit.key").unlink()
    (tmp_path / "audit").rmdir()
    (tmp_path / "audit").write_text("a file")
    with pytest.raises(RecordError, match=r"cannot keep an audit trail in .*: File exists"):
        opened(tmp_path)


@pytest.mark.parametrize("damage", [b"x\n", b"\xff\xfe\n" * 3000, b"\0" * 9000 + b"\n"])
def test_a_checkpoint_that_cannot_be_read_is_named_and_stops_nobody(
    tmp_path: Path, damage: bytes
) -> None:
    path = tmp_path / "audit" / "checkpoints.jsonl"

    def sign() -> Audit:
        audit = opened(tmp_path)
        audit.write(entry())
        audit.close()
        with path.open("ab") as file:
            file.write(damage)
        return audit

    sign()
    audit = sign()
    kept = path.read_bytes()
    assert kept.count(damage) == 2
    assert kept.count(b'"note"') == 2
    assert any("this is no checkpoint" in one for one in problems(audit))
