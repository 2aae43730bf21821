from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import msgspec
import pytest

from engine.runtime.decision import Decision
from engine.service.approvals import Approvals, BadToken, claims_of, decoded, objection
from engine.service.bundles import Recipe, load_folder
from engine.service.entries import ReviewEntry
from engine.service.presenting import GATEWAY, REFUSED, Terms, name_of, present
from engine.service.releasing import PRESENT
from engine.storage.chest import Chest
from engine.storage.reviews import SECOND, Refused, Review
from engine.storage.reviews_sqlite import SqliteReviews
from tests.service.bundle import SECRET, write_folder
from tests.service.test_reviews import HOUR, POLICY, Desk, state

APPROVALS = Approvals(b"the deployment's own secret, long")
CALL = {"stage": "tool_call", "tool": {"name": "pay", "server": "s", "args": {"amount": 600}}}


class Signed(Desk):
    """A gate whose reviews have tokens."""

    def __init__(self, folder: Path, recipe: dict[str, Any] | None = None, **terms: Any) -> None:
        super().__init__(folder, **recipe or {})
        self.reviews.terms = Terms(approvals=APPROVALS, **terms)

    def ask(self, content: str = "doubt", **parts: object) -> Decision:
        made = super().ask(content, **parts)
        if "approval" in parts:
            self.reviews.tell()
        return made

    def approved(self, content: str = "doubt", **parts: Any) -> str:
        """Have *content* approved; return the token."""
        made = self.ask(content, **parts)
        self.act(made)
        token = self.token(made)
        assert token
        return token

    def token(self, made: Decision) -> str:
        return APPROVALS.token(self.review(made), self.clock.now)

    def review(self, made: Decision) -> Review:
        assert made.escalation is not None
        return self.reviews.find(made.escalation.review_id)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Signed]:
    made = Signed(tmp_path)
    yield made
    made.gate.close()


@pytest.fixture
def once(tmp_path: Path) -> Iterator[Signed]:
    made = Signed(tmp_path, once=True)
    yield made
    made.gate.close()


def refused(made: Decision) -> str:
    """Return why a token was refused."""
    assert (made.action, made.effective_action) == ("deny", "deny")
    assert made.escalation is None
    assert made.content is None
    assert made.reasons[0].failure == made.reasons[0].message
    return made.reasons[0].failure


def test_a_token_passes_what_was_approved_and_is_then_used_up(desk: Signed) -> None:
    token = desk.approved()
    made = desk.ask(approval=token)
    assert (made.effective_action, state(made)) == ("allow", "approved")
    assert "used already" in refused(desk.ask(approval=token))
    assert desk.book.acts() == ["opened", "approved", "presented", "refused"]
    lines = [one for one in desk.book.lines if isinstance(one, ReviewEntry)]
    assert [one.who for one in lines[2:]] == ["u1", "u1"]
    assert desk.book.decisions()[-1].reasons[0].failure.startswith("the approval token")


def test_a_review_has_no_token_while_it_waits_once_it_was_used_or_afterwards(desk: Signed) -> None:
    made = desk.ask()
    assert desk.token(made) == ""
    desk.act(made)
    token = desk.token(made)
    assert token == desk.token(made)
    desk.ask(approval=token)
    assert desk.token(made) == ""
    other = desk.ask("doubt it")
    desk.act(other)
    desk.clock.now += HOUR
    assert desk.token(other) == ""
    rejected = desk.ask("doubt again")
    desk.act(rejected, "reject")
    assert desk.token(rejected) == ""


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"tenant": {"id": "south"}}, "another tenant's"),
        ({"user": {"id": "u2"}}, "another user's"),
        ({"content": "doubt!"}, "other content"),
        ({"tool": {"name": "pay", "server": "s", "args": {"amount": 601}}}, "other arguments"),
        ({"tool": {"name": "pay", "server": "evil", "args": {"amount": 600}}}, "other arguments"),
        ({"content": "hello"}, "other rules"),
        ({"context": {"amount": 601}}, "another request"),
    ],
)
def test_a_token_passes_nothing_else(desk: Signed, other: dict[str, Any], why: str) -> None:
    base: dict[str, Any] = {"context": {"amount": 600}, **CALL}
    token = desk.approved(**base)
    made = desk.ask(**{"content": "doubt", **base, **other}, approval=token)
    assert why in refused(made)
    assert desk.book.acts()[-1] == "refused"
    assert desk.ask(**base, approval=token).effective_action == "allow"


def test_a_token_does_not_outlive_its_approval_or_its_policies(
    desk: Signed, tmp_path: Path
) -> None:
    token = desk.approved()
    desk.clock.now += HOUR - SECOND
    late = desk.approved("doubt late")
    desk.clock.now += SECOND
    assert "expired" in refused(desk.ask(approval=token))
    text = POLICY.replace("within 1h severity", "within 2h severity")
    desk.gate.swap(load_folder(write_folder(tmp_path / "q", {"p.pol": text}), Recipe(SECRET)))
    assert "another revision" in refused(desk.ask("doubt late", approval=late))


def test_a_token_of_an_earlier_round_is_refused(desk: Signed) -> None:
    made = desk.ask()
    desk.act(made)
    old = desk.review(made)
    desk.clock.now += HOUR
    desk.act(desk.ask())
    forged = msgspec.structs.replace(desk.review(made), round=old.round)
    token = APPROVALS.token(forged, desk.clock.now)
    assert "does not hold any more" in refused(desk.ask(approval=token))


def tampered(token: str) -> dict[str, str]:
    """Return tokens that are not ours, by what was done with them."""
    header, body, signature = token.split(".")
    claims = json.loads(decoded(body))
    claims["exp"] += 3600
    longer = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    last = "A" if signature[-1] != "A" else "Q"
    return {
        "longer": f"{header}.{longer}.{signature}",
        "unsigned": f"{header}.{body}.",
        "no algorithm": f"{none}.{body}.",
        "another form": f"{header}.{body}.{signature[:-1]}{last}",
        "more": f"{token}.{signature}",
        "padding": f"{token}==",
        "another deployment": Approvals(b"another secret").token(example(), 0),
        "noise": "x",
        "half a character": "é.ü.ß",
    }


def example() -> Review:
    """Return an approved review."""
    question: Any = {
        "review_id": "r1", "tenant": "north", "user": "u1", "stage": "request", "queue": "q",
        "revision": "sha", "reasons": [], "shown": {}, "expires_at": HOUR, "within": HOUR,
        "otherwise": "deny",
    }  # fmt: skip
    made = {"question": question, "opened_at": 1, "state": "approved", "resolved_at": SECOND}
    return msgspec.convert(made, Review)


def test_what_is_not_signed_by_us_is_refused_and_recorded(desk: Signed) -> None:
    token = desk.approved()
    for name, bad in tampered(token).items():
        why = refused(desk.ask(approval=bad))
        assert why.startswith(REFUSED), name
        assert bad not in why
        assert desk.book.acts()[-1] == "refused"
    assert desk.ask(approval=token).effective_action == "allow"


def test_a_token_of_a_review_that_is_gone_is_refused(desk: Signed) -> None:
    desk.approved()
    held = desk.review(desk.ask())
    question = msgspec.structs.replace(held.question, review_id="f" * 32)
    gone = msgspec.structs.replace(held, question=question)
    noted: list[str] = []
    store = SqliteReviews(desk.path)
    token = APPROVALS.token(gone, desk.clock.now)
    with pytest.raises(Refused, match="its review is gone"):
        present(desk.reviews.terms, store, token, question, desk.clock.now, noted.append)
    assert noted == ["u1"]
    store.close()


def test_an_engine_that_signs_none_takes_none(desk: Signed) -> None:
    token = desk.approved()
    desk.reviews.terms = Terms()
    assert "signs none" in refused(desk.ask(approval=token))


def test_what_passes_without_a_person_needs_no_token(desk: Signed) -> None:
    token = desk.approved()
    assert desk.ask("hello", approval=token).effective_action == "allow"
    assert desk.ask(approval=token).effective_action == "allow"


def test_an_edited_form_passes_with_its_token(desk: Signed) -> None:
    made = desk.ask("doubt a@b.example")
    desk.act(made, "edit", shown=msgspec.structs.replace(desk.review(made).released, content="no"))
    passed = desk.ask("doubt a@b.example", approval=desk.token(made))
    assert (passed.effective_action, passed.content) == ("redact", "no")


def test_where_approvals_are_good_for_once_each_needs_a_person_again(once: Signed) -> None:
    token = once.approved()
    waiting = once.ask()
    assert (waiting.effective_action, state(waiting)) == ("escalate", "approved")
    assert waiting.reasons[0].message == PRESENT
    assert once.ask(approval=token).effective_action == "allow"
    anew = once.ask()
    assert (anew.effective_action, state(anew)) == ("escalate", "open")
    assert once.review(anew).round == 2
    assert "does not hold any more" in refused(once.ask(approval=token))
    once.act(anew)
    assert once.ask(approval=once.token(anew)).effective_action == "allow"


@pytest.mark.slow
def test_of_two_that_present_a_token_at_once_one_passes(desk: Signed) -> None:
    stores = [SqliteReviews(desk.path), SqliteReviews(desk.path)]
    for number in range(100):
        made = desk.ask(f"doubt {number}")
        desk.act(made)
        review, token = desk.review(made), desk.token(made)
        start, won, lost = Barrier(2), list[int](), list[str]()

        def go(one: int, review: Review = review, token: str = token) -> None:
            terms, now = desk.reviews.terms, desk.clock.now
            start.wait()  # noqa: B023  of this round
            try:
                present(terms, stores[one], token, review.question, now, lambda _: None)
                won.append(one)  # noqa: B023
            except Refused as error:
                lost.append(str(error))  # noqa: B023

        racing = [Thread(target=go, args=(one,)) for one in (0, 1)]
        for one in racing:
            one.start()
        for one in racing:
            one.join()
        assert (len(won), lost) == (1, ["the approval token was used already"])
    for store in stores:
        store.close()


def test_a_token_says_what_it_is_bound_to_and_no_content() -> None:
    review = example()
    token = APPROVALS.token(review, 0)
    claims = APPROVALS.read(token)
    assert claims == claims_of(review)
    assert (claims.iss, claims.jti, claims.exp - claims.iat) == ("pol-engine", "r1.1", 3600)
    assert objection(claims, review.question, 0) == ""
    with pytest.raises(BadToken):
        Approvals(b"another secret").read(token)


def test_who_presents_is_named_where_the_name_can_be_shown() -> None:
    assert name_of("ann") == "ann"
    assert name_of("a\x1b[2Jb") == "a[2Jb"
    assert name_of("\x00\u202e ") == GATEWAY


def test_what_came_is_kept_only_where_it_is_asked_for_and_opens_with_its_key(
    tmp_path: Path,
) -> None:
    desk = Signed(tmp_path, chest=Chest(b"k" * 32))
    made = desk.ask("doubt a@b.example", **CALL)
    review = desk.review(made)
    assert review.released.content == "doubt [EMAIL]"
    assert "a@b.example" not in review.question.original
    original = desk.reviews.terms.original(review)
    assert (original.content, original.arguments) == ("doubt a@b.example", {"amount": 600})
    with pytest.raises(Refused, match="another secret"):
        Terms(approvals=APPROVALS, chest=Chest(b"l" * 32)).original(review)
    with pytest.raises(Refused, match="keep_full"):
        Terms(approvals=APPROVALS).original(review)
    desk.reviews.terms = Terms(approvals=APPROVALS)
    assert desk.review(desk.ask("doubt c@d.example")).question.original == ""
    desk.gate.close()


def test_what_was_too_large_to_be_looked_at_is_not_kept(tmp_path: Path) -> None:
    recipe = {"content_characters": 5, "on_content_too_large": "escalate"}
    desk = Signed(tmp_path, recipe, chest=Chest(b"k" * 32))
    assert desk.review(desk.ask("a@b.example")).question.original == ""
    desk.gate.close()
