# ruff: noqa: E501, RUF001 - a case reads best on one line, disguises are on purpose

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.content.entities import ENTITIES, STRUCTURED, CustomEntity
from engine.content.findings import Finding
from engine.content.redact import Strategy, redact_text
from engine.content.rules import builtin_rules
from engine.content.scan import Scanner, build_scanner
from engine.content.stream import OVERLAPPING, Redaction, StreamRedactor
from engine.content.stream_hold import BOUND, LEAST_BOUND, Hold, make_hold
from engine.content.stream_prefixes import Atom, Repeat, structure_of
from tests.content.made_texts import made_texts
from tests.content.reading import READERS

KEY = b"the tests' own key, of 32 bytes!"
ALL = frozenset(ENTITIES)
SCANNER = build_scanner((), {}, READERS)
HOLD = make_hold(SCANNER, ALL)
STRUCTURED_HOLD = make_hold(SCANNER, STRUCTURED)
LABELS = {name: Strategy("label") for name in ALL}
PEM = "-----BEGIN PRIVATE KEY-----\n"
LINE = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n"
TOKEN = "ghp_" + "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW11ySowm"


def begin(
    entities: frozenset[str] = ALL,
    *,
    scanner: Scanner = SCANNER,
    hold: Hold | None = None,
    strategy: Strategy = LABELS["pii.email"],
    stop: str = "",
) -> StreamRedactor:
    strategies = dict.fromkeys(entities - {stop}, strategy)
    made = hold or (HOLD if entities is ALL else make_hold(scanner, entities))
    return StreamRedactor(
        scanner, made, entities, Redaction(strategies, KEY, "s"), lambda one: one.entity == stop
    )


def pieces(stream: StreamRedactor, text: str, cuts: Iterable[int] = ()) -> list[str]:
    """Return what passes after each piece of *text*, the rest last."""
    places = [0, *sorted(cuts), len(text)]
    passed = [stream.feed(text[start:end]).text for start, end in pairwise(places)]
    return [*passed, stream.finish().text]


def streamed(text: str, cuts: Iterable[int] = (), **options: object) -> str:
    return "".join(pieces(begin(**options), text, cuts))  # type: ignore[arg-type]


def at_once(text: str, entities: frozenset[str] = ALL, scanner: Scanner = SCANNER) -> str:
    strategies = {name: Strategy("label") for name in entities}
    return redact_text(text, scanner.scan(text, entities), strategies, KEY, "s").text


CASES = (
    "write to ann@example.org now, or call (415) 555-0132 or +49 30 1234567. Thanks a lot!",
    "SSN 536-22-8371; and 536904399, which is far behind it my social security number.",
    f"key: {TOKEN} and AKIA2OSFODNN7QXAMPLZ too.",
    "card 4111 1111 1111 1111, then 5555555555554444 and GB82 WEST 1234 5698 7654 32 and",
    f"{PEM}{LINE * 3}-----END PRIVATE KEY-----\nThat was it.",
    "password = hunter2!x9 and mrn: 12345678; the password is tr0ub4dor&3",
    "ａｎｎ@ｅｘａｍｐｌｅ.org e\u0301 Привет мир, tel 0151 23456789 \u200b4\u200b111 1111 1111 1111",
    "mail ann&#64;example.org and ann%40example.org and YW5uQGV4YW1wbGUub3JnIGlzIGhlcmU= there",
    "exampleexampleo\u0301@example.org exampleexample\u0301\u0301@example.org",
    "ଓann&#64;example.org, 你好ann%40example.org。",
    "a n n @ e x a m p l e . o r g is spelled, I am sure",
    "",
    " ",
    "\n\n  \t",
    "你好，请写信给 ann@example.org。谢谢你的帮助。" * 3,
    "\u0301\u0301\u0301\u0301",
)


@pytest.mark.parametrize("text", CASES)
def test_the_stream_says_what_the_whole_text_would(text: str) -> None:
    whole = at_once(text)
    assert streamed(text) == whole
    assert streamed(text, range(1, len(text))) == whole


PERSON = frozenset({"pii.person"})


def test_a_sentence_is_held_for_what_is_read_from_it() -> None:
    text = "This is some words long, as it is. It was Ann Lee whom we met over here. Now"
    passed = pieces(begin(PERSON), text, [42])
    assert passed == [text[:35], "It was [PERSON] whom we met over here. ", "Now"]


@pytest.mark.parametrize(
    "text",
    [
        "Ann " + "and " * 63 + "met us.",  # as far away as it may be
        "met " + "and " * 63 + "Ann.",
        "Ann?!Lee.ended...met us. Ann",
        "Zo\u00eb wrote.\nAnn wrote! Ann\n\n",
        "a line. " * 70 + "We met Ann Lee and so on " * 40,
        "x" * 1500 + " met Ann Lee " + "y" * 300 + "-Ann",
        "z" * 330 + "Ann-" + "z" * 100 + " met Ann",
    ],
)
def test_what_is_read_from_a_sentence_is_not_passed_on_before_its_end(text: str) -> None:
    whole = streamed(text, entities=PERSON)
    for cuts in (range(1, len(text)), range(3, len(text), 7)):
        assert streamed(text, cuts, entities=PERSON) == whole
    leaked(text, PERSON)


def test_a_sentence_without_end_is_not_held_for_ever() -> None:
    stream = begin(PERSON)
    held = 0
    text = "and so on " * 200
    for place, char in enumerate(text):
        held += 1 - len(stream.feed(char).text)
        assert held <= min(place + 1, 400)


def test_a_weak_number_in_a_foreign_text_waits_for_its_context() -> None:
    text = "Номер 536904399é, 536904398é это social security"
    for cuts in ((), range(1, len(text))):
        assert streamed(text, cuts, entities=frozenset({"pii.ssn"})) == at_once(
            text, frozenset({"pii.ssn"})
        )


@pytest.mark.parametrize(
    "text",
    [
        "\u0430.lee@ex\u0430mple.org is hers",
        "\u0430.lee.and.so.on@and-so-on.ex\u0430mple.org",
        "to \u0440@example.org and then p\u0430ssword",
        "\u0410\u0412 1234567 passport, p\u0430ss",
        "b\u043bue blu\u0435 is the c\u043ede",
    ],
)
def test_look_alikes_before_the_word_that_gives_them_away_are_held(text: str) -> None:
    whole = at_once(text)
    for cuts in ((), range(1, len(text)), (1, 2, 9)):
        assert streamed(text, cuts) == whole


@pytest.mark.parametrize(
    "text",
    [
        "the medical record number: 12345678 is it",
        "La contrase\u00f1a es tr0ub4dor&3x y nada",
        "my password is tr0ub4dor&3x, and",
        "the date of birth is 4 March 1987, in spring",
        'a key = "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9v" and so on',
    ],
)
def test_what_needs_a_word_is_held_from_its_word_on(text: str) -> None:
    assert at_once(text) != text
    for cuts in ((), range(1, len(text)), range(5, len(text), 11)):
        assert streamed(text, cuts) == at_once(text)


@pytest.mark.parametrize("entities", [ALL, STRUCTURED])
def test_rot13_is_held_where_a_word_gives_it_away(entities: frozenset[str]) -> None:
    text = "cnffjbeq = uhagre2!k9 naq zber"
    hold = HOLD if entities is ALL else STRUCTURED_HOLD
    said = streamed(text, range(1, len(text)), entities=entities, hold=hold)
    assert said == at_once(text, entities) != text


def test_text_passes_as_soon_as_it_cannot_become_a_finding() -> None:
    stream = begin(frozenset({"pii.email"}))
    passed = pieces(stream, "Write to ann@example.org now.", range(1, 29))
    assert passed[:9] == ["", "", "", "", "", "Write ", "", "", "to "]
    assert "".join(passed) == "Write to [EMAIL] now."


def test_without_entities_everything_passes_at_once() -> None:
    assert pieces(begin(frozenset()), "ann@example.org", [3]) == ["ann", "@example.org", ""]


def test_a_weak_number_waits_for_its_context() -> None:
    entities = frozenset({"pii.ssn"})
    text = "It is 536904399, and this is my social security number, as you know."
    passed = pieces(begin(entities), text, [25])
    assert passed[0] == "It is "
    assert "".join(passed).startswith("It is [SSN], and")
    far = "It is 536904399, " + "and so on " * 10
    assert "".join(pieces(begin(entities), far)[:-1]).startswith("It is 536904399, and")


def test_offsets_count_from_the_beginning_of_the_stream() -> None:
    stream = begin()
    text = "é " * 3000 + "ann@example.org and bob@example.org too"
    spans = [*stream.feed(text[:6010]).spans, *stream.feed(text[6010:]).spans]
    spans += stream.finish().spans
    assert [text[one.start : one.end] for one in spans] == ["ann@example.org", "bob@example.org"]


@pytest.mark.parametrize("size", [20, 200])
def test_a_key_without_end_is_replaced_until_it_ends(size: int) -> None:
    text = f"Here: {PEM}{LINE * size}"
    stream = begin()
    passed = pieces(stream, text + "-----END PRIVATE KEY-----\nThat was it.", range(0, 900, 7))
    assert "".join(passed[:-2]) == "Here: "
    assert "".join(passed) == "Here: [PRIVATE_KEY]\nThat was it."
    assert streamed(text) == "Here: [PRIVATE_KEY]"


def test_a_run_that_may_never_match_is_replaced_too() -> None:
    run = "a" * (BOUND + 200)
    assert streamed(run + " and more") == "[EMAIL] and more"
    assert streamed(run + " and more", range(1, len(run), 5)) == "[EMAIL] and more"


@pytest.mark.parametrize("bound", [LEAST_BOUND, 4096])
def test_how_much_is_held_can_be_chosen(bound: int) -> None:
    entities = frozenset({"pii.email"})
    hold = make_hold(SCANNER, entities, bound)
    for size, said in ((bound - 99, "a" * (bound - 99)), (bound + 99, "[EMAIL]")):
        text = "So: " + "a" * size + " and more"
        stream = begin(entities, hold=hold)
        assert "".join(pieces(stream, text, range(0, len(text), 50))) == f"So: {said} and more"
    with pytest.raises(ValueError, match="fewer than 512"):
        make_hold(SCANNER, entities, LEAST_BOUND - 1)


def test_what_was_replaced_without_an_end_is_told() -> None:
    stream = begin()
    assert stream.endless() == []
    stream.feed(f"Here: {PEM}{LINE * 30}")
    assert stream.endless() == [Finding("secret.private_key", 6, 6 + len(PEM + LINE * 30), 1.0)]
    stream.feed("-----END PRIVATE KEY-----\nThat was it. " + "a" * 2000 + " so ")
    ended = stream.endless()
    assert [one.entity for one in ended] == ["secret.private_key", "pii.email"]
    assert stream.finish().text == "[EMAIL] so "
    assert stream.endless() == ended


WEAK = build_scanner((CustomEntity("x.weak", ("a+|\u00e9+",), near=("code",)),), {})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "a" * 1000 + " is so long" * 4 + " code",
            "[WEAK]" + " is so long" * 4 + " code",
        ),
        ("a" * 1000 + " is so long" * 9 + " code", "a" * 1000 + " is so long" * 9 + " code"),
        ("é" * 9 + " is so long" * 9 + " é code", "é" * 9 + " is so long" * 9 + " [WEAK] code"),
    ],
)
def test_what_has_no_longest_length_waits_for_its_context_too(text: str, said: str) -> None:
    for cuts in ((), range(1, len(text))):
        assert streamed(text, cuts, entities=frozenset({"x.weak"}), scanner=WEAK) == said


@pytest.mark.slow
def test_findings_that_overlap_without_end_are_not_held_for_ever() -> None:
    scanner = build_scanner(
        (
            CustomEntity("x.odd", ("ab cd",)),
            CustomEntity("x.even", ("cd ab",)),
        ),
        {},
    )
    entities = frozenset({"x.odd", "x.even"})
    text = "ab cd " * 500
    stream = begin(entities, scanner=scanner)
    passed = stream.feed(text).text
    assert passed.startswith("[")
    assert "ab cd" not in passed + stream.finish().text
    assert len(text) > OVERLAPPING * BOUND


def test_every_strategy_sees_the_whole_finding() -> None:
    masked = streamed("to ann@example.org.", range(19), strategy=Strategy("mask", "*", 4))
    assert masked == "to ***********.org."


def test_a_token_is_remembered_with_what_it_stands_for() -> None:
    stream = begin(frozenset({"pii.email"}), strategy=Strategy("token"))
    stream.feed("to ann@example.org and")
    assert [one.value for one in stream.tokens.values()] == ["ann@example.org"]


def test_a_stream_ends_before_what_must_not_be_said() -> None:
    text = f"mail ann@example.org the key {TOKEN} and more"
    for cuts in ((), range(1, len(text)), (40,)):
        stream = begin(stop="secret.github")
        assert "".join(pieces(stream, text, cuts)) == "mail [EMAIL] the key "
        assert text[: stream.ended].endswith(TOKEN)
        assert stream.feed("more").text == ""


def test_a_stream_ends_before_the_heap_that_holds_what_must_not_be_said() -> None:
    scanner = build_scanner(
        (CustomEntity("x.long", ("one two three",)), CustomEntity("x.two", ("two",))), {}
    )
    stream = begin(frozenset({"x.long", "x.two"}), scanner=scanner, stop="x.two")
    assert "".join(pieces(stream, "say one two three now")) == "say "


def test_a_stream_ends_at_a_run_that_must_not_be_said() -> None:
    stream = begin(stop="secret.private_key")
    assert (
        "".join(pieces(stream, f"Here: {PEM}{LINE * 50}-----END PRIVATE KEY-----\n.")) == "Here: "
    )
    assert stream.ended > BOUND


TERMS = build_scanner(
    (
        CustomEntity("desk.name", terms=("names",)),
        CustomEntity("desk.near", terms=("codes",), near=("code",)),
        CustomEntity("desk.none", terms=("empty",)),
    ),
    {
        "names": frozenset({"Ann Lee", "Ann Leeds of York"}),
        "codes": frozenset({"blue", "red sky"}),
        "empty": frozenset(),
    },
)
NAMED = frozenset({"desk.name", "desk.near", "desk.none"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("it is Ann Leeds of Yorks", "it is Ann Leeds of Yorks"),
        ("it is Ann Leeds of York", "it is [NAME]"),
        ("it is ann lee, or so", "it is [NAME], or so"),
        ("blue is the colour of the code", "[NEAR] is the colour of the code"),
        ("the red sky is", "the red sky is"),
        ("red " * 30 + "sky code", "red " * 29 + "[NEAR] code"),
        ("blue " + "and so on " * 8 + "code", "blue " + "and so on " * 8 + "code"),
    ],
)
def test_terms_are_found_whole(text: str, said: str) -> None:
    for cuts in ((), range(1, len(text))):
        assert streamed(text, cuts, entities=NAMED, scanner=TERMS) == said


def test_a_pattern_that_cannot_be_read_may_be_anything() -> None:
    assert structure_of("a)b") == structure_of("(ab") == Repeat(Atom("(?s:.)"), 1, None)


# --- the law --------------------------------------------------------------------------------------

PIECES = st.sampled_from(
    (
        "ann@example.org", "bob.lee@sub.example.co.uk", "(415) 555-0132", "+49 30 1234567",
        "4111 1111 1111 1111", "4111111111111111", "536-22-8371", "536904399", "555 0199",
        "GB82 WEST 1234 5698 7654 32", "10.20.30.40", "fe80::1", TOKEN, "AKIA2OSFODNN7QXAMPLZ",
        "password = hunter2!x9", "mrn: 12345678", "the password is tr0ub4dor&3", PEM, LINE,
        "-----END PRIVATE KEY-----", "Authorization: Bearer ab12cd34ef56gh78", "aws secret key",
        "postgres://u:s3cr3tpw@db.example.org/x", "ann&#64;example.org", "ann%40example.org",
        "YW5uQGV4YW1wbGUub3JnIGlzIGhlcmU=", "a n n @ e x a m p l e . o r g", "ａｎｎ@example.org",
        "call", "my phone", "social security", "medicare", "1EG4-TE5-MK73", "1", "2", "-", ".",
        "Привет", "你好", "p\u0430ssword = hunter2!x9", "\u0430nn@example.org", "&", "%4", "\\u0040",
        "to", "key", "i", "d", "https://u:hunter2pw@h.example.org/", "\u3000", "\x00", "\u2028",
        "e\u0301", "\u0301", "\u200b", "\u00ad", "ß", "\U0001f600", "x" * 40,
        "Ann", "Lee", "Ann Lee", "Zoe\u0308", "met", "wrote", "4 March", "and so on " * 20, "e." * 9,
        "\u0410nn", "\u0430.lee@ex\u0430mple.org", "\u0440@", "\u0440.lee", "ex\u0430mple.org", "\u3002",
        "4\ufe0f\u20e3", "4111\u0301 1111\u20e3 1111 1111", "\u20e3", "\u0e31", "\u0301" * 40,
    )
)  # fmt: skip
GAPS = st.sampled_from((" ", "", " ", "\n", ", ", ". ", "  ", "\t", "@", "=", '"'))
TEXTS = st.lists(st.tuples(PIECES | st.text(max_size=6), GAPS), max_size=14).map(
    lambda made: "".join(piece + gap for piece, gap in made)
)
CUTTINGS = 25
"""Ways to cut, for each text."""


def check_law(text: str, cuttings: Sequence[Sequence[int]]) -> None:
    whole = begin()
    said = whole.feed(text).text
    rest = whole.finish().text
    for cuts in cuttings:
        *passed, last = pieces(begin(), text, [cut % (len(text) + 1) for cut in cuts])
        assert "".join(passed) == said
        assert last == rest
    leaked(text)


def leaked(text: str, entities: frozenset[str] = ALL, scanner: Scanner = SCANNER) -> None:
    """Assert that all that the whole text's findings cover is replaced in the stream too."""
    hold = STRUCTURED_HOLD if entities is STRUCTURED else None
    stream = begin(entities, scanner=scanner, hold=hold)
    spans = [*stream.feed(text).spans, *stream.finish().spans]
    covered = {place for one in spans for place in range(one.start, one.end)}
    for one in scanner.scan(text, entities):
        assert covered.issuperset(range(one.start, one.end)), one.entity


@pytest.mark.slow
def test_law_nothing_of_what_patterns_find_leaks() -> None:
    rules = [rule for entity in ENTITIES.values() for rule in builtin_rules(entity)]
    for seed in (2, 4):
        for text in made_texts(rules, 60, seed):
            leaked(text, STRUCTURED)


def test_what_stands_far_behind_its_name_is_found_while_much_is_held() -> None:
    name = "credentials {\n" + "url x, " * 20
    text = name + "\n  password = 'tR0ub4dor3x9'\n" + "a key: " * 60
    assert [one.entity for one in SCANNER.scan(text, frozenset({"secret.gradle"}))]
    leaked(text, STRUCTURED)


LAW = st.lists(st.lists(st.integers(0, 10_000), max_size=12), min_size=1, max_size=CUTTINGS)


@pytest.mark.slow
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(TEXTS, LAW)
def test_law_all_cuts_say_the_same_and_nothing_leaks(
    text: str, cuttings: Sequence[Sequence[int]]
) -> None:
    check_law(text, cuttings)


@pytest.mark.nightly
@settings(max_examples=2000, suppress_health_check=[HealthCheck.too_slow])
@given(TEXTS, st.lists(st.lists(st.integers(0, 10_000), max_size=12), min_size=8, max_size=16))
def test_law_for_ten_thousand_cuttings_and_more(
    text: str, cuttings: Sequence[Sequence[int]]
) -> None:
    check_law(text, cuttings)
