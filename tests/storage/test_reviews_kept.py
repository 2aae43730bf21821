"""What every store of reviews promises, on each of them: SQLite, and a real PostgreSQL server."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from engine.storage.reviews import (
    SECOND,
    Count,
    Move,
    NoReview,
    Refused,
    ReviewsUnavailable,
    Shown,
    Wanted,
)
from engine.storage.reviews_database import Session
from engine.storage.reviews_kept import KeptReviews
from engine.storage.reviews_rows import Rows
from tests.storage import claimer
from tests.storage.asked import HOUR, NOW, asked
from tests.storage.places import Place

ROOT = Path(__file__).parents[2]


def approve(store: KeptReviews, review_id: str = "r1", now: int = NOW) -> None:
    store.act(review_id, Move(verb="approve", who="bob", note="fine"), now)


def acts(store: KeptReviews, review_id: str = "r1") -> list[str]:
    return [one.act for one in store.history(review_id)]


def test_the_same_question_joins_its_review(store: KeptReviews) -> None:
    first = store.open_or_join(asked(), NOW)
    again = store.open_or_join(asked(at=NOW + 5), NOW + 5)
    assert again == first
    assert again.question.expires_at == NOW + HOUR
    assert acts(store) == ["opened"]


def test_an_answer_is_used_again_within_the_window_and_then_asked_anew(
    store: KeptReviews,
) -> None:
    store.open_or_join(asked(), NOW)
    approve(store)
    assert store.open_or_join(asked(), NOW + HOUR - 1).state == "approved"
    anew = store.open_or_join(asked(at=NOW + HOUR), NOW + HOUR)
    assert (anew.state, anew.round, anew.approvals) == ("open", 2, ())
    assert acts(store) == ["opened", "approved", "opened"]


def test_an_end_that_nobody_saw_is_written_when_it_is_asked_for(store: KeptReviews) -> None:
    store.open_or_join(asked(), NOW)
    assert store.find("r1", NOW + HOUR).state == "expired"
    assert acts(store) == ["opened"]
    assert store.open_or_join(asked(), NOW + HOUR).state == "expired"
    assert acts(store) == ["opened", "expired"]
    assert store.history("r1")[1].time == NOW + HOUR
    assert store.open_or_join(asked(), NOW + 2 * HOUR).round == 2


def test_what_is_refused_changes_nothing_and_is_kept(store: KeptReviews) -> None:
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


def test_the_history_tells_of_edits_and_whom_it_was_handed_to(store: KeptReviews) -> None:
    store.open_or_join(asked(), NOW)
    store.act("r1", Move(verb="claim", who="bob"), NOW)
    store.act("r1", Move(verb="hand_over", who="bob", to="eve", note="yours"), NOW)
    store.act("r1", Move(verb="hand_over", who="eve", to="bob"), NOW)
    store.act("r1", Move(verb="edit", who="bob", shown=Shown(content="refund 6")), NOW)
    deeds = store.history("r1")
    assert [one.note for one in deeds] == ["", "", "to eve: yours", "to bob", ""]
    assert deeds[-1].shown == Shown(content="refund 6")
    assert [one.number for one in deeds] == [1, 2, 3, 4, 5]


def test_unknown_reviews_are_named_as_such(store: KeptReviews) -> None:
    for ask in (
        lambda: store.find("r9", NOW),
        lambda: store.history("r9"),
        lambda: approve(store, "r9"),
    ):
        with pytest.raises(NoReview):
            ask()
    with pytest.raises(Refused, match="surrogate"):
        store.find("\udcff", NOW)


def test_an_id_is_found_by_its_beginning(store: KeptReviews) -> None:
    for review_id in ("ab1", "ab2", "b"):
        store.open_or_join(asked(review_id), NOW)
    assert store.begin_with("ab", 2) == ("ab1", "ab2")
    assert store.begin_with("ab2", 2) == ("ab2",)
    assert store.begin_with("", 2) == store.begin_with("c", 2) == ()


def test_lists_come_in_pages_the_gravest_first_and_then_the_oldest(store: KeptReviews) -> None:
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


def test_a_page_holds_no_more_bytes_than_it_may_but_always_a_review(store: KeptReviews) -> None:
    for number, size in enumerate((1000, 1000, 9000, 10)):
        question = asked(f"r{number}", shown=Shown(content="x" * size))
        store.open_or_join(question, NOW + number)
    pages: list[list[str]] = []
    token = ""
    while token or not pages:
        page = store.browse(Wanted(), token, 3, NOW, room=4000)
        assert len(page.reviews) == 1 or sum(page.sizes) <= 4000
        pages.append([one.question.review_id for one in page.reviews])
        token = page.token
    assert pages == [["r0", "r1"], ["r2"], ["r3"]]


def test_a_history_comes_in_pages_of_so_many_deeds_and_bytes(store: KeptReviews) -> None:
    store.open_or_join(asked(), NOW)
    store.open_or_join(asked("r2"), NOW)
    for number, size in enumerate((10, 2000, 2000, 4000, 10, 10, 10)):
        who = f"p{number}"
        store.act("r1", Move(verb="comment", who=who, note="x" * size), NOW + number)
        store.act("r2", Move(verb="comment", who=who, note="another"), NOW + number)
    pages: list[list[str]] = []
    token = ""
    while token or not pages:
        page = store.recall("r1", token, 3, room=3500)
        pages.append([one.who for one in page.deeds])
        assert page.deeds == store.history("r1")[sum(map(len, pages[:-1])) :][: len(page.deeds)]
        token = page.token
    assert pages == [["", "p0", "p1"], ["p2"], ["p3"], ["p4", "p5", "p6"]]
    assert store.recall("r1", str((1 << 59) - 1), 3).deeds == ()
    with pytest.raises(NoReview):
        store.recall("r9", "", 3)


@pytest.mark.parametrize("token", ["x", "-1", "1.0", " 1", "\u0663", "1" * 19])
def test_a_token_of_no_history_is_refused(store: KeptReviews, token: str) -> None:
    store.open_or_join(asked(), NOW)
    with pytest.raises(Refused, match="none of ours"):
        store.recall("r1", token, 3)


def test_lists_choose_by_queue_tenant_and_state(store: KeptReviews) -> None:
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
def test_a_token_of_someone_else_is_refused(store: KeptReviews, token: str) -> None:
    with pytest.raises(Refused, match="none of ours"):
        store.browse(Wanted(), token, 9, NOW)


def test_overdue_reviews_are_ended_a_few_at_a_time(store: KeptReviews) -> None:
    for number in range(5):
        store.open_or_join(asked(f"r{number}"), NOW)
    assert store.expire(NOW + HOUR - 1, 3) == 0
    assert [store.expire(NOW + HOUR, 3) for _ in range(3)] == [3, 2, 0]


def test_answers_tell_of_every_round_that_has_ended(store: KeptReviews) -> None:
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


def test_a_review_of_someone_else_under_the_same_id_is_no_answer(store: KeptReviews) -> None:
    store.open_or_join(asked(), NOW)
    approve(store)
    for other in (asked(user="eve"), asked(tenant="south")):
        with pytest.raises(ReviewsUnavailable, match="someone else"):
            store.open_or_join(other, NOW)


def test_nodes_see_each_others_reviews(store: KeptReviews, place: Place) -> None:
    other = place.open()
    store.open_or_join(asked(), NOW)
    approve(other)
    assert store.open_or_join(asked(), NOW).state == "approved"
    other.close()
    other.close()


def claiming(place: Place, who: str, claims: int) -> subprocess.Popen[str]:
    """Return a process that tries each of *claims* claims once it reads a line."""
    made = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, claimer.__file__, place.at, who, str(claims)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
    )
    assert made.stdout is not None
    assert made.stdout.readline() == "ready\n"
    return made


def race(place: Place, claims: int) -> None:
    """Let two processes try *claims* claims: each is won by exactly one of them."""
    store = place.open()
    for number in range(claims):
        store.open_or_join(asked(f"r{number}"), NOW)
    racing = [claiming(place, who, claims) for who in ("bob", "eve")]
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
def test_of_two_that_race_for_a_claim_exactly_one_wins(place: Place) -> None:
    race(place, 100)


@pytest.mark.nightly
def test_a_thousand_claims_have_a_thousand_winners(place: Place) -> None:
    race(place, 1000)


@pytest.mark.slow
def test_who_is_killed_in_the_middle_leaves_whole_acts_and_stops_nobody(place: Place) -> None:
    store = place.open()
    for number in range(3000):
        store.open_or_join(asked(f"r{number}"), NOW)
    for lives in (1, 40, 300):
        who = f"eve{lives}"
        with claiming(place, who, 3000) as victim:
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


def test_counts_are_by_queue_tenant_state_and_severity(store: KeptReviews) -> None:
    for number in range(3):
        store.open_or_join(asked(f"r{number}", severity="high"), NOW + number)
    store.open_or_join(asked("r3", tenant="south"), NOW)
    store.act("r0", Move(verb="claim", who="bob"), NOW)
    store.act("r3", Move(verb="reject", who="bob"), NOW)
    assert [one.tenant for one in store.counts(NOW, "open")] == ["north"]
    assert store.counts(NOW) == (
        Count(
            queue="people", tenant="north", state="open", severity="high",
            number=3, claimed=1, oldest=NOW,
        ),
        Count(queue="people", tenant="south", state="rejected", number=1, oldest=NOW),
    )  # fmt: skip


def test_reviews_of_a_conversation_are_found_the_newest_first(store: KeptReviews) -> None:
    for number in range(3):
        store.open_or_join(asked(f"r{number}", session="s1"), NOW + number)
    store.open_or_join(asked("r3", session="s1", tenant="south"), NOW)
    store.open_or_join(asked("r4"), NOW)
    found = store.of_session("north", "s1", 2)
    assert [one.question.review_id for one in found] == ["r2", "r1"]
    assert store.of_session("north", "", 2) == ()


def test_the_newest_deed_of_a_review_stamps_it(store: KeptReviews) -> None:
    store.open_or_join(asked("r1"), NOW)
    store.open_or_join(asked("r2"), NOW)
    first = store.stamps(["r1", "r2", "r9"])
    assert set(first) == {"r1", "r2"}
    approve(store)
    assert store.stamps(["r1"])["r1"] > first["r1"]
    assert store.stamps([f"r{one}" for one in range(1200)]).keys() == first.keys()


def test_another_secret_opens_no_review_and_says_so(store: KeptReviews, place: Place) -> None:
    store.open_or_join(asked(), NOW)

    def opened_and_read() -> None:
        with closing(place.open(key=b"x" * 32)) as other:
            other.find("r1", NOW)

    with pytest.raises(ReviewsUnavailable, match="another secret"):
        opened_and_read()


def test_a_review_in_the_place_of_another_is_noticed(store: KeptReviews) -> None:
    store.open_or_join(asked("r1"), NOW)
    store.open_or_join(asked("r2"), NOW)

    def swap(session: Session) -> None:
        ((body,),) = session.rows("SELECT body FROM reviews WHERE review_id = ?", ("r2",))
        session.do("UPDATE reviews SET body = ? WHERE review_id = ?", (body, "r1"))

    store.do(swap)
    with pytest.raises(ReviewsUnavailable, match="in the place of another"):
        store.find("r1", NOW)


def test_a_review_that_was_spoilt_is_no_review(store: KeptReviews) -> None:
    store.open_or_join(asked(), NOW)
    store.do(lambda session: session.do("UPDATE reviews SET body = ?", (b"{}",)))
    with pytest.raises(ReviewsUnavailable, match="cannot be read"):
        store.open_or_join(asked(), NOW)
    bare = Rows(None)
    store.rows = bare
    with pytest.raises(ReviewsUnavailable, match="is none"):
        store.open_or_join(asked(), NOW)


def test_threads_share_a_store(store: KeptReviews) -> None:
    for number in range(40):
        store.open_or_join(asked(f"r{number}"), NOW)

    def claim(who: str) -> int:
        won = 0
        for number in range(40):
            try:
                store.act(f"r{number}", Move(verb="claim", who=who), NOW)
            except Refused:
                continue
            won += 1
        return won

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(claim, ["bob", "eve", "joe", "kim"])) == 40


def test_the_same_question_asked_at_once_opens_one_review(store: KeptReviews) -> None:
    with ThreadPoolExecutor(4) as pool:
        for number in range(20):
            question = asked(f"r{number}")
            found = list(pool.map(lambda _: store.open_or_join(question, NOW), range(4)))  # noqa: B023  at once
            assert len(set(map(repr, found))) == 1
            assert acts(store, f"r{number}") == ["opened"]


def test_who_tells_at_once_is_handed_different_deeds(store: KeptReviews, place: Place) -> None:
    for number in range(60):
        store.open_or_join(asked(f"r{number}"), NOW)
    other = place.open()

    def tell(one: KeptReviews) -> list[int]:
        told: list[int] = []
        while deeds := one.untold(5, NOW):
            told += [deed.number for deed in deeds]
            one.told([deed.number for deed in deeds])
        return told

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(tell, [store, other])
    other.close()
    assert len(first) + len(second) == len({*first, *second})
    assert store.untold(1, NOW) == ()


def test_who_expires_at_once_ends_each_review_once(store: KeptReviews, place: Place) -> None:
    for number in range(60):
        store.open_or_join(asked(f"r{number}"), NOW)
    other = place.open()

    def expire(one: KeptReviews) -> int:
        ended = 0
        while some := one.expire(NOW + HOUR, 7):
            ended += some
        return ended

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(expire, [store, other]))
    other.close()
    assert {tuple(acts(store, f"r{number}")) for number in range(60)} == {("opened", "expired")}
