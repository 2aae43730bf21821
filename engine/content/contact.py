"""Detectors of ways to reach a person (``pii.email``, ``pii.phone``, ``pii.url``)."""

from __future__ import annotations

import re

from engine.content import validate
from engine.content.detectors import Entity, Pattern, alone

MIN_TRUNK_DIGITS = 9

_apart = alone()
_number = alone(b"-.")

EXTENSION = r"(?:[ ]{0,2}(?:x|ext\.?|extension|#)[ ]{0,2}[0-9]{1,6})?"

_date = re.compile(
    r"(?:19|20)\d\d[-./ ]\d{1,2}[-./ ]\d{1,2}(?:\D.*)?|\d{1,2}[-./ ]\d{1,2}[-./ ](?:19|20)?\d\d"
)
_address = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_decimal = re.compile(r"\d+\.\d+")


def _phone(text: str) -> bool:
    """Return whether *text* may be a phone number: no date, IP address, decimal or payment card."""
    return (
        validate.phone(text)
        and not _date.fullmatch(text)
        and not _address.fullmatch(text)
        and not _decimal.fullmatch(text)
        and not validate.card(text)
    )


def _international(text: str) -> int:
    """Return how many characters of *text* are a number; further numbers may stand behind it."""
    digits = 0
    for place, char in enumerate(text):
        digits += char.isdigit()
        if digits > validate.MAX_PHONE_DIGITS:
            text = text[:place].rstrip("0123456789").rstrip(" .-/()")
            break
    return len(text) if _phone(text) else 0


def _national(text: str) -> bool:
    return _phone(text) and sum(map(str.isdigit, text)) >= MIN_TRUNK_DIGITS


EMAIL = Entity(
    "pii.email",
    "An e-mail address.",
    (
        Pattern(
            r"[\pL\pN._%+'\-]+@(?:[\pL\pN\-]+\.)+\pL\pL+",
            0.95,
            keywords=("@",),
            before=256,
        ),
    ),
)

PHONE = Entity(
    "pii.phone",
    "A telephone number: international, North American, or in a common national form.",
    (
        Pattern(
            r"\+[1-9][0-9]{0,2}(?:[ .\-/]{0,2}\(?[0-9]{1,5}\)?){1,6}" + EXTENSION,
            0.8,
            keywords=("+",),
            guard=_apart,
            fit=_international,
        ),
        Pattern(
            r"(?:1[ .\-])?(?:\([0-9]{3}\) ?|[0-9]{3}[ .\-])[0-9]{3}[ .\-][0-9]{4}" + EXTENSION,
            0.65,
            guard=_number,
            before=1,
            digits=10,
            check=_phone,
            retry=True,
        ),
        Pattern(
            r"\(?0[1-9][0-9]{0,4}\)?[ /\-]{1,3}[0-9]{2,4}(?:[ \-]?[0-9]{2,4}){1,4}",
            0.5,
            guard=_number,
            before=1,
            digits=9,
            check=_national,
            retry=True,
        ),
        Pattern(
            r"0(?:[79][0-9]{9}|10[0-9]{8}|1[567][0-9]{8,9}|[467][0-9]{8})",
            0.5,
            guard=_number,
            before=1,
            digits=10,
            check=_phone,
            retry=True,
        ),
        Pattern(
            r"\(?[0-9](?:[ .\-/()]{0,2}[0-9]){6,14}" + EXTENSION,
            0.3,
            guard=_number,
            before=1,
            digits=7,
            check=_phone,
        ),
    ),
    near=(
        "phone", "telephone", "tel", "mobile", "cell", "call", "fax", "contact", "dial", "text me",
        "sms", "whatsapp", "ring", "reach", "hotline", "telefon", "handy", "mobil", "rufnummer",
        "anruf", "téléphone", "portable", "appel", "teléfono", "móvil", "celular", "llam",
        "telefono", "cellulare", "chiam", "telefone", "telemóvel", "ligue",
    ),
)  # fmt: skip

URL = Entity(
    "pii.url",
    "A web address that begins with http:// or https://.",
    (Pattern(r"https?://[^\s<>\"'`{}|\\^]+[\pL\pN/=&_#\-]", 0.6, keywords=("http",)),),
)

CONTACT = (EMAIL, PHONE, URL)
