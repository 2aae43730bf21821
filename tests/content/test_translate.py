"""Whatever a pattern matches begins with a match of what stands for it."""

from __future__ import annotations

import re
from random import Random

import pytest

from engine.content.regex import compiled
from engine.content.translate import (
    Chars,
    Untranslatable,
    alphabet,
    reach,
    read,
    standing_alone,
    translate,
)
from tests.content.made_texts import made


@pytest.mark.parametrize(
    ("regex", "least", "most", "longest"),
    [
        (r"ghp_[A-Za-z0-9]{36,255}", 40, 40, 259),
        (r"(?i)key-?[\d]{2,}", 5, 6, None),
        (r"(?:ab|c)+d?", 1, 2, None),
        (r"(?P<name>a)(b){2}c*", 3, 3, None),
        (r"\bab\B$", 2, 2, 2),
        (r"^\Aab\z", 2, 2, 2),
        (r"a.{0,3}?b", 2, 14, 14),
        (r"(?s)a.b", 3, 6, 6),
        (r"(?-s:a(?i)b)c", 3, 3, 3),
        (r"\pL\pN{2}\p{L}", 4, 16, 16),
        (r"\PLx", 2, 5, 5),
        (r"[^\s,]x", 2, 5, 5),
        (r"[\w.\-]{3}", 3, 3, 3),
        (r"[a\]\x41-\x43]\x{e9}", 2, 5, 5),
        ("[\u0430-\u044fa]x", 2, 5, 5),
        (r"[z-é]x", 2, 5, 5),
        (r"\S\W\D\n\t\.", 6, 15, 15),
        (r"a{2,}?b", 3, None, None),
        (r"x{y", 3, 3, 3),
        (r"ab(?:\b|x)", 2, 2, 3),
        (r"é+ñ?a", 2, None, None),
    ],
)  # fmt: skip
def test_an_expression_stands_for_a_pattern(
    regex: str, least: int, most: int | None, longest: int | None
) -> None:
    expression = translate(regex)
    assert (expression.least, expression.most, reach(regex)) == (least, most, longest)
    stands, find = re.compile(expression.text.encode(), re.DOTALL), compiled(regex)
    tree, source = read(regex), Random(regex)  # noqa: S311 - texts, no secrets
    for _ in range(40):
        data = made(tree, source).encode()
        start, end = find.find(data, 0, len(data))[0]
        found = stands.match(data, start) if start >= 0 else None
        assert start < 0 or (found is not None and found.end() <= end)


@pytest.mark.parametrize(
    ("regex", "why"),
    [
        ("a*", "nothing"),
        ("a|", "nothing"),
        ("ab)", "parenthesis"),
        ("(ab", "too early"),
        ("(?>a)", "kind"),
        ("+a", "repeat"),
        (r"\x{zz}", "code"),
        (r"\Qab\E", "escape"),
        (r"\p{Greek}", "property"),
        (r"[[:alpha:]]", "named"),
        (r"[\d-z]", "range"),
    ],
)
def test_what_has_no_expression_says_why(regex: str, why: str) -> None:
    with pytest.raises(Untranslatable, match=why):
        translate(regex)
    if why == "nothing":
        with pytest.raises(Untranslatable, match=why):
            standing_alone(regex, whole=False)


def test_a_range_ends_behind_its_beginning() -> None:
    with pytest.raises(Untranslatable, match="ends before"):
        translate(r"[\x{7f}-\x{10}]")


def test_given_characters_mark_an_expression() -> None:
    assert translate("(?i)sk-[a-z]{3}").marked
    assert translate("a{3}").marked
    assert not translate("[A-Z]{2}[0-9]{9}").marked
    assert not translate("abc|de").marked


def test_alone_means_that_no_word_touches() -> None:
    begins = re.compile(standing_alone("[0-9]{3,5}", whole=False).encode())
    assert begins.search(b"x 12345")
    assert not begins.search(b"x12345")
    whole = standing_alone("[0-9]{3,5}", whole=True).replace(r"\z", r"\Z")
    assert re.search(whole.encode(), b"(123)")
    assert not re.search(whole.encode(), b"(123a")


def test_an_alphabet_is_all_that_may_occur() -> None:
    assert alphabet(read(r"(?:a|b)+\b[cé]?")) == Chars(
        sum(1 << ord(one) for one in "abc"), wide=True
    )
    assert not alphabet(read("[0-9]{3}-1")).wide
