from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import example, given
from hypothesis import strategies as some

from engine.service.times import iso_time

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@given(some.lists(some.integers(-(10**18), 4 * 10**18), min_size=1, max_size=5))
@example([0, 999_999_999, 1_000_000_000, 999_999_999, -1, 0])
@example([1_767_225_600_123_456_789, 1_767_225_600_999_999_999, 1_767_225_601_000_000_000])
def test_a_time_is_written_as_rfc_3339_whatever_was_written_before(instants: list[int]) -> None:
    for now in instants:
        told = (EPOCH + timedelta(microseconds=now // 1000)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        assert iso_time(now) == told
