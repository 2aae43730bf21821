from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import aclosing

import msgspec
import pytest

from engine.service.asking import Overloaded
from engine.service.watcher import UNSEEN, Watcher
from engine.storage.reviews import Review, ReviewsUnavailable
from engine.storage.reviews_acts import begin
from tests.storage.asked import NOW, asked


def opened(review_id: str = "r1") -> Review:
    return begin(asked(review_id), NOW)


class Shelf:
    """Reviews that change when a test says so, and how often they were looked at."""

    def __init__(self, *reviews: Review) -> None:
        self.held = {one.question.review_id: (1, one) for one in reviews}
        self.looks: list[dict[str, int]] = []
        self.away = False
        self.watcher = Watcher(self.look, most=3, pause=0.001)

    def change(self, review_id: str, **parts: object) -> None:
        number, review = self.held[review_id]
        self.held[review_id] = number + 1, msgspec.structs.replace(review, **parts)

    async def look(self, known: Mapping[str, int]) -> Mapping[str, tuple[int, Review]]:
        self.looks.append(dict(known))
        if self.away:
            raise ReviewsUnavailable("away")
        return {
            review_id: held
            for review_id, held in self.held.items()
            if known.get(review_id, held[0]) != held[0]
        }

    async def look_again(self) -> None:
        """Return when two looks more have begun."""
        goal = len(self.looks) + 2
        while len(self.looks) < goal:
            self.watcher.nudge()
            await asyncio.sleep(0)

    async def wait(self, review_id: str, seen: list[Review]) -> None:
        """Put each change of a review into *seen*, until it is answered."""
        async for one in self.watcher.follow(review_id, opened(review_id)):
            seen.append(one)  # noqa: PERF401  seen while it goes on


async def until(seen: list[Review], count: int) -> None:
    while len(seen) < count:  # noqa: ASYNC110  a list
        await asyncio.sleep(0)


async def two_wait_for_one() -> None:
    shelf, first, second = Shelf(opened()), list[Review](), list[Review]()
    waits = [asyncio.ensure_future(shelf.wait("r1", seen)) for seen in (first, second)]
    await until(second, 1)
    shelf.change("r1", holder="bob", held_until=NOW + 1)
    await until(first, 2)
    shelf.change("r1", state="approved", resolved_at=NOW + 2)
    await asyncio.wait_for(asyncio.gather(*waits), 60)
    assert [one.state for one in first] == ["open", "open", "approved"]
    assert first == second
    assert first[1].holder == "bob"
    assert shelf.watcher.waiting == 0
    assert all(list(one) == ["r1"] for one in shelf.looks)  # one look serves both


def test_each_change_reaches_all_who_wait() -> None:
    asyncio.run(two_wait_for_one())


async def nothing_new() -> None:
    shelf, seen = Shelf(opened()), list[Review]()
    wait = asyncio.ensure_future(shelf.wait("r1", seen))
    await until(seen, 1)
    number, review = shelf.held["r1"]
    shelf.held["r1"] = number + 1, review  # a comment
    await shelf.look_again()
    assert seen == [opened()]
    assert shelf.looks[-1] == {"r1": 2}
    shelf.away = True
    await shelf.look_again()
    shelf.away = False
    shelf.change("r1", state="rejected", resolved_at=NOW)
    await asyncio.wait_for(wait, 60)
    assert [one.state for one in seen] == ["open", "rejected"]


def test_what_changes_nothing_is_not_sent_and_a_store_that_is_away_is_asked_again() -> None:
    asyncio.run(nothing_new())


async def answered_before() -> None:
    shelf = Shelf()
    review = msgspec.structs.replace(opened(), state="expired", resolved_at=NOW)
    async with aclosing(shelf.watcher.follow("r1", review)) as changes:
        assert [one async for one in changes] == [review]
    assert shelf.looks == []


def test_what_is_answered_already_is_not_waited_for() -> None:
    asyncio.run(answered_before())


async def changed_meanwhile() -> None:
    shelf = Shelf(opened())
    review = opened()
    shelf.change("r1", state="approved", resolved_at=NOW)  # since *review* was read
    states = [one.state async for one in shelf.watcher.follow("r1", review)]
    assert states == ["open", "approved"]
    assert shelf.looks[0] == {"r1": UNSEEN}


def test_what_happened_between_reading_and_waiting_is_not_missed() -> None:
    asyncio.run(changed_meanwhile())


async def too_many() -> None:
    shelf = Shelf(opened("r1"), opened("r2"))
    names = ["r1", "r1", "r2"]
    waits = [shelf.watcher.follow(one, opened(one)) for one in names]
    for wait in waits:
        await anext(wait)
    extra = shelf.watcher.follow("r1", opened())
    with pytest.raises(Overloaded, match="3 wait"):
        await anext(extra)
    await waits[2].aclose()
    await waits[0].aclose()
    await shelf.look_again()
    assert shelf.looks[-1].keys() == {"r1"}
    await waits[1].aclose()
    assert shelf.watcher.waiting == 0
    looks = len(shelf.looks)
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(shelf.looks) == looks  # nobody waits, nobody looks


def test_no_more_wait_than_may_and_who_leaves_makes_room() -> None:
    asyncio.run(too_many())


async def gone_during_a_look() -> None:
    shelf = Shelf(opened("r1"), opened("r2"))
    begun, go = asyncio.Event(), asyncio.Event()

    async def slow(known: Mapping[str, int]) -> Mapping[str, tuple[int, Review]]:
        begun.set()
        await go.wait()
        return await shelf.look(known)

    watcher = Watcher(slow, pause=0.001)
    leaving, staying = (watcher.follow(one, opened(one)) for one in ("r1", "r2"))
    await anext(leaving)
    await anext(staying)
    await begun.wait()
    await leaving.aclose()
    shelf.change("r2", holder="bob")
    go.set()
    assert (await anext(staying)).holder == "bob"
    await staying.aclose()


def test_who_leaves_while_the_store_is_asked_is_no_trouble() -> None:
    asyncio.run(gone_during_a_look())
