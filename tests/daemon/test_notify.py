from __future__ import annotations

import json
import signal
import threading
import time
from pathlib import Path
from urllib.request import urlopen

import pytest

from engine.daemon.notify import Messenger
from engine.daemon.review_metrics import notified
from engine.service.entries import ReviewEntry
from engine.service.notify import Post
from engine.service.times import iso_time
from engine.sinks.notice import Event, NotSent, Way
from engine.storage.notices import SpoolError
from engine.storage.reviews import Review, ReviewsUnavailable
from engine.storage.reviews_sqlite import SqliteReviews
from tests.daemon.running import PATIENCE, daemon, decide
from tests.daemon.test_reviews import reviews
from tests.daemon.test_serve import until
from tests.ports import free_port
from tests.service.bundle import write_folder
from tests.service.test_notify import HOUR, START, People
from tests.sinks.listening import Web, web_server
from tests.storage.asked import asked


def told(web: Web, number: int) -> list[tuple[str, str]]:
    """Return the events and reviews of *number* notices, without those that came twice."""
    found = [json.loads(one.body) for one in web.until(number)]
    assert "xyzzy" not in str(found)
    return list(dict.fromkeys((one["event"], one["review_id"]) for one in found))


def prepare(folder: Path, port: int) -> tuple[str, ...]:
    """Write policies and whom to tell; return the daemon's options."""
    write_folder(folder / "policies")
    (folder / "notify.toml").write_text(
        f'[[sink]]\nname = "pager"\nkind = "webhook"\nurl = "http://127.0.0.1:{port}/"\n'
    )
    (folder / "engine.toml").write_text('[reviews]\nnotify = "notify.toml"\n')
    return (
        "--config=engine.toml",
        "--listen=127.0.0.1:0",
        f"--socket={folder}/s",
    )


def sample(page: str, beginning: str) -> float:
    """Return the number of the one line of *page* that begins so."""
    (line,) = (one for one in page.splitlines() if one.startswith(beginning))
    return float(line.rsplit(" ", 1)[1])


@pytest.mark.slow
def test_two_workers_tell_people_once_and_count_once(tmp_path: Path) -> None:
    port = free_port()
    with web_server() as web:
        options = (*prepare(tmp_path, web.port), "--workers=2", f"--metrics=127.0.0.1:{port}")
        with daemon(tmp_path, *options) as running:
            made = [decide(f"unix://{tmp_path}/s{end}", "doubt xyzzy") for end in ("", ".1")]
            assert made[0].escalation is not None
            assert made[0].escalation == made[1].escalation
            review_id = made[0].escalation.review_id
            assert told(web, 1) == [("opened", review_id)]

            def page() -> str:
                with urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
                    return str(answer.read().decode())

            until(lambda: 'engine_reviews_open{queue="people",severity="none"} 1.0' in page())
            reviews(tmp_path, "approve", review_id, "--as", "bob")
            assert told(web, 2) == [("opened", review_id), ("resolved", review_id)]
            ended = 'engine_reviews_ended_total{outcome="approved",queue="people"} 1.0'
            until(lambda: ended in page())
            assert sample(page(), "engine_review_answer_seconds_count") == 1
            assert sample(page(), "engine_reviews_up") == 1
            until(lambda: 'notices_total{outcome="sent",sink="pager"} 2.0' in page())
            assert running.stop() == 0


@pytest.mark.slow
def test_a_killed_daemon_and_a_sink_that_is_away_lose_no_notice(tmp_path: Path) -> None:
    port = free_port()
    options = (*prepare(tmp_path, port), "--workers=0", "--metrics=")
    with daemon(tmp_path, *options) as running:
        first = decide(f"unix://{tmp_path}/s", "doubt xyzzy").escalation
        until(lambda: "people are not told of reviews" in running.log())
        running.stop(signal.SIGKILL)
    with web_server(port) as web:
        web.answers = [500, 503, 200]
        with daemon(tmp_path, *options) as running:
            second = decide(f"unix://{tmp_path}/s", "doubt xyzzy too").escalation
            assert first is not None
            assert second is not None
            wanted = {("opened", first.review_id), ("opened", second.review_id)}
            number = 3
            while set(told(web, number)) != wanted or web.answers:
                number += 1
            assert running.stop() == 0


@pytest.mark.slow
@pytest.mark.slow
def test_the_log_names_each_sink_that_is_away(tmp_path: Path) -> None:
    options = prepare(tmp_path, free_port())
    with (tmp_path / "notify.toml").open("a") as file:
        file.write('[[sink]]\nname = "ring"\nkind = "slack"\nurl = "http://127.0.0.1:1/"\n')
    with daemon(tmp_path, "--metrics=", *options) as running:
        decide(running.address, "doubt")
        until(lambda: running.log().count("people are not told of reviews") > 1)
        assert running.stop() == 0
        lines = [json.loads(one) for one in running.log().splitlines() if "not told of" in one]
    assert {one["sink"] for one in lines[:2]} == {"pager", "ring"}
    assert not any("more" in one for one in lines[:2])


def test_a_file_of_sinks_that_is_wrong_keeps_the_daemon_from_starting(tmp_path: Path) -> None:
    options = prepare(tmp_path, 1)
    (tmp_path / "notify.toml").write_text("[[sink]]\n")
    with (
        pytest.raises(AssertionError, match="missing required field"),
        daemon(tmp_path, *options, "--workers=0", "--metrics="),
    ):
        pass


OPENED: frozenset[Event] = frozenset({"opened"})


class Shelf:
    """A store in which reviews are found, or not."""

    def __init__(self, path: Path) -> None:
        self.store = SqliteReviews(path)
        self.away = False

    def find(self, review_id: str) -> Review:
        if self.away:
            raise ReviewsUnavailable("the shelf is away")
        return self.store.find(review_id, START)


def opened(review_id: str) -> ReviewEntry:
    return ReviewEntry(
        time=iso_time(time.time_ns()),
        review_id=review_id,
        act="opened",
        state="open",
        round=1,
        tenant="north",
        user="ann",
        queue="people",
        number=1,
    )


def started(folder: Path, shelf: Shelf, way: Way, name: str = "pager") -> Messenger:
    made = Messenger(folder, [(Post(name=name, events=OPENED), way)], tick=0.01)
    made.start(shelf)
    return made


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    made = Shelf(tmp_path / "reviews.db")
    for review_id in ("a", "b"):
        made.store.open_or_join(asked(review_id, at=START, within=HOUR), START)
    return made


def test_one_process_sends_and_the_next_goes_on(tmp_path: Path, shelf: Shelf) -> None:
    people = People(), People()
    one, two = (started(tmp_path, shelf, way) for way in people)
    one.bell.write(opened("a"))
    until(lambda: people[0].ids() == ["a.1.opened"] or people[1].ids() == ["a.1.opened"])
    sender, other = (one, two) if people[0].heard else (two, one)
    sender.close()
    other.bell.write(opened("b"))
    until(lambda: {"b.1.opened"} <= {*people[0].ids(), *people[1].ids()})
    other.close()
    assert sorted(people[0].ids() + people[1].ids()) == ["a.1.opened", "b.1.opened"]


def test_who_waits_for_the_turn_can_be_stopped(tmp_path: Path, shelf: Shelf) -> None:
    people = People(), People()
    one = started(tmp_path, shelf, people[0])
    one.bell.write(opened("a"))
    until(lambda: people[0].ids() == ["a.1.opened"])
    two = started(tmp_path, shelf, people[1])
    two.close()
    one.close()
    assert people[1].ids() == []


def test_what_keeps_people_from_being_told_is_said(tmp_path: Path, shelf: Shelf) -> None:
    said: list[tuple[str, str]] = []
    people = People()
    made = Messenger(tmp_path, [(Post(name="pager", events=OPENED), people)], tick=0.01)
    made.troubled = lambda sink, why: said.append((sink, why))
    shelf.away = True
    made.start(shelf)
    made.bell.write(opened("a"))
    until(lambda: ("pager", "the shelf is away") in said)
    people.away, shelf.away = ["*"], False
    until(lambda: ("pager", "away") in said)
    assert made.waiting() == {"pager": 1}
    made.close()


def test_what_waits_and_cannot_be_opened_is_tried_again(tmp_path: Path, shelf: Shelf) -> None:
    said: list[tuple[str, str]] = []
    people = People()
    made = Messenger(tmp_path, [(Post(name="pager", events=OPENED), people)], tick=0.01)
    made.troubled = lambda sink, why: said.append((sink, why))
    made.bell.write(opened("a"))
    place = tmp_path / "notices.db"
    place.rename(tmp_path / "aside")
    place.mkdir()
    made.start(shelf)
    until(lambda: ("pager", f"cannot open {place}: Is a directory") in said)
    place.rmdir()
    (tmp_path / "aside").rename(place)
    until(lambda: people.ids() == ["a.1.opened"])
    made.close()


def test_a_sink_that_does_not_answer_holds_up_nothing(tmp_path: Path, shelf: Shelf) -> None:
    answer = threading.Event()
    asked_for = threading.Event()

    class Slow:
        def send(self, notice: object) -> None:
            del notice
            asked_for.set()
            answer.wait(PATIENCE * 10)

    people = People()
    sinks: list[tuple[Post, Way]] = [
        (Post(name="slow", events=OPENED), Slow()),
        (Post(name="pager", events=OPENED), people),
    ]
    made = Messenger(tmp_path, sinks, tick=0.01, patience=0.01)
    made.start(shelf)
    made.bell.write(opened("a"))
    assert asked_for.wait(PATIENCE)
    made.bell.write(opened("b"))
    until(lambda: people.ids() == ["a.1.opened", "b.1.opened"])
    until(lambda: made.waiting() == {"slow": 2, "pager": 0})  # It is crossed out when it was heard.
    made.close()
    assert not answer.is_set()
    answer.set()


def test_how_notices_fare_is_counted(tmp_path: Path, shelf: Shelf) -> None:
    made = started(tmp_path, shelf, People())
    made.bell.write(opened("a"))
    until(lambda: made.tally.counts["pager", "sent"] == 1)
    names = {one.name: one for one in notified(made)}
    (count,) = names["engine_review_notices"].samples
    assert (count.labels, count.value) == ({"sink": "pager", "outcome": "sent"}, 1)
    made.close()
    (tmp_path / "notices.db").unlink()
    (tmp_path / "notices.db").mkdir()
    assert list(notified(made))[1].samples == []


def test_a_sink_that_is_gone_gets_nothing_any_more(tmp_path: Path, shelf: Shelf) -> None:
    class Away:
        def send(self, notice: object) -> None:
            raise NotSent(str(notice))

    old = started(tmp_path, shelf, Away(), "old")
    old.bell.write(opened("a"))
    old.close()
    new = Messenger(tmp_path, [(Post(name="new"), People())])
    assert new.waiting() == {"new": 0}
    new.close()
    with pytest.raises(SpoolError):
        new.bell._spool.waiting()
