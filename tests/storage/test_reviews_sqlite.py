from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from threading import Timer

import pytest

from engine.storage.reviews import (
    SECOND,
    Move,
    NoReview,
    Refused,
    ReviewsUnavailable,
    Shown,
    Wanted,
)
from engine.storage.reviews_kept import TELLING
from engine.storage.reviews_sqlite import SqliteReviews
from tests.storage import claimer
from tests.storage.asked import HOUR, NOW, asked

ROOT = Path(__file__).parents[2]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteReviews]:
    made = SqliteReviews(tmp_path / "reviews.db", patience=0.01)
    yield made
    made.close()


def approve(store: SqliteReviews, review_id: str = "r1", now: int = NOW) -> None:
    store.act(review_id, Move(verb="approve", who="bob", note="fine"), now)


def acts(store: SqliteReviews, review_id: str = "r1") -> list[str]:
    return [one.act for one in store.history(review_id)]


def test_the_same_question_joins_its_review(store: SqliteReviews) -> None:
    first = store.open_or_join(asked(), NOW)
    again = store.open_or_join(asked(at=NOW + 5), NOW + 5)
    assert again == first
    assert again.question.expires_at == NOW + HOUR
    assert acts(store) == ["opened"]


def test_an_answer_is_used_again_within_the_window_and_then_asked_anew(
    store: SqliteReviews,
) -> None:
    store.open_or_join(asked(), NOW)
    approve(store)
    assert store.open_or_join(asked(), NOW + HOUR - 1).state == "approved"
    anew = store.open_or_join(asked(at=NOW + HOUR), NOW + HOUR)
    assert (anew.state, anew.round, anew.approvals) == ("open", 2, ())
    assert acts(store) == ["opened", "approved", "opened"]


def test_an_end_that_nobody_saw_is_written_when_it_is_asked_for(store: SqliteReviews) -> None:
    store.open_or_join(asked(), NOW)
    assert store.find("r1", NOW + HOUR).state == "expired"
    assert acts(store) == ["opened"]
    assert store.open_or_join(asked(), NOW + HOUR).state == "expired"
    assert acts(store) == ["opened", "expired"]
    assert store.history("r1")[1].time == NOW + HOUR
    assert store.open_or_join(asked(), NOW + 2 * HOUR).round == 2


def test_what_is_refused_changes_nothing_and_is_kept(store: SqliteReviews) -> None:
    opened = store.open_or_join(asked(), NOW)
    with pytest.raises(Refused, match="their own"):
        store.act("r1", Move(verb="approve", who="ann"), NOW)
    with pytest.raises(Refused, match="has a name"):
        store.act("r1", Move(verb="approve", who="\x1b[2J"), NOW)
    assert store.find("r1", NOW) == opened
    last = store.history("r1")[1]
    assert (last.act, last.who) == ("refused", "ann")
    assert last.note == "approve: nobody answers their own request"
    with pytest.raises(Refused, match="over: expired"):
        approve(store, now=NOW + HOUR)
    assert acts(store) == ["opened", "refused", "refused", "expired", "refused"]


def test_the_history_tells_of_edits_and_whom_it_was_handed_to(store: SqliteReviews) -> None:
    store.open_or_join(asked(), NOW)
    store.act("r1", Move(verb="claim", who="bob"), NOW)
    store.act("r1", Move(verb="hand_over", who="bob", to="eve", note="yours"), NOW)
    store.act("r1", Move(verb="hand_over", who="eve", to="bob"), NOW)
    store.act("r1", Move(verb="edit", who="bob", shown=Shown(content="refund 6")), NOW)
    deeds = store.history("r1")
    assert [one.note for one in deeds] == ["", "", "to eve: yours", "to bob", ""]
    assert deeds[-1].shown == Shown(content="refund 6")
    assert [one.number for one in deeds] == [1, 2, 3, 4, 5]


def test_unknown_reviews_are_named_as_such(store: SqliteReviews) -> None:
    for ask in (
        lambda: store.find("r9", NOW),
        lambda: store.history("r9"),
        lambda: approve(store, "r9"),
    ):
        with pytest.raises(NoReview):
            ask()
    with pytest.raises(Refused, match="surrogate"):
        store.find("\udcff", NOW)


def test_an_id_is_found_by_its_beginning(store: SqliteReviews) -> None:
    for review_id in ("ab1", "ab2", "b"):
        store.open_or_join(asked(review_id), NOW)
    assert store.begin_with("ab", 2) == ("ab1", "ab2")
    assert store.begin_with("ab2", 2) == ("ab2",)
    assert store.begin_with("", 2) == store.begin_with("c", 2) == ()


def test_lists_come_in_pages_the_gravest_first_and_then_the_oldest(store: SqliteReviews) -> None:
    for number, severity in enumerate(["", "high", "critical", "high", "low"]):
        store.open_or_join(asked(f"r{number}", severity=severity), NOW + number)
    seen: list[str] = []
    token = ""
    while True:
        page = store.browse(Wanted(), token, 2, NOW)
        seen += [one.question.review_id for one in page.reviews]
        token = page.token
        if not token:
            break
    assert seen == ["r2", "r1", "r3", "r4", "r0"]


def test_lists_choose_by_queue_tenant_and_state(store: SqliteReviews) -> None:
    store.open_or_join(asked("r1", queue="a", tenant="north"), NOW)
    store.open_or_join(asked("r2", queue="b", tenant="south"), NOW)
    store.open_or_join(asked("r3", queue="a", tenant="south", within=SECOND), NOW)

    def ids(wanted: Wanted) -> list[str]:
        page = store.browse(wanted, "", 9, NOW + SECOND)
        return [one.question.review_id for one in page.reviews]

    assert ids(Wanted(queue="a")) == ["r1", "r3"]
    assert ids(Wanted(tenant="south", state="open")) == ["r2"]
    assert ids(Wanted(queue="a", tenant="south", state="expired")) == ["r3"]


@pytest.mark.parametrize("token", ["x", "1-2", "a-b-c", f"{1 << 62}-0-r", f"0-{1 << 99}-r"])
def test_a_token_of_someone_else_is_refused(store: SqliteReviews, token: str) -> None:
    with pytest.raises(Refused, match="none of ours"):
        store.browse(Wanted(), token, 9, NOW)


def test_overdue_reviews_are_ended_a_few_at_a_time(store: SqliteReviews) -> None:
    for number in range(5):
        store.open_or_join(asked(f"r{number}"), NOW)
    assert store.expire(NOW + HOUR - 1, 3) == 0
    assert [store.expire(NOW + HOUR, 3) for _ in range(3)] == [3, 2, 0]


def test_every_deed_is_handed_over_once_and_again_when_it_could_not_be_kept(
    store: SqliteReviews,
) -> None:
    store.open_or_join(asked(), NOW)
    approve(store)
    first = store.untold(1, NOW)
    rest = store.untold(10, NOW)
    assert [one.act for one in (*first, *rest)] == ["opened", "approved"]
    assert (first[0].tenant, first[0].user, first[0].queue) == ("north", "ann", "people")
    store.told([one.number for one in first])
    store.told([one.number for one in rest], kept=False)
    assert store.untold(10, NOW) == rest
    # Whoever was handed it may have died.
    assert store.untold(10, NOW + TELLING - 1) == ()
    assert store.untold(10, NOW + TELLING) == rest
    store.told([one.number for one in rest])
    assert store.untold(10, NOW + HOUR) == ()


def test_answers_tell_of_every_round_that_has_ended(store: SqliteReviews) -> None:
    store.open_or_join(asked(), NOW)
    store.act("r1", Move(verb="claim", who="bob"), NOW)
    approve(store, now=NOW + 7)
    store.open_or_join(asked(at=NOW + 2 * HOUR), NOW + 2 * HOUR)
    store.open_or_join(asked("r2", at=NOW + 2 * HOUR), NOW + 2 * HOUR)
    store.act("r1", Move(verb="comment", who="eve", note="why?"), NOW + 3 * HOUR)
    found = store.answers(NOW + 4 * HOUR)
    assert [(one.state, one.who, one.ended_at - one.opened_at) for one in found] == [
        ("approved", "bob", 7),
        ("expired", "", HOUR),
        ("expired", "", HOUR),
    ]
    assert found[0].rules == ("p.r",)


def test_a_review_of_someone_else_under_the_same_id_is_no_answer(store: SqliteReviews) -> None:
    store.open_or_join(asked(), NOW)
    approve(store)
    for other in (asked(user="eve"), asked(tenant="south")):
        with pytest.raises(ReviewsUnavailable, match="someone else"):
            store.open_or_join(other, NOW)


def test_processes_see_each_others_reviews(store: SqliteReviews) -> None:
    other = SqliteReviews(store.path)
    store.open_or_join(asked(), NOW)
    approve(other)
    assert store.open_or_join(asked(), NOW).state == "approved"
    other.close()
    other.close()


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


def test_a_review_that_was_spoilt_is_no_review(store: SqliteReviews) -> None:
    store.open_or_join(asked(), NOW)
    with sqlite3.connect(store.path) as line:
        line.execute("UPDATE reviews SET body = '{}'")
    line.close()
    with pytest.raises(ReviewsUnavailable, match="is none"):
        store.open_or_join(asked(), NOW)


def claiming(path: Path, who: str, claims: int) -> subprocess.Popen[str]:
    """Return a process that tries each of *claims* claims once it reads a line."""
    made = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, claimer.__file__, str(path), who, str(claims)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
    )
    assert made.stdout is not None
    assert made.stdout.readline() == "ready\n"
    return made


def race(path: Path, claims: int) -> None:
    """Let two processes try *claims* claims: each is won by exactly one of them."""
    store = SqliteReviews(path)
    for number in range(claims):
        store.open_or_join(asked(f"r{number}"), NOW)
    racing = [claiming(path, who, claims) for who in ("bob", "eve")]
    for one in racing:
        assert one.stdin is not None
        one.stdin.write("\n")
        one.stdin.flush()
    won = [one.communicate(timeout=120)[0].split() for one in racing]
    assert [one.returncode for one in racing] == [0, 0]
    assert Counter(won[0] + won[1]) == Counter(f"r{number}" for number in range(claims))
    for who, ids in zip(("bob", "eve"), won, strict=True):
        assert {store.find(one, NOW).claimant(NOW) for one in ids} <= {who}
    store.close()


@pytest.mark.slow
def test_of_two_that_race_for_a_claim_exactly_one_wins(tmp_path: Path) -> None:
    race(tmp_path / "reviews.db", 100)


@pytest.mark.nightly
def test_a_thousand_claims_have_a_thousand_winners(tmp_path: Path) -> None:
    race(tmp_path / "reviews.db", 1000)


@pytest.mark.slow
def test_who_is_killed_in_the_middle_leaves_whole_acts_and_stops_nobody(tmp_path: Path) -> None:
    store = SqliteReviews(tmp_path / "reviews.db")
    for number in range(3000):
        store.open_or_join(asked(f"r{number}"), NOW)
    for lives in (1, 40, 300):
        who = f"eve{lives}"
        with claiming(store.path, who, 3000) as victim:
            assert victim.stdin is not None
            assert victim.stdout is not None
            victim.stdin.write("\n")
            victim.stdin.flush()
            said = [victim.stdout.readline().strip() for _ in range(lives)]
            victim.kill()
            # `communicate` would not know of what `readline` has read ahead.
            said += victim.stdout.read().split()
        held = [f"r{one}" for one in range(3000) if store.find(f"r{one}", NOW).holder == who]
        # What it said is done; at most one claim was made that it was killed before saying.
        assert set(said) <= set(held)
        assert len(held) <= len(said) + 1
        claims = [one for each in held for one in store.history(each) if one.who == who]
        assert [one.act for one in claims] == ["claimed"] * len(held)
        store.act("r2999", Move(verb="comment", who="bob", note="still here"), NOW)
    store.close()
