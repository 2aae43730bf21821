"""Much text, policies that look at it, and an eye on who looks at it when."""

from __future__ import annotations

import threading
from dataclasses import replace

from engine.content.findings import Injection
from engine.content.remembered import Memory, RememberingScanner, Scanned, ScansTexts
from engine.content.windows import LONG
from engine.runtime.policyset import PolicySet

POLICIES = """\
schema { context.note: text? }

classifier toxicity { endpoint = "grpc://127.0.0.1:9" timeout = 40ms on_failure = "deny" }
meter mails counts rule desk.mails by tenant.id over 1h

policy desk {
  default allow
  rule cards  { when content has pii.card then deny "no cards" }
  rule orders { when injection(content) >= 0.8 then deny "no orders" }
  rule mails  { when content contains "mail" then redact pii.email label session "mailed" }
  rule phones { when content contains "mail" then redact pii.phone mode shadow }
  rule notes  { when context.note is present then redact pii.email in context.note }
  rule args   { when stage == "tool_call" then redact pii.email in tool.args }
  rule tried  { when meter.mails > 1 then allow advise often = "yes" }
  rule rude   {
    when content contains "rude" and classifier.toxicity(content) >= 0.9 then deny "be kind"
  }
}
"""
PROSE = "the plan was discussed at length and nobody objected to it. "
MUCH = PROSE * (LONG // len(PROSE) + 40)
MIDDLE = len(MUCH) // 2


def planted(text: str) -> str:
    """Return much text with *text* in it."""
    return f"{MUCH[:MIDDLE]} {text} {MUCH[MIDDLE:]}"


class Watching(RememberingScanner):
    """A scanner through the eye. A guarded stream, which has its own windows, goes round it."""

    __slots__ = ("_eye",)

    def __init__(self, eye: Eye, inner: ScansTexts) -> None:
        super().__init__(inner, Memory(b"", 0))
        self._eye = eye

    def scan(self, text: str, entities: frozenset[str]) -> Scanned:
        self._eye.note(text)
        return self.inner.scan(text, entities)


class Eye:
    """A scanner and a judge that note their threads, and wait until they may look."""

    def __init__(self, policies: PolicySet) -> None:
        self._behind = policies.senses
        self.threads: set[str] = set()
        self.may = threading.Event()
        self.may.set()
        self.reached = threading.Semaphore(0)
        self.looks = 0
        self.fails = False
        scanner = Watching(self, policies.senses.scanner)
        senses = replace(policies.senses, scanner=scanner, injection=self.judge)
        self.policies = replace(policies, senses=senses, remembered={})

    def note(self, text: str) -> None:
        if len(text) > LONG // 4:
            self.threads.add(threading.current_thread().name)
            self.looks += 1
            self.reached.release()
            assert self.may.wait(60)
            if self.fails:
                raise ValueError(text)

    def judge(self, text: str, role: str) -> Injection:
        self.note(text)
        return self._behind.injection(text, role)
