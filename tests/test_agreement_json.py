"""Values whose kind is only known in a request: both evaluators compare and collect them alike."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.runtime.evidence import Evidence
from engine.runtime.memory import MemoryStore
from engine.runtime.reference import ReferenceMatcher
from engine.service.bundles import Recipe, load_folder

NOW = 1_767_225_600 * 10**9
POLICY = """\
schema {{
  context.names: list<string>
  context.others: list<string>
}}

policy kinds {{
  default allow
  rule asked {{
    when stage == "tool_call" and {condition}
    then deny
  }}
}}
"""
ARGUMENTS = {
    "n": 2,
    "name": "ann",
    "names": ["ann", "bob"],
    "nothing": [],
    "order": '{"amount": 900}',
    "Limit": 5,
}
REQUEST = {
    "tenant": {"id": "north"},
    "user": {"id": "u1", "roles": ["ann", "cid"]},
    "stage": "tool_call",
    "session": {"id": "s", "turn": 3},
    "tool": {"name": "mail", "args": ARGUMENTS},
    "context": {"names": ["ann"], "others": ["bob", "cid"]},
}


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ('(arg("n") ?? 0) < 3', True),
        ('(arg("n") ?? 0) >= 3', False),
        ('(arg("n") ?? 0) == 2.0', True),
        ('(arg("n") ?? 0) != session.turn', True),
        ('lower(arg("name") ?? "") == "ann"', True),
        ('(arg("missing") ?? 5) > 3.5', True),
        ('(arg("name") ?? "") in user.roles', True),
        ('(arg("n") ?? 0) in {1, 3}', False),
        ('(arg("names") ?? "") contains "bob"', True),
        ("context.names overlaps context.others", False),
        ("context.names within user.roles", True),
        ("user.roles within context.others", False),
        ('any n in (arg("names") ?? ""): (n == "bob")', True),
        ('all n in (arg("names") ?? ""): ((n ?? "") in user.roles)', False),
        ('any n in (arg("names") ?? ""): ((arg("missing") ?? n) == "bob")', True),
        ('(arg("name") ?? "") like "a*"', True),
        ('(arg("name") ?? "") like "*n"', True),
        ('(arg("name") ?? "") like "*b*"', False),
        ('(arg("name") ?? "") like "a?n"', True),
        ('(arg("name") ?? "") like "ann"', True),
        ('arg("name.amount") is absent', True),
        ('(arg("Limit") ?? 0) == 5', True),
    ],
)
def test_both_evaluators_answer_what_is_meant(
    condition: str,
    holds: bool,  # noqa: FBT001  what the row says
    tmp_path: Path,
) -> None:
    (tmp_path / "kinds.pol").write_text(POLICY.format(condition=condition), encoding="utf-8")
    policies = load_folder(tmp_path, Recipe(bytes(32)))
    record = policies.reader.read(REQUEST)
    for matcher in (policies.matcher, ReferenceMatcher(policies.program, policies.lists)):
        match = matcher.match(record, Evidence(record, policies.senses, MemoryStore(), NOW))
        assert (match.hits, match.doubts) == ([0] if holds else [], [])


@pytest.mark.parametrize(
    "condition",
    [
        '(arg("n") ?? 0) == true',
        '(arg("names") ?? "") == "ann"',
        '(arg("names") ?? "") != "ann"',
        '(arg("names") ?? "") in user.roles',
        '(arg("order.amount") ?? 0) > 500',
        '(arg("order.amount") ?? 0) < 500',
        'arg("order.amount") is present',
        'arg("order.amount") is absent',
        '(arg("limit") ?? 0) > 5',
        'arg("limit") is absent',
    ],
)
def test_both_evaluators_doubt_what_is_of_another_kind(condition: str, tmp_path: Path) -> None:
    (tmp_path / "kinds.pol").write_text(POLICY.format(condition=condition), encoding="utf-8")
    policies = load_folder(tmp_path, Recipe(bytes(32)))
    record = policies.reader.read(REQUEST)
    for matcher in (policies.matcher, ReferenceMatcher(policies.program, policies.lists)):
        match = matcher.match(record, Evidence(record, policies.senses, MemoryStore(), NOW))
        assert match.hits == []
        assert [number for number, _ in match.doubts] == [0]
