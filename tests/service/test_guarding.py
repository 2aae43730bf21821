from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.content.entities import STRUCTURED
from engine.content.remembered import RememberingScanner
from engine.runtime.decision import Decision
from engine.runtime.foresee import MOST_RULES, expected
from engine.runtime.memory import MemoryStore
from engine.runtime.policyset import PolicySet
from engine.runtime.request import InvalidRequest
from engine.runtime.store import StoreUnavailable
from engine.runtime.streamed import ENDLESS
from engine.service.bundles import Recipe, load_folder
from engine.service.gate import Gate, NotReady
from engine.service.guarding import (
    MOST_HOLDS,
    Guarding,
    hold_of,
    open_guard,
    scanner_of,
    shown,
)
from engine.service.record import Entry, NoRecorder

SECRET = b"s" * 32
START = 1_767_225_600_000_000_000

POLICY = """\
schema {
  tenant.plan: "free" | "pro"
  context.strict: bool?
  context.note: text?
}
facts tenant from "tenants.json"
classifier toxicity { endpoint = "grpc://127.0.0.1:1" timeout = 40ms on_failure = "allow" }

policy chat {
  default allow
  rule no_keys  { when content has secret.github then deny "keys stay in" }
  rule review   { when content has pii.iban then escalate to "people" }
  rule mails    { when content has pii.email then redact pii.email }
  rule cards    { when stage == "response" and content has pii.card, pii.ssn then redact pii.card }
  rule clerks   { when user.roles contains "clerk" then redact pii.phone as mask("*", 4) }
  rule notes    { when context.note is present then redact pii.email in context.note }
  rule word     { when content contains "forbidden" then deny "not that word" }
  rule toxic    { when classifier.toxicity(content) > 0.5 then deny "toxic" }
  rule guests   { when user.id == "guest" then deny "no guests" }
  rule asked    { when user.id == "asked" then escalate to "people" }
  rule flood    { when user.id == "flood" then throttle 1 requests per 1m by user.id }
  rule spend    { when user.id == "spend" then throttle 10 tokens per 1m by user.id }
  rule watched  { when content has pii.phone then redact pii.phone mode shadow }
  rule note_ip  { when context.note is present and context.note has pii.iban then deny }
  rule maybe    { when content contains "ip" then redact pii.ip }
}
"""
STRICT = """\
policy strict {
  applies when context.strict ?? false
  default deny
  rule polite { when content contains "please" then allow }
}
"""
UNSURE = """\
policy unsure {
  applies when content contains "unsure"
  default allow
  rule macs { then redact pii.iban, pii.ip }
  rule keys { when content has secret.github then deny "keys stay in" }
  rule fine { then allow }
}
"""
WIDE = """
meter keys counts rule chat.no_keys by user.id over 10m
policy wide {
  applies when stage != "tool_call"
  default allow
  rule asked   { when stage == "request" then redact pii.ssn }
  rule long    { when length(content) > 5 then redact pii.url }
  rule known   { when meter.keys > 5 or arg("to") is present then redact pii.mac }
  rule odd     { when injection(content) > 0.5 then redact pii.bank }
  rule tainted { when session.labels contains "x" then redact pii.bank }
  rule notes   { when context.note is present then redact pii.nrp in context.note }
  rule silent  { then redact secret.slack mode shadow }
  rule called  { when stage == "tool_call" and content has pii.age then deny }
}
policy other {
  applies when user.id == "x"
  default allow
  rule far { when content has pii.swift then deny }
}
policy never { applies when stage == "document" default allow rule d { then redact secret.aws } }
policy shadow { default allow mode shadow rule d { then redact secret.aws } }
"""
TOKEN = "ghp_" + "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW11ySowm"
CARD = "4111 1111 1111 1111"


class Kept(NoRecorder):
    """A recorder that keeps entries."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def write(self, entry: Entry) -> None:
        self.entries.append(entry)


class Away(MemoryStore):
    """A store that has forgotten where placeholders are."""

    def recall(
        self, tenant: str, session: str, digits: Iterable[str], now: int
    ) -> dict[str, bytes]:
        raise StoreUnavailable(f"{tenant} {session} {digits} {now}")


class Clock:
    """A clock that stands still until it is moved."""

    now = START

    def __call__(self) -> int:
        return self.now


def load(root: Path, limit: int = 100_000, **files: str) -> PolicySet:
    (root / "tenants.json").write_text('{"north": {"plan": "pro"}}')
    for name, text in files.items():
        (root / f"{name}.pol").write_text(text)
    return load_folder(root, Recipe(SECRET, content_characters=limit))


@pytest.fixture(scope="session")
def policies(tmp_path_factory: pytest.TempPathFactory) -> PolicySet:
    return load(tmp_path_factory.mktemp("guard"), chat=POLICY, strict=STRICT)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gate(policies: PolicySet, clock: Clock) -> Gate:
    return make_gate(policies, clock)


def make_gate(policies: PolicySet, clock: Clock | None = None) -> Gate:
    gate = Gate(MemoryStore(), Kept(), secret=SECRET, clock=clock or Clock())
    gate.swap(policies)
    return gate


def actions(gate: Gate) -> list[str]:
    assert isinstance(gate.recorder, Kept)
    return [one.effective_action for one in gate.recorder.entries]


def about(**parts: object) -> dict[str, object]:
    return {"tenant": {"id": "north"}, "user": {"id": "u1"}, "stage": "response", **parts}


def guard(gate: Gate, pieces: Iterable[str], **parts: object) -> tuple[str, Decision]:
    """Return what passes of *pieces*, and the decision."""
    session = open_guard(gate, about(**parts), b"")
    passed = []
    for piece in pieces:
        passed.append(session.feed(piece).text)
        if session.stopped:
            break
    decision = decided(session)
    return "".join(passed) + session.release(decision).text, decision


def decided(session: Guarding) -> Decision:
    decision = session.decide()
    assert isinstance(decision, Decision)
    return session.confirm(decision)


def cut(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


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


def test_automata_are_made_once(tmp_path: Path) -> None:
    (tmp_path / "chat.pol").write_text(
        "policy p { default allow rule m { then redact pii.email } }"
    )
    gate = make_gate(load_folder(tmp_path, Recipe(SECRET)))
    session = open_guard(gate, about(), b"")
    assert not session.prepared
    session.prepare()
    assert session.prepared
    assert open_guard(gate, about(), b"").prepared
    assert session.feed("ann@example.org ").text == "[EMAIL] "


def test_automata_are_made_for_the_policies_that_serve(tmp_path: Path) -> None:
    (tmp_path / "chat.pol").write_text("policy chat { default allow }")
    assert not load_folder(tmp_path, Recipe(SECRET, prepare=True)).holds
    (tmp_path / "tenants.json").write_text('{"north": {"plan": "pro"}}')
    (tmp_path / "chat.pol").write_text(POLICY)
    (tmp_path / "unsure.pol").write_text(UNSURE + WIDE)
    served = load_folder(tmp_path, Recipe(SECRET, prepare=True))
    [entities] = served.holds
    # What is redacted, denied or escalated for, where the stage does not rule it out.
    assert entities == {
        "pii.email", "pii.card", "pii.phone", "pii.ip", "pii.iban", "pii.url", "secret.github",
        "pii.mac", "pii.bank", "pii.swift",
    }  # fmt: skip
    for name in ("chat", "unsure"):
        (tmp_path / f"{name}.pol").unlink()
    (tmp_path / "plain.pol").write_text(UNSURE)
    gate = make_gate(load_folder(tmp_path, Recipe(SECRET, prepare=True)))
    assert open_guard(gate, about(), b"").prepared


def test_of_many_rules_nothing_is_worked_out_beforehand(tmp_path: Path) -> None:
    rules = "\n".join(
        f"rule r{number} {{ then redact pii.ip }}" for number in range(MOST_RULES + 1)
    )
    (tmp_path / "many.pol").write_text(f"policy p {{ default allow {rules} }}")
    assert expected(load_folder(tmp_path, Recipe(SECRET))) == frozenset()


def test_holds_do_not_pile_up(gate: Gate) -> None:
    policies = replace(gate.policies, holds={})
    scanner = scanner_of(policies)
    for entity in sorted(STRUCTURED)[: MOST_HOLDS + 1]:
        hold_of(policies, scanner, frozenset({entity}))
    assert len(policies.holds) == 1


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


@pytest.mark.parametrize("size", [7, 5000])
@pytest.mark.parametrize(
    ("text", "said", "lengths"),
    [
        ("It is " + "a" * 1500 + ", or so", "It is [EMAIL], or so", [1500]),
        ("It is " + "a" * 1500, "It is [EMAIL]", [1500]),
        (f"To b@x.org: {'a' * 1500} 10.0.0.1 ip", "To [EMAIL]: [EMAIL] [IP] ip", [7, 1500, 8]),
        ("b." + "a" * 1500 + "@x.org", "[EMAIL]", [1508]),
        ("a" * 1100 + "+10.20.30.40+" + "a" * 900 + " ip", "[EMAIL] ip", [2013]),
    ],
)
def test_what_is_replaced_because_it_does_not_end_is_recorded(
    gate: Gate, text: str, said: str, lengths: list[int], size: int
) -> None:
    passed, decision = guard(gate, cut(text, size))
    assert (passed, decision.action, decision.effective_action) == (said, "redact", "redact")
    assert [one.end - one.start for one in decision.redactions] == lengths
    assert isinstance(gate.recorder, Kept)
    [entry] = gate.recorder.entries
    assert [one.length for one in entry.redactions] == lengths


def test_the_reason_for_what_does_not_end_is_told(gate: Gate) -> None:
    decision = guard(gate, ["a" * 1500 + " and so on"])[1]
    assert [(one.rule, one.message) for one in decision.reasons] == [("", ENDLESS)]
    decision = guard(gate, ["a" * 1500 + " and b@x.org"])[1]
    assert [one.rule for one in decision.reasons] == ["chat.mails", ""]
    decision = guard(gate, ["a" * 1500 + " is forbidden"])[1]
    assert (decision.action, decision.redactions) == ("deny", ())


def test_how_much_is_held_is_the_deployments_choice(tmp_path: Path) -> None:
    (tmp_path / "chat.pol").write_text(
        "policy p { default allow rule m { then redact pii.email } }"
    )
    for most, said in ((512, "[EMAIL]"), (4096, "a" * 1500)):
        gate = make_gate(load_folder(tmp_path, Recipe(SECRET, stream_hold_characters=most)))
        assert guard(gate, ["a" * 1500, " and so on"])[0] == f"{said} and so on"


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
