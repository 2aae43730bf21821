r"""A value of a tool's arguments and one step of a path in; the value there out.

Tools read their arguments with decoders of their own. Some take a string for the object or list
that is written in it, and some take names whatever their case. What such a tool finds, and others
do not, cannot be known: else whoever writes the arguments could make a rule vanish::

    arg("order.amount")    {"order": {"amount": 900}}         900
                           {"order": "{\"amount\": 900}"}     cannot be known
                           {"order": {"Amount": 900}}         cannot be known
                           {"order": "a book"}                absent
"""

from __future__ import annotations

from string import whitespace
from typing import Final

from engine.language.functions import Unknowable

BEFORE: Final = whitespace + "\ufeff"
"""What may stand before JSON."""
OPENING: Final = frozenset({"{", "[", '"'})
"""What JSON begins with that may hold an object or a list: a string may be written in a string."""
WRITTEN = "an argument inside a string that may be JSON"
CASE = "an argument whose name is there in another case"


def step_into(value: object, step: str | int) -> object:
    """Return what is at *step* of *value*; None where there is nothing. Raises Unknowable."""
    if isinstance(value, dict):
        name = str(step)
        # Hot path: nearly all other names have another length.
        size = len(name)
        for other in value:
            if len(other) == size and other != name and other.casefold() == name.casefold():
                raise Unknowable(CASE)
        return value.get(name)
    if isinstance(value, list):
        return value[step] if isinstance(step, int) and 0 <= step < len(value) else None
    if isinstance(value, str) and value.lstrip(BEFORE)[:1] in OPENING:
        raise Unknowable(WRITTEN)
    return None
