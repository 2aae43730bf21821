"""An index that is made a piece at a time, held against the plain way: all of a segment at once."""

from __future__ import annotations

from array import array
from contextlib import suppress
from pathlib import Path
from zlib import crc32

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.storage import gather, index, pieces
from engine.storage.frames import DIGEST_BYTES, HEAD, first_digest, pruned_frame, scan_frames
from engine.storage.gather import INDEXED, LABELLED
from engine.storage.header import CLOSED, NoSegment, read_header
from engine.storage.index import ENDING, Top, checksum_of, make_index, open_index
from engine.storage.moment import UNKNOWN, moment_of, time_of
from engine.storage.source import COMPRESSED, compressed, opened_source
from engine.storage.wanted import FIELDS, fields_of
from tests.storage.made import trail

TIMES = st.one_of(
    st.integers(0, 10**15).map(time_of), st.sampled_from(["", "yesterday", "2026-01-01T00:00:00Z"])
)
TEXTS = st.sampled_from(["", "a", "b", "north", "decision", "é" * 40])
RECORDS = st.fixed_dictionaries(
    {},
    optional={name: st.one_of(TEXTS, st.text(max_size=9)) for name in FIELDS}
    | {
        "time": TIMES,
        "evaluated_in": st.integers(-5, 2**63),
        "reasons": st.lists(
            st.fixed_dictionaries({}, optional={"policy": TEXTS, "rule": TEXTS}), max_size=4
        ),
        "more": st.text(max_size=300),
    },
)


def plain(data: bytes) -> bytes:
    """Return the bytes of the index of the segment *data*."""
    header, end = read_header(data)
    found = scan_frames(data, end, first_digest(data[:end]), header.first)
    times, took, gone = array("q"), array("Q"), set(found.pruned)
    values: dict[str, dict[str, list[int]]] = {name: {} for name in INDEXED}
    begin = end
    for row, stop in enumerate(found.ends):
        fields = fields_of(data[begin + HEAD.size : stop - DIGEST_BYTES])
        begin = stop
        if row in gone:
            times.append(times[-1] if times else moment_of(header.opened))
            took.append(0)
            continue
        times.append(moment_of(str(fields.get("time") or header.opened)))
        took.append(max(msgspec.convert(fields.get("evaluated_in", 0), int), 0))
        for name in FIELDS:
            if fields.get(name):
                values[name].setdefault(str(fields[name]), []).append(row)
        for reason in msgspec.convert(fields.get("reasons", []), list[dict[str, str]]):
            rows = values["rule"].setdefault(reason.get("rule") or reason.get("policy", ""), [])
            rows.extend([] if row in rows else [row])
    sections = {
        "offsets": array("Q", [end, *found.ends]).tobytes(),
        "times": times.tobytes(),
        "took": took.tobytes(),
        "pruned": array("I", found.pruned).tobytes(),
    }
    for name, by_value in values.items():
        sections |= postings(name, by_value)
    return laid(data, sections, times, "" if found.wrong is None else str(found.wrong))


def postings(name: str, values: dict[str, list[int]]) -> dict[str, bytes]:
    by_hash: dict[int, set[int]] = {}
    for value, rows in values.items():
        by_hash.setdefault(gather.hash_of(value), set()).update(rows)
    starts, all_rows = array("I", [0]), array("I")
    for key in sorted(by_hash):
        all_rows.extend(sorted(by_hash[key]))
        starts.append(len(all_rows))
    found = {
        f"{name}.keys": array("Q", sorted(by_hash)).tobytes(),
        f"{name}.starts": starts.tobytes(),
        f"{name}.rows": all_rows.tobytes(),
    }
    labels = {f"{name}.labels": msgspec.json.encode(sorted(values))}
    return found | labels if name in LABELLED else found


def laid(data: bytes, sections: dict[str, bytes], times: array[int], wrong: str) -> bytes:
    table, at = {}, 0
    for name, section in sections.items():
        table[name] = (at, len(section), crc32(section))
        at += len(section)
    header, end = read_header(data)
    known = len(times) > 0 and UNKNOWN not in times
    top = Top(
        size=len(data),
        digest=data[-DIGEST_BYTES:].hex(),
        header=header,
        begin=first_digest(data[:end]).hex(),
        records=len(times),
        earliest=min(times) if known else UNKNOWN,
        latest=max(times) if known else UNKNOWN,
        wrong=wrong,
        sections=table,
    )
    text = msgspec.json.encode(top)
    return checksum_of(text) + b" " + text + b"\n" + b"".join(sections.values())


def written(folder: Path, records: list[dict[str, object]]) -> Path:
    one = trail(folder)
    for fields in records:
        one.append(msgspec.json.encode(fields))
    one.close()
    (path,) = folder.glob(f"*{CLOSED}")
    return path


def pruned(data: bytes, rows: set[int]) -> bytes:
    """Return the segment *data* without the payloads of the records *rows*."""
    header, start = read_header(data)
    found = scan_frames(data, start, first_digest(data[:start]), header.first)
    parts = [data[:start]]
    for row, end in enumerate(found.ends):
        parts.append(pruned_frame(data, start) if row in rows else data[start:end])
        start = end
    return b"".join(parts)


def made(path: Path) -> bytes:
    with opened_source(path) as source:
        make_index(source)
    return path.with_name(f"{path.name.partition('.')[0]}{ENDING}").read_bytes()


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_piece_at_a_time_makes_the_index_that_all_at_once_makes(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("made")
    path = written(folder, data.draw(st.lists(RECORDS, max_size=40)))
    rows = data.draw(st.sets(st.integers(0, 39), max_size=6))
    kept = bytearray(pruned(path.read_bytes(), rows))
    begin = kept.index(b"\n") + 1
    match data.draw(st.sampled_from(["whole", "flip", "cut", "zeros", "twice"])):
        case "flip" if len(kept) > begin:
            kept[data.draw(st.integers(begin, len(kept) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        case "cut":
            del kept[data.draw(st.integers(begin, len(kept))) :]
        case "zeros":
            kept += bytes(data.draw(st.integers(1, 200)))
        case "twice":
            kept += kept[data.draw(st.integers(begin, len(kept))) :]
        case _:
            pass
    path.write_bytes(kept)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "PIECE", data.draw(st.sampled_from([1, 50, 300, 1000, 2**15])))
        if data.draw(st.booleans()):
            patch.setattr(gather, "hash_of", lambda value: len(value) << 50)
        expected = plain(bytes(kept))
        assert made(path) == expected
        pressed = path.with_name(f"{path.stem}{COMPRESSED}")
        pressed.write_bytes(compressed(bytes(kept)))
        path.unlink()
        assert made(pressed) == expected


def test_a_record_longer_than_a_piece_is_read_whole(tmp_path: Path) -> None:
    long: dict[str, object] = {"kind": "decision", "more": "x" * (3 * pieces.PIECE)}
    path = written(tmp_path, [{"kind": "admin"}, long, {"kind": "admin"}, long])
    assert made(path) == plain(path.read_bytes())
    with opened_source(path) as source:
        scans = [piece.scan for piece in pieces.pieces_of(source)]
    assert sum(len(scan.leaves) for scan in scans) == 4
    assert len(scans) > 2


def test_whoever_is_not_to_be_held_up_gets_its_turn_between_pieces(tmp_path: Path) -> None:
    path = written(tmp_path, [{"decision_id": f"d{number}"} for number in range(2000)])
    pauses: list[int] = []
    with opened_source(path) as source:
        number = sum(1 for _ in pieces.pieces_of(source))
        assert number > 3
        assert make_index(source, lambda: pauses.append(0)).top == open_index(source).top
    # Each piece, and parts of each field whose hashes are sorted.
    assert len(pauses) > number + len(gather.HASHED) * 8


def test_a_segment_that_shrinks_while_it_is_read_ends_there(tmp_path: Path) -> None:
    path = written(tmp_path, [{"decision_id": f"d{number}"} for number in range(2000)])
    with opened_source(path) as source:
        found = pieces.pieces_of(source)
        records = len(next(found).scan.leaves)
        with path.open("r+b") as file:
            file.truncate(pieces.PIECE + 10_000)
        *_, last = found
    assert records < 2000
    assert "the last record is not whole" in str(last.scan.wrong)


def test_what_has_no_header_has_no_pieces(tmp_path: Path) -> None:
    path = tmp_path / f"x-00000000{CLOSED}"
    path.write_bytes(b"no header\n")
    with opened_source(path) as source, suppress(StopIteration), pytest.raises(NoSegment):
        next(pieces.pieces_of(source))
    assert index.missing_indexes([path]) == [path]
