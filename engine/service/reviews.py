"""A decision that escalates in, what the review has made of it out; and the acts of reviewers.

Off the hot path: only what escalates comes here. The first time it opens a review and stays an
``escalate``; asked again it is let through, denied, or still waits. An answer is bound to what was
asked (see ``runtime.review``), and what passes is what the reviewer saw, or put in its place.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from datetime import timedelta
from typing import TypeVar, assert_never

import msgspec

from engine.runtime.decision import Action, Decision, Escalation, Reason, ReviewState
from engine.runtime.evidence import EPOCH, nanoseconds
from engine.runtime.record import Record
from engine.service.apart import Apart
from engine.service.asked import asked_of
from engine.service.entries import ReviewEntry
from engine.service.presenting import Terms, present, refusal_of
from engine.service.record import Recorder, RecordError
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

APPROVED = "a reviewer approved it"
EDITED = "a reviewer let an edited form pass"
REJECTED = "a reviewer rejected it"
EXPIRED = "nobody reviewed it in time"
NO_MASK = "the caller cannot mask"
NO_EDIT = "what was streamed cannot be edited: ask about the whole of it"
PRESENT = "a reviewer approved it for once: present the approval token"

LATEST = 1 << 62
"""The last instant that a store can keep, in the year 2116."""

AT_ONCE = 500
"""How many acts are recorded, or reviews ended, in one go."""

PRUNE_EVERY = 60 * SECOND
"""How often is looked for what was kept for long enough, when there was nothing the last time."""

SEALED = "reviews"
"""What the key of the reviews' file is derived for."""

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

    def meet(self, record: Record, decision: Decision, now: int) -> Decision:
        """Return what *decision* on *record* comes to at *now*. Raises ReviewsUnavailable."""
        try:
            return self._meet(record, decision, now)
        finally:
            if record.approval:
                with suppress(RecordError, ReviewsUnavailable):
                    self.tell()

    def send(self, record: Record, decision: Decision, now: int) -> Future[Decision]:
        """Begin what `meet` does in another thread. Raises ReviewsUnavailable.

        What it has done is recorded by the next `tell` or `tend`.
        """
        return self._apart.send(lambda: self._meet(record, decision, now))

    def _meet(self, record: Record, decision: Decision, now: int) -> Decision:
        """Do what `meet` does, without recording anything."""
        escalation = decision.escalation
        # A caller that cannot wait would never ask again: it is denied, and nobody is bothered.
        if escalation is None or decision.effective_action != "escalate":
            return decision
        shown = shown_of(record, decision)
        question = self.terms.bind(question_of(record, decision, escalation, shown, now), record)
        if record.approval:
            return self._presented(record, decision, shown, question, now)
        return answered(record, decision, shown, self._store.open_or_join(question, now))

    def _presented(
        self, record: Record, decision: Decision, shown: Shown, question: Question, now: int
    ) -> Decision:
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


def turned_down(decision: Decision, why: str) -> Decision:
    """Return *decision* as a ``deny``, since the token that was presented was refused."""
    made = msgspec.structs.replace(stopped(decision, why), escalation=None)
    reasons = tuple(msgspec.structs.replace(one, failure=why) for one in made.reasons)
    return msgspec.structs.replace(made, reasons=reasons)


def answered(
    record: Record, decision: Decision, shown: Shown, review: Review, *, presented: bool = False
) -> Decision:
    """Return what *review* has made of *decision*, which would let *shown* pass."""
    question = review.question
    escalation = Escalation(
        review_id=question.review_id,
        queue=question.queue,
        expires_at=EPOCH + timedelta(microseconds=question.expires_at // 1000),
        otherwise=question.otherwise,
        state=review.state,
        needed=question.needed,
    )
    made = msgspec.structs.replace(decision, escalation=escalation)
    match review.state:
        case "open":
            return made
        case "approved" | "edited" if question.once and not presented:
            return msgspec.structs.replace(made, reasons=because(made, "escalate", PRESENT))
        case "approved":
            return let_pass(record, made, shown, review, APPROVED)
        case "edited":
            return let_pass(record, made, shown, review, EDITED)
        case "rejected":
            return stopped(made, f"{REJECTED}: {review.note}" if review.note else REJECTED)
        case "expired" if question.otherwise == "allow":
            return let_pass(record, made, shown, review, EXPIRED)
        case "expired":
            return stopped(made, EXPIRED)
        case _:
            assert_never(review.state)


def let_pass(
    record: Record, decision: Decision, shown: Shown, review: Review, why: str
) -> Decision:
    """Return *decision* as one that lets pass what *review* releases."""
    released = review.released
    if released == shown:  # As it is, redacted where it already was.
        action: Action = "redact" if decision.redactions else "allow"
        return msgspec.structs.replace(
            decision, action=action, effective_action=action, reasons=because(decision, action, why)
        )
    if record.streamed is not None:
        return stopped(decision, NO_EDIT)
    unable = record.capabilities is not None and "mask" not in record.capabilities
    if unable:
        made = stopped(decision, why)
        return msgspec.structs.replace(made, action="redact", downgrade_reason=NO_MASK)
    return msgspec.structs.replace(
        decision,
        action="redact",
        effective_action="redact",
        reasons=because(decision, "redact", why),
        content=released.content,
        messages=released.messages,
        arguments=released.arguments,
        attributes=released.attributes,
        redactions=(),  # Their places are those of another text.
    )


def stopped(decision: Decision, why: str) -> Decision:
    """Return *decision* as a ``deny``, which carries no content."""
    return msgspec.structs.replace(
        decision,
        action="deny",
        effective_action="deny",
        reasons=because(decision, "deny", why),
        content=None,
        messages=None,
        arguments=None,
        attributes={},
        redactions=(),
        restored=0,
    )


def because(decision: Decision, action: Action, why: str) -> tuple[Reason, ...]:
    """Return the reasons of *decision* with what a reviewer made of them."""
    return tuple(
        msgspec.structs.replace(one, action=action, message=why) for one in decision.reasons
    )
