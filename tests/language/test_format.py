from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.language.format import format_file
from engine.language.items import File
from tests.language.expectations import CASES, case_files
from tests.language.sentences import sentence
from tests.language.trees import bare, parsed


def formatted(text: str) -> str:
    return format_file(parsed(text))


def keeps_the_laws(text: str) -> None:
    before = parsed(text)
    made = format_file(before)
    after = parsed(made)
    assert bare(after) == bare(before)
    assert sorted(one.text for one in after.comments) == sorted(one.text for one in before.comments)
    assert format_file(after) == made
    assert not any(line != line.rstrip() for line in made.split("\n"))
    assert "\n\n\n" not in made


@pytest.mark.parametrize("path", case_files("format"))
def test_the_style_is_the_one_of_the_cases(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    wanted = path.with_suffix(".expected").read_text(encoding="utf-8")
    assert formatted(text) == wanted
    assert formatted(wanted) == wanted
    keeps_the_laws(text)


@pytest.mark.parametrize("path", [*case_files("trees"), CASES / "parse/names.pol"])
def test_every_good_case_keeps_the_laws(path: Path) -> None:
    keeps_the_laws(path.read_text(encoding="utf-8"))


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(st.integers(0, 1_000_000))
def test_any_file_keeps_the_laws(seed: int) -> None:
    keeps_the_laws(sentence(seed))


@pytest.mark.nightly
@settings(max_examples=10_000, deadline=None)
@given(st.integers(0, 100_000_000))
def test_any_file_keeps_the_laws_in_a_long_search(seed: int) -> None:
    keeps_the_laws(sentence(seed))


def test_an_empty_file_stays_empty() -> None:
    assert formatted("") == ""
    assert formatted("\n\n") == ""
    assert formatted("\n# x  \n\n\n# y") == "# x\n\n# y\n"


def test_a_policy_without_a_place_for_its_default_is_written_too() -> None:
    (policy,) = parsed("policy p { rule a { then allow } default deny }").items
    assert "default deny" in format_file(File("x", None, (), (policy,), ()))


def test_a_key_with_dots_that_is_no_path_stays_in_quotes() -> None:
    text = 'fixture f { tool.args: { "a.b": 1, "c": 2, d.e: 3 }, "user.id": "u" }\n'
    assert formatted(text) == (
        'fixture f { tool.args: { "a.b": 1, c: 2, d.e: 3 }, "user.id": "u" }\n'
    )
