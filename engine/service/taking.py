"""A revision in the cache in; a gate that decides by it out, swapped between two requests."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from engine.language.compile import without_collection
from engine.runtime.policyset import PolicySet
from engine.service.bundles import Recipe, link_bundle
from engine.service.cache import FolderCache
from engine.service.compiled import FolderShelf, fetch_bundle
from engine.service.gate import Gate


@dataclass(frozen=True, slots=True)
class GateTaker:
    """Has *gate* decide by what *cache* holds of the folder *root*. See reload.Taker."""

    gate: Gate
    root: Path
    cache: FolderCache
    recipe: Recipe

    @property
    def revision(self) -> str:
        """What decides now; empty for nothing."""
        return self.gate.status().revision

    async def take(self, revision: str) -> str:
        """Swap *revision* in; return why not, or nothing when it was."""
        # The collector would search the new policies again and again while they grow.
        with without_collection():
            policies = await asyncio.to_thread(self.load, revision)
            if policies is None:
                return self.missing
            self.gate.swap(policies)
        return ""

    def refuse(self, why: str) -> None:
        """Note that the newest policies were not taken over."""
        self.gate.refuse(why)

    def confirm(self) -> None:
        """Note that the policies that decide are the newest."""
        self.gate.confirm()

    def load(self, revision: str) -> PolicySet | None:
        """Return the policies that the cache holds as *revision*, or None."""
        bundle = fetch_bundle(revision, FolderShelf(self.cache, self.root))
        return None if bundle is None else link_bundle(bundle, self.recipe, self.cache)

    @property
    def missing(self) -> str:
        """Why `load` found nothing, with the remedy."""
        return (
            f"the cache folder {self.cache.folder} does not hold what was compiled; make "
            "room on the disk, or restart the daemon if the engine was upgraded under it"
        )
