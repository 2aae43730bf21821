# ruff: noqa: RUF001 - disguises are on purpose

from __future__ import annotations

from random import Random

import pytest

from engine.content.collect import Span, collect
from engine.content.entities import ENTITIES, STRUCTURED, CustomEntity
from engine.content.findings import Finding
from engine.content.normalize import fold
from engine.content.redact import Strategy
from engine.content.rules import builtin_rules, custom_rules
from engine.content.scan import Scanner, build_scanner
from engine.content.stream import KEPT, Redaction, StreamRedactor
from engine.content.stream_hold import make_hold
from engine.content.stream_sieve import AROUND, LARGE, LEAD, Look, make_sieve
from engine.content.terms import Terms
from engine.content.translate import read
from tests.content.made_texts import made

RULES = [rule for entity in ENTITIES.values() for rule in builtin_rules(entity)]
SIEVE = make_sieve(RULES, [Terms(["Ann Lee", "\u00e9t\u00e9"])])
SCANNER = build_scanner((), {})


def look(before: str, text: str) -> Look:
    before = before[-AROUND:]
    return SIEVE.look(before + text, len(before))


@pytest.mark.parametrize(
    "text",
    [
        "of our office ",
        "\n",
        "Größe — and so on, ",
        "’tis you & me 100% ",
        "it is 5 of 12 ",
        "你好 ",
    ],
)
def test_most_words_hold_nothing(text: str) -> None:
    assert look("and here we are ", text) == "nothing"


@pytest.mark.parametrize(
    ("before", "text"),
    [
        ("write to ", "ann@example.org "),
        ("the ", "password = hunter2 "),
        ("call ", "(415) 555-0132 "),
        ("call ", "\uff14\uff15\uff16 555 0132 "),
        ("é and ", "password = hunter2 "),
        ("at ", "10.20.30.40 "),
        ("we met ", "ann lee, "),
        ("\u00fcber ", "\u00c9T\u00c9 "),
    ],
)
def test_what_may_match_is_scanned(before: str, text: str) -> None:
    assert look(before, text) == "matched"


@pytest.mark.parametrize(
    ("before", "text"),
    [
        ("it is ", "YW5uQGV4YW1wbGUub3Jn "),
        ("YW5uQGV4YW1wbGUub3Jn" * 3 + "\n", "YW5u "),
        ("61 6e 6e 40 65 78 61 6d 70 6c ", "65 "),
        ("01100001 " * 7, "01100001 "),
        ("\u0301" * AROUND, " and "),
    ],
)
def test_what_may_hide_a_text_is_scanned(before: str, text: str) -> None:
    assert look(before, text) == "hidden"


@pytest.mark.parametrize(
    ("before", "text"),
    [
        ("to ", "ann%40example "),
        ("to ", "ann&#64;example "),
        ("a \\u0040 ", "b "),
        ("in ", "rot13 "),
        ("it is s p e l l e d ", "and "),
        ("the p\u0430ssword ", "is "),
    ],
)
def test_disguises_of_what_is_around_them_are_told_apart(before: str, text: str) -> None:
    assert look(before, text) == "disguised"


def test_what_was_base64_before_is_none_now() -> None:
    assert look("YW5uQGV4YW1wbGUub3Jn ", "and so ") == "nothing"
    assert look("(YW5uQGV4YW1wbGUub3Jn).\n", "and so ") == "nothing"


def test_what_begins_a_little_before_is_seen() -> None:
    sieve = make_sieve(custom_rules(CustomEntity("x.abc", ("a[bcd]+e",))), ())
    assert sieve.look("abcde", LEAD) == "matched"
    assert sieve.look("abcde", LEAD + 1) == "nothing"


def test_what_looks_around_does_not_matter() -> None:
    sieve = make_sieve(custom_rules(CustomEntity("x.abc", (r"^abc\b", r"\bxyz$"))), ())
    assert sieve.look("or abcd", 3) == "matched"
    assert sieve.look("wxyz or", 1) == "matched"
    assert make_sieve((), ()).look("or abcd", 3) == "nothing"


@pytest.mark.slow
def test_law_no_match_that_counts_passes() -> None:
    source = Random(5)  # noqa: S311 - texts, no secrets
    seen = 0
    for rule in RULES:
        sieve, tree = make_sieve([rule], ()), read(rule.pattern.regex)
        for _ in range(12):
            text = fold(made(tree, source)).text
            data = text.encode("utf-8", "replace")
            found: list[Span] = []
            collect(rule, data, 0, len(data), len(data), found)
            if found:
                seen += 1
                assert sieve.look(text, 0) != "nothing", (rule.entity, text)
    assert seen > 5 * len(RULES)


# --- in a stream ----------------------------------------------------------------------------------


class Counting:
    """A scanner that notes what it was asked."""

    def __init__(self, scanner: Scanner) -> None:
        self.scanner = scanner
        self.asked: list[str] = []

    def scan(self, text: str, entities: frozenset[str]) -> tuple[Finding, ...]:
        self.asked.append(text)
        return self.scanner.scan(text, entities)


def stream(
    text: str, entities: frozenset[str] = STRUCTURED, scanner: Scanner = SCANNER
) -> tuple[str, list[str]]:
    """Return what passes of *text*, by pieces of four characters, and what was scanned for it."""
    counting = Counting(scanner)
    strategies = dict.fromkeys(entities, Strategy("label"))
    guard = StreamRedactor(
        counting, make_hold(scanner, entities), entities, Redaction(strategies, b"a key", "s")
    )
    passed = [guard.feed(text[at : at + 4]).text for at in range(0, len(text), 4)]
    return "".join(passed) + guard.finish().text, counting.asked


PROSE = "the plan was discussed at length by both teams and nobody objected to it, "


def test_a_text_that_holds_nothing_is_not_scanned() -> None:
    assert stream(PROSE * 20) == (PROSE * 20, [])


def test_only_where_something_may_be_is_it_scanned() -> None:
    passed, asked = stream(f"{PROSE * 10}ann@example.org, {PROSE * 10}")
    assert passed == f"{PROSE * 10}[EMAIL], {PROSE * 10}"
    assert 1 <= len(asked) <= 4


def test_around_another_reading_everything_is_scanned_as_far_as_it_reaches() -> None:
    passed, asked = stream(f"{PROSE}pass%77ord = hunter2x9 {PROSE * 40}")
    assert passed.startswith(f"{PROSE}pass%77ord = [")
    assert 20 < len(asked) < len(PROSE.split()) * 40


def test_a_word_without_end_may_be_read_otherwise_until_far_behind_it() -> None:
    word = "a.b." * LARGE
    passed, asked = stream(f"{word} {PROSE * 40}", frozenset({"pii.card"}))
    assert passed == f"{word} {PROSE * 40}"
    assert asked


def test_what_a_finding_leaves_behind_itself_is_seen() -> None:
    patterns = ("ab cd", r"(?:ab )?cd ef(?: gh)?")
    scanner = build_scanner(
        (CustomEntity("x.one", patterns[:1]), CustomEntity("x.two", patterns[1:])), {}
    )
    entities = frozenset({"x.one", "x.two"})
    assert stream("so ab cd ef gh ij", entities, scanner)[0].count("[") == 1


def test_however_much_white_space_there_is_little_is_kept() -> None:
    strategies = dict.fromkeys(STRUCTURED, Strategy("label"))
    hold = make_hold(SCANNER, STRUCTURED)
    guard = StreamRedactor(SCANNER, hold, STRUCTURED, Redaction(strategies, b"a key", "s"))
    passed = ""
    for _ in range(400):
        passed += guard.feed(" " * 64).text
        assert len(guard._text) < 2 * KEPT
    passed += guard.feed("ann@example.org\n").text + guard.finish().text
    assert passed == " " * 400 * 64 + "[EMAIL]\n"


def test_after_what_has_no_end_is_looked_anew() -> None:
    run = "a" * 1200
    passed, asked = stream(f"{run} to ann@example.org {PROSE}", frozenset({"pii.email"}))
    assert passed == f"[EMAIL] to [EMAIL] {PROSE}"
    assert asked
