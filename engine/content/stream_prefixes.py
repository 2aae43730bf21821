r"""A pattern in, the pattern of all beginnings of what it matches out, and its longest match.

What is alive at the end of a stream is what may still become a match: the beginnings of matches.
For a sequence ``ab`` these are those of ``a``, and all of ``a`` with a beginning of ``b``::

    ghp_[a-z]{36}   ->   (?:g(?:h(?:p(?:_(?:[a-z]*)?)?)?)?)?

Only the structure of a pattern is read: what is inside a class stays as it was written. What looks
around (``^ $ \b``) is left out and, where that keeps automata small, counts too: both only add
beginnings. Source: the syntax of RE2, https://github.com/google/re2/wiki/Syntax.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

COUNTED = 8
"""Repetitions are counted up to here even where a pattern is made coarse."""

_repeat = re.compile(r"(?:([*+?])|\{(\d+)(?:(,)(\d*))?\})\??")
_escape = re.compile(r"\\(?:[pP](?:\{[^}]*\}|.)|x(?:\{[0-9a-fA-F]+\}|..)|[0-7]{1,3}|.)", re.DOTALL)
_class = re.compile(r"\[\^?\]?(?:\[:\^?[a-z]+:\]|\\[pP]\{[^}]*\}|\\.|[^\]\\])*\]", re.DOTALL)
_group = re.compile(r"\((?:\?(?:P?<\w+>|([imsU]*)(?:-([imsU]+))?([:)]))|(?!\?))")
SIGNS: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
FEW = 3
"""Of more repetitions than that, a coarse pattern asks only for so many."""
NOWHERE = ("\\b", "\\B", "\\A", "\\z", "^", "$")
"""What matches between characters."""


class UnreadableError(ValueError):
    """A pattern of which the structure cannot be read."""


@dataclass(frozen=True, slots=True)
class Atom:
    """One character, as it was written."""

    source: str


@dataclass(frozen=True, slots=True)
class Sequel:
    """One after the other."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of them."""

    options: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """At least and at most so many times; None for any number."""

    inner: Node
    least: int
    most: int | None


Node = Atom | Sequel | Choice | Repeat


def read_pattern(regex: str) -> Node:
    """Return the structure of *regex*, which RE2 accepts. Raises `UnreadableError`."""
    node, place = _choice(regex, 0, frozenset())
    if place != len(regex):
        raise UnreadableError(f"a parenthesis too many at {place}")
    return node


def structure_of(regex: str) -> Node:
    """Return the structure of *regex*; of one that cannot be read, that of any text."""
    try:
        return read_pattern(regex)
    except (UnreadableError, RecursionError):
        return Repeat(Atom("(?s:.)"), 1, None)


def _choice(regex: str, place: int, flags: frozenset[str]) -> tuple[Node, int]:
    """Read up to the end of a group; flags that are set inside hold up to there."""
    options: list[Node] = []
    parts: list[Node] = []
    while place < len(regex) and regex[place] != ")":
        char = regex[place]
        if char == "|":
            options.append(_sequel(parts))
            parts = []
            place += 1
        elif char == "(":
            place, flags = _grouped(regex, place, flags, parts)
        else:
            place = _single(regex, place, flags, parts)
        place = _repeated(regex, place, parts)
    options.append(_sequel(parts))
    return options[0] if len(options) == 1 else Choice(tuple(options)), place


def _sequel(parts: Sequence[Node]) -> Node:
    return parts[0] if len(parts) == 1 else Sequel(tuple(parts))


def _grouped(
    regex: str, place: int, flags: frozenset[str], parts: list[Node]
) -> tuple[int, frozenset[str]]:
    opened = _group.match(regex, place)
    if opened is None:
        raise UnreadableError(f"a parenthesis at {place}")
    inside = (flags | set(opened[1] or "")) - set(opened[2] or "")
    if opened[3] == ")":
        return opened.end(), inside
    node, place = _choice(regex, opened.end(), inside)
    if place >= len(regex):
        raise UnreadableError("a parenthesis is not closed")
    parts.append(node)
    return place + 1, flags


def _single(regex: str, place: int, flags: frozenset[str], parts: list[Node]) -> int:
    """Read a character, a class or a look around."""
    char = regex[place]
    if regex.startswith("\\Q", place):
        end = regex.find("\\E", place)
        end = len(regex) if end < 0 else end
        parts += (Atom(_flagged(re.escape(one), flags)) for one in regex[place + 2 : end])
        return min(end + 2, len(regex))
    found = (_escape if char == "\\" else _class if char == "[" else _any).match(regex, place)
    if found is None:
        raise UnreadableError(f"a class or an escape at {place}")
    if found.group() not in NOWHERE:
        parts.append(Atom(_flagged(found.group(), flags)))
    elif _repeat.match(regex, found.end()):
        parts.append(Sequel(()))
    return found.end()


_any = re.compile(".", re.DOTALL)


def _flagged(source: str, flags: frozenset[str]) -> str:
    """Return *source* with the flags that matter for one character."""
    mattering = "".join(sorted(flags & {"i", "s"}))
    return f"(?{mattering}:{source})" if mattering else source


def _repeated(regex: str, place: int, parts: list[Node]) -> int:
    while found := _repeat.match(regex, place):
        if not parts:
            raise UnreadableError(f"nothing to repeat at {place}")
        sign, least, comma, most = found.groups()
        if sign:
            fewest, at_most = SIGNS[sign]
        else:
            fewest = int(least)
            at_most = (int(most) if most else None) if comma else fewest
        parts[-1] = Repeat(parts[-1], fewest, at_most)
        place = found.end()
    return place


def whole(node: Node, *, coarse: bool) -> str:
    """Return the pattern of all that *node* matches; *coarse* ones count only to `COUNTED`."""
    match node:
        case Atom(source):
            return source
        case Sequel(parts):
            return "".join(whole(part, coarse=coarse) for part in parts)
        case Choice(options):
            return "(?:" + "|".join(whole(one, coarse=coarse) for one in options) + ")"
        case Repeat(inner, least, most):
            body = _unit(whole(inner, coarse=coarse))
            if most is None or (coarse and most > COUNTED):
                few = min(least, FEW) if coarse else least
                return body + {0: "*", 1: "+"}.get(few, f"{{{few},}}")
            return f"{body}{{{least},{most}}}"
        case _:
            assert_never(node)


def _unit(pattern: str) -> str:
    return f"(?:{pattern})"


def beginnings(node: Node, *, coarse: bool) -> str:
    """Return the pattern of all beginnings of what *node* matches, the empty one included."""
    match node:
        case Atom(source):
            return f"(?:{source})?"
        case Sequel(parts):
            return _of_sequel(parts, coarse=coarse)
        case Choice(options):
            return "(?:" + "|".join(beginnings(one, coarse=coarse) for one in options) + ")"
        case Repeat(_, _, 0):
            return ""
        case Repeat(inner, _, most):
            body = _unit(whole(inner, coarse=coarse))
            counted = most is not None and not (coarse and most > COUNTED)
            times = f"{{0,{most - 1}}}" if counted and most is not None else "*"
            return f"{body}{times}{beginnings(inner, coarse=coarse)}"
        case _:
            assert_never(node)


def _of_sequel(parts: Sequence[Node], *, coarse: bool) -> str:
    made = ""
    for part in reversed(parts):
        if isinstance(part, Atom):
            made = f"(?:{part.source}{made})?"
        else:
            made = f"(?:{beginnings(part, coarse=coarse)}|{whole(part, coarse=coarse)}{made})"
    return made


def longest(node: Node) -> int | None:
    """Return how many characters a match has at most; None for any number."""
    match node:
        case Atom():
            return 1
        case Sequel(parts):
            sizes = [longest(part) for part in parts]
            known = [size for size in sizes if size is not None]
            return sum(known) if len(known) == len(sizes) else None
        case Choice(options):
            sizes = [longest(one) for one in options]
            known = [size for size in sizes if size is not None]
            return max(known) if len(known) == len(sizes) else None
        case Repeat(inner, _, most):
            size = longest(inner)
            if size == 0 or most == 0:
                return 0
            return None if size is None or most is None else size * most
        case _:
            assert_never(node)


def shortest(node: Node) -> int:
    """Return how many characters a match has at least."""
    match node:
        case Atom():
            return 1
        case Sequel(parts):
            return sum(map(shortest, parts))
        case Choice(options):
            return min(map(shortest, options))
        case Repeat(inner, least, _):
            return shortest(inner) * least
        case _:
            assert_never(node)


def before_group(regex: str) -> Node | None:
    """Return the structure of what stands before the first group of *regex*.

    None where there is no group, or where it stands inside of something.
    """
    place = 0
    while place < len(regex):
        char = regex[place]
        if char == "(" and not regex.startswith("(?", place):
            try:
                return read_pattern(regex[:place])
            except UnreadableError:
                return None
        found = (_escape if char == "\\" else _class if char == "[" else _any).match(regex, place)
        if found is None:
            return None
        place = found.end()
    return None


def atoms(node: Node) -> frozenset[str]:
    """Return the sources of all characters and classes in *node*."""
    match node:
        case Atom(source):
            return frozenset({source})
        case Sequel(parts) | Choice(parts):
            return frozenset().union(*map(atoms, parts))
        case Repeat(inner, _, _):
            return atoms(inner)
        case _:
            assert_never(node)
