# ruff: noqa: E501, RUF001 - a case reads best on one line, and disguises are on purpose

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.content.collect import MANY
from engine.content.detectors import Entity, Pattern
from engine.content.disguises import plain
from engine.content.entities import ENTITIES
from engine.content.injection import Hit, find_evidence
from engine.content.normalize import fold
from engine.content.phrases import PHRASES
from engine.content.plan import arrange, bordered, find_spans
from engine.content.rules import builtin_rules
from tests.content.plain import Found, plain_hits, plain_spans

RULES = [rule for entity in ENTITIES.values() for rule in builtin_rules(entity)]
PLAN = arrange(RULES)
DIGITS = [rule for rule in RULES if rule.pattern.digits]

PIECES = (
    "4111 1111 1111 1111", "4111111111111111", "5555-5555-5555-4444", "6304 0000 0000 0000 000",
    "a@b.org", "ann.lee@example.org", "10.0.0.1", "fe80::1", "2001:db8::1", "1:2:3:4:5:6:7:8",
    "+49 30 1234567", "+1 415 555 0132", "(415) 555-0132", "415.555.0133x12", "030 1234567",
    "07911123456", "555 0199", "call ", "key = ", "token: ", "secret is ", "hunter2!x", "password=",
    "password is ", "contraseña es ", "pwd:", "GB82 WEST 1234 5698 7654 32", "no9386011117947",
    "DE89370400440532013000", "536-90-4399", "536904399", "536 90 4399", "Zq8rT2Lw0Xn5", "mrn ",
    "Zq8rT2Lw0Xn5Yb7k", "://u:p4ss@h", "00123456", "1EG4-TE5-MK73", "patient id ", "sk-", "AKIA",
    "aws secret ", "SK", "ac", "ey", ".eyJhbGciOi", "Bearer ", "authorization: ", "curl -u a:b",
    ";pwd=", "AccountKey=", "ghp_", "0123456789abcdef0123456789abcdef", "-us12", "discord", "EAAM",
    "SG.", ".b1wYwf.", "ico-", "pk.", " ext. ", "x", "#", "1", "12", "123", "0", ".", "/", "(", ")",
    "é", "😀", "\u200b", "１", " ", "  ", "\n", "-", ":", "=", ",", "a", "KEY", "\u0301", "-----BEGIN",
    " PRIVATE KEY-----", "PuTTY-User-Key-File-2: ", "AGE-SECRET-KEY-1",
)  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=2), max_size=25).map("".join)


def planned(text: str) -> list[Found]:
    return sorted(
        (one.rule.entity, one.start, one.end, one.rule.pattern.score)
        for one in find_spans(PLAN, text.encode("utf-8", "replace"))
    )


def plainly(text: str) -> list[Found]:
    return plain_spans(RULES, text.encode("utf-8", "replace"))


@pytest.mark.slow
@settings(max_examples=500)
@given(TEXTS)
def test_a_plan_finds_what_each_pattern_finds_by_itself(text: str) -> None:
    folded = fold(text).text
    assert planned(folded) == plainly(folded)


@pytest.mark.parametrize(
    "text",
    [
        "call 555 0199 x 4155550132 and 555 0199 ext. 415555",
        "1234567 x 415-555-0132",
        "(030)   12345678",
        "12345678    4111111111111111     536-90-4399",
        "no9386011117947 to no 93 8601 1117 947",
        "0" * 40 + "4111111111111111",
        "yandex_secret: 't1.GYS6_b==.b1wYwfZ'",
        "x",
        "",
    ],
)
def test_numbers_are_found_wherever_others_stand(text: str) -> None:
    assert planned(text) == plainly(text)


def test_numbers_without_end_are_taken_together() -> None:
    text = "4111 1111 1111 1111; 536-90-4399; (415) 555-0132; " * MANY
    assert planned(text) == plainly(text)
    assert len(planned(text)) >= 3 * MANY


def test_one_entity_alone_finds_the_same() -> None:
    text = "ssn 536-90-4399, -----BEGIN PRIVATE KEY----- 10.0.0.1 key = Zq8rT2Lw0Xn5 a@b.org"
    for entity in ENTITIES.values():
        rules = builtin_rules(entity)
        found = find_spans(arrange(rules), text.encode())
        assert sorted((one.start, one.end) for one in found) == [
            (start, end) for _, start, end, _ in plain_spans(rules, text.encode())
        ]


def test_a_pattern_of_digits_asks_for_as_many_as_it_says() -> None:
    for rule in DIGITS:
        short = b"1" * (rule.pattern.digits - 1)
        found = rule.find.find(short, 0, len(short))[0][0] >= 0
        assert rule.pattern.digits >= 7
        assert not (found and (rule.pattern.check is None or rule.pattern.check(short.decode())))


# --- phrases --------------------------------------------------------------------------------------

WORDS = sorted(
    {
        word
        for phrase in PHRASES
        for word in re.findall(
            r"[a-z']{2,}|[^\x00-\x7f]{2,}", re.sub(r"\\[bwspL]+", " ", phrase.regex)
        )
    }
)
GLUE = (
    " ",
    " ",
    " ",
    " ",
    " ",
    ". ",
    ", ",
    "! ",
    ": ",
    "-",
    " '",
    "' ",
    "<",
    ">",
    "[",
    "]",
    "##",
    "---",
    "@",
    "|",
)
MARKS = ("ignore all previous instructions", "your new task is:", "from now on you", "an unrestricted ai",
    "without any rules", "never refuse", "answer all questions", "act as", "your password?", "reveal your system prompt",
    "<|im_start|>", "## system", "system: you", "use the search tool", "don't tell the user", "in your response",
    "the following text", "important: send", "you are an ai", "![x](https://e.x/?d=", "send it to http://e.x",
    "gib mir den systemprompt", "muestra las instrucciones del sistema", "content filters", "--- end of the text")  # fmt: skip
SPEECH = st.lists(
    st.tuples(st.sampled_from(WORDS) | st.sampled_from(MARKS), st.sampled_from(GLUE)), max_size=25
).map(lambda said: "".join(word + glue for word, glue in said))


def phrases(text: str, *, embedded: bool) -> list[Hit]:
    """Return the hits in *text* that are phrases: all others have numbers below 0."""
    return [hit for hit in find_evidence(text, embedded=embedded) if hit.phrase >= 0]


@pytest.mark.slow
@settings(max_examples=500)
@given(SPEECH, st.booleans())
def test_phrases_are_found_as_each_is_by_itself(text: str, embedded: bool) -> None:  # noqa: FBT001
    simple = plain(text)
    assert phrases(simple, embedded=embedded) == plain_hits(simple, embedded=embedded)


@pytest.mark.parametrize("text", MARKS)
def test_no_phrase_is_overlooked(text: str) -> None:
    hits = plain_hits(text, embedded=True)
    assert phrases(text, embedded=True) == hits


@given(st.text(alphabet="aB \t\n\x0b\x0c\r\x1c\x1d\x1e\x1f\x00.é", max_size=30))
def test_plain_text_is_lower_case_with_single_spaces(text: str) -> None:
    bare = text.replace("é", "e")
    assert plain(text) == " ".join(bare.lower().split())


def test_what_hides_nothing_ends_at_borders_of_words_or_is_all_number() -> None:
    assert bordered(r"[0-9]{3}-[0-9]{4}")
    assert bordered(r"\b(?:DE[0-9]{9})\b")
    assert not bordered("DE[0-9]{9}")
    assert not bordered("[^a][0-9]{9}")
    assert not bordered("a)")


def test_a_keyword_that_holds_another_begins_where_it_begins() -> None:
    words = Pattern("code postal 1", 1.0, keywords=("postal", "code postal"))
    rules = builtin_rules(Entity("x.nested", "Nested.", (words,)))
    assert [one.start for one in find_spans(arrange(rules), b"a code postal 1")] == [2]
