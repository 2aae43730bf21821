"""The text of a JSON document in, its values with their places out: for messages about data files.

Only used when something is wrong. The text must be valid JSON, which is seen to before. The outer
object or array is taken apart quickly; ``expand`` takes one of its records apart, slowly.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

SPACE = re.compile(r"[ \t\r\n]*")
STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
SCALAR = re.compile(r"[^\s,\]}]+")


@dataclass(frozen=True, slots=True)
class Member:
    """One ``name: value`` of an object; ``start:end`` is the name with its quotes."""

    name: str
    start: int
    end: int
    node: Node


@dataclass(frozen=True, slots=True)
class Node:
    """A value at ``start:end``. Objects have *members* (repeated ones too), arrays *items*.

    *repeated* says that an object in it has a name twice; *value* holds the last of these.
    """

    value: object
    start: int
    end: int
    members: tuple[Member, ...] | None = None
    items: tuple[Node, ...] | None = None
    repeated: bool = False


Read = Callable[[str, int], Node]


def noticing(repeated: list[str]) -> Callable[[list[tuple[str, object]]], dict[str, object]]:
    """Return a hook that makes objects and adds to *repeated* when a name occurs twice in one."""

    def make(pairs: list[tuple[str, object]]) -> dict[str, object]:
        made = dict(pairs)
        if len(made) < len(pairs):
            repeated.append(pairs[0][0])
        return made

    return make


def read_records(text: str) -> Node:
    """Return the document in *text*, with its members or items, but not what is inside these."""
    repeated: list[str] = []
    decoder = json.JSONDecoder(object_pairs_hook=noticing(repeated))

    def shallow(text: str, at: int) -> Node:
        repeated.clear()
        value, end = decoder.raw_decode(text, at)
        return Node(value, at, end, repeated=bool(repeated))

    return _value(text, _skip(text, 0), shallow)


def expand(text: str, node: Node) -> Node:
    """Return *node* of *text* with all that is inside it."""
    return _deep(text, node.start)


def _deep(text: str, at: int) -> Node:
    return _value(text, at, _deep)


def _skip(text: str, at: int) -> int:
    found = SPACE.match(text, at)
    assert found is not None, "the pattern fits everywhere"
    return found.end()


def _value(text: str, at: int, read: Read) -> Node:
    match text[at]:
        case "{":
            return _object(text, at, read)
        case "[":
            return _array(text, at, read)
        case '"':
            return _scalar(text, at, STRING)
        case _:
            return _scalar(text, at, SCALAR)


def _scalar(text: str, at: int, pattern: re.Pattern[str]) -> Node:
    found = pattern.match(text, at)
    assert found is not None, "the text is valid JSON"
    return Node(json.loads(found[0]), at, found.end())


def _object(text: str, start: int, read: Read) -> Node:
    members: list[Member] = []
    at = _skip(text, start + 1)
    while text[at] != "}":
        name = _scalar(text, at, STRING)
        colon = _skip(text, name.end)
        node = read(text, _skip(text, colon + 1))
        members.append(Member(str(name.value), name.start, name.end, node))
        at = _skip(text, node.end)
        if text[at] == ",":
            at = _skip(text, at + 1)
    value = {member.name: member.node.value for member in members}
    return Node(value, start, at + 1, members=tuple(members))


def _array(text: str, start: int, read: Read) -> Node:
    items: list[Node] = []
    at = _skip(text, start + 1)
    while text[at] != "]":
        node = read(text, at)
        items.append(node)
        at = _skip(text, node.end)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return Node([item.value for item in items], start, at + 1, items=tuple(items))
