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

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
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
    for pattern in (*(one for _, one in _phrasebook().patterns), *TALK):
        for _ in spans(pattern, data):
            pass


def find_hits(text: str, *, embedded: bool) -> list[Hit]:
    """Return the phrases and cues in *text*, which is plain, in order of place."""
    data = text.encode("utf-8", "replace")
    hits = [*_phrases(data, embedded=embedded), *_cues(data), *_many_shot(data)]
    hits.sort()
    return hits


def _phrases(data: bytes, *, embedded: bool) -> Iterator[Hit]:
    book = _phrasebook()
    if not book.hint.within(data):
        return
    quoted = any(quote in data for quote in QUOTES)
    size = len(data)
    found = book.gate.find_matches_as_indexes(data, overlapping=True)
    for number, places in _near(found, book.gated).items():
        phrase, pattern = book.patterns[number]
        weight = phrase.embedded if embedded else phrase.direct
        for begin, stop in places:
            start, end = pattern.find(data, begin, min(stop, size))[0]
            while start >= 0:
                talk = not phrase.marked and talked_about(data, start, end, quoted=quoted)
                # A phrase that is only mentioned somewhere is another than one that is said.
                name = number + len(book.patterns) * talk
                yield Hit(start, name, phrase.signal, weight * (QUOTED if talk else 1))
                # What was said counts once in a window: it is not looked for at once again.
                onward = end if talk else max(end, start + AGAIN)
                start, end = NOWHERE
                if onward < min(stop, size):
                    start, end = pattern.find(data, onward, min(stop, size))[0]


def _near(
    found: Iterable[tuple[int, int, int]], gated: tuple[tuple[int, ...], ...]
) -> dict[int, list[list[int]]]:
    """Return for each pattern the places where it can match: disjoint, in order.

    *found* are keywords with their places, in order of their ends.
    """
    places: dict[int, list[list[int]]] = {}
    for keyword, start, end in found:
        for number in gated[keyword]:
            known = places.get(number)
            if known is None:
                places[number] = [[max(0, start - REACH), end + REACH]]
            elif start - REACH <= known[-1][1]:
                known[-1][1] = end + REACH
            else:
                known.append([start - REACH, end + REACH])
    return places


def _cues(data: bytes) -> list[Hit]:
    """Return the cues in *data*, where there are enough of them."""
    gate, cues = _cuebook()
    found = gate.find_matches_as_indexes(data, overlapping=True)
    if len(found) < FEWEST:
        return []
    hits: list[tuple[int, int]] = []
    for number, start, _ in found:
        if start == 0 or data[start - 1] not in WORD:
            hits += ((start, cue) for cue in cues[number])
    groups = {cue for _, cue in hits}
    if len(groups) < FEWEST:
        return []
    share = 1.0 if any(CUES[cue].address for cue in groups) else UNADDRESSED
    return [Hit(at, -1 - cue, CUES[cue].signal, CUES[cue].weight * share) for at, cue in hits]


def _many_shot(data: bytes) -> Iterator[Hit]:
    """Yield a hit where *data* plays a conversation of many turns with the model."""
    if (
        data.count(b"assistant:") >= MANY_TURNS
        and data.count(b"human:") + data.count(b"user:") >= MANY_TURNS
    ):
        yield Hit(data.find(b"assistant:"), MANY_SHOT, "many_shot", 0.82)
    elif data.count(b" q: ") >= MANY_QUESTIONS and data.count(b" a: ") >= MANY_QUESTIONS:
        yield Hit(data.find(b" a: "), MANY_SHOT, "many_shot", 0.4)


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
class Phrasebook:
    """Keyword ``i`` of *gate* is needed by ``gated[i]``; without *hint* nothing can match."""

    hint: Regex
    gate: BytesAhoCorasick
    gated: tuple[tuple[int, ...], ...]
    patterns: tuple[tuple[Phrase, Regex], ...]


@cache
def _phrasebook() -> Phrasebook:
    phrases = (*PHRASES, *INSTRUCTIONS, *ABROAD)
    gate, gated = _gate(phrase.keywords for phrase in phrases)
    return Phrasebook(
        any_of(phrase.hint or either(phrase.keywords) for phrase in phrases),
        gate,
        gated,
        tuple((phrase, compiled(phrase.regex)) for phrase in phrases),
    )


@cache
def _cuebook() -> tuple[BytesAhoCorasick, tuple[tuple[int, ...], ...]]:
    return _gate(cue.words for cue in CUES)


def _gate(
    words: Iterable[tuple[str, ...]],
) -> tuple[BytesAhoCorasick, tuple[tuple[int, ...], ...]]:
    """Return an automaton for all *words*, and for each of its words who has it."""
    having: dict[str, list[int]] = {}
    for number, group in enumerate(words):
        for word in dict.fromkeys(group):
            having.setdefault(word, []).append(number)
    gate = BytesAhoCorasick([word.encode() for word in having], implementation=Implementation.DFA)
    return gate, tuple(map(tuple, having.values()))
