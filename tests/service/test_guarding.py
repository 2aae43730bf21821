from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.content.remembered import RememberingScanner
from engine.runtime.memory import MemoryStore
from engine.runtime.policyset import PolicySet
from engine.runtime.request import InvalidRequest
from engine.service.bundles import Recipe, load_folder
from engine.service.gate import Gate, NotReady
from engine.service.guarding import (
    open_guard,
    scanner_of,
    shown,
)
from tests.service.guards import (
    CARD,
    POLICY,
    SECRET,
    STRICT,
    TOKEN,
    UNSURE,
    Clock,
    about,
    actions,
    cut,
    decided,
    guard,
    load,
    make_gate,
)


@pytest.fixture(scope="session")
def policies(tmp_path_factory: pytest.TempPathFactory) -> PolicySet:
    return load(tmp_path_factory.mktemp("guard"), chat=POLICY, strict=STRICT)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gate(policies: PolicySet, clock: Clock) -> Gate:
    return make_gate(policies, clock)


@pytest.mark.parametrize("size", [1, 4, 1000])
def test_the_stream_says_what_the_decision_on_the_whole_would(gate: Gate, size: int) -> None:
    text = f"Mail ann@example.org or pay with {CARD}, my ip is 10.20.30.40."
    said, decision = guard(gate, cut(text, size))
    assert said == decision.content == "Mail [EMAIL] or pay with [CARD], my ip is [IP]."
    assert gate.decide(about(content=text)).content == said
    assert shown(decision).content is None
    assert actions(gate) == ["redact", "redact"]


def test_what_is_in_doubt_redacts(gate: Gate) -> None:
    # Nobody knows yet whether the word will come that rule `maybe` waits for.
    said, decision = guard(gate, ["The host is 10.20.30.40."])
    assert said == "The host is [IP]."
    assert (decision.action, decision.content) == ("allow", None)


def test_what_is_ruled_out_does_not_redact(gate: Gate) -> None:
    text = f"Call (415) 555-0132, {CARD}."
    assert guard(gate, [text], stage="document")[0] == text
    clerk = {"id": "u1", "roles": ["clerk"]}
    said, _ = guard(gate, cut(text, 3), stage="document", user=clerk)
    assert said == f"Call **********0132, {CARD}."


def test_a_denial_that_is_certain_ends_the_stream_at_once(gate: Gate) -> None:
    session = open_guard(gate, about(user={"id": "guest"}), b"")
    assert session.stopped
    assert session.feed("Hello ").text == ""
    decision = decided(session)
    assert (decision.action, decision.reasons[0].message) == ("deny", "no guests")
    assert session.release(decision).text == ""
    assert actions(gate) == ["deny"]


def test_an_escalation_that_is_certain_ends_the_stream_at_once(gate: Gate) -> None:
    said, decision = guard(gate, ["Hello ", "there"], user={"id": "asked"})
    assert (said, decision.action) == ("", "escalate")


def test_units_are_taken_once_and_refused_at_once(gate: Gate, clock: Clock) -> None:
    flood = {"id": "flood"}
    assert guard(gate, ["Hello ", "there"], user=flood)[0] == "Hello there"
    said, decision = guard(gate, ["Hello ", "there"], user=flood)
    assert (said, decision.action) == ("", "throttle")
    session = open_guard(gate, about(user=flood), b"")
    assert session.stopped
    clock.now += 60_000_000_000
    decision = decided(session)
    assert (decision.action, decision.reasons[0].message) == (
        "deny",
        "the stream was stopped for a reason that no longer holds: ask again",
    )
    assert actions(gate) == ["allow", "throttle", "allow", "deny"]


def test_tokens_are_counted_at_the_end(gate: Gate) -> None:
    spend = {"id": "spend"}
    said, decision = guard(gate, ["word " * 20, "end"], user=spend)
    assert decision.action == "throttle"
    assert said == "word " * 20  # what had passed by then
    assert guard(gate, ["Hello ", "there"], user=spend)[0] == "Hello there"


@pytest.mark.parametrize(
    ("found", "action", "why"),
    [(TOKEN, "deny", "keys stay in"), ("GB82 WEST 1234 5698 7654 32", "escalate", "")],
)
def test_a_finding_that_blocks_ends_the_stream_before_it(
    gate: Gate, found: str, action: str, why: str
) -> None:
    text = f"Mail ann@example.org: {found} and more, and more"
    for size in (1, 5, 1000):
        session = open_guard(gate, about(), b"")
        passed = ""
        for piece in cut(text, size):
            passed += session.feed(piece).text
        assert passed == "Mail [EMAIL]: "
        decision = decided(session)
        assert (decision.action, decision.reasons[0].message) == (action, why)
        assert session.release(decision).text == ""
    assert actions(gate) == [action] * 3


def test_what_only_the_whole_shows_blocks_at_the_end(gate: Gate) -> None:
    said, decision = guard(gate, ["This is forbidden, ", "here"])
    assert said == "This is forbidden, "
    assert (decision.action, decision.reasons[0].message) == ("deny", "not that word")


def test_a_caller_that_cannot_mask_a_stream_is_refused(gate: Gate) -> None:
    said, decision = guard(gate, ["Hello"], capabilities=["mask"])
    assert (said, decision.action, decision.effective_action) == ("", "redact", "deny")
    assert decision.downgrade_reason == "the caller cannot mask a stream"
    assert decision.reasons[0].rule == "chat.cards"
    assert actions(gate) == ["deny"]


def test_a_caller_that_masks_streams_need_not_mask_texts(gate: Gate) -> None:
    said, decision = guard(gate, ["ann@example.org"], capabilities=["mask_stream"])
    assert (said, decision.effective_action) == ("[EMAIL]", "redact")


def test_a_caller_that_is_denied_is_not_told_of_masks(gate: Gate) -> None:
    _, decision = guard(gate, ["Hello"], capabilities=[], user={"id": "guest"})
    assert (decision.action, decision.downgrade_reason) == ("deny", "")


def test_a_policy_that_waits_for_a_grant_waits_to_the_end(gate: Gate) -> None:
    strict = {"strict": True}
    assert guard(gate, ["Yes, ", "please"], context=strict)[1].action == "allow"
    said, decision = guard(gate, ["Yes, ", "now"], context=strict)
    assert (said, decision.action) == ("Yes, ", "deny")


def test_other_texts_are_redacted_by_the_decision(gate: Gate) -> None:
    _, decision = guard(gate, ["Hello"], context={"note": "to ann@example.org"})
    assert decision.attributes == {"context.note": "to [EMAIL]"}


def test_an_unknown_tenant_is_denied_at_once(gate: Gate) -> None:
    said, decision = guard(gate, ["Hello"], tenant={"id": "south"})
    assert (said, decision.action) == ("", "deny")
    assert "south" in decision.reasons[0].message


def test_a_policy_that_may_apply_counts(tmp_path: Path) -> None:
    gate = make_gate(load(tmp_path, chat='schema { tenant.plan: "pro"? }', unsure=UNSURE))
    said, decision = guard(gate, cut("My ip 10.20.30.40 is unsure", 2))
    assert (said, decision.action) == ("My ip [IP] is unsure", "redact")
    assert guard(gate, [f"I am unsure: {TOKEN} is it" + " and so on" * 20])[1].action == "deny"


def test_a_response_that_is_too_long_is_denied(tmp_path: Path) -> None:
    gate = make_gate(
        load(
            tmp_path,
            50,
            chat='schema { tenant.plan: "pro"? }'
            + UNSURE
            + """
        policy open { default allow }""",
        )
    )
    session = open_guard(gate, about(), b"")
    assert session.feed("a word " * 7).text == "a word " * 7
    assert not session.stopped
    assert session.feed("a word ").text == ""
    assert session.stopped
    decision = decided(session)
    assert decision.action == "deny"
    assert "50" in decision.reasons[0].failure
    assert actions(gate) == ["deny"]


def test_a_request_that_is_too_large_is_denied_at_once(tmp_path: Path) -> None:
    recipe = Recipe(SECRET, content_characters=50, on_content_too_large="deny")
    (tmp_path / "chat.pol").write_text(
        "schema { context.note: text? } policy chat { default allow }"
    )
    gate = make_gate(load_folder(tmp_path, recipe))
    said, decision = guard(gate, ["Hello"], context={"note": "x" * 51})
    assert (said, decision.action) == ("", "deny")


def test_other_texts_are_looked_at_as_ever(gate: Gate) -> None:
    assert guard(gate, ["Hi"], context={"note": "see 10.20.30.40"})[1].action == "allow"


def test_a_stream_that_nobody_waits_for_is_recorded(gate: Gate) -> None:
    session = open_guard(gate, about(), b"")
    session.feed("Mail ann@example.org and ")
    assert session.abandon().action == "redact"
    assert actions(gate) == ["redact"]


def test_a_stream_keeps_the_policies_that_it_began_with(gate: Gate, tmp_path: Path) -> None:
    session = open_guard(gate, about(), b"")
    before = gate.policies.revision
    gate.swap(load(tmp_path, chat='schema { tenant.plan: "pro"? } policy none { default deny }'))
    session.feed("ann@example.org")
    decision = decided(session)
    assert (decision.action, decision.revision) == ("redact", before)


def test_the_content_comes_in_the_stream_alone(gate: Gate) -> None:
    both: tuple[dict[str, object], ...] = ({"content": "x"}, {"messages": []})
    for twice in both:
        with pytest.raises(InvalidRequest) as refused:
            open_guard(gate, about(**twice), b"")
        assert [one.path for one in refused.value.problems] == list(twice)
    with pytest.raises(InvalidRequest):
        open_guard(gate, about(), b"{")
    with pytest.raises(NotReady):
        open_guard(Gate(MemoryStore(), secret=SECRET), about(), b"")


def test_windows_of_a_stream_are_not_remembered(policies: PolicySet, tmp_path: Path) -> None:
    assert scanner_of(policies) is policies.senses.scanner
    (tmp_path / "chat.pol").write_text("policy chat { default allow }")
    remembering = load_folder(tmp_path, Recipe(SECRET, remembered_bytes=1 << 20)).senses.scanner
    assert isinstance(remembering, RememberingScanner)
    found = scanner_of(replace(policies, senses=replace(policies.senses, scanner=remembering)))
    assert found is remembering.inner


WORDS = st.sampled_from(
    ("ann@example.org", CARD, "10.20.30.40", "Hello", "(415) 555-0132", "ü", "ip", "536-22-8371")
)


@pytest.mark.slow
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(WORDS, max_size=8), st.lists(st.integers(0, 200), max_size=6))
def test_law_a_stream_says_what_a_decision_would(
    policies: PolicySet, words: list[str], cuts: list[int]
) -> None:
    text = " ".join([*words, "ip", CARD])  # so that nothing is in doubt at the end
    gate = make_gate(policies)
    places = [0, *sorted(cut % len(text) for cut in cuts), len(text)]
    pieces = [text[start:end] for start, end in pairwise(places)]
    said, decision = guard(gate, pieces)
    assert said == (decision.content or text) == gate.decide(about(content=text)).content
