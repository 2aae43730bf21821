from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.content.cues import CUES
from engine.content.disguises import plain
from engine.content.lexicon import LONGEST, OWN, TURNS, forms, grouped
from engine.content.phrases_abroad import ABROAD
from engine.content.wording import ALIKE, WORDS, heard, sentences
from engine.content.wording_model import read_terms

GROUPS = (*(cue.words for cue in CUES), *TURNS, *(phrase.keywords for phrase in ABROAD))
EVERY = grouped(GROUPS)
ASCII = [word.decode() for word, _ in EVERY if word.isascii()]
AROUND = ("", " ", "x", ".", ". ", "? ", "! ", ": ", "!? ", ":!? ", "?! ", "... ", "é", "7")


def sought(data: bytes) -> list[tuple[int, int, int]]:
    """Return what is to be heard, the plain way: each word of ASCII alone at each place."""
    return sorted(
        (group, start, start + len(word))
        for word, groups in EVERY
        if word.isascii()
        for start in range(len(data))
        if data.startswith(word, start)
        for group in groups
    )


def replaced(data: bytes) -> bytes:
    """Return what `sentences` returns, one end after the other."""
    for end in (b". ", b"? ", b"! ", b": "):
        data = data.replace(end, b" \n")
    return b"\n" + data.translate(WORDS) + b"\n"


def test_the_lexicon_begins_with_cues_and_no_keyword_of_a_phrase_is_too_long() -> None:
    assert len(CUES) + len(TURNS) == OWN
    assert max(len(word.encode()) for phrase in ABROAD for word in phrase.keywords) <= LONGEST * 4
    assert len({word for word, _ in EVERY}) == len(EVERY)


@pytest.mark.parametrize("embedded", [False, True])
@pytest.mark.parametrize("before", AROUND)
@pytest.mark.parametrize("behind", [" ", ". ", "? ", "x", "!? ", ""])
def test_each_word_is_heard_whatever_stands_around_it(
    before: str,
    behind: str,
    embedded: bool,  # noqa: FBT001
) -> None:
    for word in ASCII:
        data = (before + word + behind).encode()
        start = len(before.encode())
        assert any(
            one[1:] == (start, start + len(word)) for one in heard(data, embedded=embedded).words
        )


@given(
    st.lists(
        st.sampled_from((*ASCII, *AROUND, "write a poem", "your", "now", "say", "\n", "\x01", ",")),
        max_size=12,
    ).map("".join),
    st.booleans(),
)
def test_what_is_heard_is_what_a_search_for_each_word_finds(text: str, embedded: bool) -> None:  # noqa: FBT001
    data = text.encode()
    found = heard(data, embedded=embedded).words
    assert sorted(found) == sought(data)
    assert [one[2] for one in found] == sorted(one[2] for one in found)


def test_a_word_of_signs_has_a_form_for_each_neighbour() -> None:
    made = forms(lambda word: sentences(word, ALIKE))
    assert {one.translate(ALIKE) for one in (b" q \n", b"\nq \n")} <= made.keys()
    assert all(len(form) == len(word) for form, words in made.items() for word, _ in words)


@given(st.text("ab .?!:\n,7_'é").map(str.encode))
def test_sentences_end_as_if_each_end_were_sought_by_itself(data: bytes) -> None:
    assert sentences(data) == replaced(data)


@given(st.text().map(plain))
def test_an_automaton_reads_the_same_sentences_but_for_digits(text: str) -> None:
    data = text.encode("utf-8", "replace")
    assert sentences(data, ALIKE) == sentences(data).translate(ALIKE)


def test_what_an_automaton_looks_for_has_bytes_that_stand_side_by_side() -> None:
    letters = b"abcdefghijklmnopqrstuvwxyz'0\n "
    assert sorted(letters.translate(ALIKE)) == list(range(10, 40))
    assert set(b"123456789_".translate(ALIKE)) == set(b"0".translate(ALIKE))
    used = set(b"".join(forms(lambda word: sentences(word, ALIKE))))
    for term, weights in read_terms().items():
        if max(weights) > 0:
            used.update(term.encode().translate(ALIKE))
    assert used == set(range(10, 40))
