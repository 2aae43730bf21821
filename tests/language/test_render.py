from __future__ import annotations

import json
from unicodedata import category

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.language.diagnostics import Diagnostic, Report
from engine.language.parse import parse_file
from engine.language.render import render, to_dict
from engine.language.text import NOWHERE, Source, Span


def place(line: int, column: int, end: int, path: str = "a.pol") -> Span:
    return Span(path, 0, 0, line, column, line, end)


def shown(text: str, span: Span, *, color: bool = False) -> list[str]:
    made = render([Diagnostic("E201", "it is wrong", span)], {"a.pol": text}, color=color)
    return made.split("\n")


def test_the_smallest_wrong_piece_is_underlined() -> None:
    one = Diagnostic(
        "E201",
        "unknown field `tenant.plann`",
        place(2, 8, 20),
        help="did you mean `tenant.plan`?",
        notes=(("the schema is here", place(1, 1, 7)),),
    )
    text = 'schema {}\n  when tenant.plann == "free"\n'
    assert render([one], {"a.pol": text}) == (
        "a.pol:2:8: error[E201]: unknown field `tenant.plann`\n"
        "  |\n"
        '2 |   when tenant.plann == "free"\n'
        "  |        ^^^^^^^^^^^^\n"
        "  = help: did you mean `tenant.plan`?\n"
        "  = note: a.pol:1:1: the schema is here\n"
    )


def test_several_are_parted_by_an_empty_line_and_none_is_nothing() -> None:
    one = Diagnostic("W701", "odd", place(1, 1, 2), "warning")
    made = render([one, one], {"a.pol": "x"})
    assert made.count("a.pol:1:1: warning[W701]: odd\n") == 2
    assert "\n\n" in made
    assert render([], {}) == ""


def test_a_missing_piece_gets_one_mark_behind_the_line() -> None:
    assert shown("let x =", place(1, 8, 8))[3] == "  |        ^"


def test_a_piece_over_several_lines_is_marked_to_the_end_of_the_first() -> None:
    span = Span("a.pol", 0, 9, 1, 5, 2, 3)
    assert shown("let (a\n b)", span)[2:4] == ["1 | let (a", "  |     ^^"]


@pytest.mark.parametrize(
    ("before", "columns"),
    [("\t", 4), ("漢字", 4), ("e\u0301", 1), ("\u20dd", 0), ("\x1b", 1), ("\u202e", 8)],
)
def test_marks_stand_under_what_a_terminal_shows(before: str, columns: int) -> None:
    column = len(before) + 1
    marks = shown(f"{before}wrong", place(1, column, column + 5))[3]
    assert marks == "  | " + " " * columns + "^^^^^"


def test_nothing_in_the_source_reaches_the_terminal_alive() -> None:
    one = Diagnostic("E1", "\x1b[2J", place(1, 1, 2), help="\x07", notes=(("\x9b", NOWHERE),))
    made = render([one], {"a.pol": "\x1b[31m\x00\u202e\x7f \ud800"})
    assert set(made) & set("\x1b\x07\x9b\x00\u202e\x7f\ud800") == set()
    assert "␛[31m␀<U+202E><U+007F> <U+D800>" in made


def test_a_long_line_is_shown_as_a_window() -> None:
    text = "a" * 500 + "WRONG" + "b" * 500
    _, _, line, marks, _ = shown(text, place(1, 501, 506))
    assert "aWRONGb" in line
    assert line.startswith("1 | …a")
    assert line.endswith("b…")
    assert len(line) <= 130
    assert marks.index("^") == line.index("WRONG")
    assert marks.count("^") == 5


def test_a_long_piece_is_cut() -> None:
    _, _, line, marks, _ = shown("x" * 1000, place(1, 1, 1001))
    assert line.endswith("x…")
    assert marks.count("^") == 120


def test_without_the_text_only_the_sentence_is_shown() -> None:
    assert shown("", place(1, 1, 2)) == ["a.pol:1:1: error[E201]: it is wrong", ""]
    assert shown("x", place(9, 1, 2)) == ["a.pol:9:1: error[E201]: it is wrong", ""]
    assert len(shown("x", place(1, 1, 2, "b.pol"))) == 2


def test_line_ends_of_windows_are_not_shown() -> None:
    assert shown("let x\r\n", place(1, 5, 6))[2] == "1 | let x"


def test_color_changes_no_word() -> None:
    plain = "\n".join(shown("  let x", place(1, 7, 8)))
    colored = "\n".join(shown("  let x", place(1, 7, 8), color=True))
    assert colored != plain
    for code in ("\x1b[1;31m", "\x1b[1;34m", "\x1b[1m", "\x1b[0m"):
        colored = colored.replace(code, "")
    assert colored == plain


def test_machines_get_every_place() -> None:
    one = Diagnostic("E2", "m", place(1, 2, 3), help="h", notes=(("n", place(4, 5, 6)),))
    made = to_dict(one)
    assert json.loads(json.dumps(made)) == {
        "file": "a.pol",
        "line": 1,
        "column": 2,
        "end_line": 1,
        "end_column": 3,
        "code": "E2",
        "severity": "error",
        "message": "m",
        "help": "h",
        "notes": [
            {
                "file": "a.pol",
                "line": 4,
                "column": 5,
                "end_line": 4,
                "end_column": 6,
                "message": "n",
            }
        ],
    }


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(st.text(max_size=80))
def test_whatever_is_found_can_be_shown(text: str) -> None:
    report = Report()
    parse_file(Source("a.pol", text), report)
    made = render(report.sorted(), {"a.pol": text})
    kinds = {category(one) for one in made.replace("\n", "")}
    assert not kinds & {"Cc", "Cf", "Cs", "Zl", "Zp"}
