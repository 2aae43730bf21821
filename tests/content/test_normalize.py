from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.content.normalize import FEW, MAX_CLUSTER, PIECE, fold, foreign, has_invisible


def test_ascii_is_returned_untouched() -> None:
    text = "plain \x00 text"
    assert fold(text).text is text
    assert fold(text).origin(3, 5) == (3, 5)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Zoë said naïve", "Zoë said naïve"),
        ("\uff14\uff11\uff11", "411"),
        ("4\u200b1\u20601", "411"),
        ("\u0661\u0662\u0663", "123"),
        ("1\u20132\u20143\u2212", "1-2-3-"),
        ("a\u2028b", "a\nb"),
        ("e\u0301t\u00e9\ufeff", "été"),
        ("\ufb01n", "fin"),
        ("".join(chr(0xE0000 + ord(char)) for char in "hi@x.yz"), "hi@x.yz"),
        ("\ud800\u200b!", "\ud800!"),
        ("\ufdfa\u200b", "\ufdfa"),
        ("4\u0301\ufe0f\u20e31\u200b\u0301", "41"),
        ("x\u0301\u00e9\u0308a\u0301\u0308", "x\u00e9\u00e1"),
        ("4" + "\u0301" * 40 + "1", "41"),
        ("4\u0e311\uff14\u05b4\u0488 \u0e31x", "414 x"),
        ("\u0301x\u20e3", "x"),
        # What belongs to a letter of its script stays.
        ("\u0915\u094d\u200d\u0937\u0902", "\u0915\u094d\u0937\u0902"),
        ("\u0e01\u0e31\u0e07 \u05d0\u05b8", "\u0e01\u0e31\u0e07 \u05d0\u05b8"),
    ],
)
def test_disguises_are_read_as_what_they_show(written: str, read: str) -> None:
    assert fold(written).text == read


def test_places_lead_back_to_the_original() -> None:
    text = "x 4\u200b\uff11 e\u0301!"
    folded = fold(text)
    assert folded.text == "x 41 é!"
    assert folded.origin(2, 4) == (2, 5)
    assert folded.origin(5, 6) == (6, 8)
    folded = fold("4\ufe0f\u20e31\u0e31 \u0301\u0302")
    assert folded.text == "41 "
    assert [folded.origin(at, at + 1) for at in range(3)] == [(0, 3), (3, 5), (5, 8)]


def test_endless_combining_marks_are_cut_into_clusters() -> None:
    text = "a" + "\u0315\u0300" * 50_000 + "\u200b"
    assert max(end - start for start, end in zip(*spans(text), strict=True)) <= MAX_CLUSTER


def spans(text: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    folded = fold(text)
    assert folded.starts is not None
    assert folded.ends is not None
    return folded.starts, folded.ends


@given(st.text())
def test_every_folded_character_has_an_origin_in_order(text: str) -> None:
    folded = fold(text)
    places = [folded.origin(at, at + 1) for at in range(len(folded.text))]
    assert all(0 <= start < end <= len(text) for start, end in places)
    assert places == sorted(places)


@given(st.text(st.characters(max_codepoint=0x24F)))
def test_composed_latin_text_keeps_its_letters(text: str) -> None:
    composed = unicodedata.normalize("NFKC", text).replace("\u00ad", "")
    # Of an accent that stands alone there is a space and a mark, which is no letter's.
    composed = "".join(char for char in composed if not unicodedata.combining(char))
    assert fold(composed).text == composed


@pytest.mark.parametrize("count", [1, FEW, FEW + 1, 40])
def test_any_number_of_different_digits_and_dashes_is_read(count: int) -> None:
    digits = [chr(0x0660 + 16 * block + digit) for block in (0, 9) for digit in range(10)]
    digits += [chr(0x0966 + digit) for digit in range(10)] + list("\u2013\u2014\u2212")
    digits = [char for char in digits if unicodedata.is_normalized("NFKC", char)]
    text = " and ".join(f"{char} {char}" for char in digits[:count])
    assert fold(text).text == "".join(fold(char).text for char in text)


def test_what_is_not_ascii_is_told_from_what_is() -> None:
    text = "a\u00e9b\ud800\u200bc\udc00\U0001f600 \x7f\x80"
    assert foreign(text) == "\u00e9\ud800\u200b\udc00\U0001f600\x80"
    assert has_invisible(foreign(text))
    assert not has_invisible(foreign(text.replace("\u200b", "")))


def test_a_character_that_is_not_shown_is_seen_far_inside() -> None:
    assert has_invisible("\u00e9" * PIECE + "\u200b")
    assert fold("\u00e9" * PIECE + "\u200b").text == "\u00e9" * PIECE
