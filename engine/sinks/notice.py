"""What came of a review in; what people are told about it, without a word of content, out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal, Protocol, assert_never
from urllib.parse import quote

import msgspec

Event = Literal["opened", "due", "expired", "resolved"]

SECOND = 1_000_000_000
MOST_RULES = 5


class NotSent(Exception):
    """A notice did not get there; the text says why, without secrets."""


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """What is told: ids, names of queues and rules, times. Never content, notes or arguments."""

    id: str
    """The same for a notice that comes twice."""
    event: Event
    time: str
    review_id: str
    tenant: str
    queue: str
    severity: str
    rules: tuple[str, ...]
    state: str
    otherwise: str
    """What holds when nobody answers."""
    expires_at: str
    who: str = ""
    """Who has answered it."""
    needed: int = 1
    link: str = ""


class Way(Protocol):
    """A way to people. Used by one thread."""

    def send(self, notice: Notice) -> None:
        """Return when it is there for good. Raises NotSent."""
        ...


def link_to(template: str, review_id: str, tenant: str, queue: str) -> str:
    """Return *template* with ``{review_id}``, ``{tenant}``, ``{queue}`` filled in, as in URLs."""
    made = template
    for name, value in (("review_id", review_id), ("tenant", tenant), ("queue", queue)):
        made = made.replace(f"{{{name}}}", quote(value, safe=""))
    return made


def subject_of(notice: Notice) -> str:
    """Return what happened, in a line."""
    graveness = f"{notice.severity} " if notice.severity else ""
    what = f"{graveness}review in {notice.queue}"
    match notice.event:
        case "opened":
            people = f" {notice.needed} reviewers" if notice.needed > 1 else " a reviewer"
            return f"{what} waits for{people}"
        case "due":
            return f"{what} ends soon: {notice.otherwise} at {notice.expires_at}"
        case "expired":
            return f"{what} is over, nobody answered: {notice.otherwise}"
        case "resolved":
            return f"{what} was {notice.state}" + (f" by {notice.who}" if notice.who else "")
        case _:
            assert_never(notice.event)


def lines_of(notice: Notice) -> list[str]:
    """Return what else there is to say."""
    rules = ", ".join(notice.rules[:MOST_RULES])
    more = len(notice.rules) - MOST_RULES
    lines = [
        f"review {notice.review_id}, tenant {notice.tenant}",
        f"because of {rules}" + (f" and {more} more" if more > 0 else ""),
        f"until {notice.expires_at}, then {notice.otherwise}",
    ]
    return [*lines, notice.link] if notice.link else lines


def plain(text: str) -> str:
    """Return *text* on one line, with nothing in it that a header or a terminal could obey."""
    return "".join(one if one.isprintable() else " " for one in text)


def moment(nanoseconds: int) -> str:
    """Return an instant, ns since the epoch, as RFC 3339."""
    return datetime.fromtimestamp(nanoseconds // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
