"""``engine eval``: a policy folder and a request in, the decision out, all in this process."""

from __future__ import annotations

import sys
from typing import Any

import click

from engine.cli.decision_text import show_decision
from engine.cli.in_process import ask, question_options
from engine.cli.main import EXIT_FINDINGS, EXIT_FINE
from engine.cli.request_flags import EXAMPLE, request_options
from engine.runtime.decide import decide
from engine.runtime.memory import MemoryStore

EPILOG = f"""\
\b
Examples:
  engine eval policies --tenant north --user u1 --content "my card is 4111 1111 1111 1111"
  engine eval policies request.json                    the whole request as JSON
  engine eval policies - < request.json                the same from standard input
  engine eval policies request.json --stage response   flags outrank the file
  engine eval policies request.json --at 2026-01-31T23:30:00Z
                                                       as of another time
  engine eval policies request.json --mock classifier.toxicity=0.9
                                                       as if the classifier had said so
  engine eval policies request.json --json | jq .effective_action

{EXAMPLE}
Nothing is remembered: limits are full, meters and session labels empty. Classifiers are not asked;
--mock stands in for them.

Exit codes: 0 may pass (allow, redact), 1 may not (deny, throttle, escalate), 2 no decision.
"""


@click.command("eval", epilog=EPILOG)
@click.argument("folder")
@click.argument("file", required=False)
@request_options
@question_options
@click.option("--json", "as_json", is_flag=True, help="Print the decision as JSON.")
def command(folder: str, file: str | None, *, as_json: bool, **given: Any) -> None:
    """Decide one request on a policy folder, in this process.

    FOLDER holds the policies. FILE is a request in JSON, - for standard input; flags outrank it.
    """
    asked = ask(folder, file, **given)
    decision = decide(
        asked.policies,
        asked.record,
        MemoryStore(),
        asked.now,
        decision_id="eval",
        mocks=asked.mocks,
    )
    show_decision(decision, as_json=as_json)
    sys.exit(EXIT_FINE if decision.effective_action in {"allow", "redact"} else EXIT_FINDINGS)
