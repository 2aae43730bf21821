"""What the record tells beside the decision: values, time, and content where that is asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.runtime.memory import MemoryStore
from engine.service.bundles import Recipe, load_folder
from engine.service.entries import ContentEntry, Entry, SettlementEntry
from engine.service.gate import Gate
from engine.service.lines import LONGEST, MOST
from engine.service.telling import Telling
from engine.service.usage import Usage
from engine.service.vault import FOLDER, Vault, key_path
from tests.service.bundle import SECRET, asked, write_folder
from tests.service.test_gate import Kept

TEXT = """\
schema { context.amount: int? }

policy p {
  default allow
  rule large { when (context.amount ?? 0) > 500 then deny }
  rule mails { when content has pii.email then redact pii.email as mask("*", 4) }
  rule to    { when stage == "tool_call" then redact pii.email in tool.args as drop }
  rule no    { when content contains "forbidden" then deny }
  rule look  { when content contains "doubt" then escalate to "people" }
  rule cards { when content has pii.card then redact pii.card mode shadow }
  rule watch { when (context.amount ?? 0) > 100 then deny mode shadow }
}
"""
MAIL = "write to ann@example.com, not to 4111 1111 1111 1111"
SHOWN = "write to [EMAIL], not to [CARD]"
CALL: dict[str, Any] = {
    "stage": "tool_call",
    "tool": {"name": "send", "args": {"to": "ann@example.com", "count": 3}},
}


def made(folder: Path, telling: Telling = Telling()) -> tuple[Gate, Kept]:  # noqa: B008 - frozen
    kept = Kept()
    gate = Gate(MemoryStore(), kept, secret=SECRET, telling=telling)
    gate.swap(load_folder(write_folder(folder, {"p.pol": TEXT}), Recipe(SECRET)))
    return gate, kept


def told(folder: Path, telling: Telling, content: str = MAIL, **parts: object) -> Entry:
    gate, kept = made(folder, telling)
    gate.decide(asked(content, **parts))
    [entry] = kept.entries
    return entry


ANYBODY = 'user.id == "u1"'
LARGE = {"amount": 900}


@pytest.mark.parametrize(
    ("values", "amount", "found"),
    [
        ("restricted", 900, {"context.amount": 900}),
        ("restricted", 9, {}),
        ("none", 900, {}),
        ("all", 900, {"context.amount": 900}),
    ],
)
def test_values_are_told_as_it_is_set(
    values: Any, amount: int, found: dict[str, object], tmp_path: Path
) -> None:
    entry = told(tmp_path, Telling(values=values), "hello", context={"amount": amount})
    assert entry.reasons[0].values == found


def test_values_of_rules_that_only_watch_are_told_too(tmp_path: Path) -> None:
    entry = told(tmp_path, Telling(), "hello", context={"amount": 200})
    assert (entry.action, entry.shadow) == ("allow", "deny")
    [reason] = entry.shadow_reasons
    assert reason.values == {"context.amount": 200}
    assert entry.reasons[0].values == {}


def test_the_time_is_told_by_where_it_went(tmp_path: Path) -> None:
    entry = told(tmp_path, Telling())
    assert entry.spent is not None
    assert entry.spent.read > 0
    assert entry.spent.read + entry.spent.decide == entry.evaluated_in
    assert (entry.spent.wait, entry.spent.review) == (0, 0)


def test_no_content_is_recorded_unless_it_is_asked_for(tmp_path: Path) -> None:
    assert told(tmp_path, Telling()).content is None


@pytest.mark.parametrize(
    "more", [{}, {"context": LARGE}], ids=["when it passes", "when it is denied"]
)
def test_content_is_recorded_with_labels_whatever_came_of_it(
    more: dict[str, Any], tmp_path: Path
) -> None:
    entry = told(tmp_path, Telling(content="redacted"), **more)
    assert entry.content == ContentEntry(text=SHOWN)


def test_messages_are_recorded_line_by_line(tmp_path: Path) -> None:
    messages = [{"role": "user", "text": "hello"}, {"role": "user", "text": "bob@example.com"}]
    request = {name: value for name, value in asked().items() if name != "content"}
    gate, kept = made(tmp_path, Telling(content="redacted"))
    gate.decide({**request, "messages": messages})
    gate.decide({**request, "messages": messages[:1]})
    assert [one.content for one in kept.entries] == [
        ContentEntry(text="hello\n[EMAIL]"),
        ContentEntry(text="hello"),
    ]


def test_arguments_are_recorded_with_labels_too(tmp_path: Path) -> None:
    entry = told(tmp_path, Telling(content="redacted"), "", **CALL)
    assert entry.content == ContentEntry(arguments={"to": "[EMAIL]", "count": 3})


def test_what_cannot_be_redacted_is_not_recorded(tmp_path: Path) -> None:
    call = {"stage": "tool_call", "tool": {"name": "send", "args": {"ann@example.com": 1}}}
    entry = told(tmp_path, Telling(content="redacted"), "", **call)
    assert entry.content is not None
    assert "a name in it holds pii.email" in entry.content.missing
    assert "ann@" not in msgspec.json.encode(entry).decode()


def test_where_nothing_was_said_nothing_is_recorded(tmp_path: Path) -> None:
    assert told(tmp_path, Telling(content="redacted"), "").content is None


@pytest.mark.parametrize(
    ("telling", "recorded"),
    [
        (Telling(content="redacted", tenants=frozenset({"north"})), True),
        (Telling(content="redacted", tenants=frozenset({"south"})), False),
        (Telling(content="redacted", stages=frozenset({"request"})), True),
        (Telling(content="redacted", stages=frozenset({"response"})), False),
        (Telling(content="redacted", actions=frozenset({"redact"})), True),
        (Telling(content="redacted", actions=frozenset({"deny", "escalate"})), False),
    ],
)
def test_whose_content_is_recorded_can_be_chosen(
    telling: Telling,
    recorded: bool,  # noqa: FBT001 - a case
    tmp_path: Path,
) -> None:
    assert (told(tmp_path, telling).content is not None) is recorded


def test_of_long_content_the_beginning_is_recorded(tmp_path: Path) -> None:
    telling = Telling(content="redacted", characters=10)
    assert told(tmp_path, telling).content == ContentEntry(text=SHOWN[:10], cut=len(SHOWN))
    call = {**CALL, "tool": {"name": "send", "args": {"to": "x" * 50}}}
    assert told(tmp_path, telling, "", **call).content == ContentEntry(
        arguments={"kind": "json", "length": 59}
    )


def test_content_is_sealed_for_its_tenant_and_decision(tmp_path: Path) -> None:
    vault = Vault(tmp_path / FOLDER, SECRET)
    entry = told(tmp_path / "policies", Telling(content="redacted", vault=vault))
    assert entry.content is not None
    assert (entry.content.text, entry.content.arguments) == ("", None)
    opened = vault.open("north", entry.decision_id, entry.content.key, entry.content.sealed)
    assert json.loads(opened) == {"text": SHOWN}


def test_content_that_cannot_be_sealed_is_not_recorded_and_the_decision_stands(
    tmp_path: Path,
) -> None:
    vault = Vault(tmp_path / FOLDER, SECRET)
    key_path(vault.folder, "north").mkdir()
    entry = told(tmp_path / "policies", Telling(content="redacted", vault=vault))
    assert entry.action == "redact"
    assert entry.content is not None
    assert "no key can be kept" in entry.content.missing


def test_content_with_placeholders_is_recorded_with_them(tmp_path: Path) -> None:
    text = """\
policy p {
  default allow
  rule out  { when stage == "request" then redact pii.email as token }
  rule back { when stage == "response" and content contains "zzz" then deny }
}
"""
    kept = Kept()
    gate = Gate(MemoryStore(), kept, secret=SECRET, telling=Telling(content="redacted"))
    gate.swap(load_folder(write_folder(tmp_path, {"p.pol": text}), Recipe(SECRET)))
    session = {"id": "s1"}
    first = gate.decide(asked("I am ann@example.com", session=session))
    assert first.content is not None
    back = gate.decide(asked(first.content, stage="response", session=session))
    assert back.content == "I am ann@example.com"
    assert [one.content for one in kept.entries] == [
        ContentEntry(text="I am [EMAIL]"),
        ContentEntry(text=first.content),
    ]


def test_a_settlement_is_recorded_whether_or_not_it_changed_anything(tmp_path: Path) -> None:
    gate, kept = made(tmp_path)
    gate.settle("unknown", Usage(output_tokens=7))
    [line] = kept.others
    assert isinstance(line, SettlementEntry)
    assert (line.decision_id, line.amounts, line.settled) == (
        "unknown",
        {"output_tokens": 7},
        False,
    )


def test_a_record_is_never_long(tmp_path: Path) -> None:
    rules = "\n".join(f'rule r{one} {{ when user.id == "u1" then deny }}' for one in range(300))
    long = f'rule note {{ when user.id == "u1" then deny advise a = "{"x" * 600}" advise b = "y" }}'
    labels = "\n".join(
        f'rule l{one} {{ when {ANYBODY} then allow label session "l{one}" advise n{one} = 1 }}'
        for one in range(300)
    )
    kept = Kept()
    gate = Gate(MemoryStore(), kept, secret=SECRET)
    texts = {
        "p.pol": f"policy p {{ default allow {rules} {long} }}",
        "q.pol": f"policy q {{ default allow {labels} }}",
    }
    gate.swap(load_folder(write_folder(tmp_path, texts), Recipe(SECRET)))
    decision = gate.decide(asked("hello", session={"id": "s"}))
    assert len(decision.reasons) == 301
    [entry] = kept.entries
    assert (len(entry.reasons), len(entry.labels), len(entry.advice)) == (MOST, MOST, MOST)
    assert entry.cut == {"reasons": 301, "labels": 300, "advice": 302}
    assert entry.advice["a"] == {"kind": "str", "length": 600}
    assert entry.advice["b"] == "y"
    assert len(msgspec.json.encode(entry)) < 60_000
    assert all(len(one.failure) <= LONGEST for one in entry.reasons)
