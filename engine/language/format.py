"""A syntax tree -> its one canonical text.

Every file is written in the same style, whatever its author's; formatting twice changes nothing,
and the formatted text parses to the same tree. Things keep their order and at most one blank line
between them; what takes several lines has a blank line around it.

The algorithm: everything in braces is a list of entries, each with its place in the old text and a
function that lays it out (``entries``). They are written one below the other with the comments that
stood between them; a comment behind something stays behind it. Expressions and records break where
a reader would (``layout``) and keep the comments between their parts. What comments nobody has
placed then, in the middle of a comparison for instance, go above the entry they stand in.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import assert_never

from engine.language import items
from engine.language.entries import Entry, block, entries, sealed
from engine.language.format_rules import policy_lines
from engine.language.format_tests import fixture_lines, property_lines, test_lines
from engine.language.items import Comment, File, Item, TypeNode
from engine.language.layout import flat, lay, regex, type_text
from engine.language.page import WIDTH, Lines, Page, pad
from engine.language.text import Span
from engine.language.trials import Fixture, Property, Test


def format_file(file: File) -> str:
    """Return the text of *file* in the canonical style; it ends with a line break if not empty."""
    page = Page(file.comments)
    things: list[Entry] = []
    package = file.package
    if package is not None:
        things.append(
            Entry(package.span, lambda _: [f"package {package.name}"]),
        )
    things += [Entry(one.span, _import(page, one)) for one in file.imports]
    things += [Entry(item.span, _item(page, item), _doc(item)) for item in file.items]
    lines = entries(page, things, sys.maxsize, 0, loose=True)
    return "".join(f"{line}\n" for line in lines)


def _import(page: Page, node: items.Import) -> Callable[[int], Lines]:
    body = f"{node.package.name} as {node.alias.name}" if node.alias else node.package.name
    return lambda indent: sealed(page, "import", [body], node.span, indent)


def _doc(item: Item) -> str | None:
    match item:
        case items.Schema() | items.Facts() | Test():
            return None
        case _:
            return item.doc


def _item(page: Page, item: Item) -> Callable[[int], Lines]:
    return lambda indent: _item_lines(page, item, indent)


def _item_lines(page: Page, item: Item, indent: int) -> Lines:  # noqa: C901 - a case an item
    match item:
        case items.Schema():
            return _schema(page, item, indent)
        case items.Facts():
            return sealed(page, "facts", [f"{item.name.name} from {item.file.text}"], item.span, 0)
        case items.WordList():
            return sealed(page, "list", [f"{item.name.name} from {item.file.text}"], item.span, 0)
        case items.Let():
            head = f"let {item.name.name} ="
            body = lay(page, item.value, indent, indent + len(head) + 1)
            return sealed(page, head, body, item.span, indent)
        case items.Entity():
            parts = [(part.span, _part(part)) for part in item.parts]
            return _braced(page, f"entity {item.name.name}", parts, item.span)
        case items.Classifier():
            parts = [(one.span, f"{one.name.name} = {flat(one.value)}") for one in item.settings]
            return _braced(page, f"classifier {item.name.name}", parts, item.span)
        case items.Meter():
            return _meter(page, item, indent)
        case items.Policy():
            return policy_lines(page, item, indent)
        case Fixture():
            return fixture_lines(page, item, indent)
        case Test():
            return test_lines(page, item, indent)
        case Property():
            return property_lines(page, item, indent)
        case _:
            assert_never(item)


def _braced(page: Page, head: str, parts: Sequence[tuple[Span, str]], span: Span) -> Lines:
    """Return something in braces on one line where that is enough."""
    short = f"{head} {{ {' '.join(text for _, text in parts)} }}"
    if parts and len(short) <= WIDTH and not page.holds(span):
        return [short]
    return block(page, head, [Entry(place, _constant(text)) for place, text in parts], span, 0)


def _constant(text: str) -> Callable[[int], Lines]:
    return lambda _: [text]


def _part(
    part: items.EntityPattern | items.EntityTerms | items.EntityCheck | items.EntityNear,
) -> str:
    match part:
        case items.EntityPattern():
            return f"pattern {regex(part.regex)}"
        case items.EntityTerms():
            return f"terms {part.list.name}"
        case items.EntityCheck():
            return f"check {part.name.name}"
        case items.EntityNear():
            return f"near {', '.join(word.text for word in part.words)}"
        case _:
            assert_never(part)


def _meter(page: Page, meter: items.Meter, indent: int) -> Lines:
    keys = ", ".join(key.name for key in meter.keys)
    body = f"counts rule {meter.rule.name} by {keys} over {meter.window.text}"
    return sealed(page, f"meter {meter.name.name}", [body], meter.span, indent)


# --- the schema ----------------------------------------------------------------------------------


def _schema(page: Page, schema: items.Schema, indent: int) -> Lines:
    """Return a schema; types, and comments behind them, are aligned between blank lines."""
    things: list[Entry] = []
    for group in _groups(schema.fields):
        names = max(len(field.name.name) for field in group) + 2
        texts = [f"{field.name.name}:".ljust(names) + type_text(field.type) for field in group]
        ends = [*[field.span.start for field in group[1:]], schema.span.end]
        beside = [page.beside(field.span, end) for field, end in zip(group, ends, strict=True)]
        column = max((len(text) for text, it in zip(texts, beside, strict=True) if it), default=0)
        things += [
            Entry(field.span, _field(page, field, names), _doc_above(field, comment), column)
            for field, comment in zip(group, beside, strict=True)
        ]
    head = f"schema when {flat(schema.when)}" if schema.when is not None else "schema"
    return block(page, head, things, schema.span, indent)


def _doc_above(field: items.SchemaField, beside: Comment | None) -> str:
    """Return the part of a field's documentation that stands above it."""
    text = beside.text.removeprefix("#").removeprefix(" ") if beside else ""
    return field.doc.removesuffix(text).removesuffix("\n") if text else field.doc


def _groups(fields: Sequence[items.SchemaField]) -> list[list[items.SchemaField]]:
    """Return *fields* parted where a blank line or a comment stands between two."""
    groups = [[fields[0]]] if fields else []
    for before, field in pairwise(fields):
        if field.span.line > before.span.end_line + 1:
            groups.append([])
        groups[-1].append(field)
    return groups


def _field(page: Page, field: items.SchemaField, names: int) -> Callable[[int], Lines]:
    head = f"{field.name.name}:"

    def render(indent: int) -> Lines:
        text = type_text(field.type)
        body = [text]
        if field.type.words and indent + names + len(text) > WIDTH:
            body = _words(field.type, indent, indent + names)
        if page.holds(field.span):
            return sealed(page, head, body, field.span, indent)
        return [head.ljust(names) + body[0], *body[1:]]

    return render


def _words(node: TypeNode, indent: int, used: int) -> Lines:
    """Return a long enumeration, filled and broken before its bars."""
    words = [word.text for word in node.words]
    words[-1] += "?" * node.optional
    lines = [words[0]]
    for word in words[1:]:
        room = WIDTH - (used if len(lines) == 1 else 0)
        if len(lines[-1]) + 3 + len(word) <= room:
            lines[-1] += f" | {word}"
        else:
            lines.append(pad(indent + 2, f"| {word}"))
    return lines
