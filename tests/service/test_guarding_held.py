from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engine.content.entities import STRUCTURED
from engine.runtime.foresee import MOST_RULES, expected
from engine.runtime.streamed import ENDLESS
from engine.service.bundles import Recipe, load_folder
from engine.service.gate import Gate
from engine.service.guarding import (
    MOST_HOLDS,
    hold_of,
    open_guard,
    scanner_of,
)
from tests.service.guards import (
    POLICY,
    SECRET,
    UNSURE,
    WIDE,
    Kept,
    about,
    cut,
    guard,
    load,
    make_gate,
)


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return make_gate(load(tmp_path, chat=POLICY))


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
