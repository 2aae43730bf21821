"""What stands between the name of a number and the number: pieces of patterns.

"passport no.: X", "Passport number is X", "passport_id": "X", "Reisepass-Nr. X"
"""

from __future__ import annotations

BEGIN = r"(?:\b|_)"
"""Before a name; in ``customer_dob`` there is no edge of a word."""
NAMED = (
    r"(?i:[ _\-]{0,2}(?:numbers?|num|no|nr|nummer|numéro|número|numero|id|codes?|details)\.?){0,2}"
    r"(?i: {1,2}(?:is|are|was|ist|lautet|est|es|è|é))?[^0-9A-Za-z]{1,6}"
)
"""Between a name and what it names: a few words and signs."""
