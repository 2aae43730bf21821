"""Command-line arguments in, an exit code out: finds the verb and loads only that verb's module."""

from __future__ import annotations

import errno
import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO, TextIOWrapper
from typing import Any, NoReturn

import click

import engine

EXIT_FINE = 0
EXIT_FINDINGS = 1
EXIT_ERROR = 2
EXIT_INTERRUPTED = 130
"""Ended by Ctrl-C, as shells say it: nothing was found, neither that all is well nor that not."""

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

EPILOG = """\
Exit codes: 0 fine, 1 findings (a failing test, a policy that does not check, a decision that is
not allowed), 2 wrong usage or input that cannot be read, 130 ended by Ctrl-C.
"""


@dataclass(frozen=True, slots=True)
class Verb:
    """Where a verb's click command lives (``module``, or ``module:attribute``), and its help."""

    module: str
    help: str


VERBS: dict[str, Verb] = {
    "new": Verb("engine.cli.new", "Create a policy folder that passes its own tests."),
    "check": Verb("engine.cli.check", "Check policies: syntax, names, types, presence."),
    "fmt": Verb("engine.cli.fmt", "Format policy files."),
    "test": Verb("engine.cli.test", "Run the tests and properties of policies, with coverage."),
    "eval": Verb("engine.cli.eval", "Decide one request on a policy folder, in this process."),
    "explain": Verb("engine.cli.explain", "Show why a request is decided as it is."),
    "scan": Verb("engine.cli.scan", "Show what the detectors find in a text, and why."),
    "detectors": Verb("engine.cli.detectors", "Show the detectors; score them on labelled rows."),
    "docs": Verb("engine.cli.docs", "Write the Markdown documentation of a policy folder."),
    "serve": Verb("engine.cli.serve", "Run the daemon that answers gateways."),
    "state": Verb("engine.cli.state", "Show, export or reset throttles, meters and sessions."),
    "audit": Verb("engine.cli.audit", "Verify, search or export an audit trail."),
    "reviews": Verb("engine.cli.reviews", "List and answer what policies escalate to people."),
    "decide": Verb("engine.cli.decide", "Ask a running daemon for a decision."),
}
"""Every verb. All of them take over half a second to import, so one is imported when called."""


class LazyGroup(click.Group):
    """A group that knows its verbs by name and imports a verb's module when it is called."""

    def __init__(self, *, verbs: dict[str, Verb], **given: Any) -> None:
        super().__init__(**given)
        self.verbs = verbs

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order of the table: from the first policy to the daemon."""
        del ctx
        return list(self.verbs)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of a verb, importing its module, or None for an unknown verb."""
        del ctx
        verb = self.verbs.get(cmd_name)
        if verb is None:
            return None
        module, _, attribute = verb.module.partition(":")
        # Not for a list of verbs, which needs nothing of the engine.
        from engine.language.collection import without_collection  # noqa: PLC0415

        # What is loaded stays: there is nothing in it for the collector to find.
        with without_collection():
            command = getattr(importlib.import_module(module), attribute or "command")
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Run the verb; leave with a sentence for what stood in its way that it did not foresee."""
        with said():
            return super().invoke(ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the verbs from the table, importing none."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, verb.help) for name, verb in self.verbs.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb; an unknown one is an error that suggests the closest."""
        name = args[0]
        if name not in self.verbs and not name.startswith("-"):
            # difflib is imported only here: it costs a tenth of the start-up time.
            close = importlib.import_module("difflib").get_close_matches(name, self.verbs, n=1)
            hint = f"; did you mean `{close[0]}`?" if close else ""
            raise click.UsageError(f"there is no verb `{name}`{hint}", ctx)
        return super().resolve_command(ctx, args)


@contextmanager
def said() -> Iterator[None]:
    """Say of a file, a folder or a stream that the block cannot use which it is, and leave.

    Verbs say so themselves where they know more. A reader who has gone is left to click.
    """
    try:
        yield
    except KeyboardInterrupt:
        click.echo("\nengine: interrupted", err=True)
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:
        raise
    except OSError as error:
        what = "write" if error.errno in NO_ROOM else "go on"
        what = what if error.filename is None else f"use {shown(error.filename)}"
        refuse(f"cannot {what}: {error.strerror or error}")
    except UnicodeEncodeError as error:
        refuse(f"{shown(error.object)} is no text; give it in UTF-8")


def refuse(sentence: str) -> NoReturn:
    """Say *sentence* on standard error and end with the code for what cannot be read or written."""
    click.echo(f"engine: {sentence}", err=True)
    sys.exit(EXIT_ERROR)


def shown(name: object) -> str:
    """Return a name of the system's, or another text, inert and in one line."""
    text = os.fsdecode(name) if isinstance(name, bytes) else str(name)
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text[:200])


def show_version(ctx: click.Context, param: click.Parameter, value: bool) -> None:  # noqa: FBT001
    """Print the version and leave, when asked."""
    del param
    if value:
        click.echo(f"engine {engine.__version__}")
        ctx.exit()


@click.group(
    cls=LazyGroup,
    verbs=VERBS,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=show_version,
    help="Print the version.",
)
def group() -> None:
    """Policies for GenAI gateways: may this prompt or tool call pass, and in what form?"""


def main() -> None:
    """Run the command line on this process's arguments and exit with the verb's code."""
    # The daemon starts its compiler by fork and exec at once; gRPC, which reads this when it is
    # imported, would only write a line about skipping its handlers for forks that go on.
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    # What gRPC writes to standard error by itself is no sentence for people and no line of our log.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    hold_streams()
    soften_output()
    try:
        with said():
            group.main(prog_name="engine", standalone_mode=True)
    finally:
        finish()


def hold_streams() -> None:
    """Take the places of standard streams that are closed: no file of ours may come to be one."""
    while (place := os.open(os.devnull, os.O_RDWR)) <= 2:  # noqa: PLR2004  standard error
        pass
    os.close(place)
    if sys.stdin is None:
        sys.stdin = TextIOWrapper(FileIO(0, "r", closefd=False))
    if sys.stdout is None:
        sys.stdout = TextIOWrapper(FileIO(1, "w", closefd=False))
    if sys.stderr is None:
        sys.stderr = TextIOWrapper(FileIO(2, "w", closefd=False))


def soften_output() -> None:
    """Have what the terminal's encoding lacks printed as its number: it is no reason to stop."""
    if isinstance(sys.stdout, TextIOWrapper) and sys.stdout.encoding.lower() != "utf-8":
        sys.stdout.reconfigure(errors="backslashreplace")


def finish() -> None:
    """Have all that was printed on its way; leave with code 2 where standard output takes no more.

    Whoever reads no further, as `head`, is no accident: then the code stays what the verb found.
    """
    try:
        sys.stdout.flush()
    except OSError as error:
        drop_output()
        if not isinstance(error, BrokenPipeError):
            refuse(f"cannot write: {error.strerror}")


def drop_output() -> None:
    """Have nothing more printed: the interpreter would try again, and end with its own words."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
