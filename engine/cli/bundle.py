"""Paths on the command line in, the policy folders that they mean out.

A folder is a bundle: everything in it is compiled together. A file stands for the folder it lies
in, and for what that file itself holds: its problems, its tests.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import click

from engine.cli.main import EXIT_ERROR

SECRET = b"engine test and engine eval share no secret with any deployment."
"""Keys hashes and review ids where nothing leaves this process."""


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
        path = Path(name)
        if not path.exists():
            click.echo(f"engine: there is no file or folder {name}", err=True)
            sys.exit(EXIT_ERROR)
        root = path if path.is_dir() else path.parent
        one = made.setdefault(root, Selection(root))
        if path.is_dir():
            whole.add(root)
        else:
            one.files.add(path.name)
    for root in whole:
        made[root].files.clear()
    return list(made.values())
