"""An expression, type or record -> lines: on one line if it fits, else broken where a reader would.

Conditions break before ``and`` and ``or``; sets and lists of short things are filled line by line,
others get a line for each element. A comment inside something that can be broken breaks it and
keeps its place; a comment in the middle of anything else goes in front of it.

    when stage == "request"
      and context.purpose in {
        "care",  # the ward's own
        "billing",
      }
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import assert_never

from engine.language import nodes, trials
from engine.language.items import TypeNode
from engine.language.literals import escape_string
from engine.language.nodes import Expr
from engine.language.page import WIDTH, Lines, Page, glue, pad
from engine.language.text import Span

Value = nodes.Literal | nodes.SetLiteral | trials.ListValue | trials.Record | nodes.Negative
Part = Expr | Value | trials.Absent | trials.RecordField

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")
_CONSTANTS = ("true", "false")
_SLASH = re.compile(r"\\.|/")

# --- on one line ---------------------------------------------------------------------------------


def flat(node: Part) -> str:  # noqa: C901 - a case for every kind of node
    """Return *node* on one line."""
    match node:
        case nodes.Literal():
            return node.text
        case nodes.Regex():
            return regex(node)
        case nodes.Name():
            return node.name
        case nodes.SetLiteral():
            return f"{{{flat_all(node.items)}}}"
        case nodes.Group():
            return f"({flat(node.inner)})"
        case nodes.Logic():
            return f" {node.operator} ".join(flat(part) for part in node.parts)
        case nodes.Not():
            return f"not {flat(node.inner)}"
        case nodes.Negative():
            return f"-{flat(node.inner)}"
        case nodes.Comparison() | nodes.Arithmetic():
            return f"{flat(node.left)} {node.operator} {flat(node.right)}"
        case nodes.Has():
            return f"{flat(node.subject)} has {flat_all(node.entities)}"
        case nodes.Presence():
            return f"{flat(node.subject)} is {'present' if node.present else 'absent'}"
        case nodes.Tainted():
            return f"{flat(node.subject)} {'tainted' if node.tainted else 'not tainted'}"
        case nodes.Coalesce():
            return f"{flat(node.left)} ?? {flat(node.right)}"
        case nodes.Quantifier():
            return f"{_quantified(node)}: ({flat(node.body)})"
        case nodes.Call():
            return f"{node.function.name}({flat_all(node.arguments)})"
        case _:
            return _flat_value(node)


def _flat_value(node: trials.ListValue | trials.Record | trials.Absent | trials.RecordField) -> str:
    match node:
        case trials.ListValue():
            return f"[{flat_all(node.items)}]"
        case trials.Record():
            return f"{{ {flat_all(node.fields)} }}" if node.fields else "{}"
        case trials.RecordField():
            return f"{key(node.name)}: {flat(node.value)}"
        case trials.Absent():
            return "absent"
        case _:
            assert_never(node)


def flat_all(parts: Sequence[Part]) -> str:
    """Return *parts* with commas between them."""
    return ", ".join(flat(part) for part in parts)


def key(node: nodes.Name) -> str:
    """Return a record's key, in quotes where it is no name, or where its dots are no path."""
    name = node.name
    plain = _PLAIN_KEY.fullmatch(name) and name not in _CONSTANTS
    quoted = "." in name and node.span.end - node.span.start > len(name)
    return name if plain and not quoted else escape_string(name)


def regex(node: nodes.Regex) -> str:
    r"""Return ``/…/`` with its slashes escaped."""
    body = _SLASH.sub(lambda match: "\\/" if match.group() == "/" else match.group(), node.pattern)
    return f"/{body}/"


def _quantified(node: nodes.Quantifier) -> str:
    return f"{node.kind} {node.variable.name} in {flat(node.collection)}"


def type_text(node: TypeNode) -> str:
    """Return a type as an author writes it."""
    if node.item is not None:
        text = f"{node.name}<{type_text(node.item)}>"
    elif node.name == "enum":
        text = " | ".join(word.text for word in node.words)
    else:
        text = node.name
    return text + "?" * node.optional


# --- on several lines ----------------------------------------------------------------------------


def lay(page: Page, node: Part, indent: int, used: int) -> Lines:  # noqa: C901 - a case a kind
    """Return *node*, written on from column *used* of a line that is indented by *indent*."""
    text = flat(node)
    if used + len(text) <= WIDTH and not page.holds(node.span):
        return [text]
    match node:
        case nodes.Logic():
            return _lay_logic(page, node, indent, used)
        case nodes.Group():
            return ["(", *_inner(page, node.inner, node.span, indent + 2), pad(indent, ")")]
        case nodes.Quantifier():
            head = f"{_quantified(node)}: ("
            return [head, *_inner(page, node.body, node.span, indent + 2), pad(indent, ")")]
        case nodes.Not():
            return glue(["not "], lay(page, node.inner, indent, used + 4))
        case nodes.Comparison() | nodes.Arithmetic():
            return _lay_pair(page, node.left, node.operator, node.right, (indent, used))
        case nodes.Coalesce():
            return _lay_pair(page, node.left, "??", node.right, (indent, used))
        case nodes.Has():
            return fill(
                f"{flat(node.subject)} has ", [one.name for one in node.entities], indent, used
            )
        case nodes.SetLiteral():
            return elements(page, "{", node.items, node.span, indent) if node.items else ["{}"]
        case trials.ListValue():
            return elements(page, "[", node.items, node.span, indent)
        case trials.Record():
            return elements(page, "{", node.fields, node.span, indent)
        case nodes.Call():
            opening = f"{node.function.name}("
            return elements(page, opening, node.arguments, node.span, indent)
        case trials.RecordField():
            head = f"{key(node.name)}: "
            return glue([head], lay(page, node.value, indent, used + len(head)))
        case _:
            return [text]


def _lay_pair(page: Page, left: Part, operator: str, right: Part, place: tuple[int, int]) -> Lines:
    indent, used = place
    first = lay(page, left, indent, used)
    start = len(first[-1]) + (used if len(first) == 1 else 0) + len(operator) + 2
    return glue(first, lay(page, right, indent, start), f" {operator} ")


def _lay_logic(page: Page, node: nodes.Logic, indent: int, used: int) -> Lines:
    """Break before each operator; a part that is itself broken is indented once more."""
    lines: Lines = []
    inner = indent + 2
    for index, part in enumerate(node.parts):
        word = f"{node.operator} " if index else ""
        start = inner + len(word) if index else used
        deeper = inner if index or isinstance(part, nodes.Logic) else indent
        made = glue([word], lay(page, part, deeper, start))
        if index:
            before = page.take_inside(node.span._replace(end=part.span.end))
            lines += [pad(inner, comment.text) for comment in before]
            made[0] = pad(inner, made[0])
        lines += made
        after = node.parts[index + 1].span.start if index + 1 < len(node.parts) else node.span.end
        lines[-1] += page.take_beside(part.span, after)
    return lines


def _inner(page: Page, node: Expr, around: Span, indent: int) -> Lines:
    """Return *node* on lines of its own, with the comments that stand between it and *around*."""
    made = lay(page, node, indent, indent)
    before = page.take_inside(around._replace(end=node.span.end))
    lines = [pad(indent, comment.text) for comment in before]
    lines += [pad(indent, made[0]), *made[1:]]
    lines[-1] += page.take_beside(node.span, around.end)
    return lines + [pad(indent, comment.text) for comment in page.take_inside(around)]


def elements(page: Page, opening: str, parts: Sequence[Part], around: Span, indent: int) -> Lines:
    """Return a bracketed list over several lines, filled where its elements are short and plain."""
    closer = pad(indent, {"{": "}", "[": "]", "(": ")"}[opening[-1]])
    inner = indent + 2
    if not page.holds(around) and all(isinstance(one, nodes.Literal | nodes.Name) for one in parts):
        return [opening, *_filled([f"{flat(one)}," for one in parts], inner), closer]
    lines = [opening]
    for index, part in enumerate(parts):
        made = lay(page, part, inner, inner)
        before = page.take_inside(around._replace(end=part.span.end))
        lines += [pad(inner, comment.text) for comment in before]
        lines += [pad(inner, made[0]), *made[1:]]
        lines[-1] += ","
        after = parts[index + 1].span.start if index + 1 < len(parts) else around.end
        lines[-1] += page.take_beside(part.span, after)
    lines += [pad(inner, comment.text) for comment in page.take_inside(around)]
    return [*lines, closer]


def _filled(words: Sequence[str], indent: int) -> Lines:
    """Return *words* on as few lines as they need."""
    lines: Lines = []
    for word in words:
        if lines and len(lines[-1]) + 1 + len(word) <= WIDTH:
            lines[-1] += f" {word}"
        else:
            lines.append(pad(indent, word))
    return lines


def fill(head: str, words: Sequence[str], indent: int, used: int) -> Lines:
    """Return *head* and *words* with commas, continued on lines that are indented by four."""
    listed = [f"{word}," for word in words[:-1]] + list(words[-1:])
    lines = [head + listed[0]]
    room = WIDTH - used
    for word in listed[1:]:
        if len(lines[-1]) + 1 + len(word) <= room:
            lines[-1] += f" {word}"
        else:
            lines.append(pad(indent + 4, word))
            room = WIDTH
    return lines
