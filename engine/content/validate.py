"""Validators: a matched text to whether it is well-formed. Authors name them in ``check NAME``."""

from __future__ import annotations

import ipaddress
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping
from types import MappingProxyType

from engine.content import codes, wallets
from engine.content.checksums import luhn, mod11, mod97, only_digits, verhoeff
from engine.content.national import NUMBERS

MIN_CARD_DIGITS, MAX_CARD_DIGITS = 12, 19
UATP_DIGITS = 15  # and old JCB cards
MIN_PHONE_DIGITS, MAX_PHONE_DIGITS = 7, 15
MIN_ENTROPY = 3.0
SHORT = 256

IBAN_LENGTHS: Mapping[str, int] = MappingProxyType({
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22,
    "BI": 27, "BR": 29, "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27,
    "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27,
    "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HN": 28, "HR": 21, "HU": 28,
    "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28,
    "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22,
    "MK": 19, "MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18, "NO": 15, "OM": 23,
    "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24,
    "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "SO": 23, "ST": 25, "SV": 28,
    "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20, "YE": 30,
})  # fmt: skip
"""Length of an IBAN by country (SWIFT IBAN registry, release 99)."""


def card(text: str) -> bool:
    """Return whether *text* is a payment card number: length, issuer range, Luhn, not one digit."""
    digits = text.encode("utf-8", "replace").translate(None, b" -")
    return (
        MIN_CARD_DIGITS <= len(digits) <= MAX_CARD_DIGITS
        and (b"2" <= digits[:1] <= b"6" or (digits[:1] == b"1" and len(digits) == UATP_DIGITS))
        and digits.isdigit()
        and digits.strip(digits[:1]) != b""
        and luhn(text)
    )


def iban(text: str) -> bool:
    """Return whether *text* is an IBAN: its country's length and mod-97 (ISO 13616)."""
    # Hot path: most are written without a gap.
    joined = (
        text.upper()
        if text.isascii() and text.isalnum()
        else re.sub(r"[^0-9A-Z]", "", text.upper())
    )
    return IBAN_LENGTHS.get(joined[:2]) == len(joined) and mod97(joined[4:] + joined[:4])


def ssn(text: str) -> bool:
    """Return whether *text* is a US social security number that could have been issued."""
    digits = only_digits(text)
    return (
        len(digits) == 9  # noqa: PLR2004 - area, group and serial number
        and digits[:3] not in {"000", "666"}
        and digits[0] != "9"
        and digits[3:5] != "00"
        and digits[5:] != "0000"
        and digits not in ADVERTISED_SSNS
        and len(set(digits)) > 1
    )


ADVERTISED_SSNS = frozenset({"078051120", "219099999"})
"""Numbers printed in advertisements, which the administration declared void."""


def ipv4(text: str) -> bool:
    """Return whether *text* is an IPv4 address in dotted decimals."""
    parts = text.split(".")
    return len(parts) == 4 and all(  # noqa: PLR2004 - four octets
        part.isascii() and part.isdigit() and len(part) <= 3 and int(part) <= 255  # noqa: PLR2004 - an octet
        for part in parts
    )


def ipv6(text: str) -> bool:
    """Return whether *text* is an IPv6 address, with or without a zone."""
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def phone(text: str) -> bool:
    """Return whether *text* has the 7 to 15 digits of a phone number (ITU-T E.164)."""
    digits = only_digits(text.lower().partition("x")[0])
    return MIN_PHONE_DIGITS <= len(digits) <= MAX_PHONE_DIGITS and len(set(digits)) > 1


def email(text: str) -> bool:
    """Return whether *text* has the shape of an e-mail address."""
    local, at, domain = text.rpartition("@")
    return bool(
        at
        and re.fullmatch(r"[^\s@]{1,64}", local)
        and not local.startswith(".")
        and ".." not in text
        and re.fullmatch(r"(?:[^\s@.]{1,63}\.)+[^\s@.\d]{2,63}", domain)
    )


def aba(text: str) -> bool:
    """Return whether *text* is a US bank routing number: nine digits, weights 3, 7, 1."""
    digits = only_digits(text)
    total = sum(int(digit) * (3, 7, 1)[place % 3] for place, digit in enumerate(digits))
    return len(digits) == 9 and total > 0 and total % 10 == 0  # noqa: PLR2004 - its length


def entropy(text: str) -> bool:
    """Return whether *text* looks random: at least 3 bits a character (Shannon)."""
    return bits(text) >= MIN_ENTROPY


def bits(text: str) -> float:
    """Return the Shannon entropy of *text* in bits a character, 0 for an empty text."""
    total = len(text)
    # Hot path: in a short text each character is counted quickest by itself.
    counts = map(text.count, dict.fromkeys(text)) if total <= SHORT else Counter(text).values()
    return -sum(n / total * math.log2(n / total) for n in counts)


VALIDATORS: Mapping[str, Callable[[str], bool]] = MappingProxyType(
    {
        **NUMBERS,
        "aba": aba,
        "bic": codes.bic,
        "bitcoin": wallets.bitcoin,
        "card": card,
        "email": email,
        "entropy": entropy,
        "ethereum": wallets.ethereum,
        "iban": iban,
        "ipv4": ipv4,
        "ipv6": ipv6,
        "luhn": luhn,
        "mac": codes.mac,
        "mod11": mod11,
        "mod97": mod97,
        "mrz": codes.mrz,
        "phone": phone,
        "ssn": ssn,
        "verhoeff": verhoeff,
        "vin": codes.vin,
    }
)
"""The names that ``check`` knows."""
