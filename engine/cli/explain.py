"""``engine explain``: a policy folder and a request in; why it is decided as it is, out."""

from __future__ import annotations

import sys
from typing import Any

import click
import msgspec

from engine.cli.in_process import ask, question_options
from engine.cli.main import EXIT_FINDINGS, EXIT_FINE
from engine.cli.request_flags import EXAMPLE, request_options
from engine.runtime.explain import explain
from engine.runtime.memory import MemoryStore
from engine.runtime.tell import tell

EPILOG = f"""\
\b
Examples:
  engine explain policies --tenant north --user u1 --content "call 415-555-0132"
  engine explain policies request.json         the whole request as JSON
  engine explain policies request.json --all   every part of every condition, needed or not
  engine explain policies request.json --json | jq .misses

{EXAMPLE}
The rules that decide are shown with the values of their conditions, other rules with the first
condition that kept them from matching; the last lines say what would have changed the outcome.

Exit codes: 0 may pass (allow, redact), 1 may not (deny, throttle, escalate), 2 no decision.
"""


@click.command("explain", epilog=EPILOG)
@click.argument("folder")
@click.argument("file", required=False)
@request_options
@question_options
@click.option("--all", "full", is_flag=True, help="Show every part of every condition.")
@click.option("--json", "as_json", is_flag=True, help="Print the explanation as JSON.")
def command(folder: str, file: str | None, *, full: bool, as_json: bool, **given: Any) -> None:
    """Show why a request is decided as it is, and what would have changed the outcome.

    FOLDER holds the policies. FILE is a request in JSON, - for standard input; flags outrank it.
    """
    asked = ask(folder, file, **given)
    why = explain(asked.policies, asked.record, MemoryStore(), asked.now, mocks=asked.mocks)
    if as_json:
        click.echo(msgspec.json.encode(why.to_dict()))
    else:
        click.echo(tell(why.decision, why.policies, why.misses, full=full))
    action = why.decision.effective_action
    sys.exit(EXIT_FINE if action in {"allow", "redact"} else EXIT_FINDINGS)
