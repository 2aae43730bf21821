from __future__ import annotations

import json
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from unicodedata import category

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cli import report_gather
from engine.cli.audit_read import Troubles
from engine.cli.report_document import Cell, Document, Facts, Note, Section, Table
from engine.cli.report_gather import UNPROVEN
from engine.cli.report_html import POLICY, html_of, shown
from engine.cli.report_story import MOST_DECISIONS, Incident, Proof, json_of, report_of
from engine.cli.report_text import text_of
from engine.service.audit import PUBLIC, Audit
from engine.service.entries import ContentEntry, ReloadEntry
from engine.storage.checkpoints import FILE
from engine.storage.query import find
from engine.storage.read import Kept
from engine.storage.source import segment_files
from engine.storage.wanted import Found, Wanted
from tests.cli.calling import call
from tests.sinks import samples
from tests.sinks.samples import TIME, strange, taken, texts

HELD = samples.ESCALATED.decision_id
BROUGHT = ReloadEntry(
    time=TIME, revision="rev-1", previous="rev-0", outcome="accepted", policies=3, rules=12
)
COURSE: tuple[Any, ...] = (
    *(samples.STARTED, BROUGHT, samples.ALLOWED, samples.DECISION, samples.ESCALATED),
    *(samples.OPENED, samples.CLAIMED, samples.REVIEW, samples.APPROVED),
    msgspec.structs.replace(samples.SETTLEMENT, decision_id=samples.APPROVED.decision_id),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A trail in which an escalation was approved."""
    audit = Audit(tmp_path / "audit", tmp_path / "key", "deny", name="acme", time=lambda: TIME)
    for number, one in enumerate(COURSE):
        audit.write(msgspec.structs.replace(one, time=f"2026-01-01T00:00:0{number}.000000Z"))
    audit.close()
    return tmp_path / "audit"


def found(record: Any, sequence: int = 0) -> Found:
    one = taken(record, sequence)
    return Found(Kept(one.text("time"), one.trail, sequence, one.payload), one.fields)


def incident(*records: Found, proof: Proof = UNPROVEN, **more: Any) -> Incident:
    given: dict[str, Any] = {"related": (), "reloads": (), **more}
    return Incident(
        what="decision",
        identity="d1",
        records=records,
        proof=proof,
        made=TIME,
        folder="data/audit",
        **given,
    )


def test_a_report_tells_of_a_decision_and_all_that_came_of_it(folder: Path) -> None:
    result = call("audit", "report", "--folder", folder, HELD)
    assert result.exit_code == 0
    text = result.stdout
    assert text.startswith(f"Incident report: decision {HELD}\n")
    for part in (
        "escalate  integrity verified",
        "context.amount = 900; injection(content) = 0.93; user.role = clerk",
        "desk.often, 0.25 of 10 requests left, retry after 1.5 s, window 60.0 s",
        "the policies said redact",
        "review: claimed",
        "ann@example.com",
        "approved, queue leads",
        "rev-1     2026-01-01T00:00:01.000000Z  rev-0      3         12",
        "Other decisions of the session",
        "are what a checkpoint signed by acme says",
        "The key was taken from the trail's own folder",
    ):
        assert part in text, part


def test_a_session_is_told_with_its_reviews_and_settlements(folder: Path) -> None:
    key = (folder / PUBLIC).read_text().strip()
    asked = ("audit", "report", "--folder", folder, "--session", "s1", "--key", key, "--json")
    told = json.loads(call(*asked, "--tenant", "north").stdout)
    kinds = [one["record"]["kind"] for one in told["records"]]
    assert kinds == ["decision"] * 2 + ["review"] * 3 + ["decision", "settlement"]
    assert all(one["verified"] for one in told["records"])
    assert told["records"][0]["checkpoint"] == {"time": TIME, "size": len(COURSE)}
    assert told["in_force"][0]["record"]["revision"] == "rev-1"
    assert told["integrity"]["verified"]
    assert told["integrity"]["key_given"]
    assert call(*asked, "--tenant", "south").exit_code == 1


@pytest.mark.parametrize("reviewed", [True, False])
def test_a_session_of_many_decisions_is_gathered_in_few_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, reviewed: bool
) -> None:
    audit = Audit(tmp_path / "audit", tmp_path / "key", "deny", name="acme", time=lambda: TIME)
    for number in range(30):
        name, review = f"d{number}", f"v{number // 3}" if reviewed else ""
        mine = "mine" if number % 2 else "another"
        opened = msgspec.structs.replace(samples.OPENED, review_id=f"v{number // 3}")
        made = msgspec.structs.replace(
            samples.ESCALATED, decision_id=name, review_id=review, session=mine
        )
        for one in (opened, made, msgspec.structs.replace(samples.SETTLEMENT, decision_id=name)):
            audit.write(one)
    audit.close()

    def gathered() -> list[tuple[str, int]]:
        some = report_gather.session_of(tmp_path / "audit", "mine", None, Troubles())
        return [(one.text("kind"), one.kept.sequence) for one in some]

    looks: list[Wanted] = []

    def looking(folder: Path, wanted: Wanted, **given: Any) -> Any:
        looks.append(wanted)
        return find(folder, wanted, **given)

    monkeypatch.setattr(report_gather, "FEW", 30)
    each = gathered()
    monkeypatch.setattr(report_gather, "FEW", 14)
    monkeypatch.setattr(report_gather, "find", looking)
    assert gathered() == each
    assert len(looks) == 2 + reviewed
    kinds = [kind for kind, _ in each]
    counted = [kinds.count(kind) for kind in ("decision", "settlement", "review")]
    assert counted == [15, 15, 30 if reviewed else 0]


def test_a_review_is_told_with_who_did_what_and_when(folder: Path) -> None:
    text = call("audit", "report", "--folder", folder, "--review", "rv1").stdout
    steps = text[text.index("\nReview\n") : text.index("\nSettlement\n")]
    assert [line.split()[1:3] for line in steps.splitlines()[4:7]] == [
        ["opened", "the"],
        ["claimed", "ann@example.com"],
        ["approved", "ann@example.com"],
    ]
    assert "input_tokens 120, output_tokens 30, cost_usd 0.0042" in text


def test_a_page_needs_nothing_and_runs_nothing(folder: Path, tmp_path: Path) -> None:
    page = tmp_path / "it.html"
    result = call("audit", "report", "--folder", folder, HELD, "--html", page)
    assert (result.exit_code, result.stdout) == (0, "")
    text = page.read_text()
    assert f'content="{POLICY}"' in text
    style = re.search(r"<style>(.*)</style>", text, re.DOTALL)
    assert style is not None
    assert "default-src 'none'" in POLICY
    digest = b64encode(sha256(style[1].encode()).digest()).decode()
    assert f"'sha256-{digest}'" in POLICY
    assert not re.search(r"<script|<link|<img|<iframe|\ssrc=|\shref=|url\(|@import|https?:", text)
    assert "@page" in style[1]
    assert "break-inside: avoid" in style[1]


def test_what_was_changed_is_not_proven(folder: Path) -> None:
    [path] = segment_files(folder)
    lines = (folder / FILE).read_bytes()
    (folder / FILE).write_bytes(b"")
    result = call("audit", "report", "--folder", folder, HELD)
    assert result.exit_code == 1
    assert "integrity NOT proven" in result.stdout
    assert "none yet" in result.stdout
    (folder / FILE).write_bytes(lines[:-20] + b"\n")
    assert "Wrong in the trail" in call("audit", "report", "--folder", folder, HELD).stdout
    (folder / FILE).write_bytes(lines)
    path.write_bytes(path.read_bytes().replace(b"cost_usd", b"COST_USD", 1))
    result = call("audit", "report", "--folder", folder, HELD)
    assert result.exit_code == 1


def test_a_report_without_proof_says_so(folder: Path) -> None:
    result = call("audit", "report", "--folder", folder, HELD, "--no-verify")
    assert result.exit_code == 0
    assert "integrity not verified" in result.stdout
    assert "Nobody has verified" in result.stdout


def test_a_fault_elsewhere_in_the_trail_is_told() -> None:
    proof = Proof(
        checked=True,
        vouched={samples.TRAIL: 1},
        covering={},
        problems=("x.seg: it is torn",),
        signers=("acme",),
        trusted=True,
    )
    text = text_of(report_of(incident(found(samples.ALLOWED), proof=proof)))
    assert "these records verified, the trail has faults" in text
    assert "Wrong in the trail: x.seg: it is torn" in text


@pytest.mark.parametrize(
    ("asked", "code", "said"),
    [
        ((), 2, "name one"),
        (("d", "--session", "s"), 2, "name one"),
        (("nobody",), 1, "no such decision"),
        (("--session", "none"), 1, "no such session"),
        (("--review", "none"), 1, "no such review"),
        ((HELD, "--key", "rubbish"), 2, "no key"),
        ((HELD, "--html", "/nowhere/it.html"), 2, "cannot write"),
    ],
)
def test_what_cannot_be_reported_is_a_sentence(
    folder: Path, asked: tuple[str, ...], code: int, said: str
) -> None:
    result = call("audit", "report", "--folder", folder, *asked)
    assert result.exit_code == code
    assert said in result.stderr


def test_content_is_told_by_its_size_unless_it_is_asked_for(tmp_path: Path) -> None:
    audit = Audit(tmp_path / "audit", tmp_path / "key", "deny", name="acme", time=lambda: TIME)
    kept = ContentEntry(text="write to [EMAIL]")
    audit.write(msgspec.structs.replace(samples.ALLOWED, content=kept))
    audit.close()
    asked = ("audit", "report", "--folder", tmp_path / "audit", samples.ALLOWED.decision_id)
    assert "[EMAIL]" not in call(*asked).stdout
    assert '"characters":16' in call(*asked).stdout
    assert "write to [EMAIL]" in call(*asked, "--content").stdout


def test_of_many_decisions_some_stand_in_the_timeline_alone() -> None:
    many = [found(samples.ALLOWED, number) for number in range(MOST_DECISIONS + 2)]
    text = text_of(report_of(incident(*many)))
    assert "2 more decisions are in the timeline alone" in text
    assert f"{MOST_DECISIONS + 2} x allow" in text


def test_a_decision_without_rules_or_a_recorded_reload_is_told_as_such() -> None:
    text = text_of(report_of(incident(found(samples.FAILED), troubles=("x.seg: torn",))))
    assert "No rule is recorded as deciding." in text
    assert "its reload is not recorded here" in text
    assert "Could not be read: x.seg: torn" in text
    assert "No revision is recorded." in text_of(report_of(incident(found(samples.CUT))))


class Reader(HTMLParser):
    """Collects what a browser would make of a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(name for name, _ in attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    return reader


HOSTILE = st.sampled_from(
    (
        "<script>alert(1)</script>",
        "</style><img src=x onerror=alert(1)>",
        '"><b>',
        "\x1b[2J\x1b]0;x\x07",
        "\u202egnp.exe",
        "\u2066\u2069\u200f",
        "\x9b31m\r\n\t\x00",
        "--><!--",
        "&lt;",
        "]]>",
    )
)
TAGS = {
    *("html", "head", "meta", "title", "style", "body", "header", "h1", "h2", "h3", "div", "span"),
    *("bdi", "main", "section", "dl", "dt", "dd", "p", "code", "table", "thead", "tbody"),
    *("tr", "th", "td"),
}


def all_hostile(value: Any, text: str) -> Any:
    """Return *value* with every string in it, and every name but those of fields, made *text*."""
    match value:
        case str():
            return text
        case dict():
            return {name: all_hostile(inner, text) for name, inner in value.items()}
        case list():
            return [all_hostile(inner, text) for inner in value]
        case _:
            return value


def quiet(text: str) -> bool:
    """Return whether nothing in *text* but the ends of lines moves a terminal, or turns text."""
    return all(category(one)[0] != "C" and category(one) not in {"Zl", "Zp"} for one in text)


def inert_in_all_forms(document: Document) -> None:
    text, page = text_of(document), html_of(document)
    assert all(map(quiet, (text + page).split("\n")))
    reader = read(page)
    assert {tag for tag, _ in reader.tags} <= TAGS
    assert {name for _, names in reader.tags for name in names} <= {
        *("lang", "charset", "http-equiv", "content", "name", "class", "scope"),
    }


@given(HOSTILE | texts, st.sampled_from(samples.WRITTEN))
def test_no_string_of_a_record_is_markup_or_moves_a_terminal(text: str, record: Any) -> None:
    fields = {**msgspec.to_builtins(record, enc_hook=str), "session": text, "values": {text: text}}
    one = found({**all_hostile(fields, text), "kind": fields["kind"]})
    reason = {"policy": text, "rule": text, "action": text, "values": {text: text}}
    two = found({"kind": "decision", "reasons": [reason], "advice": {text: text}, "tenant": text})
    inert_in_all_forms(
        report_of(incident(one, two, related=(one,), reloads=(two,), troubles=(text,)))
    )


@given(st.lists(strange, min_size=1, max_size=3))
def test_no_record_keeps_a_report_from_being_made(records: list[Any]) -> None:
    some = [Found(Kept(one.text("time"), one.trail, 7, one.payload), one.fields) for one in records]
    told = incident(*some, related=some, reloads=some)
    inert_in_all_forms(report_of(told))
    assert json_of(told)["decision"] == "d1"


@given(HOSTILE | texts)
def test_every_place_of_a_document_is_inert(text: str) -> None:
    cell = Cell(text, "bad", code=True)
    blocks = (Facts(((text, cell),)), Table((text, text), ((cell, cell),)), Note(text, "warn"))
    document = Document(
        "Incident report", text, (cell,), Facts(((text, cell),)), (Section(text, blocks, level=2),)
    )
    page = html_of(document)
    reader = read(page)
    assert {tag for tag, _ in reader.tags} <= TAGS
    assert all(map(quiet, page.split("\n")))
    assert "".join(reader.text).count(shown_text(text)) >= (5 if text else 0)


def shown_text(text: str) -> str:
    """Return what a reader sees of *text*."""
    return "".join(read(f"<p>{shown(text)}</p>").text)
