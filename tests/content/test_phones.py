"""Telephone numbers: what numbering plans and words nearby say of digits."""

# ruff: noqa: E501 - a case reads best on one line

from __future__ import annotations

import phonenumbers
import pytest

from engine.content import phones
from engine.content.naming import IMPERSONAL, named_otherwise, spoken_of
from engine.content.scan import build_scanner

SCANNER = build_scanner((), {})

CASES = [
    ("+46 8 123 456 78, (+62) 21 555 0142 and +44 (0)20 7946 0958", ["+46 8 123 456 78", "(+62) 21 555 0142", "+44 (0)20 7946 0958"]),
    ("0049 30 1234567, 00 44 20 7946 0958 and 011 49 30 1234567", ["0049 30 1234567", "00 44 20 7946 0958", "011 49 30 1234567"]),
    ("00 12 34 56 78 90 12", []),
    ("+99912345678 and +12345678", ["+99912345678"]),
    ("+999 1234 5678 and +9991 234", ["+999 1234 5678"]),
    ("+49 30 1234567 ext. 12, +49 30 12345678901234567", ["+49 30 1234567 ext. 12"]),
    ("415-555-0132 ext 7 and 415-555-0133-Office", ["415-555-0132 ext 7", "415-555-0133"]),
    ("415-555-0132-ab12 and 415-555-0132-8", []),
    ("order 415-555-0132, invoice no. 415-555-0133", []),
    ("That was the order. 415-555-0132 is mine", ["415-555-0132"]),
    ("(11) 4567-8901 and 8 (495) 123-45-67", ["(11) 4567-8901", "8 (495) 123-45-67"]),
    ("vol. 20 (1982) 171-184 and 559 (1901)", []),
    ("registered 461 870 77 36, text 285 5340", ["461 870 77 36", "285 5340"]),
    ("at 461 870 77 36", []),
    ("T: 20 33 29 15", ["20 33 29 15"]),
    ("61 62 63 64 and 20 33 29 15", []),
    ("22 555 01 42", ["22 555 01 42"]),
    ("Boston, MA 02110-1301", []),
    ("0330..0331, 45/32-37/16, 2003-2004, 1700000000", []),
    ("call 1700000000 or 1700000000123 or 4/5/6789012", []),
    ("see id/4155550132, call 415/5550132/7", []),
    ("555 0142 is my phone", ["555 0142"]),
    ("Suite 212 7993 of the office", []),
]  # fmt: skip


@pytest.mark.parametrize(("text", "found"), CASES)
def test_numbers_are_found_and_lookalikes_are_not(text: str, found: list[str]) -> None:
    findings = SCANNER.scan(text, frozenset({"pii.phone"}))
    assert [text[one.start : one.end] for one in findings] == found


@pytest.mark.parametrize("region", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_the_example_of_every_country_is_a_number(region: str) -> None:
    example = phonenumbers.example_number(region)
    assert example is not None
    number = phonenumbers.national_significant_number(example)
    assert phones.international(f"{example.country_code}{number}")
    assert not phones.international(f"{example.country_code}")


@pytest.mark.parametrize("code", sorted(phonenumbers.COUNTRY_CODES_FOR_NON_GEO_REGIONS))
def test_so_is_that_of_every_service_without_a_country(code: int) -> None:
    example = phonenumbers.example_number_for_non_geo_entity(code)
    assert example is not None
    assert phones.international(f"{code}{phonenumbers.national_significant_number(example)}")


@pytest.mark.parametrize("region", sorted(set(phones.REGIONS) - {"AR", "BR", "MX", "CL", "CO"}))
def test_numbers_are_grouped_as_their_country_groups_them(region: str) -> None:
    example = phonenumbers.example_number(region)
    assert example is not None
    written = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.NATIONAL)
    assert phones.grouped(
        ["".join(filter(str.isdigit, one)) for one in written.replace("-", " ").split()]
    )


def test_other_groups_are_none() -> None:
    assert not phones.grouped(["1", "2", "3", "4", "5", "6", "7"])
    assert not phones.grouped(["000", "0000000"])


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("order ", True),
        ("Invoice No.: ", True),
        ("order_id=", True),
        ("ISBN ", True),
        ("the order number is ", True),
        ("my order. ", False),
        ("my order no. ", True),
        ("call ", False),
        ("", False),
        ("order ------ ", False),
        ("number ", False),
    ],
)
def test_a_name_before_a_number_says_what_it_is(text: str, *, named: bool) -> None:
    data = text.encode() + b"415 555 0132"
    assert named_otherwise(data, len(text)) is named


def test_the_names_are_those_asked_for() -> None:
    assert not named_otherwise(b"hash 5", 5)
    assert named_otherwise(b"hash 5", 5, IMPERSONAL)


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("you can call ", True),
        ("Téléphone : ", True),
        ("m: ", True),
        ("(t. ", True),
        ("at: ", False),
        ("recall ", False),
        ("call" + "." * 60, False),
    ],
)
def test_words_before_a_number_speak_of_calling(text: str, *, spoken: bool) -> None:
    data = text.encode()
    assert spoken_of(data + b"5", len(data)) is spoken
