"""Reviews in, text for people or JSON out. Whatever came from outside is shown inert."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from engine.language.render import inert
from engine.service.earlier import Earlier
from engine.service.times import iso_time
from engine.storage.reviews import SECOND, Deed, Review, Shown


def describe_line(review: Review, now: int) -> str:
    """Return a review in a line."""
    question = review.question
    rules = ", ".join(one.rule or one.policy or one.message for one in question.reasons)
    held = f", claimed by {review.claimant(now)}" if review.claimant(now) else ""
    return inert(
        f"{question.review_id}  {review.state:<8}  {question.severity or '-':<8}  "
        f"{question.queue}  {question.tenant}/{question.user}  {rules}  "
        f"{', '.join(filter(None, (left(review, now), so_far(review))))}{held}"
    )


def so_far(review: Review) -> str:
    """Return how many have approved of those that must, where one is not enough."""
    needed = review.question.needed
    return f"{len(review.approvals)} of {needed} approvals" if needed > 1 else ""


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
    if review.used_at:
        rows.append(("presented", f"its approval token was, {iso_time(review.used_at)}"))
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
    claimant, number = review.claimant(now), so_far(review)
    state = f"{review.state} by {review.resolved_by}" if review.resolved_by else review.state
    held = f"claimed by {claimant}" if claimant else ""
    return ", ".join(filter(None, (state, number, held)))


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


def describe_earlier(before: Earlier) -> list[str]:
    """Return what was decided in the conversation before, a line for each; nothing where none."""
    if not before.decisions:
        return []
    lines = ["what was decided in this conversation before"]
    for one in before.decisions:
        rules = f": {', '.join(one.rules)}" if one.rules else ""
        lines.append(f"  {inert(f'{one.time}  {one.stage}  {one.effective_action}{rules}')}")
    if before.missing:
        lines.append(f"  and perhaps more: {inert(before.missing)}")
    return lines


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
        "presented_at": iso_time(review.used_at) if review.used_at else "",
        "needed": question.needed,
        "within_seconds": question.within / SECOND,
        "edited": None if review.edited is None else msgspec.to_builtins(review.edited),
    }
    del made["within"]
    made.pop("original", None)  # Sealed, and long.
    return made


def deed_json(deed: Deed) -> dict[str, object]:
    """Return a row of the history as JSON-ready values."""
    return {**msgspec.to_builtins(deed, enc_hook=str), "time": iso_time(deed.time)}
