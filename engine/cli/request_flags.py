"""Flags, a file or standard input in; a request in a door's form out: how verbs are given one."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import click
import msgspec

from engine.runtime.request import InvalidRequest

F = TypeVar("F", bound=Callable[..., object])

STDIN = "-"
GROUPS = ("tenant", "user", "model", "tool", "session", "usage", "source", "context")
IDS = {"tenant": "id", "user": "id", "model": "name", "tool": "name", "session": "id"}
"""The attribute that a group's own flag sets."""

EXAMPLE = """\
\b
A request in JSON:
  {"tenant": {"id": "north"}, "user": {"id": "u1", "roles": ["clerk"]},
   "stage": "request", "content": "hello", "context": {}}
"""
"""For the end of a verb's help."""


class InputError(Exception):
    """The request cannot be read; the text says why."""


@dataclass(frozen=True, slots=True)
class Flags:
    """What the command line says about the request, beside a file."""

    content: str | None
    stage: str | None
    attributes: tuple[str, ...]
    named: dict[str, str]
    """Values of ``IDS`` by group."""


def request_options(command: F) -> F:
    """Give *command* the options of a request; it passes what it gets to ``take_flags``."""
    for option in reversed(
        (
            click.option("--tenant", metavar="ID", help="tenant.id"),
            click.option("--user", metavar="ID", help="user.id"),
            click.option(
                "--stage", metavar="STAGE", help="request, response, tool_call, tool_result, …"
            ),
            click.option(
                "--content", metavar="TEXT", help="The text; - reads it from standard input."
            ),
            click.option("--model", metavar="NAME", help="model.name"),
            click.option("--tool", metavar="NAME", help="tool.name"),
            click.option("--session", metavar="ID", help="session.id"),
            click.option(
                "--set",
                "attributes",
                metavar="PATH=VALUE",
                multiple=True,
                help="Any attribute, such as context.purpose=care; VALUE is JSON, or else text.",
            ),
        )
    ):
        command = option(command)
    return command


def take_flags(
    *,
    content: str | None,
    stage: str | None,
    attributes: tuple[str, ...],
    **named: str | None,
) -> Flags:
    """Return what ``request_options`` gave a command."""
    given = {group: value for group, value in named.items() if value is not None}
    return Flags(content, stage, attributes, given)


def build_request(file: str | None, flags: Flags) -> dict[str, object]:
    """Return the request in *file* (``-``: standard input; None: nothing), outranked by *flags*.

    Raises InputError.
    """
    if file == STDIN == flags.content:
        raise InputError("only one of the request and --content can come from standard input")
    given = read_request(file)
    for group, value in flags.named.items():
        place(given, (group, IDS[group]), value)
    for one in flags.attributes:
        set_attribute(given, one)
    if flags.content is not None:
        given.pop("messages", None)
        given["content"] = read_content(flags.content)
    given["stage"] = flags.stage or given.get("stage", "request")
    return {"tenant": {}, "user": {}} | given


def read_request(file: str | None) -> dict[str, object]:
    """Return the JSON object in *file*."""
    if file is None:
        return {}
    try:
        raw = sys.stdin.buffer.read() if file == STDIN else Path(file).read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}") from None
    except ValueError as error:
        raise InputError(f"{file!r} is no path: {error}") from None
    try:
        return msgspec.json.decode(raw, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        name = "standard input" if file == STDIN else file
        raise InputError(f"{name} is no JSON object: {error}") from None


def read_content(written: str) -> str:
    """Return the content that the flag gives, or standard input for ``-``."""
    if written != STDIN:
        return written
    try:
        return sys.stdin.buffer.read().decode()
    except UnicodeDecodeError as error:
        raise InputError(f"standard input is not UTF-8 at byte {error.start}") from None


def set_attribute(given: dict[str, object], text: str) -> None:
    """Put ``PATH=VALUE`` into the request; the value is JSON, or else the text itself."""
    path, equals, value = text.partition("=")
    parts = tuple(path.split("."))
    if not equals or len(parts) < 2 or parts[0] not in GROUPS:  # noqa: PLR2004  group and name
        groups = ", ".join(GROUPS)
        raise InputError(f"--set {text}: write GROUP.NAME=VALUE, where GROUP is one of {groups}")
    try:
        place(given, parts, msgspec.json.decode(value.encode("utf-8", "surrogatepass")))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
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


def describe_error(error: Exception) -> str:
    """Return what went wrong, one wrong path a line."""
    match error:
        case InvalidRequest(problems=problems):
            lines = [f"  {problem}" for problem in problems]
            return "\n".join(["the request does not fit the schema:", *lines])
        case _:
            return str(error)
