"""Detectors of personal data (``pii.*``) and health data (``phi.*``)."""

from __future__ import annotations

import re

from engine.content import validate
from engine.content.detectors import Entity, Pattern, alone

MIN_TRUNK_DIGITS = 9

_apart = alone()
_number = alone(b"-.")
_dotted = alone(b".")

OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
IPV4 = rf"{OCTET}(?:\.{OCTET}){{3}}"
EXTENSION = r"(?:[ ]{0,2}(?:x|ext\.?|extension|#)[ ]{0,2}[0-9]{1,6})?"
HEXED = frozenset(b"0123456789abcdefABCDEF:")
MBI = "AC-HJKMNP-RT-Yac-hjkmnp-rt-y"

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


def _iban(text: str) -> int:
    """Return how many characters of *text* are an IBAN, 0 for none; what follows may be prose."""
    wanted = validate.IBAN_LENGTHS.get(text[:2].upper(), 0)
    for place, char in enumerate(text, 1):
        wanted -= char.isalnum()
        if wanted == 0 and char.isalnum():
            return place if validate.iban(text[:place]) else 0
    return 0


def _hexed(data: bytes, start: int, end: int) -> bool:
    """Guard of an IPv6 address: no part of a longer run of hexadecimal groups."""
    before, after = data[max(0, start - 2) : start], data[end : end + 2]
    if before and (before[-1:].isalnum() or (before[-1:] == b":" and before[0] in HEXED)):
        return False
    return not after or not (after[:1].isalnum() or (after[:1] in b".:" and after[-1] in HEXED))


def _ipv6(text: str) -> bool:
    return text.strip(":") != "" and validate.ipv6(text)


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

CARD = Entity(
    "pii.card",
    "A payment card number of a known issuer range that passes the Luhn check.",
    (
        Pattern(
            r"[0-9]{12,19}|[0-9]{4}[ \-][0-9]{4}[ \-][0-9]{4}[ \-][0-9]{1,4}"
            r"|[0-9]{4}[ \-][0-9]{6}[ \-][0-9]{4,5}",
            0.9,
            guard=_number,
            digits=12,
            check=validate.card,
            retry=True,
        ),
        Pattern(
            r"[0-9]{4}(?:[ \-][0-9]{4}){3}[ \-][0-9]{3}",
            0.9,
            guard=_number,
            digits=19,
            check=validate.card,
            retry=True,
        ),
    ),
)

IBAN = Entity(
    "pii.iban",
    "An international bank account number: its country's length and a mod-97 check.",
    (
        Pattern(
            r"[A-Za-z]{2}[0-9]{2}(?:[ \-]?[A-Za-z0-9]){11,30}",
            0.95,
            hint=rf"(?i:{'|'.join(validate.IBAN_LENGTHS)})[0-9]{{2}}(?:[ \-]?[A-Za-z0-9]){{11}}",
            guard=_apart,
            fit=_iban,
            retry=True,
        ),
    ),
)

IP = Entity(
    "pii.ip",
    "An IPv4 or IPv6 address.",
    (
        Pattern(IPV4, 0.7, hint=r"[0-9](?:\.[0-9]{1,3}){3}", guard=_dotted, retry=True),
        Pattern(
            rf"(?:(?:::)?(?:[0-9A-Fa-f]{{1,4}}::?){{1,7}}(?:{IPV4}|[0-9A-Fa-f]{{1,4}})?"
            rf"|::(?:{IPV4}|[0-9A-Fa-f]{{1,4}}))(?:%[0-9A-Za-z]{{1,16}})?",
            0.7,
            hint=r"[0-9A-Fa-f]::|::[0-9A-Fa-f]|(?:[0-9A-Fa-f]{1,4}:){6}",
            guard=_hexed,
            check=_ipv6,
            retry=True,
        ),
    ),
)

SSN = Entity(
    "pii.ssn",
    "A US social security number that could have been issued.",
    (
        Pattern(
            r"[0-9]{3}-[0-9]{2}-[0-9]{4}|[0-9]{3} [0-9]{2} [0-9]{4}",
            0.6,
            guard=_number,
            digits=9,
            check=validate.ssn,
            retry=True,
        ),
        Pattern(
            r"[0-9]{9}|[0-9]{3}\.[0-9]{2}\.[0-9]{4}",
            0.2,
            guard=_number,
            digits=9,
            check=validate.ssn,
            retry=True,
        ),
    ),
    near=("ssn", "social security", "soc sec", "social insurance", "taxpayer", "itin"),
)

MRN = Entity(
    "phi.mrn",
    "A medical record or patient number behind a word that says so.",
    (
        Pattern(
            r"(?i)\b(?:mrn|medical record|patient (?:id|no|number)|chart (?:no|number))"
            r"(?: (?:number|no|id))?[ .:#=\-]{0,4}(?:is )?#?"
            r"((?:[a-z]{1,4}-?)?[0-9][0-9\-]{3,11}[0-9])",
            0.85,
            keywords=("mrn", "medical record", "patient ", "chart n"),
            hint="(?i)mrn|medical record|patient (?:id|no|number)|chart (?:no|number)",
            guard=_apart,
        ),
    ),
)

MBI_NUMBER = Entity(
    "phi.mbi",
    "A US Medicare beneficiary identifier.",
    (
        Pattern(
            rf"[1-9][{MBI}][{MBI}0-9][0-9]-?[{MBI}][{MBI}0-9][0-9]-?[{MBI}]{{2}}[0-9]{{2}}",
            0.4,
            hint=rf"[1-9][{MBI}][{MBI}0-9][0-9]-?[{MBI}][{MBI}0-9][0-9]",
            guard=_number,
        ),
    ),
    near=("mbi", "medicare", "beneficiary", "cms"),
)

PERSONAL = (EMAIL, PHONE, CARD, IBAN, IP, SSN, MRN, MBI_NUMBER)
