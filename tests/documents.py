"""Markdown in, its runnable blocks out: the tests execute what the documentation shows.

A fence's info string says how a block is run: ``console`` (commands after ``$ `` with the output
they print; ``…`` stands for any run of characters), ``python``, ``pol`` (a policy file that checks
and whose tests pass), ``pol E201 …`` (a policy file with exactly these diagnostics), ``file NAME``
(written into the working folder of the blocks that follow).
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
    """A command line of a console block and what it must print."""

    line: str
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


def commands(block: Block) -> list[Command]:
    """Return the commands of a console *block*; a line ending in a backslash goes on."""
    made: list[Command] = []
    output: list[str] = []
    line = ""
    for row in block.text.splitlines():
        if row.startswith("$ ") or (line.endswith("\\") and not output):
            if row.startswith("$ ") and line:
                made.append(Command(line, "\n".join(output)))
                line, output = "", []
            line = f"{line}\n{row}" if line else row[2:]
        else:
            output.append(row)
    if line:
        made.append(Command(line, "\n".join(output)))
    return made


def fits(shown: str, printed: str) -> bool:
    """Return whether *printed* is what *shown* says; ``…`` in *shown* stands for anything."""
    pattern = ".*?".join(re.escape(part) for part in normal(shown).split("…"))
    return re.fullmatch(pattern, normal(printed), re.DOTALL) is not None


def normal(text: str) -> str:
    """Return *text* without trailing blanks on lines and blank lines at its ends."""
    return "\n".join(row.rstrip() for row in text.strip("\n").splitlines())
