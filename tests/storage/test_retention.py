from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from engine.storage.examine import numbers_digest
from engine.storage.frames import PRUNED_BYTES, Frame, first_digest, pruned_frame, read_frames
from engine.storage.header import CLOSED, OPEN, read_header
from engine.storage.holds import FILE, Hold, HoldsError, read_holds, write_holds
from engine.storage.index import ENDING
from engine.storage.moment import time_of
from engine.storage.prune import NEW, NotWhole, forget, sweep
from engine.storage.query import find
from engine.storage.read import read_folder
from engine.storage.retention import DAY, MEGABYTE, Due, Keep, Rules, due_in, lost_holds
from engine.storage.segment import recover
from engine.storage.shipped import Shipped, read_shipped
from engine.storage.source import COMPRESSED, compressed, segment_files
from engine.storage.wanted import Wanted
from tests.storage.made import TIME, told, trail, verified

NOW = 1_800_000_000_000_000
NOTHING = Shipped({})


def kept_at(days: float, **fields: object) -> bytes:
    """A record that was made so many days ago."""
    time = time_of(NOW - int(days * DAY))
    return msgspec.json.encode({"kind": "decision", "time": time, **fields})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Fifty days of north and south, a decision a day of each, in several segments."""
    one = trail(tmp_path, segment_bytes=2500)
    for day in range(50, 0, -1):
        for tenant in ("north", "south"):
            name = f"{tenant[0]}{day}"
            one.append(kept_at(day, tenant=tenant, decision_id=name, session=f"{name[:2]}"))
    one.close()
    return tmp_path


def prune(folder: Path, rules: Rules, *holds: Hold, shipped: Shipped = NOTHING) -> list[Due]:
    """Forget what is due, with a signed record of it, as the service does."""
    found = due_in(folder, rules, holds, shipped, NOW)
    if found:
        one = trail(folder)
        for due in found:
            act = {"kind": "admin", "time": time_of(NOW), "act": "pruned", "what": due.told}
            one.append(msgspec.json.encode(act))
        one.close()
    for due in found:
        forget(due)
    return found


def left(folder: Path) -> list[str]:
    return [one.text("decision_id") for one in find(folder, Wanted(kind="decision"))]


def days(*numbers: int, tenants: str = "ns") -> list[str]:
    return [f"{tenant}{day}" for day in numbers for tenant in tenants]


ALL = Rules(others=Keep(days=20))


def test_what_is_too_old_is_forgotten_and_the_rest_still_verifies(folder: Path) -> None:
    before = len(segment_files(folder))
    found = prune(folder, ALL)
    assert left(folder) == days(*range(20, 0, -1))
    assert [one.text("decision_id") for one in find(folder, Wanted(), newest=True)][:2]
    report = verified(folder)
    assert report.problems == []
    assert report.signed == 100 + len(found)
    assert report.deleted > 0
    assert report.pruned + report.deleted == 60
    assert len(segment_files(folder)) < before
    assert due_in(folder, ALL, (), NOTHING, NOW) == []


def test_each_tenant_has_its_own_days(folder: Path) -> None:
    prune(folder, Rules(others=Keep(), tenants={"north": Keep(days=30)}))
    assert left(folder) == [
        name for day in range(50, 0, -1) for name in days(day) if name[0] == "s" or day <= 30
    ]
    assert told(folder) == []
    prune(folder, Rules(others=Keep(days=30), tenants={"north": Keep()}))
    assert left(folder) == days(*range(30, 0, -1))
    assert told(folder) == []


def test_the_newest_megabytes_stay(tmp_path: Path) -> None:
    one = trail(tmp_path, segment_bytes=MEGABYTE)
    for number in range(50):
        one.append(kept_at(50 - number, tenant="north", decision_id=f"n{number}", pad="x" * 60_000))
        one.append(kept_at(50 - number, tenant="south", decision_id=f"s{number}"))
    one.close()
    rules = Rules(tenants={"north": Keep(megabytes=1)})
    assert rules.any
    found = prune(tmp_path, rules)
    sizes = [len(one.payload) for one in read_folder(tmp_path) if b'"north"' in one.payload]
    assert MEGABYTE - 61_000 < sum(sizes) <= MEGABYTE
    assert [name for name in left(tmp_path) if name[0] == "n"] == [
        f"n{number}" for number in range(50 - len(sizes), 50)
    ]
    assert len([name for name in left(tmp_path) if name[0] == "s"]) == 50
    assert sum(one.by_size for one in found) == 50 - len(sizes)
    assert told(tmp_path) == []


@pytest.mark.parametrize(
    ("hold", "stays"),
    [
        (Hold(id="1", tenant="north", since="", reason=""), days(*range(50, 20, -1), tenants="n")),
        (Hold(id="1", session="n4", since="", reason=""), days(*range(49, 39, -1), tenants="n")),
        (Hold(id="1", decision="s33", since="", reason=""), ["s33"]),
    ],
)
def test_a_hold_always_wins(folder: Path, hold: Hold, stays: list[str]) -> None:
    prune(folder, Rules(others=Keep(days=20, megabytes=1)), hold)
    assert left(folder) == sorted(
        stays + days(*range(20, 0, -1)), key=lambda name: (-int(name[1:]), name[0])
    )
    assert told(folder) == []


def test_what_came_of_a_held_decision_is_held_too(tmp_path: Path) -> None:
    one = trail(tmp_path)
    for number in (1, 2):
        session, identity, review = f"s{number}", f"d{number}", f"v{number}"
        one.append(kept_at(40, decision_id=identity, session=session, review_id=review))
        one.append(kept_at(40, kind="settlement", decision_id=identity))
        one.append(kept_at(40, kind="review", review_id=review))
    one.append(kept_at(40, decision_id="d3", review_id="v1"))
    one.close()
    for hold in (
        Hold(id="1", session="s1", since="", reason=""),
        Hold(id="1", decision="d1", since="", reason=""),
    ):
        (due,) = due_in(tmp_path, ALL, (hold,), NOTHING, NOW)
        assert set(due.rows) == {3, 4, 5, 6}


def test_records_of_holds_and_prunings_stay_for_good(tmp_path: Path) -> None:
    one = trail(tmp_path)
    for act in ("held", "released", "pruned", "started", 7):
        one.append(kept_at(40, kind="admin", act=act, what={}))
    one.close()
    (due,) = due_in(tmp_path, ALL, (), NOTHING, NOW)
    assert (list(due.rows), due.ends) == ([3], False)


def test_the_record_of_a_recovery_is_never_pruned_but_goes_with_its_segment(
    tmp_path: Path,
) -> None:
    for number in range(2):
        one = trail(tmp_path)
        for _ in range(3):
            one.append(kept_at(40 * (1 - number), tenant="north"))
        one.append(kept_at(40, tenant="north"))
        one.checkpoint()
        one._segment.drop()
        assert recover(one.path, time_of(NOW - 40 * DAY)) is not None
    found = prune(tmp_path, ALL)
    assert sorted((one.records, len(one.rows), one.ends) for one in found) == [
        (4, 1, False),
        (4, 4, True),
    ]
    assert told(tmp_path) == []


def test_open_segments_are_never_touched(tmp_path: Path) -> None:
    one = trail(tmp_path)
    one.append(kept_at(400, tenant="north"))
    assert one.path.name.endswith(OPEN)
    assert due_in(tmp_path, Rules(others=Keep(days=1, megabytes=1)), (), NOTHING, NOW) == []
    one.close()


def test_what_a_sink_waits_for_stays_unless_the_megabytes_force_it(tmp_path: Path) -> None:
    one = trail(tmp_path, segment_bytes=2**23)
    for number in range(40):
        one.append(kept_at(40, tenant="north", decision_id=f"n{number}", pad="x" * 60_000))
    name = one.name
    one.close()
    (tmp_path / "shipped").mkdir()
    (tmp_path / "shipped" / "siem.json").write_text(f'{{"trails":{{"{name}":5}},"more":1}}')
    shipped = read_shipped(tmp_path)
    assert (shipped.sent(name), shipped.sent("other")) == (5, 0)
    (due,) = due_in(tmp_path, ALL, (), shipped, NOW)
    assert set(due.rows) == set(range(5))
    assert not due.unsent
    (due,) = due_in(tmp_path, Rules(others=Keep(days=20, megabytes=1)), (), shipped, NOW)
    assert set(range(5)) < set(due.rows)
    assert due.unsent == {"siem": len(due.rows) - 5}
    (tmp_path / "shipped" / "archive.json").write_text("{no json")
    assert read_shipped(tmp_path).sent(name) == 0
    assert due_in(tmp_path, ALL, (), read_shipped(tmp_path), NOW) == []


def test_compressed_segments_are_pruned_too(folder: Path) -> None:
    for path in segment_files(folder):
        path.with_suffix(COMPRESSED).write_bytes(compressed(path.read_bytes()))
        path.unlink()
    prune(folder, Rules(tenants={"north": Keep(days=20)}))
    assert all(name[0] == "s" for name in left(folder)[:30])
    assert told(folder) == []
    assert verified(folder).pruned == 30


def test_of_a_segment_with_two_files_neither_keeps_what_is_forgotten(folder: Path) -> None:
    path = segment_files(folder)[0]
    path.with_suffix(COMPRESSED).write_bytes(compressed(path.read_bytes()))
    prune(folder, Rules(tenants={"north": Keep(days=20)}))
    assert not path.with_suffix(COMPRESSED).exists()
    assert b"north" not in path.read_bytes()
    assert told(folder) == []


def test_nothing_of_what_is_forgotten_stays_in_any_file(folder: Path) -> None:
    list(find(folder, Wanted(decision="n50")))
    assert b"n50" in segment_files(folder)[0].read_bytes()
    prune(folder, Rules(tenants={"north": Keep(days=20)}))
    list(find(folder, Wanted(decision="n50")))
    for path in folder.iterdir():
        assert b'"n50"' not in path.read_bytes()
    assert not list(folder.glob(f"*{ENDING}{NEW}"))


# --- what is not forgotten -----------------------------------------------------------------------


def test_a_segment_that_was_changed_is_evidence_and_stays(folder: Path) -> None:
    path = segment_files(folder)[0]
    path.write_bytes(path.read_bytes().replace(b"north", b"nortH", 1))
    (folder / f"zz-00000000{CLOSED}").write_bytes(b"no header\n")
    heard: list[str] = []
    found = due_in(folder, ALL, (), NOTHING, NOW, heard.append)
    assert path.name not in [one.path.name for one in found]
    assert len(heard) == 2
    assert heard[0].startswith(f"{path.name} stays as it is: it is not whole (at byte ")
    assert "zz-00000000.seg stays as it is: its first line is no header" in heard[1]


def test_a_segment_that_changed_since_it_was_looked_at_stays(folder: Path) -> None:
    due = due_in(folder, Rules(tenants={"north": Keep(days=20)}), (), NOTHING, NOW)[0]
    data = due.path.read_bytes()
    changed = data.replace(b"south", b"soutH", 1)
    due.path.write_bytes(changed)
    with pytest.raises(NotWhole, match="is not whole"):
        forget(due)
    due.ends = True
    with pytest.raises(NotWhole, match="is not whole"):
        forget(due)
    assert due.path.read_bytes() == changed
    due.path.write_bytes(data)
    due.before = {0}
    with pytest.raises(NotWhole, match="is not what it was when it was looked at"):
        forget(due)
    assert due.path.read_bytes() == data


def test_a_full_disk_leaves_the_segment_as_it_was(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    due = due_in(folder, Rules(tenants={"north": Keep(days=20)}), (), NOTHING, NOW)[0]
    before = due.path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        forget(due)
    assert due.path.read_bytes() == before
    assert list(folder.glob(f"*{NEW}")) == []


def test_what_a_crash_left_half_made_is_swept_away(folder: Path) -> None:
    for name in (f"a{CLOSED}{NEW}", f"a{COMPRESSED}{NEW}", f"holds.json{NEW}"):
        (folder / name).write_bytes(b"half")
    sweep(folder)
    assert [one.name for one in folder.glob(f"*{NEW}")] == [f"holds.json{NEW}"]


def test_records_that_nobody_says_were_pruned_are_told(folder: Path) -> None:
    due = due_in(folder, Rules(tenants={"north": Keep(days=20)}), (), NOTHING, NOW)[0]
    forget(due)
    (problem,) = told(folder)
    assert problem == (
        f"{due.path.name}: {len(due.rows)} of its records were pruned, and no signed record says so"
    )


def test_other_records_than_were_said_to_be_pruned_are_told(folder: Path) -> None:
    due = prune(folder, Rules(tenants={"north": Keep(days=45)}))[0]
    path = due.path
    data = path.read_bytes()
    header, start = read_header(data)
    frames: list[Frame] = list(read_frames(data, start, first_digest(data[:start]), header.first))
    victim = next(one for one in frames if not one.pruned)
    path.write_bytes(data[: victim.start] + pruned_frame(data, victim.start) + data[victim.end :])
    assert any("no signed record says so" in one for one in told(folder))


def test_a_segment_that_was_deleted_unsaid_is_told_and_one_that_was_said_is_not(
    folder: Path,
) -> None:
    found = prune(folder, ALL)
    assert any(one.ends for one in found)
    assert told(folder) == []
    victim = next(one for one in segment_files(folder) if one.name.startswith(found[0].trail))
    victim.unlink()
    assert any("is missing before it" in one for one in told(folder))


def test_a_whole_trail_may_be_forgotten(folder: Path) -> None:
    found = prune(folder, Rules(others=Keep(days=1), tenants={"south": Keep(days=1)}))
    last = prune(folder, Rules(others=Keep(days=1)))
    assert last == []
    assert not found[-1].ends
    one = trail(folder)
    one.append(kept_at(40, tenant="north"))
    one.close()
    (due,) = prune(folder, ALL)
    assert due.ends
    report = verified(folder)
    assert report.problems == []
    assert report.deleted >= 1


def test_a_pruned_frame_keeps_head_leaf_and_digest(folder: Path) -> None:
    data = segment_files(folder)[0].read_bytes()
    header, start = read_header(data)
    whole = next(iter(read_frames(data, start, first_digest(data[:start]), header.first)))
    short = pruned_frame(data, start)
    assert len(short) == PRUNED_BYTES
    assert pruned_frame(short, 0) == short
    (gone,) = read_frames(short, 0, first_digest(data[:start]), header.first)
    assert (gone.pruned, gone.payload) == (True, b"")
    assert (gone.leaf, gone.digest, gone.sequence) == (whole.leaf, whole.digest, whole.sequence)


# --- holds ---------------------------------------------------------------------------------------


def test_holds_are_written_and_read(tmp_path: Path) -> None:
    assert read_holds(tmp_path) == ()
    holds = (
        Hold(id="1", tenant="north", since=TIME, who="ann", reason="case"),
        Hold(id="2", session="s1", since=TIME, reason="case"),
        Hold(id="3", decision="d1", since=TIME, reason="case"),
    )
    write_holds(tmp_path, holds)
    assert read_holds(tmp_path) == holds
    assert [one.what for one in holds] == ["tenant north", "session s1", "decision d1"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "is no file of holds"),
        ('{"format":1}', "is no file of holds"),
        ('{"format":2,"holds":[]}', "has the format 2, and only 1 is known"),
        ('{"format":1,"holds":[{"id":"a","since":"","reason":""}]}', "the hold a is not for one"),
        ('{"format":1,"holds":[],"more":1}', "is no file of holds"),
    ],
)
def test_a_file_of_holds_that_is_none_is_told(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(HoldsError, match=why):
        read_holds(tmp_path)


def test_a_file_of_holds_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    with pytest.raises(HoldsError, match="cannot be read"):
        read_holds(tmp_path)


def test_holds_that_the_trail_tells_of_and_the_file_does_not_are_missed(tmp_path: Path) -> None:
    one = trail(tmp_path)
    for act, identity in (("held", "a"), ("held", "b"), ("released", "a"), ("held", "c")):
        one.append(kept_at(1, kind="admin", act=act, what={"id": identity}))
    one.append(kept_at(1, kind="admin", act="held", what="nothing"))
    one.append(kept_at(1, kind="admin", act="started", what={"id": "d"}))
    one.close()
    held = Hold(id="c", tenant="x", since="", reason="")
    assert list(lost_holds(tmp_path, (held,))) == ["b"]


def test_what_was_pruned_is_told_by_numbers() -> None:
    assert numbers_digest([1, 2]) != numbers_digest([1, 3]) != numbers_digest([])
