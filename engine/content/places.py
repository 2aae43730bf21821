"""Detector of postal codes (``pii.postcode``): by their shape, or behind a word for them."""

from __future__ import annotations

from engine.content.detectors import Entity, Pattern, alone
from engine.content.naming import BEGIN, NAMED

_apart = alone()
_dashed = alone(b"-")

US_STATES = (
    "A[KLPRZ]|C[AOT]|D[CE]|FL|G[AU]|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|P[AR]|RI"
    "|S[CD]|T[NX]|UT|V[AIT]|W[AIVY]"
)
UK_AREAS = (
    "A[BL]|B[ABDHLNRST]?|C[ABFHMORTVW]|D[ADEGHLNTY]|E[CHNX]?|F[KY]|G[LUY]?|H[ADGPRSUX]|I[GMPV]|JE"
    "|K[ATWY]|L[ADELNSU]?|M[EKL]?|N[EGNPRW]?|O[LX]|P[AEHLOR]|R[GHM]|S[AEGKLMNOPRSTWY]?"
    "|T[ADFNQRSW]|UB|W[ACDFNRSV]?|YO|ZE"
)
"""First letters of British postcodes (Royal Mail, Programmers' Guide to PAF)."""
UK_SECOND = "[0-9][ABD-HJLNP-UW-Z]{2}"
UK = rf"(?:{UK_AREAS})[0-9][0-9A-HJKMNPR-Y]?"
HALVES = "[0-9][0-9A-Z]? [0-9][A-Z]"
"""Occurs in British and Canadian codes."""
CANADA = "[ABCEGHJ-NPRSTVXY][0-9][ABCEGHJ-NPRSTV-Z]"
CANADA_SECOND = "[0-9][ABCEGHJ-NPRSTV-Z][0-9]"
GAP = NAMED.replace("[^0-9A-Za-z]", "[^0-9A-Za-z(]")
"""In programs, ``zip(`` is a function."""
NAMES = (
    r"post(?:al)?[ _\-]?codes?|zip(?:[ _\-]?codes?)?|plz|postleitzahl|code postal|código postal"
    r"|codice postale|c\.?a\.?p\.?|cep|pin[ _\-]?code|postnummer|kod pocztowy|psč|irányítószám"
    r"|posta kodu|postinumero"
)
NAME_WORDS = (
    "post", "zip", "plz", "code postal", "código postal", "codice postale", "cap", "c.a", "ca.p",
    "cep", "pin", "kod pocztowy", "psč", "irányítószám",
)  # fmt: skip
CODE = (
    rf"(?i:{UK}) ?(?i:{UK_SECOND})\b|(?i:{CANADA}[ \-]?{CANADA_SECOND})\b"
    r"|[0-9]{4} ?[A-Z]{2}\b|[A-Z]{0,2}-?[0-9]{3,5}(?:[ \-][0-9]{2,4})?\b|[0-9]{6}\b"
)


POSTCODE = Entity(
    "pii.postcode",
    "A postal code: British or Canadian by its shape, American behind a state, others behind a "
    "word for them or a country's letters.",
    (
        Pattern(
            rf"\b{UK} {UK_SECOND}",
            0.6,
            hint=HALVES,
            guard=_dashed,
        ),
        Pattern(
            rf"\b{CANADA} {CANADA_SECOND}",
            0.6,
            hint=HALVES,
            guard=_dashed,
        ),
        Pattern(
            rf"\pL,\s{{1,3}}(?:{US_STATES})\s{{1,3}}([0-9]{{5}}(?:-[0-9]{{4}})?)",
            0.7,
            hint=r"[A-Z]{2}\s{1,3}[0-9]{5}",
            guard=_apart,
        ),
        Pattern(
            r"\b((?:D|F|I|FI|FIN|SE|E)-[0-9]{5}|(?:CH|A|B|DK|NO|L)-[0-9]{4}) [A-Z]\pL{2}",
            0.6,
            hint=r"[A-Z]-[0-9]{4,5} [A-Z]",
            guard=_apart,
        ),
        Pattern(
            BEGIN + rf"(?i:{NAMES})" + GAP + rf"({CODE})",
            0.75,
            keywords=NAME_WORDS,
            before=1,
            hint=rf"(?i){NAMES}",
            guard=_apart,
            aimed="regex",
        ),
    ),
)

PLACES = (POSTCODE,)
