from __future__ import annotations

from engine.language.required import required
from engine.language.schema import STAGES, STANDARD, TOOL_STAGES
from engine.language.types import DECIMAL, INT, STRING, Enumeration, ListOf, SetOf
from tests.language.checking import check_texts, checked, codes


def test_the_standard_attributes_exist_without_a_schema() -> None:
    fields = checked(empty="").fields
    assert fields == dict(sorted(STANDARD.items()))
    assert all(field.doc and field.standard for field in fields.values())


def test_what_a_request_must_bring() -> None:
    assert {path for path, field in STANDARD.items() if required(field)} == {
        "stage",
        "tenant.id",
        "user.id",
    }


def test_a_tool_has_a_name_at_the_tool_stages() -> None:
    assert STANDARD["tool.name"].required_when == ("stage", TOOL_STAGES)
    assert set(STAGES.words) > TOOL_STAGES


def test_a_schema_adds_attributes_with_their_documentation() -> None:
    fields = checked(
        a="""
        schema {
          # How much it costs.
          context.amount: decimal?   # in euros
          context.order.lines: list<int>
          user.teams: set<"red" | "blue">
          tenant.plan: "free" | "pro"
        }"""
    ).fields
    amount = fields["context.amount"]
    assert (amount.type, amount.optional, amount.standard) == (DECIMAL, True, False)
    assert amount.doc == "How much it costs.\nin euros"
    assert fields["context.order.lines"].type == ListOf(INT)
    assert fields["user.teams"].type == SetOf(Enumeration(("red", "blue")))
    assert str(fields["tenant.plan"].type) == '"free" | "pro"'


def test_files_may_declare_the_same_attribute_alike() -> None:
    assert codes(a="schema { context.a: int }", b="schema { context.a: int }") == []


def test_files_that_disagree_are_both_pointed_at() -> None:
    _, report = check_texts(
        a="schema { context.a: int }",
        b="schema { context.a: string }",
        c="schema { context.a: int }",
    )
    assert [(str(one.span), one.code) for one in report.sorted()] == [
        ("a.pol:1:10", "E503"),
        ("b.pol:1:10", "E503"),
    ]
    first, second = report.sorted()
    assert first.notes[0][1] == second.span
    assert second.notes == (("`int` here", first.span),)


def test_optional_and_required_do_not_agree() -> None:
    _, report = check_texts(a="schema { context.a: int }", b="schema { context.a: int? }")
    assert [one.notes[0][0] for one in report.sorted()] == ["`int?` here", "`int` here"]


def test_a_conditional_schema_asks_at_its_words_only() -> None:
    program = checked(
        a="""
        schema { context.app: "support" | "sales" | "web" }
        schema when context.app == "support" { context.ticket: string  context.vip: bool? }
        """,
        b='schema when context.app in {"sales"} { context.ticket: string }',
    )
    ticket = program.fields["context.ticket"]
    assert (ticket.type, ticket.optional) == (STRING, True)
    assert ticket.required_when == ("context.app", frozenset({"support", "sales"}))
    assert program.fields["context.vip"].required_when is None


def test_conditions_on_different_enumerations_do_not_agree() -> None:
    _, report = check_texts(
        a='schema { context.app: "a" | "b" } schema when context.app == "a" { context.x: int }',
        b='schema when stage == "request" { context.x: int }',
    )
    assert [one.code for one in report.sorted()] == ["E503", "E503"]
    assert report.sorted()[0].notes[0][0] == "`int when …` here"


def test_attributes_of_a_tool_are_asked_at_the_tool_stages() -> None:
    field = checked(a="schema { tool.risk: int }").fields["tool.risk"]
    assert (field.optional, field.required_when) == (True, ("stage", TOOL_STAGES))


def test_an_unknown_type_is_reported_once() -> None:
    assert codes(a="schema { context.a: sring }") == ["E120"]
