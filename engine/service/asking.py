"""A decision, or an explanation, that classifiers must be asked for in; tries and waits until done.

What is under way is tried with the answers there are. When open questions matter they are sent, and
whoever drives it waits off the decision path, blocking (`wait`) or in the event loop (`hear`), and
tries again. What is under way holds its policies and their servers: a reload meanwhile does not
touch it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from time import monotonic

from engine.classifiers.asked import Asked, Servers
from engine.language.functions import Unknowable
from engine.runtime.decision import Decision
from engine.runtime.explain import Explanation, explain
from engine.runtime.inquire import Inquiry, Question, Questions, decide_asking
from engine.runtime.policyset import PolicySet
from engine.runtime.record import Record
from engine.runtime.store import Store
from engine.service.record import Subject

ROUNDS = 4
"""How often a decision may ask. An answer seldom raises a question: two calls are rare already."""

SHARE = 0.8
"""The part of the caller's remaining time that a wait may take: the answer must travel back."""

TimeLeft = Callable[[], float | None]
"""Returns the seconds until the caller's deadline; None for no deadline."""


def no_deadline() -> float | None:
    """Return None."""
    return None


@dataclass(slots=True, kw_only=True)
class UnderWay:
    """The answers of one request so far, and the questions that were sent."""

    policies: PolicySet
    servers: Servers
    answers: dict[Question, float | Unknowable] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    rounds: int = 0

    def lookup(self, question: Question) -> float | None:
        """Return the answer, if there is one; raise Unknowable when there will be none."""
        found = self.answers.get(question)
        if found is None:
            found = self.servers.recall(question)
            if found is not None:
                self.answers[question] = found
        if isinstance(found, Unknowable):
            raise Unknowable(found.what)
        return found

    def send(self, questions: Questions) -> bool:
        """Send *questions*; return False when there were too many rounds: they have failed."""
        self.rounds += 1
        if self.rounds > ROUNDS:
            late = Unknowable(
                f"it would be asked in round {self.rounds}, and {ROUNDS} are the most"
            )
            self.answers.update(dict.fromkeys(questions, late))
            return False
        self.asked = self.servers.ask(questions)
        return True

    def wait(self) -> None:
        """Block until every question is answered or late."""
        started = monotonic()
        for one in self.asked:
            try:
                left = max(0.0, started + one.seconds - monotonic())
                self.answers[one.question] = one.answer.result(left)
            except Unknowable as unknown:
                self.answers[one.question] = unknown
            except TimeoutError:
                one.answer.cancel()
                self.answers[one.question] = Unknowable(one.late)

    async def hear(self, left: TimeLeft = no_deadline) -> None:
        """Wait until every question is answered or late; *left* is the caller's time."""
        remaining = left()
        limit = None if remaining is None else remaining * SHARE
        await asyncio.gather(*(self._hear(one, limit) for one in self.asked))

    async def _hear(self, one: Asked, limit: float | None) -> None:
        hurried = limit is not None and limit < one.seconds
        try:
            async with asyncio.timeout(limit if hurried else one.seconds):
                score = await asyncio.wrap_future(one.answer)
                self.answers[one.question] = score
        except Unknowable as unknown:
            self.answers[one.question] = unknown
        except TimeoutError:
            why = "the caller's deadline left it no time" if hurried else one.late
            self.answers[one.question] = Unknowable(why)


@dataclass(slots=True, kw_only=True)
class Undecided(UnderWay):
    """A decision under way."""

    record: Record
    subject: Subject
    decision_id: str
    spent: int = 0
    """Nanoseconds that the tries took; waiting is no deciding."""

    def attempt(self, store: Store, now: int) -> Decision | None:
        """Return the decision, or None: questions were sent."""
        while True:
            found = decide_asking(
                self.policies,
                self.record,
                store,
                now,
                self.lookup,
                decision_id=self.decision_id,
            )
            if isinstance(found, Decision):
                return found
            if self.send(found):
                return None


@dataclass(slots=True, kw_only=True)
class Unexplained(UnderWay):
    """An explanation under way: it shows every condition's value, so it asks every question."""

    record: Record

    def attempt(self, store: Store, now: int) -> Explanation | None:
        """Return the explanation, or None: questions were sent."""
        while True:
            inquiry = Inquiry(self.lookup, self.policies.senses)
            asking = replace(self.policies, senses=inquiry.senses)
            found = explain(asking, self.record, store, now)
            if not inquiry.open:
                return found
            if self.send(tuple(inquiry.open)):
                return None
