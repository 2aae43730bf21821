"""Markdown in, its runnable blocks out: the tests execute what the documentation shows.

A fence's info string says how a block is run: ``console`` (commands after ``$ `` with the output
they print; ``…`` stands for any run of characters), ``python``, ``pol`` (a policy file that checks
without a warning and whose tests and properties pass), ``pol E201 …`` (a policy file with exactly
these diagnostics), ``file NAME`` (written for the blocks that follow; a ``.pol`` file only for the
next ``pol`` block, and one in a folder only for the console).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r"^```(?P<info>[^\n]*)\n(?P<body>.*?)^```\s*$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its info string's words, its text, and the line its text begins on."""

    words: tuple[str, ...]
    text: str
    line: int

    @property
    def kind(self) -> str:
        """The first word of the info string, or nothing."""
        return self.words[0] if self.words else ""


@dataclass(frozen=True, slots=True)
class Command:
    """A command of a console block, its lines, and what it must print."""

    text: str
    output: str


def read_blocks(path: Path) -> list[Block]:
    """Return the fenced blocks of the Markdown file *path*, in order."""
    text = path.read_text(encoding="utf-8")
    return [
        Block(
            tuple(found["info"].split()),
            found["body"],
            text.count("\n", 0, found.start("body")) + 1,
        )
        for found in FENCE.finditer(text)
    ]


def commands(text: str) -> list[Command]:
    """Return the commands of a console block; ``> `` and a backslash before it go on."""
    made: list[Command] = []
    lines: list[str] = []
    output: list[str] = []
    for row in [*text.splitlines(), "$ "]:
        if row.startswith("$ "):
            if lines:
                made.append(Command("\n".join(lines), "\n".join(output)))
            lines, output = [row[2:]], []
        elif not output and (row.startswith("> ") or lines[-1].endswith("\\")):
            lines.append(row.removeprefix("> "))
        else:
            output.append(row)
    return made


def fits(shown: str, printed: str) -> bool:
    """Return whether *printed* is what *shown* says; ``…`` in *shown* stands for anything."""
    pattern = ".*?".join(re.escape(part) for part in normal(shown).split("…"))
    return re.fullmatch(pattern, normal(printed), re.DOTALL) is not None


def normal(text: str) -> str:
    """Return *text* without trailing blanks on lines and blank lines at its ends."""
    return "\n".join(row.rstrip() for row in text.splitlines()).strip("\n")
