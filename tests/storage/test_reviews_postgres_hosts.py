"""Several servers behind one address: one that is gone, a standby, and what is read only."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from itertools import count

import pytest

from engine.storage.reviews import ReviewsUnavailable
from engine.storage.reviews_postgres import PostgresReviews
from engine.storage.reviews_postgres_address import read_url
from engine.storage.reviews_postgres_lines import Line, Lines
from tests.ports import free_port
from tests.storage import postgres
from tests.storage.asked import NOW, asked
from tests.storage.places import KEY
from tests.storage.test_reviews_postgres import CLAIM, answers, do, patiently, refusal, until

pytestmark = pytest.mark.skipif(postgres.programs() is None, reason=postgres.MISSING)


@pytest.fixture
def url() -> str:
    return postgres.shared().schema()


@pytest.fixture
def server() -> Iterator[postgres.Server]:
    """Return a server that a test may end."""
    made = postgres.Server()
    yield made
    made.stop()


def silent() -> socket.socket:
    """Return what takes connections, of which it says nothing: as a machine that has died."""
    return socket.create_server(("127.0.0.1", free_port()))


def both(*ports: int) -> str:
    hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
    return f"postgresql://reviewer:s3cret@{hosts}/postgres"


def test_of_several_servers_that_are_away_each_is_told_of() -> None:
    with silent() as hole:
        port, mute = free_port(), hole.getsockname()[1]
        store = PostgresReviews(read_url(both(mute, port)), KEY, 0.2)
        said = refusal(store)
        assert f"no answer in time from 127.0.0.1:{mute}; " in said
        assert f"port {port} failed: Connection refused" in said
        store.close()


def test_a_server_that_says_nothing_is_not_waited_for_again(url: str) -> None:
    schema = url.rpartition("?")[2]
    with silent() as hole:
        where = both(hole.getsockname()[1], postgres.shared().port)
        store = PostgresReviews(read_url(f"{where}?{schema}"), KEY, 10.0)
        store.counts(NOW)
        for _ in range(2):
            store._server._lines.drop()
            store.counts(NOW)
        hole.settimeout(0)
        hole.accept()[0].close()
        with pytest.raises(BlockingIOError):
            hole.accept()
        store.close()


def test_what_is_read_only_is_tried_once_more_and_told(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = PostgresReviews(read_url(url), KEY, 30.0)
    store.open_or_join(asked(), NOW)
    store.close()
    only = f"{url}%20-cdefault_transaction_read_only%3Don&target_session_attrs=any"
    reader = PostgresReviews(read_url(only), KEY, 5.0)
    taken = count()
    take = Lines._take

    def counted(lines: Lines, until: float) -> Line:
        next(taken)
        return take(lines, until)

    monkeypatch.setattr(Lines, "_take", counted)
    assert reader.find("r1", NOW).holder == ""
    with pytest.raises(ReviewsUnavailable, match="read-only transaction"):
        reader.act("r1", CLAIM, NOW)
    assert next(taken) == 3
    reader.close()


@pytest.mark.slow
def test_acts_that_wait_for_a_standby_take_up_few_of_the_server_s_connections(
    server: postgres.Server,
) -> None:
    store = PostgresReviews(read_url(server.url), KEY, 0.5)
    for number in range(9):
        patiently(lambda: store.open_or_join(asked(f"r{number}"), NOW))  # noqa: B023
    server.do("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    server.do("SELECT pg_reload_conf()")
    until(lambda: do(server.url, "SHOW synchronous_standby_names") == [("nobody",)])
    said: list[str] = []
    waiting = "SELECT FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
    while "the end of 5 acts" not in "".join(said):
        with pytest.raises(ReviewsUnavailable) as caught:
            store.act(f"r{len(said) % 9}", CLAIM, NOW)
        said.append(str(caught.value))
        assert len(do(server.url, waiting)) <= 5
    assert "whether it was done is not known" in said[0]
    assert patiently(lambda: store.find("r8", NOW)).holder == ""
    server.do("ALTER SYSTEM RESET synchronous_standby_names")
    server.do("SELECT pg_reload_conf()")
    until(lambda: patiently(lambda: store.find("r0", NOW)).holder == "bob")
    assert patiently(lambda: store.act("r8", CLAIM, NOW)).holder == "bob"
    store.close()


@pytest.mark.slow
def test_a_standby_takes_over_when_it_is_promoted_and_not_before(server: postgres.Server) -> None:
    standby = postgres.Standby(server)
    try:
        store = PostgresReviews(read_url(both(server.port, standby.port)), KEY, 1.0)
        patiently(lambda: store.open_or_join(asked(), NOW))
        until(lambda: do(standby.url, "SELECT to_regclass('reviews')") != [(None,)])
        until(lambda: len(do(standby.url, "SELECT 1 FROM reviews")) == 1)
        server.freeze()
        until(lambda: "session is read-only" in refusal(store))
        assert f"no answer in time from 127.0.0.1:{server.port}" in refusal(store)
        standby.promote()
        assert patiently(lambda: store.act("r1", CLAIM, NOW)).holder == "bob"
        until(lambda: answers(store))
        store.close()
    finally:
        standby.stop()
