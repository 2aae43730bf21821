"""A request with so much text that looking at it would hold up the others in; what to look at out.

Detectors take about 50 ms for a megabyte. A decision that needs them for so much stops, names the
texts and what is looked for in them (`Unlooked`), and is tried again when somebody has looked
(`look_at`, in another thread)::

    decide --Unlooked(Look)--> look_at, elsewhere --Seen--> Sight.learn --> decide --> Decision

Every try looks at the state anew. Nothing was put or taken before a try that stops: what redactions
will ask is asked before that (see `inquire`).

A path is first searched for what is asked, and will be (see `looks`). If more is asked of it later,
it is searched for all that any policy asks, so that no text is looked at more than three times.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NamedTuple, cast

from engine.content.findings import Injection
from engine.content.windows import Scanned, scan_windows
from engine.runtime.evidence import NONE, Senses, Spoken

MOST_LOOKS = 64
"""So often a decision may stop; after that it looks itself. Texts that change from try to try, as
the state they are restored from changes, could go on without end."""

GoingOn = Callable[[], None]
"""Raises when nobody waits for the look any more."""


class Look(NamedTuple):
    """What is to be looked for in *texts*: *entities*, or with None injections.

    A text comes with who speaks it; for entities that does not matter.
    """

    texts: Spoken
    entities: frozenset[str] | None

    @property
    def characters(self) -> int:
        """How much there is to look at."""
        return sum(len(text) for _, text in self.texts)


Seen = tuple[Scanned | Injection, ...]
"""What there is in each text of a look: findings, or how likely it is an injection."""


class Unlooked(Exception):
    """There is no decision before somebody has taken *look*."""

    def __init__(self, look: Look) -> None:
        super().__init__(f"{len(look.texts)} texts are not looked at yet")
        self.look = look


def look_at(look: Look, senses: Senses, going_on: GoingOn) -> Seen:
    """Return what there is in the texts of *look*: long ones by windows; safe in any thread."""

    def scan(text: str, entities: frozenset[str]) -> Scanned:
        going_on()
        return senses.scanner.scan(text, entities)

    def one(role: str, text: str) -> Scanned | Injection:
        if look.entities is None:
            going_on()
            return senses.injection(text, role)
        return scan_windows(scan, text, look.entities)

    return tuple([one(role, text) for role, text in look.texts])


@dataclass(slots=True)
class Sight:
    """The senses of one decision on much text: they know what was looked at, and ask for the rest.

    *least*: fewer characters are looked at on the spot. *asked* are all entities that any policy
    looks for. Not thread-safe.
    """

    behind: Senses
    asked: frozenset[str]
    least: int
    _found: dict[str, tuple[frozenset[str], Scanned]] = field(default_factory=dict)
    _scored: dict[tuple[str, str], Injection] = field(default_factory=dict)
    _looks: int = 0

    @property
    def senses(self) -> Senses:
        """What a decision is to ask instead of the senses *behind*."""
        return replace(self.behind, scanner=self, injection=self.injection, ahead=self.ahead)

    def scan(self, text: str, entities: frozenset[str]) -> Scanned:
        """Return the findings of *entities* in *text*, as the scanner behind has them."""
        known = self._found.get(text)
        if known is None or not entities <= known[0]:
            return self.behind.scanner.scan(text, entities)
        if entities == known[0]:
            return known[1]
        return tuple([one for one in known[1] if one.entity in entities])

    def injection(self, text: str, role: str) -> Injection:
        """Return the score and the signals for *text*, spoken by *role*."""
        known = self._scored.get((role, text))
        return self.behind.injection(text, role) if known is None else known

    def ahead(self, texts: Spoken, entities: frozenset[str] | None) -> None:
        """Raise Unlooked when too much of *texts* is not looked at yet.

        What is wanted are *entities*, or with None injections.
        """
        if entities is None:
            new = [one for one in texts if one not in self._scored]
        else:
            seen = {text: self._found[text][0] for _, text in texts if text in self._found}
            new = [("", text) for _, text in texts if not entities <= seen.get(text, NONE)]
            if seen:
                entities |= self.asked
        look = Look(tuple(dict.fromkeys(new)), entities)
        if look.characters > self.least and self._looks < MOST_LOOKS:
            self._looks += 1
            raise Unlooked(look)

    def learn(self, look: Look, seen: Seen) -> None:
        """Take in what was *seen* in a *look*."""
        if look.entities is None:
            self._scored.update(zip(look.texts, cast("tuple[Injection, ...]", seen), strict=True))
        else:
            for (_, text), found in zip(look.texts, cast("tuple[Scanned, ...]", seen), strict=True):
                self._found[text] = look.entities, found
