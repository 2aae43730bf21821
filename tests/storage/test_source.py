from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import zstandard

from engine.storage import source as module
from engine.storage.header import CLOSED, OPEN, NoSegment
from engine.storage.read import read_folder, records_of
from engine.storage.source import (
    COMPRESSED,
    PIECE_BYTES,
    Source,
    compressed,
    opened_source,
    read_bytes,
    segment_files,
    stem_of,
)
from engine.storage.trail import Trail
from tests.storage.made import SIGNER, filled, record, trail

DATA = b"".join(number.to_bytes(4, "big") for number in range(700_000))


@pytest.fixture
def pressed(tmp_path: Path) -> Path:
    path = tmp_path / f"a-00000000{COMPRESSED}"
    path.write_bytes(compressed(DATA))
    return path


def test_any_part_of_a_compressed_segment_is_read(pressed: Path) -> None:
    with opened_source(pressed) as source:
        assert source.size == len(DATA) > 2 * PIECE_BYTES
        assert source.all() == DATA
        for start, end in (
            (0, 5),
            (PIECE_BYTES - 3, PIECE_BYTES + 3),
            (PIECE_BYTES, PIECE_BYTES + 1),
            (5, len(DATA)),
            (len(DATA) - 2, len(DATA) + 9),
            (len(DATA) + 1, len(DATA) + 5),
            (7, 7),
        ):
            assert source.read(start, end) == DATA[start:end]


def test_only_the_pieces_that_are_asked_for_are_decompressed(
    pressed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    real = Source._decompressed

    def decompressed(source: Source, number: int) -> bytes:
        seen.append(number)
        return real(source, number)

    monkeypatch.setattr(Source, "_decompressed", decompressed)
    with opened_source(pressed) as source:
        source.read(PIECE_BYTES, PIECE_BYTES + 5)
        source.read(PIECE_BYTES + 7, PIECE_BYTES + 9)
    assert seen == [1]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"no zstd at all, and long enough", "it cannot be decompressed"),
        (compressed(b"x" * 99)[:-8], "it is cut|cannot be decompressed"),
        (zstandard.ZstdCompressor(write_content_size=False).compress(b"x"), "does not tell its si"),
    ],
)
def test_what_is_no_compressed_segment_is_told(tmp_path: Path, data: bytes, why: str) -> None:
    path = tmp_path / f"a-00000000{COMPRESSED}"
    path.write_bytes(data)
    with pytest.raises(NoSegment, match=why):
        read_bytes(path)


def test_a_piece_that_was_changed_is_told(pressed: Path) -> None:
    data = bytearray(pressed.read_bytes())
    data[-1] ^= 1  # Of the checksum of the last piece.
    pressed.write_bytes(data)
    with opened_source(pressed) as source, pytest.raises(NoSegment, match="cannot be decompress"):
        source.all()


def test_a_segment_that_would_fill_the_memory_is_refused(
    pressed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_BYTES", PIECE_BYTES)
    with pytest.raises(NoSegment, match="it would be over"):
        read_bytes(pressed)


def test_a_block_of_one_byte_again_and_again_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / f"a-00000000{COMPRESSED}"
    path.write_bytes(compressed(bytes(3 * PIECE_BYTES)))
    assert read_bytes(path) == bytes(3 * PIECE_BYTES)


def test_a_segment_is_followed_from_name_to_name(tmp_path: Path) -> None:
    first = tmp_path / f"a-00000000{OPEN}"
    first.with_suffix(CLOSED).write_bytes(b"closed")
    assert read_bytes(first) == b"closed"
    first.with_suffix(CLOSED).unlink()
    (tmp_path / f"a-00000000{COMPRESSED}").write_bytes(compressed(b"pressed"))
    assert read_bytes(first) == b"pressed"
    (tmp_path / f"a-00000000{COMPRESSED}").unlink()
    with pytest.raises(FileNotFoundError):
        read_bytes(first)


def test_of_two_files_of_one_segment_one_counts(tmp_path: Path) -> None:
    for ending in (OPEN, CLOSED, COMPRESSED, ".idx", ".new"):
        (tmp_path / f"a-00000000{ending}").write_bytes(b"")
    (tmp_path / f"a-00000001{COMPRESSED}").write_bytes(b"")
    assert [one.name for one in segment_files(tmp_path)] == [
        f"a-00000000{CLOSED}",
        f"a-00000001{COMPRESSED}",
    ]
    assert [stem_of(Path(one)) for one in ("a.seg", "a.seg.zst", "a.open", "a.idx")] == [
        "a",
        "a",
        "a",
        "",
    ]


# --- reading one after another -------------------------------------------------------------------


def test_a_trail_is_opened_when_its_time_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in range(1, 4):
        moment = f"2026-01-0{day}T00:00:00Z"
        made = Trail(tmp_path, SIGNER, time=partial(str, moment))
        made.append(f'{{"time":"{moment}"}}'.encode())
        made.close()
    opened: list[str] = []
    real = Source.all

    def everything(source: Source) -> bytes:
        opened.append(source.path.name)
        return real(source)

    monkeypatch.setattr(Source, "all", everything)
    records = read_folder(tmp_path)
    for number in range(1, 4):
        assert next(records).time == f"2026-01-0{number}T00:00:00Z"
        assert len(opened) == number


def test_what_is_left_out_is_told(tmp_path: Path) -> None:
    filled(tmp_path, 5)
    (path,) = segment_files(tmp_path)
    path.write_bytes(path.read_bytes()[:-3])
    told: list[str] = []
    assert len(list(records_of(path, told.append))) == 4
    assert told[0].startswith(f"{path.name} at byte")
    one = trail(tmp_path)
    one.append(record(1))
    with one.path.open("ab") as file:
        file.write(b"half")
    told.clear()
    assert len(list(records_of(one.path, told.append))) == 1
    assert told == []  # It is being written.
    one._segment.drop()
    (tmp_path / f"b-00000000{OPEN}").write_bytes(b"{")
    assert list(records_of(tmp_path / f"b-00000000{OPEN}")) == []
