"""Options of ``engine audit`` that several of its verbs have, and the folder they are about."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from engine.cli.bundle import leave
from engine.language.render import inert
from engine.service.record import RecordError
from engine.storage.header import NoSegment
from engine.storage.holds import HoldsError
from engine.storage.moment import UNKNOWN, moment_of, time_of
from engine.storage.source import segment_files, size_of
from engine.storage.wanted import Wanted

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_AGO = re.compile(r"([0-9]{1,9})([smhd])")
_BEGINNING = re.compile(r"\d{4}(-\d\d(-\d\d(T\d\d(:\d\d(:\d\d(\.\d+)?)?)?)?)?)?Z?")

ACTIONS = "allow, redact, throttle, escalate, deny"
STAGES = "request, response, tool_call, tool_result, document, tool_description"
KINDS = "decision, review, settlement, reload, admin, gap, cut"
MOST = 10**9
"""Of records that are shown in one go."""

in_folder = click.option(
    "--folder",
    default="data/audit",
    show_default=True,
    metavar="FOLDER",
    help="The folder of the trail.",
)
for_machines = click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
with_key = click.option(
    "--key-file",
    metavar="FILE",
    help="The key that signs the trail; else `audit.key` beside its folder.",
)


class Moment(click.ParamType[str]):
    """A time: RFC 3339, its beginning, or how long ago."""

    name = "time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """Return the time so that it can be compared with a record's."""
        text = str(value)
        ago = _AGO.fullmatch(text)
        if ago is not None:
            seconds = int(ago[1]) * UNITS[ago[2]]
            return time_of(max(0, time.time_ns() // 1000 - seconds * 1_000_000))
        if _BEGINNING.fullmatch(text) and moment_of(text) != UNKNOWN:
            return text.removesuffix("Z")
        try:
            found = datetime.fromisoformat(text)
            moved = None if found.tzinfo is None else found.astimezone(UTC)
        except (ValueError, OverflowError):
            moved = None
        if moved is None:
            self.fail(
                f"{text!r} is no time: give 2h, 30m or 7d (ago), 2026-01-01 or RFC 3339",
                param,
                ctx,
            )
        return f"{moved.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


MOMENT = Moment()


def wanted(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options that choose records; see `Wanted`."""
    for option in reversed(
        (
            click.option("--tenant", metavar="T"),
            click.option("--user", metavar="U"),
            click.option("--rule", metavar="R", help="A deciding rule, by its full name."),
            click.option("--action", metavar="A", help=f"The effective action: {ACTIONS}."),
            click.option(
                "--decided", metavar="A", help="The action before what the gateway can do counted."
            ),
            click.option("--stage", metavar="S", help=f"Where in the conversation: {STAGES}."),
            click.option("--session", metavar="S"),
            click.option("--decision", metavar="ID"),
            click.option("--request", metavar="ID"),
            click.option("--review", metavar="ID"),
            click.option("--kind", metavar="K", help=f"What is recorded: {KINDS}."),
            click.option(
                "--since", type=MOMENT, metavar="TIME", help="2h, 7d (ago), a date or RFC 3339."
            ),
            click.option("--until", type=MOMENT, metavar="TIME", help="Before this time."),
        )
    ):
        function = option(function)
    return function


def wanted_of(chosen: dict[str, str | None]) -> Wanted:
    """Return what the options of `wanted` say."""
    return Wanted(**chosen)


@contextmanager
def opened(folder: str) -> Iterator[Path]:
    """Give the folder as a path; exit with code 2 when it cannot be read or written."""
    path = Path(folder)
    try:
        if not path.is_dir():
            leave(f"there is no audit trail in {inert(folder)}")
        yield path
    except (HoldsError, RecordError) as error:
        leave(inert(str(error)))
    except NoSegment as error:
        leave(f"the audit trail in {inert(folder)} cannot be read: {inert(str(error))}")
    except OSError as error:
        why = error.strerror or str(error)
        why = f"{error.filename}: {why}" if error.filename else why
        leave(f"the audit trail in {inert(folder)} cannot be used: {inert(why)}")


@contextmanager
def progress(folder: Path, what: str) -> Iterator[Callable[[int], None]]:
    """Give what is to be told of bytes that are done: on a terminal a bar shows how many are."""
    console = Console(stderr=True)
    total = sum(map(size_of, segment_files(folder)))
    columns = (TextColumn(what), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(what, total=total)
        yield lambda read: bar.advance(task, read)
