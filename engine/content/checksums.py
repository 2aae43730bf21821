"""Check digits: the published algorithms that numbers of states, firms and cards are made with.

Text may hold the joints that people write, and nothing else besides the number::

    "536-90-4399"   --digits-->   [5, 3, 6, 9, 0, 4, 3, 9, 9]
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from operator import mul

DIGITS = frozenset("0123456789")
JOINTS = str.maketrans("", "", " .-/()")
NO_DIGITS = bytes(set(range(256)) - set(b"0123456789"))
DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
"""Days of a month, in a leap year."""
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

VALUES = str.maketrans(
    {**{char: str(int(char, 36)) for char in ALPHABET}, **dict.fromkeys(" -", "")}
)
"""A letter to its value from 10 up; nothing for what stands between groups."""
CHUNK = 64
"""Digits of a long number that are looked at together."""

DOUBLED = str.maketrans("0123456789", "0246813579")
"""A digit to the sum of the digits of its double."""

VERHOEFF_PRODUCT = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
    "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
)  # fmt: skip
VERHOEFF_PERMUTATION = (
    "0123456789", "1576283094", "5803796142", "8916043527",
    "9453126870", "4286573901", "2793806415", "7046913258",
)  # fmt: skip


def only_digits(text: str) -> str:
    """Return the digits of *text* (ASCII), whatever stands between them."""
    return text.encode("ascii", "ignore").translate(None, NO_DIGITS).decode()


def joined(text: str) -> str:
    """Return *text* in capitals, without the joints that people write."""
    return text.translate(JOINTS).upper()


def digits(text: str, *sizes: int) -> list[int]:
    """Return the digits of *text*, an empty list when it is no number of one of *sizes* digits.

    Nor is it one when all its digits are the same: such numbers are written to fill a field.
    """
    bare = text.translate(JOINTS)
    if len(bare) not in sizes or not DIGITS.issuperset(bare) or bare == bare[0] * len(bare):
        return []
    return list(map(int, bare))


def weighted(values: Sequence[int], weights: Sequence[int]) -> int:
    """Return the sum of *values* times *weights*, over as many as both have."""
    return sum(map(mul, values, weights))


def is_day(month: int, day: int, year: int | None = None) -> bool:
    """Return whether there is such a day; without a *year*, in a leap year."""
    if not (1 <= month <= 12 and 1 <= day <= DAYS[month - 1]):  # noqa: PLR2004 - months
        return False
    leap = year is None or (year % 4 == 0 and (year % 100 != 0 or year % 400 == 0))
    return leap or (month, day) != (2, 29)


def luhn(text: str) -> bool:
    """Return whether the digits of *text*, not all zero, pass the Luhn check (ISO/IEC 7812-1)."""
    digits = only_digits(text)
    if len(digits) < 2 or not digits.strip("0"):  # noqa: PLR2004 - a digit and its check digit
        return False
    return (
        sum(map(int, digits[-2::-2].translate(DOUBLED))) + sum(map(int, digits[-1::-2]))
    ) % 10 == 0


def verhoeff(text: str) -> bool:
    """Return whether the digits of *text* pass the check of Verhoeff (1969), as in Aadhaar."""
    state = "0"
    digits = only_digits(text)
    for place, digit in enumerate(reversed(digits)):
        state = VERHOEFF_PRODUCT[int(state)][int(VERHOEFF_PERMUTATION[place % 8][int(digit)])]
    return bool(digits) and state == "0"


def mod11(text: str) -> bool:
    """Return whether *text* leaves 0 modulo 11 with weights 1, 2, 3 … from the right, ``X`` ten."""
    joined = re.sub(r"[^0-9X]", "", text.upper())
    if not re.fullmatch(r"[0-9]+[0-9X]", joined):
        return False
    values = [10 if char == "X" else int(char) for char in joined]
    return sum(value * weight for weight, value in enumerate(reversed(values), 1)) % 11 == 0


def mod97(text: str) -> bool:
    """Return whether the letters and digits of *text* leave 1 modulo 97 (ISO 7064 MOD 97-10)."""
    digits = text.upper().translate(VALUES)
    if not digits.isascii() or not digits.isdigit():
        digits = re.sub("[^0-9]", "", digits)
    rest = 0
    # Hot path: many digits are divided at once. A number of thousands would be refused.
    for place in range(0, len(digits), CHUNK):
        piece = digits[place : place + CHUNK]
        rest = (rest * 10 ** len(piece) + int(piece)) % 97
    return rest == 1


def mod11_10(values: Sequence[int]) -> bool:
    """Return whether *values*, digits, pass ISO 7064 MOD 11,10: a hybrid of the two moduli."""
    product = 10
    for value in values[:-1]:
        product = ((product + value) % 10 or 10) * 2 % 11
    return (product + values[-1]) % 10 == 1


def icao(number: str) -> bool:
    """Return whether the last digit of *number*, in capitals, checks the others (ICAO 9303-3)."""
    values = [int(char, 36) for char in number]
    return weighted(values[:-1], (7, 3, 1) * len(values)) % 10 == values[-1]
