"""``engine decide``: a request in (flags, a file or stdin), a running daemon's decision out."""

from __future__ import annotations

import sys
from typing import Any

import click
import msgspec

from engine.cli.bundle import leave
from engine.cli.decision_text import show_decision
from engine.cli.main import EXIT_FINDINGS, EXIT_FINE
from engine.cli.request_flags import (
    EXAMPLE,
    InputError,
    build_request,
    describe_error,
    request_options,
    take_flags,
)
from engine.cli.trust import tls_options
from engine.doors.grpc.caller import CallError, ask
from engine.doors.grpc.dialling import Trust
from engine.runtime.request import InvalidRequest, Request

ADDRESS = "127.0.0.1:50051"

EPILOG = f"""\
\b
Examples:
  engine decide --tenant north --user u1 --content "my card is 4111 1111 1111 1111"
  engine decide request.json                    the whole request as JSON
  engine decide - < request.json                the same from standard input
  engine decide request.json --stage response   flags outrank the file
  engine decide --tenant north --user u1 --tool refund --stage tool_call
                --set tool.args.amount=900 --set user.roles='["clerk"]'
  engine decide request.json --json | jq .effective_action
  engine decide request.json --addr pdp.example:50051 --ca ca.crt --cert me.crt --key me.key

{EXAMPLE}
Exit codes: 0 may pass (allow, redact), 1 may not (deny, throttle, escalate), 2 no decision.
"""


@click.command("decide", epilog=EPILOG)
@click.argument("file", required=False)
@click.option(
    "--addr",
    envvar="ENGINE_ADDR",
    default=ADDRESS,
    show_default=True,
    metavar="HOST:PORT",
    help="Where the daemon listens; unix:///path for a socket.",
)
@tls_options
@request_options
@click.option(
    "--timeout",
    type=click.FloatRange(0.01, 3600),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the decision as JSON.")
def command(
    file: str | None,
    addr: str,
    *,
    trust: Trust | None,
    timeout: float,
    as_json: bool,
    **given: Any,
) -> None:
    """Ask a running daemon for a decision, and take it: limits are consumed, the record is written.

    FILE is a request in JSON, - for standard input; flags outrank it.
    """
    try:
        request = to_request(build_request(file, take_flags(**given)))
        decision = ask(addr, request, timeout, trust)
    except (CallError, InvalidRequest, InputError) as error:
        leave(describe_error(error))
    show_decision(decision, as_json=as_json)
    sys.exit(EXIT_FINE if decision.effective_action in {"allow", "redact"} else EXIT_FINDINGS)


def to_request(given: dict[str, object]) -> Request:
    """Return the request; raise InputError where it has not the shape of one."""
    try:
        return msgspec.convert(given, Request)
    except msgspec.ValidationError as error:
        raise InputError(f"no request: {error}") from None
