"""A compiled folder, and a revision in, the bundle that a cache holds of it out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.language.diagnostics import Diagnostic
from engine.language.packed import Joined
from engine.language.places import Places
from engine.language.program import Program
from engine.runtime.shape import Shape
from engine.runtime.table import Table
from engine.service.parcel import unwrap
from engine.service.shelf import BUNDLE, SERVED, FolderShelf


@dataclass(frozen=True, slots=True)
class Bundle:
    """A folder, checked and compiled: plain data, the same for the same *revision*."""

    revision: str
    program: Program
    facts: Mapping[str, Table]
    lists: Mapping[str, frozenset[str]]
    units: Joined
    places: Places
    shape: Shape
    warnings: tuple[Diagnostic, ...]


def fetch_bundle(revision: str, shelf: FolderShelf, *, gently: bool = False) -> Bundle | None:
    """Return the bundle *revision* from the cache, or None when it is another one or not there.

    *gently*: others are decided for meanwhile.
    """
    for name in (BUNDLE, SERVED):
        held = shelf.lend(name, gently=gently)
        if held is not None:
            bundle: Bundle = unwrap(held)  # The cache belongs to this user alone.
            if bundle.revision == revision:
                return bundle
    return None
