"""A revision in the cache in; a gate that decides by it out, swapped between two requests.

No decision waits for it: the bytes are read in a thread, which leaves the interpreter alone, and
everything else is done in slices (see `slices`), the end of the old policies too.
"""

from __future__ import annotations

import asyncio
import gc
from dataclasses import dataclass, field
from pathlib import Path

from engine.language.collection import without_collection
from engine.language.stages import whole
from engine.runtime.index import IndexedMatcher
from engine.runtime.policyset import PolicySet
from engine.runtime.reader import Reader
from engine.service.bundles import Detection, Recipe, asks_of, detect, linking
from engine.service.cache import FolderCache
from engine.service.gate import Gate
from engine.service.shelf import BUNDLE, FolderShelf
from engine.service.slices import in_slices, let_go
from engine.service.stored import Bundle, fetch_bundle


@dataclass(slots=True)
class GateTaker:
    """Has *gate* decide by what *cache* holds of the folder *root*. See reload.Taker."""

    gate: Gate
    root: Path
    cache: FolderCache
    recipe: Recipe
    _detection: Detection | None = field(default=None, init=False)
    """Of the policies that were loaded last."""

    @property
    def revision(self) -> str:
        """What decides now; empty for nothing."""
        return self.gate.status().revision

    async def take(self, revision: str) -> str:
        """Swap *revision* in; return why not, or nothing when it was."""
        policies = await self.load(revision)
        if policies is None:
            return self.missing
        await self.swap(policies)
        return ""

    def begin(self, bundle: Bundle) -> None:
        """Decide by *bundle*, before anyone is served."""
        with without_collection():
            self._detection = detect(bundle, self.recipe, self.cache)
            policies = whole(linking(bundle, self.recipe, self._detection))
        self.gate.swap(policies)

    async def load(self, revision: str) -> PolicySet | None:
        """Return the policies that the cache holds as *revision*, or None."""
        shelf = FolderShelf(self.cache, self.root)
        # What was made since the last swap is little: connections, and what they are about. With
        # the new policies, which are still to be read, the collector would have far more to walk.
        gc.collect()
        with without_collection():
            bundle = await asyncio.to_thread(fetch_bundle, revision, shelf, gently=True)
            if bundle is None:
                return None
            detection = await self._detect(bundle)
            work = linking(bundle, self.recipe, detection, self._reader_for(bundle))
            policies = await in_slices(work)
            # They live long: from here on the collector does not look at them.
            gc.freeze()
        self._detection = detection
        spent: list[object] = [bundle]
        # With it goes the memory of the code, which nothing needs that was linked.
        del bundle, work
        await give_back(spent)
        return policies

    async def _detect(self, bundle: Bundle) -> Detection:
        """Return the detectors of *bundle*: new ones only where the entities have changed."""
        before = self._detection
        if before is not None and before.asks == asks_of(bundle, self.recipe):
            return before
        return await asyncio.to_thread(detect, bundle, self.recipe, self.cache)

    def _reader_for(self, bundle: Bundle) -> Reader | None:
        """Return the reader of what decides now, if *bundle* needs the same; None for a new one."""
        if not self.gate.ready:
            return None
        now = self.gate.policies
        # Facts are rows that a reader has joined: two tables are not compared here.
        same = now.program.fields == bundle.program.fields and not (now.facts or bundle.facts)
        return now.reader if same else None

    async def swap(self, policies: PolicySet) -> None:
        """Decide by *policies* from now on, and let go of what decided before."""
        pieces, mass = parts_of(self.gate.policies) if self.gate.ready else ([], [])
        self.gate.swap(policies, collect=False)
        await in_slices(let_go(pieces))
        await give_back(mass)

    def refuse(self, why: str) -> None:
        """Note that the newest policies were not taken over."""
        self.gate.refuse(why)

    def confirm(self) -> None:
        """Note that the policies that decide are the newest."""
        self.gate.confirm()

    @property
    def missing(self) -> str:
        """Why `load` found nothing, with the remedy."""
        why = self.cache.trouble(FolderShelf(self.cache, self.root).key(BUNDLE))
        if why:
            return f"what was compiled cannot be read from {self.cache.folder}: {why}"
        return (
            f"the cache folder {self.cache.folder} does not hold what was compiled; make "
            "room on the disk, or restart the daemon if the engine was upgraded under it"
        )


def parts_of(policies: PolicySet) -> tuple[list[object], list[object]]:
    """Return what *policies* is made of, so that it can be freed bit by bit: many small, few large.

    To free ten thousand functions at once takes milliseconds.
    """
    pieces: list[object] = [*policies.remembered.values(), *policies.readings.values()]
    if isinstance(policies.matcher, IndexedMatcher):
        pieces += policies.matcher.parts
    return pieces, [policies.program, policies.policies, policies.rules, policies.owner]


async def give_back(mass: list[object]) -> None:
    """Empty *mass*, whose memory nobody else has, while others are served.

    The kernel takes up to a millisecond to take back megabytes; the interpreter is free meanwhile.
    """
    await asyncio.to_thread(mass.clear)


def settle_heap() -> None:
    """Have the collector leave alone what there is: before anyone is served, it takes a while."""
    gc.collect()
    gc.freeze()
