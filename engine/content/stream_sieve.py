r"""The end of a stream's text in; whether a scan could find anything there out, in microseconds.

A stream takes a step at each word, and a scan at each step looks at hundreds of characters that
were looked at before. Mostly it need not: where nothing was alive at the cut (see `stream_hold`),
what is found behind it is matched behind it, but for some characters before a word that the pattern
needs. So it is asked first whether any pattern could match there::

    "... the parcel left our " | "office "   no word of a pattern, no number, no shape: no scan

Disguises are looked for too. What is hidden in base64, hex or bits stands where it is hidden. An
escape or a word of ROT13 makes another reading of all that is around it: as long as it may matter,
each step is scanned.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from ahocorasick_rs import BytesAhoCorasick, Implementation

from engine.content.islands import BITS, PAIRS
from engine.content.lookalikes import DISGUISED
from engine.content.normalize import fold
from engine.content.plan import LONG
from engine.content.regex import Regex, any_of, compiled, either
from engine.content.rules import Rule
from engine.content.stream_prefixes import structure_of, whole
from engine.content.terms import Terms
from engine.content.views import (
    BACKSLASH,
    COUNTED,
    JOINED,
    PERCENT,
    REFERENCE,
    ROTATED,
    SPACED,
)

LEAD = 4
"""A match may begin so many characters before what is held: before a word that it needs."""
AROUND = 128
"""So much before is looked at for disguises: lines of base64, pairs of hex, letters one by one."""
LARGE = 512
"""A word of more characters may be cut, so that disguises may reach farther in it."""
MEMORY = 64 << 20
"""Bytes that the automaton of all hints may take: with less it is made again and again."""
WORD = 16
"""Characters of the shortest base64 that is read."""
SPACE = ord(" ")

LASTING = (REFERENCE, PERCENT, BACKSLASH, SPACED, COUNTED, JOINED, ROTATED)
"""Disguises that make another reading of what is around them."""
_lasting = any_of(LASTING)
_any = any_of((*LASTING, PAIRS, BITS))
_base64 = compiled(rf"[A-Za-z0-9+/_\-]{{{WORD}}}")
_line = compiled(rf"[A-Za-z0-9+/_\-]{{{WORD}}}\r?\n?[A-Za-z0-9+/_\-]*\z")

Look = Literal["nothing", "matched", "hidden", "disguised"]
"""What may be there: a match of a pattern, another text, or another reading of all around."""


@dataclass(frozen=True, slots=True)
class Sieve:
    """What all matches hold: one of *words*, and then a hint, or a shape, or a term of a list."""

    words: BytesAhoCorasick | None
    hints: Regex | None
    shapes: Regex | None
    listed: tuple[Terms, ...]

    def look(self, text: str, from_: int) -> Look:
        """Return what a scan may find that begins in ``text[from_:]`` or `LEAD` before.

        *text* begins `AROUND` before that, or with the stream.
        """
        first = max(0, from_ - LEAD)
        if text.isascii():
            data, begin, cut = text.encode(), first, from_
        else:
            if unicodedata.combining(text[0]):
                return "hidden"
            folded = fold(text)
            text = folded.text
            if folded.ends is not None:
                first, from_ = bisect_right(folded.ends, first), bisect_right(folded.ends, from_)
            data = text.encode("utf-8", "replace")
            if len(data) != len(text) and DISGUISED.within(data):
                return "disguised"
            begin, cut = (len(text[:at].encode("utf-8", "replace")) for at in (first, from_))
        if _any.within(data):
            return "disguised" if _lasting.within(data) else "hidden"
        if _hides(data, cut):
            return "hidden"
        if self._matches(data[begin:]) or self._lists(text[first:]):
            return "matched"
        return "nothing"

    def _matches(self, data: bytes) -> bool:
        """Return whether a pattern may match in *data*."""
        if self.shapes is not None and self.shapes.within(data):
            return True
        if self.words is None or not self.words.find_matches_as_indexes(data.lower()):
            return False
        return self.hints is None or self.hints.within(data)

    def _lists(self, text: str) -> bool:
        """Return whether a term of a list may be in *text*."""
        return any(True for terms in self.listed for _ in terms.find(text))


def _hides(data: bytes, cut: int) -> bool:
    """Return whether there may be base64 in ``data[cut:]``: in a word, or lines that go on."""
    if len(data) - cut >= WORD and _base64.within(data[cut:]):
        return True
    return cut > 0 and data[cut - 1] != SPACE and _line.within(data[:cut])


def make_sieve(rules: Iterable[Rule], listed: Sequence[Terms]) -> Sieve:
    """Return the sieve of *rules* and the terms *listed*."""
    words: dict[bytes, None] = {}
    hints: dict[str, None] = {}
    shapes: dict[str, None] = {}
    for rule in rules:
        pattern = rule.pattern
        if pattern.digits:
            shapes[LONG] = None
        elif pattern.keywords:
            words |= dict.fromkeys(word.encode() for word in pattern.keywords)
            hints[pattern.hint or either(pattern.keywords)] = None
        else:
            shapes[pattern.hint or whole(structure_of(pattern.regex), coarse=False)] = None
    return Sieve(
        BytesAhoCorasick([*words], implementation=Implementation.DFA) if words else None,
        _joined(hints),
        _joined(shapes),
        tuple(listed),
    )


def _joined(patterns: Iterable[str]) -> Regex | None:
    joined = "|".join(f"(?:{one})" for one in patterns)
    return compiled(joined, memory=MEMORY) if joined else None
