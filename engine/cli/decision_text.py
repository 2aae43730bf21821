"""A decision in, text for people out: the outcome, why, and what to do. Content is shown inert."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click
import msgspec

from engine.runtime.decision import Decision, Reason

COLORS = {
    "allow": "green",
    "redact": "cyan",
    "escalate": "yellow",
    "throttle": "yellow",
    "deny": "red",
}


def show_decision(decision: Decision, *, as_json: bool) -> None:
    """Print *decision* for people, or for machines."""
    if as_json:
        click.echo(msgspec.json.encode(decision.to_dict()))
    else:
        click.echo(describe_decision(decision, color=sys.stdout.isatty()))


def describe_decision(decision: Decision, *, color: bool) -> str:
    """Return *decision* for people, with colours when *color*."""
    return "\n".join(decision_lines(decision, color=color))


def decision_lines(decision: Decision, *, color: bool) -> Iterator[str]:
    """Yield the lines of the text."""
    action = decision.effective_action
    head = click.style(action, fg=COLORS[action], bold=True) if color else action
    if action != decision.action:
        head += f" (the policies say {decision.action}; {decision.downgrade_reason})"
    yield head
    for reason in decision.reasons:
        yield from reason_lines(reason)
    if decision.content is not None:
        yield f"  content    {inert(decision.content)}"
    for message in decision.messages or ():
        yield f"  {inert(message.role)}: {inert(message.text)}"
    if decision.arguments is not None:
        yield f"  arguments  {inert(str(decision.arguments))}"
    for path, text in decision.attributes.items():
        yield f"  attribute  {path} = {inert(text)}"
    for one in decision.redactions:
        yield f"  redacted   {one.entity} at {one.path}[{one.start}:{one.end}] as {one.strategy}"
    if decision.restored:
        yield f"  restored   {decision.restored} placeholders of this session"
    yield from duty_lines(decision)
    spent = f", {decision.evaluated_in / 1_000:.0f} us" if decision.evaluated_in else ""
    yield f"  decision   {decision.decision_id}, revision {decision.revision}{spent}"


def duty_lines(decision: Decision) -> Iterator[str]:
    """Yield what the caller should know and do besides."""
    if decision.throttle is not None:
        limit = decision.throttle
        again = limit.retry_after.total_seconds()
        later = f", try again in {again:g} s" if again else ""
        yield f"  limit      {limit.remaining:f} {limit.unit} left (limit {limit.limit:f}){later}"
    if decision.escalation is not None:
        review = decision.escalation
        later = f"{review.otherwise} after {review.expires_at:%Y-%m-%d %H:%M:%S} UTC"
        by = f" by {review.needed} reviewers" if review.needed > 1 else ""
        yield (
            f"  review     {review.review_id} in `{inert(review.queue)}`{by}; "
            f"{later if review.state == 'open' else review.state}"
        )
    for name, value in decision.advice.items():
        yield f"  advice     {name} = {inert(str(value))}"
    if decision.labels:
        yield f"  labels     {', '.join(map(inert, decision.labels))}"
    if decision.shadow is not None:
        rules = ", ".join(one.rule or one.policy for one in decision.shadow.reasons)
        yield f"  in shadow  {decision.shadow.action} ({rules})"


def reason_lines(reason: Reason) -> Iterator[str]:
    """Yield what one reason says."""
    name = reason.rule or reason.policy
    said = inert(reason.message) if reason.message else ""
    parts = [part for part in (name, said) if part]
    yield f"  because    {': '.join(parts) or 'no reason was given'}"
    if reason.failure:
        yield f"             could not be known: {inert(reason.failure)}"
    about = [
        part
        for part in (
            reason.place,
            f"severity {reason.severity}" if reason.severity else "",
            " ".join(reason.tags),
        )
        if part
    ]
    if about:
        yield f"             {inert(', '.join(about))}"


def inert(text: str) -> str:
    """Return *text* with control characters escaped: nothing in it can drive the terminal."""
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode() for one in text
    )
