from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shutil import which
from threading import Event, Timer

import pytest

from engine.storage.reviews import Move, ReviewsUnavailable, Shown
from engine.storage.reviews_sqlite import SqliteReviews
from tests.storage.asked import HOUR, NOW, asked


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteReviews]:
    made = SqliteReviews(tmp_path / "reviews.db", patience=0.01)
    yield made
    made.close()


def test_only_the_owner_can_read_the_files(store: SqliteReviews) -> None:
    store.open_or_join(asked(), NOW)
    modes = {one.name: one.stat().st_mode & 0o777 for one in store.path.parent.iterdir()}
    assert modes == {"reviews.db": 0o600, "reviews.db-wal": 0o600, "reviews.db-shm": 0o600}


def test_a_writer_that_takes_too_long_is_told_of(store: SqliteReviews) -> None:
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(ReviewsUnavailable, match="locked"):
        store.open_or_join(asked(), NOW)
    other.execute("ROLLBACK")
    other.close()
    assert store.open_or_join(asked(), NOW).state == "open"


def test_a_file_that_is_gone_or_replaced_is_not_written_to_on(store: SqliteReviews) -> None:
    store.path.rename(store.path.with_name("aside.db"))
    with pytest.raises(ReviewsUnavailable, match="No such file"):
        store.open_or_join(asked(), NOW)
    store.path.touch()
    with pytest.raises(ReviewsUnavailable, match="another file was put in its place"):
        store.act("a", Move(verb="claim", who="bob"), NOW)
    with pytest.raises(ReviewsUnavailable, match="another file was put in its place"):
        store.untold(1, NOW)


def test_a_file_that_another_is_just_making_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "reviews.db"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("CREATE TABLE other (x)")
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(ReviewsUnavailable, match="locked"):
        SqliteReviews(path, patience=0.02)
    done = Timer(0.05, other.rollback)
    done.start()
    SqliteReviews(path, patience=10).close()
    done.join()
    other.close()


def test_what_is_no_store_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ReviewsUnavailable, match=r"cannot open .*reviews\.db"):
        SqliteReviews(tmp_path / "nowhere" / "reviews.db")
    noise = tmp_path / "noise.db"
    noise.write_bytes(b"no database at all" * 100)
    with pytest.raises(ReviewsUnavailable, match="not a database"):
        SqliteReviews(noise)


def test_a_file_from_the_future_is_refused(store: SqliteReviews) -> None:
    with sqlite3.connect(store.path) as line:
        line.execute("PRAGMA user_version = 3")
    line.close()
    with pytest.raises(ReviewsUnavailable, match="form 3"):
        SqliteReviews(store.path)


FIRST_FORM = """
CREATE TABLE reviews (
    review_id TEXT PRIMARY KEY, tenant TEXT NOT NULL, queue TEXT NOT NULL, state TEXT NOT NULL,
    rank INTEGER NOT NULL, opened_at INTEGER NOT NULL, expires_at INTEGER NOT NULL,
    body BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX by_rank ON reviews (rank, opened_at, review_id);
CREATE INDEX by_state ON reviews (state, rank, opened_at, review_id);
CREATE INDEX by_queue ON reviews (queue, state, rank, opened_at, review_id);
CREATE INDEX by_tenant ON reviews (tenant, state, rank, opened_at, review_id);
CREATE INDEX by_deadline ON reviews (expires_at) WHERE state = 'open';
CREATE TABLE history (
    number INTEGER PRIMARY KEY AUTOINCREMENT, review_id TEXT NOT NULL,
    told INTEGER NOT NULL DEFAULT 0, body BLOB NOT NULL
);
CREATE INDEX of_review ON history (review_id, number);
CREATE INDEX untold ON history (number) WHERE told = 0;
"""


def first_form(store: SqliteReviews, path: Path) -> None:
    """Write what *store* has as the first form had it; of its deeds the first is told."""
    with sqlite3.connect(path) as old:
        old.executescript(FIRST_FORM)
        with sqlite3.connect(store.path) as new:
            columns = "review_id, tenant, queue, state, rank, opened_at, expires_at, body"
            for row in new.execute(f"SELECT {columns} FROM reviews"):  # noqa: S608  our words
                old.execute("INSERT INTO reviews VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
            for row in new.execute(
                "SELECT number, review_id, number = 1, body FROM review_history"
            ):
                old.execute("INSERT INTO history VALUES (?, ?, ?, ?)", row)
        new.close()
        old.execute("PRAGMA user_version = 1")
    old.close()


def test_a_file_that_another_secret_has_sealed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "reviews.db"
    SqliteReviews(path, key=b"x" * 32).close()
    store = SqliteReviews(path, key=b"k" * 32)  # Nothing is sealed in it yet.
    store.open_or_join(asked(), NOW)
    store.close()
    with pytest.raises(ReviewsUnavailable, match=r"another secret, .* put back the `secret\.key`"):
        SqliteReviews(path, key=b"x" * 32)
    store = SqliteReviews(path, key=b"k" * 32)
    assert store.find("r1", NOW).state == "open"
    store.close()


def test_a_file_of_the_first_form_goes_on(tmp_path: Path) -> None:
    store = SqliteReviews(tmp_path / "new.db", key=b"k" * 32)
    for number in range(3):
        store.open_or_join(asked(f"r{number}", session="s1"), NOW + number)
    store.act("r1", Move(verb="claim", who="bob"), NOW)
    store.act("r2", Move(verb="edit", who="bob", shown=Shown(content="5")), NOW)
    path = tmp_path / "old.db"
    first_form(store, path)
    with pytest.raises(ReviewsUnavailable, match="another key"):
        SqliteReviews(path, key=b"x" * 32)
    for _ in range(2):
        found = SqliteReviews(path, key=b"k" * 32)
        assert [found.find(f"r{one}", NOW) for one in range(3)] == [
            store.find(f"r{one}", NOW) for one in range(3)
        ]
        assert found.counts(NOW) == store.counts(NOW)
        assert len(found.of_session("north", "s1", 9)) == 3
        assert [one.number for one in found.history("r2")] == [3, 5]
        found.close()
    found = SqliteReviews(path, key=b"k" * 32)
    assert [one.number for one in found.untold(9, NOW)] == [2, 3, 4, 5]
    found.open_or_join(asked("r9"), NOW)
    assert [one.number for one in found.history("r9")] == [6]
    found.close()
    store.close()


def test_who_looks_waits_for_nobody(store: SqliteReviews) -> None:
    store.open_or_join(asked(), NOW)
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert store.open_or_join(asked(), NOW).state == "open"
    assert store.find("r1", NOW + HOUR).state == "expired"
    other.execute("ROLLBACK")
    other.close()


def test_a_thread_that_acts_too_long_is_told_of(store: SqliteReviews) -> None:
    begun, go_on = Event(), Event()

    def slowly(_: object) -> None:
        begun.set()
        go_on.wait()

    with ThreadPoolExecutor(1) as pool:
        acting = pool.submit(store.do, slowly)
        begun.wait()
        with pytest.raises(ReviewsUnavailable, match="take too long"):
            store.open_or_join(asked(), NOW)
        go_on.set()
        acting.result()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    size = ("-t", "tmpfs", "-o", "size=1m", "tmpfs")
    made = subprocess.run(["mount", *size, str(folder)], capture_output=True, check=False)  # noqa: S603, S607  for root only
    if made.returncode:
        pytest.skip("no small file system can be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)  # noqa: S603, S607


def test_a_full_disk_is_told_of_and_nothing_is_half_done(small_disk: Path) -> None:
    store = SqliteReviews(small_disk / "reviews.db")
    shown = Shown(content="x" * 4000)
    opened = 0
    said = ""
    while not said:
        try:
            store.open_or_join(asked(f"r{opened}", shown=shown), NOW)
            opened += 1
        except ReviewsUnavailable as error:
            said = str(error)
    assert "full" in said
    assert said.endswith("(is there room on the disk?)")
    assert str(store.path) in said
    assert opened > 5
    for number in range(opened):
        assert [one.act for one in store.history(f"r{number}")] == ["opened"]
    assert sum(one.number for one in store.counts(NOW)) == opened
    with sqlite3.connect(store.path) as line:
        assert line.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    line.close()
    store.close()


@pytest.mark.parametrize("ending", ["", "-wal", "-shm"])
def test_a_file_that_may_not_be_written_to_is_told_of_with_those_beside_it(
    tmp_path: Path, ending: str
) -> None:
    path = tmp_path / "reviews.db"
    SqliteReviews(path).close()
    for beside in ("-wal", "-shm"):
        Path(f"{path}{beside}").touch()
    locked = Path(f"{path}{ending}")
    chattr = which("chattr")
    if chattr is None or subprocess.run([chattr, "+i", locked], check=False).returncode:  # noqa: S603
        pytest.skip("files cannot be made immutable here")
    try:
        with pytest.raises(ReviewsUnavailable) as caught:
            SqliteReviews(path, patience=0.01).open_or_join(asked(), NOW)
    finally:
        subprocess.run([chattr, "-i", locked], check=True)  # noqa: S603
    assert f"may {path}, {path}-wal and {path}-shm be written to?" in str(caught.value)


def test_a_file_that_is_damaged_is_named(tmp_path: Path) -> None:
    path = tmp_path / "reviews.db"
    store = SqliteReviews(path)
    for number in range(200):
        store.open_or_join(asked(f"r{number}"), NOW)
    store.close()
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))
    with pytest.raises(ReviewsUnavailable, match=r"reviews\.db: .*malformed"):
        SqliteReviews(path).counts(NOW)
