from __future__ import annotations

from pathlib import Path
from pprint import pformat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lark import Lark
from lark.exceptions import LarkError

from engine.language import items, nodes, trials
from engine.language._grammar import PRODUCTIONS
from engine.language.build_policies import BUILDERS
from engine.language.diagnostics import Report
from engine.language.items import File
from engine.language.lex import split_tokens
from engine.language.parse import decode, parse_file
from engine.language.reduce import Failure, parse_tokens
from engine.language.text import Source
from grammar.generate_parser import STARTS as STARTS_OF_PARSER
from grammar.generate_parser import build, outputs
from tests.language.expectations import CASES, case_files, differences, expected
from tests.language.sentences import ROOT, STARTS, sentence
from tests.language.trees import bare, parsed, problems

EXAMPLE = (CASES / "trees/example.pol").read_text(encoding="utf-8")


# --- valid files ---------------------------------------------------------------------------------


def test_the_example_of_the_language_has_the_expected_tree() -> None:
    tree = pformat(bare(parsed(EXAMPLE)), width=100) + "\n"
    assert tree == (CASES / "trees/example.tree").read_text(encoding="utf-8")


def test_a_rule_is_exactly_what_was_written() -> None:
    file = parsed('policy p { default deny rule r "R" { when not a.b == "x" then deny "no" } }')
    policy = file.items[0]
    assert isinstance(policy, items.Policy)
    (rule,) = policy.rules
    assert (rule.name.name, rule.title and rule.title.value) == ("r", "R")
    assert isinstance(rule.when, nodes.Not)
    comparison = rule.when.inner
    assert isinstance(comparison, nodes.Comparison)
    assert comparison.operator == "=="
    assert isinstance(rule.action, items.Deny)


def test_spans_name_the_very_characters() -> None:
    text = 'let a = 1\n\tlet b = x not in {"é", "f"}\n'
    file = parsed(text)
    second = file.items[1]
    assert isinstance(second, items.Let)
    comparison = second.value
    assert isinstance(comparison, nodes.Comparison)
    place = comparison.operator_span
    assert text[place.start : place.end] == "not in"
    assert (place.line, place.column, place.end_column) == (2, 12, 18)
    assert text[comparison.right.span.start : comparison.right.span.end] == '{"é", "f"}'


@pytest.mark.parametrize(
    ("written", "grouped"),
    [
        ("a or b and c", "a or (b and c)"),
        ("not a and b", "(not a) and b"),
        ("not a == b", "not (a == b)"),
        ("a + b * c", "a + (b * c)"),
        ("a - b - c", "(a - b) - c"),
        ("-a * b", "(-a) * b"),
        ("a ?? b == c", "(a ?? b) == c"),
        ("a ?? b + c", "a ?? (b + c)"),
        ("a ?? b ?? c", "(a ?? b) ?? c"),
        ("not a is present or b", "(not (a is present)) or b"),
        ("any x in xs: (x) and b", "(any x in xs: (x)) and b"),
    ],
)
def test_operators_bind_as_the_reference_says(written: str, grouped: str) -> None:
    assert _ungrouped(_let(written)) == _ungrouped(_let(grouped))


def _let(expression: str) -> nodes.Expr:
    (item,) = parsed(f"let v = {expression}").items
    assert isinstance(item, items.Let)
    return item.value


def _ungrouped(node: nodes.Expr) -> object:
    def strip(tree: object) -> object:
        if isinstance(tree, tuple):
            tree = tuple(strip(one) for one in tree)
            return tree[1] if tree and tree[0] == "Group" else tree
        return tree

    return strip(bare(node))


def test_a_chain_of_and_is_flat() -> None:
    made = _let("a and b and c")
    assert isinstance(made, nodes.Logic)
    assert len(made.parts) == 3


@pytest.mark.parametrize("list_", ["{1, 2,}", "f(1, 2,)"])
def test_a_comma_may_stand_before_the_closing_bracket(list_: str) -> None:
    assert bare(_let(list_)) == bare(_let(list_.replace(",}", "}").replace(",)", ")")))


def test_a_comma_may_stand_at_the_end_of_records_and_lists() -> None:
    (fixture,) = parsed("fixture f { a: [1, { b: absent, },], c: {1,}, }").items
    assert isinstance(fixture, trials.Fixture)
    assert [field.name.name for field in fixture.record.fields] == ["a", "c"]


def test_a_regular_expression_stands_only_behind_its_words() -> None:
    assert isinstance(_let("a / b / c"), nodes.Arithmetic)
    matched = _let("a matches\n  /b\\/c/")
    assert isinstance(matched, nodes.Comparison)
    assert isinstance(matched.right, nodes.Regex)
    assert matched.right.pattern == "b/c"


def test_a_byte_order_mark_line_ends_of_windows_and_tabs_are_read() -> None:
    report = Report()
    source = decode("a.pol", b"\xef\xbb\xbflet\ta = 1\r\nlet b = 2\r\n", report)
    assert source is not None
    file = parse_file(source, report)
    assert not report.found
    assert [type(item) for item in file.items] == [items.Let, items.Let]
    assert file.items[1].span.column == 1


# --- documentation -------------------------------------------------------------------------------


def test_the_comments_directly_above_are_the_documentation() -> None:
    file = parsed("# apart\n\n# one\n#two\nlet a = 1 # beside\nlet b = 2\n")
    first, second = file.items
    assert isinstance(first, items.Let)
    assert isinstance(second, items.Let)
    assert (first.doc, second.doc) == ("one\ntwo", "")
    assert [comment.own_line for comment in file.comments] == [True, True, True, False]


def test_the_comment_beside_a_field_documents_it_too() -> None:
    text = "schema {\n # up\n a: int # beside\n b: int\n c: int d: int # of d\n e: int } # no\n"
    file = parsed(text)
    (schema,) = file.items
    assert isinstance(schema, items.Schema)
    docs = {field.name.name: field.doc for field in schema.fields}
    assert docs == {"a": "up\nbeside", "b": "", "c": "", "d": "of d", "e": ""}


def test_what_is_not_first_on_its_line_is_not_documented() -> None:
    file = parsed("# of a\nlet a = 1 let b = 2")
    assert [item.doc for item in file.items if isinstance(item, items.Let)] == ["of a", ""]


# --- mistakes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", case_files("parse"))
def test_mistakes_are_found_where_they_are_and_said_well(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert differences(text, problems(text)) == []


def test_the_runner_of_cases_sees_what_is_missing_and_what_is_surplus() -> None:
    found = problems("let a = 5x\nlet b = 1")
    assert differences("let a = 5x #~ E106 `5x` is", found) == []
    assert differences("let a = 5x\n#~^ E106", found) == []
    assert len(differences("#~ E106 other words", found)) == 2
    assert len(differences("\n#~ E106 `5x`", found)) == 2
    assert [one.code for one in expected("x #~ E1 a  #~ E2 b")] == ["E1", "E2"]


def test_what_is_right_beside_a_mistake_stays_in_the_tree() -> None:
    rules = "rule a { then allow } rule b { when } rule c { then deny }"
    text = f"policy p {{ default deny {rules} }}\nlet x = 1"
    file = parse_file(Source("x.pol", text), Report())
    policy, let = file.items
    assert isinstance(policy, items.Policy)
    assert [rule.name.name for rule in policy.rules] == ["a", "c"]
    assert isinstance(let, items.Let)


def test_a_broken_clause_leaves_the_rest_of_its_rule() -> None:
    text = "policy p { default deny rule a { when x == then allow severity high } }"
    file = parse_file(Source("x.pol", text), Report())
    (policy,) = file.items
    assert isinstance(policy, items.Policy)
    (rule,) = policy.rules
    assert rule.when is None
    assert isinstance(rule.action, items.Allow)


@pytest.mark.parametrize(
    "text",
    [
        "let x = " + "(" * 300 + "1" + ")" * 300,
        "let x = " + "not " * 300 + "y",
        "let x = 1" + " + 1" * 300,
        "let x = a" + " ?? a" * 300,
        "let x = f(" + "-" * 300 + "1)",
        "let x = " + "any x in xs: (" * 250 + "y" + ")" * 250,
        "let x = " + "(" * 250 + "a is present and b has c" + ")" * 250,
        "fixture a " + "{ a: " * 300 + "1" + "}" * 300,
        "fixture a { a: " + "[" * 300 + "1" + "]" * 300 + "}",
        'test "x" { given ' + "{ a: " * 300 + "absent" + "}" * 300 + "}",
        'test "x" { given f with ' + "{ a: " * 300 + "{1}" + "}" * 300 + "}",
        'test "x" { case "y" ' + "{ a: " * 300 + "1" + "}" * 300 + "expect deny }",
        'test "x" {' + "repeat 1 {" * 300 + "expect deny" + "}" * 301,
        'test "x" { expect deny and ' + "(" * 300 + "a" + ")" * 300 + "}",
        "schema { a: " + "set<" * 300 + "int" + ">" * 300 + "}",
        "schema when " + "(" * 300 + "a" + ")" * 300 + " { a: int }",
        "property p { never allow when " + "(" * 300 + "a" + ")" * 300 + "}",
        "policy p { default deny applies when " + "not " * 300 + "y }",
        "policy p { default deny rule r { then deny advise a = " + "-" * 300 + "1 } }",
    ],
)
def test_what_is_nested_too_deeply_is_refused(text: str) -> None:
    assert [one.code for one in problems(text)] == ["E110"]


def test_what_is_long_and_flat_is_no_nesting() -> None:
    steps = """
        at 2026-01-01T00:00:00Z advance 1s mock a = 1 given f given {a: 1} case "x" expect allow
        mock f(1) = 2 case "y" {a: 1} expect deny and a expect deny and b repeat 2 { expect deny }
    """
    text = f'test "x" {{ {steps * 30} repeat 3 {{ {steps * 30} }} }}'
    text += " let a = {" + '"x", ' * 300 + "} let b = " + " and ".join(["x == f(1)"] * 100)
    text += " let c = " + " and ".join(["a is present", "b has c"] * 90)
    text += " schema { " + " ".join(f"a{n}: set<string>" for n in range(100)) + " }"
    assert not problems(text)


def test_what_is_no_policy_at_all_is_said_so() -> None:
    (found,) = problems("nonsense")
    assert (
        found.message == "expected an item such as `policy`, `schema` or `test`, found `nonsense`"
    )


def test_a_mended_word_is_in_the_tree_as_it_was_meant() -> None:
    report = Report()
    text = 'test "x" { expect alow and a <> b and c = d }'
    (test,) = parse_file(Source("x.pol", text), report).items
    assert isinstance(test, trials.Test)
    (step,) = test.steps
    assert isinstance(step, trials.Expect)
    assert step.expectation.action == "allow"
    assert [one.span.column for one in report.sorted()] == [19, 30, 41]
    assert [one.code for one in survives("pack\n").sorted()] == ["E113", "E101"]


@pytest.mark.slow
def test_a_hundred_mistakes_are_enough() -> None:
    found = problems("let a = 1 1\n" * 500)
    assert 100 <= len(found) < 110
    assert len(problems("`" * 500)) <= 110
    assert len(problems("\x00" * 500)) <= 110
    assert 100 <= len(problems("polcy p { }\n" * 500)) < 110
    rules = "rule a { when x = 1 then deny }\n" * 500
    assert 100 <= len(problems(f"policy p {{ default deny {rules} }}")) < 110


UNSEEN = (
    "\x00 \x1b \x7f \r \xad \u061c \u180e \u200b \u2028 \u2029 \u202e \u2060 \u2066 \u3164 \ud800"
    " \ufeff \ufffa \U000e0041"
)


@pytest.mark.parametrize("character", UNSEEN.split(" "))
def test_what_a_reader_would_not_see_is_refused(character: str) -> None:
    for text in (f'let a = "x{character}y"', f"let a = 1 # {character}x"):
        (found,) = problems(text)
        assert found.code == "E124"
        assert found.span.column == text.index(character) + 1


def test_what_words_and_emoji_are_spelt_with_may_stand() -> None:
    for spelt in ("क्\u200cष", "👩\u200d💻", "❤\ufe0f", "a\xa0b"):
        (let,) = parsed(f'let a = "{spelt}" # {spelt}').items
        assert isinstance(let, items.Let)
        assert isinstance(let.value, nodes.Literal)
        assert let.value.value == spelt


def test_bytes_that_are_no_text_are_named_by_line_and_column() -> None:
    report = Report()
    assert decode("a.pol", "let ä = 1\n# é".encode() + b"\xff\xfe", report) is None
    (found,) = report.found
    assert (found.code, found.span.line, found.span.column) == ("E100", 2, 4)
    assert "0xff" in found.message


def test_an_empty_file_is_a_file() -> None:
    assert parsed("").items == ()
    assert parsed("# only a comment").comments[0].text == "# only a comment"


# --- never a crash -------------------------------------------------------------------------------


def survives(text: str) -> Report:
    report = Report()
    file = parse_file(Source("x.pol", text), report)
    assert isinstance(file, File)
    lines = text.count("\n") + 1
    for one in report.sorted():
        assert 1 <= one.span.line <= lines, one
        assert 0 <= one.span.start <= one.span.end <= len(text), one
        assert one.message
    return report


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_crash(data: bytes) -> None:
    report = Report()
    source = decode("x.pol", data, report)
    if source is None:
        assert report.failed
    else:
        survives(source.text)


SIGNS = [*"{}()[]'/,:=<>?+-*!&|#.\n\\", '"', "é", "\x00", "1e9", "//"]
WORDS = [*sorted(set(EXAMPLE.split())), *SIGNS]


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=60).map(" ".join))
def test_no_words_crash(text: str) -> None:
    survives(text)


def mutated(seed: int, cuts: list[tuple[int, int, str]]) -> str:
    """Return a valid file in which some stretches are replaced."""
    text = sentence(seed) if seed else EXAMPLE
    for at, size, word in cuts:
        start = at % (len(text) + 1)
        text = text[:start] + word + text[start + size :]
    return text


CUTS = st.lists(
    st.tuples(st.integers(0, 5000), st.integers(0, 12), st.sampled_from(["", *WORDS])),
    min_size=1,
    max_size=5,
)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10_000), CUTS)
def test_no_broken_file_crashes(seed: int, cuts: list[tuple[int, int, str]]) -> None:
    survives(mutated(seed, cuts))


@pytest.mark.nightly
@settings(max_examples=20_000, deadline=None)
@given(st.integers(0, 1_000_000), CUTS)
def test_no_broken_file_crashes_in_long(seed: int, cuts: list[tuple[int, int, str]]) -> None:
    survives(mutated(seed, cuts))


# --- the tables ----------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_tables_are_made_of_the_grammar() -> None:
    for path, content in outputs().items():
        assert (ROOT / path).read_bytes() == content


def test_every_builder_belongs_to_the_grammar() -> None:
    assert set(BUILDERS) == {builder for _, builder, *_ in PRODUCTIONS} - {"", "[]"}


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 1000))
def test_the_loop_takes_nothing_that_lark_does_not(seed: int, drop: int) -> None:
    words = sentence(seed, comments=False, keywords=False).split()
    whole = " ".join(words)
    assert lark_takes(whole)
    assert loop_takes(whole)
    drop %= len(words) + 1
    del words[drop : drop + 1]
    text = " ".join(words)
    assert lark_takes(text) or not loop_takes(text)


LARK = Lark((ROOT / "grammar/policy.lark").read_text(encoding="utf-8"), parser="lalr", start=STARTS)


def lark_takes(text: str) -> bool:
    try:
        LARK.parse(text, start="file")
    except LarkError:
        return False
    return True


def loop_takes(text: str) -> bool:
    report = Report()
    tokens = split_tokens(Source("x", text), report)
    made = parse_tokens(tokens, "file", 0, len(tokens.kinds) - 1)
    lexical = {"E103", "E104", "E106", "E114", "E115"}
    return not isinstance(made, Failure) and not lexical & {one.code for one in report.found}


def test_a_conflict_in_the_grammar_is_an_error() -> None:
    text = 'file: item\nitem: "a" | "a" item | item "a"\n' + "\n".join(
        f'{name}: "{name}"' for name in STARTS_OF_PARSER if name not in {"file", "item"}
    )
    with pytest.raises(ValueError, match="conflicts"):
        build(text)
