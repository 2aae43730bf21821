"""A program in, the values worth trying out: for every attribute those that a condition asks for.

Random values alone would almost never meet ``tenant.id == "north"`` or ``context.amount > 500``.
So the palette of an attribute holds the constants that it is compared with, their neighbours, and
a few plain values of its type; texts come from the bundle's own tests and from samples.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from heapq import nsmallest
from ipaddress import IPv4Network, IPv6Network
from typing import assert_never

from engine.language import program, typed
from engine.language.types import Enumeration, ListOf, Scalar, SetOf, Type
from engine.language.walk import inner

PLAIN: Mapping[Scalar, tuple[object, ...]] = {
    Scalar.BOOL: (True, False),
    Scalar.INT: (0, 1, -1, 7, 1_000_000),
    Scalar.FLOAT: (0.0, 0.5, 1.0, -1.0, 1e6),
    Scalar.DECIMAL: (Decimal(0), Decimal("0.01"), Decimal(1), Decimal(100_000)),
    Scalar.STRING: ("", "a", "something else"),
    Scalar.TEXT: ("", "hello", "something else"),
    Scalar.TIME: (datetime(2026, 1, 1, tzinfo=UTC), datetime(2030, 6, 15, 23, tzinfo=UTC)),
    Scalar.DURATION: (timedelta(0), timedelta(seconds=1), timedelta(days=1)),
    Scalar.IP: ("127.0.0.1", "203.0.113.9", "2001:db8::1"),
    Scalar.JSON: (None, {}, 0, "a"),
}

NEIGHBOURS: Mapping[type, object] = {
    int: 1,
    float: 0.01,
    Decimal: Decimal("0.01"),
    datetime: timedelta(seconds=1),
    timedelta: timedelta(seconds=1),
}
"""How far the values beside a constant of this type stand from it."""

FEW = 5
"""How many entries of a list file are tried."""


@dataclass(frozen=True, slots=True)
class Palette:
    """Values worth trying: by attribute path, for parts of the tool arguments, and texts."""

    values: Mapping[str, tuple[object, ...]]
    arguments: Mapping[tuple[str | int, ...], tuple[object, ...]]
    texts: tuple[str, ...]
    mocks: Mapping[str, tuple[float | int, ...]]
    """Values of classifiers, meters and taints, by name as a test would mock them."""

    def of(self, field: program.Field) -> tuple[object, ...]:
        """Return the values to choose from for *field*, never none."""
        own = (*self.values.get(field.path, ()), *plain(field.type))
        if field.path.endswith(".id"):
            return tuple(one for one in own if one != "")
        if field.path.startswith("usage."):
            return tuple(one for one in own if isinstance(one, int | Decimal) and one >= 0)
        return (*own, *self.texts) if field.type == Scalar.TEXT else own


def plain(type_: Type) -> tuple[object, ...]:
    """Return a few values of *type_* that no condition asked for."""
    match type_:
        case Scalar():
            return PLAIN[type_]
        case Enumeration(words):
            return words
        case SetOf(item) | ListOf(item):
            items = plain(item)
            return ([], [items[0]], list(items[:2]))
        case _:
            assert_never(type_)


def read_palette(  # noqa: C901 - a case for every kind of subject
    checked: program.Program,
    texts: Iterable[str],
    ids: Mapping[str, Iterable[str]],
    lists: Mapping[str, Iterable[str]],
) -> Palette:
    """Return the palette of *checked*.

    *texts* are samples of content; *ids* are those that the facts know, by attribute path; *lists*
    are the entries of the list files, by name.
    """
    short = {name: tuple(nsmallest(FEW, entries)) for name, entries in lists.items()}
    values: dict[str, dict[object, None]] = {
        path: dict.fromkeys(those) for path, those in ids.items()
    }
    arguments: dict[tuple[str | int, ...], dict[object, None]] = {}
    mocks = answers(checked)
    found = dict.fromkeys(texts)
    for condition in conditions(checked):
        for node in descend(condition):
            for subject, value in wanted(node, short):
                match subject:
                    case typed.Attribute(path):
                        values.setdefault(path, {}).update(dict.fromkeys(value))
                    case typed.ArgumentAt(keys):
                        arguments.setdefault(keys, {}).update(dict.fromkeys(value))
                    case typed.Call(_, (typed.Attribute(path), *_)):
                        # Of a count or a length the number says nothing about the text.
                        texts = (one for one in value if isinstance(one, str))
                        values.setdefault(path, {}).update(dict.fromkeys(texts))
                    case typed.Tainted(keys):
                        arguments.setdefault(keys, {})
                        mocks[program.taint_mock(keys)] = {True: None, False: None}
                    case typed.Score(name):
                        scores = (float(one) for one in numbers(value) if 0 <= one <= 1)
                        mocks[f"classifier.{name}"].update(dict.fromkeys(scores))
                    case typed.Count(name):
                        counts = (int(one) for one in numbers(value) if one >= 0)
                        mocks[f"meter.{name}"].update(dict.fromkeys(counts))
                    case _:
                        continue
    for test in checked.tests:
        found.update(dict.fromkeys(contents(test.steps)))
    return Palette(
        {path: tuple(map(loose, those)) for path, those in values.items()},
        {keys: tuple(map(loose, those)) for keys, those in arguments.items()},
        tuple(found),
        {name: tuple(those) for name, those in mocks.items()},
    )


def answers(checked: program.Program) -> dict[str, dict[float | int, None]]:
    """Return a few values of every classifier and meter that no condition asked for."""
    return {
        **{f"classifier.{name}": dict.fromkeys((0.0, 0.5, 1.0)) for name in checked.classifiers},
        **{f"meter.{name}": dict.fromkeys((0, 1, 1_000)) for name in checked.meters},
    }


def numbers(values: Iterable[object]) -> Iterator[float | int | Decimal]:
    """Yield the numbers among *values*."""
    for value in values:
        if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
            yield value


def conditions(checked: program.Program) -> Iterator[typed.Expr]:
    """Yield every condition of the program: of policies, rules and properties."""
    for policy in checked.policies:
        if policy.applies is not None:
            yield policy.applies
        for rule in policy.rules:
            yield from (one for one in (rule.when, rule.unless) if one is not None)
    for law in checked.properties:
        yield law.when


def descend(node: typed.Expr) -> Iterator[typed.Expr]:
    """Yield *node* and everything in it, outermost first."""
    yield node
    for part in inner(node):
        yield from descend(part)


def wanted(  # noqa: C901  a case for every kind of condition that tells values apart
    node: typed.Expr, lists: Mapping[str, tuple[str, ...]]
) -> Iterator[tuple[typed.Expr, tuple[object, ...]]]:
    """Yield each subject in *node* with the values that *node* tells apart."""
    match node:
        case typed.Member(item, typed.NamedList(name)):
            yield bare(item), lists[name]
        case typed.Overlaps(left, typed.NamedList(name)):
            yield bare(left), tuple((one,) for one in lists[name])
        case typed.Within(left, typed.NamedList(name)):
            yield bare(left), (lists[name],)
        case typed.Compare(_, left, typed.Constant(value)):
            yield bare(left), around(value)
        case typed.Compare(_, typed.Constant(value), right):
            yield bare(right), around(value)
        case typed.Member(item, typed.Constant(frozenset() | tuple() as those)):
            yield bare(item), tuple(sorted(those, key=repr))
        case typed.Member(typed.Constant(value), collection):
            yield bare(collection), ((value,),)
        case typed.Overlaps(left, typed.Constant(frozenset() as those)):
            yield bare(left), tuple((one,) for one in sorted(those, key=repr))
        case typed.Within(left, typed.Constant(frozenset() as those)):
            yield bare(left), (tuple(sorted(those, key=repr)),)
        case typed.Quantifier(collection=collection, body=body):
            for part in descend(body):
                for subject, values in wanted(part, lists):
                    if isinstance(subject, typed.Variable):
                        yield bare(collection), tuple((one,) for one in values)
        case typed.InNetwork(address, networks):
            yield bare(address), tuple(map(first_address, networks))
        case typed.Like(text, pattern):
            yield bare(text), (pattern.replace("*", "x").replace("?", "y"),)
        case typed.Tainted():
            yield node, (True, False)
        case typed.Substring(text, typed.Constant(value)):
            yield bare(text), (value, f"before {value} after")
        case _:
            return


def bare(node: typed.Expr) -> typed.Expr:
    """Return what stands under conversions and defaults of *node*."""
    match node:
        case typed.Convert(one) | typed.Coalesce(one, _):
            return bare(one)
        case _:
            return node


def around(value: object) -> tuple[object, ...]:
    """Return *value* and its neighbours below and above, where its type has any."""
    step = NEIGHBOURS.get(type(value))
    if step is None:
        return (value,)
    try:
        return (value, value - step, value + step)  # type: ignore[operator]
    except OverflowError:
        # The first or the last moment that there is.
        return (value,)


def first_address(network: IPv4Network | IPv6Network) -> str:
    """Return the first address of *network*."""
    return str(network.network_address)


def loose(value: object) -> object:
    """Return *value* as a door would receive it: sets and tuples as lists, addresses as text."""
    match value:
        case frozenset() | tuple() | list():
            return [loose(one) for one in value]
        case dict():
            return {name: loose(one) for name, one in value.items()}
        case bool() | int() | float() | str() | Decimal() | datetime() | timedelta() | None:
            return value
        case _:
            return str(value)


def contents(steps: Iterable[program.Step]) -> Iterator[str]:
    """Yield the content texts of the requests in *steps*."""
    for step in steps:
        match step:
            case program.Given(request) | program.Case(_, request):
                content = request.get("content")
                if isinstance(content, str):
                    yield content
            case program.Repeat(_, inner):
                yield from contents(inner)
            case _:
                continue
