"""What becomes of reviews that are over, in every store."""

from __future__ import annotations

import pytest

from engine.storage.reviews import Move, NoReview, Shown, Upkeep
from engine.storage.reviews_kept import TELLING, KeptReviews
from tests.storage.asked import HOUR, NOW, asked


def test_every_deed_is_handed_over_once_and_again_when_it_could_not_be_kept(
    store: KeptReviews,
) -> None:
    store.open_or_join(asked(), NOW)
    store.act("r1", Move(verb="approve", who="bob"), NOW)
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


def over(store: KeptReviews, review_id: str, at: int = NOW) -> None:
    """Open a review, and approve it."""
    shown = Shown(content="refund 600")
    store.open_or_join(asked(review_id, shown=shown, session="s1", at=at), at)
    store.act(review_id, Move(verb="edit", who="bob", shown=Shown(content="5"), note="less"), at)


def tell_all(store: KeptReviews, now: int) -> list[str]:
    """Tell what is untold; return the acts."""
    deeds = store.untold(1000, now)
    store.told([one.number for one in deeds])
    return [one.act for one in deeds]


def test_what_was_shown_is_erased_when_its_time_has_come(store: KeptReviews) -> None:
    over(store, "r1")
    upkeep = Upkeep(keep_content=2 * HOUR)
    assert store.prune(upkeep, NOW + 2 * HOUR - 1, 10) == 0
    assert store.prune(upkeep, NOW + 2 * HOUR, 10) == 1
    assert store.prune(upkeep, NOW + 2 * HOUR, 10) == 0
    found = store.find("r1", NOW)
    assert (found.released, found.question.shown, found.note) == (Shown(), Shown(), "")
    assert (found.state, found.resolved_by, found.question.hidden) == (
        "edited", "bob", "it was erased",
    )  # fmt: skip
    deeds = store.history("r1")
    assert [one.act for one in deeds] == ["opened", "edited", "erased"]
    assert {(one.note, one.shown) for one in deeds} == {("", None)}
    # Asked again it is a new round, with what is shown now.
    anew = store.open_or_join(asked(at=NOW + 3 * HOUR), NOW + 3 * HOUR)
    assert (anew.round, anew.question.shown.content) == (2, "refund 600")
    assert store.prune(upkeep, NOW + 30 * HOUR, 10) == 0


def test_an_answer_that_stands_is_neither_erased_nor_deleted(store: KeptReviews) -> None:
    over(store, "r1")
    assert store.prune(Upkeep(keep=1, keep_content=1), NOW + HOUR - 1, 10) == 0
    assert store.find("r1", NOW).released == Shown(content="5")


def test_what_is_over_is_deleted_when_it_was_recorded(store: KeptReviews) -> None:
    over(store, "r1")
    store.open_or_join(asked("r2", within=100 * HOUR), NOW)
    upkeep, later = Upkeep(keep=2 * HOUR), NOW + 2 * HOUR
    assert store.prune(upkeep, later, 10) == 0
    assert tell_all(store, NOW) == ["opened", "edited", "opened"]
    assert store.prune(upkeep, later - 1, 10) == 0
    assert store.prune(upkeep, later, 10) == 1
    with pytest.raises(NoReview):
        store.find("r1", later)
    assert [one.act for one in store.history("r1")] == ["deleted"]
    assert tell_all(store, later) == ["deleted"]
    with pytest.raises(NoReview):
        store.history("r1")
    assert store.find("r2", later).state == "open"
    assert store.answers(later) == ()
    # It is a new review when it is asked again.
    assert store.open_or_join(asked(at=later), later).round == 1


def test_few_are_erased_and_deleted_at_a_time(store: KeptReviews) -> None:
    for number in range(5):
        over(store, f"r{number}")
    tell_all(store, NOW)
    both = Upkeep(keep=HOUR, keep_content=HOUR)
    # Three are erased, which is not recorded yet, and the other two deleted.
    assert store.prune(both, NOW + HOUR, 3) == 5
    assert tell_all(store, NOW + HOUR) == ["erased"] * 3 + ["deleted"] * 2
    assert store.prune(both, NOW + HOUR, 2) == 2
    assert store.prune(both, NOW + HOUR, 2) == 1
    assert store.counts(NOW) == ()
