"""A rule and what was looked at in; the values that its condition has read out: never a text.

What there is to read is worked out once for a rule. Nothing is asked for the sake of telling it:
scores, counts, labels and meters are told where the condition has asked for them.

    when context.amount > 500 and injection(content) >= 0.8 and length(context.note) > 3

tells ``context.amount: 900``, ``injection(content): 0.93`` and of ``context.note``, which is a
text, only that it is one, and its length. So it is with a string of which the content or an
argument holds a piece, unless the rule itself spells it out: somebody might have said it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from ipaddress import IPv4Address, IPv6Address
from operator import attrgetter
from typing import Final, cast

from engine.language import typed
from engine.language.functions import Unknowable
from engine.language.program import Rule, Throttle
from engine.language.typed import Expr
from engine.language.types import BOOL, DECIMAL, FLOAT, INT, STRING, TEXT, Enumeration, SetOf
from engine.language.walk import inner
from engine.runtime.arguments import texts_in
from engine.runtime.evidence import Findings
from engine.runtime.phrase import phrase
from engine.runtime.policyset import PolicySet
from engine.runtime.record import IDS
from engine.runtime.reference import scanned
from engine.runtime.witness import Seen

LONGEST: Final = 64
"""Characters of a string that is told as it is."""

TELLING: Final = 8
"""Characters of a piece by which a string, or a figure, might repeat what somebody has said."""

MOST_SEARCHED: Final = 20_000
"""Characters of content that are searched for a string; in more it counts as found."""

MOST_ITEMS: Final = 16
MOST_VALUES = 32
LONGEST_NAME = 120

REMEMBERED = 4096
"""Readings kept. When there are more, all are forgotten, as outcomes are."""

HARMLESS = frozenset({BOOL, INT, FLOAT, DECIMAL})
"""Types whose values no text fits into."""

KINDS: Mapping[type, str] = {str: "string", list: "list", dict: "object"}

UNASKED: Final = object()
"""Of what nobody has asked for."""

Values = dict[str, object]
NO_VALUES: Final[Values] = {}


Probe = Callable[[Seen], object]
Reading = tuple[tuple[str, Probe], ...]
"""What there is to tell of a rule: how its author calls it, and how it is looked up."""


def values_of(policies: PolicySet, seen: Seen, rule: str) -> Values:
    """Return what the condition of *rule*, which acts in the outcome, has read."""
    # Hot path: about a microsecond for a rule that compares two attributes.
    reading = policies.readings.get(rule)
    if reading is None:
        acting = seen.outcome.acting.get(rule)
        if acting is None:  # The default of a policy, say.
            return NO_VALUES
        make_room(policies)
        reading = policies.readings[rule] = reading_of(acting)
    made: Values = {}
    for name, probe in cast("Reading", reading):
        value = probe(seen)
        if value is not UNASKED:
            made[name] = value
    return made


def make_room(policies: PolicySet) -> None:
    """Forget all readings when there are as many as may be."""
    if len(policies.readings) >= REMEMBERED:
        policies.readings.clear()


# --- what there is to read ------------------------------------------------------------------------


def reading_of(rule: Rule) -> Reading:
    """Return how to look up what *rule* reads: each thing once, in the order of the condition."""
    nodes = [one for one in (rule.when, rule.unless) if one is not None]
    words = frozenset(_words(nodes))
    if isinstance(rule.action, Throttle):
        nodes += rule.action.keys
    made: dict[str, Probe] = {}
    for node in nodes:
        for name, probe in _probes(node, words):
            made.setdefault(name[:LONGEST_NAME], probe)
            if len(made) == MOST_VALUES:
                return tuple(made.items())
    return tuple(made.items())


def _words(nodes: Iterable[Expr]) -> Iterator[str]:
    """Yield the strings that conditions spell out."""
    waiting = [*nodes]
    while waiting:
        node = waiting.pop()
        if isinstance(node, typed.Constant):
            values = node.value if isinstance(node.value, frozenset | tuple) else (node.value,)
            yield from (one for one in values if isinstance(one, str))
        waiting += inner(node)


def _probes(node: Expr, words: frozenset[str]) -> Iterator[tuple[str, Probe]]:
    match node:
        case typed.Attribute():
            yield node.path, _attribute(node, words)
        case typed.ArgumentAt(path):
            yield phrase(node), lambda seen: _argument(seen, path)
        case typed.Tainted(path):
            yield phrase(node), lambda seen: _score(seen, ("taints", path))
        case typed.Count(meter):
            yield phrase(node), lambda seen: _score(seen, ("meter", meter))
        case typed.Score(classifier, text):
            asked = ("classifier", classifier, scanned(text))
            yield phrase(node), lambda seen: _score(seen, asked)
        case typed.Has(text, entities):
            found = (scanned(text), entities)
            yield phrase(node), lambda seen: _found(seen, found)
        case typed.Call("injection", (text,)):
            judged = ("injection", scanned(text))
            yield phrase(node), lambda seen: _score(seen, judged)
        case typed.Call("count", (text,), entities):
            counted = (scanned(text), entities)
            yield phrase(node), lambda seen: _found(seen, counted)
        case _:
            for part in inner(node):
                yield from _probes(part, words)


# --- looking it up --------------------------------------------------------------------------------


def _attribute(node: typed.Attribute, words: frozenset[str]) -> Probe:
    """Return how to look up an attribute."""
    match node.path:
        case "content":
            return lambda seen: measured("text", len(seen.evidence.content()))
        case "now":
            return lambda seen: seen.evidence.now
        case "session.labels" | "session.turn":
            asked = node.path.partition(".")[2]
            return lambda seen: _told(seen, _score(seen, asked), words)
        case _:
            get = attrgetter(f"record.{node.path}")
    if node.type in HARMLESS or isinstance(node.type, Enumeration) or node.path in IDS:
        return get
    if node.type == TEXT:
        return lambda seen: _length(get(seen))
    if node.type == SetOf(STRING):
        return lambda seen: _strings(seen, get(seen), words)
    return lambda seen: _told(seen, get(seen), words)


def _strings(seen: Seen, value: frozenset[str] | None, words: frozenset[str]) -> object:
    """Return what `_told` does of strings: in half the time, since roles are asked for often."""
    if value is None or len(value) > MOST_ITEMS:
        return None if value is None else measured("set", len(value))
    return [one if len(one) < TELLING else _told(seen, one, words) for one in sorted(value)]


def _length(text: str | None) -> object:
    return None if text is None else measured("text", len(text))


def _argument(seen: Seen, path: tuple[str | int, ...]) -> object:
    """Return an argument that is a figure or a truth; of others only what kind of thing it is."""
    try:
        value = seen.evidence.argument(path)
    except Unknowable as unknown:
        return {"unknown": unknown.what}
    match value:
        case None | bool():
            return value
        case int() | float() if len(repr(value)) < TELLING or not repeats(seen, repr(value)):
            return value
        case str() | list() | dict():
            return measured(KINDS[type(value)], len(value))
        case _:
            return measured("number", len(repr(value)))


def _score(seen: Seen, asked: object) -> object:
    """Return what was answered to a question of the evidence, if that was asked."""
    found = seen.evidence.known(asked)
    match found:
        case None:
            return UNASKED
        case Unknowable():
            return {"unknown": found.what[:LONGEST_NAME]}
        case tuple():
            return bool(found)
        case _:
            return found


def _found(seen: Seen, asked: tuple[str, frozenset[str]]) -> object:
    """Return how many of each entity were found."""
    found = seen.evidence.known(asked)
    if found is None or isinstance(found, Unknowable):
        return _score(seen, asked)
    counts: dict[str, int] = {}
    for _, findings in cast("Findings", found):
        for one in findings:
            counts[one.entity] = counts.get(one.entity, 0) + 1
    return counts


def _told(seen: Seen, value: object, words: frozenset[str]) -> object:
    """Return *value* as it can be told."""
    match value:
        case str():
            if value in words or not suspect(seen, value):
                return value
            return measured("string", len(value))
        case frozenset() | tuple() | list():
            kind = "set" if isinstance(value, frozenset) else "list"
            if len(value) > MOST_ITEMS:
                return measured(kind, len(value))
            items = sorted(value, key=str) if isinstance(value, frozenset) else value
            return [_told(seen, one, words) for one in items]
        case timedelta():
            return value.total_seconds()
        case IPv4Address() | IPv6Address():
            return _told(seen, str(value), words)
        case _:  # A figure, an instant, or what `_score` says.
            return value


def suspect(seen: Seen, text: str) -> bool:
    """Return whether *text* might be what somebody has said."""
    return len(text) >= TELLING and (len(text) > LONGEST or repeats(seen, text))


def repeats(seen: Seen, text: str) -> bool:
    """Return whether *text* holds a piece of the content or of an argument, or nobody can know."""
    content = seen.evidence.content()
    pieces = [text[at : at + TELLING] for at in range(len(text) - TELLING + 1)]
    if len(content) > MOST_SEARCHED:
        return True
    for piece in pieces:  # Hot path: `any` of a generator takes twice as long.
        if piece in content:
            return True
    arguments = seen.record.tool.args
    left = MOST_SEARCHED
    for said in () if arguments is None else texts_in(arguments):
        left -= len(said)
        if left < 0 or any(piece in said for piece in pieces):
            return True
    return False


def measured(kind: str, length: int) -> dict[str, object]:
    """Return what is told of something that must not be shown."""
    return {"kind": kind, "length": length}
