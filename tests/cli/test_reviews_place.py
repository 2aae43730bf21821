from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from engine.cli.reviews_text import describe_earlier
from engine.service.approvals import Approvals
from engine.service.earlier import Earlier, Passed
from engine.service.presenting import Terms
from engine.service.reviewers import Reviewers
from engine.storage.chest import Chest
from engine.storage.reviews import PAGE_BYTES, Move, Shown
from engine.storage.reviews_sqlite import SqliteReviews
from engine.wire import engine_pb2 as wire
from tests.cli.calling import call
from tests.doors.grpc.authority import Authority
from tests.doors.grpc.reviewing import Place, reviews_in
from tests.doors.grpc.serving import SECRET, ask, decide, serve
from tests.service.roll import write_roll
from tests.storage.asked import asked

LISTED_DEEDS = 1000
"""As many as a page has: with the opening there is one more."""


class Terminal:
    """The command line of reviewers, and a daemon that knows them."""

    def __init__(self, folder: Path, place: Place, address: str) -> None:
        self.folder = folder
        self.place = place
        self.address = address

    def run(self, *arguments: str, who: str = "bob", code: int = 0, given: str = "") -> str:
        """Return what it printed, on both streams."""
        token = self.folder / f"{who}.token"
        token.write_text(f"{who}'s\n")
        place = ["--address", self.address, "--token-file", str(token)]
        result = call("reviews", *arguments, *place, given=given)
        assert result.exit_code == code, result.output
        return result.stdout + result.stderr


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    terms = Terms(approvals=Approvals(SECRET), chest=Chest(b"k" * 32))
    reviews = reviews_in(tmp_path, terms=terms)
    reviewers = Reviewers(write_roll(tmp_path), lambda _: None, lambda: 0)
    with (
        serve(reviews=reviews, reviewers=reviewers, admin=False) as daemon,
        grpc.insecure_channel(daemon.address) as channel,
    ):
        yield Terminal(tmp_path, Place(daemon, channel), daemon.address)
    reviews.close()


def test_a_reviewer_answers_through_a_daemon(terminal: Terminal) -> None:
    review_id = terminal.place.pay(content="mail a@b.example").escalation.review_id
    assert terminal.run("list").startswith(f"{review_id}  open")
    shown = terminal.run("show", review_id[:6])
    assert "| mail [EMAIL]" in shown
    assert '"to": "ann"' in shown
    assert "claimed by bob" in terminal.run("claim", review_id[:6], "--minutes", "5")
    assert "commented by bob: hm" in (
        terminal.run("comment", review_id, "--note", "hm") + terminal.run("show", review_id)
    )
    terminal.run("release", review_id)
    assert "approved" in terminal.run("approve", review_id, "--note", "known")
    made = json.loads(terminal.run("show", review_id, "--json"))
    assert (made["state"], made["resolved_by"], made["note"]) == ("approved", "bob", "known")
    acts = [one["act"] for one in made["history"]]
    assert acts == ["opened", "claimed", "commented", "released", "approved"]
    assert terminal.place.pay(content="mail a@b.example").content == "mail [EMAIL]"


def test_a_history_of_several_pages_is_shown_whole(terminal: Terminal) -> None:
    review_id = terminal.place.pay().escalation.review_id
    for number in range(LISTED_DEEDS):
        terminal.place.reviews.act(
            review_id, Move(verb="comment", who="bob", note=f"note {number}")
        )
    made = json.loads(terminal.run("show", review_id, "--json"))
    assert [one.get("note", "") for one in made["history"]] == [
        "",
        *(f"note {number}" for number in range(LISTED_DEEDS)),
    ]


def test_every_part_is_edited_through_a_daemon(terminal: Terminal) -> None:
    first = terminal.place.pay().escalation.review_id
    own = ("--content", "-", "--arguments", '{"to": "eve"}')
    assert "their own request" in terminal.run("edit", first, *own, who="ann", code=1)
    made = terminal.place.pay(user_id="u2")
    review_id = made.escalation.review_id
    arguments = ("--content", "-", "--arguments", '{"to": "eve"}')
    terminal.run("edit", review_id, *arguments, who="ann", given="bye")
    passed = terminal.place.pay(user_id="u2")
    assert (passed.content, passed.arguments_json) == ("bye", b'{"to":"eve"}')
    message = ask(
        user_id="u2",
        stage=wire.STAGE_TOOL_CALL,
        tool=wire.Tool(name="refund"),
        context_json=b'{"amount": 600}',
        messages=[wire.Message(role="user", text="pay")],
    )
    message.ClearField("content")
    parts = decide(terminal.place.channel, message).escalation.review_id
    assert "user: pay" in terminal.run("show", parts)
    messages = '[{"role": "user", "text": "no"}]'
    assert "edited" in terminal.run("edit", parts, "--messages", messages, who="ann")
    assert "rejected" in terminal.run("reject", first)


def test_what_is_refused_is_said_with_its_reason(terminal: Terminal) -> None:
    review_id = terminal.place.pay().escalation.review_id
    assert "cid may not answer" in terminal.run("approve", review_id, who="cid", code=1)
    assert "their own request" in terminal.run("approve", review_id, who="ann", code=1)
    assert "no reviewer's" in terminal.run("list", who="stranger", code=1)
    assert "bob cannot act as ann" in terminal.run("approve", review_id, "--as", "ann", code=1)
    assert "no such review" in terminal.run("show", "f" * 32, code=1)
    assert "there is no review `zz`" in terminal.run("show", "zz", code=1)
    claim = terminal.run("claim", review_id)
    assert "claimed by bob" in claim
    over = terminal.run("hand-over", review_id, "--to", "cid", code=1)
    assert "no reviewer of queue `money`" in over


def test_the_beginning_of_an_id_is_looked_for_in_all_pages(terminal: Terminal) -> None:
    now = time.time_ns()
    shown = Shown(content="x" * (PAGE_BYTES * 2 // 3))
    store = SqliteReviews(terminal.folder / "reviews.db")
    for number, review_id in enumerate(("ab1", "c", "ab2", "d")):
        asking = asked(review_id, at=now, queue="money", shown=shown)
        store.open_or_join(asking, now + number)
    store.close()
    assert "claimed by bob" in terminal.run("claim", "d")
    assert "several reviews begin with `ab`" in terminal.run("approve", "ab", code=1)
    assert "there is no review `e`" in terminal.run("show", "e", code=1)


def test_what_came_is_shown_to_who_may_read_it(terminal: Terminal) -> None:
    review_id = terminal.place.pay(content="mail a@b.example").escalation.review_id
    assert "mail a@b.example" in terminal.run("show", review_id, "--full", who="ann")
    assert "read full by ann" in terminal.run("show", review_id)
    assert "may not read what came" in terminal.run("show", review_id, "--full", code=1)


def test_a_daemon_or_a_token_that_is_not_there_is_named(terminal: Terminal) -> None:
    result = call("reviews", "list", "--address", f"unix://{terminal.folder}/none.sock")
    assert result.exit_code == 2
    assert "no daemon answers" in result.stderr
    place = ["--address", terminal.address, "--token-file", str(terminal.folder / "none")]
    result = call("reviews", "list", *place)
    assert result.exit_code == 2
    assert "cannot read the token" in result.stderr


def test_a_daemon_that_believes_names_is_given_one(tmp_path: Path) -> None:
    reviews = reviews_in(tmp_path)
    with serve(reviews=reviews) as daemon, grpc.insecure_channel(daemon.address) as channel:
        review_id = Place(daemon, channel).pay().escalation.review_id
        said = call("reviews", "approve", review_id, "--as", "zoe", "--address", daemon.address)
        assert said.exit_code == 0
        assert reviews.find(review_id).resolved_by == "zoe"
    reviews.close()


def test_what_was_decided_before_is_shown_inert_and_what_may_be_missing_is_said() -> None:
    one = Passed(
        time="2026-01-02T03:04:05Z", decision_id="d", stage="request", action="deny",
        effective_action="deny", rules=("p.r", "x\x1b[2J"),
    )  # fmt: skip
    title, line, missing = describe_earlier(Earlier(decisions=(one,), missing="pruned"))
    assert title == "what was decided in this conversation before"
    assert line.startswith("  2026-01-02T03:04:05Z  request  deny: p.r, x")
    assert "\x1b" not in line
    assert missing == "  and perhaps more: pruned"
    assert describe_earlier(Earlier(missing="no session")) == []


def test_a_token_is_made_once_and_its_hash_goes_into_the_file(tmp_path: Path) -> None:
    made = call("reviews", "token", "zoe")
    assert made.exit_code == 0
    path = write_roll(tmp_path, made.stderr)
    token = made.stdout.strip()
    assert token not in made.stderr
    assert Reviewers(path, lambda _: None, lambda: 0).who(token).name == "zoe"
    assert call("reviews", "token", "\x1b[2J").exit_code == 2


def test_a_daemon_with_tls_is_asked_with_what_variables_and_options_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority()
    tls = authority.issue().write(tmp_path, authority.root).load()
    mine = tmp_path / "mine"
    mine.mkdir()
    own = authority.issue("me").write(mine)
    reviews = reviews_in(tmp_path)
    with serve(tls=tls, reviews=reviews) as daemon:
        place = ("--address", daemon.address)
        assert "speaks TLS: add --tls" in call("reviews", "list", *place).stderr
        assert "name the right one with --ca" in call("reviews", "list", *place, "--tls").stderr
        monkeypatch.setenv("ENGINE_TLS_CA", str(tmp_path / "ca.crt"))
        assert "wants to see a certificate" in call("reviews", "list", *place).stderr
        shown = ("--cert", str(own.certificate), "--key", str(own.key))
        assert call("reviews", "list", *place, *shown).exit_code == 0
        alone = call("reviews", "list", *place, *shown[:2])
        assert (alone.exit_code, "both --cert and --key" in alone.stderr) == (2, True)
        monkeypatch.setenv("ENGINE_TLS_CERT", str(own.certificate))
        monkeypatch.setenv("ENGINE_TLS_KEY", str(own.key))
        asked = ("decide", "--tenant=north", "--user=u1", "--addr", daemon.address)
        assert call(*asked, "--content=hello").stdout.startswith("allow")
    reviews.close()
