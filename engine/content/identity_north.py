"""Numbers that the Nordic and Baltic states give to people, and their checks."""

# ruff: noqa: PLR2004 - lengths, weights and moduli are the algorithms themselves

from __future__ import annotations

from collections.abc import Callable, Mapping

from engine.content.checksums import digits, is_day, joined, luhn, weighted
from engine.content.detectors import Entity
from engine.content.identity import BARE, DAY, FAIR, MONTH, SURE, WEAK, digital, lettered, signed

HETU = "0123456789ABCDEFHJKLMNPRSTUVWXY"
PLUS = str.maketrans("", "", "+")


def personnummer(text: str) -> bool:
    """Return whether *text* is a Swedish personal or coordination number (SKV 704, SKV 707).

    A date, 60 added to the day of a coordination number, and Luhn over the last ten digits.
    """
    number = joined(text.translate(PLUS))
    if not digits(number, 10, 12):
        return False
    year = int(number[:4]) if len(number) == 12 else None
    month, day = int(number[-8:-6]), int(number[-6:-4])
    return is_day(month, day - 60 if day > 60 else day, year) and luhn(number[-10:])


def _swedish(text: str) -> bool:
    """Return whether *text* is a Swedish number, and no time such as 202611280524."""
    bare = len(text) == 12 and text.isdigit() and text.startswith("20")
    clock = bare and int(text[8:10]) < 24 and int(text[10:]) < 60
    return not clock and personnummer(text)


def fodselsnummer(text: str) -> bool:
    """Return whether *text* is a Norwegian birth or D number: a date, two digits modulo 11.

    Source: Skatteetaten, fødselsnummer. A D number has 40 added to the day, synthetic ones 40 or
    80 to the month.
    """
    values = digits(text, 11)
    if not values:
        return False
    day, month = values[0] % 4 * 10 + values[1], (values[2] * 10 + values[3]) % 40
    return (
        values[0] < 8
        and is_day(month, day)
        and weighted(values, (3, 7, 6, 1, 8, 9, 4, 5, 2, 1)) % 11 == 0
        and weighted(values, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0
    )


def cpr(text: str) -> bool:
    """Return whether *text* is a Danish number with the check of those given before 2007."""
    values = digits(text, 10)
    return _danish(text) and weighted(values, (4, 3, 2, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0


def _danish(text: str) -> bool:
    values = digits(text, 10)
    return bool(values) and is_day(values[2] * 10 + values[3], values[0] * 10 + values[1])


def hetu(text: str) -> bool:
    """Return whether *text* is a Finnish identity code: a date, its number modulo 31 as a sign.

    Source: Digital and Population Data Services Agency; the sign of the century is one of
    ``+-ABCDEFYXWVU``.
    """
    number = text.upper()
    if len(number) != 11 or number[6] not in "+-ABCDEFYXWVU":
        return False
    plain = number[:6] + number[7:10]
    if not digits(plain, 9):
        return False
    day = is_day(int(number[2:4]), int(number[:2]))
    return day and HETU[int(plain) % 31] == number[10]


def kennitala(text: str) -> bool:
    """Return whether *text* is an Icelandic number of a person: a date, the ninth digit modulo 11.

    The tenth digit is that of the century. Source: Registers Iceland.
    """
    values = digits(text, 10)
    return (
        bool(values)
        and values[9] in {0, 9}
        and is_day(values[2] * 10 + values[3], values[0] * 10 + values[1])
        and weighted(values, (3, 2, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0
    )


def isikukood(text: str) -> bool:
    """Return whether *text* is an Estonian or Lithuanian code: century, date, check modulo 11.

    Where ten is left, other weights decide, and where it is left again, the digit is 0. Source:
    EVS 585:2007; Lithuania's law on the register of residents.
    """
    values = digits(text, 11)
    if not values or not 1 <= values[0] <= 8:
        return False
    year = (1700 + (values[0] + 1) // 2 * 100) + values[1] * 10 + values[2]
    if not is_day(values[3] * 10 + values[4], values[5] * 10 + values[6], year):
        return False
    rest = weighted(values, (1, 2, 3, 4, 5, 6, 7, 8, 9, 1)) % 11
    if rest == 10:
        rest = weighted(values, (3, 4, 5, 6, 7, 8, 9, 1, 2, 3)) % 11 % 10
    return rest == values[10]


def personas_kods(text: str) -> bool:
    """Return whether *text* is a Latvian number with a date: check modulo 11 (MK 2009-520)."""
    values = digits(text, 11)
    return (
        bool(values)
        and values[6] <= 2
        and is_day(values[2] * 10 + values[3], values[0] * 10 + values[1])
        and (1 - weighted(values, (1, 6, 3, 7, 9, 10, 5, 8, 4, 2))) % 11 % 10 == values[10]
    )


def _long_latvian(text: str) -> bool:
    return bool(digits(text, 11))


SWEDEN = Entity(
    "pii.national_id.se",
    "A Swedish personal or coordination number: a date, and the Luhn check.",
    (
        digital(
            rf"(?:18|19|20)?[0-9]{{2}}{MONTH}(?:[0-26-8][0-9]|[39][01])-[0-9]{{4}}"
            rf"|(?:18|19|20)[0-9]{{2}}{MONTH}(?:[0-26-8][0-9]|[39][01])[0-9]{{4}}"
            rf"|[0-9]{{2}}{MONTH}{DAY}[0-9]{{4}}",
            BARE,
            10,
            _swedish,
        ),
        lettered(
            rf"[0-9]{{2}}{MONTH}(?:[0-26-8][0-9]|[39][01])\+[0-9]{{4}}",
            FAIR,
            r"[0-9]{6}\+[0-9]{4}",
            personnummer,
        ),
    ),
)

NORWAY = Entity(
    "pii.national_id.no",
    "A Norwegian birth or D number: a date, and two check digits.",
    (
        digital(
            r"[0-7][0-9](?:[04][1-9]|[15][0-2]|[89][0-9])[0-9]{2} ?[0-9]{5}",
            SURE,
            11,
            fodselsnummer,
        ),
    ),
)

DENMARK = Entity(
    "pii.national_id.dk",
    "A Danish CPR number: a date, and the check of those given before 2007 or a word for it.",
    (
        digital(rf"{DAY}{MONTH}[0-9]{{2}}[\- ][0-9]{{4}}", BARE, 10, cpr),
        digital(rf"{DAY}{MONTH}[0-9]{{2}}[\- ]?[0-9]{{4}}", WEAK, 10, _danish),
    ),
    near=("cpr", "personnummer", "central person register", "danish id"),
)

FINLAND = Entity(
    "pii.national_id.fi",
    "A Finnish personal identity code: a date, and a check character.",
    (
        signed(rf"{DAY}{MONTH}[0-9]{{2}}-[0-9]{{3}}[0-9A-FHJ-NPR-Y]", FAIR, 9, hetu),
        lettered(
            rf"{DAY}{MONTH}[0-9]{{2}}[+A-FU-Y][0-9]{{3}}[0-9A-FHJ-NPR-Y]",
            FAIR,
            r"[0-9]{6}[+A-FU-Y][0-9]{3}",
            hetu,
        ),
    ),
)

ICELAND = Entity(
    "pii.national_id.is",
    "An Icelandic kennitala of a person: a date, and a check digit.",
    (digital(rf"{DAY}{MONTH}[0-9]{{2}}[\- ]?[0-9]{{3}}[09]", BARE, 10, kennitala),),
)

BALTIC = rf"[1-6][0-9]{{2}}{MONTH}{DAY}[0-9]{{4}}"

ESTONIA = Entity(
    "pii.national_id.ee",
    "An Estonian isikukood: a date, and a check digit.",
    (digital(BALTIC, BARE, 11, isikukood),),
)

LITHUANIA = Entity(
    "pii.national_id.lt",
    "A Lithuanian asmens kodas: a date, and a check digit.",
    (digital(BALTIC, BARE, 11, isikukood),),
)

LATVIA = Entity(
    "pii.national_id.lv",
    "A Latvian personas kods: a date and a check digit, or near a word for it one without a date.",
    (
        digital(rf"{DAY}{MONTH}[0-9]{{2}}-?[0-2][0-9]{{4}}", BARE, 11, personas_kods),
        digital(r"3[2-9][0-9]{4}-?[0-9]{5}", WEAK, 11, _long_latvian),
    ),
    near=("personas kod", "personal code", "pers. kod"),
)

NORTH = (SWEDEN, NORWAY, DENMARK, FINLAND, ICELAND, ESTONIA, LITHUANIA, LATVIA)

CHECKS: Mapping[str, Callable[[str], bool]] = {
    "cpr": cpr,
    "fodselsnummer": fodselsnummer,
    "hetu": hetu,
    "isikukood": isikukood,
    "kennitala": kennitala,
    "personas_kods": personas_kods,
    "personnummer": personnummer,
}
"""The validators of this module, by the names that authors use."""
