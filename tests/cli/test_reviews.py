from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from engine.runtime.decision import Message
from engine.runtime.reader import ARGUMENTS_DEPTH
from engine.service.keys import derive_key, load_key
from engine.storage.reviews import MOST_DEPTH, SECOND, Move, Shown
from engine.storage.reviews_rows import SEALED
from engine.storage.reviews_sqlite import SqliteReviews
from tests.cli.calling import call
from tests.storage.asked import HOUR, asked

EVIL = "pay\x1b[2J\n  | now\u202e"


class Place:
    """A data folder with a review, and the command line that looks into it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        key = derive_key(load_key(folder / "secret.key"), SEALED)
        self.store = SqliteReviews(folder / "reviews.db", key=key)
        self.now = time.time_ns()

    def ask(self, review_id: str, **more: object) -> None:
        question = asked(review_id, at=self.now, within=HOUR, **more)  # type: ignore[arg-type]
        self.store.open_or_join(question, self.now)

    def run(self, *arguments: str, code: int = 0, given: str | bytes | None = None) -> str:
        """Return what it printed, on both streams."""
        result = call("reviews", *arguments, "--data", self.folder, given=given)
        assert result.exit_code == code, result.output
        return result.stdout + result.stderr

    def act(self, verb: str, *arguments: str, code: int = 0, who: str = "bob") -> str:
        return self.run(verb, "abc1", "--as", who, *arguments, code=code)

    def state(self, review_id: str = "abc1") -> str:
        return self.store.find(review_id, time.time_ns()).state


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    made.ask("abc1", severity="high")
    yield made
    made.store.close()


def test_what_waits_is_listed_the_gravest_first(place: Place) -> None:
    place.ask("b", severity="critical", queue="money")
    lines = place.run("list").splitlines()
    assert [line.split()[0] for line in lines] == ["b", "abc1"]
    assert "critical  money  north/ann  p.r  0:59:" in lines[0]
    assert place.run("list", "--queue", "money").startswith("b ")
    assert place.run("list", "--tenant", "south") == "nothing waits\n"
    assert place.run("list", "--state", "edited") == "no such review\n"


def test_a_list_goes_on_where_it_has_ended(place: Place) -> None:
    place.ask("b")
    said = place.run("list", "-n", "1")
    token = said.split("--after ")[1].strip()
    assert place.run("list", "-n", "1", "--after", token).startswith("b ")
    made = json.loads(place.run("list", "-n", "1", "--json"))
    assert (made["next"], made["reviews"][0]["review_id"]) == (token, "abc1")
    assert "none of ours" in place.run("list", "--after", "x", code=1)


def test_what_came_is_not_shown_past_the_daemon(place: Place) -> None:
    assert "--full needs --address" in place.run("show", "abc1", "--full", code=2)


def test_an_approval_is_written_down(place: Place) -> None:
    assert "claimed by bob" in place.act("claim", "--minutes", "5")
    assert "bob has claimed it" in place.act("approve", who="eve", code=1)
    assert place.act("approve", "--note", "known").startswith("abc1  approved")
    assert place.state() == "approved"
    shown = place.run("show", "abc")
    assert "state      approved by bob" in shown
    assert "approved by bob: known" in shown
    assert "refused by eve: approve: bob has claimed it" in shown
    assert "over: approved" in place.act("reject", code=1)


def test_a_claim_is_handed_over_or_given_up(place: Place) -> None:
    place.act("claim")
    assert "claimed by eve" in place.act("hand-over", "--to", "eve")
    assert "open, claimed by eve" in place.run("show", "abc1")
    assert "claimed" not in place.act("release", who="eve")


def test_a_rejection_and_a_comment(place: Place) -> None:
    assert "a comment says something" in place.act("comment", code=1)
    place.act("comment", "--note", "why so much?")
    made = json.loads(place.act("reject", "--note", "too much", "--json"))
    assert (made["state"], made["note"], made["resolved_by"]) == ("rejected", "too much", "bob")
    assert "commented by bob: why so much?" in place.run("show", "abc1")


def test_an_edit_is_shown_beside_what_was_asked(place: Place) -> None:
    place.act("edit", "--content", "refund 6")
    shown = place.run("show", "abc1")
    assert "what is asked\n  | refund 600\nwhat is released instead\n  | refund 6\n" in shown
    made = json.loads(place.run("show", "abc1", "--json"))
    assert made["edited"] == {"content": "refund 6"}
    assert [one["act"] for one in made["history"]] == ["opened", "edited"]


def test_content_may_come_from_a_pipe(place: Place) -> None:
    place.run("edit", "abc1", "--as", "bob", "--content", "-", given="refund é")
    assert place.store.find("abc1", place.now).released.content == "refund é"


def test_messages_and_arguments_are_edited(place: Place) -> None:
    call_of = Shown(messages=(Message(role="user", text="hi"),), arguments={"amount": 600})
    place.ask("m", shown=call_of, tool="pay", session="s1")
    shown = place.run("show", "m")
    assert '  | user: hi\n  | {\n  |   "amount": 600\n  | }' in shown
    assert "tool       pay" in shown
    assert "session    s1" in shown
    edits = ("--messages", '[{"role":"user","text":"ho"}]', "--arguments", '{"amount": 6}')
    place.run("edit", "m", "--as", "bob", *edits)
    released = place.store.find("m", place.now).released
    assert released == msgspec.structs.replace(
        call_of, messages=(Message(role="user", text="ho"),), arguments={"amount": 6}
    )


def test_arguments_may_be_nested_as_deeply_as_those_of_a_request(place: Place) -> None:
    assert MOST_DEPTH == ARGUMENTS_DEPTH
    place.ask("m", shown=Shown(arguments={"amount": 600}), tool="pay")

    def edit(depth: int, code: int) -> str:
        arguments = '{"a":' * depth + "6" + "}" * depth
        return place.run("edit", "m", "--as", "bob", "--arguments", arguments, code=code)

    assert "the arguments are nested deeper than 64" in edit(MOST_DEPTH + 1, 1)
    assert place.state("m") == "open"
    edit(MOST_DEPTH, 0)
    assert json.loads(place.run("show", "m", "--json"))["state"] == "edited"


def test_an_empty_name_is_not_taken_for_that_of_whoever_runs_it(place: Place) -> None:
    assert "a reviewer has a name" in place.act("claim", who="", code=1)
    assert place.store.find("abc1", place.now).holder == ""


@pytest.mark.parametrize(
    ("option", "given", "says"),
    [
        ("--arguments={", None, "--arguments: "),
        ("--arguments=" + "[" * 5000, None, "--arguments: "),
        ('--arguments={"to": "ann", "to": "eve"}', None, "an object holds a name twice"),
        ("--messages=[1]", None, "--messages: "),
        ("--content=-", b"\xff", "standard input is not UTF-8"),
    ],
)
def test_an_edit_that_cannot_be_read_is_no_edit(
    place: Place, option: str, given: bytes | None, says: str
) -> None:
    assert says in place.run("edit", "abc1", "--as", "bob", option, code=2, given=given)
    assert place.state() == "open"


def test_content_cannot_command_the_terminal_or_pretend(place: Place) -> None:
    shown = Shown(content=EVIL, attributes={"context.note": EVIL})
    place.ask("evil", shown=shown, user=f"ann{EVIL}", hidden="", needed=2)
    for said in (place.run("list"), place.run("show", "evil")):
        assert "\x1b" not in said
        assert "\u202e" not in said
    assert "  |   | now" in place.run("show", "evil")
    assert "state      open, 0 of 2 approvals\n" in place.run("show", "evil")


def test_where_several_must_approve_it_is_told_how_many_have(place: Place) -> None:
    assert "approvals" not in place.run("list") + place.run("show", "abc1")
    place.ask("both", needed=2)
    place.run("approve", "both", "--as", "bob")
    listed = next(one for one in place.run("list").splitlines() if one.startswith("both"))
    assert listed.endswith(" left, 1 of 2 approvals")
    place.run("claim", "both", "--as", "carl")
    assert "left, 1 of 2 approvals, claimed by carl" in place.run("list")
    assert "state      open, 1 of 2 approvals, claimed by carl\n" in place.run("show", "both")
    place.run("approve", "both", "--as", "carl")
    assert "state      approved by carl, 2 of 2 approvals\n" in place.run("show", "both")


def test_what_was_too_large_says_so(place: Place) -> None:
    place.ask("large", shown=Shown(), hidden="content: too large")
    assert "not shown  content: too large" in place.run("show", "large")


def test_nobody_approves_his_own(place: Place) -> None:
    assert "their own request" in place.act("approve", who="Ann", code=1)


def test_ids_may_be_cut_but_must_be_clear(place: Place) -> None:
    place.ask("abc12")
    assert "several reviews begin with `ab`" in place.run("show", "ab", code=1)
    assert place.run("show", "abc1").startswith("review     abc1,")
    for wrong in ("x", ""):
        assert f"there is no review `{wrong}`" in place.run("show", wrong, code=1)


def test_figures_tell_which_rules_are_too_careful(place: Place) -> None:
    start = place.now
    for number, verb in enumerate(("approve", "edit", "reject")):
        place.ask(f"r{number}")
        shown = Shown(content="less") if verb == "edit" else None
        move = Move(verb=verb, who="bob", shown=shown)  # type: ignore[arg-type]
        place.store.act(f"r{number}", move, start + (number + 1) * 60 * SECOND)
    place.store.open_or_join(asked("late", at=start - 2 * HOUR, queue="q"), start - 2 * HOUR)
    made = json.loads(place.run("stats", "--json"))
    rule = made["rules"]["p.r"]
    assert (rule["approved"], rule["edited"], rule["rejected"], rule["expired"]) == (1, 1, 1, 1)
    assert (rule["passed"], rule["median_seconds"]) == (2 / 3, 120.0)
    assert made["queues"]["q"]["passed"] is None
    assert list(made["reviewers"]) == ["bob"]
    assert (rule["p90_seconds"], rule["overdue"], rule["load"]) == (180.0, 0.25, 1.0)
    assert [round(one, 3) for one in rule["passed_between"]] == [0.208, 0.939]
    said = place.run("stats")
    assert "67% (21%-94%) 120 s 180 s p.r" in " ".join(said.split())
    assert "propose a test of p.r: engine reviews to-test r1" in said


def test_who_approves_first_has_looked_too(place: Place) -> None:
    question = asked("two", at=place.now, within=HOUR)
    place.store.open_or_join(msgspec.structs.replace(question, needed=2), place.now)
    for who in ("bob", "eve"):
        place.store.act("two", Move(verb="approve", who=who), place.now + SECOND)
    made = json.loads(place.run("stats", "--json"))["reviewers"]
    assert {name: one["load"] for name, one in made.items()} == {"bob": 0.5, "eve": 0.5}


def test_a_folder_without_reviews_is_told(tmp_path: Path) -> None:
    result = call("reviews", "list", "--data", tmp_path)
    assert result.exit_code == 2
    assert "there are no reviews in" in result.stderr
    (tmp_path / "reviews.db").write_bytes(b"noise" * 1000)
    load_key(tmp_path / "secret.key")
    result = call("reviews", "list", "--data", tmp_path)
    assert result.exit_code == 2
    assert "not a database" in result.stderr


def test_without_the_secret_nothing_can_be_read(place: Place, tmp_path: Path) -> None:
    key = place.folder / "secret.key"
    elsewhere = tmp_path / "elsewhere.key"
    key.rename(elsewhere)
    told = place.run("list", code=2)
    assert "the reviews are sealed with the daemon's secret" in told
    load_key(key)  # Another one.
    assert "are sealed with another secret, or were changed" in place.run("list", code=2)
