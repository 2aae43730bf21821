"""``engine reviews stats``: the rounds of reviews that have ended in; figures about rules out.

A review that was approved or edited was a false positive of every rule that asked for it, and a
denial that somebody has overturned one of the rule that denied. How sure the rate is says its
Wilson interval at 95 %: E. B. Wilson, "Probable inference, the law of succession, and statistical
inference", J. Am. Stat. Assoc. 22 (1927).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import ceil, sqrt
from pathlib import Path

import click
import msgspec
import orjson

from engine.cli.reviews_folder import for_machines, in_folder, opened, with_trail
from engine.language.render import inert
from engine.service.labels import Overturned, overturned
from engine.storage.header import NoSegment
from engine.storage.reviews import SECOND, Answer

NO_LABELS: Mapping[str, int] = {}
Z = 1.959964
"""Standard deviations that hold 95 % of a normal distribution."""


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the reviews of a rule, of a reviewer, or of a queue."""

    approved: int
    edited: int
    rejected: int
    expired: int
    passed: float | None
    """The part of those answered that was let through: of a rule, with the denials that were
    overturned, its false positives."""
    passed_between: tuple[float, float] | None
    """Between which rates that part lies, at 95 %."""
    overdue: float | None
    """The part that nobody answered in time."""
    load: float
    """The part of all that reviewers have looked at, who may be several for one review."""
    median_seconds: float | None
    """Until the answer; None without one."""
    p90_seconds: float | None
    """Nine of ten answers came sooner."""
    overturned: int = 0
    """Denials that somebody says were wrong."""
    newest: str = ""
    """The newest review that was let through: what `engine reviews to-test` could take."""


class Stats(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of all rounds that have ended."""

    rules: dict[str, Figures]
    reviewers: dict[str, Figures]
    queues: dict[str, Figures]


@click.command("stats")
@in_folder
@with_trail
@for_machines
def stats(folder: str, trail: str | None, *, as_json: bool) -> None:
    """Show by rule, reviewer and queue what became of reviews.

    What of a rule was approved or edited ("passed") it had escalated for nothing; so are denials
    that were overturned, which are labels in the audit trail.
    """
    with opened(folder) as (store, now):
        answers = store.answers(now)
    made = stats_of(answers, labels_in(Path(trail) if trail else Path(folder) / "audit"))
    click.echo(orjson.dumps(msgspec.to_builtins(made)) if as_json else describe_stats(made))


def labels_in(folder: Path) -> tuple[Overturned, ...]:
    """Return the labels in the trail's *folder*; none, and a sentence, where it cannot be read."""
    if not folder.is_dir():
        return ()
    try:
        return overturned(folder)
    except (OSError, NoSegment) as error:
        click.echo(f"engine: denials that were overturned are not counted: {error}", err=True)
        return ()


def stats_of(answers: Iterable[Answer], labels: Iterable[Overturned] = ()) -> Stats:
    """Return the figures by rule, by reviewer and by queue; *labels* are denials of rules."""
    rules: dict[str, list[Answer]] = {}
    reviewers: dict[str, list[Answer]] = {}
    queues: dict[str, list[Answer]] = {}
    for one in answers:
        for rule in one.rules:
            rules.setdefault(rule, []).append(one)
        for who in dict.fromkeys((*one.endorsed, one.who)):
            if who:
                reviewers.setdefault(who, []).append(one)
        queues.setdefault(one.queue, []).append(one)
    all_of_them = sum(len(group) for group in reviewers.values())
    return Stats(
        rules=figured(rules, all_of_them, Counter(rule for one in labels for rule in one.rules)),
        reviewers=figured(reviewers, all_of_them),
        queues=figured(queues, all_of_them),
    )


def figured(
    groups: Mapping[str, list[Answer]], whole: int, labels: Mapping[str, int] = NO_LABELS
) -> dict[str, Figures]:
    """Return the figures of each group, by its name; *whole* answers came from people."""
    return {
        name: figures_of(groups.get(name, ()), whole, labels.get(name, 0))
        for name in sorted({*groups, *labels})
    }


def figures_of(answers: Sequence[Answer], whole: int, labels: int = 0) -> Figures:
    """Return the figures of some answers, and of so many denials that were overturned."""
    counts = Counter(one.state for one in answers)
    people = [one for one in answers if one.state != "expired"]
    seconds = sorted((one.ended_at - one.opened_at) / SECOND for one in people)
    through = counts["approved"] + counts["edited"] + labels
    judged = len(people) + labels
    last = max(
        (one for one in people if one.state != "rejected"),
        key=lambda one: one.ended_at,
        default=None,
    )
    return Figures(
        approved=counts["approved"],
        edited=counts["edited"],
        rejected=counts["rejected"],
        expired=counts["expired"],
        passed=through / judged if judged else None,
        passed_between=between(through, judged),
        overdue=counts["expired"] / len(answers) if answers else None,
        load=len(people) / whole if whole else 0.0,
        median_seconds=quantile(seconds, 0.5),
        p90_seconds=quantile(seconds, 0.9),
        overturned=labels,
        newest="" if last is None else last.review_id,
    )


def between(hits: int, number: int) -> tuple[float, float] | None:
    """Return the Wilson interval of *hits* among *number*, at 95 %; None for none."""
    if not number:
        return None
    rate, square = hits / number, Z * Z
    middle = rate + square / (2 * number)
    reach = Z * sqrt(rate * (1 - rate) / number + square / (4 * number * number))
    below = 1 + square / number
    return max(0.0, (middle - reach) / below), min(1.0, (middle + reach) / below)


def quantile(ordered: Sequence[float], part: float) -> float | None:
    """Return the smallest of *ordered* that *part* of them do not exceed; None for none."""
    return ordered[max(0, ceil(part * len(ordered)) - 1)] if ordered else None


def describe_stats(stats: Stats) -> str:
    """Return the figures as tables, and a test that they propose."""
    lines: list[str] = []
    for title, group in (
        ("rule", stats.rules),
        ("reviewer", stats.reviewers),
        ("queue", stats.queues),
    ):
        lines.append(
            f"{'approved':>9}{'edited':>8}{'rejected':>10}{'expired':>9}{'overturned':>12}"
            f"{'overdue':>9}{'load':>6}"
            f"{'passed':>8} {'(95 %)':<11}{'half in':>9}{'90 % in':>10}  {title}"
        )
        lines += [figure_line(name, one) for name, one in group.items()]
    worst = worst_rule(stats)
    if worst:
        found = stats.rules[worst].newest
        lines.append(f"propose a test of {inert(worst)}: engine reviews to-test {found}")
    return "\n".join(lines)


def figure_line(name: str, one: Figures) -> str:
    """Return the figures of one rule, reviewer or queue."""
    low, high = one.passed_between or (0, 0)
    sure = f"({low:.0%}-{high:.0%})" if one.passed_between else ""
    return (
        f"{one.approved:>9}{one.edited:>8}{one.rejected:>10}{one.expired:>9}{one.overturned:>12}"
        f"{share(one.overdue):>9}{share(one.load):>6}{share(one.passed):>8} {sure:<11}"
        f"{lasting(one.median_seconds):>9}{lasting(one.p90_seconds):>10}  {inert(name) or '(none)'}"
    )


def worst_rule(stats: Stats) -> str:
    """Return the rule that is surest to escalate for nothing; empty when none has."""
    found = [name for name, one in stats.rules.items() if one.newest]

    def surely(name: str) -> float:
        known = stats.rules[name].passed_between
        return 0.0 if known is None else known[0]

    return max(found, key=surely, default="")


def share(part: float | None) -> str:
    """Return a part of the whole as a percentage."""
    return "-" if part is None else f"{part:.0%}"


def lasting(seconds: float | None) -> str:
    """Return a time in seconds."""
    return "-" if seconds is None else f"{seconds:,.0f} s"
