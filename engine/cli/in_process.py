"""A folder and a request on the command line in; policies, a checked record and an instant out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

import click

from engine.cli.bundle import SECRET, existing, leave, show_refusal
from engine.cli.request_flags import InputError, build_request, describe_error, take_flags
from engine.language.diagnostics import did_you_mean
from engine.language.program import Program, taint_mock
from engine.language.typed import Tainted
from engine.language.walk import descend
from engine.runtime.evidence import EPOCH, nanoseconds
from engine.runtime.policyset import PolicySet
from engine.runtime.record import Record
from engine.runtime.request import InvalidRequest
from engine.service.bundles import Recipe, load_folder
from engine.service.compiled import PolicyError
from engine.verify.palette import conditions

F = TypeVar("F", bound=Callable[..., object])

RECIPE = Recipe(SECRET)


@dataclass(frozen=True, slots=True)
class Question:
    """Everything that a decision in this process needs beside a store."""

    policies: PolicySet
    record: Record
    now: int
    """ns since the Unix epoch."""
    mocks: dict[str, float | int]


def question_options(command: F) -> F:
    """Give *command* the options of a decision in this process, for ``ask``."""
    at = click.option(
        "--at", metavar="TIME", help="Decide as of then, such as 2026-01-31T09:00:00Z."
    )
    mocks = click.option(
        "--mock",
        "mocks",
        metavar="NAME=NUMBER",
        multiple=True,
        help="What injection, classifier.NAME or meter.NAME comes to; tainted.PATH is 1 or 0.",
    )
    return at(mocks(command))


def ask(
    folder: str, file: str | None, *, at: str | None, mocks: tuple[str, ...], **flags: object
) -> Question:
    """Return the question on the command line; leave with a sentence when it is none."""
    path = existing(folder)
    root = path if path.is_dir() else path.parent
    try:
        given = build_request(file, take_flags(**flags))  # type: ignore[arg-type]
        now = time.time_ns() if at is None else read_time(at)
        policies = load_folder(root, RECIPE)
        mocked = dict(read_mock(one, policies.program) for one in mocks)
        return Question(policies, policies.reader.read(given), now, mocked)
    except PolicyError as problem:
        show_refusal(root, problem.diagnostics, problem.texts)
    except (InvalidRequest, InputError) as error:
        leave(describe_error(error))


def read_time(written: str) -> int:
    """Return the time in ns since the Unix epoch; one without a zone is in UTC."""
    try:
        found = datetime.fromisoformat(written)
        return nanoseconds((found if found.tzinfo else found.replace(tzinfo=UTC)) - EPOCH)
    except (ValueError, OverflowError):
        raise InputError(f"--at {written}: write a time such as 2026-01-31T09:00:00Z") from None


def read_mock(written: str, program: Program) -> tuple[str, float | int]:
    """Return name and value of ``NAME=NUMBER``; raise InputError for what no policy asks for."""
    name, _, value = written.partition("=")
    asked = (node for one in conditions(program) for node in descend(one))
    known = [
        "injection",
        *(f"classifier.{one}" for one in program.classifiers),
        *(f"meter.{one}" for one in program.meters),
        *dict.fromkeys(taint_mock(one.path) for one in asked if isinstance(one, Tainted)),
    ]
    if name not in known:
        hint = did_you_mean(name, known) or f"there are {', '.join(known)}"
        raise InputError(f"--mock {written}: the policies ask for no `{name}`; {hint}")
    if name.startswith("tainted.") and value not in {"0", "1"}:
        raise InputError(f"--mock {written}: an argument is tainted, `1`, or not, `0`")
    try:
        return name, float(value) if name.startswith(("injection", "classifier.")) else int(value)
    except ValueError:
        raise InputError(f"--mock {written}: `{value}` is no number") from None
