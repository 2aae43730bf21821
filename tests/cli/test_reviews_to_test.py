from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.cli.reviews_to_test import objection
from engine.runtime.memory import MemoryStore
from engine.service.bundles import Recipe, load_folder
from engine.service.gate import Gate
from engine.service.keys import derive_key, load_key
from engine.service.record import NoRecorder
from engine.service.reviews import Reviews
from engine.storage.reviews import Move, Shown
from engine.storage.reviews_rows import SEALED
from engine.storage.reviews_sqlite import SqliteReviews
from tests.cli.calling import call
from tests.service.bundle import SECRET, asked, write_folder
from tests.service.test_gate import Clock

POLICIES = {
    "pay.pol": """\
package shop
schema {
  tenant.plan:     "free" | "pro"
  user.clearance:  int?
  context.amount:  decimal?
  context.since:   time?
  context.wait:    duration?
  context.topics:  set<string>?
  context.note:    text?
}
facts tenant from "tenants.json"
policy pay {
  default allow
  rule large  { when (context.amount ?? 0) > 500 then escalate to "treasury" within 1h }
  rule people { when content has pii.email then escalate to "privacy" }
  rule masked { when content has pii.phone then redact pii.phone }
  rule doubt  { when content contains "doubt" then escalate to "people" by 2 reviewers }
  rule calls  {
    when stage == "tool_call" and (arg("to") ?? "") == "nowhere"
    then escalate to "people"
  }
  rule notes  { when context.note is present then redact pii.email in context.note }
  rule often  { when meter.seen > 1 then escalate to "people" }
}
meter seen counts rule shop.pay.masked by user.id over 1h
""",
    "tenants.json": '{"north": {"plan": "pro"}}',
}


class Shop:
    """A gate, a data folder with its reviews, and the command line."""

    def __init__(self, folder: Path) -> None:
        self.root = write_folder(folder / "policies", POLICIES)
        self.folder = folder / "data"
        self.folder.mkdir()
        key = derive_key(load_key(self.folder / "secret.key"), SEALED)
        self.clock = Clock()
        self.store = SqliteReviews(self.folder / "reviews.db", key=key)
        self.reviews = Reviews(self.store, NoRecorder(), self.clock)
        self.gate = Gate(
            MemoryStore(), NoRecorder(), secret=SECRET, clock=self.clock, reviews=self.reviews
        )
        self.gate.swap(load_folder(self.root, Recipe(SECRET)))

    def ask(self, content: str | None = "hello", **parts: Any) -> str:
        """Return the review that was opened."""
        made = self.gate.decide({**asked(**parts), "content": content})
        assert made.escalation is not None, made
        return made.escalation.review_id

    def act(self, review_id: str, verb: Any, **more: Any) -> None:
        self.reviews.act(review_id, Move(verb=verb, who="bob", **more))

    def run(self, review_id: str, *options: str, code: int = 0) -> str:
        """Return the block, or what was said when there is none."""
        made = call(
            "reviews",
            "to-test",
            review_id,
            "--data",
            self.folder,
            "--policies",
            self.root,
            *options,
        )
        assert made.exit_code == code, made.output
        self.said = made.stderr
        return made.stdout or made.stderr


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path)
    yield made
    made.gate.close()


def test_what_was_approved_becomes_a_test_that_passes(shop: Shop) -> None:
    review = shop.ask('pay "it"\n# now', context={"amount": "900.50"}, user={"id": "kim"})
    shop.act(review, "approve")
    block = shop.run(review)
    assert block.startswith(f"# Review {review} of 2026-")
    assert ", treasury: approved.\n" in block
    assert "# A reviewer let it pass: whoever mends the rule expects `allow`.\n" in block
    assert f'test "review {review[:12]}: shop.pay.large" {{' in block
    assert 'content: "pay \\"it\\"\\n# now"' in block
    assert "expect escalate by shop.pay.large\n" in block
    assert shop.said == ""
    assert objection(shop.root, block) == ""


def test_nothing_in_the_block_is_out_of_its_readers_sight(shop: Shop) -> None:
    hidden = "".join(
        map(chr, (0x2028, 0x2029, 0x202E, 0x2066, 0x2069, 0x200F, 0x61C, 0x200B, 0x1B))
    )
    review = shop.ask(
        f"pay{hidden}him",
        stage="tool_call",
        tool={"name": "refund", "args": {"to": "nowhere", f"k{hidden}": hidden}},
        context={"amount": "900", "note": f"a{hidden}b", "topics": [hidden]},
        user={"id": f"kim{hidden}"},
    )
    block = shop.run(review)
    assert block.replace("\n", "").isprintable()
    assert block.count("\\u{2028}\\u{2029}\\u{202e}") >= 4
    assert shop.said == ""
    assert objection(shop.root, block) == ""


def test_it_fails_when_the_rule_has_changed(shop: Shop) -> None:
    review = shop.ask(context={"amount": "900"})
    shop.act(review, "approve")
    block = shop.run(review)
    pay = shop.root / "pay.pol"
    pay.write_text(pay.read_text().replace("> 500", "> 5000"))
    assert "expected escalate, but the decision is allow" in objection(shop.root, block)
    mended = shop.run(review, "--mended")
    assert "expect allow\n" in mended
    assert "have changed" in shop.said
    assert objection(shop.root, mended) == ""


@pytest.mark.parametrize(
    ("verb", "more", "wanted"),
    [
        ("approve", {}, "expect allow\n"),
        ("edit", {"shown": Shown(content="less")}, "expect allow\n"),
        ("reject", {}, "expect deny\n"),
    ],
)
def test_what_is_wanted_is_what_the_reviewer_decided(
    shop: Shop, verb: str, more: dict[str, Any], wanted: str
) -> None:
    review = shop.ask(context={"amount": "900"})
    shop.act(review, verb, **more)
    block = shop.run(review, "--mended")
    assert wanted in block
    assert "fails until the rule is mended" in block
    assert "less" not in block


def test_nobody_has_decided_what_has_expired(shop: Shop) -> None:
    review = shop.ask(context={"amount": "900"})
    assert "it is expired" in shop.run(review, "--mended", code=1)
    assert ": expired.\n" in shop.run(review)


def test_personal_data_and_secrets_are_made_up(shop: Shop) -> None:
    review = shop.ask(
        "mail ann.smith@acme.example or +49 30 901820, card 5500 0000 0000 0004",
        user={"id": "ann.smith@acme.example"},
        context={"note": "bob.jones@acme.example has it"},
        tool={"name": "send", "args": {"key": "ghp_" + "x1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"}},
        stage="tool_call",
    )
    block = shop.run(review)
    for secret in ("smith", "jones", "901820", "5500", "x1B2c3"):
        assert secret not in block
    assert "kim.lee@example.com" in block
    assert "# Made-up values stand for " in block
    assert "pii.email" in block
    assert objection(shop.root, block) == ""


def test_attributes_of_every_type_come_back(shop: Shop) -> None:
    review = shop.ask(
        messages=[{"role": "user", "text": "doubt"}, {"role": "assistant", "text": 'a "b"'}],
        content=None,
        user={"id": "u", "roles": ["b", "a"], "clearance": 3},
        model={"name": "m"},
        session={"id": "s"},
        source={"ip": "10.0.0.1"},
        usage={"cost_usd": "1.50"},
        context={"since": "2026-01-01T00:00:00Z", "wait": "90s", "topics": ["x"]},
    )
    block = shop.run(review)
    for part in (
        "user.clearance: 3",
        "context.since: 2026-01-01T00:00:00Z",
        "context.wait: 90s",
        'context.topics: {"x"}',
        "usage.cost_usd: 1.50",
        'source.ip: "10.0.0.1"',
        '{ role: "assistant", text: "a \\"b\\"" }',
    ):
        assert part in block
    assert objection(shop.root, block) == ""


def test_what_a_test_cannot_write_is_told(shop: Shop) -> None:
    review = shop.ask(
        stage="tool_call", tool={"name": "pay", "args": {"to": "nowhere", "nothing": None}}
    )
    assert "expect escalate by shop.pay.calls" in shop.run(review)
    assert "was left out: tool.args.nothing" in shop.said


def test_what_depends_on_earlier_requests_is_told(shop: Shop) -> None:
    for _ in range(2):
        shop.gate.decide(asked("+1 415-555-0132"))
    review = shop.ask("hello")
    assert "expect allow by shop.pay\n" in shop.run(review)
    assert "depends on earlier requests" in shop.said


def test_what_cannot_be_made_a_test_is_refused(shop: Shop, tmp_path: Path) -> None:
    review = shop.ask("doubt", context={"note": "x" * 70_000})
    assert "its attributes are not kept" in shop.run(review, code=1)
    assert "no folder" in shop.run(review, "--policies", str(shop.root / "pay.pol"), code=2)
    review = shop.ask(context={"amount": "900"})
    shop.root = write_folder(
        tmp_path / "other", {"p.pol": "schema { context.must: int } policy p { default allow }"}
    )
    assert "context.must" in shop.run(review, code=2)
    shop.root = write_folder(tmp_path / "broken", {"p.pol": "policy p {"})
    assert "do not check" in shop.run(review, code=2)


def test_what_was_not_looked_at_is_refused(shop: Shop) -> None:
    policies = load_folder(shop.root, Recipe(SECRET, 4, on_content_too_large="escalate"))
    shop.gate.swap(policies)
    assert "too large to be looked at" in shop.run(shop.ask("much too long"), code=1)


def test_labels_stand_where_nobody_has_made_a_value_up(shop: Shop) -> None:
    block = shop.run(shop.ask("doubt about SSN 536-22-8745, MRN-12 and passport C01X00T47"))
    assert "C01X00T47" not in block
    assert "labels stand there" in shop.said


def test_a_test_that_does_not_pass_is_told(shop: Shop) -> None:
    assert "expected deny, but the decision is allow" in objection(
        shop.root,
        'test "t" { given { tenant.id: "north", user.id: "u", stage: "request" } expect deny }',
    )
    assert objection(shop.root, "test {") != ""
