"""A plan -> code objects, one function a fragment, whose lines and columns are the policy's own.

Python's ``ast`` is built, never source text, so nothing an author writes can become code; the file
name of the code is the path of the policy, so tracebacks and profilers show the ``.pol`` line. A
function is

    def fragment(record, evidence, applied, hits, slow, rules_0, policy_0):
        a0 = record.tenant.plan                   # attributes read twice or more
        m0 = None                                 # dear conditions needed twice or more
        if a0 == "pro":                           # what several rules need
            hits.append(rules_0 + 3)
            try:
                if record.context.cost / record.context.calls > 5:
                    hits.append(rules_0 + 4)
            except FAULTS:                        # the reference evaluator judges this rule
                slow.append(rules_0 + 4)

``rules_0`` is the number of the first rule of the unit's policy 0 and ``policy_0`` the policy's
own, both bound when the unit is linked. A policy that cannot be judged is put on *slow* as
``~number``.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import CodeType

from engine.language import typed
from engine.language.cost import EVIDENCE, cost, steady
from engine.language.emit import (
    Constants,
    Emitter,
    Place,
    attribute,
    call,
    constant,
    name,
    path_of,
    place,
    read,
)
from engine.language.plan import Block, Branch, Entry, Fragment, Look, Piece, Plan, Spec
from engine.language.typed import Expr
from engine.language.types import JSON
from engine.language.walk import anonymous, inner

ARGUMENTS = ("record", "evidence", "applied", "hits", "slow")
MEMORABLE = 8
"""A condition at least this dear is kept when a function needs it twice."""


@dataclass(frozen=True, slots=True)
class Generated:
    """The code of one file and the constants ``k0``, ``k1`` … that it needs bound."""

    pieces: tuple[Piece, ...]
    constants: tuple[Spec, ...]


def generate(plan: Plan) -> Generated:
    """Return the compiled fragments of *plan*."""
    constants = Constants()
    made: list[ast.stmt] = [function(one, constants) for one in plan.fragments]
    module = compile(ast.Module(made, []), plan.path, "exec", dont_inherit=True)
    codes = [one for one in module.co_consts if isinstance(one, CodeType)]
    pieces = tuple(
        Piece(fragment.steps, code, *policies_of(fragment.body), looks_of(fragment.body))
        for fragment, code in zip(plan.fragments, codes, strict=True)
    )
    return Generated(pieces, tuple(constants.names))


def policies_of(block: Block) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the policies whose rules stand in *block*, and those whose ``applies when`` does."""
    entries = list(entries_of(block))
    ruled = sorted({one.policy for one in entries if one.rule is not None})
    applying = sorted({one.policy for one in entries if one.rule is None})
    return tuple(ruled), tuple(applying)


def looks_of(block: Block) -> tuple[Look, ...]:
    """Return what *block* looks for first whenever it is tried, and what it redacts always.

    What is only looked for where something else holds, that no index knows, is not told; but that
    a text is present holds where it is looked at.
    """
    return tuple(dict.fromkeys(looks_in(block)))


def looks_in(block: Block) -> Iterator[Look]:
    """Give what `looks_of` returns, some of it twice or more."""
    for one in block:
        if isinstance(one, Branch):
            looks = list(looks_at(one.condition))
            yield from looks
            if looks or isinstance(one.condition, typed.Present):
                yield from looks_in(one.body)
            continue
        parts = [part for part in one.parts if not isinstance(part, typed.Present)]
        if parts:
            yield from looks_at(parts[0])
        elif one.redacts is not None:
            yield one.redacts


def looks_at(condition: Expr) -> Iterator[Look]:
    """Give the entities that *condition* may look for first, and where."""
    match condition:
        case typed.Has(text, entities):
            yield path_of(text), entities
        case typed.Call(_, (text, *_), entities) if entities:
            yield path_of(text), entities
        case typed.And(parts):
            yield from looks_at(parts[0])
        case _:
            for one in inner(condition):
                yield from looks_at(one)


def entries_of(block: Block) -> Iterator[Entry]:
    """Give every entry of *block*."""
    for one in block:
        if isinstance(one, Branch):
            yield from entries_of(one.body)
        else:
            yield one


def conditions_of(block: Block) -> Iterator[Expr]:
    """Give every condition of *block*, as it will be written."""
    for one in block:
        if isinstance(one, Branch):
            yield one.condition
            yield from conditions_of(one.body)
        else:
            yield from one.parts


def function(fragment: Fragment, constants: Constants) -> ast.FunctionDef:
    """Return the function that tries the entries of *fragment*."""
    here = place(fragment.span)
    conditions = list(conditions_of(fragment.body))
    locals_ = {path: f"a{index}" for index, path in enumerate(repeated_attributes(conditions))}
    memos = {node: f"m{index}" for index, node in enumerate(repeated_conditions(conditions))}
    body: list[ast.stmt] = [
        ast.Assign([ast.Name(variable, ast.Store(), **here)], read(path, here), None, **here)
        for path, variable in locals_.items()
    ]
    body.extend(
        ast.Assign([ast.Name(variable, ast.Store(), **here)], constant(None, here), None, **here)
        for variable in memos.values()
    )
    body.extend(statements(fragment.body, Emitter(constants, locals_, memos)))
    ruled, applying = policies_of(fragment.body)
    bound = [*(f"rules_{one}" for one in ruled), *(f"policy_{one}" for one in applying)]
    arguments = ast.arguments(
        posonlyargs=[],
        args=[ast.arg(one, None, None, **here) for one in (*ARGUMENTS, *bound)],
        kwonlyargs=[],
        kw_defaults=[],
        defaults=[],
    )
    return ast.FunctionDef("fragment", arguments, body, [], None, None, **here)


def repeated_attributes(conditions: Iterable[Expr]) -> list[str]:
    """Return the paths of the record that *conditions* read twice or more, outside quantifiers."""
    counts: Counter[str] = Counter()
    for node in outside_quantifiers(conditions):
        if isinstance(node, typed.Attribute):
            counts[node.path] += 1
        elif isinstance(node, typed.Coalesce) and isinstance(node.subject, typed.Attribute):
            counts[node.subject.path] += 1
    return [path for path, count in counts.items() if count > 1 and path not in EVIDENCE]


def repeated_conditions(conditions: Iterable[Expr]) -> list[Expr]:
    """Return what is dear and needed twice or more, without places. Json may be None: left out."""
    counts: Counter[Expr] = Counter()
    for node in outside_quantifiers(conditions):
        if cost(node) >= MEMORABLE and node.type != JSON:
            counts[anonymous(node)] += 1
    return [node for node, count in counts.items() if count > 1]


def outside_quantifiers(conditions: Iterable[Expr]) -> Iterator[Expr]:
    """Give every expression in *conditions* except what stands inside a quantifier."""
    for node in conditions:
        yield node
        if not isinstance(node, typed.Quantifier):
            yield from outside_quantifiers(inner(node))


def statements(block: Block, emitter: Emitter) -> list[ast.stmt]:
    """Return the statements that try the entries of *block*."""
    made: list[ast.stmt] = []
    for one in block:
        if isinstance(one, Branch):
            test = emitter.expression(one.condition)
            inside = statements(one.body, emitter)
            made.append(ast.If(test, inside, [], **place(one.condition.span)))
        else:
            made.append(attempt(one, emitter))
    return made


def attempt(entry: Entry, emitter: Emitter) -> ast.stmt:
    """Return the statement that tries *entry*; it stands in a ``try`` only if it can fail."""
    here = place(entry.span)
    if entry.rule is None:
        number = name(f"policy_{entry.policy}", here)
        found = append("applied", number, here)
        lost = append("slow", ast.UnaryOp(ast.Invert(), number, **here), here)
    else:
        base = name(f"rules_{entry.policy}", here)
        number = ast.BinOp(base, ast.Add(), constant(entry.rule, here), **here)
        found = append("hits", number, here)
        lost = append("slow", number, here)
    if not entry.parts:
        return found
    tests = emitter.all(entry.parts)
    test = tests[0] if len(tests) == 1 else ast.BoolOp(ast.And(), tests, **here)
    tried = ast.If(test, [found], [], **here)
    if all(map(steady, entry.parts)):
        return tried
    handler = ast.ExceptHandler(name("FAULTS", here), None, [lost], **here)
    return ast.Try([tried], [handler], [], [], **here)


def append(to: str, value: ast.expr, here: Place) -> ast.stmt:
    """Return ``to.append(value)``."""
    return ast.Expr(call(attribute(name(to, here), "append", here), [value], here), **here)
