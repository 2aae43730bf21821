"""How large and how deep a condition may be, and that long files cost no more than they hold."""

from __future__ import annotations

import pytest

from engine.language import nodes
from engine.language.check_expression import read
from engine.language.context import Context
from engine.language.diagnostics import Report
from engine.language.parse import parse_file
from engine.language.scope import collect
from engine.language.text import NOWHERE, Source
from tests.language.checking import KNOWN, check_texts, checked, codes


def test_many_conditions_deep_still_end() -> None:
    deep = "(" * 150 + "true" + ")" * 150
    assert "E244" not in codes(a=f"let x = {deep}")
    chain = " + ".join(["session.turn"] * 99)
    assert codes(a=f"let x = {chain} > 1") == ["W720"]
    assert codes(a=f"let x = {chain} + session.turn > 1") == ["E244"]
    links = "".join(f"let a{one + 1} = not a{one}\n" for one in range(300))
    assert codes(a=f'let a0 = stage == "request"\n{links}').count("E244") > 0


def test_a_regular_expression_has_a_largest_size() -> None:
    assert codes(a=f"let x = user.id matches /{'a' * 1001}/") == ["E235"]
    assert codes(a=f"let x = user.id matches /{'a' * 790}/") == ["W720"]
    assert codes(a=f"let x = user.id matches /{'a' * 810}/") == ["E235"]
    assert codes(a="let x = user.id matches /(?:a|b)*a(?:a|b){900}c/") == ["E235"]
    assert codes(a="let x = user.id matches /\\x{400}{2,300}/") == ["W720"]
    large = "".join(f"{letter}{{1000}}" for letter in "abcdefghijkl")
    assert codes(a=f"let x = user.id matches /{large}/") == ["E235"]
    assert codes(a="let x = user.id matches /((a{1,100}){1,50}b){1,5}/") == ["E235"]


def test_a_half_character_in_a_pattern_is_reported() -> None:
    report = Report()
    file = parse_file(Source("a.pol", ""), report)
    environment = collect([file], KNOWN, report)
    context = Context(environment, environment.scopes["a.pol"], report)
    name = nodes.Name("user.id", NOWHERE)
    half = nodes.Comparison(name, "matches", nodes.Regex("\ud800", NOWHERE), NOWHERE, NOWHERE)
    assert read(half, context) is None
    assert "lone surrogate" in report.found[0].message


def test_a_pattern_that_is_found_everywhere_is_known_for_sure() -> None:
    matching = "policy p {{ default allow rule r {{ when content matches /{}/ then deny }} }}"
    for pattern, found in (("x*", ["W703"]), ("x", []), ("^x*", []), ("x*$", []), (r"\\b|x", [])):
        assert codes(a=matching.format(pattern)) == found


def test_what_never_holds_implies_nothing() -> None:
    found = codes(
        a='policy p { default allow rule r { when stage in {} and tool.name == "a" then deny } }'
    )
    assert found == ["E250"]


@pytest.mark.slow
def test_a_suggestion_is_found_among_very_many_names() -> None:
    lets = "".join(f"let name_{one} = {one}\nlet other_{one} = {one}\n" for one in range(1_000))
    _, report = check_texts(a=f"{lets} let x = nme_123")
    (found,) = (one for one in report.sorted() if one.code == "E202")
    assert found.help is not None
    assert found.help.startswith("did you mean `name_")


@pytest.mark.slow
def test_a_long_file_of_lets_is_checked() -> None:
    lets = "".join(f"let a{one} = session.turn > {one}\n" for one in range(2_000))
    checked(a=lets)
