from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.runtime.buckets import Bucket, Reservation, Reserved, Slots
from engine.runtime.meter import Meter
from engine.runtime.store import Take
from engine.runtime.throttle import FOREVER
from engine.state import layout

instants = st.integers(-FOREVER, FOREVER)
levels = st.integers(0, 2**192 - 1)
amounts = st.integers(0, 10**27)
names = st.text(st.characters(codec="utf-8"), max_size=20)
rules = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
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
    rule=rules,
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
@given(instants, st.lists(st.builds(Reserved, take=takes, at=instants), max_size=4), names)
def test_a_reservation_comes_back(until: int, reserved: list[Reserved], payer: str) -> None:
    paid = [Reserved(replace(one.take, payer=payer), one.at) for one in reserved]
    made = Reservation(until, tuple(paid))
    value = layout.pack_reservation(made)
    assert layout.unpack_reservation(value) == made
    assert layout.expiry(value) == until


held = st.builds(
    Take,
    rule=rules,
    key=names,
    amount=amounts,
    limit=amounts,
    burst=amounts,
    window=st.none(),
    unit=names,
    life=st.integers(1, FOREVER),
)


@pytest.mark.slow
@settings(max_examples=40)
@given(instants, st.lists(st.tuples(instants, st.integers(1, 2**32 - 1)), max_size=64))
def test_slots_come_back(at: int, pairs: list[tuple[int, int]]) -> None:
    kept = Slots(at, tuple(end for end, _ in pairs), tuple(count for _, count in pairs))
    value = layout.pack_slots(kept)
    assert layout.unpack_slots(value) == kept
    assert layout.expiry(value) == kept.until


@pytest.mark.slow
@settings(max_examples=40)
@given(instants, st.lists(st.builds(Reserved, take=takes | held, at=instants), max_size=4))
def test_reserved_slots_come_back(until: int, reserved: list[Reserved]) -> None:
    made = Reservation(until, tuple(reserved))
    assert layout.unpack_reservation(layout.pack_reservation(made)) == made


def test_slots_beyond_the_clock_are_cut() -> None:
    late = Slots(FOREVER * 2, (FOREVER * 3,), (1,))
    assert layout.unpack_slots(layout.pack_slots(late)) == Slots(FOREVER, (FOREVER,), (1,))


def test_a_reservation_of_an_older_version_is_read() -> None:
    """As it lay in a file before there were slots."""
    value = bytes.fromhex(
        "0110270000000000000500000000000000070000000000000000000000000000000000000000000000"
        "03000000000000000000000000000000090000000000000000000000000000000900000000000000"
        "0000000000000000010001000600726b746f6b656e73"
    )
    take = Take(rule="r", key="k", amount=3, limit=9, burst=9, window=7, unit="tokens")
    assert layout.unpack_reservation(value) == Reservation(10_000, (Reserved(take, 5),))


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
        layout.unpack_slots,
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
