from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.storage.notices import SCHEMA, Spool, SpoolError


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    made = Spool(tmp_path / "notices.db", 3)
    yield made
    made.close()


def test_what_waits_is_there_until_it_was_sent(tmp_path: Path, spool: Spool) -> None:
    assert spool.add([("pager", "a.1.opened")], b"body", 5) == ()
    assert spool.ready("pager", 4, 10) == []
    assert spool.ready("mail", 10, 10) == []
    other = Spool(tmp_path / "notices.db", 3)
    (found,) = other.ready("pager", 10, 10)
    assert (found.key, found.body, found.born, found.tries) == ("a.1.opened", b"body", 5, 0)
    other.done(found.number)
    assert spool.ready("pager", 10, 10) == []
    other.close()


def test_the_same_waits_once_for_each_sink(spool: Spool) -> None:
    assert spool.add([("pager", "a"), ("pager", "a"), ("mail", "a")], b"", 0) == ()
    assert spool.waiting() == {"pager": 1, "mail": 1}


def test_no_more_wait_than_may(spool: Spool) -> None:
    assert spool.add([("pager", str(n)) for n in range(4)], b"", 0) == ("pager",)
    assert spool.add([("pager", "0"), ("mail", "3")], b"", 0) == ()
    assert spool.waiting() == {"pager": 3, "mail": 1}


def test_what_is_due_later_takes_no_place_of_what_is_to_be_sent_now(spool: Spool) -> None:
    due, opened = ([("pager", f"{n}.1.{event}") for n in range(3)] for event in ("due", "opened"))
    assert spool.add([*due, ("pager", "3.1.due")], b"", 0) == ("pager",)
    assert spool.add([*opened, ("pager", "3.1.opened")], b"", 0) == ("pager",)
    assert spool.waiting() == {"pager": 6}
    spool.done(spool.ready("pager", 0, 10)[-1].number)
    assert spool.add([("pager", "3.1.due")], b"", 0) == ("pager",)
    assert spool.add([("pager", "3.1.opened")], b"", 0) == ()
    assert spool.waiting() == {"pager": 6}


def test_what_an_earlier_engine_left_is_counted(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "notices.db") as line:
        line.execute(SCHEMA)
        for key in ("a.1.opened", "b.1.opened", "a.1.due"):
            line.execute(
                "INSERT INTO notices (sink, key, born, ready, body) VALUES ('pager', ?, 0, 0, '')",
                (key,),
            )
    line.close()
    spool = Spool(tmp_path / "notices.db", 2)
    assert spool.waiting() == {"pager": 3}
    assert spool.add([("pager", "c.1.opened")], b"", 0) == ("pager",)
    assert spool.add([("pager", "c.1.due")], b"", 0) == ()
    spool.close()


def test_of_several_that_begin_to_count_at_once_one_does(tmp_path: Path) -> None:
    spools = [Spool(tmp_path / "notices.db", 9) for _ in range(2)]
    spools[0]._count()  # As if the other had just begun.
    spools[1].add([("pager", "a.1.due")], b"", 0)
    assert spools[0].waiting() == {"pager": 1}
    for one in spools:
        one.close()


def test_what_could_not_be_sent_comes_later(spool: Spool) -> None:
    spool.add([("pager", "a"), ("pager", "b")], b"", 0)
    first, second = spool.ready("pager", 0, 10)
    spool.later(first.number, 7, failed=True)
    spool.later(second.number, 6)
    assert spool.ready("pager", 5, 10) == []
    assert [(one.key, one.tries) for one in spool.ready("pager", 7, 10)] == [("b", 0), ("a", 1)]


def test_what_waits_for_nobody_is_forgotten(spool: Spool) -> None:
    spool.add([("pager", "a"), ("mail", "a")], b"", 0)
    spool.keep_only(("mail",))
    assert spool.waiting() == {"mail": 1}
    spool.keep_only(())
    assert spool.waiting() == {}


def test_a_file_that_is_none_is_told(tmp_path: Path, spool: Spool) -> None:
    (tmp_path / "noise.db").write_bytes(b"noise" * 1000)
    with pytest.raises(SpoolError, match="not a database"):
        Spool(tmp_path / "noise.db", 3)
    with pytest.raises(SpoolError, match="Is a directory"):
        Spool(tmp_path, 3)
    spool.close()
    with pytest.raises(SpoolError, match="closed database"):
        spool.waiting()
    with pytest.raises(SpoolError, match="closed database"):
        spool.add([("pager", "a")], b"", 0)


@pytest.mark.slow
def test_another_process_that_writes_is_waited_for_but_not_for_ever(
    tmp_path: Path, spool: Spool
) -> None:
    other = sqlite3.connect(tmp_path / "notices.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE").close()
    with pytest.raises(SpoolError, match="locked"):
        spool.add([("pager", "a")], b"", 0)
    other.execute("ROLLBACK").close()
    assert spool.add([("pager", "a")], b"", 0) == ()
    other.close()


def test_it_can_be_read_by_its_owner_only(tmp_path: Path, spool: Spool) -> None:
    assert spool.waiting() == {}
    assert (tmp_path / "notices.db").stat().st_mode & 0o077 == 0
