"""``engine new``: the name of a folder in; a folder of policies that passes its own tests out."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import click

from engine.cli.bundle import leave
from engine.language.render import inert

EPILOG = """\
\b
Examples:
  engine new policies-of-north    a new folder
  cd policies-of-north
  engine test policies --coverage

The folder holds a policy with its schema and a list, its tests, a request to try, the daemon's
settings and a README.md that says how to go on.

Exit codes: 0 made, 2 the folder holds something already, or cannot be written.
"""

NAMES = {"readme": "README.md", "gitignore": ".gitignore"}
"""What is called otherwise in the package, so that no tool takes it for the package's own."""


@click.command("new", epilog=EPILOG)
@click.argument("folder", metavar="DIR")
def command(folder: str) -> None:
    """Create a policy folder that passes its own tests.

    DIR is a new or an empty folder.
    """
    root = Path(folder)
    try:
        if root.exists() and not root.is_dir():
            leave(f"{folder} is a file; `engine new` makes a folder")
        if root.exists() and any(root.iterdir()):
            leave(f"{folder} is not empty; `engine new` fills a new or an empty folder")
        written = copy(files("engine.cli") / "starter", root)
    except OSError as error:
        leave(f"cannot make {error.filename or folder}: {error.strerror}")
    except ValueError as error:
        leave(f"{folder!r} is no path: {error}")
    for path in written:
        click.echo(f"made {inert(str(path))}")
    click.echo(f"\nnow: cd {inert(folder)} && engine test policies --coverage")


def copy(source: Traversable, target: Path) -> list[Path]:
    """Copy what is in *source* into the folder *target*; return the files. Raises OSError."""
    target.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for one in sorted(source.iterdir(), key=lambda entry: entry.name):
        path = target / NAMES.get(one.name, one.name)
        if one.is_dir():
            written += copy(one, path)
        else:
            path.write_bytes(one.read_bytes())
            written.append(path)
    return written
