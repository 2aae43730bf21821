"""Detectors of payment cards, accounts and wallets (``pii.card``, ``pii.iban`` ...)."""

from __future__ import annotations

from engine.content import codes, validate, wallets
from engine.content.detectors import Entity, Pattern, alone
from engine.content.naming import BEGIN, NAMED, RUN

_apart = alone()
_number = alone(b"-.")

BASE58 = "[1-9A-HJ-NP-Za-km-z]"


def _iban(text: str) -> int:
    """Return how many characters of *text* are an IBAN, 0 for none; what follows may be prose."""
    wanted = validate.IBAN_LENGTHS.get(text[:2].upper(), 0)
    if text.isalnum():  # Hot path: most are written without a gap.
        return wanted if 0 < wanted <= len(text) and validate.iban(text[:wanted]) else 0
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
    "A bank account or branch: a US routing number that passes its check near a word for it, or an "
    "account number, sort code, BSB or IFSC behind its name.",
    (
        Pattern(
            r"[0-9]{9}|[0-9]{4}-[0-9]{4}-[0-9]",
            0.3,
            guard=_number,
            digits=9,
            check=validate.aba,
            retry=True,
        ),
        Pattern(
            BEGIN + r"(?i:(?:bank|checking|chequing|savings|current|deposit|giro)[ _\-]?"
            r"(?:account|acct|a/c|konto)|konto(?:-?nr|nummer)|account to credit)"
            + NAMED
            + r"([0-9](?:[ \-]?[0-9]){5,16})",
            0.75,
            keywords=("account", "acct", "a/c", "konto"),
            before=12,
            hint=r"(?i)(?:bank|checking|chequing|savings|current|deposit|giro)[ _\-]?"
            r"(?:account|acct|a/c|konto)|konto(?:-?nr|nummer)|account to credit",
            guard=_apart,
        ),
        Pattern(
            BEGIN + r"(?i:sort[ \-_]?code)" + NAMED + r"([0-9]{2}[ \-]?[0-9]{2}[ \-]?[0-9]{2})",
            0.85,
            keywords=("sort",),
            before=1,
            hint=r"(?i)sort[ \-_]?code",
            guard=_apart,
        ),
        Pattern(
            BEGIN + "(?i:bsb)" + NAMED + r"([0-9]{3}[ \-]?[0-9]{3})",
            0.85,
            keywords=("bsb",),
            before=1,
            guard=_apart,
        ),
        Pattern(
            BEGIN + "(?i:ifsc?)" + NAMED + r"([A-Z]{4}0[A-Z0-9]{6})",
            0.85,
            keywords=("ifs",),
            before=1,
            guard=_apart,
        ),
    ),
    near=("routing", "aba ", "rtn ", "bank", "wire transfer", "ach "),
)

SWIFT = Entity(
    "pii.swift",
    "A bank's BIC or SWIFT code with the letters of a country (ISO 9362), behind its name.",
    (
        Pattern(
            BEGIN
            + r"(?i:(?:swift|bic)(?:[/ _\-]{1,3}(?:swift|bic))?)"
            + NAMED
            + r"([A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?)",
            0.85,
            keywords=("swift", "bic"),
            before=1,
            hint="(?i)swift|bic",
            guard=_apart,
            check=codes.bic,
            aimed="regex",
        ),
    ),
)

CRYPTO = Entity(
    "pii.crypto",
    "An address of a cryptocurrency: of Bitcoin, Litecoin, Dogecoin, Dash, Tron, Ripple or Stellar "
    "if its check is right, of Cardano and Cosmos likewise, or of Ethereum or Monero by its shape.",
    (
        Pattern(
            rf"\b[13LMDXATr]{BASE58}{{25,34}}",
            0.9,
            hint=RUN,
            guard=_apart,
            check=wallets.wallet,
        ),
        Pattern(
            rf"\b(?:(?:bc|tb|ltc|addr|stake|cosmos)1[{wallets.BECH32}]{{25,100}}"
            rf"|(?:BC|TB|LTC)1[{wallets.BECH32.upper()}]{{25,100}})",
            0.95,
            keywords=("bc1", "tb1", "ltc1", "addr1", "stake1", "cosmos1"),
            guard=_apart,
            check=wallets.bech32,
        ),
        Pattern(r"0x[0-9a-fA-F]{40}", 0.8, keywords=("0x",), guard=_apart),
        Pattern(r"\bG[A-Z2-7]{55}", 0.9, hint=RUN, guard=_apart, check=wallets.stellar),
        Pattern(
            rf"\b[48][1-9AB]{BASE58}{{93}}",
            0.7,
            hint=RUN,
            guard=_apart,
        ),
    ),
)

FINANCIAL = (CARD, IBAN, BANK, SWIFT, CRYPTO)
