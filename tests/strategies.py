"""Hypothesis strategies: well-typed expressions over the schema of ``vocabulary``.

Every kind of typed node is made, and everything that can be unknowable: meters, classifiers,
detectors and session labels that fail, division by zero, numbers out of range, json of the wrong
kind. Optional attributes are read only where they are present, as the checker guarantees.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from hypothesis import strategies as st

from engine.language import typed
from engine.language.text import NOWHERE
from engine.language.typed import Expr
from engine.language.types import (
    BOOL,
    DECIMAL,
    DURATION,
    FLOAT,
    INT,
    IP,
    JSON,
    STRING,
    TEXT,
    TIME,
    Enumeration,
    ListOf,
    SetOf,
    Type,
)
from tests.vocabulary import (
    ENTITIES,
    GLOBS,
    LISTS,
    NETWORKS,
    NUMBERS,
    OPTIONAL,
    ORDERED,
    PATHS,
    PATTERNS,
    REQUIRED,
    STRINGS,
    VALUES,
    WORDS,
    attribute,
    constant,
)

Picked = TypeVar("Picked")


@dataclass(frozen=True, slots=True)
class Scope:
    """What an expression may read: optional attributes that are present, and variables by slot."""

    present: frozenset[str] = frozenset()
    variables: tuple[Type, ...] = ()


@dataclass(frozen=True, slots=True)
class Maker:
    """Draws expressions. ``condition`` and ``value`` are the two entrances."""

    draw: st.DrawFn

    def pick(self, options: Sequence[Picked]) -> Picked:
        """Return one of *options*."""
        return self.draw(st.sampled_from(options))

    def some(self, options: Sequence[Picked], most: int = 3) -> list[Picked]:
        """Return one to *most* different ones of *options*."""
        return self.draw(st.lists(st.sampled_from(options), min_size=1, max_size=most, unique=True))

    # --- conditions ------------------------------------------------------------------------------

    def condition(self, depth: int, scope: Scope) -> Expr:
        """Return an expression of type bool."""
        if depth == 0:
            return self.pick(LEAVES)(self, scope)
        return self.pick(BRANCHES)(self, depth - 1, scope)

    def all_of(self, depth: int, scope: Scope) -> Expr:
        """Return a conjunction."""
        return typed.And(self.several(depth, scope), BOOL, NOWHERE)

    def any_of(self, depth: int, scope: Scope) -> Expr:
        """Return a disjunction."""
        return typed.Or(self.several(depth, scope), BOOL, NOWHERE)

    def several(self, depth: int, scope: Scope) -> tuple[Expr, ...]:
        """Return two or three conditions."""
        return tuple(self.condition(depth, scope) for _ in range(self.pick((2, 3))))

    def negation(self, depth: int, scope: Scope) -> Expr:
        """Return a negation."""
        return typed.Not(self.condition(depth, scope), BOOL, NOWHERE)

    def guarded(self, depth: int, scope: Scope) -> Expr:
        """Return ``x is present and …`` or ``x is absent or …``, where the rest may read x."""
        path = self.pick(tuple(OPTIONAL))
        inside = replace(scope, present=scope.present | {path})
        present = typed.Present(attribute(path), BOOL, NOWHERE)
        rest = self.about(attribute(path), depth, inside)
        if self.pick((True, False)):
            return typed.And((present, rest), BOOL, NOWHERE)
        return typed.Or((typed.Not(present, BOOL, NOWHERE), rest), BOOL, NOWHERE)

    def guarded_argument(self, depth: int, scope: Scope) -> Expr:
        """Return ``arg("x") is present and …``."""
        value = self.argument()
        present = typed.Present(value, BOOL, NOWHERE)
        return typed.And((present, self.about(value, depth, scope)), BOOL, NOWHERE)

    def quantifier(self, depth: int, scope: Scope) -> Expr:
        """Return ``any x in xs: (…)``."""
        collection = self.collection(scope)
        item = collection.type.item if isinstance(collection.type, SetOf | ListOf) else JSON
        slot = len(scope.variables)
        inside = replace(scope, variables=(*scope.variables, item))
        variable = typed.Variable("x", slot, item, NOWHERE)
        kind: Literal["any", "all"] = self.pick(("any", "all"))
        body = self.about(variable, depth, inside)
        return typed.Quantifier(kind, "x", slot, collection, body, BOOL, NOWHERE)

    def collection(self, scope: Scope) -> Expr:
        """Return what can be counted through."""
        paths = [path for path in ("context.topics",) if path in scope.present]
        paths += ["context.tags", "user.roles", "session.labels", "context.sizes"]
        made: list[Expr] = [attribute(path) for path in paths]
        made.append(typed.Coalesce(attribute("context.topics"), self.words(), STRINGS, NOWHERE))
        made.append(self.or_zero(self.argument()))
        return self.pick(made)

    def words(self) -> Expr:
        """Return a constant set of strings."""
        return constant(frozenset(self.some(WORDS)), STRINGS)

    def about(self, subject: Expr, depth: int, scope: Scope) -> Expr:
        """Return a condition that reads *subject*, maybe beside another condition."""
        made = self.leaf_about(subject, scope)
        if depth and self.pick((True, False)):
            parts = (self.condition(depth - 1, scope), made)
            join = self.pick((True, False))
            made = (typed.And if join else typed.Or)(parts, BOOL, NOWHERE)
        return made

    def leaf_about(self, subject: Expr, scope: Scope) -> Expr:
        """Return a condition without parts that reads *subject*."""
        type_ = subject.type
        if type_ == BOOL:
            return subject
        if isinstance(type_, SetOf | ListOf):
            return self.pick((self.contains, self.overlaps, self.within))(subject, scope)
        options: list[Callable[[Expr, Scope], Expr]] = [self.equality, self.membership]
        if type_ in ORDERED:
            options.append(self.order)
        if type_ in {STRING, TEXT, JSON} or isinstance(type_, Enumeration):
            options += [self.substring, self.like, self.matches]
        if type_ == IP:
            options.append(self.network)
        if type_ == JSON:
            options += [self.json_collection, self.json_collection]
        if isinstance(subject, typed.Attribute) and type_ == TEXT:
            options.append(self.detect)
        return self.pick(options)(subject, scope)

    def leaf(self, scope: Scope) -> Expr:
        """Return a condition about some value."""
        return self.leaf_about(self.subject(scope), scope)

    def subject(self, scope: Scope) -> Expr:
        """Return something to compare."""
        return self.pick(SUBJECTS)(self, scope)

    def equality(self, subject: Expr, scope: Scope) -> Expr:
        """Return ``==`` or ``!=``."""
        return self.compare(self.pick(("==", "!=")), subject, scope)

    def order(self, subject: Expr, scope: Scope) -> Expr:
        """Return an ordering comparison."""
        return self.compare(self.pick(("<", "<=", ">", ">=")), subject, scope)

    def compare(self, operator: str, subject: Expr, scope: Scope) -> Expr:
        """Return a comparison, at times with the constant on the left."""
        other = self.value(subject.type, scope)
        sides = (subject, other) if self.pick((True, True, False)) else (other, subject)
        return typed.Compare(operator, *sides, BOOL, NOWHERE)  # type: ignore[arg-type]

    def membership(self, subject: Expr, scope: Scope) -> Expr:
        """Return ``in`` a constant set, a list file or a set with computed items."""
        if subject.type == JSON:
            return typed.Member(subject, self.words(), BOOL, NOWHERE)
        values = VALUES[subject.type]
        made: list[Expr] = [constant(frozenset(self.some(values)), SetOf(subject.type))]
        items = (self.value(subject.type, scope), self.value(subject.type, scope))
        made.append(typed.MakeSet(items, SetOf(subject.type), NOWHERE))
        if subject.type == STRING:
            made.append(typed.NamedList(self.pick(tuple(LISTS)), STRINGS, NOWHERE))
            made.append(attribute("context.tags"))
        return typed.Member(subject, self.pick(made), BOOL, NOWHERE)

    def contains(self, subject: Expr, scope: Scope) -> Expr:
        """Return ``contains`` an element."""
        assert isinstance(subject.type, SetOf | ListOf)
        return typed.Member(self.value(subject.type.item, scope), subject, BOOL, NOWHERE)

    def other_collection(self, item: Type) -> Expr:
        """Return a collection of *item*."""
        if item == INT:
            return constant(frozenset(self.some(VALUES[INT])), SetOf(INT))
        return self.pick((self.words(), attribute("context.tags"), attribute("user.roles")))

    def overlaps(self, subject: Expr, _: Scope) -> Expr:
        """Return ``overlaps``, either way round."""
        assert isinstance(subject.type, SetOf | ListOf)
        sides = [subject, self.other_collection(subject.type.item)]
        if self.pick((True, False)):
            sides.reverse()
        return typed.Overlaps(sides[0], sides[1], BOOL, NOWHERE)

    def within(self, subject: Expr, _: Scope) -> Expr:
        """Return ``within``, either way round."""
        assert isinstance(subject.type, SetOf | ListOf)
        sides = [subject, self.other_collection(subject.type.item)]
        if self.pick((True, False)):
            sides.reverse()
        return typed.Within(sides[0], sides[1], BOOL, NOWHERE)

    def json_collection(self, subject: Expr, _: Scope) -> Expr:
        """Return a comparison of a json list with a collection, either way round."""
        kind = self.pick(("overlaps", "within", "contains"))
        if kind == "contains":
            return typed.Member(self.value(STRING, Scope(), 0), subject, BOOL, NOWHERE)
        sides = [subject, self.other_collection(STRING)]
        if self.pick((True, False)):
            sides.reverse()
        make = typed.Overlaps if kind == "overlaps" else typed.Within
        return make(sides[0], sides[1], BOOL, NOWHERE)

    def substring(self, subject: Expr, scope: Scope) -> Expr:
        """Return ``contains`` a piece of text."""
        return typed.Substring(subject, self.value(STRING, scope), BOOL, NOWHERE)

    def like(self, subject: Expr, _: Scope) -> Expr:
        """Return ``like``."""
        return typed.Like(subject, self.pick(GLOBS), BOOL, NOWHERE)

    def matches(self, subject: Expr, _: Scope) -> Expr:
        """Return ``matches``."""
        return typed.Matches(subject, self.pick(PATTERNS), BOOL, NOWHERE)

    def network(self, subject: Expr, _: Scope) -> Expr:
        """Return ``within`` networks."""
        return typed.InNetwork(subject, tuple(self.some(NETWORKS)), BOOL, NOWHERE)

    def detect(self, subject: Expr, _: Scope) -> Expr:
        """Return a detector's verdict about the text *subject*."""
        match self.pick(("has", "injection", "count", "score")):
            case "has":
                written = tuple(self.some(ENTITIES))
                return typed.Has(subject, frozenset(written), written, BOOL, NOWHERE)
            case "injection":
                made: Expr = typed.Call("injection", (subject,), frozenset(), FLOAT, NOWHERE)
            case "count":
                made = typed.Call("count", (subject,), frozenset(ENTITIES), INT, NOWHERE)
            case _:
                made = typed.Score("toxicity", subject, FLOAT, NOWHERE)
        limit = constant(self.pick(VALUES[made.type]), made.type)
        return typed.Compare(">=", made, limit, BOOL, NOWHERE)

    # --- values ----------------------------------------------------------------------------------

    def value(self, type_: Type, scope: Scope, depth: int = 1) -> Expr:
        """Return an expression of *type_*: most often a constant."""
        if type_ == JSON:
            kind = self.pick((INT, FLOAT, DECIMAL, STRING, BOOL))
            return constant(self.pick(VALUES[kind]), kind)
        if isinstance(type_, SetOf | ListOf):
            return self.words()
        options: list[Callable[[], Expr]] = [lambda: constant(self.pick(VALUES[type_]), type_)] * 3
        options += [
            (lambda path=path: attribute(path))  # type: ignore[misc]
            for path in self.readable(type_, scope)
        ]
        if depth:
            options += [lambda make=make: make(self, scope) for make in MADE.get(type_, ())]  # type: ignore[misc]
        return self.pick(options)()

    def readable(self, type_: Type, scope: Scope) -> list[str]:
        """Return the attributes of *type_* that may be read here."""
        optional = [path for path in sorted(scope.present) if OPTIONAL[path] == type_]
        return [path for path, other in REQUIRED.items() if other == type_] + optional

    def argument(self) -> Expr:
        """Return ``arg(path)``, which may be absent."""
        return typed.ArgumentAt(self.pick(PATHS), JSON, NOWHERE)

    def or_zero(self, subject: Expr) -> Expr:
        """Return ``subject ?? default`` for a json value."""
        return typed.Coalesce(subject, self.value(JSON, Scope()), JSON, NOWHERE)

    def coalesce(self, _: Scope) -> Expr:
        """Return ``attribute ?? default``."""
        path = self.pick(tuple(OPTIONAL))
        type_ = OPTIONAL[path]
        return typed.Coalesce(attribute(path), self.value(type_, Scope(), 0), type_, NOWHERE)

    def coalesce_argument(self, _: Scope) -> Expr:
        """Return ``arg(path) ?? default``."""
        return self.or_zero(self.argument())

    def read(self, scope: Scope) -> Expr:
        """Return an attribute."""
        return attribute(self.pick([*REQUIRED, *sorted(scope.present)]))

    def variable(self, scope: Scope) -> Expr:
        """Return a variable where there is one."""
        if not scope.variables:
            return self.read(scope)
        slot = self.pick(range(len(scope.variables)))
        return typed.Variable("x", slot, scope.variables[slot], NOWHERE)

    def arithmetic(self, scope: Scope, type_: Type) -> Expr:
        """Return a sum, a difference, a product or a quotient."""
        sign: Literal["+", "-", "*", "/"] = self.pick(("+", "-", "*", "/"))
        if type_ == INT and sign == "/":
            sign = "*"
        sides = self.value(type_, scope, 0), self.value(type_, scope, 0)
        return typed.Arithmetic(sign, *sides, type_, NOWHERE)

    def number(self, scope: Scope) -> Expr:
        """Return arithmetic on numbers."""
        return self.arithmetic(scope, self.pick(NUMBERS))

    def quotient(self, scope: Scope) -> Expr:
        """Return an int divided by an int, or a duration by a duration: a float."""
        type_ = self.pick((INT, DURATION))
        sides = self.value(type_, scope, 0), self.value(type_, scope, 0)
        return typed.Arithmetic("/", *sides, FLOAT, NOWHERE)

    def moment(self, scope: Scope) -> Expr:
        """Return a time moved by a duration."""
        sides = self.value(TIME, scope, 0), self.value(DURATION, scope, 0)
        return typed.Arithmetic(self.pick(("+", "-")), *sides, TIME, NOWHERE)

    def span(self, scope: Scope) -> Expr:
        """Return the time between two, or a multiple of a duration."""
        if self.pick((True, False)):
            sides = self.value(TIME, scope, 0), self.value(TIME, scope, 0)
            return typed.Arithmetic("-", *sides, DURATION, NOWHERE)
        sides = self.value(DURATION, scope, 0), self.value(INT, scope, 0)
        return typed.Arithmetic("*", *sides, DURATION, NOWHERE)

    def widened(self, scope: Scope) -> Expr:
        """Return an int as float or decimal, or a json value as string, float or decimal."""
        to = self.pick((FLOAT, DECIMAL))
        if self.pick((True, False)):
            return typed.Convert(self.value(INT, scope, 0), to, NOWHERE)
        to_any = self.pick((FLOAT, DECIMAL, STRING))
        return typed.Convert(self.or_zero(self.argument()), to_any, NOWHERE)

    def called(self, scope: Scope) -> Expr:
        """Return a call of a function with a body."""
        name = self.pick(("length", "lower", "hour", "weekday", "domain", "abs"))
        match name:
            case "length":
                argument, result = self.pick((attribute("user.roles"), self.read_text(scope))), INT
            case "hour":
                argument, result = self.value(TIME, scope, 0), INT
            case "weekday":
                argument, result = self.value(TIME, scope, 0), STRING
            case "abs":
                argument, result = self.value(INT, scope, 0), INT
            case _:
                argument, result = self.read_text(scope), STRING
        return typed.Call(name, (argument,), frozenset(), result, NOWHERE)

    def read_text(self, scope: Scope) -> Expr:
        """Return a string."""
        return self.value(self.pick((STRING, TEXT)), scope, 0)

    def tainted(self) -> Expr:
        """Return whether an argument is tainted."""
        return typed.Tainted(self.pick(PATHS), BOOL, NOWHERE)

    def metered(self, _: Scope) -> Expr:
        """Return a meter's count."""
        return typed.Count("refusals", INT, NOWHERE)


SUBJECTS: tuple[Callable[[Maker, Scope], Expr], ...] = (
    Maker.read,
    Maker.read,
    Maker.read,
    Maker.variable,
    Maker.coalesce,
    Maker.coalesce_argument,
    Maker.number,
    Maker.quotient,
    Maker.moment,
    Maker.span,
    Maker.widened,
    Maker.called,
    Maker.metered,
)
LEAVES: tuple[Callable[[Maker, Scope], Expr], ...] = (
    Maker.leaf,
    Maker.leaf,
    Maker.leaf,
    lambda maker, scope: maker.guarded(0, scope),
    lambda maker, scope: maker.detect(attribute("content"), scope),
    lambda maker, _: maker.tainted(),
    lambda maker, _: constant(maker.pick((True, False)), BOOL),
)
BRANCHES: tuple[Callable[[Maker, int, Scope], Expr], ...] = (
    Maker.all_of,
    Maker.all_of,
    Maker.any_of,
    Maker.negation,
    Maker.guarded,
    Maker.guarded_argument,
    Maker.quantifier,
    lambda maker, _, scope: maker.condition(0, scope),
)
MADE: dict[Type, tuple[Callable[[Maker, Scope], Expr], ...]] = {
    INT: (lambda maker, scope: maker.arithmetic(scope, INT), Maker.metered),
    FLOAT: (lambda maker, scope: maker.arithmetic(scope, FLOAT), Maker.quotient),
    DECIMAL: (lambda maker, scope: maker.arithmetic(scope, DECIMAL),),
    TIME: (Maker.moment,),
    DURATION: (Maker.span,),
}
