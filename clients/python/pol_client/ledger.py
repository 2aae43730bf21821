"""What an exchange has asked and used: the arithmetic behind "settle by itself"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pol_client.errors import not_allowed
from pol_client.request import Asked, Usage
from pol_client.results import Decision, Message

NOTHING: Usage = {"input_tokens": 0, "output_tokens": 0, "cost_usd": "0"}
"""The real usage of a model call that did not happen."""


@dataclass(frozen=True, slots=True)
class Passed:
    """What may go on: the redacted form where there is one, else the original.

    With ``raise_on_block=False`` a blocked text comes back too: then all is None but *decision*.
    """

    decision: Decision
    content: str | None = None
    messages: tuple[Message, ...] | None = None
    arguments: object = None

    @property
    def passes(self) -> bool:
        """Whether there is something that may go on."""
        return self.decision.passes


@dataclass(slots=True)
class Reservation:
    """A request that was decided on an estimate, and what its model call really used."""

    decision_id: str
    usage: Usage | None = None
    """None: not known, so that the estimate stands."""
    answered: bool = False


@dataclass(slots=True)
class Ledger:
    """Every decision of an exchange, in order, and the reservations that wait to be settled."""

    decisions: list[Decision] = field(default_factory=list)
    reservations: list[Reservation] = field(default_factory=list)

    def note(self, stage: str, decision: Decision) -> None:
        """Remember a decision. A blocked request is settled with nothing: no call follows."""
        self.decisions.append(decision)
        if stage == "request":
            blocked = not decision.passes
            usage = NOTHING if blocked else None
            self.reservations.append(Reservation(decision.decision_id, usage, blocked))

    def use(self, usage: Usage | None) -> None:
        """Remember that the newest request was answered, and what that used."""
        if self.reservations and not self.reservations[-1].answered:
            self.reservations[-1].answered = True
            self.reservations[-1].usage = usage

    def due(self, *, failed: bool) -> list[tuple[str, Usage]]:
        """Return what is to be settled, and forget it.

        A request without an answer used nothing if the exchange *failed* with an exception; without
        one, the estimate stands.
        """
        settled = [
            (each.decision_id, usage)
            for each in self.reservations
            if (usage := each.usage or (NOTHING if failed and not each.answered else None))
        ]
        self.reservations.clear()
        return settled


def pass_on(decision: Decision, asked: Asked, *, raise_on_block: bool) -> Passed:
    """Return what may go on of *asked*; raise Denied, Throttled or Escalated when nothing may."""
    if not decision.passes:
        if raise_on_block:
            raise not_allowed(decision)
        return Passed(decision)
    tool = asked.get("tool")
    arguments = tool.get("args") if isinstance(tool, Mapping) else None
    content, messages = asked.get("content"), asked.get("messages")
    original = [each if isinstance(each, Message) else Message(**each) for each in messages or ()]
    return Passed(
        decision,
        content if decision.content is None else decision.content,
        (tuple(original) or None) if decision.messages is None else decision.messages,
        arguments if decision.arguments is None else decision.arguments,
    )
