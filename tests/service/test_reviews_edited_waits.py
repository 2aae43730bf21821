"""What decides on an edit waits as any decision does; and a token lets no other edit pass."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from engine.runtime.decision import Decision
from engine.runtime.memory import MemoryStore
from engine.service.bundles import Recipe, load_folder
from engine.service.gate import Gate
from engine.service.reviews import Reviews
from engine.state.remote_store import RemoteStore
from engine.state.spare import Spare
from engine.storage.reviews import Move, Shown
from engine.storage.reviews_sqlite import SqliteReviews
from tests.service.bundle import SECRET, asked, write_folder
from tests.service.shelf import Shelf
from tests.service.test_approvals import APPROVALS, Signed
from tests.service.test_gate import Watcher
from tests.service.test_reviews import Book, Desk, state
from tests.service.test_reviews_edited import POLICY, SESSION, edited
from tests.state.near import NearFar, Shore

ASKING = """
classifier toxicity { endpoint = "grpc://127.0.0.1:1" timeout = 5s }
policy talk {
  default allow
  rule toxic { when classifier.toxicity(content) >= 0.9 then deny }
  rule asks  { when content contains "doubt" then escalate to "people" within 1h }
}
"""


def gate_of(folder: Path, policy: str, store: Any, **more: Any) -> tuple[Gate, Reviews, Book]:
    book = Book()
    clock = lambda: 1_800_000_000_000_000_000  # noqa: E731  it stands still
    reviews = Reviews(SqliteReviews(folder / "reviews.db"), book, clock)
    gate = Gate(
        store,
        book,
        secret=SECRET,
        clock=clock,
        observer=Watcher(),
        reviews=reviews,
        **more,
    )
    gate.swap(load_folder(write_folder(folder / "p", {"p.pol": policy}), Recipe(SECRET)))
    return gate, reviews, book


def edit(reviews: Reviews, first: Decision, content: str) -> None:
    assert first.escalation is not None
    move = Move(verb="edit", who="bob", shown=Shown(content=content))
    reviews.act(first.escalation.review_id, move)


@pytest.mark.parametrize(("text", "action"), [("rude", "deny"), ("kind", "redact")])
def test_classifiers_are_asked_about_an_edit(tmp_path: Path, text: str, action: str) -> None:
    shelf = Shelf({"doubt": 0.1, "rude": 0.95, "kind": 0.1})
    gate, reviews, book = gate_of(tmp_path, ASKING, MemoryStore(), classifiers=shelf)
    edit(reviews, gate.decide(asked("doubt")), text)

    async def work() -> Decision:
        step = gate.begin(asked("doubt"))
        while not isinstance(step, Decision):
            await step.hear()
            step = gate.go_on(step)
        return step

    assert asyncio.run(work()).effective_action == action
    assert [one.text for one in shelf.asked] == ["doubt", "doubt", text]
    spent = book.decisions()[-1].spent
    assert spent is not None
    assert spent.review > 0
    gate.close()


@pytest.mark.parametrize(("edit_to", "action"), [("marked", "redact"), ("poison", "deny")])
def test_an_edit_is_decided_on_with_a_store_that_is_away(
    tmp_path: Path, edit_to: str, action: str
) -> None:
    shore = Shore()
    remote = RemoteStore(lambda: NearFar(shore), Spare(MemoryStore()), local=False, clock=shore.now)
    gate, reviews, _ = gate_of(tmp_path, POLICY, remote)
    paced = asked("doubt", tenant={"id": "paced"}, **SESSION)
    edit(reviews, gate.decide(paced), edit_to)
    shore.calls.clear()
    made = gate.decide(paced)
    assert made.effective_action == action
    taken = [op for ops in shore.calls for op in ops if op == "take"]
    assert len(taken) == 2  # That of the shadow rule is one of its own.
    labels = shore.store.labels("paced", "s", shore.now())
    assert ("marked" in labels) == (edit_to == "marked")
    gate.close()


def test_a_long_edit_is_looked_at_apart(tmp_path: Path) -> None:
    desk = Desk(tmp_path, POLICY)
    text = "word " * 20_000
    made = edited(desk, text)
    assert made.content == text
    made = edited(desk, f"{text} a@b.example", user={"id": "u2"})
    assert made.content is not None
    assert made.content.startswith(text)
    assert "[EMAIL_" in made.content[-20:]
    desk.gate.close()


# --- tokens ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("once", [True, False])
def test_a_token_lets_no_edit_pass_that_the_policies_deny(tmp_path: Path, *, once: bool) -> None:
    desk = Signed(tmp_path, once=once)
    policy = write_folder(tmp_path / "q", {"p.pol": POLICY})
    desk.gate.swap(load_folder(policy, Recipe(SECRET)))
    for text, action in (("poison", "deny"), ("fine", "redact")):
        content = f"doubt {action}"
        first = desk.ask(content)
        desk.act(first, "edit", shown=Shown(content=text))
        token = APPROVALS.token(desk.review(first), desk.clock.now)
        made = desk.ask(content, approval=token)
        assert (made.effective_action, state(made)) == (action, "edited")
        assert "used already" in desk.ask(content, approval=token).reasons[0].failure
    desk.gate.close()
