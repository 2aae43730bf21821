from __future__ import annotations

import pytest

from engine.runtime.decision import Decision
from engine.runtime.policyset import PolicySet
from engine.service.bundles import Recipe, load_folder
from engine.service.gate import Gate
from engine.service.guarding import (
    open_guard,
)
from tests.service.guards import SECRET, Away, Kept, about, cut, decided, guard, make_gate

BACK = """policy chat {
  default allow
  rule hide  { when stage == "request" then redact pii.email, pii.phone as token }
  rule mails { when stage == "response" and content has pii.phone then redact pii.phone }
  rule ips   { when stage == "response" and content has pii.ip then deny "no addresses" }
  rule hosts { when stage == "request" then redact pii.ip as token }
}"""
HERE = {"session": {"id": "s1"}}


@pytest.fixture(scope="session")
def reversing(tmp_path_factory: pytest.TempPathFactory) -> PolicySet:
    folder = tmp_path_factory.mktemp("back")
    (folder / "chat.pol").write_text(BACK)
    return load_folder(folder, Recipe(SECRET, content_characters=60))


def hidden(gate: Gate, text: str) -> str:
    content = gate.decide(about(**HERE, content=text) | {"stage": "request"}).content
    assert content is not None
    return content


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_placeholders_are_turned_back_before_policies_look(reversing: PolicySet, size: int) -> None:
    gate = make_gate(reversing)
    text = hidden(gate, "ann@example.org, call (415) 555-0132")
    assert "ann" not in text
    said, decision = guard(gate, cut(text, size), **HERE)
    assert said == decision.content == "ann@example.org, call [PHONE]"
    assert (decision.action, decision.restored) == ("redact", 2)
    whole = gate.decide(about(**HERE, content=text))
    assert (whole.content, whole.restored) == (said, 2)
    assert isinstance(gate.recorder, Kept)
    assert [one.restored for one in gate.recorder.entries] == [0, 2, 2]


@pytest.mark.parametrize("size", [1, 4])
def test_what_a_model_made_of_a_placeholder_is_turned_back(reversing: PolicySet, size: int) -> None:
    gate = make_gate(reversing)
    digits = hidden(gate, "ann@example.org").removeprefix("[EMAIL_").removesuffix("]")
    said, decision = guard(gate, cut(f"to Email {digits.upper()}", size), **HERE)
    assert said == decision.content == "to ann@example.org"
    assert guard(gate, ["nothing ", "here"], **HERE)[1].content is None


@pytest.mark.parametrize("size", [1, 1000])
def test_what_is_turned_back_may_end_a_stream(reversing: PolicySet, size: int) -> None:
    gate = make_gate(reversing)
    text = hidden(gate, "it is 10.20.30.40")
    said, decision = guard(gate, cut(f"{text} or so, and so on", size), **HERE)
    assert (said, decision.action) == ("it is ", "deny")
    assert guard(gate, cut(text, size), **HERE)[1].action == "deny"


@pytest.mark.parametrize(
    "parts",
    [
        {"session": {"id": "s2"}},
        {"session": {"id": "s1"}, "tenant": {"id": "south"}},
        {},
        {**HERE, "stage": "document"},
        {**HERE, "capabilities": ["mask", "wait"]},
    ],
)
def test_placeholders_of_others_stay(reversing: PolicySet, parts: dict[str, object]) -> None:
    gate = make_gate(reversing)
    text = hidden(gate, "ann@example.org")
    session = open_guard(gate, about(**parts), b"")
    said = session.feed(text).text
    decision = decided(session)
    assert said + session.release(decision).text in (text, "")
    assert decision.restored == 0


def test_placeholders_stay_while_the_store_is_away(reversing: PolicySet) -> None:
    gate = make_gate(reversing)
    text = hidden(gate, "ann@example.org")
    gate.store = Away()
    said, decision = guard(gate, [text], **HERE)
    assert (said, decision.restored) == (text, 0)


def test_what_is_turned_back_counts_as_content(reversing: PolicySet) -> None:
    gate = make_gate(reversing)
    text = hidden(gate, f"{'ann' * 10}@example.org")
    decision = guard(gate, [text, text], **HERE)[1]
    assert (decision.action, decision.reasons[0].failure[:7]) == ("deny", "content")


def test_a_stream_that_is_left_is_turned_back_too(reversing: PolicySet) -> None:
    gate = make_gate(reversing)
    text = hidden(gate, "ann@example.org")
    session = open_guard(gate, about(**HERE), b"")
    session.feed(text)
    left = session.leave()
    assert isinstance(left, Decision)
    assert left.content == session.abandon().content == "ann@example.org"
