from __future__ import annotations

from array import array
from pathlib import Path

import pytest

from engine.storage import query as module
from engine.storage.frames import DIGEST_BYTES, OVERHEAD, Altered, frame_at, make_frame
from engine.storage.header import OPEN
from engine.storage.index import ENDING, index_of, make_index
from engine.storage.prune import checked, forget
from engine.storage.query import chosen, find
from engine.storage.retention import Due, Keep, Rules, due_in
from engine.storage.shipped import Shipped
from engine.storage.source import opened_source, segment_files, size_of
from engine.storage.tally import count
from engine.storage.verify import verify_folder
from engine.storage.wanted import Wanted
from tests.storage.made import SIGNER, trail

NORTH = Wanted(tenant="north")


def record(number: int, tenant: str = "north") -> bytes:
    return f'{{"kind":"decision","tenant":"{tenant}","n":{number}}}'.encode()


def closed(folder: Path, number: int = 300) -> Path:
    one = trail(folder)
    for place in range(number):
        one.append(record(place))
    one.close()
    return segment_files(folder)[0]


def found(folder: Path) -> tuple[list[object], list[str]]:
    told: list[str] = []
    return [one.fields["n"] for one in find(folder, NORTH, told=told.append)], told


def due_of(path: Path, rows: set[int], *, ends: bool = False) -> Due:
    return Due(
        path=path,
        trail="",
        name=path.stem,
        first=0,
        records=300,
        before=set(),
        rows=array("I", sorted(rows)),
        ends=ends,
    )


def test_a_segment_that_is_pruned_while_it_is_read_goes_on(tmp_path: Path) -> None:
    path = closed(tmp_path)
    records = find(tmp_path, NORTH)
    first = [next(records).fields["n"] for _ in range(module._BATCH)]
    forget(due_of(path, set(range(290))))
    rest = [one.fields["n"] for one in records]
    assert first == list(range(module._BATCH))
    assert rest == list(range(290, 300))


def test_a_segment_that_goes_while_it_is_read_ends_there(tmp_path: Path) -> None:
    path = closed(tmp_path)
    records = find(tmp_path, NORTH)
    next(records)
    forget(due_of(path, set(range(300)), ends=True))
    assert len(list(records)) == module._BATCH - 1
    assert size_of(path) == 0


def test_a_segment_that_went_after_the_folder_was_listed_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = closed(tmp_path)
    gone = path.with_name(f"zz-00000000{OPEN}")
    for name in ("query", "tally", "read"):
        monkeypatch.setattr(f"engine.storage.{name}.segment_files", lambda _: [path, gone])
    assert len(found(tmp_path)[0]) == 300
    assert count(tmp_path, Wanted()).records == 300
    assert len(list(find(tmp_path, Wanted()))) == 300


def test_an_open_segment_that_was_only_begun_has_no_records(tmp_path: Path) -> None:
    (tmp_path / f"a-00000000{OPEN}").write_bytes(b'{"format"')
    assert found(tmp_path) == ([], [])
    assert list(find(tmp_path, Wanted(), newest=True)) == []


def test_an_altered_record_of_an_open_segment_is_told_and_the_others_are_found(
    tmp_path: Path,
) -> None:
    one = trail(tmp_path)
    for number in range(5):
        one.append(record(number))
    data = one.path.read_bytes()
    one.path.write_bytes(data.replace(b'"n":2', b'"n":7') + make_frame(b"", 5, record(5))[0][:-9])
    numbers, told = found(tmp_path)
    assert numbers == [0, 1, 3, 4]
    (sentence,) = told
    assert sentence.startswith(f"{one.path.name} record 2 cannot be read: record 2 is not what ")
    one._segment.drop()


def test_an_index_with_other_places_than_the_segment_is_not_believed(tmp_path: Path) -> None:
    path = closed(tmp_path, 5)
    with opened_source(path) as source:
        layout, rows = chosen(source, NORTH)
        assert layout is not None
        assert rows == [0, 1, 2, 3, 4]
        del layout.offsets[3:]
        told: list[str] = []
        one, fresh = module._one(source, layout, 4, told.append)
    assert one is not None
    assert (one.fields["n"], len(fresh.offsets), told) == (4, 6, [])


def test_an_empty_value_fits_nothing(tmp_path: Path) -> None:
    one = trail(tmp_path)
    one.append(b'{"kind":"decision","user":""}')
    for _ in range(2):
        for wanted in (Wanted(session=""), Wanted(user=""), Wanted(rule="")):
            assert not list(find(tmp_path, wanted))
            assert {count(tmp_path, wanted, scan=scan).records for scan in (True, False)} == {0}
        one.close()


def test_a_frame_that_is_not_alone_is_none() -> None:
    frame, _, digest = make_frame(bytes(32), 0, b"{}")
    assert frame_at(frame, 7, bytes(32), 0).payload == b"{}"
    for data in (frame + make_frame(digest, 1, b"{}")[0], frame[:-1], b""):
        with pytest.raises(Altered, match="at byte 7: record 0 is not what was written there"):
            frame_at(data, 7, bytes(32), 0)


def test_a_pruned_frame_that_was_changed_is_told(tmp_path: Path) -> None:
    path = closed(tmp_path, 5)
    forget(due_of(path, {0, 4}))
    data = bytearray(path.read_bytes())
    data[-OVERHEAD] ^= 1  # In the leaf of the last one.
    path.write_bytes(data)
    problems = [str(one) for one in verify_folder(tmp_path, [SIGNER.verifier]).problems]
    assert any("record 4" in one and "is not chained" in one for one in problems)


def test_a_broken_index_is_made_anew_before_anything_is_forgotten(tmp_path: Path) -> None:
    path = closed(tmp_path, 5)
    with opened_source(path) as source:
        top = index_of(source).top
    file = path.with_suffix(ENDING)
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    offset, _, _ = top.sections["tenant.rows"]
    data[len(data) - (sum(size for _, size, _ in top.sections.values()) - offset)] ^= 1
    file.write_bytes(data)
    assert due_in(tmp_path, Rules(others=Keep(megabytes=1)), (), Shipped({}), 0) == []
    with opened_source(path) as source:
        assert index_of(source).rows("tenant", "north").tolist() == [0, 1, 2, 3, 4]
        assert make_index(source).top == index_of(source).top
    assert len(checked(path, due_of(path, set())).digest) == DIGEST_BYTES


def test_counting_makes_a_broken_index_anew(tmp_path: Path) -> None:
    path = closed(tmp_path, 5)
    assert count(tmp_path, NORTH).records == 5
    file = path.with_suffix(ENDING)
    data = bytearray(file.read_bytes())
    at = data.index(b"\n") + 1
    data[at:] = bytes(len(data) - at)
    file.write_bytes(data)
    assert count(tmp_path, NORTH).records == 5
