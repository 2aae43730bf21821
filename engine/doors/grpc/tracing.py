"""A call in; the trace that its caller has begun becomes that of the decisions made for it."""

from __future__ import annotations

from collections.abc import Iterable
from contextvars import Token
from typing import Protocol

from engine.service.tracing import TRACE, TRACEPARENT, Trace, read_traceparent


class Call(Protocol):
    """What is needed of a call."""

    def invocation_metadata(self) -> Iterable[tuple[str, str | bytes]] | None:
        """Return the headers."""
        ...


def follow(call: Call) -> Token[Trace | None] | None:
    """Have what is decided in this task, and in tasks that it starts, belong to the call's trace.

    Return what undoes that; None where the call tells of no trace. A header that is none is left
    alone: it is no reason not to decide.
    """
    for name, value in call.invocation_metadata() or ():
        if name == TRACEPARENT and isinstance(value, str):
            return TRACE.set(read_traceparent(value))
    return None
