from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path

import msgspec
import pytest

from engine.service.audit import Audit
from engine.service.entries import Entry
from engine.service.record import RecordError
from engine.service.retention import checked_holds, hold, prune, release
from engine.storage.checkpoints import CheckpointFile
from engine.storage.holds import FILE, Hold, HoldsError, read_holds, write_holds
from engine.storage.moment import time_of
from engine.storage.query import find
from engine.storage.retention import DAY, Keep, Rules
from engine.storage.source import segment_files
from engine.storage.tending import tending
from engine.storage.verify import Report, verify_folder
from engine.storage.wanted import Wanted
from tests.service.test_record import entry

NOW = 1_800_000_000_000_000
STEP = 3
"""File operations between two moments at which the power goes."""
RULES = Rules(others=Keep(days=20))
ASKED = Hold(id="", tenant="north", since=time_of(NOW), who="ann", reason="case 17")


def opened(root: Path) -> Audit:
    return Audit(
        root / "audit",
        root / "key",
        "deny",
        name="x",
        time=lambda: time_of(NOW),
        segment_bytes=6000,
    )


def decision(day: int, tenant: str) -> Entry:
    return msgspec.structs.replace(
        entry(),
        time=time_of(NOW - day * DAY),
        decision_id=f"{tenant}{day}",
        tenant=tenant,
        review_id="",
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Forty days of decisions of two tenants."""
    audit = opened(tmp_path)
    for day in range(40, 0, -1):
        audit.write(decision(day, "north"))
        audit.write(decision(day, "south"))
    audit.close()
    return tmp_path


def opener(root: Path) -> Callable[[], Audit]:
    return lambda: opened(root)


def verified(root: Path) -> Report:
    audit = opened(root)
    audit.close()
    return verify_folder(root / "audit", [audit.verifier])


def acts(root: Path) -> list[tuple[str, object]]:
    return [
        (one.text("act"), one.fields.get("what"))
        for one in find(root / "audit", Wanted(kind="admin"))
    ]


def left(root: Path) -> list[str]:
    return [one.text("decision_id") for one in find(root / "audit", Wanted(kind="decision"))]


def test_what_is_forgotten_is_on_record_with_who_did_it(root: Path) -> None:
    found = prune(root / "audit", RULES, NOW, opener(root), who="ann")
    assert (found.records, found.busy, found.told) == (40, False, [])
    assert found.bytes > 0
    assert found.segments > 0
    assert len(left(root)) == 40
    assert [name for name, _ in acts(root)] == ["pruned"] * len(found.due)
    (first, *_) = find(root / "audit", Wanted(kind="admin"))
    assert (first.text("who"), first.kept.time) == ("ann", time_of(NOW))
    assert verified(root).problems == []
    again = prune(root / "audit", RULES, NOW, opener(root), who="ann")
    assert (again.records, again.due) == (0, [])


def test_checkpoints_of_what_is_gone_go_too(root: Path) -> None:
    """Of the trails that said what was pruned too, when their time has come."""
    audit = opened(root)
    audit.write(decision(-1000, "north"))
    audit.close()
    before = len(list(CheckpointFile(root / "audit").lines()))
    found = prune(root / "audit", RULES, NOW + 900 * DAY, opener(root), who="ann")
    assert (found.records, found.told) == (80, [])
    assert found.checkpoints == before - 1
    report = verified(root)
    assert report.problems == []
    assert (report.bridged_trails, report.bridged_records) == (1, 80)


def test_a_damaged_checkpoint_stays_and_that_is_told(root: Path) -> None:
    path = CheckpointFile(root / "audit").path
    path.write_bytes(b'"damaged"\n' + path.read_bytes())
    before = path.read_bytes()
    found = prune(root / "audit", RULES, NOW, opener(root), who="ann")
    assert found.records == 40
    assert found.told[0].startswith("the checkpoints stay as they are: checkpoint 1: ")
    assert path.read_bytes().startswith(before)


def test_a_dry_run_changes_nothing(root: Path) -> None:
    before = {one: one.read_bytes() for one in segment_files(root / "audit")}
    found = prune(root / "audit", RULES, NOW, opener(root), who="ann", dry=True)
    assert found.records == 40
    assert {one: one.read_bytes() for one in segment_files(root / "audit")} == before


def test_without_rules_everything_stays(root: Path) -> None:
    assert prune(root / "audit", Rules(), NOW, opener(root), who="ann").due == []
    assert len(left(root)) == 80


def test_two_do_not_prune_at_once(root: Path) -> None:
    with tending(root / "audit"):
        assert prune(root / "audit", RULES, NOW, opener(root), who="ann").busy
    assert len(left(root)) == 80


def test_what_cannot_be_signed_is_not_forgotten(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_file: int) -> None:
        raise OSError(5, "Input/output error")

    def silent() -> Audit:
        audit = opened(root)
        monkeypatch.setattr(os, "fdatasync", fails)
        return audit

    with pytest.raises(RecordError, match="cannot be signed, so nothing is"):
        prune(root / "audit", RULES, NOW, silent, who="ann")
    assert len(left(root)) == 80


def test_a_segment_that_cannot_be_rewritten_stays_and_that_is_told(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("engine.service.retention.forget", refuse)
    found = prune(root / "audit", RULES, NOW, opener(root), who="ann")
    assert found.due == []
    assert all("stays as it is: [Errno 30]" in one for one in found.told)
    assert len(left(root)) == 80


def test_what_no_sink_has_goes_loudly_when_it_is_too_much(tmp_path: Path) -> None:
    audit = opened(tmp_path)
    big = "x" * 60_000
    for number in range(30):
        audit.write(
            msgspec.structs.replace(decision(1, "north"), decision_id=f"d{number}", error=big)
        )
    audit.close()
    (tmp_path / "audit" / "shipped").mkdir()
    (tmp_path / "audit" / "shipped" / "siem.json").write_text('{"trails":{}}')
    rules = Rules(others=Keep(megabytes=1))
    found = prune(tmp_path / "audit", rules, NOW, opener(tmp_path), who="engine")
    assert found.records > 5
    assert any("were not shipped by the sink siem yet, and go" in one for one in found.told)
    assert any(what["unsent"] for _, what in acts(tmp_path) if isinstance(what, dict))


def test_a_changed_segment_is_neither_forgotten_nor_said_to_be(root: Path) -> None:
    list(find(root / "audit", Wanted(tenant="north")))  # An index that knows of no change.
    path = segment_files(root / "audit")[0]
    path.write_bytes(path.read_bytes().replace(b"north", b"nortH", 1))
    before = path.read_bytes()
    found = prune(root / "audit", RULES, NOW, opener(root), who="ann")
    assert any(one.startswith(f"{path.stem} stays as it is: ") for one in found.told)
    assert path.read_bytes() == before
    said = [what["segment"] for _, what in acts(root) if isinstance(what, dict)]
    assert said
    assert path.stem not in said


# --- holds ---------------------------------------------------------------------------------------


def test_a_hold_is_in_force_and_on_record_until_it_is_released(root: Path) -> None:
    folder = root / "audit"
    made = hold(folder, ASKED, opener(root))
    assert checked_holds(folder) == (made,)
    prune(folder, RULES, NOW, opener(root), who="ann")
    assert sum(name.startswith("north") for name in left(root)) == 40
    assert release(folder, "nothing", opener(root), who="ann", reason="", now=NOW) is None
    assert release(folder, made.id, opener(root), who="bob", reason="over", now=NOW) == made
    assert checked_holds(folder) == ()
    prune(folder, RULES, NOW, opener(root), who="ann")
    assert sum(name.startswith("north") for name in left(root)) == 20
    told = dict(one for one in acts(root) if one[0] != "pruned")
    assert told.keys() == {"held", "released"}
    assert told["held"] == msgspec.to_builtins(made)
    assert verified(root).problems == []


def test_a_broken_file_of_holds_stops_everything(root: Path) -> None:
    (root / "audit" / FILE).write_text("{")
    with pytest.raises(HoldsError):
        prune(root / "audit", RULES, NOW, opener(root), who="ann")
    with pytest.raises(HoldsError):
        hold(root / "audit", ASKED, opener(root))
    assert len(left(root)) == 80


def test_a_hold_that_vanished_stops_everything_until_it_is_released(root: Path) -> None:
    folder = root / "audit"
    made = hold(folder, ASKED, opener(root))
    write_holds(folder, ())
    with pytest.raises(HoldsError, match=f"the trail tells of the hold {made.id}"):
        prune(folder, RULES, NOW, opener(root), who="ann")
    assert len(left(root)) == 80
    found = release(folder, made.id, opener(root), who="ann", reason="lost", now=NOW)
    assert found is not None
    assert prune(folder, RULES, NOW, opener(root), who="ann").records == 40


# --- the power goes ------------------------------------------------------------------------------


def killed_at(root: Path, number: int) -> bool:
    """Prune in a child that is killed before the file operation *number*; say whether it was."""
    child = os.fork()
    if child == 0:
        left_over = number

        def watch(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal left_over
            if event in {"open", "os.rename", "os.remove", "os.truncate"} and "audit" in str(
                arguments[0]
            ):
                left_over -= 1
                if left_over < 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        try:
            sys.addaudithook(watch)
            prune(root / "audit", RULES, NOW, opener(root), who="ann")
            os._exit(0)
        finally:  # Else what goes wrong here would go on with the tests, beside their process.
            os._exit(1)
    ended = os.waitpid(child, 0)[1]
    assert ended in (0, signal.SIGKILL)
    return ended != 0


@pytest.mark.slow
def test_killed_at_any_file_operation_nothing_is_lost_and_all_is_verified(root: Path) -> None:
    stays = {f"{tenant}{day}" for day in range(20, 0, -1) for tenant in ("north", "south")}
    list(find(root / "audit", Wanted(tenant="north")))  # So that the indexes are there.
    stages = set()
    for number in count(0, STEP):
        copy = root / str(number)
        shutil.copytree(root / "audit", copy / "audit")
        shutil.copy(root / "key", copy / "key")
        killed = killed_at(copy, number)
        audit = opened(copy)
        audit.recover()
        audit.close()
        report = verify_folder(copy / "audit", [audit.verifier])
        assert report.problems == []
        assert stays <= set(left(copy))
        stages.add(len(left(copy)))
        prune(copy / "audit", RULES, NOW, opener(copy), who="ann")
        assert set(left(copy)) == stays
        assert verified(copy).problems == []
        if not killed:
            break
    assert len(stages) > 3


def test_holds_are_read_as_they_were_written(root: Path) -> None:
    made = hold(root / "audit", ASKED, opener(root))
    other = hold(
        root / "audit", msgspec.structs.replace(ASKED, tenant="", session="s1"), opener(root)
    )
    assert read_holds(root / "audit") == (made, other)
    assert made.id != other.id
