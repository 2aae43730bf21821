"""A small policy folder that the tests of the service, the daemon and the embedding API share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

CHAT = """\
schema { tenant.plan: "free" | "pro" ? }

policy chat {
  default allow
  rule no_cards { when content has pii.card then deny "card numbers stay out" severity high }
  rule mails    { when content has pii.email then redact pii.email }
  rule doubtful { when content contains "doubt" then escalate to "people" }
  rule flood    { when content contains "flood" then throttle 2 requests per 1m by user.id }
  rule spend    { when content contains "spend" then throttle 100 tokens per 1m by user.id }
  rule route    { when content contains "route" then allow advise tier = "small" }
  rule echo     { when content contains "echo" then allow advise said = content }
}
"""

SECRET = b"s" * 32


def write_folder(root: Path, files: Mapping[str, str | bytes] | None = None) -> Path:
    """Write *files* (the chat policy when None) below *root* and return it."""
    for name, text in ({"chat.pol": CHAT} if files is None else files).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return root


def asked(content: str = "hello", **parts: object) -> dict[str, object]:
    """Return a request with *content* and other *parts*."""
    base: dict[str, object] = {
        "tenant": {"id": "north"},
        "user": {"id": "u1"},
        "stage": "request",
        "content": content,
    }
    return {**base, **parts}
