"""What an exchange has asked and used: the arithmetic behind "settle by itself"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pol_client.errors import not_allowed
from pol_client.request import Asked, Usage, build_usage
from pol_client.results import Decision, Message

NOTHING: Usage = {"input_tokens": 0, "output_tokens": 0, "cost_usd": "0"}
"""The real usage of a model call that did not happen."""
ESTIMATE: Usage = {}
"""The usage is not known: the estimate stands, and what may run at once has one place more."""

OnFailure = Literal["nothing", "estimate"]
"""What a model call counts for that an exception ended before its usage was known."""


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
    reserved: bool | None
    """Whether the daemon waits for the usage; None: it does not say."""
    usage: Usage | None = None
    """None: not known, so that the estimate stands."""
    answered: bool = False


@dataclass(slots=True)
class Ledger:
    """Every decision of an exchange, in order, and the reservations that wait to be settled."""

    on_failure: OnFailure = "nothing"
    decisions: list[Decision] = field(default_factory=list)
    reservations: list[Reservation] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    """Decisions on something else than a request that hold a place among what may run at once."""

    def note(self, stage: str, decision: Decision) -> None:
        """Remember a decision. A blocked request is settled with nothing: no call follows."""
        self.decisions.append(decision)
        if stage == "request":
            blocked = not decision.passes
            usage = NOTHING if blocked else None
            self.reservations.append(
                Reservation(decision.decision_id, decision.reserved, usage, blocked)
            )
        elif decision.reserved:
            self.others.append(decision.decision_id)

    def use(self, usage: Usage | None) -> None:
        """Remember that the newest request was answered, and what that used.

        Raises InvalidRequest for figures that cannot be sent.
        """
        if self.reservations and not self.reservations[-1].answered:
            self.reservations[-1].answered = True
            build_usage(usage or {})
            self.reservations[-1].usage = usage

    def over(self) -> list[tuple[str, Usage]]:
        """Return what is to be settled before the next request, and forget it.

        The calls before it are over, unless they were not answered yet: nothing of theirs runs.
        """
        waiting = [each for each in self.reservations if not each.answered]
        self.reservations = [each for each in self.reservations if each.answered]
        settled = self.due(None)
        self.reservations = waiting
        return settled

    def due(self, error: BaseException | None) -> list[tuple[str, Usage]]:
        """Return what is to be settled, and forget it.

        A request without an answer used nothing if an *error* ended the exchange; not if that only
        interrupted it, because then the model may have answered all the same.
        """
        lost = error is not None and self.on_failure == "nothing" and not interrupts(error)
        settled: list[tuple[str, Usage]] = []
        for each in self.reservations:
            usage = each.usage or (NOTHING if lost and not each.answered else ESTIMATE)
            # A daemon that does not say what waits is told no more than what it can use.
            if each.reserved or (each.reserved is None and usage):
                settled.append((each.decision_id, usage))
        settled += ((decision_id, ESTIMATE) for decision_id in self.others)
        self.reservations.clear()
        self.others.clear()
        return settled


def interrupts(error: BaseException) -> bool:
    """Return whether *error* only ended the waiting: cancelled, timed out, the process ends."""
    return isinstance(error, TimeoutError) or not isinstance(error, Exception)


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
