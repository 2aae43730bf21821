from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.content.entities import ENTITIES
from engine.content.regex import (
    PatternError,
    any_of,
    around,
    bounded,
    compiled,
    late,
    nearby,
    require_genuine,
)


def test_a_pattern_reads_utf8_and_finds_bytes() -> None:
    word = compiled(r"\pL(\pL)?")
    assert list(word.find("1é2".encode(), 0, 4)) == [(1, 3), (-1, -1)]
    assert word.find("1é2".encode(), 3, 4)[0] == (-1, -1)
    assert word.within("1é2".encode())


def test_of_many_patterns_only_the_place_is_told() -> None:
    either = any_of((r"(a)(b)", r"\((c)\)", "[(]d"))
    assert either.groups == 0
    assert [list(either.find(text, 0, len(text))) for text in (b"1ab", b"1(c)", b"(d", b"c")] == [
        [(1, 3)],
        [(1, 4)],
        [(0, 2)],
        [(-1, -1)],
    ]


@pytest.mark.parametrize("regex", ["(", r"(?<=a)b", r"(a)\1", "a{1001}", "((a{100}){100}){100}"])
def test_what_is_not_linear_is_refused_with_the_reason(regex: str) -> None:
    with pytest.raises(PatternError, match=r"\w"):
        compiled(regex)


def test_an_authors_pattern_is_bounded() -> None:
    assert bounded("a{10}").groups == 0
    with pytest.raises(PatternError, match="longer"):
        bounded("a" * 1001)
    assert bounded(r"\pL{2,3}\x{400}").groups == 0
    with pytest.raises(PatternError, match="repeats"):
        bounded("(?:a|b)*a(?:a|b){900}c")


def test_another_package_of_the_same_name_is_refused() -> None:
    with pytest.raises(ImportError, match="google-re2"):
        require_genuine(object())


def test_context_words_begin_at_a_word() -> None:
    near = nearby(("card", "c++"))
    assert near is not None
    assert near.within(b" my Cards")
    assert near.within(b"(C++)")
    assert not near.within(b" discard")
    assert not near.within(b" [CARD] ")
    assert nearby(()) is None
    assert around(()) is None


def test_a_context_word_with_a_space_at_its_end_is_found_only_whole() -> None:
    near = nearby(("nik ",))
    assert near is not None
    assert near.within(b" NIK: 1")
    assert near.within(b"(nik")
    assert not near.within(b" nikon")
    assert not near.within(b" panik")


def test_context_words_of_scripts_without_spaces_are_found_inside_others() -> None:
    near = nearby(("id", "個人番号"))
    assert near is not None
    assert near.within("私の個人番号は".encode())
    assert not near.within("私のid".encode())
    assert not near.within("[個人番号]".encode())
    alone = nearby(("บัตร",))
    assert alone is not None
    assert alone.within("เลขบัตรประชาชน".encode())


@given(st.lists(st.sampled_from((
    *("card", "Card", "nik", "NIK ", "id", "個人番号", "größe", "é", "\u212a", "\u017f", "[", "_"),
    *("7", " ", ":", "x", "n\u0131", "\u0301", "“"),
)), max_size=8).map("".join))  # fmt: skip
def test_wherever_context_words_are_found_they_pass(text: str) -> None:
    words = ("card", "nik ", "id", "個人番号", "größe")
    near, passing = nearby(words), around(words)
    assert near is not None
    assert passing is not None
    data = text.encode()
    assert passing.within(data) or not near.within(data)


def test_a_pattern_that_is_compiled_late_finds_the_same() -> None:
    here, there = compiled("a(b+)?c"), late("a(b+)?c")
    for data in (b"", b"ac", b"xxabbc abc"):
        for _ in range(2):
            assert there.find(data, 0, len(data)) == here.find(data, 0, len(data))
    assert there.find(b"ac ac", 1, 5) == here.find(b"ac ac", 1, 5)


def test_groups_are_counted_without_compiling() -> None:
    regexes = [one.regex for entity in ENTITIES.values() for one in entity.patterns]
    regexes += [r"\((a)\)", r"[(](?:b)", r"[]()](c)[^](]", r"(?P<d>d)(?i:e)(?s)f", r"[\](](g)"]
    assert [late(one).groups for one in regexes] == [compiled(one).groups for one in regexes]
