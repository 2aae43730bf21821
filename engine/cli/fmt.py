"""``engine fmt``: policy files in, the same files in the canonical style out.

Files are formatted one by one: no bundle is needed. What does not parse is reported and left alone.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from difflib import unified_diff
from pathlib import Path

import click

from engine.cli.bundle import existing, leave
from engine.cli.main import EXIT_ERROR, EXIT_FINDINGS, EXIT_FINE
from engine.language import items
from engine.language.diagnostics import Report
from engine.language.format import format_file
from engine.language.parse import decode, parse_file
from engine.language.render import inert, render
from engine.language.text import Source
from engine.service.folder import POLICY_BYTES, policy_files, read_bytes

STDIN = "-"
LABEL = "<stdin>"

EPILOG = """\
\b
Examples:
  engine fmt policies             every .pol file in the folder and those below it
  engine fmt policies/triage.pol  one file
  engine fmt --check policies     change nothing, fail when something would change
  engine fmt --diff policies      the same, and show what would change
  engine fmt - < triage.pol       from standard input to standard output, for editors

Order and comments stay as they are. A file that does not parse is reported and left alone. Files
are replaced in one step and keep their mode.

Exit codes: 0 all is in style now, 1 with --check or --diff something would change, 2 a file does
not parse, or cannot be read or written.
"""


@dataclass(slots=True)
class Run:
    """What is done with what is not in style, and how it went so far."""

    writes: bool
    diffs: bool
    changed: int = 0
    same: int = 0
    failed: int = 0
    seen: set[str] = field(default_factory=set)


@click.command("fmt", epilog=EPILOG)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--check", "checks", is_flag=True, help="Change nothing; fail if something would.")
@click.option("--diff", "diffs", is_flag=True, help="Change nothing; show what would, and fail.")
def command(paths: tuple[str, ...], *, checks: bool, diffs: bool) -> None:
    """Format policy files, in place.

    PATH is a folder, a file, or - for standard input to standard output.
    """
    run = Run(writes=not (checks or diffs), diffs=diffs)
    if STDIN in paths:
        if len(paths) > 1:
            leave("`-` cannot stand beside files")
        format_stdin(run)
    else:
        for name in paths:
            format_path(existing(name), run)
        show_end(run)
    if run.failed:
        sys.exit(EXIT_ERROR)
    sys.exit(EXIT_FINDINGS if run.changed and not run.writes else EXIT_FINE)


def format_stdin(run: Run) -> None:
    """Format standard input to standard output; nothing comes out of what does not parse."""
    data = sys.stdin.buffer.read(POLICY_BYTES + 1)
    if len(data) > POLICY_BYTES:
        leave(f"standard input is larger than {POLICY_BYTES:,} bytes")
    made = formatted(LABEL, data)
    if made is None:
        run.failed += 1
        return
    before, after = made
    if run.writes:
        sys.stdout.buffer.write(after.encode())
        sys.stdout.buffer.flush()
    elif before != after:
        run.changed += 1
        show_change(LABEL, before, after, run)


def format_path(path: Path, run: Run) -> None:
    """Format the file at *path*, or those in the folder."""
    if not path.is_dir():
        format_one(path, run)
        return
    report = Report()
    for name in sorted(policy_files(path, report)):
        format_one(path / name, run)
    for problem in report.sorted():
        click.echo(f"engine: {inert(problem.span.path)}: {problem.message}", err=True)
        run.failed += 1


def format_one(path: Path, run: Run) -> None:
    """Format one file, unless it was already met under another name."""
    real = os.path.realpath(path)
    if real in run.seen:
        return
    run.seen.add(real)
    report = Report()
    data = read_bytes(path, str(path), POLICY_BYTES, report)
    for problem in report.found:
        click.echo(f"engine: {inert(str(path))}: {problem.message}", err=True)
    made = None if data is None else formatted(str(path), data)
    if made is None:
        run.failed += 1
        return
    before, after = made
    if data == after.encode():
        run.same += 1
    elif run.writes:
        write(Path(real), str(path), after, run)
    else:
        run.changed += 1
        show_change(str(path), before, after, run)


def formatted(path: str, data: bytes) -> tuple[str, str] | None:
    """Return the text in *data* before and after; None when it is reported as not parsing."""
    report = Report()
    source = decode(path, data, report)
    tree = None if source is None else parse_file(source, report)
    if source is None or tree is None or report.failed:
        texts = {path: data.decode("utf-8-sig", "replace")}
        click.echo(render(report.sorted(), texts, color=sys.stderr.isatty()), err=True)
        return None
    after = format_file(tree)
    second = Report()
    again = parse_file(Source(path, after), second)
    if second.failed or comments(again) != comments(tree):
        # The formatter is wrong: an author's file must not pay for that.
        click.echo(
            f"engine: {inert(path)}: left alone: formatting would have lost something; "
            "please report this with the file",
            err=True,
        )
        return None
    return source.text, after


def comments(tree: items.File) -> Counter[str]:
    """Return the comments in *tree* and how often each stands there."""
    return Counter(one.text.rstrip() for one in tree.comments)


def show_change(path: str, before: str, after: str, run: Run) -> None:
    """Say that *path* is not in style, and how with ``--diff``."""
    if run.diffs:
        click.echo("".join(difference(path, before, after)), nl=False)
    else:
        click.echo(f"would format {inert(path)}", err=path == LABEL)


def difference(path: str, before: str, after: str) -> Iterator[str]:
    """Yield the lines of a unified diff that `patch` can apply."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    for line in unified_diff(old, new, inert(path), inert(path)):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def write(path: Path, name: str, text: str, run: Run) -> None:
    """Replace the file at *path*, which is no link, in one step; it was given as *name*."""
    try:
        replace_file(path, text.encode())
    except OSError as error:
        click.echo(f"engine: {inert(name)}: cannot be written: {error.strerror}", err=True)
        run.failed += 1
        return
    run.changed += 1
    click.echo(f"formatted {inert(name)}")


def replace_file(path: Path, data: bytes) -> None:
    """Put *data* in the place of the file: a reader sees the old one or the new one. OSError."""
    found = path.stat()
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with beside.open("xb") as file:
            # Only root may give a file to someone else.
            with contextlib.suppress(PermissionError):
                os.fchown(file.fileno(), found.st_uid, found.st_gid)
            os.fchmod(file.fileno(), stat.S_IMODE(found.st_mode))
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise


def show_end(run: Run) -> None:
    """Print the closing line."""
    verb = "formatted" if run.writes else "would be formatted"
    parts = [
        f"{run.changed} {verb}" if run.changed else "",
        f"{run.same} in style already" if run.same else "",
        f"{run.failed} left alone" if run.failed else "",
    ]
    click.echo(listed(parts) or "no .pol file", err=run.diffs)


def listed(parts: Iterable[str]) -> str:
    """Return the parts that are there, with commas."""
    return ", ".join(part for part in parts if part)
