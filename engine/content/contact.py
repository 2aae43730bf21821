"""Detectors of ways to reach a person (``pii.email``, ``pii.phone``, ``pii.url``)."""

from __future__ import annotations

import re

from engine.content import phones, validate
from engine.content.checksums import NO_DIGITS
from engine.content.detectors import Entity, Pattern, alone, stricter
from engine.content.naming import named_otherwise, spoken_of

MIN_TRUNK_DIGITS = 9
LONG_DIGITS = 11
MANY_GROUPS = 4
PAIR = 2
DATE_DIGITS = 8
LONGEST = 40
ZERO, OPENING, CLOSING, HYPHEN, PLUS, DOT, SLASH = b"0()-+./"
"""Hot path: bytes are looked for by number. For a text of one byte Python makes an error first."""
NUMERIC = b"0123456789 .-/()+"
"""What a number has without its extension."""
SIGNS = b" .-/"
"""Between the groups of a number."""
CONTINUED = frozenset(bytes([one]) for one in b"0123456789abcdef_")
"""What goes on behind a hyphen as a number or code does."""

_apart = alone()
_number = alone(b"-./")

EXTENSION = r"(?:,?[ ]{0,2}(?:x|ext\.?|extn\.?|extension|#|durchwahl|poste)[ .:]{0,2}[0-9]{1,6})?"

_other = re.compile(
    rb"(?:19|20)\d\d[-./ ]\d{1,2}[-./ ]\d{1,2}(?:\D.*)?|\d{1,2}[-./ ]\d{1,2}[-./ ](?:19|20)?\d\d"
    rb"|(?:1[5-9]|20)\d\d ?[-/ ] ?(?:1[5-9]|20)\d\d"
    rb"|\d{1,3}(?:\.\d{1,3}){3}"
    rb"|\d+\.\d+"
    rb"|1[0-9]{9}|1[4-9][0-9]{11}"
    rb"|[^/]*/[^/]*/.*"
)
"""Dates, ranges of years, IP addresses, decimals, moments in seconds or milliseconds, fractions."""
_volume = re.compile(r"[0-9 .\-]*\((?:1[5-9]|20)[0-9]{2}\)")
"""A year in parentheses, as in the volume and pages of a journal."""
_sign = re.compile("[A-Za-z,#]")
_continued = re.compile(rb"[A-Z][0-9]+ $")
_zip = re.compile(r"\d{5}-\d{4}")
_group = re.compile("[0-9]+")


def _phone(number: bytes) -> bool:
    """Return whether *number* may be one of phones: no date, IP address, decimal, payment card."""
    # Hot path: most have no extension.
    stem = number if number.translate(None, NUMERIC) == b"" else _stem(number.decode()).encode()
    digits = stem.translate(None, NO_DIGITS)
    return (
        validate.MIN_PHONE_DIGITS <= len(digits) <= validate.MAX_PHONE_DIGITS
        and digits.strip(digits[:1]) != b""
        and number[-1] != CLOSING
        and number.count(b"(") == number.count(b")")
        and not (_may_be_other(number, len(digits)) and _other.fullmatch(number))
        and not (len(digits) >= validate.MIN_CARD_DIGITS and validate.card(number.decode()))
    )


def _may_be_other(number: bytes, digits: int) -> bool:
    """Return whether `_other` may match *number*, which has so many *digits*: few do.

    Its dates begin with a year or are short, and so are ranges; its moments begin with a one.
    """
    return (
        digits <= DATE_DIGITS
        or DOT in number
        or SLASH in number
        or number.startswith((b"1", b"20"))
    )


def _international(text: str) -> int:
    """Return how many characters of *text* are a number; further numbers may stand behind it.

    A number that no country has given out must at least be long, or written in groups.
    """
    stem = _stem(text)
    digits = "".join(_group.findall(stem))
    number = len(text)
    if len(digits) > validate.MAX_PHONE_DIGITS:
        number = _shortened(text)
        digits = "".join(_group.findall(text[:number]))
    if not phones.international(digits):
        bare = len(digits) + 1 == len(stem)
        if len(digits) < (LONG_DIGITS if bare else MIN_TRUNK_DIGITS):
            return 0
    return number if _phone(text[:number].encode()) else 0


def _shortened(text: str) -> int:
    """Return how much of *text* has no more digits than a number may have, in whole groups."""
    digits = [place for place, char in enumerate(text) if char.isdigit()]
    kept = text[: digits[validate.MAX_PHONE_DIGITS]]
    return len(kept.rstrip("0123456789").rstrip(" .-/()"))


def _stem(text: str) -> str:
    """Return *text* without its extension."""
    found = _sign.search(text)
    return text if found is None else text[: found.start()]


def _national(text: str) -> bool:
    return (
        _phone(text.encode())
        and sum(map(str.isdigit, text)) >= MIN_TRUNK_DIGITS
        and not _zip.fullmatch(text)
    )


def _abroad(text: str) -> bool:
    """Return whether *text* is an international number behind ``00`` or ``011``."""
    digits = "".join(_group.findall(_stem(text)))
    return phones.international(digits[3 if digits.startswith("011") else 2 :])


def _alone(data: bytes, start: int, end: int) -> bool:
    """Guard of a number: nothing touches it, but a word may stand behind a hyphen: ``-Office``."""
    hyphen = end < len(data) and data[end] == HYPHEN
    if hyphen and data[end + 1 : end + 2] not in CONTINUED:
        return _number(data, start, len(data))
    return _number(data, start, end)


@stricter
def _unnamed(data: bytes, start: int, end: int) -> bool:
    """Guard of a number: one that stands alone, and is not called an order, invoice and so on."""
    return _alone(data, start, end) and _phone(data[start:end]) and not named_otherwise(data, start)


@stricter
def _written(data: bytes, start: int, end: int) -> bool:
    """Guard of digits in groups: spoken of as a phone number, or written as one somewhere."""
    if end - start > LONGEST or (start > 0 and data[start - 1] == PLUS):
        return False
    number = data[start:end]
    # Hot path: most numbers are in few groups, and begin with another digit.
    plain = (
        number[0] != ZERO
        and OPENING not in number
        and len(number) < len(number.translate(None, SIGNS)) + (MANY_GROUPS - 1)
    )
    if plain and not spoken_of(data, start):
        return False
    return _unnamed(data, start, end) and (
        plain
        or (_distinct(number) and not _continued.search(data, max(0, start - 8), start))
        or spoken_of(data, start)
    )


@stricter
def _trunk(data: bytes, start: int, end: int) -> bool:
    """Guard of a number with a zero first: it goes on no code such as ``1Z 999 AA1 ``."""
    return _unnamed(data, start, end) and not _continued.search(data, max(0, start - 8), start)


def _distinct(data: bytes) -> bool:
    """Return whether *data* is in groups that few numbers but those of phones are in."""
    text = _stem(data.decode())
    groups = _group.findall(text)
    if groups[0][0] == "0":
        return _zip.fullmatch(text) is None and phones.grouped(groups)
    # Pairs of digits without a zero first are bytes or a row of numbers as well.
    many = len(groups) >= MANY_GROUPS and max(map(len, groups)) > PAIR
    return (many or ("(" in text and _volume.match(text) is None)) and phones.grouped(groups)


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

INTERNATIONAL = (
    r"(?:\(\+[1-9][0-9]{0,2}\)|\+[1-9][0-9]{0,2})(?:[ .\-/]{0,2}\(?[0-9]{1,5}\)?){1,7}" + EXTENSION
)

PHONE = Entity(
    "pii.phone",
    "A telephone number: international, North American, or in the form of one of 64 countries; "
    "what could be another number needs a word nearby.",
    (
        Pattern(
            INTERNATIONAL,
            0.8,
            keywords=("+",),
            before=1,
            guard=_apart,
            fit=_international,
        ),
        Pattern(
            r"(?:00[ .\-]?|011[ .\-])[1-9][0-9]{0,2}(?:[ .\-/]{0,2}\(?[0-9]{1,5}\)?){2,6}",
            0.6,
            guard=_number,
            before=1,
            digits=9,
            check=_abroad,
            retry=True,
        ),
        Pattern(
            r"(?:1[ .\-])?(?:\([0-9]{3}\) ?[0-9]{3}[ .\-]|[0-9]{3}[ \-/][0-9]{3}-"
            r"|[0-9]{3}\.[0-9]{3}\.|[2-9][0-8][0-9] [2-9][0-9]{2} )[0-9]{4}" + EXTENSION,
            0.65,
            guard=_unnamed,
            before=1,
            digits=10,
            retry=True,
        ),
        Pattern(
            r"\(?0[1-9][0-9]{0,4}\)?[ /\-]{1,3}[0-9]{2,4}(?:[ \-]?[0-9]{2,4}){1,4}",
            0.5,
            guard=_trunk,
            before=1,
            digits=9,
            check=_national,
            retry=True,
        ),
        Pattern(
            r"0(?:[79][0-9]{9}|10[0-9]{8}|1[567][0-9]{8,9}|[467][0-9]{8})",
            0.5,
            guard=_unnamed,
            before=1,
            digits=10,
            retry=True,
        ),
        Pattern(
            r"(?:(?:[0-9]{1,3}[ .\-]{0,2})?\([0-9]{1,5}\)[ .\-/]{0,2}"
            r"|0[0-9]{1,4}(?: - |[ .\-/])|[0-9]{1,5}(?: - |[ \-]))"
            r"[0-9]{2,8}(?:(?: - |[ .\-/])[0-9]{2,8}){0,4}" + EXTENSION,
            0.5,
            guard=_written,
            before=1,
            digits=7,
            aimed="usual",
        ),
        Pattern(
            r"\(?[0-9](?:[ .\-/()]{0,2}[0-9]){6,14}" + EXTENSION,
            0.3,
            guard=_unnamed,
            before=1,
            digits=7,
            aimed="usual",
        ),
    ),
    near=(
        "phone", "telephone", "tel ", "mobile", "cell ", "cellphone", "call", "fax ", "contact",
        "dial", "text me", "sms", "whatsapp", "ring me", "reach me", "reach us", "hotline",
        "office ", "telefon", "handy", "mobil ", "rufnummer", "anruf", "téléphone", "portable",
        "appel", "teléfono", "móvil", "celular", "llam", "telefono", "cellulare", "chiam",
        "telefone", "telemóvel", "ligue",
    ),
)  # fmt: skip

URL = Entity(
    "pii.url",
    "A web address that begins with http:// or https://.",
    (Pattern(r"https?://[^\s<>\"'`{}|\\^]+[\pL\pN/=&_#\-]", 0.6, keywords=("http",)),),
)

CONTACT = (EMAIL, PHONE, URL)
