"""Daemons that share their reviews in a real PostgreSQL server."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.daemon.config import render_settings
from engine.daemon.places import StartError
from engine.daemon.review_store import open_store, upkeep_of
from engine.daemon.settings import Settings
from engine.daemon.settings_reviews import Reviews
from engine.storage.reviews import ReviewsUnavailable, Upkeep
from tests.cli.calling import call
from tests.daemon.running import Running, daemon, decide
from tests.daemon.test_serve import until
from tests.service.bundle import write_folder
from tests.storage import postgres

pytestmark = pytest.mark.skipif(postgres.programs() is None, reason=postgres.MISSING)
DAY = 86_400 * 10**9


def recorded(folder: Path) -> list[str]:
    """Return the acts in the record of a node."""
    file = folder / "data" / "decisions.jsonl"
    lines = file.read_text().splitlines() if file.exists() else []
    return [one["act"] for one in map(json.loads, lines) if one["kind"] == "review"]


def node(folder: Path, url: str, *, name: str, patience: int) -> tuple[Path, list[str]]:
    """Return the folder and the options of a node that waits so many ms for the database."""
    place = folder / name
    write_folder(place / "policies")
    (place / "url").write_text(url, "utf-8")
    given = {
        "reviews.store": "postgresql",
        "reviews.url_file": str(place / "url"),
        "reviews.timeout_ms": str(patience),
        "secret_key_file": str(folder / "secret.key"),
    }
    sets = [part for pair in given.items() for part in ("--set", "=".join(pair))]
    return place, ["--listen=", "--metrics=", f"--socket={place}/s", *sets]


@pytest.fixture
def server() -> Iterator[postgres.Server]:
    made = postgres.Server()
    yield made
    made.stop()


@pytest.mark.slow
def test_what_a_person_approves_passes_on_every_node_and_is_recorded_once(tmp_path: Path) -> None:
    url = postgres.shared().schema()
    (one, options), (two, others) = (
        node(tmp_path, url, name=name, patience=30_000) for name in ("one", "two")
    )
    with daemon(one, *options) as first, daemon(two, *others) as second:
        asked = decide(f"unix://{one}/s", "doubt")
        assert asked.escalation is not None
        assert decide(f"unix://{two}/s", "doubt").escalation == asked.escalation
        review_id = asked.escalation.review_id
        place = ["--store", url, "--data", str(tmp_path)]
        done = call("reviews", "approve", review_id[:9], "--as", "bob", *place)
        assert done.exit_code == 0, done.output
        for each in (one, two):
            assert decide(f"unix://{each}/s", "doubt").effective_action == "allow"
        until(lambda: sorted(recorded(one) + recorded(two)) == ["approved", "opened"])
        assert (first.stop(), second.stop()) == (0, 0)


def effective(place: Path) -> str:
    """Return what becomes of a decision that needs a person."""
    return decide(f"unix://{place}/s", "doubt").effective_action


@pytest.mark.slow
def test_while_the_database_is_away_what_escalates_is_denied_and_nothing_else_waits(
    tmp_path: Path, server: postgres.Server
) -> None:
    place, options = node(tmp_path, server.url, name="one", patience=500)
    server.kill()
    with daemon(place, *options) as running:
        assert effective(place) == "deny"
        server.start()
        until(lambda: effective(place) == "escalate")
        server.freeze()
        asked = threading.Thread(target=effective, args=(place,))
        asked.start()
        for _ in range(20):
            assert decide(f"unix://{place}/s").effective_action == "allow"
        asked.join()
        assert effective(place) == "deny"
        server.thaw()
        until(lambda: effective(place) == "escalate")
        check_log(running)
        assert running.stop() == 0


def check_log(running: Running) -> None:
    """See that the log says what is wrong, and no password."""
    said = running.log()
    assert "cannot be reached" in said
    assert "s3cret" not in said


@pytest.mark.slow
def test_a_node_with_another_secret_does_not_start(tmp_path: Path) -> None:
    url = postgres.shared().schema()
    reviews = Reviews(store="postgresql", url=url)
    settings = Settings(reviews=reviews, state="memory", secret_key_file="k")
    made = open_store(settings, tmp_path, b"k" * 32)
    assert made is not None
    made.close()
    with pytest.raises(ReviewsUnavailable, match="another secret"):
        open_store(settings, tmp_path, b"x" * 32)
    with pytest.raises(StartError, match="needs `secret_key_file`"):
        open_store(Settings(reviews=reviews, state="memory"), tmp_path, b"k" * 32)


def test_no_password_is_shown() -> None:
    for url in (
        "postgresql://bob:s3cret@h/d",
        "postgresql://bob:s/3c@ret@h/d",
        "postgresql://h/d?password=s3cret&sslpassword=ret",
    ):
        said = render_settings(Settings(reviews=Reviews(url=url)))
        assert "s3c" not in said
        assert "ret@" not in said
        assert "=ret" not in said


def test_how_long_reviews_are_kept_is_told_in_days() -> None:
    chosen = Settings(reviews=Reviews(keep_days=2, keep_content_days=1))
    assert upkeep_of(chosen) == Upkeep(keep=2 * DAY, keep_content=DAY)
