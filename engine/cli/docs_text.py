"""A bundle's syntax trees and its checked program in, Markdown out: conditions as written."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar, assert_never

from engine.language import items, program, trials
from engine.language.format_rules import action_text, rule_lines
from engine.language.layout import flat, regex, type_text
from engine.language.nodes import Literal
from engine.language.page import Page
from engine.language.render import inert

T = TypeVar("T")

TICKS = re.compile(r"`+")
SPECIAL = re.compile(r"([\\`*_\[\]<>])")
Lines = Iterator[str]


@dataclass(frozen=True, slots=True)
class Book:
    """What is documented: *files* sorted by path, and the *program* that they make."""

    title: str
    files: tuple[items.File, ...]
    program: program.Program
    entries: Mapping[str, int]
    """How many entries each list has, by full name."""

    def each(self, kind: type[T]) -> list[tuple[str, T]]:
        """Return the items of *kind* with the package they stand in, in the order of the files."""
        return [
            (file.package.name if file.package else "", item)
            for file in self.files
            for item in file.items
            if isinstance(item, kind)
        ]


def book_lines(book: Book) -> Lines:
    """Yield the lines of the documentation."""
    yield f"# {plain(book.title)}"
    yield ""
    counts = (
        ("policy", "policies", len(book.program.policies)),
        ("rule", "rules", len(book.program.rules)),
        ("test", "tests", len(book.program.tests)),
        ("property", "properties", len(book.program.properties)),
    )
    yield ", ".join(f"{number} {one if number == 1 else many}" for one, many, number in counts)
    for title, section in SECTIONS:
        body = list(section(book))
        if body:
            yield from ("", f"## {title}", "", *body)


# --- declarations --------------------------------------------------------------------------------


def schema_lines(book: Book) -> Lines:
    """Yield the table of what requests bring beside the standard attributes."""
    supplied = {one.group for one in book.program.facts}
    rows = []
    for _, schema in book.each(items.Schema):
        condition = f"when {code(flat(schema.when))}" if schema.when else ""
        for field in schema.fields:
            known = book.program.fields[field.name.name]
            needed = "no" if field.type.optional else condition or "yes"
            if known.path.split(".")[0] in supplied and not field.type.optional:
                needed += ", by the facts or the request"
            rows.append((code(known.path), code(type_text(field.type)), needed, prose(field.doc)))
    yield from table(("attribute", "type", "required", "meaning"), sorted(set(rows)))


def facts_lines(book: Book) -> Lines:
    """Yield the table of the files that supply attributes."""
    rows = [(code(f"{one.group}.id"), code(one.file)) for one in book.program.facts]
    yield from table(("looked up by", "file"), sorted(rows))


def list_lines(book: Book) -> Lines:
    """Yield the table of the lists."""
    rows = [
        (code(name), code(one.file), f"{book.entries[name]:,}", prose(one.doc))
        for name, one in sorted(book.program.lists.items())
    ]
    yield from table(("list", "file", "entries", "meaning"), rows)


def let_lines(book: Book) -> Lines:
    """Yield the table of the named values."""
    rows = [
        (code(full(package, one.name.name)), code(flat(one.value)), prose(one.doc))
        for package, one in book.each(items.Let)
    ]
    yield from table(("name", "value", "meaning"), sorted(rows))


def entity_lines(book: Book) -> Lines:
    """Yield the table of the author's entity types."""
    rows = [
        (code(one.name.name), ", ".join(map(part_text, one.parts)), prose(one.doc))
        for _, one in book.each(items.Entity)
    ]
    yield from table(("entity", "found by", "meaning"), sorted(rows))


def part_text(
    part: items.EntityPattern | items.EntityTerms | items.EntityCheck | items.EntityNear,
) -> str:
    """Return how one part of an entity finds it."""
    match part:
        case items.EntityPattern():
            return f"pattern {code(regex(part.regex))}"
        case items.EntityTerms():
            return f"the terms of {code(part.list.name)}"
        case items.EntityCheck():
            return f"check {code(part.name.name)}"
        case items.EntityNear():
            return f"near {', '.join(code(word.text) for word in part.words)}"
        case _:
            assert_never(part)


def classifier_lines(book: Book) -> Lines:
    """Yield the table of the classifiers."""
    rows = [
        (
            code(f"classifier.{one.name.name}"),
            ", ".join(code(f"{each.name.name} = {flat(each.value)}") for each in one.settings),
            prose(one.doc),
        )
        for _, one in book.each(items.Classifier)
    ]
    yield from table(("classifier", "settings", "meaning"), sorted(rows))


def meter_lines(book: Book) -> Lines:
    """Yield the table of the meters."""
    rows = [
        (
            code(f"meter.{one.name.name}"),
            code(one.rule.name),
            ", ".join(code(key.name) for key in one.keys),
            one.window.text,
            prose(one.doc),
        )
        for _, one in book.each(items.Meter)
    ]
    yield from table(("meter", "counts", "by", "over", "meaning"), sorted(rows))


# --- policies ------------------------------------------------------------------------------------


def policy_sections(book: Book) -> Lines:
    """Yield a section for each policy, sorted by name."""
    policies = {full(package, one.name.name): one for package, one in book.each(items.Policy)}
    for number, name in enumerate(sorted(policies)):
        if number:
            yield ""
        yield from policy_lines(name, policies[name])


def policy_lines(name: str, policy: items.Policy) -> Lines:
    """Yield what one policy says."""
    yield f"### {code(name)}{after(policy.title)}"
    yield ""
    yield from paragraphs(policy.doc)
    where = f"when {code(flat(policy.applies))}" if policy.applies else "to every request"
    reason = f": {plain(str(policy.default_reason.value))}" if policy.default_reason else ""
    yield f"Applies {where}. Without a matching rule: **{policy.default}**{reason}."
    match policy.mode:
        case items.Mode(mode) if mode.name == "shadow":
            yield ""
            yield "In shadow: evaluated and recorded, never enforced."
        case items.Rollout(percent, key):
            yield ""
            yield f"Enforced for {percent.text} of the values of {code(key.name)}."
        case _:
            pass
    rows = [
        (code(rule.name.name), code(action_text(rule.action)), severity(rule), headline(rule))
        for rule in policy.rules
    ]
    if rows:
        yield ""
        yield from table(("rule", "action", "severity", "about"), rows)
    for rule in policy.rules:
        yield from rule_section(rule)


def rule_section(rule: items.Rule) -> Lines:
    """Yield one rule: its title, its description, and the rule as it is written."""
    yield ""
    yield f"#### {code(rule.name.name)}{after(rule.title)}"
    yield ""
    yield from paragraphs(rule.doc)
    written = rule_lines(Page([]), rule, 0)
    # On one line a rule has nothing but its action.
    short = [f"then {action_text(rule.action)}"]
    inner = [line.removeprefix("  ") for line in written[1:-1]] or short
    fence = "`" * max(3, 1 + longest_ticks("\n".join(inner)))
    yield from (f"{fence}text", *inner, fence)


def severity(rule: items.Rule) -> str:
    """Return the severity of *rule*, or nothing."""
    found = [one.level.name for one in rule.riders if isinstance(one, items.SeverityRider)]
    return found[0] if found else ""


def headline(rule: items.Rule) -> str:
    """Return the title of *rule*, or else the first sentence of its description."""
    if rule.title:
        return plain(str(rule.title.value))
    return prose(re.split(r"(?<=[.!?])\s", rule.doc, maxsplit=1)[0])


# --- tests ---------------------------------------------------------------------------------------


def test_lines(book: Book) -> Lines:
    """Yield what the tests promise, by package."""
    found: dict[str, list[trials.Test]] = {}
    for package, test in book.each(trials.Test):
        found.setdefault(package, []).append(test)
    for number, package in enumerate(sorted(found)):
        if number:
            yield ""
        if package:
            yield from (f"### {code(package)}", "")
        for test in found[package]:
            yield f"- {plain(str(test.name.value))}"
            yield from (f"  - {plain(name)}" for name in cases(test.steps))


def cases(steps: Sequence[trials.Step]) -> Lines:
    """Yield the names of the cases in *steps*."""
    for step in steps:
        match step:
            case trials.Case(name):
                yield str(name.value)
            case trials.Repeat(_, inner):
                yield from cases(inner)
            case _:
                continue


def property_lines(book: Book) -> Lines:
    """Yield what holds for every request."""
    for package, one in sorted(
        book.each(trials.Property), key=lambda found: full(found[0], found[1].name.name)
    ):
        law = f"{one.kind} {' or '.join(one.actions)} when {flat(one.when)}"
        yield f"- {code(full(package, one.name.name))}{after(one.title)}: {code(law)}"
        if one.doc:
            yield f"  — {prose(one.doc)}"


SECTIONS: tuple[tuple[str, Callable[[Book], Lines]], ...] = (
    ("What requests bring", schema_lines),
    ("Facts", facts_lines),
    ("Lists", list_lines),
    ("Named values", let_lines),
    ("Entities", entity_lines),
    ("Classifiers", classifier_lines),
    ("Meters", meter_lines),
    ("Policies", policy_sections),
    ("Tests", test_lines),
    ("Properties", property_lines),
)


# --- Markdown ------------------------------------------------------------------------------------


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Lines:
    """Yield a table, without the columns in which nothing stands; nothing when there is no row."""
    kept = [place for place in range(len(heads)) if any(row[place] for row in rows)]
    if not kept:
        return
    yield line([heads[place] for place in kept])
    yield line(["---" for _ in kept])
    for row in rows:
        yield line([row[place] for place in kept])


def line(cells: Sequence[str]) -> str:
    """Return a row of a table."""
    # A bar ends a cell even in code, so it is escaped there too.
    shown = [cell.replace("|", "\\|") for cell in cells]
    return "|" + "|".join(f" {cell} " if cell else " " for cell in shown) + "|"


def full(package: str, name: str) -> str:
    """Return *name* with its package before it, if there is one."""
    return f"{package}.{name}" if package else name


def after(title: Literal | None) -> str:
    """Return a title as it follows a name, if there is one."""
    return f" — {plain(str(title.value))}" if title else ""


def paragraphs(doc: str) -> Lines:
    """Yield a description and a blank line; nothing when there is none."""
    if doc:
        yield from (*(plain(one) for one in doc.splitlines()), "")


def prose(doc: str) -> str:
    """Return a description on one line, for a cell."""
    return plain(" ".join(doc.split()))


def plain(text: str) -> str:
    """Return *text* so that Markdown shows it as it is; code between backticks stays code."""
    parts = re.split(r"(`[^`]+`)", "\n".join(map(inert, text.split("\n"))))
    return "".join(
        one if number % 2 else SPECIAL.sub(r"\\\1", one) for number, one in enumerate(parts)
    )


def code(text: str) -> str:
    """Return *text* as inline code."""
    ticks = "`" * (1 + longest_ticks(text))
    edge = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{ticks}{edge}{text}{edge}{ticks}"


def longest_ticks(text: str) -> int:
    """Return the length of the longest run of backticks in *text*."""
    return max((len(run) for run in TICKS.findall(text)), default=0)
