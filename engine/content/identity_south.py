"""Numbers that the states of Africa, the Near East and Oceania give to people, and their checks."""

# ruff: noqa: PLR2004 - lengths, weights and moduli are the algorithms themselves

from __future__ import annotations

from collections.abc import Callable, Mapping

from engine.content.checksums import digits, is_day, joined, luhn, weighted
from engine.content.detectors import Entity
from engine.content.identity import BARE, DAY, MONTH, SURE, WEAK, digital

EGYPT_FROM = 1920
GOVERNORATES = frozenset((1, 2, 3, 4, *range(11, 36), 88))


def tckimlik(text: str) -> bool:
    """Return whether *text* is a Turkish number: its tenth and eleventh digit check the others."""
    values = digits(text, 11)
    if not values or values[0] == 0:
        return False
    tenth = (7 * sum(values[0:9:2]) - sum(values[1:8:2])) % 10
    return values[9] == tenth and values[10] == sum(values[:10]) % 10


def teudat_zehut(text: str) -> bool:
    """Return whether *text* is an Israeli identity number: nine digits, Luhn from the left."""
    return bool(digits(text, 9)) and luhn(text)


def emirates_id(text: str) -> bool:
    """Return whether *text* is an Emirates ID: 784, a year, and Luhn (ICP)."""
    values = digits(text, 15)
    return values[:3] == [7, 8, 4] and luhn(text)


def saudi_id(text: str) -> bool:
    """Return whether *text* is the number of a Saudi citizen (1) or resident (2): Luhn."""
    values = digits(text, 10)
    return values[:1] in ([1], [2]) and luhn(text)


def kuwaiti_id(text: str) -> bool:
    """Return whether *text* is a Kuwaiti civil number: century, day, a digit modulo 11 (PACI)."""
    values = digits(text, 12)
    if not values or values[0] not in {1, 2, 3, 4}:
        return False
    day = is_day(values[3] * 10 + values[4], values[5] * 10 + values[6])
    rest = 11 - weighted(values[:11], (2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)) % 11
    return day and rest == values[11]


def iranian_id(text: str) -> bool:
    """Return whether *text* is an Iranian national code: ten digits, modulo 11."""
    values = digits(text, 10)
    if not values:
        return False
    rest = weighted(values[:9], range(10, 1, -1)) % 11
    return values[9] == (rest if rest < 2 else 11 - rest)


def egyptian_id(text: str) -> bool:
    """Return whether *text* is an Egyptian number: century, day and governorate.

    Born from 1920 on: 2020 and 2021 in a time such as 20211128052419 are none.
    """
    values = digits(text, 14)
    if not values or values[0] not in {2, 3}:
        return False
    year = (1900 if values[0] == 2 else 2000) + values[1] * 10 + values[2]
    if year < EGYPT_FROM:
        return False
    day = is_day(values[3] * 10 + values[4], values[5] * 10 + values[6], year)
    return day and values[7] * 10 + values[8] in GOVERNORATES


def za_id(text: str) -> bool:
    """Return whether *text* is a South African number: a day, citizenship, Luhn (Act 68/1997)."""
    values = digits(text, 13)
    return (
        bool(values)
        and values[10] <= 2
        and is_day(values[2] * 10 + values[3], values[4] * 10 + values[5])
        and luhn(text)
    )


def tfn(text: str) -> bool:
    """Return whether *text* is an Australian tax file number: nine digits, modulo 11 (ATO)."""
    values = digits(text, 9)
    return bool(values) and weighted(values, (1, 4, 3, 7, 5, 8, 6, 9, 10)) % 11 == 0


def ird(text: str) -> bool:
    """Return whether *text* is a New Zealand tax number: eight or nine digits, modulo 11 (IRD)."""
    number = joined(text).rjust(9, "0")
    values = digits(number, 9)
    if not values or not 10_000_000 < int(number) < 150_000_000:
        return False
    rest = -weighted(values[:8], (3, 2, 7, 6, 5, 4, 3, 2)) % 11
    if rest == 10:
        rest = -weighted(values[:8], (7, 4, 3, 2, 5, 2, 7, 6)) % 11
    return rest == values[8]


def _nigerian(text: str) -> bool:
    return bool(digits(text, 11))


TURKEY = Entity(
    "pii.national_id.tr",
    "A Turkish identity number whose two check digits are right.",
    (digital(r"[1-9][0-9]{10}", BARE, 11, tckimlik),),
)

ISRAEL = Entity(
    "pii.national_id.il",
    "An Israeli identity number whose check digit is right, near a word for it.",
    (digital(r"[0-9]{8}-?[0-9]", WEAK, 9, teudat_zehut),),
    near=("תעודת זהות", "ת.ז", "ת״ז", 'ת"ז', "מספר זהות", "teudat zehut", "israeli id"),
)

EMIRATES = Entity(
    "pii.national_id.ae",
    "An Emirates ID whose check digit is right.",
    (digital(r"784[ \-]?(?:19|20)[0-9]{2}[ \-]?[0-9]{7}[ \-]?[0-9]", SURE, 15, emirates_id),),
)

SAUDI_ARABIA = Entity(
    "pii.national_id.sa",
    "A Saudi national or iqama number whose check digit is right, near a word for it.",
    (digital(r"[12][0-9]{9}", WEAK, 10, saudi_id),),
    near=("iqama", "الهوية", "إقامة", "اقامة", "saudi id", "national id"),
)

KUWAIT = Entity(
    "pii.national_id.kw",
    "A Kuwaiti civil number: a day and a check digit.",
    (digital(rf"[1-4][0-9]{{2}}{MONTH}{DAY}[0-9]{{5}}", BARE, 12, kuwaiti_id),),
)

IRAN = Entity(
    "pii.national_id.ir",
    "An Iranian national code whose check digit is right, near a word for it.",
    (digital(r"[0-9]{10}|[0-9]{3}-[0-9]{6}-[0-9]", WEAK, 10, iranian_id),),
    near=("کد ملی", "کدملی", "شماره ملی", "code melli", "kode melli"),
)

EGYPT = Entity(
    "pii.national_id.eg",
    "An Egyptian national number: a century, a day and a governorate.",
    (digital(rf"[23][0-9]{{2}}{MONTH}{DAY}[0-38][0-9]{{6}}", BARE, 14, egyptian_id),),
)

SOUTH_AFRICA = Entity(
    "pii.national_id.za",
    "A South African identity number: a day and a check digit.",
    (digital(rf"[0-9]{{2}}{MONTH}{DAY} ?[0-9]{{4}} ?[0-2][0-9] ?[0-9]", BARE, 13, za_id),),
)

NIGERIA = Entity(
    "pii.national_id.ng",
    "A Nigerian identity number (NIN) of eleven digits, near a word for it.",
    (digital(r"[1-9][0-9]{10}", WEAK, 11, _nigerian),),
    near=("nin ", "nimc", "national identification", "national identity"),
)

AUSTRALIA = Entity(
    "pii.national_id.au",
    "An Australian tax file number whose check digit is right, near a word for it.",
    (digital(r"[0-9]{3}[ \-]?[0-9]{3}[ \-]?[0-9]{3}", WEAK, 9, tfn),),
    near=("tfn", "tax file"),
)

NEW_ZEALAND = Entity(
    "pii.national_id.nz",
    "A New Zealand tax number (IRD) whose check digit is right, near a word for it.",
    (digital(r"[0-9]{2,3}[ \-]?[0-9]{3}[ \-]?[0-9]{3}", WEAK, 8, ird),),
    near=("ird ", "inland revenue"),
)

SOUTH = (
    TURKEY, ISRAEL, EMIRATES, SAUDI_ARABIA, KUWAIT, IRAN, EGYPT, SOUTH_AFRICA, NIGERIA, AUSTRALIA,
    NEW_ZEALAND,
)  # fmt: skip

CHECKS: Mapping[str, Callable[[str], bool]] = {
    "egyptian_id": egyptian_id,
    "emirates_id": emirates_id,
    "iranian_id": iranian_id,
    "ird": ird,
    "kuwaiti_id": kuwaiti_id,
    "saudi_id": saudi_id,
    "tckimlik": tckimlik,
    "teudat_zehut": teudat_zehut,
    "tfn": tfn,
    "za_id": za_id,
}
"""The validators of this module, by the names that authors use."""
