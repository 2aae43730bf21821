"""``engine reviews to-test``: a review and the policies in; a test that a maintainer may paste out.

The block holds the request as the reviewer saw it, with made-up values in place of personal data
and secrets, and expects what the policies decide now: it passes at once, and fails when a change to
the policies changes that. The comment above it says what the reviewer decided; with ``--mended``
that is what it expects, and it fails until the rule is mended.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from engine.cli.bundle import Selection, existing, leave
from engine.cli.main import EXIT_FINDINGS
from engine.cli.reviews_folder import in_folder, opened, whole_id
from engine.cli.test_run import RECIPE, Choice, run_bundle
from engine.language.check_record import nest
from engine.language.program import Field
from engine.language.render import inert
from engine.language.required import DEFAULTED
from engine.runtime.decide import decide
from engine.runtime.decision import Decision
from engine.runtime.evidence import EPOCH
from engine.runtime.memory import MemoryStore
from engine.runtime.policyset import PolicySet
from engine.runtime.request import InvalidRequest
from engine.service.bundles import load_folder
from engine.service.compiled import PolicyError
from engine.storage.reviews import Refused, Review
from engine.verify.compose import ABSENT, Composed, Wanted, compose_test, value_at
from engine.verify.stand_in import StandIns, stand_ins

SHORT = 12
"""Digits of an id that name a test."""

PASSED = ("approved", "edited")
UNDECIDED = ("open", "expired")


@dataclass(frozen=True, slots=True)
class Written:
    """A block, and what whoever pastes it should know."""

    text: str
    warnings: tuple[str, ...]


@click.command("to-test")
@click.argument("review_id")
@in_folder
@click.option(
    "--policies",
    default="policies",
    show_default=True,
    metavar="FOLDER",
    help="The policies that are to be tested.",
)
@click.option(
    "--mended", is_flag=True, help="Expect what the reviewer decided: fails until it is mended."
)
def to_test(review_id: str, folder: str, policies: str, *, mended: bool) -> None:
    """Write a test of what a review is about.

    The block is checked and run against the policies before it is printed. Made-up values stand for
    personal data and secrets; look through it before you paste it.
    """
    root = existing(policies)
    if not root.is_dir():
        leave(f"{policies} is no folder")
    with opened(folder) as (store, now):
        review = store.find(whole_id(store, review_id, now), now)
        check_usable(review, mended=mended)
    try:
        loaded = load_folder(root, RECIPE)
        made = write_test(review, loaded, mended=mended)
    except PolicyError:
        leave(f"the policies in {policies} do not check: see `engine check {policies}`")
    except InvalidRequest as problem:
        wrong = "; ".join(f"{one.path}: {one.message}" for one in problem.problems)
        leave(f"these policies would refuse the request, since their schema has changed: {wrong}")
    click.echo(made.text, nl=False)
    for warning in made.warnings:
        click.echo(f"engine: {inert(warning)}", err=True)
    why = "" if mended else objection(root, made.text)
    if why:
        click.echo(f"engine: the test does not pass: {inert(why)}", err=True)
        sys.exit(EXIT_FINDINGS)


def check_usable(review: Review, *, mended: bool) -> None:
    """Raise Refused when nobody can make a test of *review*."""
    if mended and review.state in UNDECIDED:
        raise Refused(f"no reviewer has decided it: it is {review.state}")
    question = review.question
    if question.hidden:
        raise Refused("what was too large to be looked at is not kept: there is nothing to test")
    if not question.asked:
        raise Refused("its attributes are not kept: it is erased, too large, or too old")


def write_test(review: Review, policies: PolicySet, *, mended: bool) -> Written:
    """Return the block about *review*. Raises InvalidRequest."""
    made_up = stand_ins(policies)
    request = request_of(review, policies.program.fields, made_up)
    decision = decided(policies, request, review.opened_at)
    action = verdict(review, decision) if mended else decision.action
    rules = tuple(dict.fromkeys(one.rule or one.policy for one in review.question.reasons))
    composed = compose_test(
        request,
        policies.program.fields,
        Wanted(
            title=f"review {review.question.review_id[:SHORT]}: {', '.join(rules)}",
            comment=tuple(comment(review, decision, made_up, mended=mended)),
            time=EPOCH + timedelta(microseconds=review.opened_at // 1000),
            action=action,
            by=() if mended else named(decision),
        ),
    )
    return Written(composed.text, tuple(warnings(decision, rules, made_up, composed)))


def request_of(review: Review, fields: Mapping[str, Field], made_up: StandIns) -> dict[str, object]:
    """Return the request of *review* as a door takes it, with made-up values.

    What the policies' schema does not know any more is left out.
    """
    shown = review.question.shown
    flat: dict[str, object] = {"stage": review.question.stage}
    for path, field in fields.items():
        value = value_at(review.question.asked, path)
        given = value is not ABSENT and not (path in DEFAULTED and not value)
        if given:
            flat[path] = made_up.attribute(value, field.type)
    if shown.content is not None:
        flat["content"] = made_up.text(shown.content)
    if shown.messages is not None:
        flat["messages"] = [
            {"role": one.role, "text": made_up.text(one.text)} for one in shown.messages
        ]
    if shown.arguments is not None:
        flat["tool.args"] = made_up.value(shown.arguments)
    return nest(flat)


def decided(policies: PolicySet, request: Mapping[str, object], now: int) -> Decision:
    """Return what *policies* decide, on an empty state, at *now*. Raises InvalidRequest."""
    return decide(policies, policies.reader.read(request), MemoryStore(), now)


def verdict(review: Review, decision: Decision) -> str:
    """Return the action that would have spared the reviewer the question."""
    if review.state in PASSED:
        return "redact" if decision.redactions else "allow"
    return "deny"


def named(decision: Decision) -> tuple[str, ...]:
    """Return the rules, or policies, that *decision* is by."""
    return tuple(dict.fromkeys(one.rule or one.policy for one in decision.reasons if one.policy))


def comment(
    review: Review, decision: Decision, made_up: StandIns, *, mended: bool
) -> Iterator[str]:
    """Yield the lines above the block: what the reviewer decided, and what it means."""
    question = review.question
    day = (EPOCH + timedelta(microseconds=review.opened_at // 1000)).date()
    yield f"Review {question.review_id} of {day}, {question.queue}: {review.state}."
    wanted = verdict(review, decision)
    if review.state in PASSED:
        form = "an edited form of it" if review.state == "edited" else "it"
        yield f"A reviewer let {form} pass: whoever mends the rule expects `{wanted}`."
    elif review.state == "rejected":
        yield f"A reviewer denied it: a rule that needs nobody for that gives `{wanted}`."
    if mended:
        yield "This is what is wanted: it fails until the rule is mended."
    if made_up.replaced or made_up.labelled:
        kinds = ", ".join(sorted(made_up.replaced | made_up.labelled))
        yield f"Made-up values stand for {kinds}."


def warnings(
    decision: Decision, rules: tuple[str, ...], made_up: StandIns, composed: Composed
) -> Iterator[str]:
    """Yield what whoever pastes the block should know."""
    if decision.action != "escalate":
        yield (
            f"the policies decide {decision.action} here, not escalate by {', '.join(rules)}: they "
            "have changed, or it depends on earlier requests, or on values that are not in the test"
        )
    if made_up.labelled:
        yield f"no values are made up of {', '.join(sorted(made_up.labelled))}: labels stand there"
    if composed.left_out:
        yield f"what tests cannot write was left out: {', '.join(composed.left_out)}"


def objection(root: Path, text: str) -> str:
    """Return why the block *text* does not pass among the policies in *root*; empty when it does.

    It is tried on a copy.
    """
    with TemporaryDirectory(prefix="engine-") as folder:
        copy = Path(folder) / "policies"
        shutil.copytree(root, copy, ignore=shutil.ignore_patterns(".git"))
        path = copy / "a_review_that_became_a_test.pol"
        path.write_text(text, "utf-8")
        try:
            outcome = run_bundle(Selection(copy, {path.name}), Choice(watched=False))
        except PolicyError as error:
            return str(error)
    failures = [one.message for result in outcome.results for one in result.failures]
    return "; ".join(failures)
