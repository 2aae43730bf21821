"""Lists of words: what they know, in whatever case and with whatever accents a word is written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.content import gazetteer as lists
from engine.content import gazetteer_words as told
from engine.content.gazetteer import gazetteer, hashed, pack, plain, unpack


@pytest.mark.parametrize(
    ("word", "expected"),
    [("Łódź", "lodz"), ("Müller", "muller"), ("Straße", "strasse"), ("ÅSE", "ase"), ("Bo", "bo")],
)
def test_a_word_is_plain_without_case_and_accents(word: str, expected: str) -> None:
    assert plain(word) == expected


@pytest.mark.parametrize(
    ("word", "bit"),
    [
        ("maria", lists.GIVEN),
        ("johnson", lists.SURNAME),
        ("berlin", lists.PLACE | lists.FAMOUS),
        ("norway", lists.COUNTRY),
        ("table", lists.COMMON),
        ("quoits", lists.WORD),
    ],
)
def test_names_places_and_words_are_known_by_their_lists(word: str, bit: int) -> None:
    assert gazetteer().look(word) & bit


def test_a_word_of_no_list_has_no_bits() -> None:
    assert gazetteer().look("xqzzvkj") == 0


@given(st.dictionaries(st.text(max_size=8).map(hashed), st.integers(1, 255), min_size=1))
def test_what_is_packed_is_found_again(bits: dict[int, int]) -> None:
    found = unpack(pack(bits))
    assert dict(zip(found.hashes, found.bits, strict=True)) == bits


@given(st.text(alphabet=st.characters(categories=["L", "M", "N", "Cs"])))
def test_any_word_is_made_plain_and_looked_up(word: str) -> None:
    assert 0 <= gazetteer().look(plain(word)) <= 255


def test_lists_of_words_are_written_plainly() -> None:
    every = told.STREETS | told.UNITS | told.ORG_ENDS | told.ORG_WORDS | told.NATIONS | told.JOBS
    assert all(one == plain(one) for one in every | told.HONORIFICS | told.PARTICLES)
