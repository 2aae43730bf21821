"""A typed condition and a request in; true, false, a value or Unknown out: what Pol means, plainly.

This interpreter is the executable specification. It is slow and obvious; the compiled program must
give the same answers. It also makes explanations and coverage, because an observer may watch every
sub-expression's value.

Three truth values. ``and`` with a false part is false, whatever is unknown beside it; ``or`` with a
true part is true; otherwise an unknown part makes the whole unknown. Any other expression is
unknown when one of its parts is. An Unknown carries all its causes, not only the first.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from math import isfinite
from typing import Any, assert_never

import re2

from engine.language import typed
from engine.language.decimals import EXACTLY
from engine.language.functions import (
    INT_MAX,
    INT_MIN,
    TABLE,
    Unknowable,
    convert,
    json_contains,
    json_equal,
    json_items,
    json_member,
    json_order,
    json_overlaps,
    json_text,
    json_within,
)
from engine.language.program import Program, Rule
from engine.language.typed import Expr
from engine.language.types import DECIMAL, JSON
from engine.runtime.evidence import Evidence
from engine.runtime.match import Match
from engine.runtime.record import Record


@dataclass(frozen=True, slots=True)
class Unknown:
    """The third truth value. *causes* name what could not be known, in the author's words."""

    causes: frozenset[str]

    @property
    def what(self) -> str:
        """The causes as one phrase."""
        return ", ".join(sorted(self.causes))


Relation = (
    typed.Member
    | typed.Substring
    | typed.Overlaps
    | typed.Within
    | typed.InNetwork
    | typed.Like
    | typed.Matches
)

Observer = Callable[[Expr, object], None]
"""Told each evaluated sub-expression and its value, inner ones first."""

ORDERS: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
SIGNS: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}


class _Doubt(Exception):
    def __init__(self, unknown: Unknown) -> None:
        super().__init__(unknown.what)
        self.unknown = unknown


def unobserved(expr: Expr, value: object) -> None:
    """Look away: the observer of those who do not watch."""


class Interpreter:
    """Evaluates expressions about one request."""

    def __init__(
        self,
        evidence: Evidence,
        lists: Mapping[str, frozenset[str]],
        observer: Observer = unobserved,
    ) -> None:
        self._evidence = evidence
        self._lists = lists
        self._observer = observer
        self._variables: list[object] = []

    def value(self, expr: Expr) -> object:
        """Return what *expr* comes to, or an Unknown."""
        try:
            result = self._compute(expr)
        except _Doubt as doubt:
            result = doubt.unknown
        except Unknowable as unknown:
            result = Unknown(frozenset({unknown.what}))
        except ArithmeticError as error:
            result = Unknown(frozenset({f"a number ({_reason(error)})"}))
        self._observer(expr, result)
        return result

    def _parts(self, *parts: Expr) -> list[Any]:
        """Return the values of all *parts*; in doubt with the causes of all that are unknown."""
        values = [self.value(part) for part in parts]
        causes = _causes(values)
        if causes:
            raise _Doubt(Unknown(causes))
        return values

    def _compute(self, expr: Expr) -> object:  # noqa: C901  a case for every kind of expression
        if isinstance(expr, Relation):
            return self._relate(expr)
        match expr:
            case typed.Constant(value):
                return value
            case typed.Attribute(path):
                return self._present(self._evidence.attribute(path), path)
            case typed.Variable(_, slot):
                return self._variables[slot]
            case typed.NamedList(name):
                return self._lists[name]
            case typed.And(parts):
                return self._every(self.value(part) for part in parts)
            case typed.Or(parts):
                return self._some(self.value(part) for part in parts)
            case typed.Not(inner):
                return not self._parts(inner)[0]
            case typed.Compare(sign, left, right):
                return self._compare(sign, left, right)
            case typed.Has(text, entities):
                return self._evidence.has(scanned(text), entities)
            case typed.Present(subject):
                return self._maybe(subject) is not None
            case typed.Coalesce(subject, default):
                found = self._maybe(subject)
                return self._parts(default)[0] if found is None else found
            case typed.Arithmetic(sign, left, right):
                signs = EXACTLY if expr.type == DECIMAL else SIGNS
                return in_range(signs[sign](*self._parts(left, right)))
            case typed.Quantifier():
                return self._quantify(expr)
            case typed.MakeSet(items):
                return frozenset(self._parts(*items))
            case typed.Convert(inner, type_):
                return convert(self._parts(inner)[0], type_)
            case typed.Call():
                return self._call(expr)
            case typed.ArgumentAt(path):
                return self._present(self._evidence.argument(path), "the argument")
            case typed.Tainted(path):
                return self._evidence.tainted(path)
            case typed.Score(classifier, text):
                return self._evidence.score(classifier, scanned(text))
            case typed.Count(meter):
                return self._evidence.meter(meter)
            case _:
                assert_never(expr)

    def _relate(self, expr: Relation) -> bool:
        match expr:
            case typed.Member(item, collection):
                return _member(*self._parts(item, collection), plain=_plain(item, collection))
            case typed.Substring(text, needle):
                return _contains(*self._parts(text, needle), plain=_plain(text, needle))
            case typed.Overlaps(left, right):
                return _overlaps(*self._parts(left, right), plain=_plain(left, right))
            case typed.Within(left, right):
                return _within(*self._parts(left, right), plain=_plain(left, right))
            case typed.InNetwork(address, networks):
                (found,) = self._parts(address)
                return any(found in network for network in networks)
            case typed.Like(text, pattern):
                return glob(pattern).fullmatch(json_text(*self._parts(text))) is not None
            case typed.Matches(text, pattern):
                return regex(pattern).search(json_text(*self._parts(text))) is not None
            case _:
                assert_never(expr)

    def _maybe(self, subject: Expr) -> object:
        """Return the value of an expression that may be absent: None then."""
        match subject:
            case typed.Attribute(path):
                found = self._evidence.attribute(path)
            case typed.ArgumentAt(path):
                found = self._evidence.argument(path)
            case _:
                return self._parts(subject)[0]
        if found is not None:
            self._observer(subject, found)
        return found

    def _present(self, found: object, path: str) -> object:
        # The checker has proved that this is present. Should it be wrong, nothing fails open.
        if found is None:
            raise Unknowable(f"{path} (it is absent)")
        return found

    def _every(self, parts: Iterable[object]) -> object:
        causes: set[str] = set()
        for part in parts:
            if isinstance(part, Unknown):
                causes |= part.causes
            elif not part:
                return False
        return Unknown(frozenset(causes)) if causes else True

    def _some(self, parts: Iterable[object]) -> object:
        causes: set[str] = set()
        for part in parts:
            if isinstance(part, Unknown):
                causes |= part.causes
            elif part:
                return True
        return Unknown(frozenset(causes)) if causes else False

    def _quantify(self, expr: typed.Quantifier) -> object:
        (collection,) = self._parts(expr.collection)
        items = json_items(collection) if expr.collection.type == JSON else collection

        def bodies() -> Iterable[object]:
            for item in items:
                self._variables[expr.slot :] = [item]
                yield self.value(expr.body)

        return self._some(bodies()) if expr.kind == "any" else self._every(bodies())

    def _compare(self, sign: str, left: Expr, right: Expr) -> bool:
        first, second = self._parts(left, right)
        if _plain(left, right):
            return ORDERS[sign](first, second)
        if sign in {"==", "!="}:
            return json_equal(first, second) is (sign == "==")
        return ORDERS[sign](json_order(first, second), 0)

    def _call(self, expr: typed.Call) -> object:
        body = TABLE[expr.function].body
        if body is not None:
            return body(*self._parts(*expr.arguments))
        if expr.function == "injection":
            return self._evidence.injection(scanned(expr.arguments[0]))
        assert expr.function == "count", "the other functions without a body are nodes of their own"
        return self._evidence.count(scanned(expr.arguments[0]), expr.entities)


def scanned(text: Expr) -> str:
    """Return the path of a text for detectors: the checker lets only attributes through."""
    assert isinstance(text, typed.Attribute), "detectors look at attributes"
    return text.path


def _causes(values: Iterable[object]) -> frozenset[str]:
    found = (value.causes for value in values if isinstance(value, Unknown))
    return frozenset().union(*found)


def _reason(error: ArithmeticError) -> str:
    return "division by zero" if isinstance(error, ZeroDivisionError) else "out of range"


def _plain(left: Expr, right: Expr) -> bool:
    return JSON not in {left.type, right.type}


def _member(item: object, collection: Collection[object], *, plain: bool) -> bool:
    return item in collection if plain else json_member(item, collection)


def _contains(text: str, needle: str, *, plain: bool) -> bool:
    return needle in text if plain else json_contains(text, needle)


def _overlaps(left: Sequence[object], right: Sequence[object], *, plain: bool) -> bool:
    return any(item in right for item in left) if plain else json_overlaps(left, right)


def _within(left: Sequence[object], right: Sequence[object], *, plain: bool) -> bool:
    return all(item in right for item in left) if plain else json_within(left, right)


def in_range(value: object) -> object:
    """Return *value*; OverflowError for an int beyond 64 bits or a number that is not finite."""
    match value:
        case int() if not INT_MIN <= value <= INT_MAX:
            raise OverflowError
        case float() | Decimal() if not isfinite(value):
            raise OverflowError
        case int() | float() | Decimal() | datetime() | timedelta():
            return value
        case _:
            raise AssertionError(f"no number, time or duration: {value!r}")


@lru_cache(maxsize=4096)
def regex(pattern: str) -> Any:
    """Return the compiled RE2 *pattern*."""
    return re2.compile(pattern)


@lru_cache(maxsize=4096)
def glob(pattern: str) -> Any:
    """Return the compiled glob *pattern*: ``*`` is any run of characters, ``?`` any one."""
    pieces = {"*": ".*", "?": "."}
    return re2.compile("(?s)" + "".join(pieces.get(one) or re.escape(one) for one in pattern))


class ReferenceMatcher:
    """Tries every rule of every policy, in order."""

    def __init__(self, program: Program, lists: Mapping[str, frozenset[str]]) -> None:
        self._lists = lists
        self._policies = program.policies

    def match(self, record: Record, evidence: Evidence) -> Match:  # noqa: ARG002  evidence has it
        """Return what matches."""
        interpreter = Interpreter(evidence, self._lists)
        made = Match([], [], [], [])
        number = 0
        for place, policy in enumerate(self._policies):
            applies = True if policy.applies is None else interpreter.value(policy.applies)
            if isinstance(applies, Unknown):
                made.uncertain.append((place, applies.what))
            elif applies:
                made.applied.append(place)
                for index, rule in enumerate(policy.rules, start=number):
                    _try_rule(index, rule, interpreter, made)
            number += len(policy.rules)
        return made


def _try_rule(number: int, rule: Rule, interpreter: Interpreter, made: Match) -> None:
    outcome = rule_holds(rule, interpreter)
    if isinstance(outcome, Unknown):
        made.doubts.append((number, outcome.what))
    elif outcome:
        made.hits.append(number)


def rule_holds(rule: Rule, interpreter: Interpreter) -> bool | Unknown:
    """Return whether ``when`` holds and ``unless`` does not, or Unknown."""
    when = True if rule.when is None else interpreter.value(rule.when)
    if when is False or rule.unless is None:
        return when if isinstance(when, Unknown) else bool(when)
    unless = interpreter.value(rule.unless)
    if unless is True:
        return False
    causes = _causes((when, unless))
    return Unknown(causes) if causes else True
