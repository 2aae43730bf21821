"""Settings in; the queue of reviews out: its store, who is told of it, and how it fares."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from engine.daemon.notify import Messenger, open_messenger, overheard
from engine.daemon.review_desk import open_desk, terms_of
from engine.daemon.review_metrics import ReviewMetrics, ReviewTally
from engine.daemon.review_store import open_store, upkeep_of
from engine.daemon.settings import Settings
from engine.service.desk import Desk
from engine.service.keys import derive_key
from engine.service.record import Recorder
from engine.service.reviews import Reviews
from engine.storage.reviews_rows import SEALED


@dataclass(frozen=True, slots=True)
class Queue:
    """What there is of reviews; None of what there is not."""

    reviews: Reviews | None
    desk: Desk | None
    messenger: Messenger | None
    metrics: ReviewMetrics


def open_queue(
    settings: Settings, data: Path, secret: bytes, recorder: Recorder, stack: ExitStack
) -> Queue:
    """Return the queue; *stack* closes it.

    Raises ReviewsUnavailable, ReviewersError, NotifyError and SpoolError.
    """
    tally, messenger = ReviewTally(), open_messenger(settings, data)
    heard = overheard(recorder, tally, messenger)
    reviews = open_reviews(settings, data, secret, heard, stack)
    if messenger is not None:
        assert reviews is not None, "nobody is told where no reviews are kept"
        messenger.start(reviews)
        stack.callback(messenger.close)
    metrics = ReviewMetrics(reviews, tally, messenger)
    return Queue(reviews, open_desk(settings, data, reviews), messenger, metrics)


def open_reviews(
    settings: Settings, data: Path, secret: bytes, recorder: Recorder, stack: ExitStack
) -> Reviews | None:
    """Return the reviews, sealed with *secret* and closed by *stack*; None where none are kept.

    Raises ReviewsUnavailable.
    """
    store = open_store(settings, data, derive_key(secret, SEALED))
    if store is None:
        return None
    terms, upkeep = terms_of(settings, secret), upkeep_of(settings)
    made = Reviews(store, recorder, time.time_ns, terms, upkeep)
    stack.callback(made.close)
    return made
