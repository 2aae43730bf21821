"""A decision goes in; HTTP header fields that tell a client its limit come out.

``RateLimit-Policy`` says what the limit is, ``RateLimit`` what is left of it, as
draft-ietf-httpapi-ratelimit-headers-10 has them, in structured fields (RFC 9651); ``Retry-After``
(RFC 9110, 10.2.3) says when to come again, where the decision is a throttle::

    RateLimit-Policy: "desk.guard.pace";q=60;w=60;pk=:3q2+7wEjRWeJq83vASNFZw==:
    RateLimit: "desk.guard.pace";r=0;t=12;pk=:3q2+7wEjRWeJq83vASNFZw==:
    Retry-After: 12

They hold whole numbers of at most 15 digits and whole seconds: what is left is rounded down, times
are rounded up. Dollars, and limits that are no whole number, are counted in millionths of their
unit. The partition key ``pk`` tells the buckets of a limit apart. It is a keyed hash: what is in a
bucket's key (a tenant, a user) is nobody else's, and without a secret it could be guessed.
"""

from __future__ import annotations

from base64 import b64encode
from datetime import timedelta
from decimal import Decimal
from hashlib import blake2b

from engine.runtime.decision import Decision, ThrottleState

LARGEST = 10**15 - 1
"""The largest integer of a structured field."""
MILLION = 10**6
DEFAULT = "requests"
"""The quota unit that need not be named."""
UNITS = {"concurrent": "concurrent-requests"}
"""Quota units that the draft names otherwise."""
_SECOND = timedelta(seconds=1)


def rate_limit_headers(decision: Decision, *, secret: bytes = b"") -> dict[str, str]:
    """Return the fields for the tightest limit of *decision*; none where no limit was met.

    With a *secret* (up to 64 bytes, the same on every machine) they tell buckets apart.
    """
    state = decision.throttle
    if state is None:
        return {}
    throttled = decision.effective_action == "throttle"
    name, key = text(state.rule), _partition(state.key, secret)
    scale, unit = _unit(state)
    window = "" if state.window is None else f";w={max(1, seconds(state.window))}"
    left = f";r={whole(state.remaining * scale)}"
    wait = max(_SECOND, state.retry_after) if throttled else state.reset
    made = {
        "RateLimit-Policy": f"{name};q={whole(state.limit * scale)}{unit}{window}{key}",
        "RateLimit": name + left + ("" if wait is None else f";t={seconds(wait)}") + key,
    }
    if throttled and wait is not None:
        made["Retry-After"] = str(seconds(wait))
    return made


def _unit(state: ThrottleState) -> tuple[int, str]:
    """Return how many of what is counted are one of the limit's unit, and the parameter for it."""
    name = UNITS.get(state.unit, state.unit)
    if state.unit == "usd" or state.limit != state.limit.to_integral_value():
        return MILLION, f";qu={text(f'{name}-millionths')}"
    return 1, "" if name == DEFAULT else f";qu={text(name)}"


def _partition(key: str, secret: bytes) -> str:
    if not secret:
        return ""
    digest = blake2b(key.encode(), key=secret, digest_size=16, person=b"rate limit").digest()
    return f";pk=:{b64encode(digest).decode()}:"


def text(value: str) -> str:
    """Return *value* as a string of a structured field: ASCII, other characters in percent form."""
    plain = "".join(
        one if " " <= one <= "~" and one != "%" else "".join(f"%{b:02X}" for b in one.encode())
        for one in value
    )
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'


def whole(number: Decimal) -> int:
    """Return *number* as an integer of a structured field: rounded down, and cut at both ends."""
    return int(min(max(number, Decimal(0)), Decimal(LARGEST)))


def seconds(time: timedelta) -> int:
    """Return *time* in whole seconds, rounded up."""
    return max(0, -(-time // _SECOND))
