from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.storage.frames import (
    HEAD,
    MOST_BYTES,
    OVERHEAD,
    Altered,
    Frame,
    Torn,
    first_digest,
    is_holed,
    make_frame,
    read_frames,
)

HEADER = b"header\n"


def written(payloads: list[bytes], first: int = 5) -> bytes:
    """Return a header and the frames of *payloads*."""
    data, previous = HEADER, first_digest(HEADER)
    for number, payload in enumerate(payloads, first):
        frame, _, previous = make_frame(previous, number, payload)
        data += frame
    return data


def read(data: bytes, first: int = 5) -> list[Frame]:
    return list(read_frames(data, len(HEADER), first_digest(data[: len(HEADER)]), first))


THREE = [b'{"a":1}', b"", b"x" * 300]


@given(st.lists(st.binary(max_size=60), max_size=8))
def test_what_was_written_is_read(payloads: list[bytes]) -> None:
    data = written(payloads)
    frames = read(data)
    assert [one.payload for one in frames] == payloads
    assert [one.sequence for one in frames] == list(range(5, 5 + len(payloads)))
    assert [one.end - one.start for one in frames] == [OVERHEAD + len(one) for one in payloads]
    assert not frames or frames[-1].end == len(data)


def test_a_file_that_was_cut_anywhere_tells_its_last_whole_record() -> None:
    data = written(THREE)
    ends = [one.end for one in read(data)]
    for cut in range(len(HEADER), len(data)):
        whole = [end for end in ends if end <= cut]
        last = whole[-1] if whole else len(HEADER)
        if cut == last:
            assert len(read(data[:cut])) == len(whole)
        else:
            with pytest.raises(Torn) as torn:
                read(data[:cut])
            assert torn.value.at == last


@settings(max_examples=300)
@given(st.data())
def test_no_bit_can_be_changed(data: st.DataObject) -> None:
    kept = written(THREE)
    at = data.draw(st.integers(0, len(kept) - 1))
    changed = bytearray(kept)
    changed[at] ^= 1 << data.draw(st.integers(0, 7))
    # A length that reaches beyond the end looks like a cut.
    with pytest.raises((Altered, Torn)):
        read(bytes(changed))


def test_records_cannot_be_taken_out_swapped_or_brought_from_elsewhere() -> None:
    data = written(THREE)
    one, two, three = read(data)
    parts = [data[frame.start : frame.end] for frame in (one, two, three)]
    with pytest.raises(Altered, match="record 6 stands where record 5 belongs"):
        read(HEADER + parts[1] + parts[2])
    with pytest.raises(Altered, match="record 7 stands where record 6 belongs"):
        read(HEADER + parts[0] + parts[2] + parts[1])
    other = written([b"another"])[len(HEADER) :]
    with pytest.raises(Altered, match="record 5 stands where record 6 belongs"):
        read(HEADER + parts[0] + other)
    with pytest.raises(Altered, match="record 5 is not chained to the one before it"):
        read(b"HEADER\n" + other)


def test_a_length_that_is_none_is_told() -> None:
    head = HEAD.pack(MOST_BYTES + 1, 0, 5)
    with pytest.raises(Altered, match="at byte 7: a record of 67108865 bytes"):
        read(HEADER + head + bytes(OVERHEAD))


@pytest.mark.parametrize("payload", [bytes([7]) * size for size in (1, 300, 5000)])
def test_a_sector_that_is_zeros_is_seen_in_every_frame_wherever_that_lies(payload: bytes) -> None:
    frame, _, _ = make_frame(first_digest(HEADER), 5, payload)
    for base in range(512):
        assert not is_holed(frame, 0, base)
        assert not is_holed(bytes(9) + frame, 9, base)
        first = -base
        for start in range(first, len(frame), 512):
            left = bytearray(frame + bytes([7]) * 512)
            low, high = max(start, 0), start + 512
            left[low:high] = bytes(high - low)
            assert is_holed(bytes(left), 0, base)
