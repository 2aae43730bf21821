"""A decision in; the same, recorded, or what a review has made of it, out: a ``deny`` if that fails.

What is not recorded must not be given, and what cannot be reviewed must not pass.
"""

from __future__ import annotations

from engine.runtime.decision import Decision
from engine.runtime.policyset import PolicySet
from engine.runtime.record import Record
from engine.service.failing import denied, describe
from engine.service.keys import derive_key
from engine.service.observer import NoObserver, Observer
from engine.service.record import NoRecorder, Recorder, RecordError, Subject, make_entry
from engine.service.reviews import Reviews
from engine.storage.reviews import ReviewsUnavailable

UNRECORDED = "the decision could not be recorded"
UNREVIEWED = "the review could not be opened"


class Keeper:
    """Records and counts what was decided; has the recorder and the reviews of a gate."""

    def __init__(
        self,
        recorder: Recorder | None,
        *,
        secret: bytes,
        observer: Observer | None = None,
        reviews: Reviews | None = None,
    ) -> None:
        """Record with *recorder*; *secret* keys content hashes. None: nothing, nobody, none."""
        self.recorder = recorder or NoRecorder()
        self.observer = observer or NoObserver()
        self.reviews = reviews
        self._hash_key = derive_key(secret, "content hash")

    def keep(
        self,
        policies: PolicySet,
        subject: Subject,
        decision: Decision,
        now: int,
        error: str,
        record: Record | None,
    ) -> Decision:
        """Record and count *decision*, or what a review has made of it; return what holds.

        That is a ``deny`` when it cannot be recorded.
        """
        if decision.escalation is not None and self.reviews is not None and record is not None:
            decision, error = reviewed(self.reviews, record, decision, now)
        try:
            entry = make_entry(
                subject,
                decision,
                now,
                key=self._hash_key,
                constants=policies.spelt,
                error=error,
            )
            self.recorder.write(entry)
        except Exception as problem:  # noqa: BLE001 - what is not recorded must not be given
            error = str(problem) if isinstance(problem, RecordError) else describe(problem)
            decision = denied(
                decision.revision, decision.request_id, decision.decision_id, UNRECORDED
            )
        if error:
            self.observer.failed(error)
        self.observer.decided(subject.tenant, subject.stage, decision)
        return decision

    def close(self) -> None:
        """Release the reviews and the record."""
        if self.reviews is not None:
            self.reviews.close()
        self.recorder.close()


def reviewed(
    reviews: Reviews, record: Record, decision: Decision, now: int
) -> tuple[Decision, str]:
    """Return what a review has made of *decision*; a ``deny`` and why when none answers."""
    try:
        return reviews.meet(record, decision, now), ""
    except Exception as problem:  # noqa: BLE001 - what cannot be reviewed must not pass
        known = isinstance(problem, ReviewsUnavailable)
        made = denied(decision.revision, decision.request_id, decision.decision_id, UNREVIEWED)
        return made, str(problem) if known else describe(problem)
