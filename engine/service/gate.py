"""The only way in: a request in, a recorded decision out.

``decide`` = read the request against the schema, decide, write the record, count. A door cannot
decide without recording, and whatever fails on the way denies: an unexpected error becomes a
``deny`` that names the kind of error and its place in the code, never what was in the request.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from time import perf_counter_ns
from typing import Any, TypeVar, cast

from msgspec.structs import force_setattr

from engine.classifiers.asked import Classifiers, Servers
from engine.runtime.decide import decide
from engine.runtime.decision import Decision
from engine.runtime.explain import Explanation, explain
from engine.runtime.inquire import decide_known
from engine.runtime.policyset import PolicySet
from engine.runtime.reader import Reader
from engine.runtime.record import Record
from engine.runtime.request import InvalidRequest, Request
from engine.runtime.store import Store
from engine.service.asking import NO_WAY, Undecided, Unexplained, Way, way_of
from engine.service.errand import Errand
from engine.service.failing import denied, describe
from engine.service.identity import IdSource
from engine.service.keeping import NOTHING, PLAIN, Keeper
from engine.service.lookout import Lookout
from engine.service.making import Making
from engine.service.meeting import Meeting
from engine.service.observer import Observer
from engine.service.record import Recorder
from engine.service.reviews import Reviews
from engine.service.settling import settle, settle_far
from engine.service.status import Status
from engine.service.telling import Telling
from engine.service.usage import Usage
from engine.state.remote_store import RemoteStore

RequestLike = Request | Mapping[str, object]
Given = TypeVar("Given")
Read = Callable[[Reader, Any], Record]
"""Makes a record of what a door was given; raises InvalidRequest."""


class NotReady(Exception):
    """No policies were loaded yet, so nothing can be decided; ask again later."""


class Gate:
    """Decides with the policies of the last `swap`. Not thread-safe: one thread decides."""

    def __init__(  # noqa: PLR0913  the parts that it is put together from
        self,
        store: Store,
        recorder: Recorder | None = None,
        *,
        secret: bytes,
        clock: Callable[[], int] = time.time_ns,
        observer: Observer | None = None,
        classifiers: Classifiers | None = None,
        lookout: Lookout | None = None,
        reviews: Reviews | None = None,
        telling: Telling = PLAIN,
    ) -> None:
        """Make a gate without policies.

        *store* keeps buckets, meters and labels; *secret* keys content hashes; *clock* gives ns
        since the Unix epoch; *classifiers* connects with model servers (None: none answers);
        *lookout* looks at much text (None: one with defaults); *reviews* are what escalations open
        (None: nothing). Both are closed with the gate. *telling* is what the record tells beside.
        """
        self.store = store
        self._remote = store if isinstance(store, RemoteStore) else None
        self.keeper = Keeper(
            recorder, secret=secret, observer=observer, reviews=reviews, telling=telling
        )
        self._observer = self.keeper.observer
        self._clock = clock
        self._ids = IdSource()
        self._policies: PolicySet | None = None
        self._classifiers = classifiers
        self._servers: Servers | None = None
        """Of the policies, when these declare classifiers."""
        self._way = NO_WAY
        self._waits = self._remote is not None
        """Whether a decision may have to wait even if it looks at little text."""
        self.lookout = lookout or Lookout()
        self._status = Status()

    @property
    def recorder(self) -> Recorder:
        """Where decisions are recorded."""
        return self.keeper.recorder

    @recorder.setter
    def recorder(self, recorder: Recorder) -> None:
        self.keeper.recorder = recorder

    @property
    def reviews(self) -> Reviews | None:
        """What escalations open."""
        return self.keeper.reviews

    @reviews.setter
    def reviews(self, reviews: Reviews | None) -> None:
        self.keeper.reviews = reviews

    @property
    def ready(self) -> bool:
        """Whether policies were loaded."""
        return self._policies is not None

    @property
    def policies(self) -> PolicySet:
        """What decides now. Raises NotReady before the first `swap`."""
        return self._current()

    @property
    def far(self) -> bool:
        """Whether the state is kept away from here, so that asking for it at once blocks."""
        return self._remote is not None

    @property
    def at_hand(self) -> Store:
        """What keeps the state; while that is away, what there is in its place."""
        return self.store if self._remote is None else self._remote.at_hand()

    @property
    def now(self) -> int:
        """The instant, in ns since the Unix epoch."""
        return self._clock()

    def swap(self, policies: PolicySet, *, collect: bool = True) -> None:
        """Decide with *policies* from now on; a decision that runs keeps those it began with.

        Unless told to *collect*, the collector must have been told to leave *policies* alone.
        """
        self._status = Status(
            serving=True,
            revision=policies.revision,
            loaded_at=self._clock(),
            policies=len(policies.policies),
            rules=len(policies.rules),
        )
        self._policies = policies
        # What the old policies alone had is closed when nothing that is under way has it any more.
        self._servers = self._connect(policies)
        self._way = way_of(policies, self._servers)
        self._waits = self._servers is not None or self._remote is not None
        self._observer.swapped(policies)
        # What was loaded lives long: without this the collector would walk it again and again. What
        # the old policies leave behind has no cycles, so nothing need be thawed to be freed.
        if collect:
            gc.collect()
            gc.freeze()

    def _connect(self, policies: PolicySet) -> Servers | None:
        """Return the model servers of *policies*; None where none is declared or can be asked."""
        declared = policies.program.classifiers
        if self._classifiers is None or not declared:
            return None
        return self._classifiers.panel(declared)

    def refuse(self, why: str) -> None:
        """Note that the newest policies were not taken over, and why; the last good ones stay."""
        self._status = replace(self._status, refused_at=self._clock(), refusal=why)

    def confirm(self) -> None:
        """Note that the policies that decide are the newest."""
        self._status = replace(self._status, refused_at=0, refusal="")

    def status(self) -> Status:
        """Return which policies decide, and how the newest reload went."""
        return self._status

    def decide(self, request: RequestLike) -> Decision:
        """Return the recorded decision on *request*; blocks while classifiers must be waited for.

        Raises NotReady before the first `swap`, and InvalidRequest (nothing was decided, consumed
        or recorded) when the request does not fit the schema.
        """
        return self._decide(Reader.read, request)

    def decide_json(self, raw: bytes) -> Decision:
        """Return the recorded decision on a whole request in JSON."""
        return self._decide(Reader.read_json, raw)

    def begin(self, request: RequestLike) -> Decision | Undecided:
        """Return what `decide` does, or what must wait, for `go_on`; never blocks.

        Without classifiers in the policies, and without much text, it is always the decision.
        """
        return self._step(self._current(), Reader.read, request, self._way)

    def begin_with(
        self, read: Callable[[Reader, Given], Record], given: Given
    ) -> Decision | Undecided:
        """Return what `begin` does of what *read* makes of *given*: the fastest entrance."""
        return self._step(self._current(), read, given, self._way)

    def begin_read(
        self, policies: PolicySet, read: Callable[[], Record], *, ask: bool = True
    ) -> Decision | Undecided:
        """Return what `begin` does, with *policies* that were `policies` when a stream opened.

        It is never refused for having to wait. Unless it is to *ask*, classifiers are unknowable.
        """
        servers: Servers | None = None
        if ask:
            servers = self._servers if policies is self._policies else self._connect(policies)
        return self._step(policies, call, read, way_of(policies, servers, stream=True))

    def decide_read(self, policies: PolicySet, read: Callable[[], Record]) -> Decision:
        """Return the recorded decision without asking classifiers: nobody waits for it."""
        return cast("Decision", self._step(policies, call, read, None, alone=True))

    def enter(
        self, policies: PolicySet, record: Record, make: Callable[[str], Decision]
    ) -> Decision:
        """Return the decision that *make* makes of an id, recorded as one on *record*."""
        now = self._clock()
        made = Making(now=now, record=record)
        return self.keeper.keep(policies, made, make(self._ids.make(now)))

    def go_on(self, waited: Undecided) -> Decision | Undecided:
        """Return the recorded decision now that what *waited* waits for has come.

        Or *waited* again, when that has raised new questions, or a review lets something else
        pass, which is decided on too. A decision that nobody goes on with (its caller has gone)
        was not made: nothing was recorded.
        """
        made, instead = waited.made, None
        if waited.meeting is not None:
            met = self.keeper.met(made, waited.meeting)
            if isinstance(met, Decision):
                return self.keeper.keep(waited.policies, made, met)
            instead = met
        started = perf_counter_ns()
        made.now = now = self._clock()
        made.error = ""
        try:
            if instead is not None:
                waited.turn_to(instead, self._errand())
            decision = waited.attempt(self.store, now)
        except Exception as problem:  # noqa: BLE001 - whatever fails must deny
            made.error = describe(problem)
            decision = denied(
                waited.policies.revision, made.request_id, waited.decision_id, made.error
            )
        ended = perf_counter_ns()
        waited.spent += ended - started
        if decision is None:
            return waited
        made.decide = waited.spent
        made.wait = max(0, ended - waited.started - made.read - waited.spent - made.review)
        if waited.instead is None:
            waited.meeting = self.keeper.meeting(made, decision)
        else:
            decision = self.keeper.substituted(made, waited.instead, decision)
        force_setattr(decision, "evaluated_in", waited.spent)
        return waited if waited.meeting else self.keeper.keep(waited.policies, made, decision)

    def explain(self, request: RequestLike) -> Explanation:
        """Return why *request* would be decided as it would; blocks, and records nothing."""
        found = self.begin_explain(request)
        while not isinstance(found, Explanation):
            found.wait()
            found = self.go_on_explaining(found)
        return found

    def begin_explain(self, request: RequestLike) -> Explanation | Unexplained:
        """Return what `explain` does, or what must wait, for `go_on_explaining`."""
        policies = self._current()
        record = policies.reader.read(request)
        if not (self._waits or record.long):
            return explain(policies, record, self.at_hand, self._clock())
        return self.go_on_explaining(
            Unexplained(
                policies=policies,
                record=record,
                servers=self._servers,
                lookout=self.lookout,
                errand=self._errand(),
            )
        )

    def go_on_explaining(self, waited: Unexplained) -> Explanation | Unexplained:
        """Return the explanation, or *waited* again when there are new questions."""
        return waited.attempt(self.store, self._clock()) or waited

    def settle(self, decision_id: str, usage: Usage) -> bool:
        """Correct what a decision reserved on an estimate; return whether that changed anything.

        False when the decision is unknown, reserved nothing or was settled already. Raises
        InvalidRequest for negative figures, StoreUnavailable when the store cannot answer, and
        RecordError when it is settled and cannot be recorded.
        """
        now = self._clock()
        found = settle(self.store, decision_id, usage, now)
        self.keeper.settled(decision_id, usage, now, found=found)
        return found is not None

    async def settle_far(self, decision_id: str, usage: Usage) -> bool:
        """Do what `settle` does without blocking, where the state is kept `far` away."""
        assert self._remote is not None, "only asked for where the state is far"
        now = self._clock()
        found = await settle_far(self._remote, decision_id, usage, now)
        self.keeper.settled(decision_id, usage, now, found=found)
        return found is not None

    def note(self, act: str, who: str = "", what: Mapping[str, object] = NOTHING) -> None:
        """Record that *who* did something beside asking. Raises RecordError."""
        self.keeper.note(act, self._clock(), who, what)

    def sweep(self, entries: int) -> int:
        """Let the store forget up to *entries* that no longer matter; return how many it did.

        Raises StoreUnavailable.
        """
        return self.store.sweep(self._clock(), entries)

    async def leave(self) -> None:
        """Disconnect this event loop from a store that is away; in the end, before `close`."""
        if self._remote is not None:
            await self._remote.leave()

    def close(self) -> None:
        """Decide no more, and release the store and the record."""
        self._policies = None
        self._servers = None
        self._way = NO_WAY
        if self._classifiers is not None:
            self._classifiers.close()
        self.lookout.close()
        self.keeper.close()
        self.store.close()

    def _errand(self) -> Errand | None:
        return None if self._remote is None else Errand(self._remote)

    def _current(self) -> PolicySet:
        policies = self._policies
        if policies is None:
            raise NotReady("no policies were loaded yet, or the engine was closed")
        return policies

    def _finish(self, step: Decision | Undecided) -> Decision:
        """Wait until there is a decision."""
        while not isinstance(step, Decision):
            step.wait()
            step = self.go_on(step)
        return self.keeper.sure(step)

    def _decide(self, read: Read, given: object) -> Decision:
        # The long way asks for nothing where nothing waits, but costs calls.
        way = self._way if self._waits else None
        return self._finish(self._step(self._current(), read, given, way))

    def _step(
        self,
        policies: PolicySet,
        read: Read,
        given: object,
        way: Way | None,
        *,
        alone: bool = False,
    ) -> Decision | Undecided:
        """Return the recorded decision; or where there is a *way* to wait, what must.

        *alone*: nobody waits for it, and it waits for no review.
        """
        # Hot path: all that every decision passes through is here, in one piece.
        started = perf_counter_ns()
        made = Making(now=self._clock())
        decision_id = self._ids.make(made.now)
        try:
            made.record = record = read(policies.reader, given)
            if not self.keeper.silent:
                made.read = perf_counter_ns() - started
            known = self._try(policies, record, way, made, decision_id)
            if known is None:
                assert way is not None, "only who can wait must"
                return self.go_on(self._begun(policies, way, made, decision_id, started))
            decision = known
        except InvalidRequest:
            self._observer.refused()
            raise
        except Exception as problem:  # noqa: BLE001 - whatever fails must deny
            made.error = describe(problem)
            decision = denied(policies.revision, made.request_id, decision_id, made.error)
        spent = perf_counter_ns() - started
        made.decide = spent - made.read
        force_setattr(decision, "evaluated_in", spent)
        if decision.escalation is not None and not alone:
            meeting = self.keeper.meeting(made, decision)
            if meeting is not None:
                return self._begun(policies, way or NO_WAY, made, decision_id, started, meeting)
        return self.keeper.keep(policies, made, decision, alone=alone)

    def _try(
        self, policies: PolicySet, record: Record, way: Way | None, made: Making, decision_id: str
    ) -> Decision | None:
        """Return the decision, or None where it must wait for what is asked or looked at."""
        if way is not None and (record.long or self._remote is not None):
            return None
        now = made.now
        store = self.store if self._remote is None else self._remote.at_hand()
        witness = None if self.keeper.silent and self.keeper.reviews is None else made
        if way is None or way.inquiry is None:
            return decide(policies, record, store, now, decision_id=decision_id, witness=witness)
        return decide_known(
            way.inquiry, policies, record, store, now, decision_id=decision_id, witness=witness
        )

    def _begun(
        self,
        policies: PolicySet,
        way: Way,
        made: Making,
        decision_id: str,
        started: int,
        meeting: Meeting | None = None,
    ) -> Undecided:
        assert made.record is not None
        return Undecided(
            policies=policies,
            record=made.record,
            servers=way.servers,
            lookout=self.lookout,
            errand=self._errand(),
            patient=way.stream,
            meeting=meeting,
            made=made,
            decision_id=decision_id,
            started=started,
            spent=made.decide,
        )


def call(_reader: Reader, read: Callable[[], Record]) -> Record:
    """Return what *read* gives, which has a reader of its own."""
    return read()
