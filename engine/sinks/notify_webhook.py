"""Notices in, signed JSON to a webhook out.

The body is the notice. ``Pol-Timestamp`` holds the seconds since the epoch, and ``Pol-Signature``
``v1=`` with the hexadecimal HMAC-SHA-256 of ``TIMESTAMP.BODY`` under the shared key: whoever takes
it computes the same, compares in constant time, and refuses what is older than some minutes.
``Pol-Notice`` is the notice's id: what comes twice has the same.
"""

from __future__ import annotations

import hashlib
import hmac
import ssl
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from engine.sinks.notice import Notice
from engine.sinks.notify_post import Address, post


@dataclass(frozen=True, slots=True)
class Webhook:
    """Posts to *address*, signed with *key* (empty: not signed); *clock* gives seconds."""

    address: Address
    key: bytes
    timeout: float
    context: ssl.SSLContext
    clock: Callable[[], float]

    def send(self, notice: Notice) -> None:
        """Return when the other side has taken it. Raises NotSent."""
        body = msgspec.json.encode(notice)
        stamp = str(int(self.clock()))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "pol-engine",
            "Pol-Notice": notice.id,
            "Pol-Timestamp": stamp,
        }
        if self.key:
            headers["Pol-Signature"] = sign(self.key, stamp, body)
        post(self.address, body, headers, self.timeout, self.context)


def sign(key: bytes, stamp: str, body: bytes) -> str:
    """Return the signature of *body* that was sent at *stamp*."""
    return "v1=" + hmac.new(key, f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
