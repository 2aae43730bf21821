from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from threading import Thread

import msgspec
import pytest

from engine.storage import roll as module
from engine.storage.bridges import Bridge, is_bridge, read_bridge
from engine.storage.checkpoints import (
    FILE,
    Checkpoint,
    CheckpointFile,
    Damage,
    Line,
    digest_of,
    opened,
    sound,
    text_of,
)
from engine.storage.follow import NotThere
from engine.storage.follow_notes import new_notes, place_of_note, stands_for
from engine.storage.header import CLOSED, OPEN
from engine.storage.index import ENDING, index_of
from engine.storage.notes import NoteError
from engine.storage.retention import Due
from engine.storage.roll import Damaged, roll
from engine.storage.segment import sync_folder
from engine.storage.source import opened_source, segment_files, stem_of
from engine.storage.trail import Trail
from engine.storage.verify import Report, verify_folder
from tests.storage.made import SIGNER, TIME, filled, record, told, trail, verified

KEYS = [SIGNER.verifier]


def delete(folder: Path, *paths: Path, signed: bool = True) -> None:
    """Delete segments, and have a trail of its own say so, as retention does."""
    one = trail(folder)
    for path in paths:
        due = due_of(path)
        act = {"kind": "admin", "time": TIME, "act": "pruned", "what": due.told}
        one.append(msgspec.json.encode(act))
    if signed:
        one.close()
    else:
        one._segment.close()
    for path in paths:
        path.unlink()
        path.with_suffix(ENDING).unlink(missing_ok=True)


def due_of(path: Path) -> Due:
    from_, records = span(path)
    return Due(
        path=path,
        trail=stem_of(path).rpartition("-")[0],
        name=stem_of(path),
        first=from_,
        records=records,
        before=set(range(records)),
        ends=True,
    )


def span(path: Path) -> tuple[int, int]:
    """Return the number of the first record of a segment, and how many it has."""
    with opened_source(path) as source:
        top = index_of(source).top
    return top.header.first, top.records


def notes(folder: Path) -> list[str]:
    return list(CheckpointFile(folder).notes())


def bridges(folder: Path) -> list[Bridge]:
    texts = map(text_of, notes(folder))
    return [read_bridge(one) for one in texts if is_bridge(one)]


def checkpoints(folder: Path) -> list[Checkpoint]:
    return list(opened(notes(folder), KEYS))


def dead(folder: Path, count: int = 40) -> str:
    """Write a trail that is deleted then; return its name."""
    before = set(segment_files(folder))
    filled(folder, count, segment_bytes=1500)
    gone = [one for one in segment_files(folder) if one not in before]
    delete(folder, *gone)
    return stem_of(gone[0]).rpartition("-")[0]


def test_what_is_signed_of_a_trail_that_is_gone_goes(tmp_path: Path) -> None:
    name = dead(tmp_path)
    filled(tmp_path, 20)
    before = notes(tmp_path)
    assert [one.trail for one in opened(before, KEYS)].count(name) == 4
    assert roll(tmp_path, SIGNER) == 4
    (bridge,) = bridges(tmp_path)
    assert (bridge.count, bridge.trails, bridge.records, bridge.previous) == (4, 1, 40, "")
    assert bridge.behind == digest_of(before[3])
    assert notes(tmp_path)[1:] == before[4:]
    report = verified(tmp_path)
    assert report.problems == []
    assert (report.bridged, report.bridged_trails, report.bridged_records) == (4, 1, 40)
    assert report.bridged_newest == TIME
    assert report.trails == 2
    assert roll(tmp_path, SIGNER) == 0


def test_of_a_trail_of_which_something_is_left_what_signs_that_stays(tmp_path: Path) -> None:
    filled(tmp_path, 60, every=2, segment_bytes=1500)
    paths = segment_files(tmp_path)
    assert len(paths) == 4
    middle = span(paths[2])
    delete(tmp_path, *paths[:2], *paths[3:])
    assert roll(tmp_path, SIGNER) > 10
    sizes = {one.size for one in checkpoints(tmp_path) if one.size > 3}
    inside = {size for size in range(2, 61, 2) if middle[0] < size <= sum(middle)}
    assert sizes == inside | {60}
    report = verified(tmp_path)
    assert (report.problems, report.unsigned, report.bridged_trails) == ([], 0, 0)
    assert report.deleted == 60 - middle[1]
    delete(tmp_path, paths[2])
    assert roll(tmp_path, SIGNER) == len(inside) + 1
    assert sum(one.count for one in bridges(tmp_path)) == 30
    assert sum(one.records for one in bridges(tmp_path)) == 60
    assert told(tmp_path) == []


def test_bridges_in_a_row_become_one(tmp_path: Path) -> None:
    for _ in range(3):
        dead(tmp_path, 20)
        roll(tmp_path, SIGNER)
    small = [one for one in segment_files(tmp_path) if one.name.endswith(CLOSED)]
    assert len(small) == len(checkpoints(tmp_path)) == 3
    delete(tmp_path, *small)
    assert roll(tmp_path, SIGNER) == 3
    (bridge,) = bridges(tmp_path)
    assert (bridge.count, bridge.trails, bridge.records) == (9, 6, 66)
    assert told(tmp_path) == []


def test_the_chain_goes_on_behind_a_bridge(tmp_path: Path) -> None:
    dead(tmp_path)
    roll(tmp_path, SIGNER)
    filled(tmp_path, 20)
    assert len(checkpoints(tmp_path)) == 3
    assert told(tmp_path) == []
    lines = (tmp_path / FILE).read_bytes().splitlines(keepends=True)
    for missing in range(len(lines) - 1):
        left = lines[:missing] + lines[missing + 1 :]
        (tmp_path / FILE).write_bytes(b"".join(left))
        assert any("does not follow the one before it" in one for one in told(tmp_path))
        with pytest.raises(NoteError):
            checkpoints(tmp_path)
        dead(tmp_path)
        with pytest.raises(Damaged, match="does not follow"):
            roll(tmp_path, SIGNER)


def test_a_bridge_must_be_signed_and_whole(tmp_path: Path) -> None:
    dead(tmp_path)
    roll(tmp_path, SIGNER)
    path = tmp_path / FILE
    whole = path.read_bytes()
    for before, after, why in (
        (b"checkpoints 4", b"checkpoints 3", "the signature of `audit.example` is wrong"),
        (b"/bridge", b"/bridgf", "the signature of `audit.example` is wrong"),
    ):
        path.write_bytes(whole.replace(before, after, 1))
        assert any(why in one for one in told(tmp_path))
    made = bridges_of(whole)
    for text in (
        made.text.replace("newest", "oldest"),
        made.text + "more\n",
        replace(made, count=0).text,
        made.text.replace("checkpoints 4", "checkpoints four"),
    ):
        with pytest.raises(NoteError, match="no bridge"):
            read_bridge(text)
    assert stands_for(SIGNER.sign(replace(made, count=0).text)) == 1


def bridges_of(data: bytes) -> Bridge:
    note = msgspec.json.decode(data.partition(b"\n")[0], type=Line).note
    return read_bridge(text_of(note))


def test_what_was_deleted_unsaid_takes_nothing_with_it(tmp_path: Path) -> None:
    filled(tmp_path, 40, segment_bytes=1500)
    for path in segment_files(tmp_path):
        path.unlink()
    dead(tmp_path)
    assert roll(tmp_path, SIGNER) == 4  # Those of the other trail.
    assert any("all 40 records" in one for one in told(tmp_path))


def test_an_act_that_nobody_has_signed_says_nothing(tmp_path: Path) -> None:
    filled(tmp_path, 20)
    delete(tmp_path, *segment_files(tmp_path), signed=False)
    before = notes(tmp_path)
    assert roll(tmp_path, SIGNER) == 0
    assert notes(tmp_path) == before


def test_a_trail_that_lacks_more_than_was_said_stays_signed(tmp_path: Path) -> None:
    filled(tmp_path, 60, segment_bytes=1500)
    first, *others = segment_files(tmp_path)
    first.unlink()
    delete(tmp_path, *others)
    assert roll(tmp_path, SIGNER) > 0
    assert 60 in {one.size for one in checkpoints(tmp_path)}
    assert told(tmp_path) != []


def test_what_a_sink_waits_for_stays(tmp_path: Path) -> None:
    dead(tmp_path)
    assert roll(tmp_path, SIGNER, sent=0) == 0
    assert roll(tmp_path, SIGNER, sent=3) == 3
    assert [one.size for one in checkpoints(tmp_path)][:-1] == [40]
    assert told(tmp_path) == []
    assert roll(tmp_path, SIGNER, sent=3) == 0
    assert roll(tmp_path, SIGNER, sent=4) == 1
    assert told(tmp_path) == []


def test_a_line_that_was_changed_keeps_all_as_it_is(tmp_path: Path) -> None:
    dead(tmp_path)
    path = tmp_path / FILE
    whole = path.read_bytes()
    first = msgspec.json.decode(whole.partition(b"\n")[0], type=Line).note
    # The signature alone: the next line no longer follows; of the last that goes, only it tells.
    lines = whole.splitlines(keepends=True)
    for changed in (
        whole.replace(b'"note"', b'"nope"', 1),
        msgspec.json.encode(Line(first[:-9] + first[-9:].swapcase())) + b"\n" + b"".join(lines[1:]),
    ):
        path.write_bytes(changed)
        with pytest.raises(Damaged):
            roll(tmp_path, SIGNER)
        assert path.read_bytes() == changed
        assert sorted(one.name for one in tmp_path.glob("*.new")) == []
    forged = replace(SIGNER, name="other")
    path.unlink()
    for one in opened(notes_in(whole), KEYS):
        CheckpointFile(tmp_path).append(one, forged)
    with pytest.raises(Damaged, match="no known key"):
        roll(tmp_path, SIGNER)


def notes_in(data: bytes) -> list[str]:
    return [msgspec.json.decode(one, type=Line).note for one in data.splitlines()]


def test_a_copy_that_has_what_was_forgotten_is_no_contradiction(tmp_path: Path) -> None:
    filled(tmp_path, 60, every=2, segment_bytes=1500)
    paths = segment_files(tmp_path)
    delete(tmp_path, *paths[:2])
    dead(tmp_path)
    copy = notes(tmp_path)
    roll(tmp_path, SIGNER)
    assert with_copy(tmp_path, copy).problems == []
    later = trail(tmp_path)
    later._time = lambda: "2026-01-02T00:00:00.000000Z"
    later.append(record(0))
    unknown = later.checkpoint()
    later.close()
    (tmp_path / FILE).write_bytes((tmp_path / FILE).read_bytes().rsplit(b"\n", 2)[0] + b"\n")
    (problem,) = [one for one in with_copy(tmp_path, [*copy, unknown]).problems if one.file == FILE]
    assert "the checkpoint of 2026-01-02T00:00:00.000000Z is missing" in problem.why


def with_copy(folder: Path, copy: list[str]) -> Report:
    return verify_folder(folder, KEYS, copy=copy)


def test_who_waits_to_sign_signs_in_the_new_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead(tmp_path)
    other = trail(tmp_path)
    other.append(record(0))
    threads: list[Thread] = []
    put = sync_folder

    def signs(folder: Path) -> None:
        """Sign while the file is locked, and has just been replaced."""
        threads.append(Thread(target=other.checkpoint))
        threads[0].start()
        put(folder)

    path = CheckpointFile(tmp_path)
    locked = path.locked()
    waiting = Thread(target=other.checkpoint)
    waiting.start()
    os.close(locked)
    waiting.join()
    monkeypatch.setattr(module, "sync_folder", signs)
    other.append(record(1))
    assert roll(tmp_path, SIGNER) == 4
    threads[0].join()
    other.close()
    assert [one.size for one in checkpoints(tmp_path) if one.trail == other.name] == [1, 2]
    assert told(tmp_path) == []


def test_what_is_signed_while_the_file_is_read_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead(tmp_path)
    other = trail(tmp_path)
    real = module._Copy.copy

    def signs(copy: module._Copy, path: Path, write: object) -> int:
        other.append(record(0))
        other.checkpoint()
        return int(real(copy, path, write))  # type: ignore[arg-type]  # of the method itself

    monkeypatch.setattr(module._Copy, "copy", signs)
    assert roll(tmp_path, SIGNER) == 4
    other.close()
    assert checkpoints(tmp_path)[-1].trail == other.name
    assert told(tmp_path) == []


def test_where_nothing_was_signed_nothing_is_rolled(tmp_path: Path) -> None:
    assert roll(tmp_path, SIGNER) == 0
    one = trail(tmp_path)
    one.append(b'{"kind":"admin","act":"pruned","what":{"deleted":true}}')
    one.append(b'{"kind":"admin","act":"pruned","what":3}')
    one.append(b'{"kind":"admin","act":"started"}')
    one.close()
    assert roll(tmp_path, SIGNER) == 0
    assert len(notes(tmp_path)) == 1


def test_a_segment_that_is_still_there_was_not_deleted(tmp_path: Path) -> None:
    """A crash between what says so and what does it."""
    filled(tmp_path, 20)
    (path,) = segment_files(tmp_path)
    data = path.read_bytes()
    delete(tmp_path, path)
    path.write_bytes(data)
    assert roll(tmp_path, SIGNER) == 0


def test_a_broken_index_of_what_says_so_is_made_anew(tmp_path: Path) -> None:
    dead(tmp_path)
    (path,) = segment_files(tmp_path)
    span(path)
    index = path.with_suffix(ENDING)
    index.write_bytes(index.read_bytes()[:-1] + b"?")
    head, _, body = index.read_bytes().partition(b"\n")
    index.write_bytes(head + b"\n" + body[: len(body) // 2])
    assert roll(tmp_path, SIGNER) == 4


def test_followers_find_their_place_in_the_new_file(tmp_path: Path) -> None:
    dead(tmp_path)
    filled(tmp_path, 30)
    path = tmp_path / FILE
    before = new_notes(path, 0)
    places = [(0, ""), *((one.end, one.digest) for one in before)]
    roll(tmp_path, SIGNER)
    after = new_notes(path, 0)
    assert [one.notes for one in after] == [4, *[1] * (len(before) - 4)]
    for number, (offset, digest) in enumerate(places[1:], 1):
        with pytest.raises(NotThere, match="another one"):
            new_notes(path, offset, digest)
        found, at, last = place_of_note(path, number)
        assert found == max(4, number)
        assert new_notes(path, at, last) == after[max(4, number) - 3 :]
    assert place_of_note(path, 0) == (0, 0, "")
    assert place_of_note(path, 100)[0] == len(before)
    with path.open("ab") as file:
        file.write(b'"damaged"\nhalf')
    assert place_of_note(path, 100)[:2] == (len(before), path.stat().st_size - 4)


def test_open_segments_say_nothing_yet(tmp_path: Path) -> None:
    filled(tmp_path, 20)
    (path,) = segment_files(tmp_path)
    one: Trail = trail(tmp_path)
    act = {"kind": "admin", "time": TIME, "act": "pruned", "what": due_of(path).told}
    one.append(msgspec.json.encode(act))
    one.checkpoint()
    path.unlink()
    assert one.path.name.endswith(OPEN)
    assert roll(tmp_path, SIGNER) == 0
    one.close()
    assert roll(tmp_path, SIGNER) == 2


def test_bridges_are_told_beside_the_checkpoints(tmp_path: Path) -> None:
    dead(tmp_path)
    roll(tmp_path, SIGNER)
    damages: list[Damage] = []
    found: list[Bridge] = []
    lines = CheckpointFile(tmp_path).lines()
    assert len(list(sound(lines, KEYS, damages, found))) == 1
    assert (found, damages) == (bridges(tmp_path), [])
