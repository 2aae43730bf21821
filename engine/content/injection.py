"""Text and role to an injection score: how likely it tries to take over the model.

1. The text is brought to a plain form: Unicode folded, look-alike letters of other scripts
   replaced, accents and case dropped, escapes undone. Readable base64, hexadecimal and binary
   islands, and the form without any spaces or leetspeak, are looked at as well.
2. Families of phrases are searched for. One RE2 pass says whether any can match, one Aho-Corasick
   pass which, and where: a pattern looks only at the `REACH` around its keywords.
3. Cues, words that say little alone, are found by another pass. They count from `FEWEST` on.
4. The different phrases and cues within `WINDOW` characters are combined as ``1 - (1 - a)(1 - b)``.
   The highest window is the score: padding cannot dilute it, and single weak phrases, far apart in
   a long text, do not add up.

An instruction inside a document or tool result weighs more than in the user's own words. A phrase
in a sentence that talks about it (in quotation marks, behind "example:" or "never") weighs a tenth.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from math import log1p
from typing import NamedTuple

from ahocorasick_rs import BytesAhoCorasick, Implementation

from engine.content.cues import CUES
from engine.content.disguises import disguises, hides_phrase, plain
from engine.content.findings import Injection
from engine.content.islands import islands, unescaped
from engine.content.mention import QUOTES, TALK, talked_about
from engine.content.phrases import PHRASES, Phrase
from engine.content.phrases_abroad import ABROAD
from engine.content.phrases_orders import INSTRUCTIONS
from engine.content.regex import Regex, any_of, compiled, either, spans
from engine.content.sample import ATTACK, SAMPLE

WINDOW = 700
REACH = 320
AGAIN = 150
NOWHERE = (-1, -1)
QUOTED = 0.1
SLIGHT = 1e-9
UNADDRESSED = 0.5
FEWEST = 3
HIDDEN = 0.9
HALF = 0.5
MANY_TURNS = 6
MANY_QUESTIONS = 8
MANY_SHOT = -1 - len(CUES)
"""The number of a conversation of many turns: phrases count from 0 up, cues from -1 down."""
TURNS = (("human:", "user:"), ("assistant:",), (" q: ",), (" a: ",))
ENGLISH = (*PHRASES, *INSTRUCTIONS)
OWN = len(CUES) + len(TURNS)
"""From this number on, a group of the lexicon is the keywords of a phrase in another language."""
LONGEST = 24
"""No keyword is longer."""
STRIDE = 256
CHUNK = 4096

Place = tuple[int, int, int]
"""A number, begin and end."""

EMBEDDED = frozenset({"document", "tool_result", "tool_description", "tool"})
"""Roles of text that nobody wrote to the model: it has no business giving instructions."""

WORD = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789_")


class Hit(NamedTuple):
    """A *phrase* (its number) of family *signal* at *place* of the plain text, with its weight."""

    place: int
    phrase: int
    signal: str
    weight: float


def score_injection(text: str, role: str) -> Injection:
    """Return how likely *text* is an injection, and the signals that say so.

    *role* is a message's role (``user`` …) or a stage (``document``, ``tool_result`` …).
    """
    embedded = role in EMBEDDED
    shown = unescaped(text)
    simple = plain(shown)
    score, signals = strongest(find_hits(simple, embedded=embedded))
    said = "\n".join(islands(shown))
    if said:
        hidden, inside = strongest(find_hits(plain(said), embedded=True))
        if hidden >= HALF:
            score, signals = max(score, HIDDEN), signals | inside | {"encoded"}
    views = [strongest(find_hits(view, embedded=embedded)) for view in disguises(simple, shown)]
    inside = frozenset[str]().union(*(found for inner, found in views if inner >= HALF))
    if inside or hides_phrase(simple):
        score, signals = max(score, HIDDEN), signals | inside | {"obfuscated"}
    return Injection(round(score, 4), tuple(sorted(signals)))


def prepare_injection() -> None:
    """Build and warm up what `score_injection` needs, so that no request pays for it."""
    for text in (SAMPLE, SAMPLE.encode("ascii", "ignore").decode()):
        score_injection(text, "user")
    data = plain(SAMPLE + ATTACK).encode()
    for pattern in (*(one for _, one in _patterns()), *TALK):
        for _ in spans(pattern, data):
            pass


def find_hits(text: str, *, embedded: bool) -> list[Hit]:
    """Return the phrases and cues in *text*, which is plain, in order of place."""
    data = text.encode("utf-8", "replace")
    words = _lexicon()
    found = [
        (group, start, end)
        for word, start, end in words.find_matches(data)
        for group in words.having[word]
    ]
    hits = [*_cues(data, found), *_many_shot(found)]
    foreign = (
        (group - OWN + len(ENGLISH), start, end) for group, start, end in found if group >= OWN
    )
    hits += _phrases(data, _near(chain(_keywords(data), foreign)), embedded=embedded)
    hits.sort()
    return hits


def _keywords(data: bytes) -> Iterator[Place]:
    """Yield the keywords of English phrases in *data*, around the hints that one may match."""
    hint, words = _hint(), _gate()
    at, done, size = 0, 0, len(data)
    while at < size:
        # Invariant: a search reads one chunk at most. A hint may go on to the end of the text, and
        # were it read so far each time, a text of nothing but hints would take the square of it.
        start, _ = hint.find(data, at, min(size, at + CHUNK))[0]
        if start < 0:
            at += CHUNK - REACH
            continue
        # Hints that follow closely are read together: finding one takes longer than reading on.
        at = start + STRIDE
        begin, stop = max(0, start - REACH, done - LONGEST), min(size, at + REACH)
        for word, first, last in words.find_matches(data[begin:stop]):
            for number in words.having[word]:
                yield number, begin + first, begin + last
        done = stop


def _near(found: Iterable[Place]) -> dict[int, list[list[int]]]:
    """Return for each pattern the places where it can match: disjoint, in order.

    *found* are numbers of patterns whose keywords were found, and where, nearly in order.
    """
    places: dict[int, list[list[int]]] = {}
    for number, start, end in found:
        known = places.get(number)
        if known is None:
            places[number] = [[max(0, start - REACH), end + REACH]]
        elif start - REACH <= known[-1][1]:
            known[-1][1] = max(known[-1][1], end + REACH)
        else:
            known.append([start - REACH, end + REACH])
    return places


def _phrases(data: bytes, near: dict[int, list[list[int]]], *, embedded: bool) -> Iterator[Hit]:
    """Yield the phrases in *data*, of the patterns and in the places of *near*."""
    quoted = bool(near) and any(quote in data for quote in QUOTES)
    size, patterns = len(data), _patterns()
    for number, places in near.items():
        phrase, pattern = patterns[number]
        weight = phrase.embedded if embedded else phrase.direct
        for begin, stop in places:
            start, end = pattern.find(data, begin, min(stop, size))[0]
            while start >= 0:
                talk = not phrase.marked and talked_about(data, start, end, quoted=quoted)
                # A phrase that is only mentioned somewhere is another than one that is said.
                name = number + len(patterns) * talk
                yield Hit(start, name, phrase.signal, weight * (QUOTED if talk else 1))
                # What was said counts once in a window: it is not looked for at once again.
                onward = end if talk else max(end, start + AGAIN)
                start, end = NOWHERE
                if onward < min(stop, size):
                    start, end = pattern.find(data, onward, min(stop, size))[0]


def _cues(data: bytes, found: Sequence[Place]) -> list[Hit]:
    """Return the cues among *found*, where there are enough of them."""
    hits = [
        (start, cue)
        for cue, start, _ in found
        if cue < len(CUES) and (start == 0 or data[start - 1] not in WORD)
    ]
    groups = {cue for _, cue in hits}
    if len(groups) < FEWEST:
        return []
    share = 1.0 if any(CUES[cue].address for cue in groups) else UNADDRESSED
    return [Hit(at, -1 - cue, CUES[cue].signal, CUES[cue].weight * share) for at, cue in hits]


def _many_shot(found: Sequence[Place]) -> Iterator[Hit]:
    """Yield a hit where *found* has a played conversation of many turns with the model."""
    if len(found) < MANY_TURNS:
        return
    asked, told, questions, answers = (
        [start for group, start, _ in found if group == len(CUES) + turn]
        for turn in range(len(TURNS))
    )
    if min(len(asked), len(told)) >= MANY_TURNS:
        yield Hit(told[0], MANY_SHOT, "many_shot", 0.82)
    elif min(len(questions), len(answers)) >= MANY_QUESTIONS:
        yield Hit(answers[0], MANY_SHOT, "many_shot", 0.4)


def strongest(hits: list[Hit]) -> tuple[float, frozenset[str]]:
    """Return the score of the strongest window and its signals. *hits* are in order of place."""
    inside: dict[int, int] = {}
    rest, least = 0.0, 0.0  # logarithms of what speaks against an injection
    begin = end = first = 0
    for last, hit in enumerate(hits):
        while hit.place - hits[first].place > WINDOW:
            gone = hits[first]
            inside[gone.phrase] -= 1
            rest -= 0.0 if inside[gone.phrase] else log1p(-gone.weight)
            first += 1
        rest += 0.0 if inside.get(hit.phrase) else log1p(-hit.weight)
        inside[hit.phrase] = inside.get(hit.phrase, 0) + 1
        if rest < least - SLIGHT:
            least, begin, end = rest, first, last + 1
    score = 1.0
    for weight in {hit.phrase: hit.weight for hit in hits[begin:end]}.values():
        score *= 1 - weight
    return 1 - score, frozenset(hit.signal for hit in hits[begin:end])


@dataclass(frozen=True, slots=True)
class Words:
    """Words found in one pass: number ``i`` of them belongs to the groups ``having[i]``."""

    automaton: BytesAhoCorasick
    having: tuple[tuple[int, ...], ...]

    def find_matches(self, data: bytes) -> list[Place]:
        """Return the words in *data* by their numbers, with their places, in order of the ends."""
        return self.automaton.find_matches_as_indexes(data, overlapping=True)


def _words(groups: Iterable[tuple[str, ...]]) -> Words:
    having: dict[str, list[int]] = {}
    for number, group in enumerate(groups):
        for word in dict.fromkeys(group):
            having.setdefault(word, []).append(number)
    words = [word.encode() for word in having]
    return Words(
        BytesAhoCorasick(words, implementation=Implementation.DFA),
        tuple(map(tuple, having.values())),
    )


@cache
def _patterns() -> tuple[tuple[Phrase, Regex], ...]:
    return tuple((phrase, compiled(phrase.regex)) for phrase in (*ENGLISH, *ABROAD))


@cache
def _hint() -> Regex:
    """Return a pattern without whose match no phrase of `ENGLISH` can match."""
    return any_of(phrase.hint or either(phrase.keywords) for phrase in ENGLISH)


@cache
def _gate() -> Words:
    return _words(phrase.keywords for phrase in ENGLISH)


@cache
def _lexicon() -> Words:
    """Return what is looked for in every text: cues, turns, and keywords of other languages."""
    return _words((*(cue.words for cue in CUES), *TURNS, *(one.keywords for one in ABROAD)))
