"""Detectors of payment cards and accounts (``pii.card``, ``pii.iban``, ``pii.bank``)."""

from __future__ import annotations

from engine.content import validate
from engine.content.detectors import Entity, Pattern, alone

_apart = alone()
_number = alone(b"-.")


def _iban(text: str) -> int:
    """Return how many characters of *text* are an IBAN, 0 for none; what follows may be prose."""
    wanted = validate.IBAN_LENGTHS.get(text[:2].upper(), 0)
    for place, char in enumerate(text, 1):
        wanted -= char.isalnum()
        if wanted == 0 and char.isalnum():
            return place if validate.iban(text[:place]) else 0
    return 0


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

BANK = Entity(
    "pii.bank",
    "A US bank routing number that passes its check, near a word that says so.",
    (Pattern(r"[0-9]{9}", 0.3, guard=_number, digits=9, check=validate.aba, retry=True),),
    near=("routing", "aba", "rtn", "bank"),
)

FINANCIAL = (CARD, IBAN, BANK)
