"""``engine audit``: an audit trail in; what is recorded, and whether it is whole, out.

Each verb has a module of its own, imported when it is called.
"""

from __future__ import annotations

import click

from engine.cli.main import LazyGroup, Verb

EPILOG = """\
\b
Examples:
  engine audit verify                          is data/audit whole, and signed?
  engine audit verify --key "$(cat audit.pub)" with a key kept elsewhere: the one that counts
  engine audit verify --checkpoints daemon.log  and does the copy in the log say the same?
  engine audit prove 01a22158-1221-7c12-8b0c-c2dcb1c2e947 > record.tlog-proof
  engine audit tail -n 20 -f
  engine audit query --tenant north --action deny --since 2h
  engine audit show 01a22158-1221-7c12-8b0c-c2dcb1c2e947
  engine audit stats --since 7d
  engine audit export --format csv -o decisions.csv
  engine audit report 01a22158-1221-7c12-8b0c-c2dcb1c2e947 --html incident.html
  engine audit sinks
  engine audit hold north --reason "case 17/2026"
  engine audit prune --dry-run

A trail is kept where `audit.folder` is set. The folder may be that of a running daemon.

Exit codes: 0 fine, 1 something was changed or is missing, or nothing was found, 2 the folder cannot
be read.
"""

VERBS: dict[str, Verb] = {
    "verify": Verb("engine.cli.audit_verify:verify", "Find what was changed, moved or taken out."),
    "prove": Verb("engine.cli.audit_verify:prove", "Print a proof that a decision is recorded."),
    "tail": Verb("engine.cli.audit_read:tail", "Show the newest records."),
    "query": Verb("engine.cli.audit_read:query", "Show the records that fit all that is given."),
    "show": Verb("engine.cli.audit_read:show_one", "Show all that is recorded of a decision."),
    "stats": Verb("engine.cli.audit_stats:stats", "Count records."),
    "export": Verb("engine.cli.audit_export:export", "Write records in another form."),
    "report": Verb("engine.cli.audit_report:report", "Tell all about one incident, as a page too."),
    "erase": Verb("engine.cli.audit_erase:command", "Make a tenant's content unreadable."),
    "hold": Verb("engine.cli.audit_keep:hold_one", "Keep records from being forgotten."),
    "release": Verb("engine.cli.audit_keep:release_one", "Release a hold."),
    "holds": Verb("engine.cli.audit_keep:list_holds", "List what is held."),
    "sinks": Verb("engine.cli.audit_sinks:sinks", "Show how far the trail is shipped."),
    "prune": Verb("engine.cli.audit_keep:prune_now", "Forget what need not be kept."),
}


@click.group("audit", cls=LazyGroup, verbs=VERBS, epilog=EPILOG)
def command() -> None:
    """Verify, search or export an audit trail."""
