"""Notices in, messages to a Slack-compatible incoming webhook out.

Its address is the secret. Names come from policies and callers, so that what Slack would take for
a mention or a link is escaped as its documentation asks: ``&``, ``<`` and ``>``.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass

import msgspec

from engine.sinks.notice import Notice, lines_of, plain, subject_of
from engine.sinks.notify_post import Address, post


@dataclass(frozen=True, slots=True)
class Slack:
    """Posts to the incoming webhook at *address*."""

    address: Address
    timeout: float
    context: ssl.SSLContext

    def send(self, notice: Notice) -> None:
        """Return when the other side has taken it. Raises NotSent."""
        body = msgspec.json.encode({"text": text_of(notice)})
        headers = {"Content-Type": "application/json", "User-Agent": "pol-engine"}
        post(self.address, body, headers, self.timeout, self.context)


def text_of(notice: Notice) -> str:
    """Return the message."""
    return "\n".join(map(escape, (subject_of(notice), *lines_of(notice))))


def escape(text: str) -> str:
    """Return *text* on one line, with nothing in it that means something to Slack."""
    return plain(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
