# ruff: noqa: E501 - a case reads best on one line

from __future__ import annotations

import pytest

from engine.content.national import NUMBERS
from engine.content.validate import VALIDATORS

GOOD = {
    "aba": ("021000021", "0210-0002-1"),
    "bic": ("DEUTDEFF", "NDEA FI HH XXX"),
    "bitcoin": ("1Ka1h9jxVLXoLsTVzoGe4BQh66cwzYMX1", "bc1qqwpsk4nhvaln4gdzhcjcrm954nxeg2kwx2gkzy"),
    "card": ("4111 1111 1111 1111", "3782-822463-10005", "1220 0000 0000 003"),
    "email": ("ann@example.org", "a.b+c@x-y.co.uk"),
    "entropy": ("q8Zr2Lw0Xn5Tb7",),
    "ethereum": ("0x03830b5677677F3Aa1A2be2581ecB4aCcd942ace",),
    "iban": ("GB82 WEST 1234 5698 7654 32", "DE89370400440532013000"),
    "ipv4": ("10.0.0.1", "255.255.255.255"),
    "ipv6": ("fe80::1", "::ffff:10.0.0.1"),
    "luhn": ("18", "MRN-79927398713"),
    "mac": ("3c:22:fb:10:9A:0e", "3C-22-FB-10-9A-0E", "3c22.fb10.9a0e"),
    "mod11": ("080442957X", "9434765919"),
    "mod97": ("3214282912345698765432161182", "3214 2829 1234-5698 7654 3216 1182"),
    "mrz": ("I<UTOLINDQVIST<<MAJA<ELIN<<<<<<<<<<<\nD4410882<4UTO8402138F3106305<<<<<<<4",),
    "phone": ("+49 30 901820", "555-0142-00 ext. 123456789012"),
    "ssn": ("536-90-4399",),
    "verhoeff": ("2363",),
    "vin": ("LSGJA52U7AH012345", "wvwzzz1j0xw000001"),
}
BAD = {
    "aba": ("021000022", "000000000", "12345678"),
    "bic": ("DEUTXXFF", "DEUTDEF", "COMPUTER", ""),
    "bitcoin": ("1Ka1h9jxVLXoLsTVzoGe4BQh66cwzYMX2", "bc1", ""),
    "card": ("4111 1111 1111 1112", "4444444444444444", "1111111111111117", "411", "4x11111111111111"),
    "email": ("ann@", "@example.org", ".a@b.cc", "a..b@c.dd", "a@b.1", "ann"),
    "entropy": ("", "aaaaaaaabbbb"),
    "ethereum": ("0x03830B5677677F3Aa1A2be2581ecB4aCcd942ace", "0x1234"),
    "iban": ("GB82 WEST 1234 5698 7654 33", "XX82", "", "GB82WEST"),
    "ipv4": ("256.1.1.1", "1.2.3", "1.2.3.x", "0001.2.3.4"),
    "ipv6": ("fe80:::1", "10.0.0.1"),
    "luhn": ("", "0", "00", "19"),
    "mac": ("00:00:00:00:00:00", "3c:22:fb:10:9a", "3c:22-fb:10:9a:0e", "3c22fb109a0e"),
    "mod11": ("0804429571", "", "X", "1X2"),
    "mod97": ("", "GB82"),
    "mrz": ("I<UTOLINDQVIST<<MAJA<ELIN<<<<<<<<<<<\nD4410882<4UTO8402138F3106305<<<<<<<5", ""),
    "phone": ("123456", "1111111111", "1234567890123456"),
    "ssn": ("000-12-3456", "666-12-3456", "900-12-3456", "123-00-4567", "123-45-0000",
            "078-05-1120", "111-11-1111", "12-34"),
    "verhoeff": ("", "2364"),
    "vin": ("LSGJA52U8AH012345", "LSGJA52U7AH01234"),
}  # fmt: skip


def test_every_validator_has_cases() -> None:
    assert set(VALIDATORS) - set(NUMBERS) == set(GOOD) == set(BAD)


@pytest.mark.parametrize(("name", "text"), [(name, text) for name in GOOD for text in GOOD[name]])
def test_validators_accept_what_is_well_formed(name: str, text: str) -> None:
    assert VALIDATORS[name](text)


@pytest.mark.parametrize(("name", "text"), [(name, text) for name in BAD for text in BAD[name]])
def test_validators_refuse_what_is_not(name: str, text: str) -> None:
    assert not VALIDATORS[name](text)


def test_validators_take_texts_of_any_length() -> None:
    for validator in VALIDATORS.values():
        assert validator("7" * 20_000) in {True, False}
