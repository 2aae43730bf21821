"""One condition -> the Python expression (an ``ast`` node) that computes it, at the author's place.

Everything is assumed to be knowable: an absent value, a failed detector, a json value of another
kind or a number out of range raises, and the reference evaluator then judges that one rule. Values
that cannot stand in a code object (patterns, decimals, lists) are named ``k0``, ``k1`` … and bound
when the unit is linked; *constants* collects what each stands for.

A condition that several rules of a function need and that is dear is computed once, when first
asked: ``m0 if m0 is not None else (m0 := …)``.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import TypedDict, assert_never

from engine.language import typed
from engine.language.globs import Glob, read_glob
from engine.language.plan import Spec
from engine.language.text import Span
from engine.language.typed import Expr
from engine.language.types import DECIMAL, INT, JSON, ListOf, SetOf, Type
from engine.language.walk import anonymous

Test = (
    typed.Compare
    | typed.Member
    | typed.Substring
    | typed.Overlaps
    | typed.Within
    | typed.InNetwork
    | typed.Like
    | typed.Matches
    | typed.Has
    | typed.Present
)

OPERATORS: Mapping[str, type[ast.cmpop]] = {
    "==": ast.Eq, "!=": ast.NotEq, "<": ast.Lt, "<=": ast.LtE, ">": ast.Gt, ">=": ast.GtE,
}  # fmt: skip
SIGNS: Mapping[str, type[ast.operator]] = {
    "+": ast.Add, "-": ast.Sub, "*": ast.Mult, "/": ast.Div,
}  # fmt: skip
LOAD = ast.Load()


@dataclass(slots=True)
class Constants:
    """The bound constants of a unit, each once. ``name`` gives the variable that holds one."""

    names: dict[Spec, str] = field(default_factory=dict)

    def name(self, kind: str, value: object) -> str:
        """Return the variable for the constant of *kind* made from *value*."""
        return self.names.setdefault((kind, value), f"k{len(self.names)}")


@dataclass(slots=True)
class Emitter:
    """Writes the expressions of one function.

    *locals* maps attribute paths that the function has already read to variables, *memos*
    conditions (without places) to the variables that keep their value. Inside a quantifier neither
    is used.
    """

    constants: Constants
    locals: Mapping[str, str]
    memos: Mapping[Expr, str]
    depth: int = 0

    def expression(self, node: Expr) -> ast.expr:
        """Return the Python expression that computes *node*."""
        memo = None if self.depth or not self.memos else self.memos.get(anonymous(node))
        made = self.plain(node)
        if memo is None:
            return made
        here = place(node.span)
        known = ast.Compare(name(memo, here), [ast.IsNot()], [constant(None, here)], **here)
        kept = ast.NamedExpr(ast.Name(memo, ast.Store(), **here), made, **here)
        return ast.IfExp(known, name(memo, here), kept, **here)

    def plain(self, node: Expr) -> ast.expr:  # noqa: C901 - a case for every kind of node
        """Return the expression for *node* computed anew."""
        here = place(node.span)
        match node:
            case typed.Constant(value):
                return self.constant(value, here)
            case typed.Attribute(path):
                return self.attribute(path, here)
            case typed.Variable(_, slot):
                return name(f"v{slot}", here)
            case typed.NamedList(listed):
                return self.bound("list", listed, here)
            case typed.And(parts):
                return ast.BoolOp(ast.And(), self.all(parts), **here)
            case typed.Or(parts):
                return ast.BoolOp(ast.Or(), self.all(parts), **here)
            case typed.Not(one):
                return self.negation(one, here)
            case typed.Coalesce(subject, default):
                return self.coalesce(subject, default, here)
            case typed.Arithmetic():
                return self.arithmetic(node, here)
            case typed.Quantifier():
                return self.quantifier(node, here)
            case typed.MakeSet(items):
                return call(name("frozenset", here), [tuple_of(self.all(items), here)], here)
            case typed.Convert(one, to):
                return self.conversion(one, to, here)
            case typed.Call():
                return self.call(node, here)
            case typed.ArgumentAt(keys):
                return self.ask("argument", [keys], here)
            case typed.Tainted(keys):
                return self.ask("tainted", [keys], here)
            case typed.Score(classifier, text):
                return self.ask("score", [classifier, path_of(text)], here)
            case typed.Count(meter):
                return self.ask("meter", [meter], here)
            case _:
                return self.test(node, here)

    def test(self, node: Test, here: Place) -> ast.expr:  # noqa: C901 - likewise
        """Return the expression for a comparison of any kind."""
        match node:
            case typed.Compare():
                return self.comparison(node, here)
            case typed.Member(item, collection):
                return self.member(item, collection, here)
            case typed.Substring(text, needle):
                sides = self.all((text, needle))
                if JSON in {text.type, needle.type}:
                    return self.helper("json_contains", sides, here)
                return ast.Compare(sides[1], [ast.In()], [sides[0]], **here)
            case typed.Overlaps(left, right):
                return self.overlap(left, right, here)
            case typed.Within(left, right):
                return self.within(left, right, here)
            case typed.InNetwork(address, networks):
                known = tuple(str(one) for one in networks)
                table = self.bound("networks", known, here)
                return call(attribute(table, "hold", here), [self.expression(address)], here)
            case typed.Like(text, pattern):
                return self.like(text, read_glob(pattern), here)
            case typed.Matches(text, pattern):
                search = self.bound("search", pattern, here)
                asked = attribute(search, "ask", here)
                return present(call(asked, [self.text(text, here)], here), here)
            case typed.Has(text, entities):
                return self.look("has", text, entities, here)
            case typed.Present(subject):
                return present(self.expression(subject), here)
            case _:
                assert_never(node)

    def all(self, nodes: Sequence[Expr]) -> list[ast.expr]:
        """Return the expressions for *nodes*."""
        return [self.expression(one) for one in nodes]

    def constant(self, value: object, here: Place) -> ast.expr:
        """Return *value* as a constant of the code object, or the variable that will hold it."""
        spec = describe(value)
        if spec[0] == "plain":
            return constant(value, here)
        return self.bound(*spec, here)

    def bound(self, kind: str, value: object, here: Place) -> ast.expr:
        """Return the variable of a constant that linking makes."""
        return name(self.constants.name(kind, value), here)

    def helper(self, function: str, arguments: list[ast.expr], here: Place) -> ast.expr:
        """Return a call of one of the functions that ``bind`` offers."""
        return call(self.bound("helper", function, here), arguments, here)

    def ask(self, question: str, arguments: Sequence[object], here: Place) -> ast.expr:
        """Return a question to the evidence, with constants as arguments."""
        method = attribute(name("evidence", here), question, here)
        return call(method, [constant(one, here) for one in arguments], here)

    def look(self, question: str, text: Expr, entities: frozenset[str], here: Place) -> ast.expr:
        """Return a question to the evidence about *entities* in *text*."""
        method = attribute(name("evidence", here), question, here)
        wanted = self.bound("entities", entities, here)
        return call(method, [constant(path_of(text), here), wanted], here)

    def attribute(self, path: str, here: Place) -> ast.expr:
        """Return the attribute at *path* of the request."""
        if path in self.locals and not self.depth:
            return name(self.locals[path], here)
        return read(path, here)

    def text(self, node: Expr, here: Place) -> ast.expr:
        """Return *node* as a string; a json value of another kind raises."""
        made = self.expression(node)
        return self.helper("json_text", [made], here) if node.type == JSON else made

    def negation(self, node: Expr, here: Place) -> ast.expr:
        """Return ``not node`` in the form that takes the fewest steps."""
        made = self.expression(node)
        match made:
            case ast.Compare(ops=[ast.In()]):
                made.ops = [ast.NotIn()]
                return made
            case ast.Compare(ops=[ast.IsNot()]):
                made.ops = [ast.Is()]
                return made
            case _:
                return ast.UnaryOp(ast.Not(), made, **here)

    def comparison(self, node: typed.Compare, here: Place) -> ast.expr:
        """Return a comparison; values of type json are told apart by their kind first."""
        left, right = node.left, node.right
        sides = self.all((left, right))
        if JSON not in {left.type, right.type}:
            return ast.Compare(sides[0], [OPERATORS[node.operator]()], [sides[1]], **here)
        if node.operator in {"==", "!="}:
            made = self.helper("json_equal", sides, here)
            return made if node.operator == "==" else ast.UnaryOp(ast.Not(), made, **here)
        order = self.helper("json_order", sides, here)
        return ast.Compare(order, [OPERATORS[node.operator]()], [constant(0, here)], **here)

    def member(self, item: Expr, collection: Expr, here: Place) -> ast.expr:
        """Return whether *item* is in *collection*."""
        sides = self.all((item, collection))
        if JSON in {item.type, collection.type, item_type(collection.type)}:
            return self.helper("json_member", sides, here)
        return ast.Compare(sides[0], [ast.In()], [sides[1]], **here)

    def overlap(self, left: Expr, right: Expr, here: Place) -> ast.expr:
        """Return whether two collections share an element; the side that is a set is asked."""
        if JSON in {left.type, right.type}:
            return self.helper("json_overlaps", self.all((left, right)), here)
        asked, other = (left, right) if isinstance(left.type, SetOf) else (right, left)
        disjoint = attribute(self.as_set(asked, here), "isdisjoint", here)
        return ast.UnaryOp(ast.Not(), call(disjoint, [self.expression(other)], here), **here)

    def within(self, left: Expr, right: Expr, here: Place) -> ast.expr:
        """Return whether every element of *left* is in *right*."""
        if JSON in {left.type, right.type}:
            return self.helper("json_within", self.all((left, right)), here)
        holds = attribute(self.as_set(right, here), "issuperset", here)
        return call(holds, [self.expression(left)], here)

    def as_set(self, node: Expr, here: Place) -> ast.expr:
        """Return *node* as a set."""
        made = self.expression(node)
        if isinstance(node.type, ListOf):
            return call(name("frozenset", here), [made], here)
        return made

    def like(self, node: Expr, glob: Glob, here: Place) -> ast.expr:
        """Return a glob match by the cheapest means that decides it."""
        text = self.text(node, here)
        match glob.kind:
            case "is":
                return ast.Compare(text, [ast.Eq()], [constant(glob.text, here)], **here)
            case "starts":
                return call(attribute(text, "startswith", here), [constant(glob.text, here)], here)
            case "ends":
                return call(attribute(text, "endswith", here), [constant(glob.text, here)], here)
            case "holds":
                return ast.Compare(constant(glob.text, here), [ast.In()], [text], **here)
            case "pattern":
                full = attribute(self.bound("fullmatch", glob.text, here), "ask", here)
                return present(call(full, [text], here), here)
            case _:
                assert_never(glob.kind)

    def coalesce(self, subject: Expr, default: Expr, here: Place) -> ast.expr:
        """Return *subject*, or *default* where it is absent."""
        other = self.expression(default)
        if isinstance(subject, typed.Attribute):
            value = again = self.attribute(subject.path, here)
            return ast.IfExp(present(value, here), again, other, **here)
        if self.depth:
            return self.helper("first", [self.expression(subject), other], here)
        kept = ast.NamedExpr(ast.Name("t", ast.Store(), **here), self.expression(subject), **here)
        return ast.IfExp(present(kept, here), name("t", here), other, **here)

    def arithmetic(self, node: typed.Arithmetic, here: Place) -> ast.expr:
        """Return a sum, difference, product or quotient that raises when out of range."""
        sides = self.all((node.left, node.right))
        if node.type == DECIMAL:
            return self.helper(f"exactly {node.operator}", sides, here)
        made = ast.BinOp(sides[0], SIGNS[node.operator](), sides[1], **here)
        return self.helper("in_range", [made], here)

    def quantifier(self, node: typed.Quantifier, here: Place) -> ast.expr:
        """Return ``any(body for v in collection)``, or ``all(…)``."""
        self.depth += 1
        collection = self.expression(node.collection)
        if node.collection.type == JSON:
            collection = self.helper("json_items", [collection], here)
        body = self.expression(node.body)
        self.depth -= 1
        variable = ast.Name(f"v{node.slot}", ast.Store(), **here)
        loop = ast.comprehension(variable, collection, [], 0)
        made = ast.GeneratorExp(body, [loop], **here)
        return call(name(node.kind, here), [made], here)

    def conversion(self, node: Expr, to: Type, here: Place) -> ast.expr:
        """Return *node* as *to*: an int widened by the built-in type, a json value with checks."""
        made = self.expression(node)
        if node.type == INT:
            return call(name("Decimal" if to == DECIMAL else "float", here), [made], here)
        return self.helper(f"to_{to}", [made], here)

    def call(self, node: typed.Call, here: Place) -> ast.expr:
        """Return a call of a function of the table."""
        match node.function:
            case "injection":
                return self.ask("injection", [path_of(node.arguments[0])], here)
            case "count":
                return self.look("count", node.arguments[0], node.entities, here)
            case _:
                function = self.bound("function", node.function, here)
                return call(function, self.all(node.arguments), here)


# --- pieces of Python ----------------------------------------------------------------------------


class Place(TypedDict):
    """Where Python's nodes say they stand."""

    lineno: int
    col_offset: int
    end_lineno: int
    end_col_offset: int


def place(span: Span) -> Place:
    """Return *span* as Python's positions. Columns count from zero there."""
    return {
        "lineno": span.line,
        "col_offset": span.column - 1,
        "end_lineno": span.end_line,
        "end_col_offset": span.end_column - 1,
    }


def name(variable: str, here: Place) -> ast.expr:
    """Return a variable's value."""
    return ast.Name(variable, LOAD, **here)


def constant(value: object, here: Place) -> ast.expr:
    """Return a constant of the code object."""
    return ast.Constant(value, None, **here)  # type: ignore[arg-type]  # typeshed forgets frozenset


def attribute(of: ast.expr, member: str, here: Place) -> ast.expr:
    """Return ``of.member``."""
    return ast.Attribute(of, member, LOAD, **here)


def call(function: ast.expr, arguments: list[ast.expr], here: Place) -> ast.expr:
    """Return ``function(arguments…)``."""
    return ast.Call(function, arguments, [], **here)


def tuple_of(items: list[ast.expr], here: Place) -> ast.expr:
    """Return ``(items…)``."""
    return ast.Tuple(items, LOAD, **here)


def present(value: ast.expr, here: Place) -> ast.expr:
    """Return ``value is not None``."""
    return ast.Compare(value, [ast.IsNot()], [constant(None, here)], **here)


def read(path: str, here: Place) -> ast.expr:
    """Return the expression that reads the attribute at *path*."""
    evidence = name("evidence", here)
    match path:
        case "now":
            return attribute(evidence, "now", here)
        case "content":
            return call(attribute(evidence, "content", here), [], here)
        case "session.labels":
            return call(attribute(evidence, "labels", here), [], here)
        case "session.turn":
            return call(attribute(evidence, "turn", here), [], here)
        case _:
            made = name("record", here)
            for member in path.split("."):
                made = attribute(made, member, here)
            return made


# --- questions about expressions -----------------------------------------------------------------


def path_of(text: Expr) -> str:
    """Return the path of the text attribute that a detector looks at."""
    assert isinstance(text, typed.Attribute), "the checker lets detectors see attributes only"
    return text.path


def item_type(collection: Type) -> Type | None:
    """Return the type of the elements of *collection*."""
    return collection.item if isinstance(collection, SetOf | ListOf) else None


def describe(value: object) -> Spec:
    """Return the kind and the marshallable form of a constant; ``plain`` for what is so itself."""
    match value:
        case bool() | int() | float() | str():
            return "plain", value
        case Decimal():
            return "decimal", str(value)
        case datetime():
            return "time", value.isoformat()
        case timedelta():
            return "duration", (value.days, value.seconds, value.microseconds)
        case IPv4Address() | IPv6Address():
            return "address", str(value)
        case IPv4Network() | IPv6Network():
            return "network", str(value)
        case frozenset():
            specs = frozenset(map(describe, value))
            return ("plain", value) if all(kind == "plain" for kind, _ in specs) else ("set", specs)
        case tuple():
            row = tuple(map(describe, value))
            return ("plain", value) if all(kind == "plain" for kind, _ in row) else ("row", row)
        case _:
            raise AssertionError(f"no constant of a policy: {value!r}")
