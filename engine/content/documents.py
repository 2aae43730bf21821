"""Detectors of numbers that an office or clinic gave a person (``pii.ssn``, ``phi.mrn`` …)."""

from __future__ import annotations

from engine.content import validate
from engine.content.detectors import Entity, Pattern, alone

_apart = alone()
_number = alone(b"-.")

MBI = "AC-HJKMNP-RT-Yac-hjkmnp-rt-y"

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

DRIVER_LICENSE = Entity(
    "pii.driver_license",
    "A driving licence number behind words that say so.",
    (
        Pattern(
            r"(?i)driv(?:er'?s?|ing) licen[cs]e(?: (?:number|no\.?))?(?: is)?[ :#]{1,3}"
            r"([a-z]{0,3}[0-9][0-9\-]{4,16}[0-9][a-z]?)",
            0.8,
            keywords=("driver", "driving"),
            hint="(?i)driv(?:er'?s?|ing) licen",
            guard=_apart,
        ),
    ),
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

DOCUMENTS = (SSN, DRIVER_LICENSE, MRN, MBI_NUMBER)
