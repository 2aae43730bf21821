"""A store of reviews of each kind, for the tests of what all of them promise."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.storage.reviews_kept import KeptReviews
from tests.storage.disks import hearing
from tests.storage.places import KINDS, Place, new_place

__all__ = ["hearing", "place", "store"]


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return new_place(request.param, tmp_path)


@pytest.fixture
def store(place: Place) -> Iterator[KeptReviews]:
    made = place.open()
    yield made
    made.close()
