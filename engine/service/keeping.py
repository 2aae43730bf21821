"""A decision in; the same, recorded, or what a review made of it, out: a ``deny`` if that fails.

What is not recorded must not be given, and what cannot be reviewed must not pass.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from engine.runtime.decision import Decision
from engine.runtime.policyset import PolicySet
from engine.runtime.record import LONGEST_ID
from engine.runtime.store import Settled
from engine.runtime.values import Values, values_of
from engine.service.callers import certificate_shown
from engine.service.entries import AdminEntry, ContentEntry, Entry, SettlementEntry
from engine.service.failing import denied, describe
from engine.service.keys import derive_key
from engine.service.laid import Laid
from engine.service.lay import lay_line
from engine.service.lines import MOST, NOTHING_TOLD, make_entry
from engine.service.making import Making
from engine.service.meeting import Meeting, meet
from engine.service.observer import NoObserver, Observer
from engine.service.record import NoRecorder, Recorder, RecordError
from engine.service.releasing import Substitute, substituted
from engine.service.reviews import Reviews
from engine.service.telling import Telling, content_entry
from engine.service.times import iso_time
from engine.service.usage import Usage
from engine.storage.reviews import ReviewsUnavailable

UNRECORDED = "the decision could not be recorded"
UNREVIEWED = "the review could not be opened"

PLAIN = Telling()
NOTHING: Mapping[str, object] = {}
NONE_FAILED: Mapping[str, str] = {}


class Keeper:
    """Records and counts what was decided; has the recorder and the reviews of a gate."""

    def __init__(
        self,
        recorder: Recorder | None,
        *,
        secret: bytes,
        observer: Observer | None = None,
        reviews: Reviews | None = None,
        telling: Telling = PLAIN,
    ) -> None:
        """Record with *recorder*; *secret* keys content hashes. None: nothing, nobody, none."""
        self.recorder = recorder or NoRecorder()
        self.observer = observer or NoObserver()
        self.reviews = reviews
        self._telling = telling
        self._tells_none = not (telling.wants_values("allow") or telling.wants_values("deny"))
        self._tells_all = telling.wants_values("allow")
        self._keeps_content = telling.content != "none"
        self._held: list[Entry | Laid] | None = None
        """What is to be recorded in one go."""
        self._hash_key = derive_key(secret, "content hash")

    @property
    def recorder(self) -> Recorder:
        """Where decisions are recorded."""
        return self._recorder

    @recorder.setter
    def recorder(self, recorder: Recorder) -> None:
        self._recorder = recorder
        # Hot path: for one that keeps nothing no entry is made, and nothing is witnessed.
        self.silent = type(recorder) is NoRecorder
        self._lays = recorder.lays
        self.together = recorder.together
        self.kept, self.tell = recorder.kept, recorder.tell

    def keep(
        self, policies: PolicySet, made: Making, decision: Decision, *, alone: bool = False
    ) -> Decision:
        """Record and count *decision*; return what holds.

        That is a ``deny`` when it cannot be recorded. *alone*: nobody waits for it; its review is
        opened, and it does not wait for that.
        """
        if alone:
            self.meeting(made, decision)
        return self._write(policies, made, decision)

    def sure(self, decision: Decision) -> Decision:
        """Return *decision* when it may be answered, or the ``deny`` in its place; blocks."""
        waits = self._recorder.waits()
        return decision if waits is None else self.made_sure(decision, waits)

    def made_sure(self, decision: Decision, waits: Callable[[], None]) -> Decision:
        """Do what `sure` does, by what the recorder gave when *decision* was recorded."""
        try:
            waits()
        except RecordError as error:
            return self.unrecorded(decision, str(error))
        return decision

    async def when_kept(self, decision: Decision, waited: Awaitable[None]) -> Decision:
        """Return *decision* when it may be answered, or the ``deny`` in its place."""
        try:
            await waited
        except RecordError as error:
            return self.unrecorded(decision, str(error))
        return decision

    def meeting(self, made: Making, decision: Decision) -> Meeting | None:
        """Ask the store of reviews about *decision*; None where it need not be asked."""
        record, reviews = made.record, self.reviews
        if decision.escalation is None or reviews is None or record is None:
            return None
        # A caller that cannot wait would never ask again: it is denied, and nobody is bothered.
        if decision.effective_action != "escalate":
            return None
        return meet(reviews, record, decision, made.now)

    def met(self, made: Making, meeting: Meeting) -> Decision | Substitute:
        """Return what came of *meeting*: a ``deny``, and why in *made*, if nothing did."""
        made.error = ""
        try:
            return meeting.outcome()
        except Exception as problem:  # noqa: BLE001 - what cannot be reviewed must not pass
            known = isinstance(problem, ReviewsUnavailable)
            made.error = str(problem) if known else describe(problem)
            of = meeting.decision
            return denied(of.revision, of.request_id, of.decision_id, UNREVIEWED)
        finally:
            made.review = meeting.spent

    def substituted(self, made: Making, instead: Substitute, found: Decision) -> Decision:
        """Return what comes of *instead*, about which *found* was decided."""
        decision = substituted(instead, found)
        record, reviews = made.record, self.reviews
        if decision.effective_action != "redact" and reviews is not None and record is not None:
            reviews.note_withheld(record, instead, found)
        return decision

    def _write(self, policies: PolicySet, made: Making, decision: Decision) -> Decision:
        """Record and count *decision*; return what holds."""
        error = made.error
        if not self.silent:
            try:
                self._record(policies, made, decision)
            except Exception as problem:  # noqa: BLE001 - what is not recorded must not be given
                error = str(problem) if isinstance(problem, RecordError) else describe(problem)
                decision = denied(
                    decision.revision, decision.request_id, decision.decision_id, UNRECORDED
                )
        record = made.record
        if error:
            self.observer.failed(error)
        if record is None:
            self.observer.decided("", "", decision)
        else:
            self.observer.decided(record.tenant.id, record.stage, decision)
        return decision

    def _record(self, policies: PolicySet, made: Making, decision: Decision) -> None:
        key = self._hash_key
        entry: Entry | Laid | None = None
        values = self._values(policies, made, decision)
        content = self._content(policies, made, decision)
        if content is None and self._lays:  # Hot path.
            entry = lay_line(made, decision, key, values)
        if entry is None:
            spelt = policies.spelt
            entry = make_entry(
                made, decision, key=key, constants=spelt, values=values, content=content
            )
        if self._held is None:
            self._recorder.write(entry)
        else:
            self._held.append(entry)

    def hold(self) -> None:
        """Hold what is to be recorded of decisions until `release`, before any is answered."""
        self._held = []

    def release(self) -> Mapping[str, str]:
        """Record what was held; return why decisions could not be recorded, by their ids."""
        held, self._held = self._held, None
        if not held or self._recorder.write_all(held):
            return NONE_FAILED
        failed: dict[str, str] = {}
        for entry in held:
            try:
                self._recorder.write(entry)
            except Exception as problem:  # noqa: BLE001 - what is not recorded must not be given
                known = isinstance(problem, RecordError)
                failed[entry.decision_id] = str(problem) if known else describe(problem)
        return failed

    def unrecorded(self, decision: Decision, error: str) -> Decision:
        """Return the ``deny`` in the place of *decision*, which could not be recorded."""
        self.observer.failed(error)
        return denied(decision.revision, decision.request_id, decision.decision_id, UNRECORDED)

    def _values(
        self, policies: PolicySet, made: Making, decision: Decision
    ) -> Mapping[str, Values]:
        """Return what the deciding rules have read, by rule."""
        telling, shadow = self._telling, decision.shadow
        seen = made.seen
        if seen is None or self._tells_none:
            return NOTHING_TOLD
        if decision.action == "allow" and shadow is None and not self._tells_all:  # Hot path.
            return NOTHING_TOLD
        told: dict[str, Values] = {}
        if telling.wants_values(decision.action):
            for one in decision.reasons[:MOST]:
                told[one.rule] = values_of(policies, made.seen_by(one.rule, seen), one.rule)
        if shadow is not None and telling.wants_values(shadow.action):
            for one in shadow.reasons[:MOST]:
                told[one.rule] = values_of(policies, made.seen_by(one.rule, seen), one.rule)
        return told

    def _content(
        self, policies: PolicySet, made: Making, decision: Decision
    ) -> ContentEntry | None:
        record, telling = made.record, self._telling
        if not self._keeps_content or record is None or not telling.wants_content(record, decision):
            return None
        seen = made.seen
        return content_entry(telling, policies, record, seen, decision.decision_id)

    def settled(self, decision_id: str, usage: Usage, now: int, *, found: Settled | None) -> None:
        """Record and count a settlement, by what was *found*. Raises RecordError."""
        self.observer.settled(decision_id, found=found is not None)
        figures = {
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "cost_usd": usage.cost_usd,
        }
        amounts = {name: value for name, value in figures.items() if value is not None}
        self._recorder.write(
            SettlementEntry(
                time=iso_time(now),
                decision_id=decision_id[:LONGEST_ID],
                tenant="" if found is None else found.tenant,
                amounts=amounts,
                settled=found is not None,
                client_certificate=certificate_shown(),
            )
        )

    def note(self, act: str, now: int, who: str = "", what: Mapping[str, object] = NOTHING) -> None:
        """Record that somebody did something beside asking. Raises RecordError."""
        self._recorder.write(
            AdminEntry(
                time=iso_time(now),
                act=act,
                who=who,
                what=dict(what),
                client_certificate=certificate_shown(),
            )
        )

    def close(self) -> None:
        """Release the reviews and the record."""
        if self.reviews is not None:
            self.reviews.close()
        self._recorder.close()
