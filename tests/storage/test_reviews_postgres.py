from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from time import monotonic

import psycopg
import pytest

from engine.storage import reviews_postgres
from engine.storage.reviews import Move, Refused, Review, ReviewsUnavailable, Wanted
from engine.storage.reviews_database import Session
from engine.storage.reviews_postgres import MANNER, PostgresReviews, ReviewsAway
from engine.storage.reviews_postgres_address import Tls, read_url
from engine.storage.reviews_postgres_lines import Lines
from engine.storage.reviews_postgres_schema import FORM
from engine.storage.reviews_upkeep import delete_over
from tests.ports import free_port
from tests.storage import claimer, postgres
from tests.storage.asked import HOUR, NOW, asked
from tests.storage.places import KEY

pytestmark = pytest.mark.skipif(postgres.programs() is None, reason=postgres.MISSING)
ROOT = Path(__file__).parents[2]
CLAIM = Move(verb="claim", who="bob")


@pytest.fixture
def url() -> str:
    return postgres.shared().schema()


@pytest.fixture
def store(url: str) -> Iterator[PostgresReviews]:
    made = PostgresReviews(read_url(url), KEY, 30.0)
    yield made
    made.close()


@pytest.fixture
def server() -> Iterator[postgres.Server]:
    """Return a server that a test may end."""
    made = postgres.Server()
    yield made
    made.stop()


def do(url: str, statement: str) -> list[tuple[object, ...]]:
    """Do a statement past the engine."""
    with psycopg.connect(url, autocommit=True) as line:
        made = line.execute(statement.encode())
        return made.fetchall() if made.description else []


def refusal(store: PostgresReviews) -> str:
    """Return why the store cannot answer."""
    with pytest.raises(ReviewsUnavailable) as caught:
        store.counts(NOW)
    return str(caught.value)


def until(holds: Callable[[], bool]) -> None:
    """Try again until it holds: a server has been started, and rested for a second."""
    ends = monotonic() + 60
    while not holds():
        assert monotonic() < ends


def answers(store: PostgresReviews) -> bool:
    try:
        store.counts(NOW)
    except ReviewsUnavailable:
        return False
    return True


def patiently(work: Callable[[], Review]) -> Review:
    """Return what *work* comes to, tried again: it may be late on a machine that is busy."""
    ends = monotonic() + 60
    while True:
        try:
            return work()
        except ReviewsUnavailable:
            assert monotonic() < ends


@pytest.mark.parametrize("level", ["", "repeatable%5C%20read", "serializable"])
def test_many_that_start_at_once_make_the_tables_once(url: str, level: str) -> None:
    there = f"{url}%20-cdefault_transaction_isolation%3D{level}" if level else url
    stores = [PostgresReviews(read_url(there), KEY) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda one: one.prepare(), stores))
    assert do(url, "SELECT form FROM reviews_form") == [(FORM,)]
    for one in stores:
        one.close()


def test_tables_from_the_future_are_refused(store: PostgresReviews, url: str) -> None:
    store.prepare()
    do(url, "UPDATE reviews_form SET form = form + 1")
    later = PostgresReviews(read_url(url), KEY)
    with pytest.raises(ReviewsUnavailable, match=f"form {FORM + 1} .* knows {FORM}: upgrade"):
        later.prepare()
    later.close()


def test_a_node_with_another_secret_is_refused_at_its_start(
    store: PostgresReviews, url: str
) -> None:
    store.prepare()
    for key in (b"x" * 32, None):
        other = PostgresReviews(read_url(url), key)
        with pytest.raises(ReviewsUnavailable, match=r"another secret: .* `secret_key_file`"):
            other.prepare()
        other.close()


def test_a_missing_right_is_told_of(url: str) -> None:
    role = f"guest_{free_port()}"
    do(url, f"CREATE ROLE {role} LOGIN PASSWORD 's3cret'")
    guest = PostgresReviews(read_url(url.replace("reviewer:", f"{role}:")), KEY)
    with pytest.raises(ReviewsUnavailable, match=r"no schema has been selected|permission denied"):
        guest.prepare()
    guest.close()


def test_a_server_that_is_away_is_told_of_at_once_and_without_secrets() -> None:
    port = free_port()
    store = PostgresReviews(read_url(f"postgresql://bob:s3cret@127.0.0.1:{port}/db"), KEY)
    with pytest.raises(ReviewsAway, match="refused"):
        store.prepare()
    said = refusal(store)
    assert said.startswith(f"the database `db` on 127.0.0.1:{port} cannot be reached: ")
    assert "s3cret" not in said
    assert "s3cret" not in repr(read_url(f"postgresql://bob:s3cret@127.0.0.1:{port}/db"))
    store.close()


def test_a_wrong_password_is_told_of_without_it(url: str) -> None:
    store = PostgresReviews(read_url(url.replace("s3cret", "pa55")), KEY)
    said = refusal(store)
    assert "password authentication failed" in said
    assert "pa55" not in said
    store.close()


def test_a_store_that_was_closed_says_so(store: PostgresReviews) -> None:
    store.counts(NOW)
    store.close()
    assert "it was closed" in refusal(store)


@pytest.mark.slow
def test_a_frozen_server_fails_one_call_late_and_the_next_at_once(server: postgres.Server) -> None:
    store = PostgresReviews(read_url(server.url), KEY, 0.2)
    patiently(lambda: store.open_or_join(asked(), NOW))
    until(lambda: answers(store))
    server.freeze()
    assert "no answer in time" in refusal(store)
    began = store._server._rests_until
    assert "no answer in time" in refusal(store)
    assert store._server._rests_until == began, "it was asked again"
    server.thaw()
    until(lambda: answers(store))
    assert patiently(lambda: store.act("r1", CLAIM, NOW)).holder == "bob"
    store.close()


@pytest.mark.slow
def test_a_server_that_was_restarted_is_found_again_by_the_next_call(
    server: postgres.Server,
) -> None:
    store = PostgresReviews(read_url(server.url), KEY, 10.0)
    store.open_or_join(asked(), NOW)
    server.kill()
    server.start()
    assert store.act("r1", CLAIM, NOW).holder == "bob"
    server.kill()
    assert "refused" in refusal(store)
    server.start()
    until(lambda: answers(store))
    assert store.find("r1", NOW).holder == "bob"
    store.close()


@pytest.mark.slow
def test_a_server_that_is_killed_among_acts_has_whole_acts_only(server: postgres.Server) -> None:
    store = PostgresReviews(read_url(server.url), KEY, 10.0)
    for number in range(1000):
        store.open_or_join(asked(f"r{number}"), NOW)
    for lives in (1, 50, 200):
        who = f"eve{lives}"
        with subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, claimer.__file__, server.url, who, "1000"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT)},
        ) as claims:
            assert claims.stdin is not None
            assert claims.stdout is not None
            assert claims.stdout.readline() == "ready\n"
            claims.stdin.write("\n")
            claims.stdin.flush()
            said = [claims.stdout.readline().strip() for _ in range(lives)]
            server.kill()
            said += claims.stdout.read().split()
        server.start()
        until(lambda: answers(store))
        held = [f"r{one}" for one in range(1000) if store.find(f"r{one}", NOW).holder == who]
        # What it said is done; one claim more may be, of which it was not told.
        assert set(said) <= set(held)
        assert len(held) <= len(said) + 1
        for each in held:
            done = [one.act for one in store.history(each) if one.who == who]
            assert done == ["claimed"]
    store.close()


def test_what_is_lost_at_the_end_of_an_act_is_told_as_unsure(
    store: PostgresReviews, url: str
) -> None:
    store.open_or_join(asked(), NOW)

    def ended(session: Session) -> None:
        ((pid,),) = session.rows("SELECT pg_backend_pid()")
        do(url, f"SELECT pg_terminate_backend({pid}, 5000)")

    with pytest.raises(ReviewsUnavailable, match="whether it was done is not known"):
        store.do(ended)
    assert store.find("r1", NOW).state == "open"


@pytest.mark.slow
def test_acts_that_the_server_cannot_order_are_tried_again(url: str) -> None:
    far = f"{url}%20-cdefault_transaction_isolation%3Dserializable"
    stores = [PostgresReviews(read_url(far), KEY, 30.0) for _ in range(4)]
    for number in range(50):
        stores[0].open_or_join(asked(f"r{number}"), NOW)

    def claim(store: PostgresReviews) -> int:
        won = 0
        for number in range(50):
            try:
                store.act(f"r{number}", Move(verb="claim", who=f"w{id(store)}"), NOW)
            except Refused:
                continue
            won += 1
        return won

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(claim, stores)) == 50
    for store in stores:
        store.close()


def test_who_cannot_be_ordered_in_time_is_told(
    store: PostgresReviews, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.prepare()
    ahead: list[float] = [0.0]
    monkeypatch.setattr(reviews_postgres, "monotonic", lambda: monotonic() + ahead[-1])

    def unordered(_: Session) -> None:
        ahead.append(60.0 if len(ahead) == 3 else 0.0)
        raise psycopg.errors.SerializationFailure

    with pytest.raises(ReviewsUnavailable, match="too many act at once"):
        store.do(unordered)
    assert ahead == [0.0, 0.0, 0.0, 60.0]


def test_a_row_that_somebody_holds_is_waited_for_not_for_ever(
    store: PostgresReviews, url: str
) -> None:
    store.open_or_join(asked(), NOW)
    store.open_or_join(asked("r2"), NOW)
    hasty = PostgresReviews(read_url(url), KEY, 0.1)
    until(lambda: answers(hasty))
    with psycopg.connect(url) as line:
        line.execute("SELECT 1 FROM reviews WHERE review_id = 'r1' FOR UPDATE")
        with pytest.raises(ReviewsUnavailable):
            hasty.act("r1", CLAIM, NOW)
        until(lambda: answers(hasty))
        assert patiently(lambda: hasty.act("r2", CLAIM, NOW)).holder == "bob"
        assert patiently(lambda: hasty.find("r1", NOW)).state == "open"
    assert patiently(lambda: hasty.act("r1", CLAIM, NOW)).holder == "bob"
    hasty.close()


def test_what_is_done_while_a_review_is_being_deleted_is_recorded(
    store: PostgresReviews, url: str
) -> None:
    store.open_or_join(asked("r1"), NOW)
    store.act("r1", Move(verb="approve", who="bob"), NOW)
    store.told([one.number for one in store.untold(9, NOW)])
    # The statement waits for us when it has seen what there is, and before it locks.
    waits = " OFFSET (SELECT length(pg_advisory_xact_lock(7)::text)) FOR UPDATE SKIP LOCKED"
    manner, later = replace(MANNER, skip=waits), NOW + 9 * HOUR

    def delete() -> int:
        return store.do(lambda session: delete_over(session, store.rows, manner, later, NOW, 9))

    with ThreadPoolExecutor(1) as aside, psycopg.connect(url, autocommit=True) as line:
        line.execute("SELECT pg_advisory_lock(7)")
        deleted = aside.submit(delete)
        until(lambda: do(url, "SELECT 1 FROM pg_locks WHERE objid = 7 AND NOT granted") != [])
        store.act("r1", Move(verb="comment", who="eve", note="wait"), later)
        line.execute("SELECT pg_advisory_unlock(7)")
        assert deleted.result() == 1
    deeds = store.untold(9, later)
    assert [(one.act, one.who) for one in deeds] == [("commented", "eve"), ("deleted", "")]
    store.told([one.number for one in deeds])
    assert do(url, "SELECT * FROM review_history") == []


def test_more_threads_than_connections_wait_for_one(store: PostgresReviews) -> None:
    for number in range(20):
        store.open_or_join(asked(f"r{number}"), NOW)
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda one: store.find(f"r{one}", NOW), range(20)))
    assert len(found) == 20
    few = Lines(read_url(postgres.shared().url), 5.0, 1)
    with (
        few.lend(monotonic() + 5),
        pytest.raises(psycopg.OperationalError, match="too many"),
        few.lend(monotonic()),
    ):
        pass
    few.close()


def test_what_no_column_can_hold_is_refused(store: PostgresReviews) -> None:
    with pytest.raises(Refused, match="does not keep"):
        store.open_or_join(asked("a\0b"), NOW)
    assert store.browse(Wanted(), "", 9, NOW).reviews == ()


def test_a_name_that_no_index_holds_keeps_nobody_else_waiting(store: PostgresReviews) -> None:
    store.open_or_join(asked("r1"), NOW)
    # A tenant may be named with 1,024 characters. Different ones: a server packs those that repeat.
    tenant = "".join(chr(0x4E00 + 7 * number) for number in range(1024))
    with pytest.raises(ReviewsUnavailable, match="index row size") as caught:
        store.open_or_join(asked("r2", tenant=tenant), NOW)
    assert not isinstance(caught.value, ReviewsAway)
    assert tenant[:9] not in str(caught.value)
    assert store.find("r1", NOW).state == "open"


@pytest.mark.parametrize("code", ["53100", "53200"])
def test_a_server_without_room_is_still_read(store: PostgresReviews, url: str, code: str) -> None:
    store.open_or_join(asked("r1"), NOW)
    do(
        url,
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"RAISE EXCEPTION 'could not extend file: No space left' USING ERRCODE = '{code}'; END $$",
    )
    do(
        url,
        "CREATE TRIGGER full_disk BEFORE INSERT ON review_history "
        "FOR EACH ROW EXECUTE FUNCTION full_disk()",
    )
    with pytest.raises(ReviewsUnavailable, match="No space left") as caught:
        store.act("r1", CLAIM, NOW)
    assert not isinstance(caught.value, ReviewsAway)
    assert "cannot be reached" not in str(caught.value)
    assert store.find("r1", NOW).holder == ""
    do(url, "DROP TRIGGER full_disk ON review_history")
    assert store.act("r1", CLAIM, NOW).holder == "bob"


def test_tables_that_somebody_has_spoilt_are_told_of(store: PostgresReviews, url: str) -> None:
    store.open_or_join(asked(), NOW)
    do(url, "DROP TABLE review_history")
    with pytest.raises(ReviewsUnavailable, match='"review_history" does not exist'):
        store.history("r1")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "must begin with `postgresql://`"),
        ("mysql://h/d", "must begin with"),
        ("host=h password=s3cret", "must begin with"),
        ("postgresql://u:s3cret@h:x/d", "no URL of PostgreSQL"),
        ("postgresql://u:p@s3cret@h/d", "no URL of PostgreSQL"),
        ("postgresql://u:s3c%zzret@h/d", "no URL of PostgreSQL"),
        ("postgresql://h/d?nonsense=s3cret", "no URL of PostgreSQL"),
        ("postgresql://h/d?password=s3cret", "`password` does not belong"),
    ],
)
def test_what_is_no_address_is_refused_without_repeating_it(url: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        read_url(url)
    assert "s3cret" not in str(caught.value)


def test_an_address_is_named_without_secrets() -> None:
    assert str(read_url("postgresql://u:s3cret@h/d")) == "the database `d` on h"
    assert str(read_url("postgres://u@h1:1,h2:2/d")) == "the database `d` on h1,h2:1,2"
    assert str(read_url("postgresql://u@/")) == "the database `u` on a local socket"
    assert str(read_url("postgresql://%2Frun%2Fpg/d")) == "the database `d` on /run/pg"


def test_who_is_to_be_trusted_must_prove_its_name() -> None:
    tls = Tls("ca.pem", "me.pem", "me.key")
    made = read_url("postgresql://h/d", tls).options(1.0)
    assert made["sslmode"] == "verify-full"
    assert [made[name] for name in ("sslrootcert", "sslcert", "sslkey")] == [
        "ca.pem", "me.pem", "me.key",
    ]  # fmt: skip
    less = read_url("postgresql://h/d?sslmode=verify-ca", tls)
    assert less.options(1.0)["sslmode"] == "verify-ca"
    assert "sslmode" not in read_url("postgresql://h/d").options(1.0)
