# ruff: noqa: E501, RUF001, S311 - disguises are on purpose; chance need not be secret

from __future__ import annotations

import base64
import codecs
import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.content.entities import ENTITIES, CustomEntity
from engine.content.islands import MOST_ISLANDS, hidden
from engine.content.lookalikes import PAIRS, revealed, undisguised
from engine.content.normalize import fold
from engine.content.redact import Strategy, redact_text
from engine.content.scan import Scanner, build_scanner
from engine.content.views import DISGUISED_SAMPLE, View, rewritten, views
from tests.content.readings import plain_readings

SCANNER = build_scanner((), {})
ALL = frozenset(ENTITIES)
MAIL = "ann@example.org"


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def texts(text: str, *entities: str, scanner: Scanner = SCANNER) -> list[str]:
    return [text[one.start : one.end] for one in scanner.scan(text, frozenset(entities))]


def seen(text: str) -> list[View]:
    return list(views(text, text.encode("utf-8", "replace")))


DISGUISES = [
    "ann&#64;example.org",
    "ann&#x40;example.org",
    "ann&#64example.org",
    "ann&commat;example.org",
    "&#97;&#110;&#110;&#64;&#101;xample.org",
    "ann%40example.org",
    "ann％40example.org",
    "%61%6E%6e%40%65%78%61%6d%70%6c%65%2eorg",
    "ann\\u0040example.org",
    "ann\\x40example\\x2eorg",
    "a n n @ e x a m p l e . o r g",
    "аnn@exаmрle.оrg",
    "ann@example。org",
    encoded(MAIL),
    encoded("please write to " + MAIL + " or call"),
    base64.urlsafe_b64encode(b"is it ann@example.org???>>>").decode(),
    base64.encodebytes(b"a longer letter that ends in an address, which is ann@example.org, of "
                       b"course on a second line").decode().strip(),
    base64.b64encode(f"mail to {MAIL}".encode("utf-16-le")).decode(),
    MAIL.encode("utf-16-le").hex(),
    MAIL.encode().hex(),
    MAIL.encode().hex(" "),
    MAIL.encode().hex(":").upper(),
    " ".join(f"{byte:08b}" for byte in MAIL.encode()),
]  # fmt: skip


@pytest.mark.parametrize("disguise", DISGUISES)
@pytest.mark.parametrize("before", ["", "please write to ", "Zoë 😀: "])
@pytest.mark.parametrize("after", ["", " at once, ünd"])
def test_a_disguised_address_is_found_where_it_is_written(
    disguise: str, before: str, after: str
) -> None:
    text = before + disguise + after
    assert texts(text, "pii.email") == [disguise]
    found = SCANNER.scan(text, frozenset({"pii.email"}))
    released = redact_text(text, found, {"pii.email": Strategy("label")}, b"", "").text
    assert released == before + "[EMAIL]" + after


@pytest.mark.parametrize(
    ("text", "entity", "found"),
    [
        ("ssn%3A 536904399", "pii.ssn", "536904399"),
        ("card 4111%201111%201111%201111.", "pii.card", "4111%201111%201111%201111"),
        ("раssword = hunter2!x", "secret.password", "hunter2!x"),
        ("АKIAZQ7WXMK4PLTBVNRE", "secret.aws", "АKIAZQ7WXMK4PLTBVNRE"),
        ("ᴘassword: hunter2!x", "secret.password", "hunter2!x"),
        ("path/" + encoded("call +49 30 1234567 now"), "pii.phone", encoded("call +49 30 1234567 now")),
        ("cnffjbeq = uhagre2!k", "secret.password", "uhagre2!k"),
        ("xrl NXVNMDJKZX4CYGOIAEQR", "secret.aws", "NXVNMDJKZX4CYGOIAEQR"),
        ("\\ud83d\\ude00 ann\\u0040example.org", "pii.email", "ann\\u0040example.org"),
        ("a%FF%40b.org", "pii.email", "a%FF%40b.org"),
        (MAIL.encode().hex() + " 20 more", "pii.email", MAIL.encode().hex()),
        (MAIL.encode().hex(" ", 4) + ".", "pii.email", MAIL.encode().hex(" ", 4)),
        ("pay 4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 now", "pii.card", "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1"),
        ("4 1 1 1  1 1 1 1  1 1 1 1  1 1 1 1", "pii.card", "4 1 1 1  1 1 1 1  1 1 1 1  1 1 1 1"),
        ("ssn 5 3 6 - 9 0 - 4 3 9 9", "pii.ssn", "5 3 6 - 9 0 - 4 3 9 9"),
        ("from 1 0 . 2 0 . 3 0 . 1", "pii.ip", "1 0 . 2 0 . 3 0 . 1"),
    ],
)  # fmt: skip
def test_secrets_and_numbers_are_found_in_disguise(text: str, entity: str, found: str) -> None:
    assert texts(text, entity) == [found]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "AT&T & Söhne, 50% off, a b c d and 1 2 3 4 5 6",
        "Привет, в 2025г. было 10мм, цена 5г",
        "αβγ and Zoë wrote naïve prose; it's 3 p.m.",
        "see src/lib/views.py and https://example.org/a/b?c=d",
    ],
)
def test_ordinary_texts_have_no_other_view(text: str) -> None:
    assert seen(text) == []


def test_the_sample_to_warm_up_with_has_every_view() -> None:
    said = [view.text for view in seen(DISGUISED_SAMPLE)]
    assert len(said) == 5
    assert "write" in said[0]
    assert "me@x, you@x and them@x" in said[1]
    assert "spelled or joined, 41.20.3" in said[2]
    assert said[3].split("\n" * 64)[1:] == ["words of an order"] * 2 + ["wordsand"]
    assert "password" in said[4]


def test_letters_one_by_one_are_words_with_wide_gaps_between_them() -> None:
    custom = CustomEntity("x.term", terms=("t",))
    scanner = build_scanner([custom], {"t": frozenset({"aspirin", "new york", "+x"})})
    assert texts("so A S P I R I N it", "x.term", scanner=scanner) == ["A S P I R I N"]
    assert texts("(n e w  y o r k", "x.term", scanner=scanner) == ["n e w  y o r k"]
    assert texts("a s p i r i n s", "x.term", scanner=scanner) == []
    for sign in ".-_*":
        written = sign.join("aspirin")
        assert texts(f"so {written}, Zoë", "x.term", scanner=scanner) == [written]
    assert texts("a.s-p.i.r.i.n", "x.term", scanner=scanner) == []


def test_rows_of_digits_are_no_numbers() -> None:
    chance = random.Random(9)
    rows = (" ".join(chance.choices("0123456789", k=chance.randrange(5, 12))) for _ in range(500))
    assert [row for row in rows if texts(row, "pii.card", "pii.phone", "pii.ssn", "pii.ip")] == []
    assert texts("0 1 0 1 1 0 1 0 1 1 0", *ALL) == []


def test_two_findings_of_one_island_are_found_at_the_island() -> None:
    island = encoded("ann@example.org and bob@example.org")
    assert texts(f"see {island}.", "pii.email") == [island]


def test_only_one_level_is_undone() -> None:
    assert texts(encoded(encoded(MAIL)), "pii.email") == []
    assert texts("ann%2540example.org", "pii.email") == []


def test_context_words_do_not_reach_from_one_island_into_another() -> None:
    first, second = encoded("social security number"), encoded("the 536904399 of this")
    assert texts(f"{first} {second}", "pii.ssn") == []
    both = encoded("social security number 536904399")
    assert texts(both, "pii.ssn") == [both]


def test_what_decodes_to_binary_is_no_text() -> None:
    chance = random.Random(7)
    for _ in range(1_000):
        data = chance.randbytes(chance.randrange(18, 200))
        for island in (base64.b64encode(data).decode(), data.hex(), data.hex(" ")):
            assert hidden(island, island.encode()) == []
        bits = " ".join(f"{byte:08b}" for byte in data)
        assert hidden(bits, bits.encode()) == []


def test_a_few_broken_bytes_do_not_hide_a_text() -> None:
    island = base64.b64encode(b"write to ann@example.org\xff, or to the office").decode()
    assert texts(island, "pii.email") == [island]
    control = encoded("write to ann@example.org\x01, or to the office")
    assert texts(control, "pii.email") == [control]
    assert hidden(encoded("\x01\x02 write to ann"), encoded("\x01\x02 write to ann").encode()) == []


def test_a_character_for_what_is_no_text_may_stand_in_one() -> None:
    island = encoded("\u65e5\u672c \ufffd ann@example.org \u65e5\u672c")
    assert texts(island, "pii.email") == [island]
    broken = base64.b64encode("\ufffd".encode() + b"\xc3" * 15).decode()
    assert hidden(broken, broken.encode()) == []


def test_hex_is_read_with_whatever_else_is_hidden_behind_it_or_in_it() -> None:
    first, second = b"ann@example.org".hex(), b"bob@example.org".hex(" ")
    assert texts(f"{first} and {second}.", "pii.email") == [first, second]
    assert texts(f"{first} and {second}, eve&#64;example.org", "pii.email") == [
        first,
        second,
        "eve&#64;example.org",
    ]
    bits = " ".join(f"{byte:08b}" for byte in b"ann@example.org")
    assert texts(f"{first} of {bits}", "pii.email") == [first, bits]
    assert texts(f"00ffee11aa22bb33cc44 {bits}", "pii.email") == [bits]
    assert texts(f"a n n @ e x a m p l e.org {second}", "pii.email")[-1] == second


def test_islands_are_read_up_to_a_bound() -> None:
    text = f"{encoded('some hidden words')} " * (MOST_ISLANDS + 5)
    assert len(hidden(text, text.encode())) == MOST_ISLANDS
    long = encoded("words and more words " * 60_000)
    assert hidden(long, long.encode()) == []


def test_a_disguise_gives_away_what_is_written_in_one_with_it() -> None:
    address = "\u0430.lee@ex\u0430mple.org"
    assert revealed(f"to {address} of \u0441.lee") == "to a.lee@example.org of \u0441.lee"
    assert revealed(f"\u0441.é{address}é\u0441.") == f"\u0441.é{undisguised(address)}é\u0441."
    assert revealed("\u0441.lee é\u0430b \u0441é") == "\u0441.lee é\u0430b \u0441é"


def test_every_lookalike_stands_for_one_letter() -> None:
    many = "".join(PAIRS.values())
    assert len(many) == len(set(many))
    assert not any(map(str.isascii, many))
    assert undisguised(many).isascii()
    assert len(undisguised(many)) == len(many)


def test_a_place_in_a_rewritten_text_is_that_of_all_it_touches() -> None:
    view = rewritten("ab%40cd", [(2, 5, "@")])
    assert view.text == "ab@cd"
    assert view.origin(0, 2) == (0, 2)
    assert view.origin(1, 4) == (1, 6)
    assert view.origin(2, 3) == (2, 5)
    assert view.origin(4, 5) == (6, 7)


# --- laws -----------------------------------------------------------------------------------------

PIECES = st.sampled_from([
    "&#64;", "&amp;", "&#0;", "&#xD800;", "&nope;", "&", "%40", "%C3%A9", "%FF", "%E2%82", "%", "\\u0040", "\\x41",
    "\\ud83d", "\\ude00", "\\xc3\\xa9", "\\", "a s p i r i n", "a  b", " c", " ", "\n", "p\u0430ss", "\u0430", "。", "é",
    encoded("a hidden text"), encoded("a second hidden text, longer, which goes on and on and on"), "/", "-", "=", "A" * 60,
    "\r\n", b"hidden words".hex(), "hidden wörds".encode().hex(":"), "41 42 ", "01000001" * 9, "ebg13", "NXVNN",
    "\ud800", "x", "0", "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", " - 1", " . 2 3 4 5 6 7", "a.b.c.d.e", "a-b-c-d-e-f", ".x", "*",
])  # fmt: skip
# Not what Python's Unicode does not know: RE2's may be newer.
KNOWN = st.characters(exclude_categories=["Cn"])
TEXTS = st.lists(PIECES | st.text(KNOWN, max_size=3), max_size=10).map("".join)


@pytest.mark.slow
@given(TEXTS)
def test_views_are_the_plain_readings(text: str) -> None:
    folded = fold(text).text
    found = [
        (view.text, tuple(view.origin(at, at + 1) for at in range(len(view.text))))
        for view in seen(folded)
    ]
    assert found == plain_readings(folded)


@given(TEXTS, st.data())
def test_every_place_in_a_view_is_one_in_the_text(text: str, data: st.DataObject) -> None:
    folded = fold(text).text
    for view in seen(folded):
        if not view.text:
            continue
        start = data.draw(st.integers(0, len(view.text) - 1))
        end = data.draw(st.integers(start + 1, len(view.text)))
        begin, stop = view.origin(start, end)
        assert 0 <= begin < stop <= len(folded)
        for at in (start, end - 1):
            first, last = view.origin(at, at + 1)
            assert begin <= first
            assert last <= stop


CODINGS = st.sampled_from([
    lambda char: char,
    lambda char: f"&#{ord(char)};",
    lambda char: f"&#x{ord(char):x};",
    lambda char: "".join(f"%{byte:02X}" for byte in char.encode()),
    lambda char: f"\\u{ord(char):04x}",
])  # fmt: skip


@given(st.lists(CODINGS, min_size=len(MAIL), max_size=len(MAIL)), st.sampled_from(["", "Zoë "]))
def test_any_mixture_of_escapes_is_found_as_a_whole(codings: list, before: str) -> None:  # type: ignore[type-arg]
    written = "".join(code(char) for code, char in zip(codings, MAIL, strict=True))
    assert texts(f"{before}<{written}> ok", "pii.email") == [written]


@pytest.mark.slow
@given(TEXTS, st.sets(st.sampled_from(sorted(ALL))))
def test_disguises_do_not_make_findings_depend_on_what_was_asked_for(
    text: str, asked: set[str]
) -> None:
    part = SCANNER.scan(text, frozenset(asked))
    assert part == tuple(one for one in SCANNER.scan(text, ALL) if one.entity in asked)
    assert all(0 <= one.start < one.end <= len(text) for one in part)


@pytest.mark.slow
@pytest.mark.parametrize(
    "piece",
    ["&", "&#", "&#64;", "%", "%4", "%41", "%ff", "\\u0041", "a ", "A", "A-", "41", "41 ", "01000001", "ebg13 ",
     "p\u0430 ", "\u0430a", "&amp;\u0301", "A" * 76 + "\n", encoded("some hidden words") + " "],
)  # fmt: skip
def test_hostile_disguises_are_scanned_to_their_end(piece: str) -> None:
    text = piece * (1_000_000 // len(piece)) + " ~ ann&#64;example.org"
    assert texts(text, "pii.email", "pii.card")[-1:] == ["ann&#64;example.org"]


@pytest.mark.slow
def test_a_megabyte_of_random_base64_hides_nothing() -> None:
    soup = base64.b64encode(random.Random(5).randbytes(750_000)).decode()
    lines = "\n".join(re.findall(".{1,76}", soup))
    rotated = codecs.encode(soup, "rot13")
    for text in (soup, lines, rotated):
        assert [
            one.entity for one in SCANNER.scan(text, frozenset({"pii.phone", "pii.card"}))
        ] == []
