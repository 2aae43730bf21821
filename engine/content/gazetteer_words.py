"""Lists of words that tell what the names beside them are: streets, companies, titles, nations.

They stand in ``gazetteer.txt``, in plain form: in lower case and without accents.
"""

from __future__ import annotations

import pkgutil
import re


def _read() -> dict[str, frozenset[str]]:
    packed = pkgutil.get_data(__package__, "gazetteer.txt")
    assert packed is not None
    text = re.sub(r"#.*", "", packed.decode())
    heads = re.findall(r"^\[(.+)\]$", text, re.MULTILINE)
    bodies = re.split(r"^\[.+\]$", text, flags=re.MULTILINE)[1:]
    return {head: frozenset(body.split()) for head, body in zip(heads, bodies, strict=True)}


_lists = _read()
STREETS = _lists["streets"]
STREET_ENDS = tuple(sorted(_lists["street ends"]))
UNITS = _lists["units"]
STATES = _lists["states"]
ORG_ENDS = _lists["org ends"]
ORG_WORDS = _lists["org words"]
HONORIFICS = _lists["honorifics"]
RELATIVES = _lists["relatives"]
PARTICLES = _lists["particles"]
MONTHS = _lists["months"]
NATIONS = _lists["nations"]
JOBS = _lists["jobs"]
