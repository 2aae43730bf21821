"""``engine decide``: a request in (flags, a file or stdin), a running daemon's decision out."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec

from engine.cli.decision_text import describe_decision
from engine.cli.main import EXIT_ERROR, EXIT_FINDINGS, EXIT_FINE
from engine.doors.grpc.caller import CallError, ask
from engine.runtime.decision import Decision
from engine.runtime.request import InvalidRequest, Request

ADDRESS = "127.0.0.1:50051"
GROUPS = ("tenant", "user", "model", "tool", "session", "usage", "source", "context")
IDS = {"tenant": "id", "user": "id", "model": "name", "tool": "name", "session": "id"}
"""The attribute that a group's own flag sets."""

EPILOG = """\
\b
Examples:
  engine decide --tenant north --user u1 --content "my card is 4111 1111 1111 1111"
  engine decide request.json                    the whole request as JSON
  engine decide - < request.json                the same from standard input
  engine decide request.json --stage response   flags outrank the file
  engine decide --tenant north --user u1 --tool refund --stage tool_call
                --set tool.args.amount=900 --set user.roles='["clerk"]'
  engine decide request.json --json | jq .effective_action

\b
A request in JSON:
  {"tenant": {"id": "north"}, "user": {"id": "u1", "roles": ["clerk"]},
   "stage": "request", "content": "hello", "context": {}}

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
@click.option("--tenant", metavar="ID", help="tenant.id")
@click.option("--user", metavar="ID", help="user.id")
@click.option("--stage", metavar="STAGE", help="request, response, tool_call, tool_result, …")
@click.option("--content", metavar="TEXT", help="The text; - reads it from standard input.")
@click.option("--model", metavar="NAME", help="model.name")
@click.option("--tool", metavar="NAME", help="tool.name")
@click.option("--session", metavar="ID", help="session.id")
@click.option(
    "--set",
    "attributes",
    metavar="PATH=VALUE",
    multiple=True,
    help="Any attribute, such as context.purpose=care; VALUE is JSON, or else text.",
)
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
    attributes: tuple[str, ...],
    content: str | None,
    stage: str | None,
    timeout: float,
    as_json: bool,
    **named: str | None,
) -> None:
    """Ask a running daemon for a decision, and take it: limits are consumed, the record is written.

    FILE is a request in JSON, - for standard input; flags outrank it.
    """
    try:
        given = read_request(file)
        for group, value in named.items():
            if value is not None:
                place(given, (group, IDS[group]), value)
        for one in attributes:
            set_attribute(given, one)
        if content is not None:
            given.pop("messages", None)
            given["content"] = sys.stdin.read() if content == "-" else content
        given["stage"] = stage or given.get("stage", "request")
        decision = ask(addr, to_request(given), timeout)
    except (CallError, InvalidRequest, InputError) as error:
        click.echo(f"engine: {describe_error(error)}", err=True)
        sys.exit(EXIT_ERROR)
    show(decision, as_json=as_json)
    sys.exit(EXIT_FINE if decision.effective_action in {"allow", "redact"} else EXIT_FINDINGS)


class InputError(Exception):
    """The request cannot be read; the text says why."""


def read_request(file: str | None) -> dict[str, object]:
    """Return the JSON object in *file* (``-``: standard input; None: nothing)."""
    if file is None:
        return {}
    try:
        raw = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}") from None
    try:
        return msgspec.json.decode(raw, type=dict[str, object])
    except msgspec.DecodeError as error:
        raise InputError(f"{file} is no JSON object: {error}") from None


def set_attribute(given: dict[str, object], text: str) -> None:
    """Put ``PATH=VALUE`` into the request; the value is JSON, or else the text itself."""
    path, equals, value = text.partition("=")
    parts = tuple(path.split("."))
    if not equals or len(parts) < 2 or parts[0] not in GROUPS:  # noqa: PLR2004  group and name
        groups = ", ".join(GROUPS)
        raise InputError(f"--set {text}: write GROUP.NAME=VALUE, where GROUP is one of {groups}")
    try:
        place(given, parts, msgspec.json.decode(value.encode()))
    except msgspec.DecodeError:
        place(given, parts, value)


def place(given: dict[str, object], path: tuple[str, ...], value: object) -> None:
    """Put *value* at *path*, making the objects on the way."""
    inside = given
    for name in path[:-1]:
        inner = inside.setdefault(name, {})
        if not isinstance(inner, dict):
            raise InputError(f"{'.'.join(path)}: `{name}` is no object in the request")
        inside = inner
    inside[path[-1]] = value


def to_request(given: dict[str, object]) -> Request:
    """Return the request; raise InputError where it has not the shape of one."""
    try:
        return msgspec.convert({"tenant": {}, "user": {}} | given, Request)
    except msgspec.ValidationError as error:
        raise InputError(f"no request: {error}") from None


def describe_error(error: Exception) -> str:
    """Return what went wrong, one wrong path a line."""
    match error:
        case InvalidRequest(problems=problems):
            lines = [f"  {problem}" for problem in problems]
            return "\n".join(["the request does not fit the schema:", *lines])
        case _:
            return str(error)


def show(decision: Decision, *, as_json: bool) -> None:
    """Print *decision*."""
    if as_json:
        click.echo(msgspec.json.encode(decision.to_dict()))
    else:
        click.echo(describe_decision(decision, color=sys.stdout.isatty()))
