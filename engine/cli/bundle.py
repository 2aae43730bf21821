"""Paths on the command line in, the policy folders that they mean out; and what is wrong in them.

A folder is a bundle: everything in it is compiled together. A file stands for the folder it lies
in, and for what that file itself holds: its problems, its tests.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NoReturn

import click

from engine.cli.main import EXIT_ERROR
from engine.language.diagnostics import Diagnostic
from engine.language.render import render
from engine.language.text import Span
from engine.service.folder import POLICY_BYTES, SUFFIX, visible
from engine.service.plain import read_plain

SECRET = b"engine test and engine eval share no secret with any deployment."
"""Keys hashes and review ids where nothing leaves this process."""

MOST_SHOWN = 100
"""How many problems are shown to people."""


@dataclass(slots=True)
class Selection:
    """A bundle's folder, and the files in it that were named: none means all."""

    root: Path
    files: set[str] = field(default_factory=set)

    def covers(self, path: str) -> bool:
        """Return whether the file at *path*, relative to the root, was asked for."""
        return not self.files or path in self.files


def select(paths: Iterable[str]) -> list[Selection]:
    """Return the bundles of *paths*; leave with a sentence when one does not exist."""
    made: dict[Path, Selection] = {}
    whole: set[Path] = set()
    for name in paths:
        path = existing(name)
        root = path if path.is_dir() else path.parent
        one = made.setdefault(root, Selection(root))
        if path.is_dir():
            whole.add(root)
        elif path.suffix != SUFFIX:
            leave(f"{name} is no {SUFFIX} file")
        else:
            one.files.add(path.name)
    for root in whole:
        made[root].files.clear()
    return list(made.values())


def existing(name: str) -> Path:
    """Return *name* as a path; leave with a sentence when nothing is there or to be seen."""
    path = Path(name)
    try:
        path.stat()
    except FileNotFoundError:
        leave(f"there is no file or folder {name}")
    except OSError as error:
        leave(f"cannot read {name}: {error.strerror}")
    except ValueError as error:
        leave(f"{name!r} is no path: {error}")
    return path


def leave(sentence: str) -> NoReturn:
    """Say *sentence* on standard error and end with the code for wrong usage or input."""
    click.echo(f"engine: {sentence}", err=True)
    sys.exit(EXIT_ERROR)


def placed(root: Path, diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Return *diagnostics* of the bundle in *root* with paths as seen from the current folder."""
    return [
        replace(
            one,
            span=seen(root, one.span),
            notes=tuple((note, seen(root, span)) for note, span in one.notes),
        )
        for one in diagnostics
    ]


def seen(root: Path, span: Span) -> Span:
    """Return *span* with its path as seen from the current folder."""
    # A problem with the folder itself already names it.
    path = span.path if span.path == str(root) else str(root / span.path)
    return span._replace(path=visible(path))


def read_texts(diagnostics: Sequence[Diagnostic]) -> dict[str, str]:
    """Return the texts of the files that *diagnostics* point into, as far as they can be read."""
    texts: dict[str, str] = {}
    for path in {one.span.path for one in diagnostics}:
        try:
            texts[path] = read_plain(Path(path), POLICY_BYTES).decode("utf-8-sig", "replace")
        except OSError:
            # The diagnostic itself says so.
            continue
    return texts


def show_problems(
    root: Path, diagnostics: Sequence[Diagnostic], texts: Mapping[str, str], *, err: bool
) -> None:
    """Print *diagnostics* of the bundle in *root* for people; *texts* are its files by path."""
    here = {visible(str(root / path)): text for path, text in texts.items()}
    show_diagnostics(placed(root, diagnostics), here, err=err)


def show_diagnostics(
    diagnostics: Sequence[Diagnostic], texts: Mapping[str, str], *, err: bool
) -> None:
    """Print *diagnostics* with an empty line after them; of very many only the first."""
    stream = sys.stderr if err else sys.stdout
    click.echo(render(diagnostics[:MOST_SHOWN], texts, color=stream.isatty()), err=err)
    more = len(diagnostics) - MOST_SHOWN
    if more > 0:
        click.echo(f"and {more:,} more; `engine check --json` lists all\n", err=err)


def show_refusal(
    root: Path, diagnostics: Sequence[Diagnostic], texts: Mapping[str, str]
) -> NoReturn:
    """Print why the bundle in *root* cannot be used, and end."""
    show_problems(root, diagnostics, texts, err=True)
    leave(f"{root}: the policies do not check")
