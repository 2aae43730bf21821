"""Detectors of numbers that a clinic or a health plan gave a person (``phi.*``)."""

from __future__ import annotations

from engine.content.detectors import Entity, Pattern, alone
from engine.content.naming import BEGIN, NAMED

_apart = alone()

RECORDS = (
    r"mrn|medical[ _\-]?record|patient[ _\-]?(?:id|no|number|identifier)"
    r"|patient(?:en)?-?(?:nummer|nr|id)|chart[ _\-]?(?:no|number)|fallnummer|numéro de patient"
    r"|dossier médical|historia clínica|cartella clinica|prontuário"
)
RECORD_WORDS = (
    "mrn", "medical", "patient", "chart", "fallnummer", "numéro de patient", "dossier m",
    "historia cl", "cartella clinica", "prontu",
)  # fmt: skip
PLANS = (
    r"(?:health|medical)[ _\-]?(?:plan|insurance)|insurance[ _\-](?:member|policy|subscriber)"
    r"|medicaid|subscriber|beneficiary|health fund|krankenkasse|versichertennummer|mutuelle"
    r"|tarjeta sanitaria|tessera sanitaria"
)
PLAN_WORDS = (
    "health", "medical", "medicaid", "insurance", "subscriber", "beneficiary", "krankenkasse",
    "versichertennummer", "mutuelle", "sanitaria",
)  # fmt: skip
MEMBER = r"(?i:[ _\-](?:member(?:ship)?|policy|card|group|subscriber|beneficiary|claim)){0,2}"

MEMBER_DIGITS = 5


def _member(text: str) -> bool:
    """Return whether *text* has as many digits as the numbers of members have."""
    return sum(map(str.isdigit, text)) >= MEMBER_DIGITS


MRN = Entity(
    "phi.mrn",
    "A medical record or patient number behind a word that says so.",
    (
        Pattern(
            BEGIN + rf"(?i:{RECORDS})" + NAMED + r"#?((?i:[a-z]{1,4}-?)?[0-9][0-9\-]{3,11}[0-9])",
            0.85,
            keywords=RECORD_WORDS,
            before=1,
            hint=f"(?i){RECORDS}",
            guard=_apart,
            aimed="regex",
        ),
    ),
)

HEALTH_PLAN = Entity(
    "phi.health_plan",
    "A health plan's or insurer's number of a member, behind a word that says so.",
    (
        Pattern(
            BEGIN
            + rf"(?i:{PLANS})"
            + MEMBER
            + NAMED
            + r"((?i:[a-z]{1,4}[ \-]?)?[0-9][0-9A-Z]{2,11}(?:[ \-][0-9A-Z]{2,6}){0,3})\b",
            0.8,
            keywords=PLAN_WORDS,
            before=16,
            hint=f"(?i){PLANS}",
            guard=_apart,
            check=_member,
        ),
    ),
)

MEDICAL = (MRN, HEALTH_PLAN)
