from __future__ import annotations

import json
import os
from pathlib import Path
from zlib import crc32

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.storage import gather
from engine.storage import index as module
from engine.storage.gather import hash_of
from engine.storage.header import CLOSED
from engine.storage.index import (
    ENDING,
    FORMAT,
    Index,
    Stale,
    checksum_of,
    index_of,
    make_index,
    missing_indexes,
    open_index,
)
from engine.storage.moment import UNKNOWN, moment_of, time_of
from engine.storage.query import find
from engine.storage.read import read_folder
from engine.storage.source import COMPRESSED, compressed, opened_source, segment_files
from engine.storage.tally import Tally, count
from engine.storage.wanted import Found, Wanted, found_in
from tests.storage.made import trail

TENANTS = ("north", "south", "")
ACTIONS = ("allow", "deny")


def decision(number: int) -> bytes:
    fields: dict[str, object] = {
        "kind": "settlement" if number % 11 == 10 else "decision",
        "time": time_of(1_767_225_600_000_000 + number * 1_000_000),
        "decision_id": f"d{number}",
        "request_id": f"r{number // 2}",
        "tenant": TENANTS[number % 3],
        "user": f"u{number % 7}",
        "stage": "input",
        "session": f"s{number // 5}",
        "action": "redact",
        "effective_action": ACTIONS[number % 2],
        "reasons": [{"policy": "p", "rule": f"p.r{number % 4}"}, {"policy": "q"}],
        "evaluated_in": number * 1000,
    }
    return msgspec.json.encode(fields)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two trails of sixty records each, one of them still open at its end."""
    one, two = trail(tmp_path, segment_bytes=6000), trail(tmp_path, segment_bytes=6000)
    for number in range(120):
        (one, two)[number % 2].append(decision(number))
    one.checkpoint()
    two.close()
    one._segment.drop()
    return tmp_path


def numbers(found: list[Found]) -> list[str]:
    return [one.text("decision_id") for one in found]


def asked(folder: Path, wanted: Wanted, *, newest: bool = False) -> list[str]:
    return numbers(list(find(folder, wanted, newest=newest)))


def scanned(folder: Path, wanted: Wanted) -> list[str]:
    """The plain way: every record is read and looked at."""
    return numbers(list(found_in(read_folder(folder), wanted)))


CHOICES = [
    Wanted(tenant="north"),
    Wanted(tenant="north", action="deny"),
    Wanted(rule="p.r3", user="u2"),
    Wanted(rule="q"),
    Wanted(decision="d77"),
    Wanted(request="r20"),
    Wanted(session="s3", kind="settlement"),
    Wanted(stage="input", decided="redact", tenant="south"),
    Wanted(since="2026-01-01T00:00:30", until="2026-01-01T00:01:10"),
    Wanted(since="2026-01-01T00:01:50Z"),
    Wanted(until="2026-01-01T00:00:02", tenant="north"),
    Wanted(since="2027"),
    Wanted(until="2025"),
    Wanted(tenant="nobody"),
    Wanted(review="none"),
    Wanted(),
]


@pytest.mark.parametrize("wanted", CHOICES)
def test_an_index_finds_what_reading_everything_finds(folder: Path, wanted: Wanted) -> None:
    expected = scanned(folder, wanted)
    assert asked(folder, wanted) == expected
    assert asked(folder, wanted, newest=True) == expected[::-1]
    closed = [one for one in segment_files(folder) if one.name.endswith(CLOSED)]
    assert len(closed) == 4
    if wanted != Wanted():
        assert missing_indexes(closed) == []


def test_compressed_segments_are_asked_by_the_same_index(folder: Path) -> None:
    expected = asked(folder, Wanted(tenant="north"))
    made = {one.name: one.stat().st_mtime_ns for one in folder.glob(f"*{ENDING}")}
    for path in folder.glob(f"*{CLOSED}"):
        path.with_name(f"{path.stem}{COMPRESSED}").write_bytes(compressed(path.read_bytes()))
        path.unlink()
    assert asked(folder, Wanted(tenant="north")) == expected
    assert {one.name: one.stat().st_mtime_ns for one in folder.glob(f"*{ENDING}")} == made


def an_index(folder: Path) -> tuple[Path, Path]:
    """Return a closed segment and its index."""
    path = next(one for one in segment_files(folder) if one.name.endswith(CLOSED))
    with opened_source(path) as source:
        index_of(source)
    return path, path.with_suffix(ENDING)


def stale(path: Path) -> str:
    with opened_source(path) as source, pytest.raises(Stale) as error:
        open_index(source)
    return str(error.value)


def top_changed(file: Path, **changes: object) -> None:
    line, _, body = file.read_bytes().partition(b"\n")
    write_index(file, json.loads(line.partition(b" ")[2]) | changes, body)


def write_index(file: Path, top: object, body: bytes) -> None:
    text = json.dumps(top).encode()
    file.write_bytes(checksum_of(text) + b" " + text + b"\n" + body)


def test_an_index_from_the_future_or_another_machine_is_made_anew(folder: Path) -> None:
    path, file = an_index(folder)
    for change in ({"format": FORMAT + 1}, {"order": "middle"}, {"size": "much"}):
        top_changed(file, **change)
        assert stale(path) == "the index is of another format"
        assert asked(folder, Wanted(tenant="north")) == scanned(folder, Wanted(tenant="north"))
        with opened_source(path) as source:
            assert open_index(source).top.format == FORMAT


def test_an_index_of_another_state_of_the_segment_is_made_anew(folder: Path) -> None:
    path, file = an_index(folder)
    top_changed(file, size=1)
    assert stale(path) == "the index is that of another state of the segment"
    top_changed(file, size=path.stat().st_size, digest="00")
    assert stale(path) == "the index is that of another state of the segment"
    assert asked(folder, Wanted(tenant="north")) == scanned(folder, Wanted(tenant="north"))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_broken_index_changes_no_answer(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("broken")
    one = trail(folder)
    for number in range(30):
        one.append(decision(number))
    one.close()
    _, file = an_index(folder)
    kept = bytearray(file.read_bytes())
    match data.draw(st.sampled_from(["flip", "cut", "empty"])):
        case "flip":
            kept[data.draw(st.integers(0, len(kept) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        case "cut":
            del kept[data.draw(st.integers(0, len(kept) - 1)) :]
        case _:
            kept.clear()
    file.write_bytes(kept)
    for wanted in (Wanted(tenant="north", action="deny"), Wanted(decision="d7")):
        assert asked(folder, wanted) == scanned(folder, wanted)
    assert count(folder, Wanted()).records == 30


def test_who_may_not_write_asks_without_an_index_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise PermissionError(13, "no")

    monkeypatch.setattr(os, "open", _read_only(os.open))
    assert asked(folder, Wanted(tenant="north")) == scanned(folder, Wanted(tenant="north"))
    monkeypatch.undo()
    monkeypatch.setattr(Path, "replace", fails)
    assert asked(folder, Wanted(tenant="north")) == scanned(folder, Wanted(tenant="north"))
    assert list(folder.glob(f"*{ENDING}*")) == []


def _read_only(real: object) -> object:
    def opens(path: object, flags: int, *rest: object, **more: object) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR):
            raise PermissionError(13, "no", str(path))
        assert callable(real)
        return int(real(path, flags, *rest, **more))

    return opens


def test_an_index_with_too_long_a_first_line_is_not_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_HEAD_BYTES", 10)
    assert asked(folder, Wanted(tenant="north")) == scanned(folder, Wanted(tenant="north"))
    assert list(folder.glob(f"*{ENDING}*")) == []


def test_values_with_one_hash_are_told_apart_by_the_records(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for each in (module, gather):
        monkeypatch.setattr(each, "hash_of", lambda _: 7)
    for wanted in (Wanted(tenant="north"), Wanted(decision="d7"), Wanted(rule="p.r1")):
        assert asked(folder, wanted) == scanned(folder, wanted)


def test_records_of_other_shapes_are_indexed_as_far_as_they_fit(tmp_path: Path) -> None:
    one = trail(tmp_path)
    one.append(b'{"tenant":"north","user":3,"reasons":[{"rule":"p.r"},4]}')
    one.append(b'{"tenant":["north"],"time":7,"evaluated_in":-4}')
    one.append(b"no json")
    one.append(b'[{"tenant":"north"}]')
    one.append(b'{"tenant":"north","time":"yesterday"}')
    one.close()
    for wanted in (
        Wanted(tenant="north"),
        Wanted(rule="p.r"),
        Wanted(tenant="north", since="2020"),
    ):
        expected = [one.kept.sequence for one in found_in(read_folder(tmp_path), wanted)]
        assert [one.kept.sequence for one in find(tmp_path, wanted)] == expected
        assert expected


def test_a_segment_that_is_not_whole_is_read_as_far_as_it_is_and_that_is_told(
    folder: Path,
) -> None:
    path, _ = an_index(folder)
    changed = path.read_bytes().replace(b'"tenant":"north"', b'"tenant":"nortH"', 2)
    path.write_bytes(changed.replace(b"nortH", b"north", 1))  # The second of the two.
    told: list[str] = []
    north = scanned(folder, Wanted(tenant="north"))
    found = numbers(list(find(folder, Wanted(tenant="north"), told=told.append)))
    assert len(set(decided("north")) - set(found)) == 1
    (sentence,) = told
    assert sentence.startswith(f"{path.name} record ")
    assert "has other bytes than were written; ask `verify`" in sentence
    # From now on its index ends there, as reading it all does.
    assert asked(folder, Wanted(tenant="north")) == north
    heard: list[str] = []
    assert len(list(read_folder(folder, heard.append))) < 120
    assert any("nothing behind it is read" in one for one in heard)
    heard.clear()
    list(find(folder, Wanted(tenant="north"), told=heard.append))
    assert any(one.startswith(path.name) and "ask `verify`" in one for one in heard)
    heard.clear()
    count(folder, Wanted(), told=heard.append)
    assert any("nothing behind it is counted" in one for one in heard)


def decided(tenant: str) -> list[str]:
    return [f"d{number}" for number in range(120) if TENANTS[number % 3] == tenant]


def test_an_index_that_leads_astray_is_not_believed(folder: Path) -> None:
    path, file = an_index(folder)
    line, _, body = file.read_bytes().partition(b"\n")
    top = json.loads(line.partition(b" ")[2])
    # The list of tenant `north` stands for `south` now: keys changed places, checksum and all.
    offset, size, _ = top["sections"]["tenant.keys"]
    keys = body[offset : offset + size]
    swapped = keys[8:16] + keys[:8] + keys[16:]
    top["sections"]["tenant.keys"][2] = crc32(swapped)
    write_index(file, top, body[:offset] + swapped + body[offset + size :])
    assert path.exists()
    assert set(asked(folder, Wanted(tenant="north"))) <= set(decided("north"))


def test_counting_by_index_is_counting_by_reading(folder: Path) -> None:
    for wanted in (*CHOICES, Wanted(action="deny", since="2026-01-01T00:00:10")):
        by_index, by_reading = count(folder, wanted), count(folder, wanted, scan=True)
        assert by_index == by_reading
    tally = count(folder, Wanted(kind="decision"))
    assert tally.counts["tenant"].keys() == {"north", "south"}
    assert tally.part(0.5) == sorted(tally.took)[len(tally.took) // 2]
    assert tally.part(1) == max(tally.took)
    assert Tally().part(0.99) == 0


def test_what_an_index_has_no_file_for_cannot_be_read(folder: Path) -> None:
    path, file = an_index(folder)
    with opened_source(path) as source:
        index = open_index(source)
        file.unlink()
        with pytest.raises(Stale):
            index.rows("tenant", "north")
        made = make_index(source)
    with pytest.raises(Stale):
        Index(made.top, 0, None, {}).rows("tenant", "north")


def test_times_become_numbers_that_can_be_compared() -> None:
    assert moment_of("1970-01-01T00:00:01.5Z") == 1_500_000
    assert moment_of("1970-01-02") == 86_400_000_000
    assert moment_of("1970-01-01T00:00:00.123456789Z") == 123_456
    assert [moment_of(one) for one in ("yesterday", "", "2026-13")] == [UNKNOWN] * 3
    assert time_of(moment_of("2026-11-28T10:11:12.131415Z")) == "2026-11-28T10:11:12.131415Z"
    assert hash_of("a") != hash_of("b")


def test_whole_segments_are_counted_as_reading_counts_them(tmp_path: Path) -> None:
    one = trail(tmp_path, segment_bytes=40_000)
    for number in range(900):
        took = number % 7
        one.append(
            f'{{"kind":"decision","time":"2026-01-01T{number // 100:02d}:30:00Z","tenant":'
            f'"t{number % 3}","stage":"request","effective_action":"allow","reasons":'
            f'[{{"policy":"p","rule":"r{number % 11}"}}],"evaluated_in":{took}}}'.encode()
        )
    one.append(b'{"kind":"admin","time":"somewhen"}')
    one.close()
    assert len(segment_files(tmp_path)) > 2
    tally = count(tmp_path, Wanted())
    assert tally == count(tmp_path, Wanted(), scan=True)
    assert (tally.records, len(tally.hours), tally.hours[""]) == (901, 10, 1)
    assert len(tally.took) == 900 - len(range(0, 900, 7))
