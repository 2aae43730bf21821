"""Names in expressions: attributes, variables, lists, meters, entities, tool arguments."""

from __future__ import annotations

from collections.abc import Sequence

from engine.language import catalog, catalog_tests, nodes, typed
from engine.language.context import Context
from engine.language.diagnostics import Diagnostic
from engine.language.environment import RESERVED, find_list, visible_names
from engine.language.functions import TABLE
from engine.language.narrow import may_be_absent, written
from engine.language.text import Span
from engine.language.types import (
    DECIMAL,
    DURATION,
    INT,
    JSON,
    STRING,
    TEXT,
    SetOf,
    Type,
)

DECISION_FIELDS: dict[str, Type] = {
    "content": TEXT,
    "reason": STRING,
    "retry_after": DURATION,
    "limit": DECIMAL,
    "remaining": DECIMAL,
    "reset": DURATION,
    "queue": STRING,
    "reviewers": INT,
    "labels": SetOf(STRING),
    "revision": STRING,
}
"""What an expectation can read of a decision, beside ``advice.NAME``."""


def read_name(node: nodes.Name, context: Context) -> typed.Expr | None:
    """Return what *node* stands for (a let excepted), perhaps absent, or None after a report."""
    if context.decision:
        return read_decision(node, context)
    name, span = node.name, node.span
    for variable in reversed(context.variables):
        if variable.name == name:
            return typed.Variable(name, variable.slot, variable.type, span)
    field = context.environment.fields.get(name)
    if field is not None:
        return typed.Attribute(name, field.optional, field.type, span)
    found = find_list(context.environment, context.scope, name)
    if found is not None:
        context.use(found.name, name)
        return typed.NamedList(found.name, SetOf(STRING), span)
    if name.startswith("meter."):
        return read_meter(name.removeprefix("meter."), span, context)
    context.report.add(unresolved(name, span, context))
    return None


def unresolved(name: str, span: Span, context: Context) -> Diagnostic:
    """Return the best explanation of a name that means nothing here."""
    environment = context.environment
    head = name.partition(".")[0]
    if name in environment.groups:
        return catalog.group_as_value(name, environment.fields, span)
    if name in TABLE or name.startswith("classifier."):
        return catalog.call_expected(name, span)
    if any(variable.name == head for variable in context.variables):
        return catalog.variable_has_no_parts(head, span)
    if head in RESERVED:
        return catalog.unknown_attribute(name, environment.fields, span)
    names = [one.name for one in context.variables]
    return catalog.unknown_name(name, [*names, *visible_names(environment, context.scope)], span)


def read_decision(node: nodes.Name, context: Context) -> typed.Expr | None:
    """Return the field of the decision that *node* names, or None after a report."""
    type_ = DECISION_FIELDS.get(node.name)
    if node.name.startswith("advice.") and node.name.count(".") == 1:
        type_ = JSON
    if type_ is None:
        known = [*DECISION_FIELDS, "advice.NAME"]
        context.report.add(catalog_tests.unknown_decision_field(node.name, known, node.span))
        return None
    return typed.Attribute(f"decision.{node.name}", True, type_, node.span)  # noqa: FBT003


def read_meter(name: str, span: Span, context: Context) -> typed.Expr | None:
    """Return the count of the meter *name*, or None after a report."""
    if name not in context.environment.meters:
        context.report.add(catalog.unknown_meter(name, context.environment.meters, span))
        return None
    context.used.add(f"meter.{name}")
    return typed.Count(name, INT, span)


def read_group(node: nodes.Expr, context: Context) -> typed.Expr | None:
    """Return what tells whether a group is present (of ``tool`` its name); None for others."""
    if isinstance(node, nodes.Name) and node.name == "tool" and not context.decision:
        field = context.environment.fields["tool.name"]
        return typed.Attribute(field.path, field.optional, field.type, node.span)
    return None


def read_argument(node: nodes.Call, context: Context) -> typed.Expr | None:
    """Return ``arg("path.to.x")``, which may always be absent, or None after a report."""
    written = node.arguments[0]
    if not (isinstance(written, nodes.Literal) and isinstance(written.value, str)):
        context.report.add(catalog.path_not_literal(written.span))
        return None
    parts = written.value.split(".")
    if not all(parts):
        context.report.add(catalog.empty_path_part(written.span))
        return None
    path = tuple(int(part) if index(part) else part for part in parts)
    return typed.ArgumentAt(path, JSON, node.span)


def index(part: str) -> bool:
    """Return whether a part of a path is the place of an element, such as ``0`` or ``12``."""
    digits = part.isascii() and part.isdigit() and len(part) < 10  # noqa: PLR2004 - no list is longer
    return digits and (part == "0" or part[0] != "0")


def check_scanned(
    subject: typed.Expr | None, operation: str, span: Span, context: Context
) -> typed.Expr | None:
    """Return *subject* if it is a present attribute of type text, or None after a report."""
    if subject is None:
        return None
    if not isinstance(subject, typed.Attribute) or subject.type != TEXT:
        context.report.add(catalog.not_scannable(operation, span))
        return None
    if may_be_absent(subject, context.present) is not None:
        context.report.add(absence(subject, span, context))
        return None
    return subject


def absence(subject: typed.Expr, at: Span, context: Context) -> Diagnostic:
    """Return the report that *subject*, read at *at* (or in a let used there), may be absent."""
    condition = None
    if isinstance(subject, typed.Attribute):
        condition = context.environment.fields[subject.path].required_when
    return catalog.may_be_absent(written(subject), condition, context.used_at or at)


def find_entities(names: Sequence[nodes.Expr], context: Context) -> frozenset[str] | None:
    """Return the entities that *names* mean, or None after a report.

    ``pii.any`` means all below ``pii.``; so does ``pii.national_id``, of which there are many.
    """
    environment = context.environment
    found: set[str] = set()
    failed = not names
    for node in names:
        if not isinstance(node, nodes.Name):
            context.report.add(catalog.entity_expected(node.span))
            failed = True
            continue
        name = node.name
        space, _, last = name.rpartition(".")
        if last != "any" and "." in name:
            space, last = name, "any"
        if name in environment.known.entities or name in environment.entities:
            context.used.add(name)
            found.add(name)
        elif last == "any" and space in environment.namespaces:
            found |= environment.namespaces[space]
            context.used.update(environment.namespaces[space])
        else:
            known = [*environment.known.entities, *environment.entities]
            every = [f"{one}.any" for one in environment.namespaces]
            context.report.add(catalog.unknown_entity(name, [*known, *every], node.span))
            failed = True
    return None if failed else frozenset(found)


def name_is_free(variable: nodes.Name, context: Context) -> bool:
    """Return whether a quantifier may call its variable so; report otherwise."""
    name = variable.name
    taken = (
        name in RESERVED
        or any(one.name == name for one in context.variables)
        or context.let_named(name) is not None
        or find_list(context.environment, context.scope, name) is not None
    )
    if taken or "." in name:
        context.report.add(catalog.variable_taken(name, variable.span))
        return False
    return True
