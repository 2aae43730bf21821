from __future__ import annotations

import os
import uuid

from hypothesis import example, given
from hypothesis import strategies as some

from engine.service.identity import AT_ONCE, IdSource

NOW = 1_767_225_600_123_456_789


def test_ids_are_uuids_of_version_7_that_tell_the_millisecond() -> None:
    made = uuid.UUID(IdSource().make(NOW))
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert made.int >> 80 == NOW // 1_000_000
    assert str(made) == str(made).lower()


def test_ids_sort_by_time_within_a_millisecond() -> None:
    source = IdSource()
    made = [source.make(NOW + step * 1_000) for step in range(500)]
    assert made == sorted(made)


@given(some.lists(some.integers(0, 4 * 10**18), min_size=1, max_size=5))
@example([NOW, NOW - NOW % 1_000_000, NOW - NOW % 1_000_000 + 999_999, NOW - 1_000_000, NOW])
def test_ids_tell_the_fraction_of_the_millisecond(instants: list[int]) -> None:
    source = IdSource()
    for now in instants:
        made = uuid.UUID(source.make(now))
        assert made.int >> 80 == now // 1_000_000
        assert made.int >> 64 & 0xFFF == now % 1_000_000 * 4096 // 1_000_000


def test_every_fraction_of_a_millisecond_is_told_as_a_division_would() -> None:
    source = IdSource()
    for rest in range(0, 1_000_000, 97):
        assert source.make(rest)[15:18] == f"{rest * 4096 // 1_000_000:03x}"
    edges = {-(-number * 1_000_000 // 4096) for number in range(1, 4096)}
    for rest in sorted({*edges, *(one - 1 for one in edges)}):
        assert source.make(rest)[15:18] == f"{rest * 4096 // 1_000_000:03x}"


def test_ids_of_one_instant_differ() -> None:
    source = IdSource()
    made = {source.make(NOW) for _ in range(3 * AT_ONCE)}
    assert len(made) == 3 * AT_ONCE


def test_a_forked_child_makes_other_ids() -> None:
    source = IdSource()
    source.make(NOW)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover - runs in the child
        os.write(writer, source.make(NOW).encode())
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(reader, 100).decode()
    os.close(reader)
    os.close(writer)
    assert uuid.UUID(theirs) != uuid.UUID(source.make(NOW))
