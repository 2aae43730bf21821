"""Checks of codes that letters and digits make up: BIC, VIN, MAC, machine-readable zones.

Each takes the text as it was written and says whether it is well-formed. None is slow: a code has
at most 90 characters.
"""

from __future__ import annotations

import re

_countries = """
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR
BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ
EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW
GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY
KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV
MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY
QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG
TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA
ZM ZW
"""
COUNTRIES = frozenset(_countries.split())
"""Countries by their two letters (ISO 3166-1), and XK, which banks use for Kosovo."""

VIN_VALUES = dict(
    zip("ABCDEFGHJKLMNPRSTUVWXYZ0123456789", [
        1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 7, 9, 2, 3, 4, 5, 6, 7, 8, 9, *range(10),
    ], strict=True)
)  # fmt: skip
VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
VIN_SHAPE = re.compile(r"[A-HJ-NPR-Z0-9]{13}[0-9]{4}")
VIN_CHECK = 8
VIN_LETTERS = 3
TEN = 10

MRZ_WEIGHTS = (7, 3, 1)
MRZ_VALUES = {char: value for value, char in enumerate("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")}
MRZ_VALUES["<"] = 0
MRZ_LONGEST = 100
MRZ_LINES = {(3, 30), (2, 36), (2, 44)}
"""How many lines of how many characters travel documents have: sizes 1, 2 and 3."""

_bic = re.compile(r"[A-Z]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?")
_mac = re.compile(
    r"(?:[0-9A-F]{2}(?:-[0-9A-F]{2}){5}|[0-9A-F]{2}(?::[0-9A-F]{2}){5}"
    r"|[0-9A-F]{4}\.[0-9A-F]{4}\.[0-9A-F]{4})",
    re.IGNORECASE,
)


def bic(text: str) -> bool:
    """Return whether *text* is a bank's BIC or SWIFT code: 8 or 11 characters (ISO 9362)."""
    code = text.replace(" ", "").upper()
    return _bic.fullmatch(code) is not None and code[4:6] in COUNTRIES


def vin(text: str) -> bool:
    """Return whether *text* is a vehicle's number whose check digit is right (49 CFR 565.15).

    The check digit is required in North America and China; numbers of other makers (ISO 3779) may
    have none.
    """
    return vin_shape(text) and vin_checked(text)


def vin_shape(text: str) -> bool:
    """Return whether *text* has 17 characters without I, O, Q, four digits last (ISO 3779).

    Three letters at least: longer numbers are no vehicles.
    """
    return VIN_SHAPE.fullmatch(text.upper()) is not None and (
        sum(map(str.isalpha, text)) >= VIN_LETTERS
    )


def vin_checked(text: str) -> bool:
    """Return whether the ninth of the 17 characters of *text* checks the others."""
    code = text.upper()
    total = sum(VIN_VALUES[char] * by for char, by in zip(code, VIN_WEIGHTS, strict=True))
    rest = total % 11
    return code[VIN_CHECK] == ("X" if rest == TEN else str(rest))


def mac(text: str) -> bool:
    """Return whether *text* is a device's EUI-48 (MAC) address, neither empty nor broadcast."""
    return _mac.fullmatch(text) is not None and len(set(re.sub(r"[-:.]", "", text.upper()))) > 1


def mrz(text: str) -> bool:
    """Return whether *text* is a machine-readable zone whose check digits are right (ICAO 9303).

    It has the lines of a passport, an identity card of either size, or a visa.
    """
    lines = text[:MRZ_LONGEST].split()
    if (len(lines), len(lines[0]) if lines else 0) not in MRZ_LINES:
        return False
    if len(set(map(len, lines))) > 1 or not set(text) <= MRZ_VALUES.keys() | {"\n", "\r", " "}:
        return False
    if len(lines) == 3:  # noqa: PLR2004 - an identity card
        return _card_lines(lines[0], lines[1])
    second = lines[1]
    fields = (second[:10], second[13:20], second[21:28])
    if not all(map(_checked, fields)):
        return False
    if lines[0].startswith("V"):
        return True
    return _checked(second[:10] + second[13:20] + second[21:])


def _card_lines(first: str, second: str) -> bool:
    # A number of more than nine characters goes on behind a "<", and is checked with the rest.
    number = first[14] == "<" or _checked(first[5:15])
    whole = first[5:] + second[:7] + second[8:15] + second[18:]
    return number and _checked(second[:7]) and _checked(second[8:15]) and _checked(whole)


def _checked(field: str) -> bool:
    """Return whether the last character of *field* is the sum of the others, by weights 7, 3, 1."""
    total = sum(MRZ_VALUES[char] * MRZ_WEIGHTS[place % 3] for place, char in enumerate(field[:-1]))
    return field[-1] == str(total % 10)
