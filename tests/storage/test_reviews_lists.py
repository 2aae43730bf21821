"""What lists hold where several queues of several tenants may be seen, on each store."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from engine.storage.reviews import SECOND, Move, Refused, Wanted
from engine.storage.reviews_kept import KeptReviews
from tests.storage.asked import NOW, asked


def ids(store: KeptReviews, **wanted: Any) -> list[str]:
    """Return the ids of what is *wanted*, asked for in pages of two."""
    page = store.browse(Wanted(**wanted), "", 2, NOW + SECOND)
    found = [*page.reviews]
    while page.token:
        page = store.browse(Wanted(**wanted), page.token, 2, NOW + SECOND)
        found += page.reviews
    return [one.question.review_id for one in found]


def test_lists_hold_what_any_of_several_scopes_holds_once_and_in_order(store: KeptReviews) -> None:
    for number, (queue, tenant) in enumerate(product(("a", "b", "c"), ("north", "south"))):
        severity = ("", "high")[number % 2]
        question = asked(f"r{number}", queue=queue, tenant=tenant, severity=severity)
        store.open_or_join(question, NOW + number)
    within = ("b", ""), ("b", "south"), ("", "south")
    assert ids(store, within=within) == ["r1", "r3", "r5", "r2"]
    assert ids(store, within=within, queue="b", state="open") == ["r3", "r2"]
    assert ids(store, within=within, queue="c") == ["r5"]
    assert ids(store, within=(("b", "north"), ("c", "south"))) == ["r5", "r2"]
    assert ids(store, within=(("b", "north"),), queue="c") == []
    assert ids(store, within=(("b", "north"),), tenant="south") == []
    assert ids(store, within=(("b", ""), ("b", "south")), tenant="south") == ["r3"]
    mixed = ("b", ""), ("c", ""), ("", "south"), ("a", "north"), ("a", "south")
    assert ids(store, within=mixed) == ["r1", "r3", "r5", "r0", "r2", "r4"]
    assert ids(store, within=mixed, state="open") == ["r1", "r3", "r5", "r0", "r2", "r4"]


def test_a_queue_of_a_tenant_is_listed_in_order_whatever_became_of_its_reviews(
    store: KeptReviews,
) -> None:
    for number in range(6):
        within = SECOND if number == 4 else 60 * SECOND
        store.open_or_join(asked(f"r{number}", queue="a", within=within), NOW + number)
    store.open_or_join(asked("other", queue="b"), NOW)
    for review_id, verb in (("r1", "approve"), ("r3", "reject")):
        store.act(review_id, Move(verb=verb, who="bob"), NOW)  # type: ignore[arg-type]
    assert ids(store, queue="a", tenant="north") == [f"r{number}" for number in range(6)]
    states = [ids(store, queue="a", tenant="north", state=one) for one in ("open", "expired")]
    assert states == [["r0", "r2", "r5"], ["r4"]]


def test_pages_are_full_however_many_scopes_there_are(store: KeptReviews) -> None:
    tenants = [f"o'{number} \"\N{SNOWMAN}\\" for number in range(30)]
    scopes = tuple(product(("a", "b"), tenants)) + tuple((f"q{n}", "t") for n in range(600))
    for number in range(90):
        tenant, queue = tenants[number % 30], ("a", "b", "c")[number // 30]
        store.open_or_join(asked(f"r{number:02}", queue=queue, tenant=tenant), NOW + number)
    for state in ("", "open"):
        wanted = Wanted(within=scopes, state=state)
        first = store.browse(wanted, "", 40, NOW + SECOND)
        assert len(first.reviews) == 40
        rest = store.browse(wanted, first.token, 40, NOW + SECOND)
        found = [one.question.review_id for one in (*first.reviews, *rest.reviews)]
        assert (found, rest.token) == ([f"r{number:02}" for number in range(60)], "")


def test_a_name_that_is_no_text_is_in_no_list_of_many_scopes(store: KeptReviews) -> None:
    with pytest.raises(Refused):
        ids(store, within=(("\ud800", "t"), ("b", "t")))
