"""Texts that are cut into pieces, and the chains of them that may hold names."""

from __future__ import annotations

import re
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.content.tagger_model import Chunk, Model, load_model, slot
from engine.content.tagger_runs import chains, read_pieces, written
from engine.content.tagger_words import KINDS, PIECES


@given(st.text(alphabet="ab,. \n\t\u00a0\u2028'\u2019t_1", max_size=60))
def test_a_text_is_cut_into_the_pieces_that_the_pattern_tells(text: str) -> None:
    said = read_pieces(text, load_model())
    assert [one.text for one in said] == PIECES.findall(text)
    assert [one.size for one in said] == [len(one.text) for one in said]
    assert said == [load_model().say(one.text) for one in said]


ALIKE = (
    "a",
    "\0a",
    "a\0",
    "a" * 7,
    "a" * 8,
    "a" * 14,
    "a" * 15,
    "\0" * 14,
    "ä" * 7,
    "ä" * 8,
    "\ud800",
)


@given(st.lists(st.sampled_from((*ALIKE, "", "\n", "a\n", "a\u2028", "\ud800\t")), max_size=30))
def test_words_that_are_written_alike_are_told_apart(words: list[str]) -> None:
    text = " ".join(words)
    for _ in range(2):
        assert [one.text for one in read_pieces(text, load_model())] == PIECES.findall(text)


def test_words_that_are_kept_in_one_place_are_both_read() -> None:
    model = load_model()
    words: dict[int, list[str]] = {}
    for word in map("".join, product("abcdefghij", repeat=4)):
        near, far, _ = written(word.encode(), 0)
        words.setdefault(slot(near, far), []).append(word)
    alike = max(words.values(), key=len)
    assert len(alike) > 3
    for word in alike * 2:
        assert [one.text for one in read_pieces(f"{word} {word}", model)] == [word + " ", word]


def test_a_word_that_is_one_piece_is_kept_as_that_piece() -> None:
    known = load_model()
    model = Model(known.weights, known.steps, known.lists)
    assert read_pieces("so is, so", model)
    one, several = (model.kept(*written(word, 0)[:2]) for word in (b"so ", b"is, "))
    assert one is model.say("so ")
    assert isinstance(several, Chunk)
    assert several.said == [model.say("is"), model.say(", ")]


EXAMPLES = {
    "b": "please ", "S": "Anna ", "C": "Password ", "D": "12 ", "s": "kowalski ", "u": "xqzkv ",
    "w": "street ", "j": ", ",
}  # fmt: skip


def test_there_is_an_example_of_each_kind() -> None:
    kinds = {letter: KINDS[load_model().say(one).kind] for letter, one in EXAMPLES.items()}
    assert kinds == {letter: letter for letter in KINDS}


CHAIN = re.compile("u{0,2}[SCDsw](?:[ju]{0,4}[SCDsw])*u{0,2}")
SEED = re.compile("S|C[jw]?C|s|D.{0,4}w|w.{0,2}D")


@given(st.text(alphabet="bSCDsuwj", max_size=40))
@settings(max_examples=500)
def test_chains_are_what_the_patterns_tell(kinds: str) -> None:
    told = [
        (one.start(), one.end(), SEED.search(kinds, *one.span()) is not None)
        for one in CHAIN.finditer(kinds)
    ]
    said = [load_model().say(EXAMPLES[kind]) for kind in kinds]
    every = chains(said, every=True)
    assert [(one.start, one.end, one.likely) for one in every] == told
    sizes = [one.size for one in said]
    assert [one.place for one in every] == [sum(sizes[: one.start]) for one in every]
    likely = chains(said, every=False)
    assert [(one.start, one.end, True) for one in likely] == [one for one in told if one[2]]
