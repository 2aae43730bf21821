"""A batch and a sink in; when every record was taken or lies among the dead, what was not, out.

What a sink does not take now is sent again after pauses that double, with some chance in them so
that many daemons do not come back at once. What it will never take is found by halving the batch,
and written to a file, so that one record never holds up the others. When a sink refuses *every*
record of a batch, the fault is more likely its settings': that counts as being away, a few times.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from engine.sinks.batch import Batch, Item, halves, of
from engine.sinks.sink import Away, Outcome, Refused, Sink

PATIENT = 5
"""How often a batch that is refused as a whole is tried again before its records are dead."""
DOUBTFUL = 8
"""Records refused one by one, and none taken, after which that is likely."""
DEAD = ".dead.jsonl"
"""What stands behind a sink's name in that of its file of the dead."""
MOST_WHY = 300
"""Characters of a reason that are kept."""


@dataclass(frozen=True, slots=True)
class Pauses:
    """Seconds between tries."""

    first: float = 0.2
    last: float = 60.0

    def after(self, tries: int, asked: float, chance: float) -> float:
        """Return the pause behind try *tries* (from 1): *chance* is between 0 and 1."""
        pause = min(self.last, self.first * 2.0 ** min(tries - 1, 32))
        return min(self.last, max(pause * (0.5 + chance / 2), asked))


@dataclass(slots=True)
class Tally:
    """What a sink has done since the process began, and how it fares now."""

    sent: int = 0
    retries: int = 0
    failures: int = 0
    dead: int = 0
    trouble: str = ""
    """Why it does not take anything now; empty while it does."""
    refusal: str = ""
    """Why it refused the last of the dead."""


@dataclass(slots=True)
class Dead:
    """The file of what a sink will never take: JSON lines with the reason."""

    path: Path

    def write(self, item: Item, why: str) -> None:
        """Append *item*, on the disk when this returns. Raises OSError."""
        line = msgspec.json.encode({"why": why[:MOST_WHY], "record": msgspec.Raw(item.body)})
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            rest = memoryview(line + b"\n")
            while rest:
                rest = rest[os.write(file, rest) :]
            os.fsync(file)
        finally:
            os.close(file)


@dataclass(slots=True)
class Found:
    """What became of a batch."""

    refused: list[tuple[Item, str]] = field(default_factory=list)
    doubtful: list[tuple[Item, str]] = field(default_factory=list)
    """Of these some were refused, and the sink does not say which."""
    unnamed: int = 0
    """How many."""
    taken: int = 0


@dataclass(slots=True)
class Shipment:
    """Brings batches to one sink. *sleep* and *chance* are the clock's and chance's."""

    sink: Sink
    dead: Dead
    pauses: Pauses
    sleep: Callable[[float], Awaitable[None]]
    chance: Callable[[], float]
    tally: Tally = field(default_factory=Tally)

    async def deliver(self, batch: Batch) -> list[Item]:
        """Return, when nothing of *batch* is to be sent any more, what the sink may not have.

        Raises OSError of the dead.
        """
        rounds = 0
        while True:
            rounds += 1
            found = await self._pieces(batch, hasty=rounds <= PATIENT)
            # A sink that takes nothing at all is more likely set up wrong.
            proved = len(batch.items) == 1 and self.tally.sent
            if found.taken or proved or rounds > PATIENT or not found.refused:
                break
            await self._pause(rounds, found.refused[-1][1], 0.0)
        lacking = [*found.refused, *found.doubtful]
        for item, why in lacking:
            self.dead.write(item, why)
            self.tally.refusal = why[:MOST_WHY]
        self.tally.dead += len(found.refused) + found.unnamed
        self.tally.trouble = ""
        return [item for item, _ in lacking]

    async def _pieces(self, batch: Batch, *, hasty: bool) -> Found:
        """Send *batch*, in halves where it is refused, and return what became of it.

        *hasty*: end early when it looks as if nothing at all were taken.
        """
        found = Found()
        waiting = [batch]
        tries = 0
        while waiting and not (hasty and not found.taken and len(found.refused) >= DOUBTFUL):
            piece = waiting.pop()
            try:
                outcome = await self.sink.send(piece)
            except Away as away:
                tries += 1
                waiting.append(piece)
                await self._pause(tries, str(away), away.after)
                continue
            except Refused as why:
                if len(piece.items) > 1:
                    waiting += reversed(halves(piece))
                else:
                    found.refused.append((piece.items[0], str(why)))
                continue
            tries = 0 if self._settle(piece, outcome, found) else tries
            if outcome.again:
                tries += 1
                waiting.append(of(piece.items[one] for one in outcome.again))
                await self._pause(tries, outcome.why, 0.0)
        return found

    def _settle(self, piece: Batch, outcome: Outcome, found: Found) -> int:
        """Note in *found* what became of *piece*; return how much of it is done with."""
        found.refused += [(piece.items[place], why) for place, why in outcome.refused]
        done = len(piece.items) - len(outcome.refused) - len(outcome.again)
        if outcome.unnamed:
            others = {*(place for place, _ in outcome.refused), *outcome.again}
            rest = [one for place, one in enumerate(piece.items) if place not in others]
            found.doubtful += [(one, outcome.why) for one in rest]
            found.unnamed += min(outcome.unnamed, done)
        found.taken += done
        self.tally.sent += done - min(outcome.unnamed, done)
        return done

    async def _pause(self, tries: int, why: str, asked: float) -> None:
        """Note the trouble and wait."""
        self.tally.failures += 1
        self.tally.trouble = why[:MOST_WHY]
        await self.sleep(self.pauses.after(tries, asked, self.chance()))
        self.tally.retries += 1
