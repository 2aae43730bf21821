"""Expressions: a syntax tree in; out a typed tree of resolved names and safe reads.

Types flow both ways. A side without a type of its own (a literal, a set of literals, a let of such)
is checked after the other one and takes its type: in ``context.amount > 5`` the 5 becomes a decimal
when the amount is one. Presence flows along ``and`` and ``or``: see ``narrow``. After a problem was
reported for a part, its result is None and whatever encloses it stays silent, so that one mistake
is one message.
"""

from __future__ import annotations

from typing import assert_never

from engine.language import catalog, catalog_tests, catalog_warnings, nodes, operators, typed
from engine.language.calls import check_call
from engine.language.check_names import (
    absence,
    check_scanned,
    find_entities,
    name_is_free,
    read_group,
    read_name,
)
from engine.language.constants import convert_literal
from engine.language.context import Context
from engine.language.environment import Let
from engine.language.names import MAX_DEPTH, MAX_SIZE
from engine.language.narrow import is_optional, may_be_absent, presence_key, when_false, when_true
from engine.language.text import Span
from engine.language.types import (
    BOOL,
    DURATION,
    IP,
    JSON,
    STRING,
    TIME,
    Enumeration,
    SetOf,
    Type,
)

TAINT = "tainted"
"""What is noted as used where a condition asks whether an argument is tainted."""


def check_condition(node: nodes.Expr, context: Context) -> typed.Expr | None:
    """Return *node* as a typed condition (type bool), or None after a report."""
    if not small_enough(node, context):
        return None
    return condition(node, context)


def check_value(node: nodes.Expr, context: Context) -> typed.Expr | None:
    """Return *node* as a typed value of any type, or None after a report."""
    return check(node, context) if small_enough(node, context) else None


def small_enough(node: nodes.Expr, context: Context) -> bool:
    """Return whether *node* with its lets put in is small enough; report otherwise."""
    size, depth = context.measure(node)
    if size <= MAX_SIZE and depth <= MAX_DEPTH:
        return True
    context.report.add(catalog.too_large(MAX_SIZE, MAX_DEPTH, node.span))
    return False


def condition(node: nodes.Expr, context: Context) -> typed.Expr | None:
    """Return *node* typed, and reported when it is no condition."""
    made = check(node, context, BOOL)
    if made is None or made.type == BOOL:
        return made
    context.report.add(catalog.not_a_condition(made.type, node.span))
    return None


def check(node: nodes.Expr, context: Context, wanted: Type | None = None) -> typed.Expr | None:
    """Return *node* typed and surely present, or None after a report."""
    made = read(node, context, wanted)
    if made is None:
        return None
    absent = may_be_absent(made, context.present)
    if absent is None:
        return made
    context.report.add(absence(absent, node.span, context))
    return None


def read(  # noqa: C901 - a case for every node
    node: nodes.Expr, context: Context, wanted: Type | None = None
) -> typed.Expr | None:
    """Return *node* typed, perhaps absent, or None after a report.

    *wanted* is a hint for literals.
    """
    while isinstance(node, nodes.Group):
        node = node.inner
    assert not isinstance(node, nodes.Regex), "the grammar has them only after `matches`"
    match node:
        case nodes.Literal():
            return convert_literal(node, wanted, context.report)
        case nodes.Name(name):
            let = context.let_named(name)
            return read_name(node, context) if let is None else read_let(node, let, context, wanted)
        case nodes.SetLiteral():
            return check_set(node, context, wanted)
        case nodes.Logic():
            return check_logic(node, context)
        case nodes.Not(inner, span):
            made = condition(inner, context)
            return None if made is None else typed.Not(made, BOOL, span)
        case nodes.Negative():
            return check_negative(node, context, wanted)
        case nodes.Comparison():
            return check_comparison(node, context)
        case nodes.Has(subject, entities, span):
            text = check_scanned(read(subject, context), "has", subject.span, context)
            found = find_entities(entities, context)
            if text is None or found is None:
                return None
            return typed.Has(text, found, tuple(one.name for one in entities), BOOL, span)
        case nodes.Presence():
            return check_presence(node, context)
        case nodes.Tainted(subject, tainted, span):
            asked = check_tainted(subject, span, context)
            return asked if asked is None or tainted else typed.Not(asked, BOOL, span)
        case nodes.Coalesce():
            return check_coalesce(node, context, wanted)
        case nodes.Arithmetic():
            return check_arithmetic(node, context, wanted)
        case nodes.Quantifier():
            return check_quantifier(node, context)
        case nodes.Call():
            return check_call(node, context, check)
        case _:
            assert_never(node)


def read_let(
    node: nodes.Name, let: Let, context: Context, wanted: Type | None
) -> typed.Expr | None:
    """Return the value of *let* as if it stood in place of *node*, or None after a report."""
    context.use(let.name, node.name)
    if let.measure is None:
        return None
    key = (let.name, wanted, context.present, context.slot, context.decision)
    if key in context.cache:
        return context.cache[key]
    made = read(let.node.value, context.inside_let(let, node.span), wanted)
    if made is None:
        return None
    if context.decision and not operators.is_constant(made):
        context.report.add(catalog_tests.not_in_expectation(node.name, node.span))
        return None
    context.cache[key] = made
    return made


def without_type(node: nodes.Expr, context: Context) -> bool:
    """Return whether *node* (literals, or made of them) takes its type from what is beside it."""
    match node:
        case nodes.Literal() | nodes.SetLiteral():
            return True
        case nodes.Group(inner) | nodes.Negative(inner):
            return without_type(inner, context)
        case nodes.Arithmetic(left, _, right):
            return without_type(left, context) and without_type(right, context)
        case nodes.Name(name):
            let = context.let_named(name)
            if let is None or let.measure is None:
                return False
            return without_type(let.node.value, context.inside_let(let, node.span))
        case _:
            return False


def check_sides(
    left: nodes.Expr, right: nodes.Expr, context: Context
) -> tuple[typed.Expr, typed.Expr] | None:
    """Return both sides typed, one without a type by that of the other, or None after a report."""
    if without_type(left, context) and not without_type(right, context):
        second = check(right, context)
        first = None if second is None else check(left, context, second.type)
    else:
        first = check(left, context)
        wanted = None if first is None or not without_type(right, context) else first.type
        second = check(right, context, wanted)
    return None if first is None or second is None else (first, second)


def check_arithmetic(
    node: nodes.Arithmetic, context: Context, wanted: Type | None
) -> typed.Expr | None:
    """Return ``left + right`` and its kin, or None after a report.

    Literals become of the type of the other side, or of the *wanted* one; but times and durations
    mix with durations and numbers, so there a literal keeps its own type.
    """
    left, right = node.left, node.right
    turned = without_type(left, context) and not without_type(right, context)
    one, other = (right, left) if turned else (left, right)
    first = check(one, context, number_hint(one, wanted, context))
    beside = None if first is None else first.type
    second = check(other, context, number_hint(other, beside, context))
    if first is None or second is None:
        return None
    sides = (second, first) if turned else (first, second)
    return operators.calculate(node.operator, *sides, node.span, context.report)


def number_hint(node: nodes.Expr, type_: Type | None, context: Context) -> Type | None:
    """Return *type_* if it is a hint for an operand: for numbers, where the operand may be one."""
    while not isinstance(node, nodes.Literal):
        match node:
            case nodes.Group(inner) | nodes.Negative(inner):
                node = inner
            case nodes.Name(name) if (let := context.let_named(name)) is not None and let.measure:
                node, context = let.node.value, context.inside_let(let, node.span)
            case _:
                return None if type_ in {TIME, DURATION} else type_
    number = node.kind in {"int", "number"}
    return type_ if number and type_ not in {TIME, DURATION} else None


def check_set(node: nodes.SetLiteral, context: Context, wanted: Type | None) -> typed.Expr | None:
    """Return a set literal, a constant when all its elements are, or None after a report."""
    item = operators.element_type(wanted) if wanted is not None else None
    item = None if item == JSON else item  # a set has one type, whatever json it is compared with
    made: list[typed.Expr] = []
    failed = False
    if item is None:
        own = next((one for one in node.items if not without_type(one, context)), None)
        first = None if own is None else check(own, context)
        item = None if first is None else first.type
    for one in node.items:
        element = check(one, context, item)
        if element is None:
            failed = True
            continue
        item = item or element.type
        made.append(element)
    return None if failed else operators.gather(node, made, item or STRING, context.report)


def check_logic(node: nodes.Logic, context: Context) -> typed.Expr | None:
    """Return ``and`` or ``or``; each part is read where the parts before it held (or did not)."""
    parts: list[typed.Expr] = []
    here = context
    for one in node.parts:
        part = condition(one, here)
        if part is None:
            here = here.with_present(None)
            continue
        parts.append(part)
        implied = when_true if node.operator == "and" else when_false
        here = here.with_present(implied(part, context.environment.required))
    if len(parts) < len(node.parts):
        return None
    if node.operator == "and":
        return typed.And(tuple(parts), BOOL, node.span)
    return typed.Or(tuple(parts), BOOL, node.span)


def check_negative(
    node: nodes.Negative, context: Context, wanted: Type | None
) -> typed.Expr | None:
    """Return ``-x``: a constant for a literal, else a subtraction; None after a report."""
    inner = node.inner
    if isinstance(inner, nodes.Literal) and inner.kind in {"int", "number", "duration"}:
        return convert_literal(inner, wanted, context.report, negative=True)
    made = check(inner, context, wanted)
    return None if made is None else operators.negate(made, node.span, context.report)


def check_comparison(node: nodes.Comparison, context: Context) -> typed.Expr | None:
    """Return one comparison by its operator, or None after a report."""
    at, span, report = node.operator_span, node.span, context.report
    match node.operator:
        case "==" | "!=" | "<" | "<=" | ">" | ">=" as operator:
            sides = check_sides(node.left, node.right, context)
            if sides is None:
                return None
            return operators.compare(operator, sides[0], sides[1], at, span, report)
        case "in":
            return check_member(node, node.left, node.right, context)
        case "not in":
            inside = check_member(node, node.left, node.right, context)
            return None if inside is None else typed.Not(inside, BOOL, span)
        case "contains":
            return check_member(node, node.right, node.left, context)
        case "overlaps":
            sides = check_sides(node.left, node.right, context)
            if sides is None:
                return None
            return operators.compare_sets("overlaps", sides[0], sides[1], at, span, report)
        case "within":
            return check_within(node, context)
        case "like" | "matches":
            return check_text_test(node, context)
        case _:
            assert_never(node.operator)


def check_member(
    node: nodes.Comparison, item: nodes.Expr, whole: nodes.Expr, context: Context
) -> typed.Expr | None:
    """Return whether *item* is in *whole* (``contains`` has them the other way round), or None."""
    first: typed.Expr | None
    second: typed.Expr | None
    if without_type(item, context) and not without_type(whole, context):
        second = check(whole, context)
        within = None if second is None else operators.element_type(second.type)
        first = None if second is None else check(item, context, within)
    else:
        first = check(item, context)
        wanted = None if first is None else SetOf(first.type)
        second = check(whole, context, wanted if without_type(whole, context) else None)
    if first is None or second is None:
        return None
    if node.operator == "contains":
        return operators.contains(second, first, node.operator_span, node.span, context.report)
    return operators.member(first, second, node.operator_span, node.span, context.report)


def check_within(node: nodes.Comparison, context: Context) -> typed.Expr | None:
    """Return a set ``within`` a set or an address ``within`` networks, or None after a report."""
    if without_type(node.left, context):
        sides = check_sides(node.left, node.right, context)
    else:
        left = check(node.left, context)
        if left is not None and left.type == IP:
            right = check(node.right, context)
            return (
                None if right is None else operators.in_networks(node, left, right, context.report)
            )
        if left is None:
            return None
        right = check(node.right, context, left.type if without_type(node.right, context) else None)
        sides = None if right is None else (left, right)
    if sides is None:
        return None
    return operators.compare_sets(
        "within", sides[0], sides[1], node.operator_span, node.span, context.report
    )


def check_text_test(node: nodes.Comparison, context: Context) -> typed.Expr | None:
    """Return ``like`` or ``matches``, or None after a report."""
    made = check(node.left, context)
    text = None if made is None else operators.as_text(made)
    if text is None:
        if made is not None:
            context.report.add(catalog.needs_text(node.operator, made.type, node.left.span))
        return None
    if node.operator == "like":
        pattern = check(node.right, context)
        if isinstance(pattern, typed.Constant) and isinstance(pattern.value, str):
            return typed.Like(text, pattern.value, BOOL, node.span)
        if pattern is not None:
            context.report.add(catalog.glob_not_constant(node.right.span))
        return None
    assert isinstance(node.right, nodes.Regex), "the grammar has nothing else after `matches`"
    return operators.matches(text, node.right, node.span, context.report)


def check_presence(node: nodes.Presence, context: Context) -> typed.Expr | None:
    """Return ``is present`` (``is absent`` as its negative), or None after a report."""
    subject = read_group(node.subject, context) or read(node.subject, context)
    if subject is None:
        return None
    if presence_key(subject) is None:
        context.report.add(catalog.no_presence(node.subject.span))
        return None
    made: typed.Expr = typed.Present(subject, BOOL, node.span)
    if not is_optional(subject):
        context.report.add(catalog_warnings.never_absent(node.subject.span))
        made = typed.Constant(value=True, type=BOOL, span=node.span)
    return made if node.present else typed.Not(made, BOOL, node.span)


def check_tainted(node: nodes.Expr, span: Span, context: Context) -> typed.Tainted | None:
    """Return whether the argument that *node* is, is tainted, or None after a report."""
    subject = read(node, context)
    if subject is None:
        return None
    if not isinstance(subject, typed.ArgumentAt):
        context.report.add(catalog.not_an_argument(node.span))
        return None
    context.used.add(TAINT)
    return typed.Tainted(subject.path, BOOL, span)


def check_coalesce(
    node: nodes.Coalesce, context: Context, wanted: Type | None
) -> typed.Expr | None:
    """Return ``left ?? right``, or None after a report.

    ``(a ?? b) ?? c`` becomes ``a ?? (b ?? c)``.
    """
    left = read(node.left, context, wanted)
    right = None if left is None else read_default(node.right, left.type, context)
    if left is None or right is None:
        return None
    return operators.join(node, left, right, context.report)


def read_default(node: nodes.Expr, beside: Type, context: Context) -> typed.Expr | None:
    """Return the right side of ``??``, perhaps absent.

    A word may stand outside the enumeration beside it.
    """
    inner = node.inner if isinstance(node, nodes.Group) else node
    if isinstance(beside, Enumeration) and isinstance(inner, nodes.Literal):
        return check(inner, context)
    return read(node, context, beside if without_type(node, context) else None)


def check_quantifier(node: nodes.Quantifier, context: Context) -> typed.Expr | None:
    """Return ``any`` or ``all`` with its body checked for an element, or None after a report."""
    collection = check(node.collection, context)
    free = name_is_free(node.variable, context)
    if collection is None or not free:
        return None
    item = operators.element_type(collection.type)
    if item is None:
        context.report.add(catalog.not_a_collection(collection.type, node.collection.span))
        return None
    variable = typed.Variable(node.variable.name, context.slot, item, node.variable.span)
    body = condition(node.body, context.with_variable(variable))
    if body is None:
        return None
    return typed.Quantifier(
        node.kind, variable.name, variable.slot, collection, body, BOOL, node.span
    )
