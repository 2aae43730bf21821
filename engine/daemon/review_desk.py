"""Settings in; what reviews are like, and where reviewers and gateways are answered, out."""

from __future__ import annotations

import time
from pathlib import Path

from engine.daemon.settings import Settings
from engine.service.approvals import Approvals
from engine.service.desk import Desk
from engine.service.keys import derive_key
from engine.service.presenting import Terms
from engine.service.reviewers import Reviewers
from engine.service.reviews import Reviews
from engine.storage.chest import Chest

FULL = "reviews full"
"""What the key of what came as it came is derived for."""


def terms_of(settings: Settings, secret: bytes) -> Terms:
    """Return what reviews are like, with keys derived from the deployment's *secret*."""
    chosen = settings.reviews
    return Terms(
        approvals=Approvals(secret),
        chest=Chest(derive_key(secret, FULL)) if chosen.keep_full else None,
        once=chosen.approvals == "once",
    )


def open_desk(settings: Settings, data: Path, reviews: Reviews | None) -> Desk | None:
    """Return where *reviews* are answered; None where none are kept. Raises ReviewersError."""
    if reviews is None:
        return None
    file = settings.reviews.reviewers
    reviewers = Reviewers(Path(file).absolute(), ignore, time.time_ns) if file else None
    trail = data / settings.audit.folder if settings.audit.folder else None
    return Desk(reviews, reviewers, settings.reviews.most_waiting, trail)


def ignore(_why: str) -> None:
    """Tell nobody: there is no log yet."""
