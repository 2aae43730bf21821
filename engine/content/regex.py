"""RE2, typed: patterns compiled quietly, and the context words of an entity as one pattern."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import re2

MAX_PATTERN_LENGTH = 1000
MAX_PROGRAM_SIZE = 800
MEMORY = 32 << 20
"""Bytes for an automaton of many patterns, which are filled as texts ask for it. With RE2's own
bound it is thrown away again and again, and takes five times as long for texts of many kinds."""

SLOW = 2000
"""Instructions from which on the first use of a pattern, in which RE2 makes its automata, takes a
tenth of a millisecond or more."""


def require_genuine(module: object) -> None:
    """Raise ImportError unless *module* is google-re2: other packages install the same name."""
    if not hasattr(module, "Filter"):
        raise ImportError("`re2` is not google-re2: uninstall pyre2 or re2")


require_genuine(re2)


class PatternError(ValueError):
    """A pattern that RE2 refuses or that would make a scan slow; the message says why."""


Find = Callable[[bytes, int, int], list[tuple[int, int]]]
"""Text, begin and end to the places of the leftmost match and its groups; -1, -1 for none."""


@dataclass(frozen=True, slots=True)
class Regex:
    """A compiled pattern over UTF-8.

    ``find(data, begin, end)`` gives the places of the leftmost match and of its groups, in bytes;
    without a match, and for a group that took no part, ``(-1, -1)``.
    """

    find: Find
    groups: int
    programsize: int

    def within(self, data: bytes) -> bool:
        """Return whether the pattern matches anywhere in *data*."""
        return self.find(data, 0, len(data))[0][0] >= 0


def compiled(
    regex: str,
    *,
    longest_match: bool = False,
    memory: int = 0,
    grouped: bool = True,
    bytewise: bool = False,
) -> Regex:
    """Return *regex* compiled by RE2 for UTF-8 text. Raises `PatternError` with RE2's reason.

    With *longest_match* it prefers the longest match to the first alternative. *memory* is how many
    bytes its automata may take (0: RE2's own bound). Without *grouped* its groups are not told. If
    *bytewise*, each byte of the text is a character.
    """
    options = re2.Options()
    if bytewise:
        options.encoding = re2.Options.Encoding.LATIN1
    options.log_errors = False
    options.longest_match = longest_match
    options.never_capture = not grouped
    options.max_mem = memory or options.max_mem
    try:
        made = re2.compile(regex.encode() if bytewise else regex, options)
    except re2.error as error:
        raise PatternError(error.args[0].decode("utf-8", "replace")) from error
    # The object inside is asked: the wrapper's generator costs as much as 500 bytes of search.
    find = partial(made._regexp.Match, re2._Anchor.UNANCHORED)  # noqa: SLF001
    return Regex(find, made.groups, made.programsize)


class Late:
    """Finds a pattern, which RE2 compiles when a text is first searched for it."""

    __slots__ = ("_made", "_regex")

    def __init__(self, regex: str) -> None:
        self._regex = regex
        self._made: Find | None = None

    def __call__(self, data: bytes, begin: int, end: int) -> list[tuple[int, int]]:
        """Return the places of the leftmost match and its groups."""
        made = self._made
        if made is None:
            made = self._made = compiled(self._regex).find
        return made(data, begin, end)


_no_group = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?(?!P<)")


def late(regex: str) -> Regex:
    """Return what `compiled` does for a *regex* that is known to be right, without compiling it.

    It takes a tenth of a millisecond and ten kilobytes, and most patterns of credentials are never
    searched for. Its size is not known: it is told as none.
    """
    return Regex(Late(regex), _no_group.sub("", regex).count("("), 0)


def bounded(regex: str) -> Regex:
    """Return an author's *regex* compiled. Raises `PatternError` also when it is too large.

    RE2 is linear in the text, but its cost for each byte grows with the size of the pattern.
    """
    if len(regex) > MAX_PATTERN_LENGTH:
        raise PatternError(f"the pattern is longer than {MAX_PATTERN_LENGTH} characters")
    made = compiled(regex)
    if _size(regex, made) > MAX_PROGRAM_SIZE:
        raise PatternError("the pattern repeats too much to be scanned quickly")
    return made


def _size(regex: str, made: Regex) -> int:
    """Return the size of a program, in which a class such as all letters counts little.

    As UTF-8 it has 1,200 instructions and is none the slower; as Latin-1 the repetitions show. A
    pattern with characters beyond Latin-1 is measured as UTF-8, of which it has a share.
    """
    options = re2.Options()
    options.log_errors = False
    options.encoding = re2.Options.Encoding.LATIN1
    try:
        return int(re2.compile(regex.encode(), options).programsize)
    except re2.error:
        return made.programsize // 8


def spans(pattern: Regex, data: bytes, begin: int = 0) -> Iterator[tuple[int, int]]:
    """Yield the places of *pattern* in *data*, in order, disjoint. It must not match nothing.

    They are sought from *begin* on.
    """
    find, size = pattern.find, len(data)
    start, end = find(data, begin, size)[0]
    while start >= 0:
        yield start, end
        start, end = find(data, end, size)[0]


class Nearby:
    """A pattern of context words, compiled when a text first asks for one.

    It takes a millisecond and a hundred kilobytes, and most are never asked for.
    """

    __slots__ = ("_made", "regex")

    def __init__(self, regex: str) -> None:
        self.regex = regex
        self._made: Regex | None = None

    def within(self, data: bytes) -> bool:
        """Return whether one of the words stands in *data*."""
        made = self._made
        if made is None:
            made = self._made = compiled(self.regex)
        return made.find(data, 0, len(data))[0][0] >= 0


def nearby(words: Sequence[str]) -> Nearby | None:
    """Return a pattern of a character and one of *words* behind it, in any case; None without any.

    Words are found at their beginnings, but not in labels: ``[PHONE]`` tells nothing. A word with a
    space at its end is found only whole, and one of a script without spaces also inside others.
    """
    return Nearby(_before(r"[^\pL\pN\[]", words)) if words else None


def around(words: Sequence[str]) -> Regex | None:
    """Return what matches wherever `nearby` does, and now and then elsewhere; None without words.

    It is small: letters that are not ASCII are as good as spaces. Words with a space at their ends
    need not be whole, for the text that is looked at may end behind them.
    """
    begun = [word.removesuffix(" ") for word in words]
    return compiled(_before(r"[^0-9A-Za-z\[]", begun)) if words else None


def _before(sign: str, words: Sequence[str]) -> str:
    """Return a pattern of one of *words* behind a *sign*."""
    spaced = [_spelled(word) for word in words if not _unspaced.match(word)]
    others = [_spelled(word) for word in words if _unspaced.match(word)]
    choices = [rf"{sign}(?:{'|'.join(spaced)})"] if spaced else []
    choices += [rf"[^\[](?:{'|'.join(others)})"] if others else []
    return "(?i)" + "|".join(choices)


_unspaced = re.compile("[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]")
"""Thai and Lao, kana, Chinese characters."""


def _spelled(word: str) -> str:
    whole = word.removesuffix(" ")
    quoted: str = re2.escape(whole)
    return quoted if whole == word else rf"{quoted}(?:[^\pL\pN]|\z)"


def any_of(patterns: Iterable[str], *, memory: int = 0) -> Regex:
    """Return a pattern that matches where one of *patterns* does; *memory* as in `compiled`.

    Hot path: of groups nothing is told. To find one, RE2 would read each match a third time, and
    without an automaton.
    """
    every = "|".join(f"(?:{one})" for one in dict.fromkeys(patterns))
    return compiled(every, memory=memory, grouped=False)


def either(words: Iterable[str]) -> str:
    """Return a pattern for one of *words* in any case."""
    return "(?i)" + "|".join(map(re2.escape, words))
