"""``engine audit verify|prove``: a trail and known keys in; whether it is whole, or what is not."""

from __future__ import annotations

import errno
import os
import stat
import sys
from contextlib import suppress
from pathlib import Path
from time import perf_counter

import click
import msgspec

from engine.cli.audit_options import for_machines, in_folder, opened, progress
from engine.cli.audit_read import Troubles, story_of
from engine.cli.bundle import leave
from engine.cli.main import EXIT_FINDINGS, EXIT_FINE
from engine.cli.output_file import printing
from engine.language.render import inert
from engine.service.audit import PUBLIC
from engine.service.plain import read_plain
from engine.storage.notes import NoteError, Verifier, read_verifier
from engine.storage.proof import ProofError, make_proof, notes_in, read_proof
from engine.storage.source import segment_files, size_of
from engine.storage.verify import USUAL_SECONDS, Report, verify_folder

PIPE_BYTES = 2**16
APART_BYTES = 2**27
"""From here on several processes are worth their start."""
VERIFY_EPILOG = """\
\b
Examples:
  engine audit verify
  engine audit verify --key "$(cat kept-elsewhere.pub)"
  engine audit verify --checkpoints daemon.log      does the copy in the log say the same?
  engine audit verify --proof record.tlog-proof --key "$(cat kept-elsewhere.pub)"

Records that no checkpoint has signed are a warning; they are wrong where the trail is closed, or
where they stretch over more than --signed-every.

Exit codes: 0 nothing is wrong, 1 something was changed or is missing, 2 it cannot be read.
"""
PROVE_EPILOG = """\
\b
Example:
  engine audit prove 01a22158-1221-7c12-8b0c-c2dcb1c2e947 > record.tlog-proof

The proof holds the record, the way from it to the signed root (C2SP tlog-proof), and the signed
checkpoint: whoever has the key needs nothing else to check it.
"""
with_keys = click.option(
    "--key", "keys", multiple=True, metavar="NAME+HASH+KEY", help="Who may have signed."
)


@click.command("verify", epilog=VERIFY_EPILOG)
@in_folder
@with_keys
@click.option(
    "--checkpoints",
    "copy",
    metavar="FILE",
    help="A second copy of the checkpoints: a log of the daemon, what a sink has, a copied file.",
)
@click.option("--proof", metavar="FILE", help="Check this proof of one record, and no folder.")
@click.option(
    "--signed-every",
    "patience",
    type=click.FloatRange(0, 86_400),
    default=USUAL_SECONDS,
    show_default=True,
    metavar="SECONDS",
    help="So long records may be unsigned: audit.checkpoint_seconds, where that is more.",
)
@click.option("--jobs", type=click.IntRange(1, 64), help="Processes; else one a core, if worth it.")
@for_machines
def verify(
    folder: str,
    *,
    keys: tuple[str, ...],
    copy: str | None,
    proof: str | None,
    patience: float,
    jobs: int | None,
    as_json: bool,
) -> None:
    """Find the first record of each trail that was changed, moved or taken out.

    Without --key the key that lies in the folder is believed: then whoever could change the records
    could sign them too. Keep the key elsewhere, and a copy of the checkpoints: only by these a cut
    end is found when the checkpoints were cut as well, or all of it made anew.
    """
    if proof is not None:
        check_proof(Path(proof), Path(folder), keys)
    with opened(folder) as path:
        verifiers = read_keys(path, keys)
        notes = notes_in(text_in(Path(copy))) if copy is not None else []
        if copy is not None and not notes:
            leave(f"there is no checkpoint in {inert(copy)}")
        total = sum(map(size_of, segment_files(path)))
        some = jobs or (os.cpu_count() or 1 if total > APART_BYTES else 1)
        begin = perf_counter()
        with progress(path, "verifying") as read:
            report = verify_folder(path, verifiers, read, copy=notes, jobs=some, patience=patience)
        seconds = perf_counter() - begin
    with printing():
        if as_json:
            click.echo(msgspec.json.encode(report))
        else:
            click.echo(text_of(report, verifiers, seconds))
    sys.exit(EXIT_FINDINGS if report.problems else EXIT_FINE)


def text_of(report: Report, verifiers: list[Verifier], seconds: float) -> str:
    """Return a report for people."""
    lines = [inert(f"(fine) {one}") for one in report.cuts]
    lines += [inert(str(one)) for one in report.problems]
    signed = f"{report.signed:,} of them signed by " + " or ".join(one.name for one in verifiers)
    lines.append(
        f"{report.records:,} records in {report.segments:,} segments of {report.trails:,} trails, "
        f"{signed}; {report.checkpoints:,} checkpoints"
    )
    if report.pruned or report.deleted:
        lines.append(
            f"forgotten: {report.pruned:,} of these records but for their digests, and "
            f"{report.deleted:,} others with their segments"
        )
    if report.bridged:
        went = (
            f"; nothing is left of {report.bridged_trails:,} trails with "
            f"{report.bridged_records:,} records"
        )
        lines.append(
            f"forgotten: {report.bridged:,} checkpoints that signed only what was forgotten, up to "
            f"{inert(report.bridged_newest)}: signed notes lead over them"
            f"{went if report.bridged_trails else ''}"
        )
    if report.unsigned:
        newest = report.unsigned_newest
        of = f"the newest unsigned is of {newest}" if newest else "they have no time"
        lines.append(
            inert(
                f"warning: {report.unsigned:,} of {report.records:,} records are signed by no "
                f"checkpoint; {of}; compare with a copy: --checkpoints FILE"
            )
        )
    if seconds > 1:
        lines.append(f"{seconds:.1f} s, {report.records / seconds:,.0f} records/s")
    lines.append("nothing is wrong" if not report.problems else "this trail was changed")
    return "\n".join(lines)


def read_keys(folder: Path, keys: tuple[str, ...]) -> list[Verifier]:
    """Return the keys that may have signed; exit with code 2 where there is none."""
    try:
        if keys:
            return [read_verifier(one) for one in keys]
        return [read_verifier(read_plain(folder / PUBLIC).decode())]
    except (OSError, UnicodeDecodeError, NoteError) as error:
        leave(f"no key: {inert(str(error))}; give one with --key")


def text_in(path: Path) -> str:
    """Return the text of a file, or of a pipe that is written to; exit with code 2 without one.

    A shell's ``<(zcat daemon.log.gz)`` is such a pipe. Where nobody writes, nobody is waited for.
    """
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            return (begun(file.fileno()) + file.read()).decode("utf-8", "replace")
    except OSError as error:
        leave(f"cannot read {inert(str(path))}: {error.strerror}")


def begun(pipe: int) -> bytes:
    """Return what comes first out of *pipe*, which waits for the rest from then on; of a file none.

    Raises OSError.
    """
    mode = os.fstat(pipe).st_mode
    if stat.S_ISREG(mode):
        return b""
    if not stat.S_ISFIFO(mode):
        raise OSError(errno.EINVAL, "it is neither a file nor a pipe")
    first = b""
    with suppress(BlockingIOError):  # Somebody has it open, and has not written yet.
        first = os.read(pipe, PIPE_BYTES)
        if not first:
            raise OSError(errno.EPIPE, "nobody writes into this pipe")
    os.set_blocking(pipe, True)
    return first


def check_proof(path: Path, folder: Path, keys: tuple[str, ...]) -> None:
    """Say what the proof at *path* proves, and exit."""
    verifiers = read_keys(folder, keys)
    try:
        proven = read_proof(text_in(path), verifiers)
    except (ProofError, NoteError) as error:
        click.echo(inert(f"{path}: {error}"))
        sys.exit(EXIT_FINDINGS)
    one = proven.checkpoint
    click.echo(inert(proven.payload.decode(errors="replace")))
    click.echo(
        inert(
            f"this is record {proven.index} of the {one.size:,} that {one.origin} has signed at "
            f"{one.time}"
        )
    )
    sys.exit(EXIT_FINE)


@click.command("prove", epilog=PROVE_EPILOG)
@in_folder
@with_keys
@click.argument("identity", metavar="ID")
@click.option("--trail", metavar="T", help="Of several records with this ID the one of this trail.")
@click.option("--sequence", type=click.IntRange(0), help="… and of this number.")
def prove(
    folder: str, *, keys: tuple[str, ...], identity: str, trail: str | None, sequence: int | None
) -> None:
    """Print a proof that the decision ID is in the signed trail, to be checked anywhere."""
    with opened(folder) as path:
        verifiers = read_keys(path, keys)
        found = [
            one.kept
            for one in story_of(path, identity, Troubles())
            if (trail is None or one.kept.trail == trail)
            and (sequence is None or one.kept.sequence == sequence)
        ]
        if not found:
            click.echo("no such decision is recorded here", err=True)
            sys.exit(EXIT_FINDINGS)
        try:
            click.echo(make_proof(path, found[0], verifiers), nl=False)
        except (ProofError, NoteError) as error:
            click.echo(f"engine: {inert(str(error))}", err=True)
            sys.exit(EXIT_FINDINGS)
