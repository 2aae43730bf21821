from __future__ import annotations

import os
import uuid

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
