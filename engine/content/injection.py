"""Text and role to an injection score: how likely it tries to take over the model.

1. The text is brought to a plain form: Unicode folded, look-alike letters of other scripts
   replaced, accents and case dropped, escapes undone. Readable base64, hexadecimal and binary
   islands, and the form without any spaces or leetspeak, are looked at as well.
2. Families of phrases are searched for. One RE2 pass says whether any can match, one Aho-Corasick
   pass which, and where: a pattern looks only at the `REACH` around its keywords.
3. Cues, words that say little alone, are found by another pass. They count from `FEWEST` on.
4. In the same pass, a linear model finds sentences worded like orders to a model (see `wording`).
5. Everything found is evidence, ``-ln(1 - weight)`` times the share of its signal. What differs
   within `WINDOW` characters is added up; the window with the most is the text's: padding cannot
   dilute it, single weak phrases far apart do not add up, and more signals never make it less.
6. A curve for users, and one for documents, says how likely an attack is with so much evidence.

An instruction inside a document or tool result weighs more than in the user's own words. A phrase
in a sentence that talks about it (in quotation marks, behind "example:" or "never") weighs a tenth.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import chain
from math import expm1, log1p
from typing import NamedTuple

from engine.content.cues import CUES
from engine.content.disguises import disguises, hides_phrase, odd_place, plain, smuggles
from engine.content.findings import Injection
from engine.content.islands import islands, unescaped
from engine.content.lexicon import LONGEST, OWN, TURNS, Place, Words, arranged, foreign, grouped
from engine.content.mention import TALK, has_quotes, talked_about
from engine.content.phrases import AHEAD, PHRASES, Phrase
from engine.content.phrases_abroad import ABROAD
from engine.content.phrases_hidden import CONCEALED
from engine.content.phrases_orders import INSTRUCTIONS
from engine.content.regex import MEMORY, SLOW, Regex, any_of, compiled, either, late, spans
from engine.content.sample import ATTACK, SAMPLE
from engine.content.translate import WIDEST
from engine.content.wording import heard
from engine.content.wording_model import scale

WINDOW = 700
REACH = 320
AGAIN = 150
NOWHERE = (-1, -1)
QUOTED = 0.1
SLIGHT = 1e-9
UNADDRESSED = 0.5
FEWEST = 3
HIDDEN = 2.0
DISGUISED = 3.0
SMUGGLED = 2.0
"""The evidence of a disguise, of a phrase that shows only without it, and of hidden letters."""
HALF = 0.5
MANY_TURNS = 6
MANY_QUESTIONS = 8
MANY_SHOT = -1 - len(CUES)
"""The number of a conversation of many turns: phrases count from 0 up, cues from -1 down."""
SAID = MANY_SHOT - 1
"""From here down, the number of a sentence by its place."""
ENGLISH = (*PHRASES, *INSTRUCTIONS, *CONCEALED)
STRIDE = 256
CHUNK = 4096

EMBEDDED = frozenset({"document", "tool_result", "tool_description", "tool", "function"})
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

    *role* is a message's role (``user`` …) or a stage (``document``, ``tool_result`` …). Where
    nothing is found the score is 0; else it is a probability, as ``bench/INJECTION.md`` says.
    """
    embedded = role.lower() in EMBEDDED
    found = weigh_injection(text, embedded=embedded)
    if not found:
        return Injection(0.0, ())
    names, weights = zip(*sorted(found.items()), strict=True)
    score = likely(sum(weights), embedded=embedded)
    return Injection(round(score, 4), names, tuple(round(weight, 2) for weight in weights))


def weigh_injection(text: str, *, embedded: bool) -> dict[str, float]:
    """Return the evidence of each signal in the strongest window of *text* or of what it hides."""
    shown = unescaped(text)
    odd = odd_place(shown)
    simple = plain(shown, odd=odd >= 0)
    found = strongest(simple, embedded=embedded)
    hidden = "\n".join(islands(shown, odd)) if odd >= 0 else ""
    if hidden:
        inside = strongest(plain(hidden), embedded=True)
        if likely(sum(inside.values()), embedded=True) >= HALF:
            found = _more(found, {**inside, "encoded": HIDDEN})
    for view in disguises(simple, shown):
        inside = strongest(view, embedded=embedded)
        if likely(sum(inside.values()), embedded=embedded) >= HALF:
            found = _more(found, {**inside, "obfuscated": HIDDEN})
    if "obfuscated" not in found and hides_phrase(simple):
        found = {**found, "obfuscated": DISGUISED}
    if smuggles(text):
        found = {**found, "invisible": SMUGGLED}
    return found


def _more(found: dict[str, float], inside: dict[str, float]) -> dict[str, float]:
    """Return the more of what was found outside and *inside*, with the signals of both."""
    return {
        signal: max(found.get(signal, 0.0), inside.get(signal, 0.0)) for signal in found | inside
    }


def likely(evidence: float, *, embedded: bool) -> float:
    """Return how likely an attack is with so much *evidence*: 0 without any."""
    if evidence <= 0:
        return 0.0
    curve = scale().curves[embedded]
    at = bisect_right(curve, (evidence, 1.0))
    if at == len(curve):
        return curve[-1][1]
    (left, low), (right, high) = curve[at - 1], curve[at]
    return low + (high - low) * (evidence - left) / (right - left)


def prepare_injection() -> None:
    """Build and warm up what `score_injection` needs, so that no request pays for it."""
    for text in (SAMPLE, SAMPLE.encode("ascii", "ignore").decode()):
        score_injection(text, "user")
    data = plain(SAMPLE + ATTACK).encode()
    for pattern in (*(pattern for _, pattern, _ in _patterns()), *TALK):
        # The others are quick at their first use, and few of them are used at all.
        if pattern.programsize > SLOW:
            list(spans(pattern, data))
    for _, _, core in _patterns():
        if core is not None:
            core.occurs(data, 0, len(data))


def find_evidence(text: str, *, embedded: bool) -> list[Hit]:
    """Return the phrases, cues and sentences in *text*, which is plain, in order of place."""
    data = text.encode("utf-8", "replace")
    worded, found = heard(data, embedded=embedded)
    if len(data) != len(text):
        found = sorted((*found, *foreign().find_matches(data)), key=_ending)
    hits: list[Hit] = []
    keywords = _keywords(data)
    if found:
        hits += _cues(data, found)
        hits += _many_shot(found)
        abroad = [(one - OWN + len(ENGLISH), start, end) for one, start, end in found if one >= OWN]
        keywords = chain(keywords, abroad)
    near = _near(keywords)
    if near:
        hits += _phrases(data, near, embedded=embedded)
    if worded:
        mentions = sorted(hit.place for hit in hits if hit.phrase >= len(_patterns()))
        # Each sentence is another: all of a window count, but those that only talk about attacks.
        hits += [
            Hit(one.place, SAID - one.place, "wording", -expm1(-one.evidence))
            for one in worded
            if bisect_left(mentions, one.place) == bisect_left(mentions, one.end)
        ]
    hits.sort()
    return hits


def _ending(place: Place) -> Place:
    group, start, end = place
    return end, start, group


def _keywords(data: bytes) -> Iterable[Place]:
    """Yield the keywords of English phrases in *data*, around the hints that one may match."""
    hint, words = _hint(), _gate()
    at, done, size = 0, 0, len(data)
    while at < size:
        # Invariant: a search reads one chunk at most. A hint may go on to the end of the text, and
        # were it read so far each time, a text of nothing but hints would take the square of it.
        start, _ = hint.find(data, at, min(size, at + CHUNK))[0]
        if start < 0:
            if at + CHUNK >= size:
                return
            at += CHUNK - REACH
            continue
        # Hints that follow closely are read together: finding one takes longer than reading on.
        at = start + STRIDE
        begin, stop = max(0, start - REACH, done - LONGEST), min(size, at + REACH)
        for number, first, last in words.find_matches(data[begin:stop]):
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
    quoted = has_quotes(data)
    size, patterns = len(data), _patterns()
    for number, places in near.items():
        phrase, pattern, core = patterns[number]
        weight = phrase.embedded if embedded else phrase.direct
        for begin, stop in places:
            if core is not None and not core.occurs(data, begin, min(stop, size)):
                continue
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


def strongest(text: str, *, embedded: bool) -> dict[str, float]:
    """Return the evidence of each signal in the strongest window of *text*, which is plain."""
    hits = find_evidence(text, embedded=embedded)
    if not hits:
        return {}
    share = scale().share[embedded]
    inside: dict[int, int] = {}
    total = most = 0.0
    begin = end = first = 0
    for last, hit in enumerate(hits):
        while hit.place - hits[first].place > WINDOW:
            gone = hits[first]
            inside[gone.phrase] -= 1
            total -= 0.0 if inside[gone.phrase] else -log1p(-gone.weight) * share[gone.signal]
            first += 1
        total += 0.0 if inside.get(hit.phrase) else -log1p(-hit.weight) * share[hit.signal]
        inside[hit.phrase] = inside.get(hit.phrase, 0) + 1
        if total > most + SLIGHT:
            most, begin, end = total, first, last + 1
    found: dict[str, float] = {}
    for hit in {hit.phrase: hit for hit in hits[begin:end]}.values():
        found[hit.signal] = found.get(hit.signal, 0.0) - log1p(-hit.weight) * share[hit.signal]
    return found


class Core(NamedTuple):
    """What is in all that a slow pattern matches, and what stands before it (None: anything)."""

    pattern: Regex
    opening: Regex | None

    def occurs(self, data: bytes, begin: int, stop: int) -> bool:
        """Return whether it is in ``data[begin:stop]``."""
        start, end = self.pattern.find(data, begin, stop)[0]
        while start >= 0:
            if self.opening is None:
                return True
            ahead = AHEAD if data[begin:start].isascii() else AHEAD * WIDEST
            if self.opening.find(data, max(begin, start - ahead), start)[0][0] >= 0:
                return True
            start, end = NOWHERE if end >= stop else self.pattern.find(data, end, stop)[0]
        return False


@cache
def _patterns() -> tuple[tuple[Phrase, Regex, Core | None], ...]:
    """Return the phrases with their patterns and cores.

    Those of other languages are compiled when a text has a keyword of theirs: most have none, and
    together they would take three times as long as the English ones.
    """
    english = [(one, compiled(one.regex), _core(one)) for one in ENGLISH]
    return (*english, *((one, late(one.regex), _core(one)) for one in ABROAD))


def _core(phrase: Phrase) -> Core | None:
    if not phrase.core:
        return None
    return Core(compiled(phrase.core), compiled(phrase.opening) if phrase.opening else None)


@cache
def _hint() -> Regex:
    """Return a pattern without whose match no phrase of `ENGLISH` can match."""
    hints = [phrase.hint or either(phrase.keywords) for phrase in ENGLISH]
    return any_of(hints, memory=MEMORY)


@cache
def _gate() -> Words:
    return arranged(grouped([phrase.keywords for phrase in ENGLISH]), small=True)
