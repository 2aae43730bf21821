from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.content.normalize import fold
from engine.content.terms import WINDOW, Terms, lowered


def plain(terms: list[str], text: str) -> set[tuple[int, int]]:
    """Return the places of *terms*, each looked for by itself at every place."""
    low = lowered(text)
    word = [char.isalnum() or char == "_" for char in low]

    def edge(place: int) -> bool:
        return not (0 < place < len(low) and word[place - 1] and word[place])

    return {
        (start, start + len(wanted))
        for wanted in {lowered(fold(term).text.strip()) for term in terms} - {""}
        for start in range(len(low))
        if low.startswith(wanted, start) and edge(start) and edge(start + len(wanted))
    }


def test_empty_lines_and_duplicates_do_no_harm() -> None:
    terms = Terms(["", "  ", "\t", "\u200b", "Aspirin", "aspirin", " ASPIRIN ", ""])
    assert list(terms.find("no aspirin, please")) == [(3, 10)]
    assert list(Terms(["", " "]).find("no aspirin")) == []


def test_terms_that_overlap_are_all_found() -> None:
    terms = ["new york", "york city", "york"]
    assert set(Terms(terms).find("in New York City")) == {(3, 11), (7, 11), (7, 16)}


def test_a_term_longer_than_a_window_is_found() -> None:
    term = "long " * 2000 + "word"
    text = f"a {term}, and a {term}s"
    assert list(Terms([term, "word"]).find(text)) == [
        (2, 2 + len(term)),
        (len(term) - 2, len(term) + 2),
    ]


def test_terms_are_found_across_windows() -> None:
    for shift in range(WINDOW - 12, WINDOW + 3):
        text = " " * shift + "new york"
        assert list(Terms(["new york"]).find(text)) == [(shift, shift + 8)]


@pytest.mark.parametrize("text", ["c" * 300_000, "c" * 29 + "d" * 299_971])
def test_very_many_terms_inside_words_are_no_work(text: str) -> None:
    terms = Terms(["c" * size for size in range(1, 30)])
    assert list(terms.find(text)) == []
    assert list(terms.find(text + " c")) == [(len(text) + 1, len(text) + 2)]


TERMS = st.lists(
    st.sampled_from(
        ["a", "aa", "a a", "a+", "+a", "+", "a\x01", "\x01", "ab", "b a", "é", "ß", ""]
    ),
    max_size=6,
)
TEXTS = st.lists(
    st.sampled_from(["a", "aa", " ", "+", "\x01", "b", "É", "_", "aaaaaaaa"]), max_size=30
).map("".join)


@given(TERMS, TEXTS)
def test_terms_are_those_of_a_plain_search(terms: list[str], text: str) -> None:
    assert set(Terms(terms).find(text)) == plain(terms, text)


@pytest.mark.slow
@given(TERMS, TEXTS, st.integers(0, 40), st.integers(1, 20))
def test_terms_in_dense_texts_are_those_of_a_plain_search(
    terms: list[str], text: str, shift: int, window: int
) -> None:
    dense = " " * shift + "a" * 30 + " " + text + "+a" * 10 + text
    assert set(Terms(terms, window).find(dense)) == plain(terms, dense)
