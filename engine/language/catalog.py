"""The wording of every diagnostic about names, types and presence (E2xx): one function a code.

Codes are never reused. A message is one lower-case sentence without a period, the author's text
stands in backticks, advice in ``help``. Policies (E3xx) are in ``catalog_policies``, tests (E4xx)
in ``catalog_tests``, declarations (E5xx) in ``catalog_declarations``, warnings (W7xx) in
``catalog_warnings``.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from heapq import nsmallest
from itertools import pairwise

from engine.language.diagnostics import Diagnostic, did_you_mean
from engine.language.text import Span
from engine.language.types import (
    DECIMAL,
    DURATION,
    FLOAT,
    JSON,
    STRING,
    Enumeration,
    SetOf,
    Type,
    textual,
)

MOST_CANDIDATES = 12


def suggest(name: str, known: Iterable[str]) -> str | None:
    """Return ``did you mean …?`` for the closest of *known*.

    Comparing is slow, and a forgotten schema file makes thousands of names unknown: of many names
    only the few that share most letters and pairs of letters are compared.
    """
    wanted, size = traits(name), len(name)
    near = {one for one in known if abs(len(one) - size) <= size}
    scored = ((-len(wanted & traits(one)), one) for one in near)
    return did_you_mean(name, [one for _, one in nsmallest(MOST_CANDIDATES, scored)])


@lru_cache(maxsize=16_384)
def traits(name: str) -> frozenset[str]:
    """Return the letters and pairs of letters of *name*."""
    return frozenset(name).union(map("".join, pairwise(name)))


def listed(words: Iterable[str]) -> str:
    """Return *words* in backticks, with commas and an "or"."""
    shown = [f"`{word}`" for word in words]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} or {shown[-1]}"


def shown(type_: Type) -> str:
    """Return *type_* as the author would write it, in backticks."""
    return f"`{type_}`"


# --- names ----------------------------------------------------------------------------------------


def unknown_attribute(name: str, known: Iterable[str], at: Span) -> Diagnostic:
    """E201: the request has no such attribute."""
    group = name.partition(".")[0]
    hint = suggest(name, [one for one in known if one.partition(".")[0] == group])
    if hint is None and group in {"tenant", "user", "model", "tool", "context"}:
        hint = f"declare it: `schema {{ {name}: string }}`, or whatever its type is"
    hint = hint or suggest(name, known) or "declare it in a `schema`"
    return Diagnostic("E201", f"unknown attribute `{name}`", at, help=hint)


def unknown_name(name: str, known: Iterable[str], at: Span) -> Diagnostic:
    """E202: a name that is no attribute, let, list or variable here."""
    hint = suggest(name, known) or "declare it with `let` or `list`, or import its package"
    return Diagnostic("E202", f"unknown name `{name}`", at, help=hint)


def unknown_function(name: str, known: Iterable[str], at: Span) -> Diagnostic:
    """E203: no such function."""
    hint = suggest(name, known) or f"the functions are {listed(sorted(known))}"
    if name == "tainted":
        hint = 'write `arg("to") tainted`'
    return Diagnostic("E203", f"unknown function `{name}`", at, help=hint)


def unknown_entity(name: str, known: Iterable[str], at: Span) -> Diagnostic:
    """E204: no such entity type."""
    hint = suggest(name, known) or "declare it with `entity`"
    return Diagnostic("E204", f"unknown entity `{name}`", at, help=hint)


def unknown_classifier(name: str, known: Iterable[str], at: Span) -> Diagnostic:
    """E205: no such classifier."""
    hint = suggest(name, known) or "declare it with `classifier`"
    return Diagnostic("E205", f"unknown classifier `{name}`", at, help=hint)


def unknown_meter(name: str, known: Iterable[str], at: Span) -> Diagnostic:
    """E206: no such meter."""
    hint = suggest(name, known) or "declare it with `meter`"
    return Diagnostic("E206", f"unknown meter `{name}`", at, help=hint)


def unknown_word(word: str, words: Iterable[str], at: Span) -> Diagnostic:
    """E207: a word outside its enumeration."""
    hint = suggest(word, words) or f"the words are {listed(words)}"
    return Diagnostic("E207", f"`{word}` is not one of the words", at, help=hint)


def group_as_value(name: str, known: Iterable[str], at: Span) -> Diagnostic:
    """E208: a group of attributes where a value is needed."""
    below = next(one for one in sorted(known) if one.startswith(f"{name}."))
    return Diagnostic(
        "E208",
        f"`{name}` is a group of attributes and has no value",
        at,
        help=f"name one of its attributes, such as `{below}`",
    )


def call_expected(name: str, at: Span) -> Diagnostic:
    """E209: a function or classifier without its parentheses."""
    return Diagnostic("E209", f"`{name}` must be called", at, help=f"write `{name}(…)`")


def variable_has_no_parts(name: str, at: Span) -> Diagnostic:
    """E210: a dot behind a variable."""
    return Diagnostic("E210", f"the variable `{name}` has no parts", at)


def variable_taken(name: str, at: Span) -> Diagnostic:
    """E211: a variable with a name that means something else already."""
    return Diagnostic(
        "E211",
        f"`{name}` cannot be a variable here",
        at,
        help="choose a name that has no meaning yet",
    )


def entity_expected(at: Span) -> Diagnostic:
    """E212: something else where an entity type must stand."""
    return Diagnostic("E212", "an entity type such as `pii.email` is expected here", at)


# --- types ----------------------------------------------------------------------------------------


def sides_differ(left: Type, right: Type, at: Span) -> Diagnostic:
    """E220: two sides that cannot be compared."""
    message = f"{shown(left)} and {shown(right)} cannot be compared"
    hint = None
    if {left, right} == {FLOAT, DECIMAL}:
        hint = "declare both as `decimal`, or both as `float`"
    elif JSON in {left, right}:
        hint = "json values compare with numbers, strings, bools and each other"
    return Diagnostic("E220", message, at, help=hint)


WITHOUT_QUOTES = {
    "bool": "write `true` or `false`",
    "int": "write numbers without quotes",
    "float": "write numbers without quotes",
    "decimal": "write numbers without quotes",
    "time": "write times without quotes: `2026-01-01T00:00:00Z`",
    "duration": "write durations without quotes: `15m`",
}
"""What to do with a string where another type is expected."""


def literal_type(found: Type, wanted: Type, at: Span) -> Diagnostic:
    """E221: a literal of another type than what it stands beside."""
    hint = None
    if textual(wanted):
        hint = "write it in quotes"
    elif found == STRING:
        hint = WITHOUT_QUOTES.get(str(wanted))
    elif wanted == DURATION:
        hint = "write a unit: `5s`, `15m`"
    return Diagnostic("E221", f"expected {shown(wanted)}, found {shown(found)}", at, help=hint)


def not_a_condition(found: Type, at: Span) -> Diagnostic:
    """E222: a value where a condition must stand."""
    hint = "compare it with something"
    if found == JSON:
        hint = 'json values are compared: `arg("x") == true`'
    return Diagnostic(
        "E222", f"a condition is expected here, this is {shown(found)}", at, help=hint
    )


def no_order(found: Type, operator: str, at: Span) -> Diagnostic:
    """E223: an order of what has none."""
    hint = None
    if isinstance(found, Enumeration):
        hint = "list the words that are meant: `in {…}`"
    return Diagnostic(
        "E223", f"{shown(found)} has no order, so `{operator}` cannot compare it", at, help=hint
    )


def not_a_collection(found: Type, at: Span) -> Diagnostic:
    """E224: no set or list where one is needed."""
    hint = (
        "substrings are found the other way round: `whole contains part`"
        if textual(found)
        else None
    )
    return Diagnostic(
        "E224", f"a set or list is expected here, this is {shown(found)}", at, help=hint
    )


def element_differs(item: Type, collection: Type, at: Span) -> Diagnostic:
    """E225: something that cannot be in the collection."""
    hint = "use `overlaps` or `within` for two sets" if isinstance(item, SetOf) else None
    return Diagnostic("E225", f"{shown(collection)} cannot contain {shown(item)}", at, help=hint)


def needs_collections(operator: str, found: Type, at: Span) -> Diagnostic:
    """E226: ``overlaps`` or ``within`` of something else than two sets or lists."""
    hint = "for one element use `in`" if textual(found) else None
    if found == JSON:
        hint = 'look at each element: `any x in arg("…"): (x in …)`'
    return Diagnostic(
        "E226", f"`{operator}` needs two sets or lists, this is {shown(found)}", at, help=hint
    )


def no_arithmetic(operator: str, left: Type, right: Type, at: Span) -> Diagnostic:
    """E227: arithmetic that has no meaning."""
    return Diagnostic(
        "E227", f"`{operator}` has no meaning for {shown(left)} and {shown(right)}", at
    )


def no_negative(found: Type, at: Span) -> Diagnostic:
    """E228: the negative of what is no number."""
    return Diagnostic("E228", f"{shown(found)} has no negative", at)


def needs_text(operator: str, found: Type, at: Span) -> Diagnostic:
    """E229: ``like`` or ``matches`` on what is no string."""
    return Diagnostic("E229", f"`{operator}` needs a string, this is {shown(found)}", at)


def mixed_set(first: Type, other: Type, at: Span) -> Diagnostic:
    """E230: elements of different types, or such as cannot be elements."""
    if first == other:
        return Diagnostic("E230", f"{shown(other)} cannot be an element of a set", at)
    return Diagnostic("E230", f"a set of {shown(first)} cannot contain {shown(other)}", at)


def not_scannable(operation: str, at: Span) -> Diagnostic:
    """E231: detectors look at attributes of type text only."""
    return Diagnostic(
        "E231",
        f"`{operation}` looks at `content` or another attribute of type `text`",
        at,
        help="declare the attribute as `text` so that detectors see it",
    )


def glob_not_constant(at: Span) -> Diagnostic:
    """E232: a pattern for ``like`` that is no literal string."""
    return Diagnostic(
        "E232", "`like` needs a pattern in quotes", at, help='such as `"*@example.com"`'
    )


def bad_regex(problem: str, at: Span) -> Diagnostic:
    """E235: a regular expression that cannot be used."""
    return Diagnostic(
        "E235",
        f"this regular expression cannot be used: {problem}",
        at,
        help="the syntax is RE2's: no backreferences and no look-around, for linear time",
    )


def not_an_address(value: str, at: Span) -> Diagnostic:
    """E236: no ip address."""
    hint = "a network is tested with `within`" if "/" in value else None
    return Diagnostic("E236", f"`{value}` is no ip address", at, help=hint)


def not_a_network(value: str, wide: str, at: Span) -> Diagnostic:
    """E237: no network in CIDR notation."""
    hint = f"did you mean `{wide}`?" if wide else "such as `10.0.0.0/8` or `2001:db8::/32`"
    return Diagnostic("E237", f"`{value}` is no network", at, help=hint)


def networks_not_constant(at: Span) -> Diagnostic:
    """E238: networks that are not written down."""
    return Diagnostic(
        "E238", "an address lies `within` constant networks only", at, help='such as `"10.0.0.0/8"`'
    )


def argument_count(signature: str, given: int, at: Span) -> Diagnostic:
    """E239: too many or too few arguments."""
    return Diagnostic(
        "E239", f"{given} arguments do not fit", at, help=f"the signature is `{signature}`"
    )


def bad_argument(function: str, wanted: str, found: Type, at: Span) -> Diagnostic:
    """E240: an argument of another type than the function takes."""
    return Diagnostic("E240", f"`{function}` needs `{wanted}` here, this is {shown(found)}", at)


def path_not_literal(at: Span) -> Diagnostic:
    """E241: a path for ``arg`` that is no literal string."""
    return Diagnostic(
        "E241", "`arg` needs a path in quotes", at, help='such as `arg("to.0.address")`'
    )


def empty_path_part(at: Span) -> Diagnostic:
    """E242: a path with nothing between two dots."""
    return Diagnostic("E242", "this path has an empty part", at)


def not_an_argument(at: Span) -> Diagnostic:
    """E245: ``tainted`` asked of what is no argument of a tool call."""
    return Diagnostic(
        "E245",
        "only an argument of a tool call can be tainted",
        at,
        help='such as `arg("to") tainted`; an absent argument is not tainted and needs no guard',
    )


def unknown_zone(zone: str, at: Span) -> Diagnostic:
    """E243: no such time zone."""
    return Diagnostic(
        "E243", f"unknown time zone `{zone}`", at, help='such as `"Europe/Berlin"` or `"UTC"`'
    )


def too_large(size: int, depth: int, at: Span) -> Diagnostic:
    """E244: a condition too large once its lets are put in."""
    return Diagnostic(
        "E244",
        f"this is too large with its lets: {size} parts and {depth} levels are the most",
        at,
        help="put words into a set or a `list` file, and split the rule",
    )


# --- presence -------------------------------------------------------------------------------------


def may_be_absent(name: str, condition: tuple[str, frozenset[str]] | None, at: Span) -> Diagnostic:
    """E250: an optional attribute is read without a guard.

    *condition* is when requests must have it.
    """
    hint = f"guard it with `{name} is present and …`, or give a default with `{name} ?? …`"
    if condition is not None:
        path, words = condition
        those = ", ".join(f'"{word}"' for word in sorted(words))
        hint = f"it is present where `{path} in {{{those}}}`; elsewhere {hint}"
    return Diagnostic(
        "E250",
        f"`{name}` may be absent here",
        at,
        help=hint,
    )


def no_presence(at: Span) -> Diagnostic:
    """E251: a test for presence of what is no attribute."""
    return Diagnostic("E251", "only attributes and `arg(…)` can be present or absent", at)
