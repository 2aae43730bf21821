"""``engine test``: policy folders in; which tests hold, and what no test covers, out."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import click
from watchfiles import watch

from engine.cli.bundle import Selection, select, show_problems
from engine.cli.main import EXIT_ERROR, EXIT_FINDINGS, EXIT_FINE
from engine.cli.output_file import no_stdout
from engine.cli.test_run import Choice, Outcome, failed, run_bundle
from engine.language.render import inert
from engine.service.compiled import PolicyError
from engine.service.folder import visible
from engine.verify.report import (
    coverage_json,
    describe,
    describe_coverage,
    headline,
    junit,
    percent,
    result_json,
    to_json,
)

EPILOG = """\
\b
Examples:
  engine test policies                    every test and property in the folder
  engine test policies/support_test.pol   the tests of one file
  engine test policies -k refund -x       those with "refund" in their name; stop at a failure
  engine test policies --coverage --fail-under 100
                                          every rule matched, every condition both ways
  engine test policies --junit report.xml for build servers
  engine test policies --watch            again whenever a file changes

A test decides with the real evaluator, on an empty state and with its own clock. A property is
tried with generated requests; --seed tries others.

Exit codes: 0 all passed, 1 something failed (or coverage is too low), 2 nothing could be run.
"""


@dataclass(frozen=True, slots=True)
class Show:
    """What is printed and written, and how much coverage is enough."""

    as_json: bool
    covered: bool
    fail_under: float | None
    junit: Path | None

    @property
    def measures(self) -> bool:
        """Whether coverage is asked for."""
        return self.covered or self.fail_under is not None


@click.command("test", epilog=EPILOG)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("-k", "pattern", default="", metavar="TEXT", help="Only names that hold TEXT.")
@click.option("-x", "stop", is_flag=True, help="Stop at the first failure.")
@click.option(
    "-j",
    "jobs",
    default=1,
    type=click.IntRange(1, 64),
    metavar="N",
    help="Processes to run on, at most; a small folder needs one.",
)
@click.option("--seed", default=0, metavar="N", help="Which requests properties are tried with.")
@click.option("--coverage", "covered", is_flag=True, help="Show what no test covers.")
@click.option(
    "--fail-under",
    type=click.FloatRange(0, 100),
    metavar="PERCENT",
    help="Fail below this coverage.",
)
@click.option(
    "--junit",
    "xml",
    type=click.Path(path_type=Path),
    callback=no_stdout,
    metavar="FILE",
    help="Write JUnit XML to FILE.",
)
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.option("--watch", "watching", is_flag=True, help="Run again whenever a file changes.")
def command(
    paths: tuple[str, ...],
    *,
    xml: Path | None,
    as_json: bool,
    covered: bool,
    fail_under: float | None,
    watching: bool,
    **chosen: object,
) -> None:
    """Run the tests and properties of policies.

    PATH is a policy folder, or a file in it.
    """
    show = Show(as_json=as_json, covered=covered, fail_under=fail_under, junit=xml)
    choice = Choice(**chosen, watched=show.measures)  # type: ignore[arg-type]
    selections = select(paths)
    code = run_all(selections, choice, show)
    if watching:
        # Whoever stops watching gets the code of the last run.
        with contextlib.suppress(KeyboardInterrupt):
            for _ in watch(*(one.root for one in selections)):
                click.echo()
                code = run_all(selections, choice, show)
    sys.exit(code)


def run_all(selections: Sequence[Selection], choice: Choice, show: Show) -> int:
    """Run every bundle, print and write what was asked for, and return the exit code."""
    started = perf_counter()
    outcomes: dict[str, Outcome] = {}
    for selection in selections:
        try:
            outcome = run_bundle(selection, choice)
        except PolicyError as problem:
            show_problems(selection.root, problem.diagnostics, problem.texts, err=True)
            return EXIT_ERROR
        outcomes[visible(str(selection.root))] = outcome
        if not show.as_json:
            show_outcome(outcome, show)
        if choice.stop and failed(outcome.results):
            break
    seconds = perf_counter() - started
    if show.junit is not None and not write_junit(show.junit, outcomes):
        return EXIT_ERROR
    if show.as_json:
        click.echo(to_json({name: outcome_json(one, show) for name, one in outcomes.items()}))
    else:
        show_end(outcomes, choice, seconds)
    return judge(outcomes, show)


def show_outcome(outcome: Outcome, show: Show) -> None:
    """Print what failed, and the coverage when asked."""
    for result in outcome.results:
        if not result.passed:
            click.secho("FAIL ", fg="red", nl=False)
            click.echo(describe(result) + "\n")
    if show.measures:
        click.echo(describe_coverage(outcome.summary))


def show_end(outcomes: Mapping[str, Outcome], choice: Choice, seconds: float) -> None:
    """Print the closing line."""
    results = [one for outcome in outcomes.values() for one in outcome.results]
    decisions = sum(one.decisions for one in results)
    if not results:
        hint = f" with `{inert(choice.pattern)}` in its name" if choice.pattern else ""
        click.echo(f"there is no test{hint}")
        return
    color = "red" if failed(results) else "green"
    click.secho(headline(results, decisions, seconds), fg=color)


def judge(outcomes: Mapping[str, Outcome], show: Show) -> int:
    """Return the exit code: findings when a test failed or coverage is too low."""
    code = EXIT_FINE if any(one.results for one in outcomes.values()) else EXIT_FINDINGS
    for name, outcome in outcomes.items():
        # Said so that no coverage is enough for `nan`.
        low = show.fail_under is not None and not outcome.summary.percent >= show.fail_under
        if low:
            found = f"{name}: coverage {percent(outcome.summary)}"
            click.echo(f"engine: {found} is under {show.fail_under:g} %", err=True)
        if low or failed(outcome.results):
            code = EXIT_FINDINGS
    return code


def outcome_json(outcome: Outcome, show: Show) -> Mapping[str, object]:
    """Return *outcome* in JSON-ready values; coverage is null when it was not measured."""
    return {
        "passed": not failed(outcome.results),
        "results": [result_json(one) for one in outcome.results],
        "coverage": coverage_json(outcome.summary) if show.measures else None,
    }


def write_junit(file: Path, outcomes: Mapping[str, Outcome]) -> bool:
    """Write the XML to *file*; say so and return False when that fails."""
    try:
        file.write_bytes(junit({name: one.results for name, one in outcomes.items()}))
    except OSError as error:
        click.echo(f"engine: cannot write {file}: {error.strerror}", err=True)
        return False
    return True
