from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.runtime.meter import Meter
from engine.runtime.store import Take
from engine.runtime.taking import Reservation
from engine.runtime.throttle import FOREVER, Bucket, Reserved
from engine.state import layout

instants = st.integers(-FOREVER, FOREVER)
levels = st.integers(0, 2**192 - 1)
amounts = st.integers(0, 10**27)
names = st.text(st.characters(codec="utf-8"), max_size=20)
buckets = st.builds(
    Bucket,
    at=instants,
    level=levels,
    window=st.integers(0, FOREVER),
    until=instants,
    lows=st.lists(st.tuples(instants, levels), max_size=8).map(tuple),
)
takes = st.builds(
    Take,
    rule=names,
    key=names,
    amount=amounts,
    limit=amounts,
    burst=amounts,
    window=st.none() | st.integers(1, FOREVER),
    opens=instants,
    closes=instants,
    unit=names,
)


@pytest.mark.slow
@given(buckets)
def test_a_bucket_comes_back(bucket: Bucket) -> None:
    value = layout.pack_bucket(bucket)
    assert layout.unpack_bucket(value) == bucket
    assert layout.expiry(value) == bucket.until


@pytest.mark.slow
@settings(max_examples=40)
@given(instants, st.lists(st.builds(Reserved, take=takes, at=instants), max_size=4))
def test_a_reservation_comes_back(until: int, reserved: list[Reserved]) -> None:
    made = Reservation(until, tuple(reserved))
    value = layout.pack_reservation(made)
    assert layout.unpack_reservation(value) == made
    assert layout.expiry(value) == until


@pytest.mark.slow
@settings(max_examples=40)
@given(instants, st.lists(st.integers(0, 2**32 - 1), min_size=61, max_size=61))
def test_a_meter_comes_back(newest: int, counts: list[int]) -> None:
    meter = Meter(newest, tuple(counts))
    assert layout.unpack_meter(layout.pack_meter(meter, 7)) == meter


@pytest.mark.slow
@settings(max_examples=40)
@given(st.dictionaries(names, instants, min_size=1))
def test_labels_come_back(labels: dict[str, int]) -> None:
    value = layout.pack_labels(labels)
    assert layout.unpack_labels(value) == labels
    assert layout.expiry(value) == max(labels.values())


def test_what_does_not_fit_is_cut() -> None:
    bucket = layout.unpack_bucket(
        layout.pack_bucket(Bucket(2**70, 2**200, 5, 2**80, ((2**70, 2**200),)))
    )
    top = 2**192 - 1
    assert bucket == Bucket(FOREVER, top, 5, FOREVER, ((FOREVER, top),))


@given(st.binary(max_size=400))
def test_no_bytes_break_the_reader(value: bytes) -> None:
    for unpack in (
        layout.unpack_bucket,
        layout.unpack_meter,
        layout.unpack_reservation,
        layout.unpack_labels,
    ):
        for candidate in (value, bytes([layout.VERSION]) + value):
            try:
                unpack(candidate)
            except layout.UnreadableValue:
                continue


def test_another_version_is_not_read() -> None:
    with pytest.raises(layout.UnreadableValue, match="version 9"):
        layout.expiry(b"\x09" + bytes(8))
