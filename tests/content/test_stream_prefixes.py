from __future__ import annotations

import pytest

from engine.content.entities import ENTITIES
from engine.content.regex import compiled
from engine.content.stream_prefixes import (
    UnreadableError,
    atoms,
    before_group,
    beginnings,
    longest,
    read_pattern,
    shortest,
    whole,
)

CASES = [
    ("abc", "abc", 3),
    ("a|bc|", "bc", 2),
    ("(?:ab){2,3}c", "abababc", 7),
    ("a{3}b{2,}", "aaabbbb", None),
    ("a{12,20}b", "a" * 20 + "b", 21),
    ("x(?P<name>[a-c]+)y", "xabcy", None),
    ("x(?<name>ab)y", "xaby", 4),
    ("(a(b(c)))", "abc", 3),
    (r"\bword\b", "word", 4),
    (r"^\Aa\Bb\z$", "ab", 2),
    (r"(?:^|,)a", ",a", 2),
    (r"\b*a", "a", 1),
    (r"\Qa.b*\Ec", "a.b*c", 5),
    (r"[]x]+[^]y]{2}", "]xab", None),
    (r"[[:digit:]\pL\p{Greek}\]]{2}-", "1]-", 3),
    (r"\pL\pN\p{Lu}\x41\x{42}\101\d", "a1AABA7", 7),
    ("(?i)ab(?-i)c", "ABc", 3),
    ("(?i:a)b", "Ab", 2),
    ("(?s).b", "\nb", 2),
    ("(?is-U:.b)", "\nB", 2),
    ("(?:a(?i)b|c)d", "aBd", 3),
    ("a+?b??c*?", "aabcc", None),
    ("a{0}b", "b", 1),
    ("(?:){3,}b", "b", 1),
    ("x{,3}", "x{,3}", 5),
    (".*", "any", None),
]


@pytest.mark.parametrize(("regex", "text", "size"), CASES)
def test_every_beginning_of_a_match_is_one(regex: str, text: str, size: int | None) -> None:
    node = read_pattern(regex)
    assert compiled(rf"\A(?:{regex})\z").within(text.encode())
    assert longest(node) == size
    for coarse in (False, True):
        begins = compiled(rf"\A(?:{beginnings(node, coarse=coarse)})\z")
        assert all(begins.within(text[:end].encode()) for end in range(len(text) + 1))
        assert compiled(rf"\A(?:{whole(node, coarse=coarse)})\z").within(text.encode())


@pytest.mark.parametrize(
    ("regex", "text"),
    [
        ("abc", "b"),
        ("(?:ab){2}", "ababa"),
        ("a{3}b{2,}", "aab"),
        ("(?i)ab(?-i)c", "ABC"),
        ("(?:a(?i)b|c)d", "A"),
        (".b", "\n"),
        ("[a-z]{2}-", "abc"),
    ],
)
def test_what_begins_no_match_is_no_beginning(regex: str, text: str) -> None:
    begins = compiled(rf"\A(?:{beginnings(read_pattern(regex), coarse=False)})\z")
    assert not begins.within(text.encode())


@pytest.mark.parametrize("regex", ["(a", "a)", "a|*b", "(?i)*a", "(?=a)", "[a", "a(?#b)"])
def test_what_cannot_be_read_is_refused(regex: str) -> None:
    with pytest.raises(UnreadableError):
        read_pattern(regex)


def test_a_quotation_may_go_on_to_the_end() -> None:
    assert read_pattern(r"a\Qb.") == read_pattern(r"ab\.")


def test_the_characters_of_a_pattern() -> None:
    assert atoms(read_pattern(r"a[bc]{2}|\d(?:e)*")) == {"a", "[bc]", r"\d", "e"}


@pytest.mark.parametrize("name", sorted(ENTITIES))
def test_every_built_in_pattern_can_be_read(name: str) -> None:
    for pattern in ENTITIES[name].patterns:
        node = read_pattern(pattern.regex)
        assert compiled(beginnings(node, coarse=True) + r"\z").within(b"")
        assert longest(node) != 0


@pytest.mark.parametrize(
    ("regex", "least"),
    [("", 0), ("abc", 3), ("a?b+c*", 1), ("(?:ab|c)d{2,4}", 3), (r"\bkey[ =]{1,3}", 4)],
)
def test_the_shortest_match_is_known(regex: str, least: int) -> None:
    assert shortest(read_pattern(regex)) == least


@pytest.mark.parametrize(
    ("regex", "before"),
    [
        (r"(?:key|to[(]ken)\(=(\w+)", r"(?:key|to[(]ken)\(="),
        ("([a-z]+) key", ""),
        ("key=[a-z]+", None),
        ("(?:key=([a-z]+))", None),
        ("key=[a-z", None),
    ],
)
def test_what_stands_before_a_group_is_known(regex: str, before: str | None) -> None:
    assert before_group(regex) == (None if before is None else read_pattern(before))
