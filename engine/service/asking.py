"""A decision, or an explanation, that has to wait in; tries and waits until done.

It waits for classifiers that must be asked, for much text to be looked at, and for a store that is
away from here. What is under way is
tried with what is known. When open questions matter they are sent, and whoever drives it waits off
the decision path, blocking (`wait`) or in the event loop (`hear`), and tries again. What is under
way holds its policies and their servers: a reload meanwhile does not touch it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import NamedTuple

from engine.classifiers.asked import Asked, Servers
from engine.language.functions import Unknowable
from engine.runtime.decision import Decision
from engine.runtime.evidence import Evidence, Senses
from engine.runtime.explain import Explanation, explain
from engine.runtime.inquire import (
    Inquiry,
    Lookup,
    Question,
    Questions,
    decide_asking,
    decide_instead,
)
from engine.runtime.policyset import PolicySet
from engine.runtime.record import Record
from engine.runtime.request import InvalidRequest
from engine.runtime.sight import Look, Sight, Unlooked
from engine.runtime.store import Store
from engine.runtime.witness import Witness
from engine.service.errand import Errand
from engine.service.lookout import Lookout, Watch
from engine.service.making import Making
from engine.service.meeting import Meeting
from engine.service.releasing import Substitute, unfit
from engine.state.remote import ASKED_BY_CONDITIONS, Unfetched

ROUNDS = 4
"""How often a decision may ask. An answer seldom raises a question: two calls are rare already."""

MOST_FORESEEN = 16
"""With more meters than this each is asked about when its turn comes."""

SHARE = 0.8
"""The part of the caller's remaining time that a wait may take: the answer must travel back."""

TimeLeft = Callable[[], float | None]
"""Returns the seconds until the caller's deadline; None for no deadline."""


def no_deadline() -> float | None:
    """Return None."""
    return None


class Way(NamedTuple):
    """How a decision may wait: for *servers*, and for a look as the end of a *stream* does.

    With an *inquiry* it is first tried without waiting.
    """

    servers: Servers | None
    inquiry: Inquiry | None = None
    stream: bool = False


NO_WAY = Way(None)


def way_of(policies: PolicySet, servers: Servers | None, *, stream: bool = False) -> Way:
    """Return how decisions by *policies* may wait, one after the other."""
    inquiry = None if servers is None else Inquiry(servers.recall, policies.senses)
    return Way(servers, inquiry, stream)


class Overloaded(Exception):
    """The engine has too much to do for this request; the text says of what. Ask again later."""


@dataclass(slots=True, kw_only=True)
class UnderWay:
    """The answers of one request so far, and the questions that were sent."""

    policies: PolicySet
    record: Record
    servers: Servers | None
    """None: no classifier can be asked."""
    lookout: Lookout
    errand: Errand | None = None
    """What is asked of a store that is away from here; None: it is here."""
    patient: bool = False
    """Wait for a look however many wait already."""
    sight: Sight | None = None
    """What was looked at, where there is much text."""
    look: Look | None = None
    """What is to be looked at now."""
    watch: Watch | None = None
    """What was looked at since the last try."""
    answers: dict[Question, float | Unknowable] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    rounds: int = 0
    meeting: Meeting | None = None
    """What the store of reviews is asked, now that everything else is known."""
    spent: int = 0
    """Nanoseconds that tries and looks took; waiting is no deciding."""

    def __post_init__(self) -> None:
        if self.record.long:
            self.sight = Sight(self.policies.senses, self.policies.asked, self.policies.long)

    @property
    def senses(self) -> Senses:
        """What is asked about texts."""
        return self.policies.senses if self.sight is None else self.sight.senses

    @property
    def questioning(self) -> Lookup | None:
        """`lookup`, where there are classifiers that can be asked."""
        return None if self.servers is None else self.lookup

    def lookup(self, question: Question) -> float | None:
        """Return the answer, if there is one; raise Unknowable when there will be none."""
        assert self.servers is not None
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
        assert self.servers is not None
        self.asked = self.servers.ask(questions)
        return True

    def begin(self, store: Store, now: int) -> tuple[Store, int]:
        """Return the store to try with, which is *store* where that is here, and at what instant.

        Raises what went wrong with what was looked at.
        """
        self._learn()
        return (store, now) if self.errand is None else self.errand.begin(now)

    def foresee(self, store: Store, now: int) -> None:
        """Ask for all that conditions may need, since one has: it goes along in one call."""
        meters = self.policies.program.meters
        if len(meters) > MOST_FORESEEN:
            return
        evidence = Evidence(self.record, self.senses, store, now)
        with suppress(Unfetched):
            evidence.labels()
        if self.policies.heard.turns:
            with suppress(Unfetched):
                evidence.turn()
        for meter in meters:
            with suppress(Unfetched, Unknowable):
                evidence.meter(meter)

    def wait(self) -> None:
        """Block until every question is answered or late, or what is to be looked at was."""
        if self.meeting is not None:
            self.meeting.wait()
            return
        if self.errand is not None and self.errand.due:
            self.errand.wait()
            return
        if self.look is not None:
            look, self.look = self.look, None
            self.watch = self.lookout.begin(look, self.policies.senses)
            self.watch.wait()
            return
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
        """Wait as `wait` does, in the event loop; *left* is the caller's time.

        Raises Overloaded.
        """
        if self.meeting is not None:
            remaining = left()
            await self.meeting.hear(None if remaining is None else remaining * SHARE)
            return
        if self.errand is not None and self.errand.due:
            await self.errand.hear()
            return
        if self.look is not None:
            look, self.look = self.look, None
            refusal = "" if self.patient else self.lookout.refusal()
            if refusal:
                self._give_up(look, refusal)
                return
            self.patient = True  # Who was let in is not sent away half way.
            self.watch = await self.lookout.see(look, self.policies.senses)
            return
        remaining = left()
        limit = None if remaining is None else remaining * SHARE
        await asyncio.gather(*(self._hear(one, limit) for one in self.asked))

    def _learn(self) -> None:
        """Take in what was looked at; raise what went wrong with it."""
        if self.watch is not None and self.sight is not None:
            watch, self.watch = self.watch, None
            sighting = watch.answer.result()
            self.sight.learn(watch.look, sighting.seen)
            self.spent += sighting.spent

    def _give_up(self, look: Look, why: str) -> None:
        """Let the content count as too large; raise Overloaded where that is refused."""
        if self.policies.on_too_large == "refuse":
            raise Overloaded(why)
        told = f"{look.characters:,} characters, and {why}"
        self.record.too_large = told  # type: ignore[misc]  # nobody else has it

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

    made: Making
    decision_id: str
    started: int
    """When the request came, on the clock that `spent` is measured with."""
    ready: Decision | None = None
    """What is decided, if what it puts into the store can be put."""
    instead: Substitute | None = None
    """What a review lets pass in the place of what was asked about, if that is decided on now."""
    unfit: str = ""
    """Why that can be no request; empty where it can."""

    def turn_to(self, instead: Substitute, errand: Errand | None) -> None:
        """Decide on *instead* from now on, with an *errand* of its own."""
        self.instead, self.meeting = instead, None
        self.errand, self.patient = errand, True  # Who was let in is not sent away half way.
        self.ready, self.sight, self.look, self.watch = None, None, None, None
        self.asked, self.rounds = [], 0
        self.made.again = Witness()
        said = instead.released
        try:
            self.record = self.policies.reader.reworded(
                self.record, said.content, said.messages, said.arguments
            )
        except InvalidRequest as wrong:
            self.unfit = str(wrong)
        self.__post_init__()

    def attempt(self, store: Store, now: int) -> Decision | None:
        """Return the decision, or None: there is something to wait for."""
        if self.instead is not None and self.unfit:
            return unfit(self.instead.decision, self.unfit)
        store, now = self.begin(store, now)
        errand = self.errand
        ready, self.ready = self.ready, None
        if ready is not None and errand is not None and not errand.failed:
            return ready
        while True:
            try:
                found = self._tried(store, now)
            except Unlooked as stopped:
                self.look = stopped.look
                return None
            except Unfetched as stopped:
                if stopped.method in ASKED_BY_CONDITIONS:
                    self.foresee(store, now)
                return None
            if isinstance(found, Decision):
                if errand is None or not errand.due:
                    return found
                self.ready = found
                return None
            if self.send(found):
                return None

    def _tried(self, store: Store, now: int) -> Decision | Questions:
        """Return the decision as far as it is known, or what is asked."""
        made = self.made
        about = self.policies, self.record, store, now, self.questioning
        if made.again is None:
            return decide_asking(
                *about, decision_id=self.decision_id, senses=self.senses, witness=made
            )
        assert made.seen is not None, "only what rules have looked at is let pass in another form"
        return decide_instead(
            *about,
            made.seen,
            decision_id=self.decision_id,
            senses=self.senses,
            witness=made.again,
        )


@dataclass(slots=True, kw_only=True)
class Unexplained(UnderWay):
    """An explanation under way: it shows every condition's value, so it asks every question."""

    def attempt(self, store: Store, now: int) -> Explanation | None:
        """Return the explanation, or None: there is something to wait for."""
        store, now = self.begin(store, now)
        while True:
            inquiry = Inquiry(self.questioning, self.senses)
            asking = replace(self.policies, senses=inquiry.senses)
            try:
                found = explain(asking, self.record, store, now)
            except Unlooked as stopped:
                self.look = stopped.look
                return None
            except Unfetched as stopped:
                if stopped.method in ASKED_BY_CONDITIONS:
                    self.foresee(store, now)
                return None
            if not inquiry.open:
                return found
            if self.send(tuple(inquiry.open)):
                return None
