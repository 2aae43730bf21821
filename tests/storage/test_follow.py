"""A trail that is followed gives every record once and in order, whatever becomes of its files."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.storage.checkpoints import FILE
from engine.storage.follow import (
    Found,
    Missed,
    Next,
    NotThere,
    Place,
    follow,
    list_trails,
)
from engine.storage.follow_notes import new_notes
from engine.storage.frames import HEAD, first_digest, pruned_frame, read_frames
from engine.storage.header import CLOSED, OPEN, NoSegment, read_header
from engine.storage.segment import recover
from engine.storage.source import COMPRESSED, compressed
from tests.storage.made import TIME, filled, record, trail


def followed(folder: Path, name: str, place: Place = Place()) -> list[Found]:  # noqa: B008
    return list(follow(folder, name, place, list_trails(folder).get(name, {})))


def numbers(found: list[Found]) -> list[int]:
    return [one.sequence for one in found if isinstance(one, Next)]


def missed(found: list[Found]) -> list[tuple[int, int]]:
    return [(one.first, one.lost) for one in found if isinstance(one, Missed)]


def only(folder: Path) -> str:
    (name,) = list_trails(folder)
    return name


def test_a_trail_is_followed_over_its_segments(tmp_path: Path) -> None:
    filled(tmp_path, 100, segment_bytes=600)
    assert len(list_trails(tmp_path)[only(tmp_path)]) > 5
    found = followed(tmp_path, only(tmp_path))
    assert numbers(found) == list(range(100))
    assert [one.payload for one in found if isinstance(one, Next)] == [
        record(n) for n in range(100)
    ]


def test_it_goes_on_from_every_place(tmp_path: Path) -> None:
    filled(tmp_path, 40, segment_bytes=600)
    name = only(tmp_path)
    for one in followed(tmp_path, name):
        assert numbers(followed(tmp_path, name, one.place)) == list(range(one.place.sequence, 40))


def test_what_is_appended_meanwhile_comes_the_next_time(tmp_path: Path) -> None:
    one = trail(tmp_path, segment_bytes=400)
    place, seen = Place(), []
    for number in range(30):
        one.append(record(number))
        for found in followed(tmp_path, one.name, place):
            place = found.place
            seen += numbers([found])
    one.close()
    assert seen == list(range(30))
    assert followed(tmp_path, one.name, place) == []


def test_a_way_that_is_not_walked_to_its_end_goes_on_in_segments_begun_since(
    tmp_path: Path,
) -> None:
    one = trail(tmp_path, segment_bytes=400)
    one.append(record(0))
    way = follow(tmp_path, one.name, Place(), list_trails(tmp_path)[one.name])
    assert numbers([next(way)]) == [0]
    for number in range(1, 20):
        one.append(record(number))
    one.close()
    assert numbers(list(way)) == list(range(1, 20))


@settings(max_examples=25, deadline=None)
@given(at=st.integers(0, 39), pruned=st.booleans())
def test_a_place_is_found_again_in_what_was_compressed_or_pruned(
    tmp_path_factory: pytest.TempPathFactory, at: int, *, pruned: bool
) -> None:
    folder = tmp_path_factory.mktemp("trail")
    filled(folder, 40, segment_bytes=900)
    name = only(folder)
    place = followed(folder, name)[at].place
    for path in list_trails(folder)[name].values():
        data = path.read_bytes()
        if pruned:
            data = with_pruned(data, {0})
        path.with_name(path.name.replace(CLOSED, COMPRESSED)).write_bytes(compressed(data))
        path.unlink()
    found = followed(folder, name, place)
    gone = [first for first, lost in missed(found) if lost == 1]
    assert sorted([*numbers(found), *gone]) == list(range(at + 1, 40))
    assert pruned or not gone
    assert gone or not pruned or at > 20


def with_pruned(data: bytes, rows: set[int]) -> bytes:
    header, end = read_header(data)
    made = data[:end]
    frames = read_frames(data, end, first_digest(data[:end]), header.first)
    for row, frame in enumerate(frames):
        made += pruned_frame(data, frame.start) if row in rows else data[frame.start : frame.end]
    return made


def test_a_record_longer_than_a_piece_is_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = trail(tmp_path)
    long = b'{"x":"' + b"y" * 50_000 + b'"}'
    for payload in (record(0), long, record(2)):
        one.append(payload)
    one.close()
    monkeypatch.setattr("engine.storage.follow.PIECE", 512)
    found = followed(tmp_path, one.name)
    assert [item.payload for item in found if isinstance(item, Next)] == [
        record(0),
        long,
        record(2),
    ]


@pytest.mark.parametrize("piece", [400, 512, 1000, 2**20])
def test_every_byte_that_was_changed_costs_one_record_and_names_it(
    tmp_path: Path, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.storage.follow.PIECE", piece)
    filled(tmp_path, 8)
    name = only(tmp_path)
    (path,) = list_trails(tmp_path)[name].values()
    data = path.read_bytes()
    header, end = read_header(data)
    frames = list(read_frames(data, end, first_digest(data[:end]), header.first))
    for frame in frames:
        at = frame.start + HEAD.size + 3
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        found = followed(tmp_path, name)
        assert missed(found) == [(frame.sequence, 1)]
        assert numbers(found) == [n for n in range(8) if n != frame.sequence]


def test_where_a_trail_cannot_be_followed_it_says_so_and_stays(tmp_path: Path) -> None:
    filled(tmp_path, 8)
    name = only(tmp_path)
    (path,) = list_trails(tmp_path)[name].values()
    data = path.read_bytes()
    header, end = read_header(data)
    frames = list(read_frames(data, end, first_digest(data[:end]), header.first))
    at = frames[3].start
    path.write_bytes(data[:at] + b"\7" + data[at + 1 :])  # Its length.
    found = followed(tmp_path, name)
    assert numbers(found) == [0, 1, 2]
    assert missed(found) == [(3, 0)]
    assert missed(followed(tmp_path, name, found[-1].place)) == [(3, 0)]


def test_behind_what_cannot_be_followed_the_next_segment_tells_how_much_was_lost(
    tmp_path: Path,
) -> None:
    filled(tmp_path, 20, segment_bytes=600)
    name = only(tmp_path)
    paths = list_trails(tmp_path)[name]
    data = paths[1].read_bytes()
    header, end = read_header(data)
    paths[1].write_bytes(data[:end] + b"\7" + data[end + 1 :])
    later = read_header(paths[2].read_bytes())[0].first
    found = followed(tmp_path, name)
    assert missed(found) == [(header.first, 0), (header.first, later - header.first)]
    assert numbers(found) == [*range(header.first), *range(later, 20)]


def test_what_was_deleted_is_named(tmp_path: Path) -> None:
    filled(tmp_path, 40, segment_bytes=600)
    name = only(tmp_path)
    paths = list_trails(tmp_path)[name]
    first = read_header(paths[2].read_bytes())[0].first
    paths[0].unlink()
    paths[1].unlink()
    found = followed(tmp_path, name)
    assert missed(found) == [(0, first)]
    assert numbers(found) == list(range(first, 40))


def test_behind_a_last_segment_that_was_forgotten_nothing_comes(tmp_path: Path) -> None:
    filled(tmp_path, 40, segment_bytes=600)
    name = only(tmp_path)
    last = followed(tmp_path, name)[-1].place
    path = list_trails(tmp_path)[name][last.segment]
    path.unlink()
    acts: list[dict[str, object]] = [
        {"segment": path.stem, "deleted": False},
        {"segment": f"{name}-00000000", "deleted": True},
    ]
    for what in (*acts, {"segment": path.stem, "deleted": True}):
        with pytest.raises(NotThere, match=f"segment {last.segment} is not there"):
            followed(tmp_path, name, last)
        told = trail(tmp_path)
        told.append(msgspec.json.encode({"kind": "admin", "act": "pruned", "what": what}))
        told.close()
    assert followed(tmp_path, name, last) == []
    with pytest.raises(NotThere):
        followed(tmp_path, name, last._replace(segment=last.segment + 1))


def test_a_place_behind_the_end_is_not_there(tmp_path: Path) -> None:
    filled(tmp_path, 5)
    name = only(tmp_path)
    last = followed(tmp_path, name)[-1].place
    for place in (
        last._replace(sequence=9, digest="ff" * 32),
        last._replace(digest="ff" * 32),
        last._replace(sequence=4, digest="ff" * 32),
        last._replace(segment=3),
        Place(7, 0, 0, ""),
    ):
        with pytest.raises(NotThere):
            followed(tmp_path, name, place)


def test_a_place_of_another_trail_is_not_there(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
        filled(tmp_path / name, 5)
    other = followed(tmp_path / "a", only(tmp_path / "a"))[2].place
    with pytest.raises(NotThere, match="is another one"):
        followed(tmp_path / "b", only(tmp_path / "b"), other)


def test_a_record_that_is_being_written_is_waited_for_at_every_byte(tmp_path: Path) -> None:
    one = trail(tmp_path)
    for number in range(3):
        one.append(record(number))
    path = one.path
    place = followed(tmp_path, one.name)[-1].place
    before = path.stat().st_size
    one.append(record(3))
    whole = path.read_bytes()
    for size in range(before, len(whole)):
        path.write_bytes(whole[:size])
        assert followed(tmp_path, one.name, place) == []
    path.write_bytes(whole.replace(b'"number":3', b'"number":0'))
    assert followed(tmp_path, one.name, place) == []
    path.write_bytes(whole)
    assert numbers(followed(tmp_path, one.name, place)) == [3]


def test_what_a_recovery_says_is_followed_too(tmp_path: Path) -> None:
    one = trail(tmp_path)
    one.append(record(0))
    one._segment.drop()  # As the end of the process would.
    with one.path.open("ab") as file:
        file.write(b"half")
    place = followed(tmp_path, one.name)[-1].place
    closed = recover(one.path, TIME)
    assert closed is not None
    (found,) = followed(tmp_path, one.name, place)
    assert isinstance(found, Next)
    assert found.payload.startswith(b'{"kind":"cut"')
    assert followed(tmp_path, one.name, found.place) == []


def test_a_segment_without_a_whole_header_holds_nothing_yet(tmp_path: Path) -> None:
    (tmp_path / f"{'a' * 16}-00000000{OPEN}").write_bytes(b'{"format":1')
    assert followed(tmp_path, "a" * 16) == []
    (tmp_path / f"{'b' * 16}-00000000{CLOSED}").write_bytes(b'{"format":1')
    with pytest.raises(NoSegment):
        followed(tmp_path, "b" * 16)


def test_what_is_no_segment_is_no_trail(tmp_path: Path) -> None:
    (tmp_path / f"x-y{OPEN}").write_bytes(b"")
    assert list_trails(tmp_path) == {}
    assert followed(tmp_path, "x") == []


def test_new_checkpoints_are_those_behind_an_offset(tmp_path: Path) -> None:
    path = tmp_path / FILE
    assert new_notes(path, 0) == []
    with pytest.raises(NotThere, match="is gone"):
        new_notes(path, 5)
    filled(tmp_path, 30)
    found = new_notes(path, 0)
    assert len(found) == 3
    assert new_notes(path, found[0].end) == found[1:]
    assert new_notes(path, found[-1].end) == []
    with path.open("ab") as file:
        file.write(b"half a li")
    assert new_notes(path, found[-1].end) == []
    with pytest.raises(NotThere, match="another one"):
        new_notes(path, found[0].end + 1)
