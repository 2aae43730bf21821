"""Where stores of reviews keep them, for tests: a file, or a schema of a real PostgreSQL server."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from engine.storage.reviews_kept import KeptReviews
from engine.storage.reviews_postgres import PostgresReviews
from engine.storage.reviews_postgres_address import read_url
from engine.storage.reviews_sqlite import SqliteReviews
from tests.storage import postgres

Kind = Literal["sqlite", "postgresql"]
KINDS: tuple[Kind, ...] = ("sqlite", "postgresql")
KEY = b"k" * 32


@dataclass(frozen=True)
class Place:
    """A file, or the URL of tables."""

    at: str

    @property
    def far(self) -> bool:
        return "://" in self.at

    def open(self, seconds: float = 30.0, key: bytes = KEY) -> KeptReviews:
        """Return a store of this place, which waits for others for so long."""
        if self.far:
            return PostgresReviews(read_url(self.at), key, seconds)
        return SqliteReviews(Path(self.at), seconds, key)


def new_place(kind: Kind, folder: Path) -> Place:
    """Return a place that nothing is in; skip the test where there is none."""
    if kind == "sqlite":
        return Place(str(folder / "reviews.db"))
    if postgres.programs() is None:
        pytest.skip(postgres.MISSING)
    return Place(postgres.shared().schema())
