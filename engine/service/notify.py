"""Lines about reviews in, notices to people out: what waits, is nearly over, what came of it.

When a line about a review is recorded, what must be told waits in a file from then on (`Bell`). It
is sent by one process of the machine, a thread for each sink (`Courier`), again and again until the
sink has it. So nothing is told that is not recorded, and a killed process or a sink that is away
loses nothing. A decision never waits for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import msgspec

from engine.runtime.evidence import EPOCH, nanoseconds
from engine.service.entries import Line, ReviewEntry
from engine.service.record import NoRecorder, RecordError
from engine.sinks.notice import Event, Notice, NotSent, Way, link_to, moment
from engine.storage.notices import Spool, SpoolError, Waiting
from engine.storage.reviews import SEVERITIES, NoReview, Review

SECOND = 1_000_000_000
EVENTS: tuple[Event, ...] = ("opened", "due", "expired", "resolved")
OF_ACT: dict[str, Event] = {
    "opened": "opened",
    "expired": "expired",
    "approved": "resolved",
    "rejected": "resolved",
    "edited": "resolved",
}
"""What an act of the history is to those who are told."""

FIRST = 1 * SECOND
LONGEST = 300 * SECOND
"""How long a sink is left alone after the first failure, and at most."""
AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Post:
    """What one sink is told: which *events* of which *queues* (empty: all)."""

    name: str
    events: frozenset[Event] = frozenset(EVENTS)
    queues: frozenset[str] = frozenset()
    least: str = ""
    """The least severity that is told."""
    due: int = 600 * SECOND
    """So long before its end a review is nearly over."""
    give_up: int = 24 * 3600 * SECOND
    """After so long a notice is given up."""
    link: str = ""
    """Where a reviewer looks at it: ``https://…/{review_id}``."""

    def wants(self, event: Event, queue: str) -> bool:
        """Return whether this is told."""
        return event in self.events and (not self.queues or queue in self.queues)


@dataclass(slots=True)
class Tally:
    """What became of notices, by sink and outcome: sent, failed, given_up, full."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def count(self, sink: str, outcome: str) -> None:
        """Count one."""
        self.counts[sink, outcome] += 1


def always() -> bool:
    """Return True."""
    return True


class Reader(Protocol):
    """Finds reviews."""

    def find(self, review_id: str) -> Review:
        """Return a review as it stands. Raises NoReview and ReviewsUnavailable."""
        ...


class Bell(NoRecorder):
    """Keeps, beside the record, what must be told of reviews. Implements Recorder."""

    def __init__(self, spool: Spool, posts: Sequence[Post], tally: Tally) -> None:
        """Let what *posts* want wait in *spool*."""
        self._spool = spool
        self._posts = posts
        self._tally = tally

    def write(self, entry: Line) -> None:
        """Note what *entry* means for each sink. Raises RecordError: then it comes again."""
        event = OF_ACT.get(entry.act) if isinstance(entry, ReviewEntry) else None
        if event is None:
            return
        assert isinstance(entry, ReviewEntry)
        events: tuple[Event, ...] = ("opened", "due") if event == "opened" else (event,)
        wanted = [
            (post.name, f"{entry.review_id}.{entry.round}.{one}")
            for post in self._posts
            for one in events
            if post.wants(one, entry.queue)
        ]
        if not wanted:
            return
        try:
            full = self._spool.add(wanted, msgspec.json.encode(entry), instant(entry.time))
        except SpoolError as error:
            raise RecordError(str(error)) from None
        for sink in full:
            self._tally.count(sink, "full")


@dataclass(slots=True)
class Courier:
    """Sends what waits for one sink. *chance* gives numbers from 0 to 1."""

    post: Post
    way: Way
    spool: Spool
    reviews: Reader
    tally: Tally
    chance: Callable[[], float]
    why: str = ""
    """Why the latest notice could not be sent; empty when it was."""

    def round(self, now: int, going: Callable[[], bool] = always) -> int:
        """Send what is ready at *now* while *going*; return how much was.

        Raises SpoolError and ReviewsUnavailable. After a failure the sink is left alone: what else
        is ready waits as long.
        """
        found = self.spool.ready(self.post.name, now, AT_ONCE)
        for waiting in found:
            if not going():
                break
            notice, ready = self._notice(waiting, now)
            if notice is None:
                if ready is None:
                    self.spool.done(waiting.number)
                else:
                    self.spool.later(waiting.number, ready)
                continue
            try:
                self.way.send(notice)
            except NotSent as error:
                self.why = str(error)
                self._failed(waiting, found, now)
                break
            self.why = ""
            self.tally.count(self.post.name, "sent")
            self.spool.done(waiting.number)
        return len(found)

    def _failed(self, waiting: Waiting, found: Sequence[Waiting], now: int) -> None:
        self.tally.count(self.post.name, "failed")
        if now - waiting.born > self.post.give_up:
            self.tally.count(self.post.name, "given_up")
            self.spool.done(waiting.number)
            return
        ready = now + back_off(waiting.tries, self.chance())
        # Behind those that were not tried: one that is never taken does not keep them waiting.
        self.spool.later(waiting.number, ready + 1, failed=True)
        for one in found[found.index(waiting) + 1 :]:
            self.spool.later(one.number, ready)

    def _notice(self, waiting: Waiting, now: int) -> tuple[Notice | None, int | None]:
        """Return what is told; or None, and from when on it may be (None: nothing is to be)."""
        entry = msgspec.json.decode(waiting.body, type=ReviewEntry)
        event: Event = msgspec.convert(waiting.key.rpartition(".")[2], Event)
        try:
            review = self.reviews.find(entry.review_id)
        except NoReview:
            return None, None
        question = review.question
        if SEVERITIES.index(question.severity) < SEVERITIES.index(self.post.least):
            return None, None
        if event in {"opened", "due"} and (review.state != "open" or review.round != entry.round):
            return None, None
        if event == "due":
            ready = question.expires_at - self.post.due
            if ready <= review.opened_at:  # It was nearly over when it was opened.
                return None, None
            if now < ready:
                return None, ready
        return notice_of(waiting.key, event, entry, review, self.post.link), None


def notice_of(key: str, event: Event, entry: ReviewEntry, review: Review, link: str) -> Notice:
    """Return what is told of *review*."""
    question = review.question
    return Notice(
        id=key,
        event=event,
        time=entry.time,
        review_id=question.review_id,
        tenant=question.tenant,
        queue=question.queue,
        severity=question.severity,
        rules=tuple(one.rule or one.policy for one in question.reasons),
        state="open" if event in {"opened", "due"} else entry.state,
        otherwise=question.otherwise,
        expires_at=moment(question.expires_at),
        who=entry.who,
        needed=question.needed,
        link=link_to(link, question.review_id, question.tenant, question.queue),
    )


def back_off(tries: int, chance: float) -> int:
    """Return how many ns a sink is left alone after *tries* failures, more or less by *chance*."""
    return round(min(LONGEST, FIRST << min(tries, 16)) * (0.5 + chance))


def instant(text: str) -> int:
    """Return the ns since the epoch of an RFC 3339 time."""
    return nanoseconds(datetime.fromisoformat(text) - EPOCH)
