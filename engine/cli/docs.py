"""``engine docs``: a policy folder in, its documentation in Markdown out."""

from __future__ import annotations

from pathlib import Path

import click

from engine.cli.bundle import existing, leave, show_refusal
from engine.cli.docs_text import Book, book_lines
from engine.cli.output_file import STDOUT, to_file
from engine.language.diagnostics import Report
from engine.language.parse import parse_file
from engine.service.compiled import PolicyError, compile_folder
from engine.service.folder import read_folder, visible

EPILOG = """\
\b
Examples:
  engine docs policies                     to standard output
  engine docs policies -o POLICIES.md      to a file
  engine docs policies --title "What our assistants may do"

Titles, and the comments above policies, rules and declarations, are the text; conditions and
actions stand as they are written. The same policies give the same text, so it can be committed and
compared.

Exit codes: 0 written, 2 the policies do not check, or a file cannot be read or written.
"""


@click.command("docs", epilog=EPILOG)
@click.argument("folder", metavar="PATH")
@to_file
@click.option("--title", metavar="TEXT", help="The heading; the folder's name by default.")
def command(folder: str, *, output: str, title: str | None) -> None:
    """Write the Markdown documentation of a policy folder.

    PATH is the folder: its schema, facts, lists, entities, policies, tests and properties.
    """
    root = existing(folder)
    if not root.is_dir():
        leave(f"{folder} is a file; name the policy folder")
    text = document(root, title or visible(root.resolve().name))
    if output == STDOUT:
        click.echo(text, nl=False)
        return
    try:
        Path(output).write_text(text, encoding="utf-8")
    except OSError as error:
        leave(f"cannot write {output}: {error.strerror}")


def document(root: Path, title: str) -> str:
    """Return the documentation of the bundle in *root*; leave when it does not check."""
    try:
        bundle = compile_folder(root)
    except PolicyError as problem:
        show_refusal(root, problem.diagnostics, problem.texts)
    # What checks has been read and parsed without an error, so this report stays empty.
    report = Report()
    files = [parse_file(source, report) for source in read_folder(root, report).sources]
    sizes = {name: len(entries) for name, entries in bundle.lists.items()}
    book = Book(title, tuple(files), bundle.program, sizes)
    return "\n".join(book_lines(book)) + "\n"
