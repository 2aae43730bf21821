"""Reduced grammar rules -> nodes: one small function a rule of the grammar, under the rule's name.

A builder takes the tokens, the rule's children in the grammar's order (absent options are None,
lists are spliced in at the end) and the numbers of its first and last token. It also refuses what
the grammar lets through for the sake of a better message: clauses out of order, given twice or
missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from engine.language import catalog_syntax as catalog
from engine.language import items, trials
from engine.language.build_expressions import EXPRESSIONS, Word, bounded
from engine.language.depth import too_deep
from engine.language.lex import Tokens
from engine.language.nodes import Literal, Name
from engine.language.text import Span

SCALARS = ("bool", "int", "float", "decimal", "string", "text", "time", "duration", "ip")

Children = list[Any]
Builder = Callable[[Tokens, Children, int, int], Any]


class Clause(NamedTuple):
    """A part of a rule or policy that is no node of its own: ``when …``, ``default …``."""

    kind: str
    value: Any
    reason: Literal | None
    span: Span


# --- documentation -------------------------------------------------------------------------------


def doc_above(tokens: Tokens, first: int) -> str:
    """Return the comment block that ends on the line before token *first*, without its marks."""
    if first and tokens.lines[first - 1] == tokens.lines[first]:
        return ""
    owned = tokens.own_comments()
    line = tokens.lines[first] - 1
    found: list[str] = []
    while line in owned:
        found.append(owned[line])
        line -= 1
    return "\n".join(reversed(found))


def doc_beside(tokens: Tokens, first: int, last: int) -> str:
    """Return the comment block above token *first* and the comment behind token *last*."""
    above = doc_above(tokens, first)
    beside = tokens.trailing_comments().get(tokens.lines[last], "")
    if last + 1 < len(tokens.kinds) - 1 and tokens.lines[last + 1] == tokens.lines[last]:
        beside = ""
    return "\n".join(part for part in (above, beside) if part)


# --- files and declarations ----------------------------------------------------------------------


def file(tokens: Tokens, children: Children, first: int, last: int) -> items.File:
    """Return the node of ``package``, imports and items."""
    del first, last
    return items.File(
        tokens.source.path,
        children[0],
        tuple(one for one in children[1:] if isinstance(one, items.Import)),
        tuple(one for one in children[1:] if one is not None and not isinstance(one, items.Import)),
        tuple(tokens.comments),
    )


def import_(tokens: Tokens, children: Children, first: int, last: int) -> items.Import:
    """Return the node of ``import shared.terms as terms``."""
    return items.Import(children[0], children[1], tokens.span(first, last))


def schema(tokens: Tokens, children: Children, first: int, last: int) -> items.Schema:
    """Return the node of ``schema { … }``, ``schema when context.app == "support" { … }``."""
    when, *fields = children
    if when:
        when = bounded(tokens, when, first, last)
    return items.Schema(tuple(fields), tokens.span(first, last), when)


def field(tokens: Tokens, children: Children, first: int, last: int) -> items.SchemaField:
    """Return the node of ``tenant.plan: "free" | "pro"``."""
    name, kind = children
    if too_deep(tokens, kind, first, last):
        kind = items.TypeNode("bool", None, (), False, kind.span)  # noqa: FBT003 - a node's field
    doc = doc_beside(tokens, first, last)
    return items.SchemaField(name, kind, doc, tokens.span(first, last))


def scalar(tokens: Tokens, children: Children, first: int, last: int) -> items.TypeNode:
    """Return the node of ``string?``."""
    name: Name = children[0]
    if name.name not in SCALARS:
        tokens.report.add(catalog.unknown_type(name, SCALARS))
    optional = children[1] is not None
    return items.TypeNode(name.name, None, (), optional, tokens.span(first, last))


def collection(tokens: Tokens, children: Children, first: int, last: int) -> items.TypeNode:
    """Return the node of ``set<string>``, ``list<int>?``."""
    word, item, mark = children
    return items.TypeNode(word.text, item, (), mark is not None, tokens.span(first, last))


def words(tokens: Tokens, children: Children, first: int, last: int) -> items.TypeNode:
    """Return the node of ``"free" | "pro"``."""
    given = tuple(one for one in children if isinstance(one, Literal))
    optional = isinstance(children[-1], Word)
    return items.TypeNode("enum", None, given, optional, tokens.span(first, last))


def facts(tokens: Tokens, children: Children, first: int, last: int) -> items.Facts:
    """Return the node of ``facts tenant from "tenants.json"``."""
    return items.Facts(children[0], children[1], tokens.span(first, last))


def word_list(tokens: Tokens, children: Children, first: int, last: int) -> items.WordList:
    """Return the node of ``list blocked from "blocked.txt"``."""
    _, name, path = children
    return items.WordList(name, path, doc_above(tokens, first), tokens.span(first, last))


def let(tokens: Tokens, children: Children, first: int, last: int) -> items.Let:
    """Return the node of ``let staff = {"nurse"}``."""
    name = children[0]
    value = bounded(tokens, children[1], first, last)
    return items.Let(name, value, doc_above(tokens, first), tokens.span(first, last))


def entity(tokens: Tokens, children: Children, first: int, last: int) -> items.Entity:
    """Return the node of ``entity clinic.mrn { … }``."""
    name, *parts = children
    return items.Entity(name, tuple(parts), doc_above(tokens, first), tokens.span(first, last))


def pattern(tokens: Tokens, children: Children, first: int, last: int) -> items.EntityPattern:
    """Return the node of ``pattern /…/``."""
    return items.EntityPattern(children[0], tokens.span(first, last))


def terms(tokens: Tokens, children: Children, first: int, last: int) -> items.EntityTerms:
    """Return the node of ``terms blocked``."""
    return items.EntityTerms(children[0], tokens.span(first, last))


def check(tokens: Tokens, children: Children, first: int, last: int) -> items.EntityCheck:
    """Return the node of ``check luhn``."""
    return items.EntityCheck(children[0], tokens.span(first, last))


def near(tokens: Tokens, children: Children, first: int, last: int) -> items.EntityNear:
    """Return the node of ``near "mrn", "record"``."""
    return items.EntityNear(tuple(children), tokens.span(first, last))


def classifier(tokens: Tokens, children: Children, first: int, last: int) -> items.Classifier:
    """Return the node of ``classifier toxicity { … }``."""
    name, *settings = children
    doc = doc_above(tokens, first)
    return items.Classifier(name, tuple(settings), doc, tokens.span(first, last))


def setting(tokens: Tokens, children: Children, first: int, last: int) -> items.Setting:
    """Return the node of ``timeout = 40ms``."""
    return items.Setting(children[0], children[1], tokens.span(first, last))


def meter(tokens: Tokens, children: Children, first: int, last: int) -> items.Meter:
    """Return the node of ``meter refusals counts rule a.b by user.id over 10m``."""
    name, rule_name, keys, window = children
    doc = doc_above(tokens, first)
    return items.Meter(name, rule_name, keys, window, doc, tokens.span(first, last))


# --- tests ---------------------------------------------------------------------------------------


def fixture(tokens: Tokens, children: Children, first: int, last: int) -> trials.Fixture:
    """Return the node of ``fixture nurse { … }``."""
    name = children[0]
    made = shallow(tokens, children[1], first, last)
    return trials.Fixture(name, made, doc_above(tokens, first), tokens.span(first, last))


def test(tokens: Tokens, children: Children, first: int, last: int) -> trials.Test:
    """Return the node of ``test "…" { … }``."""
    name, *steps = children
    steps = [one for one in steps if not too_deep(tokens, one, first, last)]
    return trials.Test(name, tuple(steps), tokens.span(first, last))


def at(tokens: Tokens, children: Children, first: int, last: int) -> trials.At:
    """Return the node of ``at 2026-01-01T00:00:00Z``."""
    return trials.At(children[0], tokens.span(first, last))


def advance(tokens: Tokens, children: Children, first: int, last: int) -> trials.Advance:
    """Return the node of ``advance 1s``."""
    return trials.Advance(children[0], tokens.span(first, last))


def mock(tokens: Tokens, children: Children, first: int, last: int) -> trials.Mock:
    """Return the node of ``mock injection(content) = 0.9``."""
    return trials.Mock(children[0], children[1], tokens.span(first, last))


def given_with(tokens: Tokens, children: Children, first: int, last: int) -> trials.Given:
    """Return the node of ``given nurse with { … }``."""
    made = shallow(tokens, children[1], first, last)
    return trials.Given(children[0], made, tokens.span(first, last))


def given_fixture(tokens: Tokens, children: Children, first: int, last: int) -> trials.Given:
    """Return the node of ``given nurse``."""
    return trials.Given(children[0], None, tokens.span(first, last))


def given_record(tokens: Tokens, children: Children, first: int, last: int) -> trials.Given:
    """Return the node of ``given { … }``."""
    made = shallow(tokens, children[0], first, last)
    return trials.Given(None, made, tokens.span(first, last))


def settle(tokens: Tokens, children: Children, first: int, last: int) -> trials.Settle:
    """Return the node of ``settle { usage.output_tokens: 900 }``."""
    record = children[0] and shallow(tokens, children[0], first, last)
    return trials.Settle(record, tokens.span(first, last))


def repeat(tokens: Tokens, children: Children, first: int, last: int) -> trials.Repeat:
    """Return the node of ``repeat 10 { … }``."""
    times, *steps = children
    return trials.Repeat(times, tuple(steps), tokens.span(first, last))


def expect(tokens: Tokens, children: Children, first: int, last: int) -> trials.Expect:
    """Return the node of ``expect allow``."""
    return trials.Expect(children[0], tokens.span(first, last))


def case(tokens: Tokens, children: Children, first: int, last: int) -> trials.Case:
    """Return the node of ``case "clerk" { … } expect deny``."""
    name, given, expected = children
    made = shallow(tokens, given, first, last) if given else None
    return trials.Case(name, made, expected, tokens.span(first, last))


def expectation(tokens: Tokens, children: Children, first: int, last: int) -> trials.Expectation:
    """Return the node of ``redact by a.b and content == "…"``."""
    word, by, condition = children
    if condition:
        condition = bounded(tokens, condition, first, last)
    return trials.Expectation(word.text, by or (), condition, tokens.span(first, last))


def property_(tokens: Tokens, children: Children, first: int, last: int) -> trials.Property:
    """Return the node of ``property x "…" { never allow when … }``."""
    name, title, kind, *actions, condition = children
    return trials.Property(
        name,
        title,
        kind.text,
        tuple(word.text for word in actions),
        bounded(tokens, condition, first, last),
        doc_above(tokens, first),
        tokens.span(first, last),
    )


def shallow(tokens: Tokens, made: trials.Record, first: int, last: int) -> trials.Record:
    """Return *made*, or an empty record when it is too deep for the passes that follow."""
    return trials.Record((), made.span) if too_deep(tokens, made, first, last) else made


def record(tokens: Tokens, children: Children, first: int, last: int) -> trials.Record:
    """Return the node of ``{ a.b: 1, "c": { … } }``; the same key twice is an error."""
    seen: dict[str, Span] = {}
    for one in children:
        before = seen.setdefault(one.name.name, one.name.span)
        if before is not one.name.span:
            tokens.report.add(catalog.repeated(f"key `{one.name.name}`", one.name.span, before))
    return trials.Record(tuple(children), tokens.span(first, last))


def entry(tokens: Tokens, children: Children, first: int, last: int) -> trials.RecordField:
    """Return the node of ``user.roles: {"nurse"}``."""
    key, value = children
    name = key if isinstance(key, Name) else Name(str(key.value), key.span)
    return trials.RecordField(name, value, tokens.span(first, last))


def values(tokens: Tokens, children: Children, first: int, last: int) -> trials.ListValue:
    """Return the node of ``[1, 2]``."""
    return trials.ListValue(tuple(children), tokens.span(first, last))


def absent(tokens: Tokens, children: Children, first: int, last: int) -> trials.Absent:
    """Return the node of ``absent``."""
    del children
    return trials.Absent(tokens.span(first, last))


DECLARATIONS: Mapping[str, Builder] = {
    **EXPRESSIONS,
    "file": file,
    "import": import_,
    "schema": schema,
    "field": field,
    "scalar": scalar,
    "collection": collection,
    "words": words,
    "facts": facts,
    "word_list": word_list,
    "let": let,
    "entity": entity,
    "pattern": pattern,
    "terms": terms,
    "check": check,
    "near": near,
    "classifier": classifier,
    "setting": setting,
    "meter": meter,
    "fixture": fixture,
    "test": test,
    "at": at,
    "advance": advance,
    "mock": mock,
    "given_with": given_with,
    "given_fixture": given_fixture,
    "given_record": given_record,
    "settle": settle,
    "repeat": repeat,
    "expect": expect,
    "case": case,
    "expectation": expectation,
    "property": property_,
    "record": record,
    "entry": entry,
    "values": values,
    "absent": absent,
}
