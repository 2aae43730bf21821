r"""An RE2 pattern in, what Hyperscan may look for in its place out: an expression over bytes.

Whatever the pattern matches begins with a match of the expression, which may match more. The two
libraries differ in ``\s``, in what a dot is and in letters beyond ASCII, so nothing is left to
dialect: every class is spelt in bytes, and a character beyond ASCII is up to four bytes from 80 on.
What comes after the first possible end of a match is left out::

    ghp_[A-Za-z0-9]{36,255}   ->   [g][h][p][_][0-9A-Za-z]{36}       and so one event a token

Invariant: texts are folded (see `normalize`), so that no KELVIN SIGN stands for a ``k``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import assert_never

ASCII = (1 << 128) - 1
WIDEST = 4
"""Bytes of a character in UTF-8, at most."""


class Untranslatable(ValueError):
    """A pattern of which no useful expression can be made; the text says why."""


@dataclass(frozen=True, slots=True)
class Chars:
    """One character of ASCII, as bits, or with *wide* any other."""

    bits: int
    wide: bool


@dataclass(frozen=True, slots=True)
class Edge:
    """A condition that takes no characters."""

    text: str


@dataclass(frozen=True, slots=True)
class Repeat:
    """From *least* to *most* times *part*."""

    part: Node
    least: int
    most: int | None


@dataclass(frozen=True, slots=True)
class Row:
    """One part after the other."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the options."""

    options: tuple[Node, ...]


Node = Chars | Edge | Repeat | Row | Choice


@dataclass(frozen=True, slots=True)
class Expression:
    """What Hyperscan looks for, and how many bytes that has; *most* is None without a bound."""

    text: str
    least: int
    most: int | None
    marked: bool
    """Whether at least three characters are given: texts rarely hold it by chance."""


def _bits(chars: str) -> int:
    return sum(1 << ord(char) for char in set(chars))


def _span(first: str, last: str) -> int:
    return (1 << (ord(last) + 1)) - (1 << ord(first))


DIGITS = _span("0", "9")
UPPER = _span("A", "Z")
LOWER = _span("a", "z")
WORD = DIGITS | UPPER | LOWER | _bits("_")
SPACE = _bits("\t\n\f\r ")
CASE = ord("a") - ord("A")
CLASSES = {"d": DIGITS, "w": WORD, "s": SPACE}
PROPERTIES = {"L": LOWER | UPPER, "N": DIGITS}
CONTROLS = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v", "a": "\a"}
MARK = 3

_counted = re.compile(r"\{([0-9]+)(,?)([0-9]*)\}")
_flags = re.compile(r"\?(?:P?<\w+>|([is]*)(?:-([is]+))?([:)]))")


class _Reader:
    """Reads one pattern, of the part of RE2's syntax that detectors use."""

    __slots__ = ("_at", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def read(self) -> Node:
        node = self._choice("")
        if self._at < len(self._text):
            raise Untranslatable("a parenthesis too many")
        return node

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _next(self) -> str:
        char = self._peek()
        if not char:
            raise Untranslatable("it ends too early")
        self._at += 1
        return char

    def _choice(self, flags: str) -> Node:
        options = []
        parts: list[Node] = []
        while self._peek() not in ("", ")"):
            if self._peek() == "|":
                self._at += 1
                options.append(Row(tuple(parts)))
                parts = []
                continue
            if self._text.startswith("(?", self._at):
                held = _flags.match(self._text, self._at + 1)
                if held is None:
                    raise Untranslatable("a group of an unknown kind")
                if held[3] == ")":
                    flags = _changed(flags, held)
                    self._at = held.end()
                    continue
            parts.append(self._repeated(self._single(flags)))
        return Choice((*options, Row(tuple(parts)))) if options else Row(tuple(parts))

    def _group(self, flags: str) -> Node:
        held = _flags.match(self._text, self._at)
        if held is not None:
            self._at = held.end()
            if held[3] is not None:
                flags = _changed(flags, held)
        node = self._choice(flags)
        self._next()
        return node

    def _single(self, flags: str) -> Node:
        char = self._next()
        match char:
            case "(":
                return self._group(flags)
            case "[":
                return self._class(flags)
            case ".":
                return Chars(ASCII if "s" in flags else ASCII & ~_bits("\n"), wide=True)
            case "^" | "$":
                return Edge("")
            case "\\":
                return self._escaped(flags)
            case "*" | "+" | "?":
                raise Untranslatable("nothing to repeat")
            case _:
                return _char(char, flags)

    def _escaped(self, flags: str) -> Node:
        if self._peek() in ("b", "B"):
            return Edge("\\" + self._next())
        if self._peek() in ("A", "z"):
            self._at += 1
            return Edge("")
        return _cased(self._escape(), flags)

    def _escape(self) -> Chars:
        char = self._next()
        if char in CONTROLS:
            return _char(CONTROLS[char], "")
        if char.lower() in CLASSES:
            bits = CLASSES[char.lower()]
            return Chars(bits, wide=False) if char.islower() else Chars(ASCII & ~bits, wide=True)
        if char in "pP":
            return self._property(negated=char == "P")
        if char == "x":
            held = re.compile(r"\{([0-9A-Fa-f]+)\}|([0-9A-Fa-f]{2})").match(self._text, self._at)
            if held is None:
                raise Untranslatable("a character code that is none")
            self._at = held.end()
            return _char(chr(int(held[1] or held[2], 16)), "")
        if char.isalnum():
            raise Untranslatable(f"the escape \\{char}")
        return _char(char, "")

    def _property(self, *, negated: bool) -> Chars:
        name = self._next()
        if name == "{":
            name = self._text[self._at :].partition("}")[0]
            self._at += len(name) + 1
        if name not in PROPERTIES:
            raise Untranslatable(f"the property {name}")
        bits = PROPERTIES[name]
        return Chars(ASCII & ~bits if negated else bits, wide=True)

    def _class(self, flags: str) -> Chars:
        negated = self._peek() == "^"
        self._at += negated
        bits, wide = 0, False
        first = True
        while first or self._peek() != "]":
            first = False
            if self._text.startswith("[:", self._at):
                raise Untranslatable("a named class")
            low = self._member()
            if self._peek() == "-" and self._text[self._at + 1 : self._at + 2] not in ("]", ""):
                self._at += 1
                low = _between(low, self._member())
            bits |= low.bits
            wide |= low.wide
        self._at += 1
        found = _cased(Chars(bits, wide), flags)
        # Invariant: letters beyond ASCII that are excluded are still looked for: more, not less.
        return Chars(ASCII & ~found.bits, wide=True) if negated else found

    def _member(self) -> Chars:
        char = self._next()
        return self._escape() if char == "\\" else _char(char, "")

    def _repeated(self, node: Node) -> Node:
        least: int
        most: int | None
        held = _counted.match(self._text, self._at)
        if held is not None:
            least = int(held[1])
            most = (int(held[3]) if held[3] else None) if held[2] else least
            self._at = held.end()
        elif self._peek() and self._peek() in "*+?":
            mark = self._next()
            least = int(mark == "+")
            most = 1 if mark == "?" else None
        else:
            return node
        self._at += self._peek() == "?"
        return Repeat(node, least, most)


def read(regex: str) -> Node:
    """Return *regex* as a tree. Raises `Untranslatable` for syntax that detectors do not use."""
    return _Reader(regex).read()


def _changed(flags: str, held: re.Match[str]) -> str:
    kept = set(flags) | set(held[1] or "")
    return "".join(sorted(kept - set(held[2] or "")))


def _char(char: str, flags: str) -> Chars:
    if ord(char) >= 128:  # noqa: PLR2004 - the end of ASCII
        return Chars(0, wide=True)
    return _cased(Chars(_bits(char), wide=False), flags)


def _cased(chars: Chars, flags: str) -> Chars:
    if "i" not in flags:
        return chars
    bits = chars.bits | (chars.bits & UPPER) << CASE | (chars.bits & LOWER) >> CASE
    return Chars(bits, chars.wide)


def _between(low: Chars, high: Chars) -> Chars:
    """Return the range from one character to another; beyond ASCII it is not told apart."""
    if low.bits.bit_count() != 1:
        if low.bits:
            raise Untranslatable("a range that begins with a class")
        return low
    first = chr(low.bits.bit_length() - 1)
    if high.bits.bit_count() == 1:
        last = chr(high.bits.bit_length() - 1)
        if last < first:
            raise Untranslatable("a range that ends before it begins")
        return Chars(_span(first, last), wide=False)
    return Chars(_span(first, "\x7f"), wide=True)


def _trimmed(node: Node) -> Node | None:
    """Return what the first possible end of *node* leaves of it; None for nothing."""
    match node:
        case Chars():
            return node
        case Edge():
            return None
        case Repeat(part, least, _):
            tail = _trimmed(part)
            if least == 0 or tail is None:
                return None
            return tail if least == 1 else Row((Repeat(part, least - 1, least - 1), tail))
        case Row(parts):
            for place in range(len(parts) - 1, -1, -1):
                tail = _trimmed(parts[place])
                if tail is not None:
                    return Row((*parts[:place], tail))
            return None
        case Choice(options):
            tails = [_trimmed(option) for option in options]
            kept = tuple(tail for tail in tails if tail is not None)
            return Choice(kept) if len(kept) == len(tails) else None
        case _:
            assert_never(node)


def width(node: Node) -> tuple[int, int | None]:
    """Return how many bytes *node* has, at least and at most."""
    match node:
        case Chars(_, wide):
            return 1, WIDEST if wide else 1
        case Edge():
            return 0, 0
        case Repeat(part, least, most):
            low, high = width(part)
            return low * least, None if high is None or most is None else high * most
        case Row(parts):
            low, high = 0, 0
            for one, other in map(width, parts):
                low += one
                high = None if high is None or other is None else high + other
            return low, high
        case Choice(options):
            widths = [width(option) for option in options]
            highs = [high for _, high in widths if high is not None]
            return min(low for low, _ in widths), max(highs) if len(highs) == len(widths) else None
        case _:
            assert_never(node)


def _written(node: Node) -> str:
    match node:
        case Chars(bits, wide):
            return _written_class(bits, wide=wide) + ("{1,4}" if wide else "")
        case Edge(text):
            return text
        case Repeat(Chars(bits, wide=True), least, most):
            limit = "" if most is None else str(most * WIDEST)
            return f"{_written_class(bits, wide=True)}{{{least},{limit}}}"
        case Repeat(part, least, most):
            limit = "" if most is None else str(most)
            return f"(?:{_written(part)}){{{least},{limit}}}"
        case Row(parts):
            return "".join(map(_written, parts))
        case Choice(options):
            return f"(?:{'|'.join(map(_written, options))})"
        case _:
            assert_never(node)


def _written_class(bits: int, *, wide: bool) -> str:
    ranges = []
    code = 0
    while bits >> code:
        if not bits >> code & 1:
            code += 1
            continue
        first = code
        while bits >> code & 1:
            code += 1
        ranges.append(f"\\x{first:02x}" + (f"-\\x{code - 1:02x}" if code - 1 > first else ""))
    # Invariant: some character is in it, since what excludes some has all beyond ASCII.
    return f"[{''.join(ranges)}{chr(92) + 'x80-' + chr(92) + 'xff' if wide else ''}]"


def _given(node: Node) -> int:
    """Return how many characters of *node* are given, at least."""
    match node:
        case Chars(bits, wide):
            letters = bits & UPPER | (bits & LOWER) >> CASE
            cased = not bits & ~(UPPER | LOWER) and letters.bit_count() == 1
            return int(not wide and (bits.bit_count() == 1 or cased))
        case Edge():
            return 0
        case Repeat(part, least, _):
            return _given(part) * least
        case Row(parts):
            return sum(map(_given, parts))
        case Choice(options):
            return min(map(_given, options))
        case _:
            assert_never(node)


@lru_cache(maxsize=4096)
def translate(regex: str) -> Expression:
    """Return what every match of *regex* begins with. Raises `Untranslatable`."""
    node = _trimmed(read(regex))
    if node is None:
        raise Untranslatable("it may match nothing")
    least, most = width(node)
    return Expression(_written(node), least, most, _given(node) >= MARK)


def standing_alone(regex: str, *, whole: bool) -> str:
    """Return what stands for *regex* where no letter, digit or ``_`` touches its matches.

    Not *whole*: none touches their beginnings. Raises `Untranslatable`.
    """
    node = read(regex)
    trimmed = _trimmed(node)
    if trimmed is None:
        raise Untranslatable("it may match nothing")
    other = _written_class(ASCII & ~WORD, wide=True)
    if whole:
        return f"(?:^|{other}){_written(node)}(?:\\z|{other})"
    return f"(?:^|{other}){_written(trimmed)}"


def alphabet(node: Node) -> Chars:
    """Return all characters that *node* may match, as one."""
    match node:
        case Chars():
            return node
        case Edge():
            return Chars(0, wide=False)
        case Repeat(part, _, _):
            return alphabet(part)
        case Row(parts) | Choice(parts):
            met = [alphabet(part) for part in parts]
            bits = 0
            for one in met:
                bits |= one.bits
            return Chars(bits, any(one.wide for one in met))
        case _:
            assert_never(node)


def reach(regex: str) -> int | None:
    """Return how many bytes a match of *regex* has at most, None without a bound.

    Raises `Untranslatable`.
    """
    return width(read(regex))[1]
