"""A pattern in, texts that it matches out; and texts full of them, the same for the same seed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from random import Random
from typing import assert_never

from engine.content.normalize import fold
from engine.content.rules import Rule
from engine.content.translate import Chars, Choice, Edge, Node, Repeat, Row, read

MORE = 6
"""So many repetitions beyond the least are made, at most."""
GLUE = (
    " ", " ", "\n", "", ", ", ": ", "=", '"', "'", "(", ") ", "-", ".", "_", "/", "@", "x", "7",
    " key = ", " token: ", "password=", " ssn ", " call ", "aws ",
    "\u200b", "é", "ж", "😀", "\v", "\f",
)  # fmt: skip
WORDS = (
    "the", "quarterly", "figures", "were", "12", "items", "3.5", "percent", "token", "key", "api",
    "access", "login", "pass", "secret", "session", "in", "2024", "at", "10:30", "to", "192", "or",
    "0042", "def", "handler", "event", "return", "sk", "ac", "ey", "us", "sg", "pk",
)  # fmt: skip
WIDE = "éßжñ漢😀"


def made(node: Node, source: Random) -> str:
    """Return a text that *node* matches."""
    match node:
        case Chars(bits, wide):
            if wide and (not bits or source.random() < 0.1):
                return source.choice(WIDE)
            return chr(source.choice([code for code in range(128) if bits >> code & 1]))
        case Edge():
            return ""
        case Repeat(part, least, most):
            limit = least + MORE if most is None else min(most, least + MORE)
            if most is not None and source.random() < 0.1:
                limit = least = most
            return "".join(made(part, source) for _ in range(source.randint(least, limit)))
        case Row(parts):
            return "".join(made(part, source) for part in parts)
        case Choice(options):
            return made(source.choice(options), source)
        case _:
            assert_never(node)


def made_texts(rules: Iterable[Rule], count: int, seed: int) -> Iterator[str]:
    """Yield *count* folded texts of what *rules* look for, whole, broken and doubled."""
    source = Random(seed)  # noqa: S311 - texts, no secrets
    trees = [read(rule.pattern.regex) for rule in rules]
    for _ in range(count):
        pieces = [piece for _ in range(source.randint(1, 8)) for piece in _piece(trees, source)]
        yield fold("".join(pieces)).text


def _piece(trees: Sequence[Node], source: Random) -> Iterator[str]:
    yield source.choice(GLUE)
    text = made(source.choice(trees), source)
    match source.randrange(8):
        case 0:
            cut = source.randrange(len(text) + 1)
            yield text[:cut]
        case 1:
            yield text + text
        case 2:
            yield text[: len(text) // 2] + source.choice(GLUE) + text[len(text) // 2 :]
        case 3:
            yield text + source.choice("aZ0_-.é")
        case _:
            yield text
    yield source.choice(GLUE)
    yield " ".join(source.choices(WORDS, k=source.randrange(6)))
