# ruff: noqa: E501, RUF001 - a case reads best on one line, and disguises are on purpose

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.content.entities import ENTITIES, NAMESPACES, STRUCTURED, CustomEntity, expand
from engine.content.finders import FINDERS
from engine.content.people import PEOPLE
from engine.content.redact import Strategy, redact_text
from engine.content.scan import MAX_PLANS, EntityError, Scanner, build_scanner
from tests.content.reading import READERS, WARMED

SCANNER = build_scanner((), {})
ALL = frozenset(ENTITIES)


def texts(text: str, *entities: str, scanner: Scanner = SCANNER) -> list[str]:
    return [text[one.start : one.end] for one in scanner.scan(text, frozenset(entities))]


@pytest.mark.parametrize(
    ("entity", "text", "found"),
    [
        ("pii.email", "Write to ann.lee@example.org.", ["ann.lee@example.org"]),
        ("pii.email", "o'neil+x@sub.example.co.uk, bär@exämple.de", ["o'neil+x@sub.example.co.uk", "bär@exämple.de"]),
        ("pii.email", "a @ b, x@y, @handle", []),
        ("pii.phone", "Call 555-010-9999 now", ["555-010-9999"]),
        ("pii.phone", "(415) 555-0132 or 415.555.0133x12", ["(415) 555-0132", "415.555.0133x12"]),
        ("pii.phone", "+49 30 1234567; +1 415 555 0132", ["+49 30 1234567", "+1 415 555 0132"]),
        ("pii.phone", "+49 30 1234567 536-90-4399", ["+49 30 1234567 536"]),
        ("pii.phone", "+1 1111111111, +12 345 (6)", []),
        ("pii.phone", "030 1234567 or 06 12 34 56 78 or 07911123456", ["030 1234567", "06 12 34 56 78", "07911123456"]),
        ("pii.phone", "my number to call is 555 0199", ["555 0199"]),
        ("pii.phone", "order 555 0199 of 2024-01-15, 10.20.30.40, 3.14159265", []),
        ("pii.phone", "call 2024-01-15 or 10.0.0.1 or 4111 1111 1111 1111 or 3.14159265", []),
        ("pii.phone", "on 01-02-2024 at 0123 4567 89", ["0123 4567 89"]),
        ("pii.phone", "2024-01-15 415-555-0132", ["415-555-0132"]),
        ("pii.card", "Pay with 4111 1111 1111 1111.", ["4111 1111 1111 1111"]),
        ("pii.card", "3782-822463-10005 and 5555555555554444", ["3782-822463-10005", "5555555555554444"]),
        ("pii.card", "4111 1111 1111 1112, x4111111111111111, 4111111111111111-9", []),
        ("pii.card", "6304 0000 0000 0000 000", ["6304 0000 0000 0000 000"]),
        ("pii.iban", "to GB82 WEST 1234 5698 7654 32 and", ["GB82 WEST 1234 5698 7654 32"]),
        ("pii.iban", "AB12 DE89370400440532013000, GB00WEST12345698765432", ["DE89370400440532013000"]),
        ("pii.iban", "DE12 3456 7890 1234", []),
        ("pii.ip", "from 10.0.0.1:80 and fe80::1.", ["10.0.0.1", "fe80::1"]),
        ("pii.ip", "v1.2.3.4 1.2.3.4.5 256.1.1.1 12:30:45 std::vector 1::2::3 :: a:b", []),
        ("pii.ip", "x=::1 2001:db8::ff00:42:8329, ::ffff:10.0.0.1", ["::1", "2001:db8::ff00:42:8329", "::ffff:10.0.0.1"]),
        ("pii.ip", "fe80::1:2:g", []),
        ("pii.ip", "ip:fe80::1", ["fe80::1"]),
        ("pii.ssn", "it is 536-90-4399", ["536-90-4399"]),
        ("pii.ssn", "SSN 536904399", ["536904399"]),
        ("pii.ssn", "order 536904399, 000-12-3456, 1-536-90-4399", []),
        ("phi.mrn", "MRN: 00123456, patient id AB-99120", ["00123456", "AB-99120"]),
        ("phi.mrn", "MRN pending, 00123456", []),
    ],
)  # fmt: skip
def test_entities_are_found_and_lookalikes_are_not(
    entity: str, text: str, found: list[str]
) -> None:
    assert texts(text, entity) == found


def test_findings_point_at_the_original_whatever_stands_before_them() -> None:
    text = "Zoë 😀 4111\u200b 1111 1111\u20131111, \uff14111111111111111, \ud800 a@b.org"
    assert texts(text, "pii.card", "pii.email") == [
        "4111\u200b 1111 1111\u20131111",
        "\uff14111111111111111",
        "a@b.org",
    ]


def test_only_what_was_asked_for_is_found() -> None:
    text = "a@b.org 10.0.0.1"
    assert texts(text, "pii.ip") == ["10.0.0.1"]
    assert texts(text) == []
    assert SCANNER.entities == ALL


def test_findings_come_in_order_of_place_then_name() -> None:
    found = SCANNER.scan("10.0.0.1 a@b.org 10.0.0.2", ALL)
    assert list(found) == sorted(found, key=lambda one: (one.start, one.end, one.entity))
    assert [one.entity for one in found] == ["pii.ip", "pii.email", "pii.ip"]


def test_overlapping_findings_of_one_entity_are_one() -> None:
    custom = CustomEntity("x.code", patterns=("AB-?C", "C-?DE"))
    scanner = build_scanner([custom], {})
    assert texts("xAB-C-DE C", "x.code", scanner=scanner) == ["AB-C-DE"]


def test_an_unknown_entity_is_an_error() -> None:
    with pytest.raises(EntityError, match=r"unknown entity `pii\.nope`"):
        SCANNER.scan("x", frozenset({"pii.nope"}))


def test_plans_do_not_pile_up() -> None:
    scanner = build_scanner([CustomEntity(f"x.e{n}", ("a",)) for n in range(MAX_PLANS)], {})
    for number in range(MAX_PLANS):
        scanner.scan("", frozenset({f"x.e{number}"}))
    scanner.prepare(frozenset({"pii.ip"}))
    assert len(scanner._plans) == 1
    assert texts("10.0.0.1", "pii.ip", scanner=scanner) == ["10.0.0.1"]


def test_names_expand_within_their_namespace() -> None:
    assert expand("pii.email") == {"pii.email"}
    assert expand("pii.nope") == frozenset()
    assert expand("pii") == frozenset()
    assert expand("x.b", ["x.a", "x.b.c", "x.b.d"]) == {"x.b.c", "x.b.d"}
    assert expand("x.b", ["x.b", "x.b.c"]) == {"x.b"}
    assert expand("pii.any") == {name for name in ENTITIES if name.startswith("pii.")}
    assert expand("x.any", ["x.a", "x.b.c", "xy.a"]) == {"x.a", "x.b.c"}
    assert {"pii", "phi", "secret"} == NAMESPACES
    assert expand("phi.any") == expand("pii.health_id") | {"phi.mrn", "phi.health_plan"}
    assert expand("phi.any", ["phi.mrn"]) == {"phi.mrn"}


def test_every_entity_is_documented_and_can_be_found() -> None:
    for name, entity in ENTITIES.items():
        assert entity.name == name
        assert entity.doc.endswith(".")
        assert bool(entity.patterns) != (entity.finder in FINDERS)
    assert ENTITIES.keys() - STRUCTURED == {entity.name for entity in PEOPLE}


# --- what has no pattern --------------------------------------------------------------------------


READER = build_scanner(
    [CustomEntity("x.word", terms=("words",))], {"words": frozenset({"Ann"})}, READERS
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("We met Ann Lee here.", ["Ann Lee"]),
        ("We met\u200b A\u200bnn Lee\u3002", ["A\u200bnn Lee"]),
        ("We met \u0410nn.", ["\u0410nn"]),
        ("We met Zo\u00eb and Zoe\u0308.", ["Zo\u00eb", "Zoe\u0308"]),
        ("We met. Ann Lee", []),
        ("V2UgbWV0IEFubiBMZWUgaGVyZS4=", []),
        ("a n n @ x . o r g, We met %41nn", []),
    ],
)
def test_a_name_is_found_in_the_text_and_behind_look_alikes(text: str, found: list[str]) -> None:
    assert texts(text, "pii.person", scanner=READER) == found
    assert texts(text + " nobody@x.org", "pii.person", scanner=READER) == found


def test_only_what_was_asked_for_is_read() -> None:
    text = "We met Ann on 4 March in York"
    assert texts(text, "pii.date", scanner=READER) == ["4 March"]
    assert texts(text, "pii.date", "pii.person", "pii.email", scanner=READER) == ["Ann", "4 March"]
    assert texts(text, "x.word", "pii.date", scanner=READER) == ["Ann", "4 March"]


def test_what_the_finder_is_not_sure_of_is_not_reported() -> None:
    assert READERS["tagger"].find("on 4 May", frozenset({"pii.date"})) == [("pii.date", 3, 8, 0.4)]
    assert texts("on 4 May", "pii.date", scanner=READER) == []


def test_models_are_loaded_for_those_who_ask() -> None:
    before = WARMED.times
    READER.prepare(frozenset({"pii.email", "x.word"}))
    READER.warm(STRUCTURED)
    assert WARMED.times == before
    READER.prepare(frozenset({"pii.email", "pii.person", "pii.date"}))
    assert WARMED.times == before + 1


def test_names_alone_need_no_patterns() -> None:
    names = frozenset({"pii.person"})
    needed = READER.wanted(names)
    assert (needed.size, READER.patterns(names), READER.lists(names)) == (0, [], [])


# --- authors' entities ----------------------------------------------------------------------------


def test_an_authors_pattern_is_checked_and_needs_its_context() -> None:
    custom = CustomEntity("clinic.mrn", ("[0-9]{8}",), checks=("luhn",), near=("record", "größe"))
    scanner = build_scanner([custom], {})
    assert texts("record 12345674 or 12345678", "clinic.mrn", scanner=scanner) == ["12345674"]
    assert texts("GRÖSSE 12345674", "clinic.mrn", scanner=scanner) == []
    assert texts("Größe 12345674", "clinic.mrn", scanner=scanner) == ["12345674"]
    assert texts("prerecord 12345674", "clinic.mrn", scanner=scanner) == []
    assert texts("record" + " " * 61 + "12345674", "clinic.mrn", scanner=scanner) == []


def test_a_pattern_may_name_its_own_context() -> None:
    custom = CustomEntity("clinic.mrn", ("MRN-[0-9]{8}",), near=("mrn",))
    scanner = build_scanner([custom], {})
    assert texts("MRN-12345674", "clinic.mrn", scanner=scanner) == ["MRN-12345674"]


def test_empty_matches_find_nothing() -> None:
    scanner = build_scanner([CustomEntity("x.any_a", ("a*",))], {})
    assert texts("baab", "x.any_a", scanner=scanner) == ["aa"]
    assert texts("", "x.any_a", scanner=scanner) == []


def test_terms_are_whole_words_in_any_case() -> None:
    terms = {"drugs": frozenset({"Aspirin", "aspirin", "", "  ", "New York", "\uff23++", "İx"})}
    scanner = build_scanner([CustomEntity("x.term", terms=("drugs",))], terms)
    assert texts("ASPIRIN, aspirins; new york c++ xnew york", "x.term", scanner=scanner) == [
        "ASPIRIN",
        "new york",
        "c++",
    ]
    assert texts("die İx, aspi\u200brin", "x.term", scanner=scanner) == ["İx", "aspi\u200brin"]


def test_terms_are_checked_and_need_their_context() -> None:
    terms = {"codes": frozenset({"18", "19", "26"})}
    custom = CustomEntity("x.code", terms=("codes",), checks=("luhn",), near=("code",))
    scanner = build_scanner([custom], terms)
    assert texts("code 18 19", "x.code", scanner=scanner) == ["18"]
    assert texts("number 18", "x.code", scanner=scanner) == []


def test_an_empty_list_finds_nothing() -> None:
    custom = CustomEntity("x.term", terms=("none",))
    scanner = build_scanner([custom], {"none": frozenset()})
    assert texts("anything", "x.term", scanner=scanner) == []


@pytest.mark.slow
def test_a_hundred_thousand_terms_are_one_pass() -> None:
    terms = {"many": frozenset(f"term{number:06}" for number in range(100_000))}
    scanner = build_scanner([CustomEntity("x.term", terms=("many",))], terms)
    text = "so term000000, Term099999 and term100000"
    assert texts(text, "x.term", scanner=scanner) == ["term000000", "Term099999"]


@pytest.mark.parametrize(
    ("custom", "message"),
    [
        (CustomEntity("x.a", ("(",)), "missing"),
        (CustomEntity("x.a", ("(?=a)",)), "invalid perl operator"),
        (CustomEntity("x.a", (r"(a)\1",)), "invalid escape"),
        (CustomEntity("x.a", ("a" * 1001,)), "longer than 1000"),
        (CustomEntity("x.a", ("[ab]*a[ab]{900}[cd]{900}",)), "repeats too much"),
        (CustomEntity("x.a", ("a",), checks=("nope",)), "unknown validator `nope`"),
        (CustomEntity("x.a", terms=("nope",)), "unknown list `nope`"),
        (CustomEntity("pii.email", ("a",)), "exists already"),
    ],
)
def test_an_entity_that_cannot_be_used_says_why(custom: CustomEntity, message: str) -> None:
    with pytest.raises(EntityError, match=message):
        build_scanner([custom], {})


def test_an_entity_is_declared_once() -> None:
    with pytest.raises(EntityError, match="exists already"):
        build_scanner([CustomEntity("x.a", ("a",)), CustomEntity("x.a", ("b",))], {})


# --- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize("mark", ["\u0301", "\u0489", "\u20e3", "\U000e0100", "\u200d"])
def test_a_text_of_combining_marks_alone_has_nothing_and_ends(mark: str) -> None:
    assert texts(mark * 20_000, "pii.email", "pii.card", "secret.generic") == []
    marked = "".join(char + mark for char in "ann@example.org")
    assert texts(marked + mark * 100, "pii.ip") == []


def test_findings_inside_others_are_all_told_and_replaced_together() -> None:
    text = "postgres://ann:p4ssw0rdX9@10.0.0.1/x?mail=bob@example.org, card 4111 1111 1111 1111"
    found = SCANNER.scan(
        text, frozenset({"secret.connection_string", "pii.email", "pii.ip", "pii.card"})
    )
    assert {one.entity for one in found} == {
        "secret.connection_string", "pii.email", "pii.ip", "pii.card",
    }  # fmt: skip
    strategies = {one.entity: Strategy("label") for one in found}
    released = redact_text(text, found, strategies, b"", "").text
    for secret in ("p4ssw0rdX9", "10.0.0.1", "bob@example.org", "4111"):
        assert secret not in released


# --- laws -----------------------------------------------------------------------------------------

PIECES = st.sampled_from([
    "4111 1111 1111 1111", "a@b.org", "10.0.0.1", "+49 30 1234567", "call ", "key = ", "token: ",
    "hunter2!x", "password=", "é", "😀", "\u200b", "１", " ", "\n", "-", "::", "GB82 WEST 1234 5698 7654 32",
    "ssn ", "536-90-4399", "Zq8rT2Lw0Xn5", "://u:p4ss@h", "\ud800", "\u0301",
])  # fmt: skip


@pytest.mark.slow
@given(
    st.lists(PIECES | st.text(max_size=3), max_size=12).map("".join),
    st.sets(st.sampled_from(sorted(ALL))),
)
def test_what_is_found_does_not_depend_on_what_else_was_asked_for(
    text: str, asked: set[str]
) -> None:
    part = SCANNER.scan(text, frozenset(asked))
    assert part == tuple(one for one in SCANNER.scan(text, ALL) if one.entity in asked)
    assert all(0 <= one.start < one.end <= len(text) and 0.5 <= one.score <= 1 for one in part)


@pytest.mark.slow
@pytest.mark.parametrize(
    "piece",
    ["a.a.", "1-1-", "1 ", "1111 ", ":", "key=", "key:a1", "http://a:", "-----BEGIN PRIVATE KEY-----",
     "\u0301", "\ufdfa", "４ ", "eyJhbGciOiJIUzI1NiJ9."],
)  # fmt: skip
def test_hostile_texts_are_scanned_to_their_end(piece: str) -> None:
    text = piece * (200_000 // len(piece)) + " a@b.org"
    assert texts(text, *ALL)[-1:] == ["a@b.org"]


def test_what_stands_before_the_first_shape_is_found_and_so_is_what_stands_behind_it() -> None:
    entities = frozenset({"pii.email", "pii.phone", "pii.ip", "secret.github"})
    scanner = build_scanner((), {})
    for text in ("ann@example.org", "ann@example.org and 10.20.30.40", "10.20.30.40 ann@example.org",
                 "ann@example.org or bob%40example.org", "ghp_Zq8rT2Lw0Xn5Yb7kC4dE6fG9hJ1mN3pQ5sU7"):  # fmt: skip
        found = [text[one.start : one.end] for one in scanner.scan(text, entities)]
        words = [word for word in text.split() if len(word) > 3]
        assert found == words
