from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.daemon.settings_reviews import Reviews as ReviewSettings
from engine.service.keys import derive_key, load_key
from engine.storage.reviews_kept import KeptReviews
from engine.storage.reviews_postgres import PostgresReviews
from engine.storage.reviews_postgres_address import read_url
from engine.storage.reviews_rows import SEALED
from engine.storage.reviews_sqlite import SqliteReviews
from tests.cli.calling import call
from tests.ports import free_port
from tests.storage import postgres
from tests.storage.asked import HOUR, asked

pytestmark = pytest.mark.skipif(postgres.programs() is None, reason=postgres.MISSING)


@pytest.fixture
def url() -> str:
    return postgres.shared().schema()


@pytest.fixture
def key(tmp_path: Path) -> bytes:
    return derive_key(load_key(tmp_path / "secret.key"), SEALED)


@pytest.fixture
def store(url: str, key: bytes) -> Iterator[KeptReviews]:
    made = PostgresReviews(read_url(url), key, 30.0)
    now = time.time_ns()
    made.open_or_join(asked("abc1", at=now, within=HOUR), now)
    yield made
    made.close()


def run(*arguments: object, code: int = 0) -> str:
    result = call("reviews", *map(str, arguments))
    assert result.exit_code == code, result.output
    return result.stdout + result.stderr


def test_reviews_in_a_database_are_listed_and_answered(
    store: KeptReviews, url: str, tmp_path: Path
) -> None:
    assert run("list", "--store", url, "--data", tmp_path).startswith("abc1 ")
    run("claim", "abc", "--as", "bob", "--store", url, "--data", tmp_path)
    run("approve", "abc", "--as", "bob", "--store", url, "--data", tmp_path)
    assert store.find("abc1", time.time_ns()).state == "approved"


def test_reviews_are_found_where_the_configuration_has_them(
    store: KeptReviews, url: str, tmp_path: Path, key: bytes
) -> None:
    (tmp_path / "url").write_text(url + "\n", "utf-8")
    config = tmp_path / "engine.toml"
    config.write_text('data = "."\n[reviews]\nstore = "postgresql"\nurl_file = "url"\n', "utf-8")
    assert run("list", "--config", config).startswith("abc1 ")
    config.write_text('data = "."\n', "utf-8")
    assert "there are no reviews in" in run("list", "--config", config, code=2)
    SqliteReviews(tmp_path / "reviews.db", key=key).close()
    assert run("list", "--config", config) == "nothing waits\n"
    config.write_text("nonsense = 1\n", "utf-8")
    assert "unknown setting" in run("list", "--config", config, code=2)
    assert store.name


@pytest.mark.usefixtures("key")
def test_what_is_no_database_is_told_of_without_its_password(tmp_path: Path) -> None:
    port = free_port()
    at = f"postgresql://bob:s3cret@127.0.0.1:{port}/db"
    said = run("list", "--store", at, "--data", tmp_path, code=2)
    assert "refused" in said
    assert "s3cret" not in said
    said = run("list", "--store", "mysql://bob:s3cret@h/d", "--data", tmp_path, code=2)
    assert said == ("engine: `reviews.url` cannot be used: it must begin with `postgresql://`\n")


def test_everything_in_a_file_is_moved_into_a_database(
    url: str, tmp_path: Path, key: bytes
) -> None:
    source = SqliteReviews(tmp_path / "reviews.db", key=key)
    now = time.time_ns()
    for number in range(3):
        source.open_or_join(asked(f"r{number}", at=now, within=HOUR, session="s"), now)
    told = source.untold(2, now)
    source.told([one.number for one in told])
    said = run("move", "--to", url, "--data", tmp_path)
    assert said.startswith("3 reviews and 3 acts are in the database `postgres` on ")
    target = PostgresReviews(read_url(url), key, 30.0)
    for number in range(3):
        review_id = f"r{number}"
        assert target.find(review_id, now) == source.find(review_id, now)
        assert [one.act for one in target.history(review_id)] == ["opened"]
    assert [one.review_id for one in target.untold(9, now)] == ["r2"]
    assert len(target.of_session("north", "s", 9)) == 3
    assert "has reviews of the same ids" in run("move", "--to", url, "--data", tmp_path, code=1)
    assert target.counts(now) == source.counts(now)
    target.close()
    source.close()


def test_a_client_that_is_not_installed_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str, key: bytes
) -> None:
    assert key
    monkeypatch.setitem(sys.modules, "engine.storage.reviews_postgres", None)
    said = run("list", "--store", url, "--data", tmp_path, code=2)
    assert "pip install 'pol-engine[postgres]'" in said


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, key: bytes) -> None:
    assert key
    config = tmp_path / "engine.toml"
    lines = 'data = "."\n[reviews]\nstore = "postgresql"\n'
    config.write_text(lines + 'url_file = "none"\n', "utf-8")
    assert "cannot read `reviews.url_file`" in run("list", "--config", config, code=2)
    config.write_text(lines + 'url = "postgresql://h/d"\nca_file = "none"\n', "utf-8")
    assert "cannot read `reviews.ca_file`" in run("list", "--config", config, code=2)
    assert ReviewSettings().store == "data"
