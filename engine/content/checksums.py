"""Check digits: the published algorithms that numbers of states, firms and cards are made with.

Text may hold the joints that people write, and nothing else besides the number::

    "536-90-4399"   --digits-->   [5, 3, 6, 9, 0, 4, 3, 9, 9]
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from operator import mul
from typing import Final

DIGITS = frozenset("0123456789")
SIGNS = b" .-/()"
ZERO: Final = ord("0")
NINE: Final = ord("9")
A: Final = ord("A")
Z: Final = ord("Z")
JOINTS = str.maketrans("", "", " .-/()")
NO_DIGITS = bytes(set(range(256)) - set(b"0123456789"))
DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
"""Days of a month, in a leap year."""
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

VERHOEFF_PRODUCT: Final = (
    b"01234567891234067895234017895634012895674012395678"
    b"59876043216598710432765982104387659321049876543210"
)
VERHOEFF_PERMUTATION: Final = (
    b"01234567891576283094580379614289160435279453126870428657390127938064157046913258"
)
"""Rows of ten digits."""


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
    bare = text.encode("utf-8", "replace").translate(None, SIGNS)
    if len(bare) not in sizes or not bare.isdigit() or bare == bare[:1] * len(bare):
        return []
    return [sign - ZERO for sign in bare]


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
    data = text.encode("ascii", "ignore").translate(None, NO_DIGITS)
    size, total, most = len(data), 0, 0
    for place in range(size):
        digit = data[place] - ZERO
        most = max(most, digit)
        if (size - place) % 2 == 0:
            digit = 2 * digit - (9 if digit > 4 else 0)  # noqa: PLR2004 - the digits of its double
        total += digit
    return size > 1 and most > 0 and total % 10 == 0


def verhoeff(text: str) -> bool:
    """Return whether the digits of *text* pass the check of Verhoeff (1969), as in Aadhaar."""
    data = text.encode("ascii", "ignore").translate(None, NO_DIGITS)
    size, state = len(data), 0
    for place in range(size):
        digit = data[size - 1 - place] - ZERO
        moved = VERHOEFF_PERMUTATION[place % 8 * 10 + digit] - ZERO
        state = VERHOEFF_PRODUCT[state * 10 + moved] - ZERO
    return size > 0 and state == 0


def mod11(text: str) -> bool:
    """Return whether *text* leaves 0 modulo 11 with weights 1, 2, 3 … from the right, ``X`` ten."""
    joined = re.sub(r"[^0-9X]", "", text.upper())
    if not re.fullmatch(r"[0-9]+[0-9X]", joined):
        return False
    values = [10 if char == "X" else int(char) for char in joined]
    return sum(value * weight for weight, value in enumerate(reversed(values), 1)) % 11 == 0


def mod97(text: str) -> bool:
    """Return whether the letters and digits of *text* leave 1 modulo 97 (ISO 7064 MOD 97-10)."""
    data = text.upper().encode("ascii", "ignore")
    rest = 0
    for sign in data:
        if ZERO <= sign <= NINE:
            rest = (rest * 10 + sign - ZERO) % 97
        elif A <= sign <= Z:
            rest = (rest * 100 + sign - A + 10) % 97
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
