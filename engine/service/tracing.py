"""The caller's ``traceparent`` in; which trace and span a decision belongs to out.

W3C Trace Context, level 1 (https://www.w3.org/TR/trace-context-1/): ``00-<trace>-<span>-<flags>``.
A door sets `TRACE` for the task that answers a call, and whatever that task starts inherits it.
"""

from __future__ import annotations

import re
from contextvars import ContextVar
from typing import NamedTuple

TRACEPARENT = "traceparent"
"""The name of the header."""

FORM = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?", re.ASCII)
FIRST = re.compile(r"00-.{52}", re.ASCII)
"""Version 00 has nothing behind its flags; later ones may."""


class Trace(NamedTuple):
    """In hexadecimal: 32 digits and 16."""

    trace_id: str
    span_id: str


NO_TRACE = Trace("", "")

TRACE: ContextVar[Trace | None] = ContextVar("trace", default=None)


def read_traceparent(text: str) -> Trace | None:
    """Return what *text* names; None where it is no traceparent: then there is no trace."""
    found = FORM.fullmatch(text)
    if found is None or (text.startswith("00") and not FIRST.fullmatch(text)):
        return None
    trace_id, span_id = found.groups()
    if not (trace_id.strip("0") and span_id.strip("0")):
        return None
    return Trace(trace_id, span_id)
