"""Detectors of identifiers of people and firms that carry a check or need a context."""

from __future__ import annotations

import re

from engine.content import checksums, validate
from engine.content.detectors import Entity, Pattern, alone

_apart = alone()
_number = alone(b"-.")

LETTERS_ES = "TRWAGMYFPDXBNJZSQVHLCKE"
LETTERS_SG = {"S": "JZIHGFEDCBA", "T": "GFEDCBAJZIH", "F": "XWUTRQPNMLK", "G": "RQPNMLKXWUT"}
WEIGHTS_SG = (2, 7, 6, 5, 4, 3, 2)


def _turkish(text: str) -> bool:
    """Return whether *text* is a Turkish number: its tenth and eleventh digit check the others."""
    digits = [int(char) for char in text]
    tenth = (7 * sum(digits[0:9:2]) - sum(digits[1:8:2])) % 10
    return digits[9] == tenth and digits[10] == sum(digits[:10]) % 10


def _spanish(text: str) -> bool:
    """Return whether the letter of a Spanish DNI or NIE is its number modulo 23."""
    joined = text.replace("-", "")
    number = joined[:-1].translate(str.maketrans("XYZ", "012"))
    return joined[-1] == LETTERS_ES[int(number) % 23]


def _singaporean(text: str) -> bool:
    """Return whether the letter of a Singaporean NRIC or FIN is its weighted sum modulo 11."""
    total = sum(w * int(char) for w, char in zip(WEIGHTS_SG, text[1:8], strict=True))
    return text[8] == LETTERS_SG[text[0]][total % 11]


def _swedish(text: str) -> bool:
    """Return whether the last ten digits of a Swedish number pass the Luhn check."""
    return checksums.luhn(re.sub(r"\D", "", text)[-10:])


TURKEY = Entity(
    "pii.national_id.tr",
    "A Turkish identity number whose two check digits are right.",
    (Pattern(r"[1-9][0-9]{10}", 0.55, guard=_number, digits=11, check=_turkish, retry=True),),
)

INDIA = Entity(
    "pii.national_id.in",
    "An Indian Aadhaar number that passes Verhoeff's check: in groups, or near a word for it.",
    (
        Pattern(
            r"[2-9][0-9]{3}(?: [0-9]{4} |-[0-9]{4}-)[0-9]{4}",
            0.6,
            guard=_number,
            digits=12,
            check=checksums.verhoeff,
            retry=True,
        ),
        Pattern(
            r"[2-9][0-9]{11}",
            0.3,
            guard=_number,
            digits=12,
            check=checksums.verhoeff,
            retry=True,
        ),
    ),
    near=("aadhaar", "aadhar", "uidai", "आधार"),
)

SPAIN = Entity(
    "pii.national_id.es",
    "A Spanish DNI or NIE whose letter is right.",
    (
        Pattern(
            r"(?:[XYZ][0-9]|[0-9]{2})[0-9]{6}-?[A-HJ-NP-TV-Z]",
            0.6,
            hint=r"[0-9]{7}-?[A-HJ-NP-TV-Z]",
            guard=_apart,
            check=_spanish,
            retry=True,
        ),
    ),
)

SINGAPORE = Entity(
    "pii.national_id.sg",
    "A Singaporean NRIC or FIN whose letter is right.",
    (
        Pattern(
            r"[STFG][0-9]{7}[A-Z]",
            0.7,
            hint=r"[STFG][0-9]{7}[A-Z]",
            guard=_apart,
            check=_singaporean,
            retry=True,
        ),
    ),
)

SWEDEN = Entity(
    "pii.national_id.se",
    "A Swedish personal number: a date, and the Luhn check.",
    (
        Pattern(
            r"(?:18|19|20)?[0-9]{2}(?:0[1-9]|1[0-2])(?:[0-2][0-9]|3[01])-[0-9]{4}"
            r"|(?:18|19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:[0-2][0-9]|3[01])[0-9]{4}",
            0.55,
            guard=_number,
            digits=10,
            check=_swedish,
            retry=True,
        ),
    ),
)

NATIONAL = (TURKEY, INDIA, SPAIN, SINGAPORE, SWEDEN)
