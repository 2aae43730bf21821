from __future__ import annotations

from engine.content.hashing import KEY_BYTES
from engine.service.hashing import HASHES, quickest


def test_the_quicker_hash_is_one_of_those_known_and_stays_the_same() -> None:
    assert quickest() in HASHES
    assert quickest() is quickest()


def test_every_hash_is_keyed_and_has_256_bits() -> None:
    for begin in HASHES:
        one, other = (begin(bytes([key]) * KEY_BYTES) for key in (1, 2))
        assert len(one.digest()) == 32
        assert one.digest() != other.digest()
