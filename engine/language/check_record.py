"""Records in tests: a written record in, request attributes by path out, each of its type.

The attributes of a request under construction are kept flat, by path, so that a ``case`` can lay
its changes over the ``given`` record, and that over its fixture. ``nest`` turns them into what a
door would have received: groups are dicts, sets and lists are lists, decimals are Decimal, times
are aware datetimes, durations are timedeltas, ip addresses are strings, ``tool.args`` is plain
JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import assert_never

from engine.language import catalog, catalog_tests, nodes, trials
from engine.language.constants import convert_literal
from engine.language.context import Context
from engine.language.program import Field
from engine.language.text import Span
from engine.language.types import FLOAT, INT, IP, JSON, STRING, ListOf, SetOf, Type

ARGUMENTS = "tool.args"
MESSAGES = "messages"
IDS = frozenset({"tenant.id", "user.id", "tool.name"})
"""What must not be empty: over gRPC an empty one is none."""

Draft = dict[str, object]
"""A request under construction: values by path."""

Value = nodes.Literal | nodes.SetLiteral | trials.ListValue | trials.Record | nodes.Negative
"""A written value."""


def lay_over(below: Mapping[str, object], above: trials.Record, context: Context) -> Draft:
    """Return the draft *below* with the record *above* laid over it.

    Mistakes are reported and left out.
    """
    made = dict(below)
    seen: dict[str, Span] = {}
    waiting = [("", one) for one in reversed(above.fields)]
    while waiting:
        prefix, field = waiting.pop()
        path = f"{prefix}{field.name.name}"
        if isinstance(field.value, trials.Record) and path in context.environment.groups:
            waiting.extend((f"{path}.", one) for one in reversed(field.value.fields))
            continue
        before = seen.setdefault(path, field.name.span)
        if before is not field.name.span:
            context.report.add(catalog_tests.repeated_attribute(path, field.name.span, before))
        place(made, path, field, context)
    return made


def place(made: Draft, path: str, field: trials.RecordField, context: Context) -> None:
    """Put one attribute into *made*, or report why not."""
    environment, span = context.environment, field.name.span
    if isinstance(field.value, trials.Absent):
        remove(made, path, span, context)
        return
    value = field.value
    known = environment.fields.get(path)
    if path == "now":
        context.report.add(catalog_tests.clock_in_record(span))
    elif path == MESSAGES:
        made.pop("content", None)
        made[MESSAGES] = read_messages(value, context)
    elif path.startswith(f"{ARGUMENTS}."):
        arguments = made.get(ARGUMENTS)
        fresh = deepcopy(arguments) if isinstance(arguments, dict) else {}
        put(fresh, path.removeprefix(f"{ARGUMENTS}.").split("."), read_json(value, context))
        made[ARGUMENTS] = fresh
    elif known is not None:
        if path == "content":
            made.pop(MESSAGES, None)
        made[path] = read_value(value, known, context)
    elif path in environment.groups:
        context.report.add(catalog_tests.record_expected(path, value.span))
    else:
        context.report.add(catalog.unknown_attribute(path, environment.fields, span))


def remove(made: Draft, path: str, span: Span, context: Context) -> None:
    """Take an attribute, or a whole group, out of *made*."""
    environment = context.environment
    if path not in environment.fields and path not in environment.groups and path != MESSAGES:
        context.report.add(catalog.unknown_attribute(path, environment.fields, span))
    for one in [one for one in made if one == path or one.startswith(f"{path}.")]:
        del made[one]


def read_value(value: Value, field: Field, context: Context) -> object:
    """Return *value* as the attribute *field*, in the door's form; None after a report."""
    if field.type == JSON:
        return read_json(value, context)
    made = read_typed(value, field.type, context)
    if made == "" and field.path in IDS:
        context.report.add(catalog_tests.empty_id(field.path, value.span))
    return made


def read_typed(value: Value, type_: Type, context: Context) -> object:
    """Return *value* as *type_*, in the door's form; None after a report."""
    match value, type_:
        case nodes.SetLiteral(elements), SetOf(item):
            return [read_typed(plain(one), item, context) for one in elements]
        case trials.Record(()), SetOf():
            return []
        case trials.ListValue(elements), ListOf(item):
            return [read_typed(one, item, context) for one in elements]
        case ((nodes.Literal() | nodes.Negative()), _):
            return read_scalar(value, type_, context)
        case _:
            context.report.add(catalog_tests.value_differs(type_, value.span))
            return None


def plain(node: nodes.Expr) -> nodes.Literal | nodes.Negative:
    """Return an element of a set in a record; the grammar allows nothing but literals there."""
    assert isinstance(node, (nodes.Literal, nodes.Negative))
    return node


def read_scalar(value: nodes.Literal | nodes.Negative, type_: Type, context: Context) -> object:
    """Return a literal as *type_*, in the door's form; None after a report."""
    negative = isinstance(value, nodes.Negative)
    literal = value.inner if isinstance(value, nodes.Negative) else value
    assert isinstance(literal, nodes.Literal)
    made = convert_literal(literal, type_, context.report, negative=negative)
    if made is None:
        return None
    if made.type == FLOAT and type_ == INT:
        context.report.add(catalog.literal_type(FLOAT, INT, value.span))
        return None
    return str(made.value) if type_ == IP else made.value


def read_json(value: Value, context: Context) -> object:
    """Return *value* as JSON: None, bool, int, float, str, list or dict; mistakes are reported."""
    match value:
        case nodes.Literal() | nodes.Negative():
            made = read_natural(value, context)
            if made is None or isinstance(made, (bool, int, float, str)):
                return made
            context.report.add(catalog_tests.not_json(value.span))
            return None
        case trials.ListValue(elements):
            return [read_json(one, context) for one in elements]
        case trials.Record(fields):
            found: dict[str, object] = {}
            for field in fields:
                name = field.name
                bare = name.span.end - name.span.start == len(name.name)
                if not isinstance(field.value, trials.Absent):
                    keys = name.name.split(".") if bare else [name.name]
                    put(found, keys, read_json(field.value, context))
            return found
        case nodes.SetLiteral():
            context.report.add(catalog_tests.not_json(value.span))
            return None
        case _:
            assert_never(value)


def read_natural(value: nodes.Literal | nodes.Negative, context: Context) -> object:
    """Return a literal as the type that it has by itself."""
    negative = isinstance(value, nodes.Negative)
    literal = value.inner if isinstance(value, nodes.Negative) else value
    assert isinstance(literal, nodes.Literal)
    made = convert_literal(literal, None, context.report, negative=negative)
    return None if made is None else made.value


def put(into: dict[str, object], keys: list[str], value: object) -> None:
    """Put *value* at a path of a JSON object, making the objects on the way."""
    for key in keys[:-1]:
        inner = into.get(key)
        if not isinstance(inner, dict):
            inner = into[key] = {}
        into = inner
    into[keys[-1]] = value


def read_messages(value: Value, context: Context) -> list[object]:
    """Return ``messages``: a list of records with role and text."""
    if not isinstance(value, trials.ListValue):
        context.report.add(catalog_tests.bad_message(value.span))
        return []
    found: list[object] = []
    for one in value.items:
        fields = one.fields if isinstance(one, trials.Record) else ()
        if sorted(field.name.name for field in fields) != ["role", "text"]:
            context.report.add(catalog_tests.bad_message(one.span))
            continue
        message: dict[str, object] = {}
        for field in fields:
            if isinstance(field.value, nodes.Literal):
                message[field.name.name] = read_typed(field.value, STRING, context)
            else:
                context.report.add(catalog_tests.bad_message(field.value.span))
        found.append(message)
    return found


def nest(draft: Mapping[str, object]) -> dict[str, object]:
    """Return *draft* as a door would have received it: groups as dicts in each other."""
    made: dict[str, object] = {}
    for path, value in draft.items():
        put(made, path.split("."), value)
    return made
