"""A text in pieces in; the same text without what is found in it out, as soon as it is settled.

The stream is cut anew, at places that depend on the text alone: behind each white space, and after
`STRIDE` characters without any. Only there the state goes on, with what stands before that place::

    pieces ->  "write to a"  "nn@exam"  "ple.org now"
    steps  ->  "write "  "to "  "ann@example.org "  ...

So the result is the same for all ways to cut the pieces. At each step `Hold` says up to where the
text is settled, the scanner looks at the last few hundred characters, and what is settled is passed
on: a finding only when it is complete. What could be the beginning of a finding for longer than the
bound of `Hold` (a private key without an end) is replaced until it ends.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from engine.content.findings import Finding
from engine.content.normalize import MAX_CLUSTER, fold
from engine.content.pseudonyms import Tokens
from engine.content.redact import Span, Strategy, redact_text
from engine.content.remembered import ScansTexts
from engine.content.stream_hold import CELL, EXTRA, READ, Hold
from engine.content.stream_sieve import AROUND, LARGE, Look

STRIDE = 16
"""A step is taken after so many characters without white space."""
OVERLAPPING = 2
"""So often the bound is not held even where findings overlap without end."""
KEPT = 4096
"""So much text that is done with may be kept: forgetting copies the rest."""
PATIENCE = 16
"""A run that is replaced is looked at again when it has grown by one part in so many."""

OTHERWISE = ("hidden", "disguised")
"""Where what may be found is not written as it is, scans begin far before it."""

_step = re.compile(rf"\S{{0,{STRIDE - 1}}}\s|\S{{{STRIDE}}}")


class Passed(NamedTuple):
    """The text to pass on, and what it lacks: in code points from the stream's beginning."""

    text: str
    spans: tuple[Span, ...] = ()


NOTHING = Passed("")


@dataclass(frozen=True, slots=True)
class Redaction:
    """What is replaced in a stream, and how; see `redact_text`."""

    strategies: Mapping[str, Strategy]
    key: bytes
    scope: str
    path: str = "content"


@dataclass(slots=True)
class Run:
    """What is replaced until it ends: from *start* on, as *entity*; looked at again at *next*."""

    start: int
    entity: str
    next: int


Found = Callable[[Finding], bool]
"""Told each settled finding, in order; returns whether the stream is to end before it."""


class StreamRedactor:
    """Redacts one stream. Not thread-safe."""

    __slots__ = (
        "_base",
        "_clean",
        "_cut",
        "_disguised",
        "_endless",
        "_entities",
        "_found",
        "_hold",
        "_looked",
        "_redaction",
        "_run",
        "_scanner",
        "_stepped",
        "_text",
        "ended",
        "tokens",
    )

    def __init__(
        self,
        scanner: ScansTexts,
        hold: Hold,
        entities: frozenset[str],
        redaction: Redaction,
        found: Found = lambda _: False,
    ) -> None:
        """Begin a stream in which *entities* are looked for (those that *hold* was made for).

        Those with a strategy in *redaction* are replaced; *found* is told of all.
        """
        self._scanner = scanner
        self._hold = hold
        self._entities = entities
        self._redaction = redaction
        self._found = found
        self._text = ""
        self._base = 0  # where _text begins; all other places count from there
        self._cut = 0  # up to here it was passed on
        self._stepped = 0
        self._looked = 0  # up to here it was looked at when it was passed on
        self._clean = True  # whether nothing that begins before goes on behind that
        self._disguised = 0  # up to here another reading may matter
        self._run: Run | None = None
        self.ended = -1
        """Where the finding ends before which *found* ended the stream, else -1."""
        self.tokens: Tokens = {}
        """What the tokens stand for."""
        self._endless: list[Finding] = []

    def feed(self, piece: str) -> Passed:
        """Return what can be passed on now that *piece* has come."""
        if self.ended >= 0:
            return NOTHING
        self._text += piece
        if not self._entities:
            return self._pass(self._base + len(self._text), ())
        passed: list[Passed] = []
        while self.ended < 0 and (step := _step.match(self._text, self._stepped - self._base)):
            self._stepped = self._base + step.end()
            settled = self._advance(self._stepped)
            if settled is not NOTHING:
                passed.append(settled)
                if self._cut - self._base >= KEPT:
                    self._forget()
        return joined(passed)

    def finish(self) -> Passed:
        """Return the rest: nothing follows."""
        end = self._base + len(self._text)
        if self.ended >= 0 or end == self._cut:
            return NOTHING
        return self._advance(end, last=True)

    def endless(self) -> list[Finding]:
        """Return what is replaced without being a finding yet, as if nothing followed."""
        run = self._run
        if run is None:
            return self._endless
        _, stop = self._run_before(run, self._base + len(self._text), last=True)
        return [*self._endless, Finding(run.entity, run.start, stop, 1.0)]

    def _advance(self, end: int, *, last: bool = False) -> Passed:
        """Take the step to *end*: return what is settled by the text before it."""
        before = NOTHING
        if self._run is not None:
            before = self._go_on(self._run, end, last=last)
            if self._run is not None or self.ended >= 0:
                return before
        if end - self._cut < self._hold.least and not last:
            return before
        settled = end if last else self._settled(end)
        if settled == self._cut or (not last and self._too_little(settled, end)):
            if end - self._cut > self._hold.bound:
                self._replace_run(end)
            return before
        settling = self._slice(self._cut, settled)
        if settling.isspace():
            passed = self._pass(settled, ())
            if settled - self._looked > LARGE:  # what was not looked at is kept
                self._looked, self._clean = settled, False
        else:
            passed = self._release(self._find(settled, end), settled, end, last=last)
        return passed if before is NOTHING else joined((before, passed))

    def _find(self, settled: int, end: int) -> list[Finding]:
        """Return what touches the text between the cut and *settled*, in order.

        Hot path: what one look at the new text can tell need not be scanned.
        """
        look = self._look(end)
        from_, self._looked = min(self._looked, self._cut), settled
        asked = self._hold.unmatched if look == "nothing" else self._entities
        if not asked:
            return []
        first = self._window(end) if look in OTHERWISE else self._before(self._hold.behind, from_)
        found = [
            Finding(one.entity, max(one.start + first, self._cut), one.end + first, one.score)
            for one in self._scanner.scan(self._slice(first, end), asked)
            if one.end + first > self._cut
        ]
        self._clean = look == "nothing" or all(one.end <= settled for one in found)
        return sorted([one for one in found if one.start < settled], key=_place)

    def _look(self, end: int) -> Look:
        """Return what may be found between the cut and *end*, and is to be scanned for."""
        hold, from_ = self._hold, self._looked
        first = max(0, from_ - AROUND)
        look = hold.sieve.look(self._slice(first, end), from_ - first)
        if look == "disguised" or end - from_ > LARGE:
            self._disguised = end
        far = hold.behind if hold.named is None else max(hold.behind, hold.named.far)
        return look if self._clean and self._disguised <= self._before(far) else "disguised"

    def _too_little(self, settled: int, end: int) -> bool:
        """Return whether it is better to wait for more: not for long, lest a run stay unseen."""
        return settled - self._cut < self._hold.least and end - self._cut <= READ

    def _release(self, found: list[Finding], settled: int, end: int, *, last: bool) -> Passed:
        """Pass on what is before *settled* but for findings that go on behind it."""
        start = stop = -1
        for one in found:
            if one.start >= stop:
                start = one.start
            stop = max(stop, one.end)
        if stop > settled and not last:
            if end - start <= OVERLAPPING * self._hold.bound:
                settled = start
                found = [one for one in found if one.end <= settled]
            else:
                found = [one._replace(end=min(one.end, settled)) for one in found]
        for one in found:
            if self._found(one):
                self.ended = one.end
                whole = [other for other in found if other.end <= one.start]
                return self._pass(self._begin(found, one), whole)
        return self._pass(settled, found)

    def _begin(self, found: list[Finding], one: Finding) -> int:
        """Return where the heap of overlapping findings that holds *one* begins."""
        start = one.start
        for other in reversed(found):
            if other.start < start < other.end:
                start = other.start
        return start

    def _settled(self, end: int) -> int:
        """Return up to where the text before *end* is settled, whatever follows."""
        first = self._before(self._hold.behind)
        text = self._slice(first, end - self._unsure(end))
        from_ = self._cut - first
        if text.isascii():
            return first + self._hold.settled(text, min(from_, len(text)))
        folded = fold(text)
        if folded.starts is not None:
            from_ = bisect_left(folded.starts, from_)
        place = self._hold.settled(folded.text, min(from_, len(folded.text)))
        if place < len(folded.text):
            return max(first + folded.origin(place, place + 1)[0], self._cut)
        return max(first + len(text), self._cut)

    def _unsure(self, end: int) -> int:
        """Return how many characters before *end* what follows may still change.

        They are a cluster that may get more marks, and what guards look at. White space is sure.
        """
        text, place = self._text, end - self._base - 1
        if text[place].isspace():
            return 0
        first = place
        while first > 0 and place - first < MAX_CLUSTER and unicodedata.combining(text[first]):
            first -= 1
        return min(place - first + 1 + EXTRA, end - self._cut)

    def _replace_run(self, end: int) -> None:
        """Begin to replace what is alive since the cut, if it may go on for ever."""
        text = fold(self._slice(self._cut, end - self._unsure(end))).text
        entity, size = self._hold.endless_at(text)
        if size == len(text):
            self._run = Run(self._cut, entity, end - self._cut)

    def _go_on(self, run: Run, end: int, *, last: bool) -> Passed:
        """Return the replacement of *run* when it has ended."""
        size = end - run.start
        if size < run.next and not last:
            return NOTHING
        run.next = size + size // PATIENCE
        ended, stop = self._run_before(run, end, last=last)
        if not ended and not last:
            return NOTHING
        self._run = None
        self._looked = self._disguised = stop
        self._clean = False
        one = Finding(run.entity, run.start, stop, 1.0)
        self._endless.append(one)
        if self._found(one):
            self.ended = stop
            return NOTHING
        return self._pass(stop, (one,))

    def _run_before(self, run: Run, end: int, *, last: bool) -> tuple[bool, int]:
        """Return whether *run* has ended before *end*, and where it has or would."""
        folded = fold(self._slice(run.start, end if last else end - self._unsure(end)))
        _, alive = self._hold.endless_at(folded.text)
        return alive < len(folded.text), run.start + folded.origin(0, max(alive, 1))[1]

    def _pass(self, end: int, found: Sequence[Finding]) -> Passed:
        """Pass on the text up to *end* without what was *found* in it."""
        start, asked = self._cut, self._redaction
        text = self._slice(start, end)
        self._cut = end
        if not found:
            return Passed(text)
        made = redact_text(
            text,
            [one._replace(start=one.start - start, end=one.end - start) for one in found],
            asked.strategies,
            asked.key,
            asked.scope,
            asked.path,
            self.tokens,
        )
        spans = [one._replace(start=one.start + start, end=one.end + start) for one in made.spans]
        return Passed(made.text, tuple(spans))

    def _window(self, end: int) -> int:
        """Return where the scan of what is before *end* begins."""
        first, named = self._before(self._hold.behind), self._hold.named
        if named is None:
            return first
        far = self._before(named.far)
        begin = far + named.begin(self._slice(far, end), self._cut - far)
        return min(first, begin // CELL * CELL)

    def _before(self, size: int, place: int | None = None) -> int:
        """Return a place at least *size* before *place*, or the cut: it depends on the text alone.

        So does the cut.
        """
        return max(0, ((self._cut if place is None else place) - size) // CELL * CELL)

    def _slice(self, start: int, end: int) -> str:
        return self._text[start - self._base : end - self._base]

    def _forget(self) -> None:
        named = self._hold.named
        far = max(self._hold.behind, AROUND, 0 if named is None else named.far)
        first = self._before(far, min(self._looked, self._cut))
        if first - self._base >= KEPT:
            self._text = self._text[first - self._base :]
            self._base = first


def joined(passed: Sequence[Passed]) -> Passed:
    """Return what passes one after the other as one."""
    if len(passed) <= 1:
        return passed[0] if passed else NOTHING
    return Passed(
        "".join([one.text for one in passed]), tuple([span for one in passed for span in one.spans])
    )


def _place(finding: Finding) -> tuple[int, int, str]:
    return finding.start, finding.end, finding.entity
