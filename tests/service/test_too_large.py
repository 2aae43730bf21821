from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from engine.content.findings import Finding
from engine.runtime.memory import MemoryStore
from engine.runtime.policyset import PolicySet
from engine.runtime.request import InvalidRequest, OnTooLarge
from engine.service.bundles import Recipe, load_folder
from engine.service.entries import Entry, Line
from engine.service.gate import Gate
from engine.service.record import NoRecorder
from tests.service.bundle import SECRET, asked, write_folder

NOW = 1_767_225_600 * 10**9
LARGE = "4111 1111 1111 1111 doubt " * 5


class Kept(NoRecorder):
    """A recorder that keeps entries."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def write(self, entry: Line) -> None:
        if isinstance(entry, Entry):
            self.entries.append(entry)


class Blind:
    """A scanner that must not be asked."""

    def scan(self, text: str, entities: frozenset[str]) -> tuple[Finding, ...]:
        raise AssertionError(f"{len(text)} characters were scanned for {sorted(entities)}")


def gate(folder: Path, action: OnTooLarge, kept: Kept | None = None) -> Gate:
    recipe = Recipe(SECRET, content_characters=100, on_content_too_large=action)
    made = Gate(MemoryStore(), kept, secret=SECRET, clock=lambda: NOW)
    made.swap(blind(load_folder(write_folder(folder), recipe)))
    return made


def blind(policies: PolicySet) -> PolicySet:
    senses = policies.senses
    object.__setattr__(senses, "scanner", Blind())
    return policies


@pytest.mark.parametrize("action", ["deny", "escalate"])
@pytest.mark.parametrize(
    "parts",
    [
        {"content": LARGE},
        {"content": None, "messages": [{"role": "user", "text": LARGE[:80]}] * 2},
        {"stage": "tool_call", "content": None, "tool": {"name": "t", "args": {"a": [LARGE]}}},
    ],
)
def test_too_large_content_is_decided_without_a_look_at_it(
    tmp_path: Path, action: OnTooLarge, parts: dict[str, object]
) -> None:
    kept = Kept()
    decision = gate(tmp_path, action, kept).decide({**asked(), **parts})
    assert decision.action == decision.effective_action == action
    assert [one.message for one in decision.reasons] == ["content too large"]
    assert "characters, and the limit is 100" in decision.reasons[0].failure
    assert decision.content is None
    assert [one.action for one in kept.entries] == [action]
    told = msgspec.to_builtins(kept.entries[0], enc_hook=str)
    for name in ("decision_id", "time", "content_hash", "evaluated_in", "spent"):
        told.pop(name, None)  # They may hold any digits.
    assert "4111" not in repr(told)


def test_too_large_content_is_invalid_unless_it_was_set_otherwise(tmp_path: Path) -> None:
    kept = Kept()
    with pytest.raises(InvalidRequest) as raised:
        gate(tmp_path, "refuse", kept).decide(asked(LARGE))
    assert str(raised.value) == ("content: content too large: 130 characters, and the limit is 100")
    assert kept.entries == []


def test_what_fits_is_looked_at(tmp_path: Path) -> None:
    with_detectors = load_folder(
        write_folder(tmp_path), Recipe(SECRET, content_characters=100, on_content_too_large="deny")
    )
    made = Gate(MemoryStore(), secret=SECRET)
    made.swap(with_detectors)
    # More bytes than the limit has characters, and fewer characters.
    assert made.decide(asked("\u00e9" * 90)).action == "allow"
    assert (
        made.decide(asked("\u00e9" * 60 + " 4111 1111 1111 1111")).reasons[0].rule
        == "chat.no_cards"
    )


def test_a_review_of_too_large_content_is_that_of_the_same_content(tmp_path: Path) -> None:
    made = gate(tmp_path, "escalate")
    first, again, other = (made.decide(asked(text)) for text in (LARGE, LARGE, LARGE + "!"))
    reviews = [one.escalation for one in (first, again, other)]
    assert reviews[0] is not None
    assert reviews[0] == reviews[1] != reviews[2]
    assert (reviews[0].queue, reviews[0].otherwise) == ("policy-failures", "deny")
    start = datetime.fromtimestamp(NOW // 10**9, tz=UTC)
    assert reviews[0].expires_at - start == timedelta(hours=24)


def test_who_cannot_wait_for_a_review_of_too_large_content_is_denied(tmp_path: Path) -> None:
    decision = gate(tmp_path, "escalate").decide(asked(LARGE, capabilities=["mask"]))
    assert (decision.action, decision.effective_action) == ("escalate", "deny")
    assert decision.downgrade_reason == "the caller cannot wait for a review"
    able = gate(tmp_path, "escalate").decide(asked(LARGE, capabilities=["wait"]))
    assert able.effective_action == "escalate"


def test_other_mistakes_are_told_first(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="negative"):
        gate(tmp_path, "deny").decide(asked(LARGE, usage={"cost_usd": "-1"}))


def test_a_request_cannot_say_of_itself_that_it_is_too_large(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="unknown attribute"):
        gate(tmp_path, "deny").decide(asked(**{"(too large)": "x"}))
    with pytest.raises(InvalidRequest, match="unknown attribute"):
        gate(tmp_path, "deny").decide(asked(too_large="x"))


def test_too_large_content_is_explained_without_a_look_at_it(tmp_path: Path) -> None:
    explanation = gate(tmp_path, "deny").explain(asked(LARGE))
    assert "content too large" in explanation.text
    assert explanation.policies == ()


@pytest.mark.slow
def test_fifty_megabytes_are_decided(tmp_path: Path) -> None:
    decision = gate(tmp_path, "deny").decide(asked("x" * 50_000_000))
    assert decision.reasons[0].failure == (
        "content: content too large: 50,000,000 characters, and the limit is 100"
    )
