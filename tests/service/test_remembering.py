from __future__ import annotations

from pathlib import Path

from engine.content.remembered import RememberingScanner
from engine.runtime.memory import MemoryStore
from engine.service.bundles import Recipe, load_folder
from engine.service.gate import Gate
from tests.service.bundle import SECRET, asked, write_folder

RECIPE = Recipe(SECRET, remembered_bytes=100_000)
POLICY = """\
entity x.badge { pattern /B-[0-9]{4}/ }
policy badges { default allow rule hide { when content has x.badge then redact x.badge } }
"""
LETTER = "the badge B-1234 of the visitor was found in the hall this morning, please come by. " * 2


def gate(folder: Path, text: str, recipe: Recipe = RECIPE) -> Gate:
    made = Gate(MemoryStore(), secret=SECRET)
    made.swap(load_folder(write_folder(folder, {"badges.pol": text}), recipe))
    return made


def conversation(turns: int) -> dict[str, object]:
    messages = [{"role": "user", "text": f"{turn}: {LETTER}"} for turn in range(turns)]
    return {**asked(), "content": None, "messages": messages}


def test_a_conversation_is_decided_as_without_a_memory(tmp_path: Path) -> None:
    remembering, fresh = gate(tmp_path, POLICY), gate(tmp_path, POLICY, Recipe(SECRET))
    for turns in (1, 2, 2, 3):
        one, other = (made.decide(conversation(turns)) for made in (remembering, fresh))
        assert one.messages == other.messages
        assert one.redactions == other.redactions
        assert len(one.redactions) == 2 * turns


def test_new_policies_do_not_see_what_the_old_ones_found(tmp_path: Path) -> None:
    made = gate(tmp_path, POLICY)
    before = made.decide(conversation(1))
    changed = POLICY.replace("B-[0-9]{4}", "hall")
    made.swap(load_folder(write_folder(tmp_path, {"badges.pol": changed}), RECIPE))
    after = made.decide(conversation(1))
    assert before.redactions != after.redactions
    assert "B-1234" in str(after.messages)


def test_the_recipe_says_whether_findings_are_remembered(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, {"badges.pol": POLICY})
    assert isinstance(load_folder(folder, RECIPE).senses.scanner, RememberingScanner)
    assert not isinstance(load_folder(folder, Recipe(SECRET)).senses.scanner, RememberingScanner)
