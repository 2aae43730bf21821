"""``engine check``: policy folders in, every problem in them out."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import click
import msgspec

from engine.cli.bundle import Selection, placed, read_texts, select, show_diagnostics
from engine.cli.main import EXIT_ERROR, EXIT_FINDINGS, EXIT_FINE
from engine.language.diagnostics import Diagnostic
from engine.language.program import Program
from engine.language.render import to_dict
from engine.service.compiled import PolicyError, compile_folder
from engine.service.folder import visible

EPILOG = """\
\b
Examples:
  engine check policies                      everything in the folder, compiled together
  engine check policies/support/refunds.pol  the problems of one file in its folder
  engine check policies --deny-warnings      warnings fail too: for build servers
  engine check policies --json               for editors and scripts

A folder is one bundle: its files see each other's schema, lists, facts and packages. A file stands
for the folder it lies in.

Exit codes: 0 nothing found (or only warnings), 1 errors (with --deny-warnings also warnings),
2 a folder or file that cannot be read.
"""

UNREADABLE = frozenset({"E801", "E802", "E803", "E804", "E805"})
"""Problems with the input itself, not with what the policies say."""


@dataclass(slots=True)
class Tally:
    """What was looked at and found."""

    found: list[Diagnostic] = field(default_factory=list)
    elsewhere: int = 0
    """Errors in files that were not asked for."""
    policies: int = 0
    rules: int = 0
    trials: int = 0
    texts: dict[str, str] = field(default_factory=dict)

    def count(self, program: Program) -> None:
        """Add what *program* holds."""
        self.policies += len(program.policies)
        self.rules += len(program.rules)
        self.trials += len(program.tests) + len(program.properties)

    def note(
        self, selection: Selection, found: Sequence[Diagnostic], texts: Mapping[str, str]
    ) -> None:
        """Add what was found in a bundle."""
        wanted = [one for one in found if selection.covers(one.span.path) or whole(one)]
        others = [one for one in found if one not in wanted and one.severity == "error"]
        self.elsewhere += len(others)
        self.found += placed(selection.root, wanted)
        self.texts |= {visible(str(selection.root / path)): text for path, text in texts.items()}


@click.command("check", epilog=EPILOG)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--deny-warnings", is_flag=True, help="Fail on warnings too.")
@click.option("--json", "as_json", is_flag=True, help="Print the problems as a JSON list.")
def command(paths: tuple[str, ...], *, deny_warnings: bool, as_json: bool) -> None:
    """Check policies: syntax, names, types, presence, facts and lists.

    PATH is a policy folder, or a file in it.
    """
    tally = Tally()
    for selection in select(paths):
        try:
            bundle = compile_folder(selection.root)
        except PolicyError as problem:
            tally.note(selection, problem.diagnostics, problem.texts)
        else:
            tally.count(bundle.program)
            tally.note(selection, bundle.warnings, {})
    if as_json:
        click.echo(msgspec.json.encode([to_dict(one) for one in tally.found]))
    else:
        show(tally)
    sys.exit(judge(tally, deny_warnings=deny_warnings))


def whole(diagnostic: Diagnostic) -> bool:
    """Return whether *diagnostic* is about the input as a whole, whatever file was named."""
    return diagnostic.code in UNREADABLE


def show(tally: Tally) -> None:
    """Print every problem and the closing line."""
    texts = read_texts(tally.found) | tally.texts
    if tally.found:
        show_diagnostics(tally.found, texts, err=False)
    errors = sum(one.severity == "error" for one in tally.found)
    warnings = len(tally.found) - errors
    parts = [counted(errors, "error")] if errors else []
    parts += [counted(warnings, "warning")] if warnings else []
    parts += [f"{counted(tally.elsewhere, 'error')} in other files"] if tally.elsewhere else []
    color = "red" if errors or tally.elsewhere else "yellow" if warnings else "green"
    what = ", ".join(
        [
            counted(tally.policies, "policy", "policies"),
            counted(tally.rules, "rule"),
            counted(tally.trials, "test"),
        ]
    )
    said = ", ".join(parts) or "no problems"
    click.secho(said if errors or tally.elsewhere else f"{what}: {said}", fg=color)


def counted(number: int, one: str, many: str = "") -> str:
    """Return ``1 rule`` or ``2 rules``."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def judge(tally: Tally, *, deny_warnings: bool) -> int:
    """Return the exit code."""
    if any(whole(one) for one in tally.found):
        return EXIT_ERROR
    failed = tally.elsewhere or any(one.severity == "error" for one in tally.found)
    return EXIT_FINDINGS if failed or (deny_warnings and tally.found) else EXIT_FINE
