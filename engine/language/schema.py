"""The request schema: the standard attributes, and the declared ones of all files merged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from engine.language import catalog, catalog_declarations, items, nodes
from engine.language.diagnostics import Report
from engine.language.program import Field
from engine.language.text import NOWHERE
from engine.language.types import (
    DECIMAL,
    INT,
    IP,
    JSON,
    STRING,
    TEXT,
    TIME,
    Enumeration,
    ListOf,
    Scalar,
    SetOf,
    Type,
)

STAGES = Enumeration(
    ("request", "response", "tool_call", "tool_result", "document", "tool_description")
)
TOOL_STAGES = frozenset({"tool_call", "tool_result", "tool_description"})
"""The stages at which a request must name its tool."""

GROUPS = ("tenant", "user", "model", "tool", "context")
"""Where a schema may add attributes."""

DECLARABLE = (
    "bool",
    "int",
    "float",
    "decimal",
    "string",
    "text",
    "time",
    "duration",
    "ip",
)
"""The names of types without parts that an author may write."""


def standard(path: str, type_: Type, doc: str, *, optional: bool = False) -> Field:
    """Return a standard attribute."""
    return Field(path, type_, optional, doc, standard=True, span=NOWHERE)


STANDARD: Mapping[str, Field] = {
    field.path: field
    for field in (
        standard("stage", STAGES, "Where in the conversation the content stands."),
        standard("tenant.id", STRING, "The tenant on whose behalf the request is made."),
        standard("user.id", STRING, "The user, or the service, that makes the request."),
        standard("user.roles", SetOf(STRING), "The user's roles; empty when none are sent."),
        standard("model.name", STRING, "The model that is asked.", optional=True),
        standard("model.provider", STRING, "Who serves the model.", optional=True),
        standard("model.version", STRING, "The model's version.", optional=True),
        replace(
            standard(
                "tool.name", STRING, "The tool; always present at the tool stages.", optional=True
            ),
            required_when=("stage", TOOL_STAGES),
        ),
        standard("tool.server", STRING, "The server that offers the tool.", optional=True),
        standard(
            "tool.args", JSON, 'The tool\'s arguments, read with `arg("path")`.', optional=True
        ),
        standard("content", TEXT, "All messages, or the one text; empty when none is sent."),
        standard("usage.input_tokens", INT, "Tokens read, known or estimated.", optional=True),
        standard("usage.output_tokens", INT, "Tokens written, known or estimated.", optional=True),
        standard("usage.cost_usd", DECIMAL, "The cost in US dollars.", optional=True),
        standard("session.id", STRING, "The conversation.", optional=True),
        standard("session.labels", SetOf(STRING), "What rules have put on the session."),
        standard(
            "session.turn",
            INT,
            "The turn of the conversation: as sent, else how many requests the session has had.",
        ),
        standard("source.ip", IP, "Where the request comes from.", optional=True),
        standard("now", TIME, "The daemon's clock, or the test's."),
    )
}
"""The attributes that exist without a schema."""


def groups_of(paths: Iterable[str]) -> dict[str, str]:
    """Return every group above the *paths*, each with one path below it.

    ``context.order`` of ``context.order.total``.
    """
    found: dict[str, str] = {}
    for path in paths:
        group = path.rpartition(".")[0]
        while group and group not in found:
            found[group] = path
            group = group.rpartition(".")[0]
    return found


def merge_schemas(files: Iterable[items.File], report: Report) -> dict[str, Field]:
    """Return all attributes by path, standard ones first.

    What contradicts is reported and left out.
    """
    fields = dict(STANDARD)
    schemas = [item for file in files for item in file.items if isinstance(item, items.Schema)]
    for schema in schemas:
        if schema.when is None:
            add_schema(schema, None, fields, report)
    always = dict(fields)
    for schema in schemas:
        if schema.when is not None:
            condition = read_condition(schema.when, always, report)
            if condition is not None:
                add_schema(schema, condition, fields, report)
    groups = groups_of(fields)
    for path in [path for path in fields if path in groups]:
        below = fields[groups[path]]
        report.add(
            catalog_declarations.attribute_is_group(path, below.path, fields[path].span, below.span)
        )
    for path in groups:
        fields.pop(path, None)
    return fields


Condition = tuple[str, frozenset[str]]
"""The path of an enumeration, and the words at which a schema holds."""


def read_condition(
    when: nodes.Expr, fields: Mapping[str, Field], report: Report
) -> Condition | None:
    """Return what ``schema when …`` asks: one enumeration attribute, constant words.

    The result is None after a report.
    """
    while isinstance(when, nodes.Group):
        when = when.inner
    match when:
        case nodes.Comparison(nodes.Name() as name, "==", nodes.Literal() as word):
            written: tuple[nodes.Expr, ...] = (word,)
        case nodes.Comparison(nodes.Name() as name, "in", nodes.SetLiteral(elements)) if elements:
            written = elements
        case _:
            report.add(catalog_declarations.schema_condition(when.span))
            return None
    field = fields.get(name.name)
    if field is None:
        report.add(catalog.unknown_attribute(name.name, fields, name.span))
        return None
    if not isinstance(field.type, Enumeration):
        report.add(catalog_declarations.schema_condition(name.span))
        return None
    found: set[str] = set()
    for one in written:
        if not (isinstance(one, nodes.Literal) and isinstance(one.value, str)):
            report.add(catalog_declarations.schema_condition(one.span))
            return None
        if one.value not in field.type.words:
            report.add(catalog.unknown_word(one.value, field.type.words, one.span))
            return None
        found.add(one.value)
    return field.path, frozenset(found)


def add_schema(
    schema: items.Schema, condition: Condition | None, fields: dict[str, Field], report: Report
) -> None:
    """Add the attributes of one ``schema`` to *fields*, or report why not."""
    for node in schema.fields:
        path, span = node.name.name, node.name.span
        type_ = resolve_type(node.type, report)
        if type_ is None:
            continue
        group, _, rest = path.partition(".")
        needed = None if node.type.optional else condition
        if group == "tool" and condition is None and not node.type.optional:
            needed = ("stage", TOOL_STAGES)
        optional = node.type.optional or needed is not None
        made = Field(path, type_, optional, node.doc, False, span, needed)  # noqa: FBT003
        before = fields.get(path)
        if before is not None and before.standard:
            report.add(catalog_declarations.standard_attribute(path, span))
        elif group not in GROUPS or not rest:
            report.add(catalog_declarations.undeclarable_attribute(path, GROUPS, span))
        elif ".__" in path:
            # Records are Python classes, where such names mean something already.
            report.add(catalog_declarations.underscored_attribute(path, span))
        elif before is None:
            fields[path] = made
        else:
            fields[path] = merge_fields(before, made, report)


def merge_fields(before: Field, after: Field, report: Report) -> Field:
    """Return the one attribute that two declarations make, or report that they disagree.

    Two conditions on the same enumeration add up: the attribute is required where either holds.
    """
    if before.type != after.type or before.optional != after.optional:
        report.extend(catalog_declarations.attribute_clash(before, after))
    elif before.required_when is not None and after.required_when is not None:
        (path, words), (other, more) = before.required_when, after.required_when
        if path == other:
            return replace(before, required_when=(path, words | more))
        report.extend(catalog_declarations.attribute_clash(before, after))
    elif before.required_when != after.required_when:
        report.extend(catalog_declarations.attribute_clash(before, after))
    elif before.span.path == after.span.path:
        report.add(
            catalog_declarations.duplicate("attribute", before.path, after.span, before.span)
        )
    return before


def resolve_type(node: items.TypeNode, report: Report, *, inside: bool = False) -> Type | None:
    """Return the type that *node* names, or None after a report. *inside* a set or list."""
    if node.optional and inside:
        report.add(catalog_declarations.optional_element(node.span))
        return None
    match node.name:
        case "enum":
            return resolve_enumeration(node, report)
        case "set" | "list" if not inside:
            assert node.item is not None
            item = resolve_type(node.item, report, inside=True)
            if item is None:
                return None
            return SetOf(item) if node.name == "set" else ListOf(item)
        case "set" | "list":
            report.add(catalog_declarations.nested_collection(node.span))
            return None
        case name if name in DECLARABLE:
            return Scalar(name)
        case _:  # the parser has reported it
            return None


def resolve_enumeration(node: items.TypeNode, report: Report) -> Enumeration:
    """Return the enumeration of *node*'s words, each once."""
    words: dict[str, None] = {}
    for literal in node.words:
        word = str(literal.value)
        if word in words:
            report.add(catalog_declarations.repeated_word(word, literal.span))
        words[word] = None
    return Enumeration(tuple(words))
