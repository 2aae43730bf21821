"""Numbers that the states of western Europe give to people, and their checks."""

# ruff: noqa: PLR2004 - lengths, weights and moduli are the algorithms themselves

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from engine.content.checksums import (
    ALPHABET,
    digits,
    icao,
    is_day,
    joined,
    luhn,
    mod11_10,
    verhoeff,
    weighted,
)
from engine.content.detectors import Entity
from engine.content.identity import (
    BARE,
    DAY,
    FAIR,
    MONTH,
    SURE,
    WEAK,
    YEAR,
    digital,
    lettered,
    signed,
    spoken,
    unnamed,
)

DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
PPS_LETTERS = "WABCDEFGHIJKLMNOPQRSTUV"
ODD_VALUES = dict(
    zip(
        ALPHABET,
        (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3,
         6, 8, 12, 14, 16, 10, 22, 25, 24, 23),
        strict=True,
    )
)  # fmt: skip
"""What characters at odd places of a codice fiscale are worth."""
AUSWEIS = "CFGHJKLMNPRTVWXYZ"
"""Letters that German documents are numbered with: no vowels, none that look like digits."""
OFFICES = "LMNPRTVWXY"
"""What the numbers of German identity cards begin with, by the office."""
CARD = rf"[{AUSWEIS}][0-9{AUSWEIS}]{{7}}[0-9{AUSWEIS}]"
NO_NINO = frozenset({"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"})


def german_document(text: str) -> bool:
    """Return whether *text* is a German document's number and its check digit (ICAO 9303)."""
    number = joined(text)
    return len(number) == 10 and number.isascii() and number.isalnum() and icao(number)


def german_tax_id(text: str) -> bool:
    """Return whether *text* passes as a German tax id (§ 139b AO): ISO 7064 MOD 11,10."""
    values = digits(text, 11)
    return bool(values) and values[0] != 0 and mod11_10(values)


def steuer_id(text: str) -> bool:
    """Return whether *text* is a German tax id as they are given.

    Of its first ten digits one occurs twice or three times, though not three times in a row, and no
    other more than once (Bundeszentralamt für Steuern, 2016).
    """
    number = joined(text)
    often = sorted(Counter(number[:10]).values(), reverse=True)
    return (
        german_tax_id(number)
        and often[0] in {2, 3}
        and often[1] == 1
        and not any(digit * 3 in number[:10] for digit in set(number[:10]))
    )


def nir(text: str) -> bool:
    """Return whether *text* is a French social security number and its key (97 less n mod 97).

    Source: INSEE, NIR; ``2A`` and ``2B`` of Corsica count as 19 and 18.
    """
    number = joined(text).replace("2A", "19", 1).replace("2B", "18", 1)
    if len(number) != 15 or not number.isascii() or not number.isdigit():
        return False
    return 97 - int(number[:13]) % 97 == int(number[13:])


def codice_fiscale(text: str) -> bool:
    """Return whether the last letter of an Italian tax code checks the others (DM 23/12/1976)."""
    number = joined(text)
    if len(number) != 16 or not set(number) <= ODD_VALUES.keys():
        return False
    odd = sum(ODD_VALUES[char] for char in number[0:15:2])
    even = sum(int(char) if char.isdigit() else ord(char) - 65 for char in number[1:15:2])
    return ord(number[15]) - 65 == (odd + even) % 26


def dni(text: str) -> bool:
    """Return whether the letter of a Spanish DNI, NIE or NIF is its number modulo 23."""
    number = joined(text)
    plain = number[:-1].translate(str.maketrans("XYZKLM", "012000"))
    if len(number) != 9 or not plain.isascii() or not plain.isdigit():
        return False
    return number[-1] == DNI_LETTERS[int(plain) % 23]


def nif_pt(text: str) -> bool:
    """Return whether *text* is a Portuguese tax number: nine digits, modulo 11 (DL 463/79)."""
    values = digits(text, 9)
    rest = -weighted(values[:8], range(9, 1, -1)) % 11 % 10
    return bool(values) and values[0] > 0 and values[8] == rest


def cartao_cidadao(text: str) -> bool:
    """Return whether *text* is the document number of a Portuguese citizen card: Luhn, base 36."""
    number = joined(text)
    if len(number) != 12 or not set(number) <= set(ALPHABET):
        return False
    total = 0
    for place, char in enumerate(reversed(number)):
        value = int(char, 36) * (1 + place % 2)
        total += value - 9 if place % 2 and value > 9 else value
    return total % 10 == 0 and len(set(number)) > 1


def bsn(text: str) -> bool:
    """Return whether *text* is a Dutch citizen service number: the eleven test (Wet BSN)."""
    values = digits(text, 9)
    return bool(values) and weighted(values, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0


def rijksregister(text: str) -> bool:
    """Return whether *text* is a Belgian national number: a date, and 97 less the rest of nine.

    Those born from 2000 on have a 2 put before. Bis numbers have 20 or 40 added to the month.
    Source: royal decree of 3 April 1984.
    """
    values = digits(text, 11)
    if not values:
        return False
    number = joined(text)
    month, day = int(number[2:4]) % 20, int(number[4:6])
    if int(number[2:4]) >= 60 or not (month == 0 or is_day(month, day or 1)):
        return False
    return any(97 - int(lead + number[:9]) % 97 == int(number[9:]) for lead in ("", "2"))


def matricule(text: str) -> bool:
    """Return whether *text* is a Luxembourgish number: a date, a Luhn and a Verhoeff digit."""
    values = digits(text, 13)
    if not values:
        return False
    number = joined(text)
    day = is_day(int(number[4:6]), int(number[6:8]), int(number[:4]))
    return day and luhn(number[:12]) and verhoeff(number[:11] + number[12])


def pps(text: str) -> bool:
    """Return whether *text* is an Irish PPS number: its letter is the weighted sum modulo 23."""
    number = joined(text)
    values = digits(number[:7], 7)
    if not values or len(number) not in {8, 9} or not number[7:].isalpha():
        return False
    second = PPS_LETTERS.find(number[8:]) if number[8:] else 0
    return (
        second >= 0
        and PPS_LETTERS[(weighted(values, range(8, 1, -1)) + 9 * second) % 23] == (number[7])
    )


def nino(text: str) -> bool:
    """Return whether the letters of a British insurance number are given out (NIM39110)."""
    number = joined(text)
    return len(number) == 9 and number[:2] not in NO_NINO


def ahv(text: str) -> bool:
    """Return whether *text* is a Swiss insurance number: 756, and the check of an EAN-13."""
    values = digits(text, 13)
    return values[:3] == [7, 5, 6] and weighted(values, (1, 3) * 6 + (1,)) % 10 == 0


def svnr(text: str) -> bool:
    """Return whether *text* is an Austrian insurance number: a date, the fourth digit modulo 11."""
    values = digits(text, 10)
    if not values or values[0] == 0:
        return False
    number = joined(text)
    return (
        is_day(int(number[6:8]), int(number[4:6]))
        and weighted(values, (3, 7, 9, 0, 5, 8, 4, 2, 1, 6)) % 11 == values[3]
    )


def _numbered(text: str) -> bool:
    """Return whether *text* may be a German document's number, and is no word with a number.

    It has four digits or more. Letters stand behind them too, or the first is the only one, and one
    that offices have.
    """
    first, rest = text[0], text[1:]
    mixed = rest.lstrip(AUSWEIS).rstrip("0123456789")
    return sum(map(str.isdigit, text)) >= 4 and (
        bool(mixed) or (first in OFFICES and rest.isdigit())
    )


def _checked(text: str) -> bool:
    return _numbered(text[:9]) and german_document(text)


GERMANY = Entity(
    "pii.national_id.de",
    "A German identity card's number, or a tax id whose check digit is right.",
    (
        lettered(rf"[{AUSWEIS}][0-9{AUSWEIS}]{{8}}[0-9]", FAIR, CARD, _checked),
        lettered(rf"[{AUSWEIS}][0-9{AUSWEIS}]{{7}}[0-9]", BARE, CARD, _numbered, unnamed),
        digital(r"[1-9][0-9]{10}|[1-9][0-9](?: [0-9]{3}){3}", BARE, 11, steuer_id),
        digital(r"[1-9][0-9]{10}|[1-9][0-9](?: [0-9]{3}){3}", WEAK, 11, german_tax_id),
    ),
    near=("ausweis", "steuer", "idnr", "identifikationsnummer", "tax id", "tin "),
)

FRANCE = Entity(
    "pii.national_id.fr",
    "A French social security number (NIR) with its key.",
    (
        digital(
            r"[12] ?[0-9]{2} ?(?:0[1-9]|1[0-2]|[2-9][0-9]) ?[0-9]{2}(?: ?[0-9]{3}){2} ?[0-9]{2}",
            FAIR,
            15,
            nir,
        ),
        digital(r"[3478][0-9]{14}", WEAK, 15, nir),
        lettered(
            r"[12] ?[0-9]{2} ?(?:0[1-9]|1[0-2]) ?2[AB] ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}",
            SURE,
            r"2[AB] ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}",
            nir,
        ),
    ),
    near=("sécurité sociale", "securite sociale", "sécu ", "nir ", "insee"),
)

ITALY = Entity(
    "pii.national_id.it",
    "An Italian codice fiscale whose last letter is right; with letters for digits, behind a word.",
    (
        lettered(
            r"[A-Za-z]{6}[0-9]{2}[A-EHLMPR-Ta-ehlmpr-t][0-9]{2}[A-Za-z][0-9]{3}[A-Za-z]",
            SURE,
            r"[0-9]{2}[A-Za-z][0-9]{3}[A-Za-z]",
            codice_fiscale,
        ),
        spoken(
            ("codice fiscale", "cod fisc", "cf"),
            r"[A-Za-z]{6}[0-9L-NP-V]{2}[A-EHLMPR-T][0-9L-NP-V]{2}[A-Z][0-9L-NP-V]{3}[A-Z]",
            SURE,
            codice_fiscale,
        ),
    ),
)

SPAIN = Entity(
    "pii.national_id.es",
    "A Spanish DNI, NIE or NIF whose letter is right.",
    (
        signed(
            r"(?:[XYZKLM][0-9]{7}|[0-9]{8}|[0-9]{2}\.[0-9]{3}\.[0-9]{3})-?[A-HJ-NP-TV-Z]",
            FAIR,
            7,
            dni,
        ),
    ),
)

PORTUGAL = Entity(
    "pii.national_id.pt",
    "A Portuguese citizen card's number, or near a word for it a tax number (NIF).",
    (
        signed(r"[0-9]{8} ?[0-9] ?[A-Z]{2}[0-9]", FAIR, 9, cartao_cidadao),
        digital(r"[1-9][0-9]{8}|[1-9][0-9]{2}(?: [0-9]{3}){2}", WEAK, 9, nif_pt),
    ),
    near=("nif ", "contribuinte", "identificação fiscal", "número fiscal"),
)

NETHERLANDS = Entity(
    "pii.national_id.nl",
    "A Dutch citizen service number (BSN) that passes the eleven test, near a word for it.",
    (digital(r"[0-9]{9}|[0-9]{4}[. ][0-9]{2}[. ][0-9]{3}", WEAK, 9, bsn),),
    near=("bsn", "burgerservice", "sofinummer", "sofi-nummer", "citizen service"),
)

BELGIUM = Entity(
    "pii.national_id.be",
    "A Belgian national number: a date, and two check digits.",
    (
        digital(
            r"[0-9]{2}\.?[0-5][0-9]\.?[0-3][0-9][ \-]?[0-9]{3}[. \-]?[0-9]{2}",
            FAIR,
            11,
            rijksregister,
        ),
    ),
)

LUXEMBOURG = Entity(
    "pii.national_id.lu",
    "A Luxembourgish national number: a date, and two check digits.",
    (digital(rf"{YEAR}{MONTH}{DAY}[0-9]{{5}}", SURE, 13, matricule),),
)

IRELAND = Entity(
    "pii.national_id.ie",
    "An Irish PPS number whose letter is right.",
    (signed(r"[0-9]{7}[A-W][A-IW]?", BARE, 7, pps),),
)

BRITAIN = Entity(
    "pii.national_id.gb",
    "A British national insurance number, by its letters.",
    (
        lettered(
            r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]",
            FAIR,
            r"[A-Z]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]",
            nino,
        ),
    ),
)

SWITZERLAND = Entity(
    "pii.national_id.ch",
    "A Swiss social insurance number (AHV, AVS) whose check digit is right.",
    (digital(r"756\.?[0-9]{4}\.?[0-9]{4}\.?[0-9]{2}", SURE, 13, ahv),),
)

AUSTRIA = Entity(
    "pii.national_id.at",
    "An Austrian social insurance number: a check digit and a date.",
    (digital(rf"[1-9][0-9]{{3}}[ \-]?{DAY}{MONTH}[0-9]{{2}}", BARE, 10, svnr),),
)

WEST = (
    GERMANY, FRANCE, ITALY, SPAIN, PORTUGAL, NETHERLANDS, BELGIUM, LUXEMBOURG, IRELAND, BRITAIN,
    SWITZERLAND, AUSTRIA,
)  # fmt: skip

CHECKS: Mapping[str, Callable[[str], bool]] = {
    "ahv": ahv,
    "bsn": bsn,
    "cartao_cidadao": cartao_cidadao,
    "codice_fiscale": codice_fiscale,
    "dni": dni,
    "german_document": german_document,
    "matricule": matricule,
    "nif_pt": nif_pt,
    "nir": nir,
    "pps": pps,
    "rijksregister": rijksregister,
    "steuer_id": steuer_id,
    "svnr": svnr,
}
"""The validators of this module, by the names that authors use."""
