"""Numbers of the insured, of doctors and of practices, and their checks."""

# ruff: noqa: PLR2004 - lengths, weights and moduli are the algorithms themselves

from __future__ import annotations

from collections.abc import Callable, Mapping

from engine.content.checksums import digits, joined, luhn, mod11, weighted
from engine.content.detectors import Entity
from engine.content.identity import BARE, FAIR, WEAK, digital, lettered, number, signed, spoken

MBI = "AC-HJKMNP-RT-Y"
"""Letters of a Medicare beneficiary identifier: none that look like digits."""
LOW = MBI.lower()
NHI = "ABCDEFGHJKLMNPQRSTUVWXYZ"


def kvnr(text: str) -> bool:
    """Return whether *text* is a German health insurance number (§ 290 SGB V): Luhn from the left.

    The letter counts as the two digits of its place in the alphabet.
    """
    sign = joined(text)
    values = digits(sign[1:], 9)
    if not values or not "A" <= sign[0] <= "Z":
        return False
    letter = ord(sign[0]) - 64
    total = sum(
        value * weight // 10 + value * weight % 10
        for value, weight in zip((letter // 10, letter % 10, *values[:8]), (1, 2) * 5, strict=True)
    )
    return total % 10 == values[8]


def lanr(text: str) -> bool:
    """Return whether *text* is a German doctor's number: its seventh digit is modulo 10."""
    values = digits(text, 9)
    return bool(values) and -weighted(values[:6], (4, 9) * 3) % 10 == values[6]


def _practice(text: str) -> bool:
    return bool(digits(text, 9))


def dea(text: str) -> bool:
    """Return whether *text* is the number of a US prescriber (DEA, 21 CFR 1301).

    The first, third and fifth digit and twice the others end in the seventh.
    """
    values = digits(joined(text)[2:], 7)
    return bool(values) and weighted(values[:6], (1, 2) * 3) % 10 == values[6]


def npi(text: str) -> bool:
    """Return whether *text* is the number of a US provider: ten digits, Luhn with 80840 before."""
    values = digits(text, 10)
    return values[:1] in ([1], [2]) and luhn("80840" + joined(text))


def nhs(text: str) -> bool:
    """Return whether *text* is an NHS number: ten digits, modulo 11 (NHS data dictionary)."""
    return bool(digits(text, 10)) and mod11(text)


def medicare_au(text: str) -> bool:
    """Return whether *text* is an Australian Medicare number: ten or eleven digits, modulo 10."""
    values = digits(text, 10, 11)
    return (
        bool(values)
        and 2 <= values[0] <= 6
        and weighted(values[:8], (1, 3, 7, 9, 1, 3, 7, 9)) % 10 == values[8]
    )


def ihi(text: str) -> bool:
    """Return whether *text* is an Australian health identifier: 80036, sixteen digits, Luhn."""
    return bool(digits(text, 16)) and joined(text).startswith("80036") and luhn(text)


def nhi(text: str) -> bool:
    """Return whether *text* is a New Zealand NHI number: three letters, four digits, modulo 11."""
    sign = joined(text)
    values = digits(sign[3:], 4)
    letters = [NHI.find(char) + 1 for char in sign[:3]]
    if not values or 0 in letters:
        return False
    rest = weighted([*letters, *values[:3]], range(7, 1, -1)) % 11
    return rest != 0 and (11 - rest) % 10 == values[3]


def phn_bc(text: str) -> bool:
    """Return whether *text* is a British Columbian health number: 9, nine digits, modulo 11."""
    values = digits(text, 10)
    return values[:1] == [9] and (
        -weighted(values[1:9], (2, 4, 8, 5, 10, 9, 7, 3)) % 11 == values[9]
    )


def ohip(text: str) -> bool:
    """Return whether *text* is an Ontario health card's number: ten digits, Luhn."""
    return bool(digits(text, 10)) and luhn(text)


def _canadian(text: str) -> bool:
    return ohip(text) or phn_bc(text)


def taj(text: str) -> bool:
    """Return whether *text* is a Hungarian insurance number: nine digits, weights 3 and 7."""
    values = digits(text, 9)
    return bool(values) and weighted(values[:8], (3, 7) * 4) % 10 == values[8]


HEALTH = (
    Entity(
        "pii.health_id.au",
        "An Australian Medicare number in groups or a health identifier; near a word also bare.",
        (
            digital(r"[2-6][0-9]{3}[ \-][0-9]{5}[ \-][0-9](?:[ \-/][1-9])?", FAIR, 10, medicare_au),
            digital(r"80036[0-9]{11}|8003 6[0-9]{3} [0-9]{4} [0-9]{4}", FAIR, 16, ihi),
            digital(r"[2-6][0-9]{9,10}", WEAK, 10, medicare_au),
        ),
        near=("medicare",),
    ),
    Entity(
        "pii.health_id.ca",
        "A health number of Ontario or British Columbia, near a word for it.",
        (digital(r"[0-9]{4}[ \-]?[0-9]{3}[ \-]?[0-9]{3}", WEAK, 10, _canadian),),
        near=("ohip", "health card", "health number", "phn ", "personal health"),
    ),
    Entity(
        "pii.health_id.de",
        "A German health insurance number; near a word for it a doctor's or a practice's number.",
        (
            signed(r"[A-Z][0-9]{9}", BARE, 9, kvnr),
            digital(r"[0-9]{9}", WEAK, 9, _practice),
        ),
        near=("bsnr", "betriebsstätte", "betriebsstaette", "lanr", "arztnummer", "nbsnr"),
    ),
    Entity(
        "pii.health_id.gb",
        "A British NHS number whose check digit is right, near a word for it.",
        (digital(r"[0-9]{3}[ \-]?[0-9]{3}[ \-]?[0-9]{4}", WEAK, 10, nhs),),
        near=("nhs",),
    ),
    Entity(
        "pii.health_id.hu",
        "A Hungarian insurance number (TAJ) whose check digit is right, near a word for it.",
        (digital(r"[0-9]{3}[ \-]?[0-9]{3}[ \-]?[0-9]{3}", WEAK, 9, taj),),
        near=("taj ", "taj-", "társadalombiztosítás"),
    ),
    Entity(
        "pii.health_id.nz",
        "A New Zealand NHI number whose check digit is right, near a word for it.",
        (spoken(("nhi", "national health index"), r"[A-HJ-NP-Z]{3}[0-9]{4}", FAIR, nhi),),
    ),
    Entity(
        "pii.health_id.us",
        "A US Medicare beneficiary identifier or DEA number; near a word a provider's (NPI).",
        (
            lettered(
                rf"[1-9][{MBI}][{MBI}0-9][0-9]-?[{MBI}][{MBI}0-9][0-9]-?[{MBI}]{{2}}[0-9]{{2}}",
                FAIR,
                rf"[1-9][{MBI}][{MBI}0-9][0-9]-?[{MBI}][{MBI}0-9][0-9]",
                guard=number,
            ),
            signed(r"[A-HJ-MPR-UX][A-Z9][0-9]{7}", BARE, 7, dea),
            spoken(
                ("medicare", "mbi", "beneficiary"),
                rf"[1-9][{LOW}][{LOW}0-9][0-9]-?[{LOW}][{LOW}0-9][0-9]-?[{LOW}]{{2}}[0-9]{{2}}",
                FAIR,
            ),
            digital(r"[12][0-9]{9}", WEAK, 10, npi),
        ),
        near=("npi", "national provider"),
    ),
)
"""All of them."""

CHECKS: Mapping[str, Callable[[str], bool]] = {
    "dea": dea,
    "ihi": ihi,
    "kvnr": kvnr,
    "lanr": lanr,
    "medicare_au": medicare_au,
    "nhi": nhi,
    "nhs": nhs,
    "npi": npi,
    "ohip": ohip,
    "phn_bc": phn_bc,
    "taj": taj,
}
"""The validators of this module, by the names that authors use."""
