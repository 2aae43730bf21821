from __future__ import annotations

from engine.language.cycles import components, is_cycle
from engine.language.diagnostics import Report
from engine.language.digest import digest_for
from engine.language.parse import parse_file
from engine.language.scope import Environment, collect
from engine.language.text import Source
from tests.language.checking import KNOWN, check_texts, checked, codes

POLICY = "policy p { default allow rule r { when %s then deny } }"


def environment(**texts: str) -> Environment:
    report = Report()
    files = [parse_file(Source(f"{name}.pol", text), report) for name, text in texts.items()]
    made = collect(files, KNOWN, report)
    assert report.found == []
    return made


def digests(**texts: str) -> dict[str, str]:
    """Return the digest of every file for what it sees of the others."""
    report = Report()
    files = [parse_file(Source(f"{name}.pol", text), report) for name, text in texts.items()]
    made = collect(files, KNOWN, report)
    return {file.path: digest_for(made, file) for file in files}


def test_files_of_one_package_see_each_other() -> None:
    assert (
        codes(
            a='package x let staff = {"nurse"} list words from "w.txt"',
            b="package x\n" + POLICY % "user.roles overlaps staff or user.id in words",
        )
        == []
    )


def test_other_packages_are_seen_through_imports_only() -> None:
    other = 'package shared.terms let staff = {"nurse"}'
    assert (
        codes(a=other, b="import shared.terms as t\n" + POLICY % "user.roles overlaps t.staff")
        == []
    )
    assert (
        codes(a=other, b="import shared.terms\n" + POLICY % "user.roles overlaps terms.staff") == []
    )
    named = POLICY % "user.roles overlaps shared.terms.staff"
    assert codes(a=other, b=f"import shared.terms\n{named}") == []
    assert codes(a=other, b=named)[-1] == "E202"


def test_a_let_is_read_with_the_names_of_its_own_file() -> None:
    program = checked(
        a="package x import y let staff = y.roles",
        b='package y let roles = {"nurse"}',
        c="package z import x\n" + POLICY % "user.roles overlaps x.staff",
    )
    assert "nurse" in repr(program.rules[0].when)


def test_a_suggestion_names_what_would_be_right() -> None:
    _, report = check_texts(
        a='package shared let staff = {"nurse"}',
        b="import shared as s\n" + POLICY % "user.roles overlaps s.stuff",
    )
    assert [one.help for one in report.sorted()] == ["did you mean `s.staff`?"]


def test_names_are_unique_across_files() -> None:
    _, report = check_texts(a="policy p { default allow }", b="policy p { default allow }")
    (found,) = report.sorted()
    assert (found.code, str(found.span), str(found.notes[0][1])) == (
        "E510",
        "b.pol:1:8",
        "a.pol:1:8",
    )


def test_file_names_are_relative_to_the_file_that_says_them() -> None:
    report = Report()
    text = 'list words from "../words.txt" facts tenant from "./data/tenants.json"'
    made = collect([parse_file(Source("team/policies/a.pol", text), report)], KNOWN, report)
    assert made.lists["words"].file == "team/words.txt"
    assert made.facts[0].file == "team/policies/data/tenants.json"


def test_a_namespace_stands_for_all_its_entities() -> None:
    made = environment(
        a="entity pii.badge { pattern /B[0-9]+/ } entity clinic.lab.code { pattern /L/ }"
    )
    assert made.namespaces["pii"] == {
        "pii.badge",
        *(name for name in KNOWN.entities if name.startswith("pii.")),
    }
    assert made.namespaces["clinic"] == made.namespaces["clinic.lab"] == {"clinic.lab.code"}


def test_a_classifier_has_a_time_limit_of_its_own() -> None:
    made = environment(a='classifier c { endpoint = "grpc://a" }').classifiers["c"]
    assert (made.endpoint, made.timeout.total_seconds(), made.on_failure) == ("grpc://a", 0.1, None)


def test_a_rule_of_another_package_can_be_counted() -> None:
    made = environment(
        a="package x policy p { default allow rule r { then deny } }",
        b="package y import x meter m counts rule x.p.r by user.id over 1m",
        c="package x meter n counts rule p.r by user.id over 1m",
        d="meter o counts rule x.p.r by user.id over 1m",
    )
    assert {one.rule for one in made.meters.values()} == {"x.p.r"}
    assert made.counted == {"x.p.r"}


def test_a_changed_condition_changes_no_digest() -> None:
    before = digests(a="let x = 1", b=POLICY % "user.id == tenant.id")
    assert digests(a="let x = 1", b=POLICY % "user.id != tenant.id and true") == before


def test_a_changed_let_is_seen_by_its_package_and_its_importers_only() -> None:
    texts = {
        "a": "package a let x = 1",
        "b": "package b import a let y = a.x",
        "c": "package c import b",
        "d": "package d",
    }
    before = digests(**texts)
    after = digests(**texts | {"a": "package a let x = 2"})
    assert [name for name in before if before[name] != after[name]] == ["a.pol", "b.pol", "c.pol"]


def test_a_changed_schema_is_seen_by_all() -> None:
    before = digests(a="schema { context.a: int }", b="")
    after = digests(a="schema { context.a: string }", b="")
    assert before["b.pol"] != after["b.pol"]


def test_names_of_rules_are_seen_by_tests() -> None:
    test = 'test "t" { expect allow }'
    before = digests(a=POLICY % "true", b=test, c="")
    after = digests(a="policy q { default allow }", b=test, c="")
    assert before["b.pol"] != after["b.pol"]
    assert before["c.pol"] == after["c.pol"]


def test_components_come_in_order_of_dependence() -> None:
    graph = {"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": [], "e": ["e"], "f": ["g"], "g": ["f"]}
    found = components(graph)
    assert [set(one) for one in found] == [{"d"}, {"b"}, {"c"}, {"a"}, {"e"}, {"f", "g"}]
    assert [is_cycle(one, graph) for one in found] == [False] * 4 + [True, True]


def test_long_chains_need_no_recursion() -> None:
    graph = {str(one): [str(one + 1)] for one in range(20_000)}
    assert len(components(graph)) == 20_001
