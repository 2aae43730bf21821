from __future__ import annotations

import asyncio
import time
from pathlib import Path

from engine.service.desk import MOST_PAGES, Desk
from engine.service.record import NoRecorder
from engine.service.reviewers import MOST_SCOPES, Reviewers, hash_of
from engine.service.reviews import Reviews
from engine.storage.reviews import PAGE_BYTES, Page, Shown, Wanted
from engine.storage.reviews_sqlite import SqliteReviews
from tests.service.roll import ROLL, write_roll
from tests.storage.asked import asked


def test_what_others_see_is_not_looked_through_for_a_reviewers_own(tmp_path: Path) -> None:
    store = SqliteReviews(tmp_path / "reviews.db")
    now = time.time_ns()
    for number in range(MOST_PAGES + 5):
        store.open_or_join(asked(f"r{number:02}", at=now, queue="people"), now + number)
    store.open_or_join(asked("mine", at=now, queue="money"), now + 99)
    reviews = Reviews(store, NoRecorder(), lambda: now)
    roll = f"""{ROLL}
[[reviewer]]
name = "ida"
tokens = ["{hash_of("ida's")}"]
queues = []
tenants = ["*"]
"""
    desk = Desk(reviews, Reviewers(write_roll(tmp_path, roll), lambda _: None, lambda: now))
    page = asyncio.run(desk.browse("bob's", Wanted(), "", 1))
    assert ([one.question.review_id for one in page.reviews], page.token) == (["mine"], "")
    assert asyncio.run(desk.browse("ida's", Wanted(), "", 1)) == Page(reviews=())
    reviews.close()


def test_a_reviewer_of_many_pairs_of_queue_and_tenant_has_full_pages(tmp_path: Path) -> None:
    store = SqliteReviews(tmp_path / "reviews.db")
    now = time.time_ns()
    others = 2 * MOST_PAGES + 5
    for number in range(others + 3):
        tenant = "north" if number < others else "south"
        question = asked(f"r{number:02}", at=now, queue="money", tenant=tenant)
        store.open_or_join(question, now + number)
    reviews = Reviews(store, NoRecorder(), lambda: now)
    queues = ["money", *(f"q{number}" for number in range(9))]
    tenants = ["south", *(f"t{number}" for number in range(19))]
    roll = ROLL.replace('queues = ["money"]\ntenants = ["north"]', f"{queues=}\n{tenants=}")
    desk = Desk(reviews, Reviewers(write_roll(tmp_path, roll), lambda _: None, lambda: now))
    page = asyncio.run(desk.browse("bob's", Wanted(), "", 2))
    assert [one.question.review_id for one in page.reviews] == [f"r{others}", f"r{others + 1}"]
    rest = asyncio.run(desk.browse("bob's", Wanted(), page.token, 2))
    assert [one.question.review_id for one in rest.reviews] == [f"r{others + 2}"]
    assert not rest.token
    reviews.close()


def test_a_page_that_looks_far_for_what_may_be_seen_ends_early_and_leads_on(tmp_path: Path) -> None:
    store = SqliteReviews(tmp_path / "reviews.db")
    now = time.time_ns()
    for number in range(MOST_PAGES + 5):
        question = asked(f"r{number:02}", at=now, queue="money", tenant="south")
        store.open_or_join(question, now + number)
    store.open_or_join(asked("mine", at=now, queue="money", tenant="north"), now + 99)
    reviews = Reviews(store, NoRecorder(), lambda: now)
    tenants = ["north", *(f"t{number}" for number in range(MOST_SCOPES))]
    roll = ROLL.replace('tenants = ["north"]', f"tenants = {tenants}")
    desk = Desk(reviews, Reviewers(write_roll(tmp_path, roll), lambda _: None, lambda: now))
    first = asyncio.run(desk.browse("bob's", Wanted(), "", 1))
    assert (first.reviews, bool(first.token)) == ((), True)
    rest = asyncio.run(desk.browse("bob's", Wanted(), first.token, 1))
    assert [one.question.review_id for one in rest.reviews] == ["mine"]
    reviews.close()


def test_a_page_of_a_reviewers_own_holds_no_more_bytes_than_it_may(tmp_path: Path) -> None:
    store = SqliteReviews(tmp_path / "reviews.db")
    now = time.time_ns()
    shown = Shown(content="x" * (PAGE_BYTES // 4))
    for number in range(12):
        queue = "money" if number % 2 else "people"
        store.open_or_join(asked(f"r{number:02}", at=now, queue=queue, shown=shown), now + number)
    reviews = Reviews(store, NoRecorder(), lambda: now)
    desk = Desk(reviews, Reviewers(write_roll(tmp_path), lambda _: None, lambda: now))
    seen: list[str] = []
    token = ""
    while token or not seen:
        page = asyncio.run(desk.browse("bob's", Wanted(), token, 100))
        assert len(page.reviews) <= 4
        seen += [one.question.review_id for one in page.reviews]
        token = page.token
    assert seen == [f"r{number:02}" for number in range(1, 12, 2)]
    reviews.close()
