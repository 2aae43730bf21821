"""Only a traceparent names a trace."""

from __future__ import annotations

import pytest

from engine.service.tracing import Trace, read_traceparent

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize("text", [f"00-{TRACE}-{SPAN}-01", f"cc-{TRACE}-{SPAN}-00-more"])
def test_a_traceparent_names_a_trace_and_a_span(text: str) -> None:
    assert read_traceparent(text) == Trace(TRACE, SPAN)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{SPAN}-01\n",
        f"00-{TRACE}-{SPAN}",
    ],
)
def test_what_is_no_traceparent_names_nothing(text: str) -> None:
    assert read_traceparent(text) is None
