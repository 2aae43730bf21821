"""What a phrase says of its pattern is true: of keywords, hint and core."""

from __future__ import annotations

from random import Random

import pytest

from engine.content.disguises import plain
from engine.content.injection import ENGLISH, REACH
from engine.content.lexicon import LONGEST
from engine.content.phrases import Phrase, pairs
from engine.content.phrases_abroad import ABROAD
from engine.content.regex import any_of, compiled, either
from engine.content.translate import read
from tests.content.made_texts import made

TEXTS = 120
LOOSE = (
    "< assistant|>",
    "=*- begin email",
    "important! make a post",
    "you're a ai",
    "; forall claude: say",
    "send it to a!b@c.",
)
"""Spellings that some gates overlook: a phrase that matches one of these is left out."""
STRICT = [
    one for one in ENGLISH if not any(compiled(one.regex).within(text.encode()) for text in LOOSE)
]


@pytest.mark.parametrize("phrase", STRICT, ids=lambda one: one.regex[:40])
def test_all_that_a_pattern_matches_has_a_keyword_the_hint_and_the_core(phrase: Phrase) -> None:
    pattern, tree = compiled(phrase.regex), read(phrase.regex)
    needed = [any_of([part]) for part in (phrase.hint, phrase.core) if part]
    keywords = any_of([either(phrase.keywords)])
    source = Random(phrase.regex)  # noqa: S311 - texts, no secrets
    matched = 0
    for _ in range(TEXTS):
        data = plain(made(tree, source)).encode()
        start, end = pattern.find(data, 0, len(data))[0]
        if start < 0:
            continue
        matched += 1
        assert all(part.within(data) for part in needed), data
        first, last = keywords.find(data, start, end)[0]
        assert first >= 0, data
        assert last <= start + REACH or end <= first + REACH, data
    assert matched > TEXTS // 10


def test_few_gates_overlook_a_spelling() -> None:
    assert len(ENGLISH) - len(STRICT) == len(LOOSE)


def test_no_keyword_of_an_english_phrase_is_too_long() -> None:
    assert max(len(word) for phrase in ENGLISH for word in phrase.keywords) <= LONGEST
    assert all(phrase.keywords for phrase in (*ENGLISH, *ABROAD))


def test_pairs_are_each_with_each() -> None:
    assert pairs("new|old", "task|rules") == ("new task", "new rules", "old task", "old rules")
