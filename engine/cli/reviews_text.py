"""Reviews in, text for people or JSON out. Whatever came from outside is shown inert."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import median

import msgspec

from engine.language.render import inert
from engine.service.record import iso_time
from engine.storage.reviews import SECOND, Answer, Deed, Review, Shown


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the reviews that a rule has opened, or that a reviewer has answered."""

    approved: int
    edited: int
    rejected: int
    expired: int
    passed: float | None
    """The part of those answered that was let through: of a rule, its false positives."""
    median_seconds: float | None
    """Until the answer; None without one."""


class Stats(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of all rounds that have ended."""

    rules: dict[str, Figures]
    reviewers: dict[str, Figures]
    queues: dict[str, Figures]


def describe_line(review: Review, now: int) -> str:
    """Return a review in a line."""
    question = review.question
    rules = ", ".join(one.rule or one.policy or one.message for one in question.reasons)
    held = f", claimed by {review.claimant(now)}" if review.claimant(now) else ""
    return inert(
        f"{question.review_id}  {review.state:<8}  {question.severity or '-':<8}  "
        f"{question.queue}  {question.tenant}/{question.user}  {rules}  "
        f"{left(review, now)}{held}"
    )


def left(review: Review, now: int) -> str:
    """Return how long an open review may still wait, or when it was over."""
    if review.state != "open":
        return iso_time(review.resolved_at)
    seconds = max(0, review.question.expires_at - now) // SECOND
    hours, seconds = divmod(seconds, 3600)
    return f"{hours}:{seconds // 60:02d}:{seconds % 60:02d} left"


def describe_review(review: Review, deeds: Sequence[Deed], now: int) -> str:
    """Return all of a review, what it is about, and what was done with it."""
    question = review.question
    rows = [
        ("review", f"{question.review_id}, round {review.round}"),
        ("state", state_of(review, now)),
        ("queue", question.queue),
        ("severity", question.severity or "none is given"),
        ("asked by", f"{question.tenant}/{question.user}, stage {question.stage}"),
        ("opened", iso_time(review.opened_at)),
        ("until", f"{iso_time(question.expires_at)}, then {question.otherwise}"),
        ("decision", question.decision_id),
        ("revision", question.revision),
    ]
    if question.session:
        rows.append(("session", question.session))
    if question.tool:
        rows.append(("tool", question.tool))
    if question.needed > 1:
        rows.append(("approvals", f"{len(review.approvals)} of {question.needed}"))
    rows += [
        ("because", ": ".join(part for part in (one.rule or one.policy, one.message) if part))
        for one in question.reasons
    ]
    if question.hidden:
        rows.append(("not shown", question.hidden))
    lines = [f"{name:<10} {inert(value)}" for name, value in rows]
    lines += shown_lines("what is asked", question.shown)
    if review.edited is not None:
        lines += shown_lines("what is released instead", review.edited)
    lines.append("what was done")
    lines += [f"  {describe_deed(one)}" for one in deeds]
    return "\n".join(lines)


def state_of(review: Review, now: int) -> str:
    """Return how a review stands, and through whom."""
    if review.resolved_by:
        return f"{review.state} by {review.resolved_by}"
    claimant = review.claimant(now)
    return f"{review.state}, claimed by {claimant}" if claimant else review.state


def shown_lines(title: str, shown: Shown) -> list[str]:
    """Return the lines of what a reviewer sees; each begins with blanks, so none can pretend."""
    lines = [title]
    if shown.content is not None:
        lines += quoted("", shown.content)
    for message in shown.messages or ():
        lines += quoted(f"{message.role}: ", message.text)
    if shown.arguments is not None:
        written = msgspec.json.format(msgspec.json.encode(shown.arguments, enc_hook=str))
        lines += quoted("", written.decode())
    for path, text in shown.attributes.items():
        lines += quoted(f"{path}: ", text)
    return lines


def quoted(before: str, text: str) -> list[str]:
    """Return *text* line for line, with nothing in it that a terminal could obey."""
    return [f"  | {inert(line)}" for line in f"{before}{text}".split("\n")]


def describe_deed(deed: Deed) -> str:
    """Return a row of the history in a line."""
    who = f" by {deed.who}" if deed.who else ""
    note = f": {deed.note}" if deed.note else ""
    return inert(f"{iso_time(deed.time)}  {deed.act.replace('_', ' ')}{who}{note}")


def review_json(review: Review, now: int) -> dict[str, object]:
    """Return a review as JSON-ready values, with times as RFC 3339."""
    question = review.question
    made: dict[str, object] = {
        **msgspec.to_builtins(question, enc_hook=str),
        "state": review.state,
        "round": review.round,
        "severity": question.severity,
        "opened_at": iso_time(review.opened_at),
        "expires_at": iso_time(question.expires_at),
        "claimed_by": review.claimant(now),
        "approved_by": list(review.approvals),
        "resolved_by": review.resolved_by,
        "resolved_at": iso_time(review.resolved_at) if review.resolved_at else "",
        "note": review.note,
        "needed": question.needed,
        "within_seconds": question.within / SECOND,
        "edited": None if review.edited is None else msgspec.to_builtins(review.edited),
    }
    del made["within"]
    return made


def deed_json(deed: Deed) -> dict[str, object]:
    """Return a row of the history as JSON-ready values."""
    return {**msgspec.to_builtins(deed, enc_hook=str), "time": iso_time(deed.time)}


def stats_of(answers: Iterable[Answer]) -> Stats:
    """Return the figures by rule, by reviewer and by queue."""
    rules: dict[str, list[Answer]] = {}
    reviewers: dict[str, list[Answer]] = {}
    queues: dict[str, list[Answer]] = {}
    for one in answers:
        for rule in one.rules:
            rules.setdefault(rule, []).append(one)
        if one.who:
            reviewers.setdefault(one.who, []).append(one)
        queues.setdefault(one.queue, []).append(one)
    return Stats(rules=figured(rules), reviewers=figured(reviewers), queues=figured(queues))


def figured(groups: dict[str, list[Answer]]) -> dict[str, Figures]:
    """Return the figures of each group, by its name."""
    return {name: figures_of(group) for name, group in sorted(groups.items())}


def figures_of(answers: Sequence[Answer]) -> Figures:
    """Return the figures of some answers."""
    counts = Counter(one.state for one in answers)
    people = [one for one in answers if one.state != "expired"]
    seconds = [(one.ended_at - one.opened_at) / SECOND for one in people]
    return Figures(
        approved=counts["approved"],
        edited=counts["edited"],
        rejected=counts["rejected"],
        expired=counts["expired"],
        passed=(counts["approved"] + counts["edited"]) / len(people) if people else None,
        median_seconds=median(seconds) if seconds else None,
    )


def describe_stats(stats: Stats) -> str:
    """Return the figures as tables."""
    lines: list[str] = []
    for title, group in (
        ("rule", stats.rules),
        ("reviewer", stats.reviewers),
        ("queue", stats.queues),
    ):
        lines.append(
            f"{'approved':>9}{'edited':>8}{'rejected':>10}{'expired':>9}{'passed':>8}"
            f"{'answered in':>13}  {title}"
        )
        for name, one in group.items():
            passed = "-" if one.passed is None else f"{one.passed:.0%}"
            took = "-" if one.median_seconds is None else f"{one.median_seconds:,.0f} s"
            lines.append(
                f"{one.approved:>9}{one.edited:>8}{one.rejected:>10}{one.expired:>9}{passed:>8}"
                f"{took:>13}  {inert(name) or '(none)'}"
            )
    return "\n".join(lines)
