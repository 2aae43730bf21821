"""Policies, a gate and a way to send a response through a guard, for the tests of guards."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from engine.runtime.decision import Decision
from engine.runtime.memory import MemoryStore
from engine.runtime.policyset import PolicySet
from engine.runtime.store import StoreUnavailable
from engine.service.bundles import Recipe, load_folder
from engine.service.entries import Entry, Line
from engine.service.gate import Gate
from engine.service.guarding import (
    Guarding,
    open_guard,
)
from engine.service.record import NoRecorder

SECRET = b"s" * 32
START = 1_767_225_600_000_000_000

POLICY = """\
schema {
  tenant.plan: "free" | "pro"
  context.strict: bool?
  context.note: text?
}
facts tenant from "tenants.json"
classifier toxicity { endpoint = "grpc://127.0.0.1:1" timeout = 40ms on_failure = "allow" }

policy chat {
  default allow
  rule no_keys  { when content has secret.github then deny "keys stay in" }
  rule review   { when content has pii.iban then escalate to "people" }
  rule mails    { when content has pii.email then redact pii.email }
  rule cards    { when stage == "response" and content has pii.card, pii.ssn then redact pii.card }
  rule clerks   { when user.roles contains "clerk" then redact pii.phone as mask("*", 4) }
  rule notes    { when context.note is present then redact pii.email in context.note }
  rule word     { when content contains "forbidden" then deny "not that word" }
  rule toxic    { when classifier.toxicity(content) > 0.5 then deny "toxic" }
  rule guests   { when user.id == "guest" then deny "no guests" }
  rule asked    { when user.id == "asked" then escalate to "people" }
  rule flood    { when user.id == "flood" then throttle 1 requests per 1m by user.id }
  rule spend    { when user.id == "spend" then throttle 10 tokens per 1m by user.id }
  rule watched  { when content has pii.phone then redact pii.phone mode shadow }
  rule note_ip  { when context.note is present and context.note has pii.iban then deny }
  rule maybe    { when content contains "ip" then redact pii.ip }
}
"""
STRICT = """\
policy strict {
  applies when context.strict ?? false
  default deny
  rule polite { when content contains "please" then allow }
}
"""
UNSURE = """\
policy unsure {
  applies when content contains "unsure"
  default allow
  rule macs { then redact pii.iban, pii.ip }
  rule keys { when content has secret.github then deny "keys stay in" }
  rule fine { then allow }
}
"""
WIDE = """
meter keys counts rule chat.no_keys by user.id over 10m
policy wide {
  applies when stage != "tool_call"
  default allow
  rule asked   { when stage == "request" then redact pii.ssn }
  rule long    { when length(content) > 5 then redact pii.url }
  rule known   { when meter.keys > 5 or arg("to") is present then redact pii.mac }
  rule odd     { when injection(content) > 0.5 then redact pii.bank }
  rule tainted { when session.labels contains "x" then redact pii.bank }
  rule notes   { when context.note is present then redact pii.nrp in context.note }
  rule silent  { then redact secret.slack mode shadow }
  rule called  { when stage == "tool_call" and content has pii.age then deny }
}
policy other {
  applies when user.id == "x"
  default allow
  rule far { when content has pii.swift then deny }
}
policy never { applies when stage == "document" default allow rule d { then redact secret.aws } }
policy shadow { default allow mode shadow rule d { then redact secret.aws } }
"""
TOKEN = "ghp_" + "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW11ySowm"
CARD = "4111 1111 1111 1111"


class Kept(NoRecorder):
    """A recorder that keeps entries."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def write(self, entry: Line) -> None:
        if isinstance(entry, Entry):
            self.entries.append(entry)


class Away(MemoryStore):
    """A store that has forgotten where placeholders are."""

    def recall(
        self, tenant: str, session: str, digits: Iterable[str], now: int
    ) -> dict[str, bytes]:
        raise StoreUnavailable(f"{tenant} {session} {digits} {now}")


class Clock:
    """A clock that stands still until it is moved."""

    now = START

    def __call__(self) -> int:
        return self.now


def load(root: Path, limit: int = 100_000, **files: str) -> PolicySet:
    (root / "tenants.json").write_text('{"north": {"plan": "pro"}}')
    for name, text in files.items():
        (root / f"{name}.pol").write_text(text)
    return load_folder(root, Recipe(SECRET, content_characters=limit))


def make_gate(policies: PolicySet, clock: Clock | None = None) -> Gate:
    gate = Gate(MemoryStore(), Kept(), secret=SECRET, clock=clock or Clock())
    gate.swap(policies)
    return gate


def actions(gate: Gate) -> list[str]:
    assert isinstance(gate.recorder, Kept)
    return [one.effective_action for one in gate.recorder.entries]


def about(**parts: object) -> dict[str, object]:
    return {"tenant": {"id": "north"}, "user": {"id": "u1"}, "stage": "response", **parts}


def guard(gate: Gate, pieces: Iterable[str], **parts: object) -> tuple[str, Decision]:
    """Return what passes of *pieces*, and the decision."""
    session = open_guard(gate, about(**parts), b"")
    passed = []
    for piece in pieces:
        passed.append(session.feed(piece).text)
        if session.stopped:
            break
    decision = decided(session)
    return "".join(passed) + session.release(decision).text, decision


def decided(session: Guarding) -> Decision:
    decision = session.decide()
    assert isinstance(decision, Decision)
    return session.confirm(decision)


def cut(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]
