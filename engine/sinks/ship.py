"""A batch and a sink in; when every record was taken or lies among the dead, what was not, out.

What a sink does not take now is sent again after pauses that double, with some chance in them so
that many daemons do not come back at once. What it will never take is found by halving the batch,
and written to a file, so that one record never holds up the others. When a sink refuses *every*
record of a batch, the fault is more likely its settings': that counts as being away, a few times.

A sink that fails (500, a timeout) may fail for the sake of one record, and would for ever. It is
looked for only while the sink is up: a record that it has taken before, the witness, is sent again,
and taken at once. Then the batch is halved. What is left of it, alone, is tried on beside the
witness, and is dead when it was never taken where the witness always was. A witness that is not
taken, a suspect that is after all, or many suspects together are a sink that is away, or a part of
it: then nothing is dead, and all of it is tried on.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from engine.sinks.batch import Batch, Item, halves, of
from engine.sinks.sink import TAKEN, Away, Outcome, Refused, Sink

PATIENT = 5
"""How often a batch that is refused as a whole is tried again before its records are dead."""
DOUBTFUL = 8
"""Records refused one by one, and none taken, after which that is likely."""
DEAD = ".dead.jsonl"
"""What stands behind a sink's name in that of its file of the dead."""
MOST_WHY = 300
"""Characters of a reason that are kept."""

STUBBORN = 5
"""Failures in a row that may be for the sake of a record, after which it is looked for."""
SUSPECTS = 8
"""Of one batch; more of them are a part of the sink that is away."""
TRIALS = 20
"""How often a suspect is sent alone, and the witness taken, before it is dead."""
TRIAL_SECONDS = 30.0
"""Between two trials, at least: what is away for some minutes kills nothing."""
LONG = 32
"""As many tries as make the longest pause."""


@dataclass(frozen=True, slots=True)
class Pauses:
    """Seconds between tries."""

    first: float = 0.2
    last: float = 60.0

    def after(self, tries: int, asked: float, chance: float) -> float:
        """Return the pause behind try *tries* (from 1): *chance* is between 0 and 1."""
        pause = min(self.last, self.first * 2.0 ** min(tries - 1, LONG))
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
    suspects: list[tuple[Item, str]] = field(default_factory=list)
    """For the sake of which the sink seems to fail."""
    taken: int = 0
    unproved: bool = False
    """Whether it was ended, since nobody knows whether the sink takes anything at all."""


@dataclass(slots=True)
class Shipment:
    """Brings batches to one sink. *sleep* and *chance* are the clock's and chance's."""

    sink: Sink
    dead: Dead
    pauses: Pauses
    sleep: Callable[[float], Awaitable[None]]
    chance: Callable[[], float]
    tally: Tally = field(default_factory=Tally)
    _witness: Item | None = None
    """What was taken last."""
    _tries: int = 0
    """Failures since something was taken."""
    _up: bool = False
    """Whether the witness was taken since the sink failed."""

    async def deliver(self, batch: Batch) -> list[Item] | None:
        """Return, when nothing of *batch* is to be sent any more, what the sink may not have.

        None where nothing was ever taken, and the one record of *batch* may be why: it is to come
        again, among others that have come meanwhile.
        """
        rounds = 0
        while True:
            rounds += 1
            found = await self._pieces(batch, hasty=rounds <= PATIENT)
            if found.unproved:
                return None
            # A sink that takes nothing at all is more likely set up wrong.
            proved = found.suspects or (len(batch.items) == 1 and self.tally.sent)
            if found.taken or proved or rounds > PATIENT or not found.refused:
                break
            await self._pause(rounds, found.refused[-1][1], 0.0)
        await self._try_suspects(found)
        lacking = [*found.refused, *found.doubtful]
        await self._bury(lacking)
        self.tally.dead += len(found.refused) + found.unnamed
        self.tally.trouble = ""
        self._tries, self._up = 0, False
        return [item for item, _ in lacking]

    async def _pieces(self, batch: Batch, *, hasty: bool) -> Found:
        """Send *batch*, in halves where it is refused, and return what became of it.

        *hasty*: end early when it looks as if nothing at all were taken.
        """
        found = Found()
        waiting = [batch]
        while waiting and not (hasty and not found.taken and len(found.refused) >= DOUBTFUL):
            piece = waiting.pop()
            try:
                outcome = await self.sink.send(piece)
            except Away as away:
                self._tries += 1
                await self._fail(piece, away, waiting, found)
                if found.unproved:
                    break
                continue
            except Refused as why:
                if len(piece.items) > 1:
                    waiting += reversed(halves(piece))
                else:
                    found.refused.append((piece.items[0], str(why)))
                continue
            if self._settle(piece, outcome, found):
                self._tries = 0
            if outcome.again:
                self._tries += 1
                left = of(piece.items[one] for one in outcome.again)
                waiting.append(left)
                await self._pause(self._tries, f"{outcome.why}; {first_of(left.items)}", 0.0)
        return found

    async def _fail(self, piece: Batch, away: Away, waiting: list[Batch], found: Found) -> None:
        """Wait before *piece* is sent again; or look in it for the record that may be why."""
        alone = len(piece.items) == 1
        if not away.suspect or not (self._up or self._tries >= STUBBORN):
            self._up = False
            waiting.append(piece)
        elif (self._up and not alone) or await self._proved():
            self._up = True
            if not alone:
                waiting += reversed(halves(piece))
                return
            found.suspects.append((piece.items[0], str(away)))
            if len(found.suspects) <= SUSPECTS:
                return
            await self._give_up(waiting, found)
            return
        elif self._witness is None and alone and not found.taken:
            found.unproved = True
        else:
            self._up = False
            waiting.append(await self._less_one(piece, found))
        await self._pause(self._tries, str(away), away.after)

    async def _give_up(self, waiting: list[Batch], found: Found) -> None:
        """Put the suspects back to what is *waiting*: a part of the sink is away."""
        items = [item for item, _ in found.suspects]
        why = f"it takes some records and not others; {first_of(items)}"
        for piece in reversed(waiting):
            items += piece.items
        self._up, waiting[:] = False, [of(items)]
        last = found.suspects[-1][1]
        found.suspects = []
        await self._pause(LONG, f"{why}: {last}", 0.0)

    async def _less_one(self, piece: Batch, found: Found) -> Batch:
        """Return *piece*, where there is no witness without one record that became it."""
        count = len(piece.items)
        if self._witness is not None or count == 1:
            return piece
        place = self._tries % count
        one = of([piece.items[place]])
        if not await self._takes(one):
            return piece
        self._settle(one, TAKEN, found)
        return of(item for item in piece.items if item is not one.items[0])

    async def _proved(self) -> bool:
        """Return whether the witness is taken again."""
        return self._witness is not None and await self._takes(of([self._witness]))

    async def _takes(self, batch: Batch) -> bool:
        """Return whether all of *batch* is taken at once."""
        try:
            return await self.sink.send(batch) == TAKEN
        except (Away, Refused):
            return False

    async def _try_suspects(self, found: Found) -> None:
        """Try the suspects alone until they are taken, or refused since only they never are."""
        trials = 0
        while found.suspects:
            why = found.suspects[0][1]
            left = [item for item, _ in found.suspects]
            told = f"it takes others, but not all; {first_of(left)}: {why}"
            await self._pause(1, told, TRIAL_SECONDS, least=TRIAL_SECONDS)
            if not await self._proved():
                trials = 0
            elif trials >= TRIALS:
                found.refused += [
                    (one, f"sent alone {trials} times, it was never taken, and another was: {why}")
                    for one, why in found.suspects
                ]
                return
            else:
                trials = trials + 1 if await self._try_each(found) else 0

    async def _try_each(self, found: Found) -> bool:
        """Send each suspect alone; return whether none was taken."""
        suspects, found.suspects = found.suspects, []
        before = found.taken
        for item, _ in suspects:
            one = of([item])
            try:
                outcome = await self.sink.send(one)
            except Away as away:
                found.suspects.append((item, str(away)))
            except Refused as why:
                found.refused.append((item, str(why)))
            else:
                self._settle(one, outcome, found)
                if outcome.again:
                    found.suspects.append((item, outcome.why))
        return found.taken == before

    async def _bury(self, lacking: list[tuple[Item, str]]) -> None:
        """Write *lacking* to the file of the dead, and try on while that cannot be written."""
        for item, why in lacking:
            tries = 0
            while True:
                try:
                    self.dead.write(item, why)
                    break
                except OSError as error:
                    tries += 1
                    name = self.dead.path.name
                    told = f"what it has refused cannot be kept in {name}: {error.strerror}"
                    await self._pause(tries, told, 0.0)
            self.tally.refusal = why[:MOST_WHY]

    def _settle(self, piece: Batch, outcome: Outcome, found: Found) -> int:
        """Note in *found* what became of *piece*; return how much of it is done with."""
        found.refused += [(piece.items[place], why) for place, why in outcome.refused]
        done = len(piece.items) - len(outcome.refused) - len(outcome.again)
        if outcome.unnamed:
            others = {*(place for place, _ in outcome.refused), *outcome.again}
            rest = [one for place, one in enumerate(piece.items) if place not in others]
            found.doubtful += [(one, outcome.why) for one in rest]
            found.unnamed += min(outcome.unnamed, done)
        if done and not outcome.unnamed:
            out = {*(place for place, _ in outcome.refused), *outcome.again}
            self._witness = next(one for at, one in enumerate(piece.items) if at not in out)
        found.taken += done
        self.tally.sent += done - min(outcome.unnamed, done)
        return done

    async def _pause(self, tries: int, why: str, asked: float, least: float = 0.0) -> None:
        """Note the trouble and wait, *least* seconds or more."""
        self.tally.failures += 1
        self.tally.trouble = why[:MOST_WHY]
        await self.sleep(max(least, self.pauses.after(tries, asked, self.chance())))
        self.tally.retries += 1


def first_of(items: Sequence[Item]) -> str:
    """Return which of *items* is the first, in words."""
    if len(items) == 1:
        return f"it is {items[0].id}"
    return f"the first of {len(items)} is {items[0].id}"
