"""Numbers that the states of America give to people, and their checks."""

# ruff: noqa: PLR2004 - lengths, weights and moduli are the algorithms themselves

from __future__ import annotations

from collections.abc import Callable, Mapping

from engine.content.checksums import digits, is_day, joined, luhn, weighted
from engine.content.detectors import Entity
from engine.content.identity import (
    BARE,
    DAY,
    FAIR,
    MONTH,
    SURE,
    WEAK,
    digital,
    lettered,
    number,
    signed,
)

CURP_VALUES = "0123456789ABCDEFGHIJKLMN\u00d1OPQRSTUVWXYZ"
RFC_VALUES = "0123456789ABCDEFGHIJKLMN&OPQRSTUVWXYZ \u00d1"
STATES_MX = (
    "AS|BC|BS|CC|CL|CM|CS|CH|DF|DG|GT|GR|HG|JC|MC|MN|MS|NT|NL|OC|PL|QT|QR|SP|SL|SR|TC|TS|TL|VZ|YN"
    "|ZS|NE"
)
DATED = r"[A-Z&]{3}-?[0-9]{6}"
"""What all numbers of Mexico have: three letters and a date."""
PERSONS_AR = ("20", "23", "24", "25", "26", "27")


def _paired(values: list[int], first: range, second: range) -> bool:
    """Return whether the last two digits are weighted sums modulo 11, ten written as 0."""
    count = len(values) - 2
    one = 11 - weighted(values[:count], first) % 11
    two = 11 - weighted(values[: count + 1], second) % 11
    return [one % 11 % 10, two % 11 % 10] == values[count:]


def cpf(text: str) -> bool:
    """Return whether *text* is a Brazilian CPF: two check digits modulo 11 (Receita Federal)."""
    values = digits(text, 11)
    return bool(values) and _paired(values, range(10, 1, -1), range(11, 1, -1))


def cuit(text: str) -> bool:
    """Return whether *text* is an Argentine CUIT or CUIL: a known prefix, modulo 11 (AFIP)."""
    values = digits(text, 11)
    rest = -weighted(values[:10], (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return (
        bool(values)
        and joined(text)[:2] in {*PERSONS_AR, "30", "33", "34"}
        and values[10] == (9 if rest == 10 else rest)
    )


def rut(text: str) -> bool:
    """Return whether *text* is a Chilean RUT: modulo 11, ten written as ``K`` (DS 18/1973)."""
    number = joined(text)
    values = digits(number[:-1], 7, 8)
    if not values:
        return False
    rest = -weighted(values[::-1], (2, 3, 4, 5, 6, 7, 2, 3)) % 11
    return number[-1] == "0123456789K"[rest]


def curp(text: str) -> bool:
    """Return whether *text* is a Mexican CURP: a date, a state, a digit modulo 10 (RENAPO)."""
    number = joined(text)
    if len(number) != 18 or not number[4:10].isdigit() or not number[17].isdigit():
        return False
    values = [CURP_VALUES.find(char) for char in number]
    return (
        min(values) >= 0
        and is_day(int(number[6:8]), int(number[8:10]))
        and -weighted(values[:17], range(18, 1, -1)) % 10 == values[17]
    )


def rfc(text: str) -> bool:
    """Return whether *text* is a Mexican RFC: of a firm 12 signs, of a person 13, modulo 11."""
    number = joined(text)
    if len(number) not in {12, 13} or not digits(number[-9:-3] + "01", 8):
        return False
    values = [RFC_VALUES.find(char) for char in number.rjust(13)]
    rest = -weighted(values[:12], range(13, 1, -1)) % 11
    day = is_day(int(number[-7:-5]), int(number[-5:-3]))
    told = number[-3] not in "0WXYZ" and number[-2] != "0"
    return min(values) >= 0 and day and told and number[-1] == "0123456789A"[rest]


def sin_ca(text: str) -> bool:
    """Return whether *text* is a Canadian social insurance number: nine digits, Luhn."""
    values = digits(text, 9)
    return bool(values) and values[0] not in {0, 8} and luhn(text)


def cedula_do(text: str) -> bool:
    """Return whether *text* is a Dominican cédula: eleven digits, Luhn (Ley 8-92)."""
    return bool(digits(text, 11)) and luhn(text)


def cedula_ec(text: str) -> bool:
    """Return whether *text* is an Ecuadorian cédula: a province, and Luhn over ten digits."""
    values = digits(text, 10)
    province = int(joined(text)[:2]) if values else 0
    return (1 <= province <= 24 or province == 30) and values[2] <= 6 and luhn(text)


def cedula_uy(text: str) -> bool:
    """Return whether *text* is a Uruguayan cédula: weights 2, 9, 8, 7, 6, 3, 4, modulo 10."""
    values = digits(text, 8)
    return bool(values) and -weighted(values[:7], (2, 9, 8, 7, 6, 3, 4)) % 10 == values[7]


def rif(text: str) -> bool:
    """Return whether *text* is a Venezuelan RIF or cédula with its letter: modulo 11 (SENIAT)."""
    number = joined(text)
    values = digits(number[1:], 9)
    letter = " VEJPG".find(number[:1])
    if not values or letter < 1:
        return False
    total = 4 * letter + weighted(values[:8], (3, 2, 7, 6, 5, 4, 3, 2))
    return -total % 11 % 10 == values[8]


BRAZIL = Entity(
    "pii.national_id.br",
    "A Brazilian CPF whose two check digits are right.",
    (
        digital(r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}[\-/][0-9]{2}", SURE, 11, cpf),
        digital(r"[0-9]{11}|[0-9]{9}-[0-9]{2}", BARE, 11, cpf),
    ),
)

ARGENTINA = Entity(
    "pii.national_id.ar",
    "An Argentine CUIT or CUIL of a person with hyphens, or without near a word for it.",
    (
        digital(r"2[03-7]-[0-9]{8}-[0-9]", FAIR, 11, cuit),
        digital(r"2[03-7][0-9]{9}", WEAK, 11, cuit),
    ),
    near=("cuit", "cuil"),
)

CHILE = Entity(
    "pii.national_id.cl",
    "A Chilean RUT or RUN with its points, or without them near a word for it.",
    (
        signed(r"[0-9]{1,2}\.[0-9]{3}\.[0-9]{3}-[0-9Kk]", FAIR, 7, rut, number),
        signed(r"[0-9]{7,8}-?[0-9Kk]", WEAK, 7, rut, number),
    ),
    near=("rut ", "run ", "r.u.t", "cédula", "cedula", "rol único"),
)

MEXICO = Entity(
    "pii.national_id.mx",
    "A Mexican CURP, or the RFC of a person, whose check digit is right.",
    (
        lettered(
            rf"[A-Z][AEIOUX][A-Z]{{2}}[0-9]{{2}}{MONTH}{DAY}[HMX](?:{STATES_MX})"
            r"[B-DF-HJ-NP-TV-Z]{3}[0-9A-Z][0-9]",
            SURE,
            DATED,
            curp,
        ),
        lettered(
            rf"[A-Z]{{4}}-?[0-9]{{2}}{MONTH}{DAY}-?[0-9A-Z]{{2}}[0-9A]",
            FAIR,
            DATED,
            rfc,
        ),
    ),
)

CANADA = Entity(
    "pii.national_id.ca",
    "A Canadian social insurance number that passes the Luhn check, near a word for it.",
    (digital(r"[1-79][0-9]{2}[ \-]?[0-9]{3}[ \-]?[0-9]{3}", WEAK, 9, sin_ca),),
    near=("social insurance", "sin ", "sin#", "nas ", "assurance sociale"),
)

DOMINICAN = Entity(
    "pii.national_id.do",
    "A Dominican cédula with its joints, or without them near a word for it; Luhn.",
    (
        digital(r"[0-9]{3}-[0-9]{7}-[0-9]", FAIR, 11, cedula_do),
        digital(r"[0-9]{11}", WEAK, 11, cedula_do),
    ),
    near=("cédula", "cedula"),
)

ECUADOR = Entity(
    "pii.national_id.ec",
    "An Ecuadorian cédula whose check digit is right, near a word for it.",
    (digital(r"[0-3][0-9][0-6][0-9]{6}-?[0-9]", WEAK, 10, cedula_ec),),
    near=("cédula", "cedula", "documento de identidad"),
)

URUGUAY = Entity(
    "pii.national_id.uy",
    "A Uruguayan cédula with its points, or without them near a word for it.",
    (
        digital(r"[1-9]\.[0-9]{3}\.[0-9]{3}-[0-9]", FAIR, 8, cedula_uy),
        digital(r"[1-9][0-9]{6}-?[0-9]", WEAK, 8, cedula_uy),
    ),
    near=("cédula", "cedula", "documento de identidad", "c.i."),
)

VENEZUELA = Entity(
    "pii.national_id.ve",
    "The RIF of a person in Venezuela, whose check digit is right.",
    (signed(r"[VE]-?[0-9]{8}-?[0-9]", BARE, 9, rif),),
)

AMERICA = (
    BRAZIL, ARGENTINA, CHILE, MEXICO, CANADA, DOMINICAN, ECUADOR, URUGUAY, VENEZUELA,
)  # fmt: skip

CHECKS: Mapping[str, Callable[[str], bool]] = {
    "cedula_do": cedula_do,
    "cedula_ec": cedula_ec,
    "cedula_uy": cedula_uy,
    "cpf": cpf,
    "cuit": cuit,
    "curp": curp,
    "rfc": rfc,
    "rif": rif,
    "rut": rut,
    "sin_ca": sin_ca,
}
"""The validators of this module, by the names that authors use."""
