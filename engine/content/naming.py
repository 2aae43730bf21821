"""What stands between the name of a number and the number: pieces of patterns.

"passport no.: X", "Passport number is X", "passport_id": "X", "Reisepass-Nr. X"
"""

from __future__ import annotations

import re

BEGIN = r"(?:\b|_)"
"""Before a name; in ``customer_dob`` there is no edge of a word."""
NAMED = (
    r"(?i:[ _\-]{0,2}(?:numbers?|num|no|nr|nummer|numéro|número|numero|id|codes?|details)\.?){0,2}"
    r"(?i: {1,2}(?:is|are|was|ist|lautet|est|es|è|é))?[^0-9A-Za-z]{1,6}"
)
"""Between a name and what it names: a few words and signs."""

CAPITALS = "[0-9A-Z]{10}"
"""Occurs in long numbers of capitals and digits: a hint that several patterns share."""
RUN = "[0-9A-Za-z]{26}"
"""Occurs in long codes."""

REACH_BEFORE = 48
"""Bytes before a number in which its name is looked for. A stream keeps more than that."""

OTHERWISE = frozenset(
    b"order orders invoice invoices inv ticket tickets case cases ref reference tracking track "
    b"serial sku isbn issn doi rfc pmid po id ids account acct customer client member policy "
    b"claim booking confirmation reservation flight model part product item version build "
    b"commit batch lot revision licence license passport routing iban card cards visa "
    b"mastercard amex ssn security tax vat zip postcode port pid uid timestamp epoch amount "
    b"total price usd eur gbp balance suite ste apt unit apartment room box page pages pp vol "
    b"transaction txn payment receipt parcel shipment".split()
)
"""What numbers are called that nobody dials."""
FILLERS = frozenset(b"number numbers num no nr code is was are".split())
IMPERSONAL = (OTHERWISE | frozenset(b"phone telephone tel mobile fax hash".split())) - frozenset(
    b"ssn security tax id ids account acct customer client member policy".split()
)
"""What no number of a person is called."""
SPOKEN_ABROAD = ("téléphone", "télé", "tél", "teléfono", "numéro", "número")
SPOKEN = frozenset(
    b"phone phones tel tele telephone telefon telefono telefone mob mobile mobiles cell cells "
    b"call calls called calling dial ring fax telefax contact reach reached text texted "
    b"message messages sms whatsapp registered number numbers line lines office desk support "
    b"helpline hotline home work direct speak talk voicemail nummer numero numer rufnummer "
    b"handy".split()
) | frozenset(word.encode() for word in SPOKEN_ABROAD)
"""Words near a number that is dialled."""

SIGNS = 4
JOINING = b" .:#=-(\"'\n"
DOT, COLON = b".:"
ABBREVIATED, ENDING = 6, 3
"""Bytes of an abbreviation with a sign behind it; and the last of them, of which that is one."""

LETTERS = bytes(
    code if code >= 128 or chr(code).islower() else 32  # noqa: PLR2004 - the end of ASCII
    for code in bytes(range(256)).lower()
)
"""A byte to what it is in a word, in lower case: a space, if it is no letter."""

_word = re.compile(rb"[a-z\x80-\xff]+")
_abbreviated = re.compile(rb"[\s(|](?:t|p|m|f|ph|mob)[.:] ?$")


def named_otherwise(data: bytes, start: int, names: frozenset[bytes] = OTHERWISE) -> bool:
    """Return whether the number at *start* of *data* is called one of *names*.

    By default these are things that nobody dials.
    """
    before = data[max(0, start - REACH_BEFORE) : start].lower()
    named = before.rstrip(JOINING)
    if len(before) - len(named) > SIGNS:
        return False
    # Hot path: one look at the last word, and at those before it only where it says little.
    word = named.rpartition(b" ")[2]
    if word.isalpha() and word not in FILLERS:
        return word in names and not before.startswith(b". ", len(named))
    words = _word.findall(named)
    while words and words[-1] in FILLERS:
        words.pop()
    return bool(words) and words[-1] in names


def spoken_of(data: bytes, start: int) -> bool:
    """Return whether words before *start* of *data* speak of calling, or of a number."""
    before = data[max(0, start - REACH_BEFORE) : start]
    # Hot path: one table puts all in lower case, and spaces where no letter is.
    if not SPOKEN.isdisjoint(before.translate(LETTERS).split()):
        return True
    last = before[-ENDING:]
    if DOT not in last and COLON not in last:
        return False
    return _abbreviated.search(b" " + before[-ABBREVIATED:].lower()) is not None
