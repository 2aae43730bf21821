from __future__ import annotations

import pytest

from engine.storage.chest import Chest, Open, WrongKey


def test_what_is_sealed_is_opened_with_the_same_key_alone() -> None:
    chest = Chest(b"k" * 32)
    sealed = chest.seal(b"content")
    assert b"content" not in sealed
    assert sealed != chest.seal(b"content")
    assert chest.open(sealed) == b"content"
    for other, value in (
        (Chest(b"o" * 32), sealed),
        (chest, sealed[:-1]),
        (chest, b"short"),
        (chest, b""),
    ):
        with pytest.raises(WrongKey):
            other.open(value)


def test_an_open_chest_seals_nothing() -> None:
    assert Open().open(Open().seal(b"content")) == b"content"
