"""Numbers that the states of central and eastern Europe give to people, and their checks."""

# ruff: noqa: PLR2004 - lengths, weights and moduli are the algorithms themselves

from __future__ import annotations

from collections.abc import Callable, Mapping

from engine.content.checksums import digits, icao, is_day, joined, luhn, mod11_10, weighted
from engine.content.detectors import Entity
from engine.content.identity import BARE, DAY, FAIR, MONTH, SURE, WEAK, digital, spoken

CENTURIES_PL = {0: 1900, 20: 2000, 40: 2100, 60: 2200, 80: 1800}
CENTURIES_BG = {0: 1900, 20: 1800, 40: 2000}
LAST_WITHOUT_CHECK = 53
HU_TURN = 1997


def pesel(text: str) -> bool:
    """Return whether *text* is a Polish PESEL: a date with its century in the month, modulo 10.

    Source: Ustawa o ewidencji ludności, art. 15; weights 1, 3, 7, 9.
    """
    values = digits(text, 11)
    if not values:
        return False
    month = values[2] * 10 + values[3]
    year = CENTURIES_PL[month // 20 * 20] + values[0] * 10 + values[1]
    return (
        is_day(month % 20, values[4] * 10 + values[5], year)
        and weighted(values, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)) % 10 == 0
    )


def dowod(text: str) -> bool:
    """Return whether *text* is a Polish identity card's number: its first digit is the check."""
    number = joined(text)
    return (
        len(number) == 9
        and number[:3].isalpha()
        and number.isascii()
        and number[3:].isdigit()
        and icao(number[:3] + number[4:] + number[3])
    )


def rodne_cislo(text: str) -> bool:
    """Return whether *text* is a Czech or Slovak birth number of ten digits: a date, modulo 11.

    50 is added to the month for women, 20 or 70 since 2004; a rest of ten is written as 0. Source:
    zákon 133/2000 Sb.
    """
    values = digits(text, 10)
    if not values:
        return False
    number = joined(text)
    month = values[2] * 10 + values[3]
    month -= 50 if month > 50 else 0
    year = int(number[:2])
    year += 1900 if year > LAST_WITHOUT_CHECK else 2000
    if month > 20 and year >= 2004:
        month -= 20
    day = is_day(month, values[4] * 10 + values[5], year)
    return day and int(number[:9]) % 11 % 10 == values[9]


def szemelyi(text: str) -> bool:
    """Return whether *text* is a Hungarian personal number: sex and century, date, modulo 11.

    For those born from 1997 on the weights run from ten to one. Source: 1996. évi XX. törvény.
    """
    values = digits(text, 11)
    if not values or not 1 <= values[0] <= 8:
        return False
    year = (1900 if values[0] in {1, 2, 5, 6} else 2000) + values[1] * 10 + values[2]
    weights = range(10, 0, -1) if year >= HU_TURN else range(1, 11)
    return (
        is_day(values[3] * 10 + values[4], values[5] * 10 + values[6])
        and weighted(values[:10], weights) % 11 == values[10]
    )


def ado(text: str) -> bool:
    """Return whether *text* is a Hungarian tax number of a person: 8 and nine digits, modulo 11."""
    values = digits(text, 10)
    return values[:1] == [8] and weighted(values[:9], range(1, 10)) % 11 == values[9]


def cnp(text: str) -> bool:
    """Return whether *text* is a Romanian CNP: sex and century, date, county, check modulo 11."""
    values = digits(text, 13)
    if not values or values[0] == 0:
        return False
    county = values[7] * 10 + values[8]
    rest = weighted(values, (2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9)) % 11
    return (
        is_day(values[3] * 10 + values[4], values[5] * 10 + values[6])
        and (1 <= county <= 52 or county in {70, 80, 81, 82, 83})
        and values[12] == (1 if rest == 10 else rest)
    )


def egn(text: str) -> bool:
    """Return whether *text* is a Bulgarian EGN: a date with its century in the month, modulo 11."""
    values = digits(text, 10)
    if not values:
        return False
    month = values[2] * 10 + values[3]
    century = CENTURIES_BG.get(month // 20 * 20)
    return (
        century is not None
        and is_day(month % 20, values[4] * 10 + values[5], century + values[0] * 10 + values[1])
        and weighted(values[:9], (2, 4, 8, 5, 10, 9, 7, 3, 6)) % 11 % 10 == values[9]
    )


def oib(text: str) -> bool:
    """Return whether *text* is a Croatian OIB: eleven digits, ISO 7064 MOD 11,10 (NN 60/2008)."""
    values = digits(text, 11)
    return bool(values) and mod11_10(values)


def jmbg(text: str) -> bool:
    """Return whether *text* is a JMBG or EMŠO of a successor of Yugoslavia: a date, modulo 11."""
    values = digits(text, 13)
    if not values:
        return False
    year = values[4] * 100 + values[5] * 10 + values[6]
    year += 1000 if year >= 800 else 2000
    return (
        is_day(values[2] * 10 + values[3], values[0] * 10 + values[1], year)
        and -weighted(values[:12], (7, 6, 5, 4, 3, 2) * 2) % 11 % 10 == values[12]
    )


def amka(text: str) -> bool:
    """Return whether *text* is a Greek AMKA: a date, and Luhn (law 3655/2008)."""
    values = digits(text, 11)
    if not values:
        return False
    day, month = values[0] * 10 + values[1], values[2] * 10 + values[3]
    return is_day(month, day) and luhn(text)


def afm(text: str) -> bool:
    """Return whether *text* is a Greek tax number: powers of two, modulo 11."""
    values = digits(text, 9)
    return bool(values) and (
        weighted(values[:8], [1 << place for place in range(8, 0, -1)]) % 11 % 10 == values[8]
    )


def rnokpp(text: str) -> bool:
    """Return whether *text* is a Ukrainian taxpayer's number: ten digits, modulo 11."""
    values = digits(text, 10)
    return bool(values) and (
        weighted(values[:9], (-1, 5, 7, 9, 4, 6, 10, 5, 7)) % 11 % 10 == values[9]
    )


def snils(text: str) -> bool:
    """Return whether *text* is a Russian insurance number: nine digits, their sum modulo 101."""
    values = digits(text, 11)
    return bool(values) and (
        weighted(values[:9], range(9, 0, -1)) % 101 % 100 == values[9] * 10 + values[10]
    )


def inn(text: str) -> bool:
    """Return whether *text* is a Russian taxpayer's number: 10 digits of a firm, 12 of a person.

    Source: order MM-7-6/435 of the Federal Tax Service.
    """
    values = digits(text, 10, 12)
    weights = (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)
    if len(values) == 10:
        return weighted(values[:9], weights[2:]) % 11 % 10 == values[9]
    return (
        bool(values)
        and weighted(values[:10], weights[1:]) % 11 % 10 == values[10]
        and weighted(values[:11], weights) % 11 % 10 == values[11]
    )


def idnp(text: str) -> bool:
    """Return whether *text* is a Moldovan IDNP or IDNO: 13 digits, weights 7, 3, 1, modulo 10."""
    values = digits(text, 13)
    return bool(values) and weighted(values[:12], (7, 3, 1) * 4) % 10 == values[12]


POLAND = Entity(
    "pii.national_id.pl",
    "A Polish PESEL: a date and a check digit; near a word for it an identity card's number.",
    (
        digital(rf"[0-9]{{2}}(?:[02][1-9]|[13][0-2]){DAY}[0-9]{{5}}", BARE, 11, pesel),
        digital(rf"[0-9]{{2}}(?:[4-9][0-9]){DAY}[0-9]{{5}}", WEAK, 11, pesel),
        spoken(("dowód", "dowod", "identity card"), r"[A-Z]{3} ?[0-9]{6}", FAIR, dowod),
    ),
    near=("pesel",),
)

BORN = r"[0-9]{2}(?:[0257][1-9]|[1368][0-2])" + DAY

CZECHIA = Entity(
    "pii.national_id.cz",
    "A Czech birth number of ten digits with its stroke, or without it near a word for it.",
    (
        digital(BORN + "/[0-9]{4}", FAIR, 10, rodne_cislo),
        digital(BORN + "[0-9]{4}", WEAK, 10, rodne_cislo),
    ),
    near=("rodné čísl", "rodne cisl", "rodného čísl", "rodným čísl", "r.č", "rč ", "birth number"),
)

SLOVAKIA = Entity(
    "pii.national_id.sk",
    "A Slovak birth number of ten digits with its stroke, or without it near a word for it.",
    CZECHIA.patterns,
    near=("rodné čísl", "rodne cisl", "rodného čísl", "rodným čísl", "r.č", "rč ", "birth number"),
)

HUNGARY = Entity(
    "pii.national_id.hu",
    "A Hungarian personal number: a date and a check digit; near a word for it a tax number.",
    (
        digital(rf"[1-8][ \-]?[0-9]{{2}}{MONTH}{DAY}[ \-]?[0-9]{{4}}", BARE, 11, szemelyi),
        digital(r"8[0-9]{9}", WEAK, 10, ado),
    ),
    near=("adóazonosító", "adoazonosito", "adójel", "adószám", "tax id"),
)

ROMANIA = Entity(
    "pii.national_id.ro",
    "A Romanian CNP: a date, a county and a check digit.",
    (digital(rf"[1-9][0-9]{{2}}{MONTH}{DAY}[0-8][0-9]{{5}}", BARE, 13, cnp),),
)

BULGARIA = Entity(
    "pii.national_id.bg",
    "A Bulgarian EGN: a date and a check digit, near a word for it.",
    (digital(rf"[0-9]{{2}}(?:[024][1-9]|[135][0-2]){DAY}[0-9]{{4}}", WEAK, 10, egn),),
    near=("егн", "единен граждански номер", "egn ", "лнч"),
)

CROATIA = Entity(
    "pii.national_id.hr",
    "A Croatian OIB whose check digit is right, near a word for it; a JMBG of a region in Croatia.",
    (
        digital("[0-9]{11}", WEAK, 11, oib),
        digital(rf"{DAY}{MONTH}[09][0-9]{{2}}3[0-9]{{5}}", SURE, 13, jmbg),
    ),
    near=("oib", "osobni identifikacijski"),
)

SLOVENIA = Entity(
    "pii.national_id.si",
    "A Slovenian EMŠO: a date, a region and a check digit.",
    (digital(rf"{DAY}{MONTH}[09][0-9]{{2}}5[0-9]{{5}}", SURE, 13, jmbg),),
)

SERBIA = Entity(
    "pii.national_id.rs",
    "A Serbian JMBG: a date, a region and a check digit.",
    (digital(rf"{DAY}{MONTH}[09][0-9]{{2}}[789][0-9]{{5}}", SURE, 13, jmbg),),
)

BOSNIA = Entity(
    "pii.national_id.ba",
    "A JMBG of Bosnia and Herzegovina: a date, a region and a check digit.",
    (digital(rf"{DAY}{MONTH}[09][0-9]{{2}}1[0-9]{{5}}", SURE, 13, jmbg),),
)

MONTENEGRO = Entity(
    "pii.national_id.me",
    "A Montenegrin JMBG: a date, a region and a check digit.",
    (digital(rf"{DAY}{MONTH}[09][0-9]{{2}}2[0-9]{{5}}", SURE, 13, jmbg),),
)

MACEDONIA = Entity(
    "pii.national_id.mk",
    "A North Macedonian EMBG: a date, a region and a check digit.",
    (digital(rf"{DAY}{MONTH}[09][0-9]{{2}}4[0-9]{{5}}", SURE, 13, jmbg),),
)

GREECE = Entity(
    "pii.national_id.gr",
    "A Greek AMKA: a date and a check digit; near a word for it a tax number (AFM).",
    (
        digital(rf"{DAY}{MONTH}[0-9]{{7}}", BARE, 11, amka),
        digital("[0-9]{9}", WEAK, 9, afm),
    ),
    near=("αφμ", "afm", "φορολογικ"),
)

UKRAINE = Entity(
    "pii.national_id.ua",
    "A Ukrainian taxpayer's number whose check digit is right, near a word for it.",
    (digital("[0-9]{10}", WEAK, 10, rnokpp),),
    near=("рнокпп", "іпн", "ідентифікаційн", "код платника", "rnokpp"),
)

RUSSIA = Entity(
    "pii.national_id.ru",
    "A Russian SNILS with its joints, or near a word for it a SNILS or INN of a person.",
    (
        digital(r"[0-9]{3}-[0-9]{3}-[0-9]{3}[ \-][0-9]{2}", FAIR, 11, snils),
        digital(r"[0-9]{11}", WEAK, 11, snils),
        digital(r"[0-9]{12}", WEAK, 12, inn),
    ),
    near=("снилс", "snils", "инн", "inn ", "страховой номер"),
)

MOLDOVA = Entity(
    "pii.national_id.md",
    "A Moldovan IDNP whose check digit is right, near a word for it.",
    (digital("[029][0-9]{12}", WEAK, 13, idnp),),
    near=("idnp", "cod personal", "număr de identificare"),
)

EAST = (
    POLAND, CZECHIA, SLOVAKIA, HUNGARY, ROMANIA, BULGARIA, CROATIA, SLOVENIA, SERBIA, BOSNIA,
    MONTENEGRO, MACEDONIA, GREECE, UKRAINE, RUSSIA, MOLDOVA,
)  # fmt: skip

CHECKS: Mapping[str, Callable[[str], bool]] = {
    "ado": ado,
    "afm": afm,
    "amka": amka,
    "cnp": cnp,
    "dowod": dowod,
    "egn": egn,
    "idnp": idnp,
    "inn": inn,
    "jmbg": jmbg,
    "oib": oib,
    "pesel": pesel,
    "rnokpp": rnokpp,
    "rodne_cislo": rodne_cislo,
    "snils": snils,
    "szemelyi": szemelyi,
}
"""The validators of this module, by the names that authors use."""
