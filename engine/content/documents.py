"""Detectors of numbers that an office gave a person (``pii.ssn`` …)."""

from __future__ import annotations

import re

from engine.content import codes, validate
from engine.content.detectors import Entity, Pattern, alone, stricter
from engine.content.naming import BEGIN, CAPITALS, IMPERSONAL, NAMED, named_otherwise

_apart = alone()
_number = alone(b"-.")


LICENSE_DIGITS = 5
ITALIAN_DIGITS = 3
ITALIAN_LENGTH = 10
PASSPORT_DIGITS = 4
ITIN_GROUPS = "5[0-9]|6[0-5]|7[0-9]|8[0-8]|9[0-24-9]"
"""Fourth and fifth digit of an ITIN (IRS Publication 1915)."""

LICENSE_WORDS = (
    "driv", "licencia de condu", "führerschein", "fuehrerschein", "permis de conduire", "patente",
    "rijbewijs", "carta de condu", "carteira de habilita", "prawa jazdy", "prawo jazdy", "körkort",
    "førerkort", "kørekort", "ajokort", "ehliyet", "permiso de conducir", "carnet de conducir",
)  # fmt: skip
LICENSES = (
    r"driv(?:er(?:'|\x{2019})?s?(?:'|\x{2019})?|ing)[ _\-]{0,2}(?:licen[cs]e|permit)",
    r"licencia de conduc(?:ir|ción)",
    r"f(?:ü|ue)hrerschein",
    r"permis de conduire",
    r"patente(?: di guida)?",
    r"rijbewijs",
    r"carta de condução",
    r"carteira de habilitação",
    r"praw[ao] jazdy",
    r"körkort",
    r"(?:før|kør)ekort",
    r"ajokort(?:ti)?",
    r"ehliyet",
    r"(?:permiso|carnet) de conducir",
)
LICENSE = "|".join(LICENSES)
LICENSE_NUMBER = (
    r"[A-Z]{5} [0-9]{6} [A-Z0-9]{5}\b"
    r"|[A-Za-z]{0,3}[ \-]?[0-9]{1,8}(?:[ \-][0-9]{2,6}){1,4}\b"
    r"|[A-Za-z]{0,3}[0-9][0-9A-Za-z\-]{4,17}\b"
    r"|[A-Z*]{1,7}[0-9A-Z*]{5,12}\b"
)
_month_and_day = re.compile(r"[0-9](?:[05][1-9]|[16][0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]")

PASSPORT_WORDS = (
    "passport", "reisepass", "passnummer", "passnr", "passeport", "pasaporte", "passaporto",
    "passaporte", "paszport", "paspoort", "pasaport", "аспорт", "여권", "护照", "護照", "旅券",
    "パスポート",
)  # fmt: skip
PASSPORTS = (
    rf"(?:{BEGIN}(?:passports?|reisepass(?:nummer|-?nr)?|pass(?:nummer|nr)|passeport|pasaporte"
    r"|passaport[oe]|paszportu?|paspoort(?:nummer)?|pasaport)"
    r"|паспорта?|여권(?:번호)?[는은이가]?"
    r"|(?:护照|護照|旅券|パスポート)(?:号码|號碼|番号|号)?[是はが]?)"
)
PASSPORT_NUMBERS = (
    r"[A-Z]{1,2}[0-9]{7}",  # India, Italy, Australia, Poland and many others
    r"[A-Z][0-9]{8}",  # the United States, China, Korea, Turkey
    r"[0-9]{8,9}",  # the United Kingdom, the United States, Russia
    r"[A-Z]{2}[0-9]{6}",  # Canada, Ireland, South Africa
    r"[A-Z][0-9]{6}[A-Z]{2}",  # Canada since 2023
    r"[0-9]{2}[A-Z]{2}[0-9]{5}",  # France
    r"[A-Z]{3}[0-9]{6}",  # Spain
    r"[A-Z][0-9]{3}[A-Z][0-9]{4}",  # Korea since 2021
    r"[CFGHJK][0-9CFGHJKLMNPRTVWXYZ]{7}[0-9]",  # Germany
    r"[A-Z]{2} [0-9]{7}",
    r"[0-9]{2} [0-9]{7}",
)
PASSPORT_NUMBER = "|".join(PASSPORT_NUMBERS)

_BIRTH = r"[0-9]{7}[MFX<][0-9]{7}"
MRZ = (
    rf"\b(?:[PV][A-Z<]{{43}}\r?\n[A-Z0-9<]{{9}}[0-9][A-Z<]{{3}}{_BIRTH}[A-Z0-9<]{{16}}"
    rf"|[ACIPV][A-Z<]{{35}}\r?\n[A-Z0-9<]{{9}}[0-9][A-Z<]{{3}}{_BIRTH}[A-Z0-9<]{{8}}"
    rf"|[ACI][A-Z0-9<]{{29}}\r?\n{_BIRTH}[A-Z<]{{3}}[A-Z0-9<]{{11}}[0-9]\r?\n[A-Z<]{{30}})"
)
"""The lines of passports and visas, of larger cards, and of identity cards (ICAO 9303-4 to -7)."""


def _license(text: str) -> bool:
    """Return whether *text* has the digits of a licence number: five, or four beside letters."""
    digits = sum(map(str.isdigit, text))
    return digits >= LICENSE_DIGITS or (digits == LICENSE_DIGITS - 1 and text[0].isupper())


def _shaped(text: str) -> bool:
    """Return whether *text* is a licence of Italy, or has a birthday where British ones have it.

    The month of a British woman is 50 more, and the name is filled up with nines.
    """
    if len(text) == ITALIAN_LENGTH:
        return sum(map(str.isdigit, text)) >= ITALIAN_DIGITS
    return _month_and_day.fullmatch(text, 5, 11) is not None


def _numbered(text: str) -> bool:
    """Return whether *text* holds a few digits."""
    return sum(map(str.isdigit, text)) >= PASSPORT_DIGITS


@stricter
def _personal(data: bytes, start: int, end: int) -> bool:
    """Guard of a number: it stands alone, and is not called one of a thing."""
    return _number(data, start, end) and not named_otherwise(data, start, IMPERSONAL)


SSN = Entity(
    "pii.ssn",
    "A US social security number that could have been issued.",
    (
        Pattern(
            r"[0-9]{3}-[0-9]{2}-[0-9]{4}",
            0.6,
            guard=_personal,
            digits=9,
            check=validate.ssn,
            retry=True,
        ),
        Pattern(
            r"[0-9]{9}|[0-9]{3}[. ][0-9]{2}[. ][0-9]{4}",
            0.3,
            guard=_number,
            digits=9,
            check=validate.ssn,
            retry=True,
        ),
    ),
    near=("ssn", "social security", "soc sec", "social insurance", "taxpayer", "itin"),
)

ITIN = Entity(
    "pii.itin",
    "A US individual taxpayer identification number: 9 first, and a group that the IRS gives out.",
    (
        Pattern(
            rf"9[0-9]{{2}}(?:-(?:{ITIN_GROUPS})-| (?:{ITIN_GROUPS}) )[0-9]{{4}}",
            0.6,
            guard=_number,
            digits=9,
            retry=True,
        ),
        Pattern(
            rf"9[0-9]{{2}}(?:{ITIN_GROUPS})[0-9]{{4}}",
            0.3,
            guard=_number,
            digits=9,
            retry=True,
        ),
    ),
    near=("itin", "taxpayer", "tax id", "individual tax"),
)

DRIVER_LICENSE = Entity(
    "pii.driver_license",
    "A driving licence number: of the United Kingdom or Italy by its shape, any other behind words "
    "that say so.",
    (
        Pattern(
            BEGIN + rf"(?i:{LICENSE})" + NAMED + rf"({LICENSE_NUMBER})",
            0.8,
            keywords=LICENSE_WORDS,
            before=1,
            hint=rf"(?i){LICENSE}",
            guard=_apart,
            check=_license,
        ),
        Pattern(
            r"\b(?:[A-Z][A-Z9]{4}[0-9][0156][0-9][0-3][0-9]{2}[A-Z][A-Z9][0-9A-Z][A-Z]{2}"
            r"|U1[0-9B-DF-HJ-NPR-UWYXZ]{7}[A-Z])",
            0.6,
            hint=CAPITALS,
            guard=_apart,
            check=_shaped,
        ),
    ),
)

PASSPORT = Entity(
    "pii.passport",
    "A passport number in the form of one of many countries behind a word for it, or the "
    "machine-readable lines of a travel document whose check digits are right (ICAO 9303).",
    (
        Pattern(
            rf"(?i:{PASSPORTS}{NAMED}({PASSPORT_NUMBER}))\b",
            0.8,
            keywords=PASSPORT_WORDS,
            before=3,
            hint=f"(?i){PASSPORTS}",
            guard=_apart,
            check=_numbered,
        ),
        Pattern(MRZ, 0.95, hint=_BIRTH, guard=_apart, check=codes.mrz),
    ),
)

DOCUMENTS = (SSN, ITIN, DRIVER_LICENSE, PASSPORT)
