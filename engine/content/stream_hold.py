"""What a stream must hold back: the longest end of a text that may still become a finding.

For each pattern that is looked for, the pattern of all beginnings of its matches is made (see
`stream_prefixes`). All of them joined, anchored at the end, are one search of RE2, which reads
backwards from the end of the text as long as anything is alive, and says where it begins::

    "write to ann.lee"   ->   9   ("ann.lee" may be the beginning of an e-mail address)

Most patterns need a word, such as the name before a secret. Where none is, only the beginning of
one can be alive, and each pattern of a word that is there is looked for by itself: one automaton of
all would be too large to be quick.

A weak pattern counts only with a context word, which may come up to `REACH` characters behind it:
its match is held until then. What is written in one word of ASCII (keys, escapes, base64) is held
to the word's end, so that most patterns need no automaton of their own.
"""

from __future__ import annotations

import codecs
import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from ahocorasick_rs import BytesAhoCorasick, Implementation

from engine.content.detectors import REACH, THRESHOLD
from engine.content.entities import ENTITIES
from engine.content.finders import LONGEST_TOKEN, NEARBY
from engine.content.lookalikes import undisguised
from engine.content.regex import Regex, compiled
from engine.content.rules import Rule
from engine.content.scan import Scanner
from engine.content.stream_prefixes import (
    Node,
    atoms,
    before_group,
    beginnings,
    longest,
    read_pattern,
    shortest,
    structure_of,
    whole,
)
from engine.content.stream_sieve import Sieve, make_sieve
from engine.content.terms import Terms, lowered
from engine.content.views import ROTATED

BOUND = 1024
"""So many characters are held at most, unless a stream is made for another bound; what is alive for
longer is replaced until it ends."""
LEAST_BOUND = 512
"""More than all that is held whatever is looked for."""
SPACED = 256
"""So many characters of a word with escapes, or of one that is spelled, are held."""
CELL = 64
"""Where scans may begin. More than `REACH`, what a guard looks at, and the character before."""
EXTRA = 2
"""Characters behind a match that a guard looks at."""
AUTOMATA_BYTES = 64 << 20
SIZES = (64, 256)
"""Patterns are joined by the longest match that they may have: one of these, or the bound."""

WORD = "[!-~]+"
ESCAPED = r"(?:[\pL\pN\pM]+[!-~]*(?:[&%\\]\S*)?)?"
"""A word of other letters in which escapes of ASCII stand."""
LETTERS = r"(?:(?:\A|[\s\"'(\[:,])\S(?: {1,3}\S)* {0,3})?"
READ = NEARBY + LONGEST_TOKEN
"""So much is held at most for what is read, and so far before it scans begin: a token that is
passed on in part has had all that may matter for it behind it, and will have all before it."""
ANY = 1 << 20
AT_ONCE = 32
"""So many characters are passed on at once at least where something is read, some words."""
ROT = compiled(ROTATED)
_coded = re.compile(r"[&%\\]")
FOREIGN = (" ", "\t", "\n", "\r", "\x0b", "\u00e9", "\u4e00", "\x00")
"""Samples of what a word of ASCII does not hold."""


@dataclass(frozen=True, slots=True)
class Tail:
    """Finds where what is alive begins, no further back than *size* characters."""

    find: Regex
    size: int | None

    def start(self, text: str, data: bytes) -> int:
        """Return where in *text* (in UTF-8: *data*) something alive begins; its length for none."""
        begin = self.find.find(data, 0, len(data))[0][0]
        return len(text) if begin < 0 else self.place(begin, text, data)

    def place(self, begin: int, text: str, data: bytes) -> int:
        """Return where in *text* that begins which `find` has found at the byte *begin*."""
        place = begin if len(data) == len(text) else len(data[:begin].decode())
        return place if self.size is None else max(place, len(text) - self.size)


@dataclass(frozen=True, slots=True)
class Listed:
    """A list of terms, and how long the longest is; with *needs*, they need a context word."""

    terms: Terms
    size: int
    needs: bool

    def start(self, text: str, from_: int) -> int:
        """Return where at the end of *text* a term begins that is not certain yet."""
        low = lowered(text)
        for place in range(max(0, len(low) - self.size - 1), len(low)):
            if place and low[place - 1].isalnum() and low[place].isalnum():
                continue
            rest = low[place:]
            at = bisect_left(self.terms.words, rest)
            if at < len(self.terms.words) and self.terms.words[at].startswith(rest):
                break
        else:
            place = len(text)
        if self.needs:
            for start, end in self.terms.find(text):
                if start >= from_ and len(text) - end < REACH + EXTRA:
                    return min(place, start)
        return place


@dataclass(frozen=True, slots=True)
class Armed:
    """Patterns that need a word, by the numbers of their *words*."""

    words: BytesAhoCorasick
    tails: tuple[tuple[Tail, ...], ...]

    def start(self, text: str, data: bytes) -> int:
        """Return where something begins that is alive at the end of *text*; its length for none."""
        found = self.words.find_matches_as_indexes(data.lower(), overlapping=True)
        place = len(text)
        for number in {number for number, _, _ in found}:
            for tail in self.tails[number]:
                place = min(place, tail.start(text, data))
        return place


@dataclass(frozen=True, slots=True)
class Named:
    """Patterns whose finding may stand far behind where the match begins, by their *words*.

    Of each word: so far at most the finding is from there, and so far the match begins before it.
    """

    words: BytesAhoCorasick
    ahead: tuple[int, ...]
    before: tuple[int, ...]
    far: int

    def begin(self, text: str, cut: int) -> int:
        """Return where in *text* a match may begin that finds something from *cut* on.

        A word that is disguised or encoded may be anywhere.
        """
        if not text.isascii() or _coded.search(text):
            return max(0, cut - self.far)
        place = cut
        found = self.words.find_matches_as_indexes(text.lower().encode(), overlapping=True)
        for number, start, _ in found:
            place = min(place, max(cut - self.ahead[number], start - self.before[number]))
        return max(0, place)


@dataclass(frozen=True, slots=True)
class Hold:
    """What is held back for one set of entities. Shared by all streams that ask for it.

    Scans begin at multiples of `CELL`, at least *behind* characters before what is not settled.
    """

    bound: int
    """What may become a finding for more characters is replaced until it ends."""
    behind: int
    least: int
    """So much is settled at once, as each look at what is before it costs the same."""
    read: tuple[Callable[[str], int], ...]
    """Up to where what has no pattern is settled."""
    tails: tuple[Tail, ...]
    armed: Armed | None
    named: Named | None
    weak: Regex | None
    listed: tuple[Listed, ...]
    endless: tuple[tuple[str, Regex], ...]
    """Entities whose findings have no longest length, with their beginnings from the first on."""
    sieve: Sieve
    """What says whether patterns may match."""
    unmatched: frozenset[str]
    """The entities that have no pattern."""

    def settled(self, text: str, from_: int) -> int:
        """Return up to where *text* (folded) is settled, whatever follows; not before *from_*."""
        data = text.encode("utf-8", "replace")
        place = self._alive(text, data, from_)
        if place > from_ and len(data) != len(text) and (plain := undisguised(text)) != text:
            coded = plain.encode("utf-8", "replace")
            place = min(place, self._alive(plain, coded, from_))
        if place > from_ and ROT.within(data):
            turned = codecs.encode(text, "rot13")
            coded = turned.encode("utf-8", "replace")
            place = min(place, self._alive(turned, coded, from_))
        return max(place, from_)

    def _alive(self, text: str, data: bytes, from_: int) -> int:
        """Return where in one reading of the text something may begin that is not settled.

        Hot path: before *from_* it does not matter where.
        """
        place, size = len(text), len(data)
        for tail in self.tails:
            begin = tail.find.find(data, 0, size)[0][0]
            if 0 <= begin < size:
                place = min(place, tail.place(begin, text, data))
                if place <= from_:
                    return from_
        if self.armed is not None:
            place = min(place, self.armed.start(text, data))
        for settled in self.read:
            # Hot path: nothing before *from_* can come alive again, so that it need not be read.
            place = min(place, max(from_ + settled(text[from_:]), len(text) - READ))
        for listed in self.listed:
            place = min(place, listed.start(text, from_))
        if self.weak is not None and place > from_:
            place = min(place, self._waiting(text, data, from_, len(data)))
        return place

    def _waiting(self, text: str, data: bytes, from_: int, size: int) -> int:
        """Return where a weak match begins whose context has not come yet."""
        assert self.weak is not None
        ascii_only = size == len(text)
        place = from_ if ascii_only else len(text[:from_].encode("utf-8", "replace"))
        while True:
            start, end = self.weak.find(data, place, size)[0]
            if start < 0:
                return len(text)
            ahead = size - end if ascii_only else len(data[end:].decode())
            if ahead < REACH + EXTRA:
                return start if ascii_only else len(data[:start].decode())
            place = start + 1
            while place < size and 0x80 <= data[place] < 0xC0:  # noqa: PLR2004 - inside a character
                place += 1

    def endless_at(self, text: str) -> tuple[str, int]:
        """Return the entity that *text* may be the beginning of, and how much of it may be.

        Without one the name is empty.
        """
        data = text.encode("utf-8", "replace")
        best = ("", 0)
        for entity, find in self.endless:
            end = find.find(data, 0, len(data))[0][1]
            if end > best[1]:
                best = (entity, end)
        return best[0], len(data[: best[1]].decode())


def make_hold(scanner: Scanner, entities: frozenset[str], bound: int = BOUND) -> Hold:
    """Return what is held back for *entities* of *scanner*: about *bound* characters at most.

    Raises `EntityError`, and ValueError for a bound of less than `LEAST_BOUND`.
    """
    if bound < LEAST_BOUND:
        raise ValueError(f"fewer than {LEAST_BOUND} characters cannot be held")
    read = scanner.readers(entities)
    rules = scanner.patterns(entities)
    lists = [(terms, needs) for terms, needs in scanner.lists(entities) if terms.words]
    sought = _sort_out(rules, bound)
    return Hold(
        bound,
        max(sought.behind, READ if read else CELL),
        AT_ONCE if read else 1,
        tuple(one.settled for one in read),
        tuple(
            Tail(_automaton(_either(some) + r"\z"), size)
            for size, some in sought.sized.items()
            if some
        ),
        _armed(sought.armed),
        _named(sought.named),
        _automaton(_either(sought.weak), longest_match=True) if sought.weak else None,
        tuple(Listed(terms, max(map(len, terms.words)), needs) for terms, needs in lists),
        tuple(
            (name, _automaton(rf"\A(?:{one})", longest_match=True)) for name, one in sought.endless
        ),
        make_sieve(rules, [terms for terms, _ in lists]),
        frozenset(one for one in entities & ENTITIES.keys() if ENTITIES[one].finder),
    )


@dataclass(slots=True)
class Sought:
    """What patterns are alive by, as it is gathered: see `Hold`, `Armed` and `Named`."""

    sized: dict[int | None, list[str]]
    behind: int = 0
    endless: list[tuple[str, str]] = field(default_factory=list)
    weak: list[str] = field(default_factory=list)
    armed: dict[str, list[Tail]] = field(default_factory=dict)
    named: dict[str, tuple[int, int]] = field(default_factory=dict)


def _sort_out(rules: Iterable[Rule], bound: int) -> Sought:
    """Return what *rules* are alive by."""
    sizes = (*SIZES, bound)
    made = Sought({size: [] for size in sizes})
    made.sized[bound].append(WORD)
    made.sized[SPACED] += (LETTERS, ESCAPED)
    for rule in rules:
        node = structure_of(rule.pattern.regex)
        if rule.must or rule.pattern.score < THRESHOLD:
            made.weak.append(whole(node, coarse=False))
        size = longest(node)
        ahead = min(_ahead(rule, size), bound) if rule.group else 0
        made.behind = max(made.behind, 0 if rule.pattern.keywords else ahead)
        for word in rule.pattern.keywords if ahead > CELL else ():
            most, before = made.named.get(word, (0, 0))
            made.named[word] = max(most, ahead), max(before, rule.pattern.before)
        if size is not None and size <= bound and _is_word(node):
            continue
        fitting = None if size is None else next((one for one in sizes if size <= one), None)
        begun = beginnings(node, coarse=fitting is not None)
        if fitting is None:
            made.endless.append((rule.entity, begun))
        if _needs_word(rule):
            tail = Tail(_automaton(begun + r"\z"), fitting)
            for word in rule.pattern.keywords:
                made.armed.setdefault(word, []).append(tail)
        else:
            made.sized.setdefault(fitting, []).append(begun)
    made.sized[SPACED] += (_beginnings_of(word) for word in made.armed if not _one_word(word))
    return made


def _armed(tails: Mapping[str, Sequence[Tail]]) -> Armed | None:
    if not tails:
        return None
    words = [word.encode() for word in tails]
    return Armed(
        BytesAhoCorasick(words, implementation=Implementation.DFA),
        tuple(map(tuple, tails.values())),
    )


def _named(reached: Mapping[str, tuple[int, int]]) -> Named | None:
    if not reached:
        return None
    words = [word.encode() for word in reached]
    ahead, before = zip(*reached.values(), strict=True)
    automaton = BytesAhoCorasick(words, implementation=Implementation.DFA)
    return Named(automaton, ahead, before, max(ahead) + EXTRA)


def _needs_word(rule: Rule) -> bool:
    """Return whether nothing that *rule* finds begins before its word does.

    Invariant: a match may begin so many characters before its word, but what is found in it begins
    behind them. So it is enough to hold the beginning of a word, and with the word what it begins.
    """
    pattern = rule.pattern
    if not pattern.keywords or pattern.before >= EXTRA + 2:
        return False
    if not pattern.before:
        return True
    before = before_group(pattern.regex)
    return before is not None and shortest(before) >= pattern.before


def _ahead(rule: Rule, size: int | None) -> int:
    """Return how far before what *rule* finds its match may begin: that must be seen with it."""
    before = before_group(rule.pattern.regex)
    most = size if before is None else longest(before)
    return ANY if most is None else most + EXTRA


def _one_word(word: str) -> bool:
    return word.isascii() and word.isprintable() and " " not in word


def _beginnings_of(word: str) -> str:
    return "(?i:" + beginnings(read_pattern(re.escape(word)), coarse=False) + ")"


def _is_word(node: Node) -> bool:
    """Return whether all that *node* matches is one word of ASCII, which is held anyway."""
    return all(_in_words(source) for source in atoms(node))


def _in_words(source: str) -> bool:
    known = _asked.get(source)
    if known is None:
        find = compiled(rf"\A(?:{source})\z")
        known = _asked[source] = not any(find.within(one.encode()) for one in FOREIGN)
    return known


_asked: dict[str, bool] = {}


def _either(patterns: Iterable[str]) -> str:
    return "(?:" + "|".join(dict.fromkeys(patterns)) + ")"


@lru_cache(maxsize=2048)
def _automaton(regex: str, *, longest_match: bool = False) -> Regex:
    """Return *regex* compiled with room for the automaton of many patterns."""
    return compiled(regex, longest_match=longest_match, memory=AUTOMATA_BYTES)
