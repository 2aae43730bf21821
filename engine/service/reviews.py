"""A decision that escalates in, what the review has made of it out; and the acts of reviewers.

Off the hot path: only what escalates comes here. The first time it opens a review and stays an
``escalate``; asked again it is let through, denied, or still waits. An answer is bound to what was
asked (see ``runtime.review``); what it makes of a decision is told in ``releasing``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import TypeVar

import msgspec

from engine.runtime.decision import Decision, Escalation, ReviewState
from engine.runtime.evidence import EPOCH, nanoseconds
from engine.runtime.record import Record
from engine.service.apart import Apart
from engine.service.asked import asked_of
from engine.service.entries import ReviewEntry
from engine.service.presenting import Terms, name_of, present, refusal_of
from engine.service.record import Recorder, RecordError
from engine.service.releasing import Substitute, answered, says_withheld, turned_down
from engine.service.times import iso_time
from engine.storage.reviews import (
    ENDED,
    PAGE_BYTES,
    SECOND,
    Answer,
    Count,
    Deed,
    History,
    Move,
    Page,
    Question,
    Refused,
    Review,
    ReviewStore,
    ReviewsUnavailable,
    Shown,
    Upkeep,
    Wanted,
)

LATEST = 1 << 62
"""The last instant that a store can keep, in the year 2116."""

AT_ONCE = 500
"""How many acts are recorded, or reviews ended, in one go."""

PRUNE_EVERY = 60 * SECOND
"""How often is looked for what was kept for long enough, when there was nothing the last time."""

REMEMBERED = 4096
"""So many things that did not pass are remembered; of more all are forgotten, and told again."""

MOST_LISTED = 1000
LISTED = 100
"""The most reviews of one page, and how many there are when nobody says."""

_encode = msgspec.json.Encoder(enc_hook=str, decimal_format="string").encode
_read_shown = msgspec.json.Decoder(Shown).decode

Made = TypeVar("Made")


class Reviews:
    """Owns the store of reviews, and records what is done with them."""

    def __init__(
        self,
        store: ReviewStore,
        recorder: Recorder,
        clock: Callable[[], int],
        terms: Terms | None = None,
        upkeep: Upkeep | None = None,
    ) -> None:
        """Keep reviews in *store*; *clock* gives ns since the epoch, *terms* what they are like.

        *upkeep* says how long (None: for ever).
        """
        self.terms = terms or Terms()
        self._store = store
        self._recorder = recorder
        self._clock = clock
        self._upkeep = upkeep or Upkeep()
        self._pruned_at = 0
        self._apart = Apart()
        self._turned_down: deque[ReviewEntry] = deque()
        """What is to be recorded that no store has in its history."""
        self._withheld: set[tuple[str, int, str]] = set()
        """What histories were told of already that did not pass."""

    @property
    def now(self) -> int:
        """The instant, in ns since the epoch."""
        return self._clock()

    async def apart(self, work: Callable[[], Made]) -> Made:
        """Return what *work* comes to, done in another thread: what is asked here may take long.

        It may read reviews, and must record nothing. Raises ReviewsUnavailable, and what it raises.
        """
        return await self._apart.do(work)

    async def acted(self, review_id: str, move: Move) -> Review:
        """Do what `act` does without blocking the event loop."""
        try:
            return await self.apart(lambda: self._store.act(review_id, move, self._clock()))
        finally:
            with suppress(RecordError, ReviewsUnavailable):
                await self._tell_apart()

    def send(self, record: Record, decision: Decision, now: int) -> Future[Decision | Substitute]:
        """Begin to find out, in another thread, what *decision* on *record* comes to at *now*.

        What is done for it is recorded by the next `tell` or `tend`. Raises ReviewsUnavailable.
        """
        return self._apart.send(lambda: self._meet(record, decision, now))

    def note_withheld(self, record: Record, instead: Substitute, found: Decision) -> None:
        """Have the history say, once in this process, that *found* keeps *instead* from passing.

        It says so a little later, or never where the store cannot: the decision is recorded.
        """
        escalation = instead.decision.escalation
        assert escalation is not None, "it is of a review"
        review_id, why = escalation.review_id, says_withheld(found)
        said = review_id, instead.round, why
        if said in self._withheld:
            return
        if len(self._withheld) >= REMEMBERED:
            self._withheld.clear()
        move = Move(verb="present", who=name_of(record.user.id), barred=why)
        with suppress(ReviewsUnavailable):
            self._apart.send(lambda: self._store.act(review_id, move, self._clock()))
            self._withheld.add(said)

    def _meet(self, record: Record, decision: Decision, now: int) -> Decision | Substitute:
        escalation = decision.escalation
        assert escalation is not None, "only what escalates is asked about"
        shown = shown_of(record, decision)
        question = self.terms.bind(question_of(record, decision, escalation, shown, now), record)
        if record.approval:
            return self._presented(record, decision, shown, question, now)
        return answered(record, decision, shown, self._store.open_or_join(question, now))

    def _presented(
        self, record: Record, decision: Decision, shown: Shown, question: Question, now: int
    ) -> Decision | Substitute:
        """Return what the approval comes to whose token was presented."""

        def note(who: str) -> None:
            self._turned_down.append(refusal_of(question, who, now))

        try:
            review = present(self.terms, self._store, record.approval, question, now, note)
        except Refused as error:
            return turned_down(decision, str(error))
        return answered(record, decision, shown, review, presented=True)

    def look(self, known: Mapping[str, int]) -> dict[str, tuple[int, Review]]:
        """Return the reviews whose newest deed has not the number in *known*, with what it has.

        Raises ReviewsUnavailable.
        """
        stamps = self._store.stamps(list(known))
        return {
            review_id: (number, self.find(review_id))
            for review_id, number in stamps.items()
            if number != known[review_id]
        }

    def find(self, review_id: str) -> Review:
        """Return a review as it stands. Raises NoReview and ReviewsUnavailable."""
        return self._store.find(review_id, self._clock())

    def act(self, review_id: str, move: Move) -> Review:
        """Return the review after *move*. Raises NoReview, Refused and ReviewsUnavailable."""
        try:
            return self._store.act(review_id, move, self._clock())
        finally:
            # What cannot be recorded now waits in the history, and `tend` says so.
            with suppress(RecordError, ReviewsUnavailable):
                self.tell()

    def browse(
        self, wanted: Wanted, token: str = "", most: int = 0, room: int = PAGE_BYTES
    ) -> Page:
        """Return up to *most* reviews after *token* (0: a hundred), of *room* bytes.

        Raises Refused.
        """
        if not 0 <= most <= MOST_LISTED:
            raise Refused(f"a page has {MOST_LISTED:,} reviews at most")
        return self._store.browse(wanted, token, most or LISTED, self._clock(), room)

    def history(self, review_id: str, token: str = "", most: int = 0) -> History:
        """Return up to *most* deeds of a review (0: a thousand) after *token*, the oldest first.

        Raises NoReview, Refused and ReviewsUnavailable.
        """
        if not 0 <= most <= MOST_LISTED:
            raise Refused(f"a page has {MOST_LISTED:,} deeds at most")
        return self._store.recall(review_id, token, most or MOST_LISTED)

    def answers(self) -> tuple[Answer, ...]:
        """Return every round of a review that has ended. Raises ReviewsUnavailable."""
        return self._store.answers(self._clock())

    def tell(self) -> int:
        """Record what was done and is not recorded yet, by whichever process; return how much.

        A crash in between records it twice, with the same number. Raises RecordError.
        """
        deeds = self._store.untold(AT_ONCE, self._clock())
        self._recorded(deeds)
        return len(deeds)

    async def _tell_apart(self) -> None:
        """Do what `tell` does: the store is asked apart, and what it hands over recorded here."""
        deeds = await self.apart(lambda: self._store.untold(AT_ONCE, self._clock()))
        done, problem = self._record_all(deeds)
        await self.apart(lambda: self._note(deeds, done))
        if problem is not None:
            raise problem

    def _recorded(self, deeds: Sequence[Deed]) -> None:
        """Record *deeds*, and note which of them were. Raises RecordError."""
        done, problem = self._record_all(deeds)
        self._note(deeds, done)
        if problem is not None:
            raise problem

    def _record_all(self, deeds: Sequence[Deed]) -> tuple[int, RecordError | None]:
        """Record *deeds*; return how many, and why not all."""
        while self._turned_down:
            # The decision itself, a ``deny``, is recorded in any case.
            with suppress(RecordError):
                self._recorder.write(self._turned_down.popleft())
        for number, deed in enumerate(deeds):
            try:
                self._record(deed)
            except RecordError as problem:
                return number, problem
        return len(deeds), None

    def _note(self, deeds: Sequence[Deed], done: int) -> None:
        """Note in the store that the first of *deeds* were recorded, and the others not."""
        self._store.told([deed.number for deed in deeds[:done]])
        self._store.told([deed.number for deed in deeds[done:]], kept=False)

    def tend(self) -> str:
        """End what is overdue and record what was done; return what went wrong, if anything."""
        try:
            self._store.expire(self._clock(), AT_ONCE)
            self._prune()
            self.tell()
        except (RecordError, ReviewsUnavailable) as error:
            return str(error)
        return ""

    async def tend_apart(self) -> str:
        """Do what `tend` does without blocking the event loop."""
        try:
            await self.apart(lambda: self._store.expire(self._clock(), AT_ONCE))
            await self.apart(self._prune)
            await self._tell_apart()
        except (RecordError, ReviewsUnavailable) as error:
            return str(error)
        return ""

    def _prune(self) -> None:
        """Now and then erase and delete what was kept for long enough."""
        now = self._clock()
        due = self._upkeep != Upkeep() and abs(now - self._pruned_at) >= PRUNE_EVERY
        if due and not self._store.prune(self._upkeep, now, AT_ONCE):
            self._pruned_at = now

    def counts(self, state: ReviewState | None = None) -> tuple[Count, ...]:
        """Return how many there are of each queue, tenant, state and severity, or of one state."""
        return self._store.counts(self._clock(), state)

    def close(self) -> None:
        """Release the store."""
        self._apart.close()
        self._store.close()

    def _record(self, deed: Deed) -> None:
        self._recorder.write(
            ReviewEntry(
                time=iso_time(deed.time),
                review_id=deed.review_id,
                act=deed.act,
                who=deed.who,
                state=deed.state,
                round=deed.round,
                tenant=deed.tenant,
                user=deed.user,
                queue=deed.queue,
                number=deed.number,
                waited=(deed.time - deed.opened_at) / SECOND if deed.act in ENDED else 0.0,
                client_certificate=deed.certificate,
            )
        )


def shown_of(record: Record, decision: Decision) -> Shown:
    """Return what would pass if *decision* let it pass: redacted where the policies redact.

    As it is after a store has kept it, so that it can be compared. Nothing of what was too large to
    be looked at, since nobody knows what it holds.
    """
    if record.too_large:
        return Shown()
    arguments = record.tool.args if decision.arguments is None else decision.arguments
    content, messages = decision.content, decision.messages
    if record.messages is None:
        content = record.content if content is None else content
    else:
        messages = record.messages if messages is None else messages
    made = Shown(
        content=content, messages=messages, arguments=arguments, attributes=decision.attributes
    )
    return _read_shown(_encode(made))


def question_of(
    record: Record, decision: Decision, escalation: Escalation, shown: Shown, now: int
) -> Question:
    """Return what a person is asked."""
    expires_at = min(nanoseconds(escalation.expires_at - EPOCH), LATEST)
    return Question(
        review_id=escalation.review_id,
        tenant=record.tenant.id,
        user=record.user.id,
        stage=record.stage,
        queue=escalation.queue,
        revision=decision.revision,
        reasons=decision.reasons,
        shown=shown,
        expires_at=expires_at,
        within=expires_at - now,
        otherwise=escalation.otherwise,
        needed=escalation.needed,
        decision_id=decision.decision_id,
        session=record.session.id or "",
        tool=record.tool.name or "",
        hidden=record.too_large,
        asked=asked_of(record, decision),
    )
