"""A folder of labelled texts to a report of the detectors of structured personal data.

::

    python -m bench.eval_pii ../shared/data > bench/PII.md

Rows of ``pii/`` are ``{"id", "text", "spans"}``; benign rows of ``injection/`` and all of
``secrets/`` serve to count false alarms. Without the folder there is nothing to report, and nothing
is written. One half, by a hash of the rows' templates or ids, served to write patterns.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bench.eval_injection import table
from engine.content.entities import ENTITIES, STRUCTURED, expand
from engine.content.findings import Finding
from engine.content.scan import Scanner, build_scanner
from engine.verify.rows import Half, Row, read_rows
from engine.verify.scoring import PART_OF, UNSTRUCTURED, Board, Tally, count_row

HALVES: tuple[Half, ...] = ("held", "tune")
PAD = 4_000
PADDING = (
    "The quarterly figures were discussed at length and nobody objected to the plan, although some "
    "asked whether delivery in March is likely, since the supplier changed its terms twice. "
)
STRIDE = 8

NAMES = ("right", "wrong", "missed", "precision", "recall", "F1", "F2")

HEAD = """\
# The detectors of structured personal data on labelled texts

`python -m bench.eval_pii FOLDER`. Of the half `held` no text was read while patterns were
written, but its totals were watched, so they flatter a little. *Strict*: a finding covers the
same characters as a true span of its type; *lenient*: at least half of what the two cover
together. The entities that a model reads from sentences (persons, addresses, places,
organisations, dates …) are in a report of their own. A postal code inside a true address and a
birthday on a true date are neither right nor wrong, because the rows have one name for each
place; *counted against* shows the figures without that rule."""


def rows_of(folder: Path, half: Half) -> list[Row]:
    """Return the rows about personal data that belong to *half*."""
    return [row for file in sorted(folder.glob("pii/*.jsonl*")) for row in read_rows(file, half)]


def asked(names: str = "pii.any") -> frozenset[str]:
    """Return the entities of *names* that patterns find."""
    return expand(names) & STRUCTURED


def scored(scanner: Scanner, rows: Sequence[Row], *, around: str = "") -> Board:
    """Return how what is found in *rows* compares with the truth, with text *around* each."""
    board, entities = Board(), asked()
    for row in rows:
        found = scanner.scan(f"{around}{row.text}\n{around}", entities)
        count_row(board, row, [_moved(one, -len(around)) for one in found])
    return board


def _moved(one: Finding, by: int) -> Finding:
    return one._replace(start=one.start + by, end=one.end + by)


def figures(tally: Tally) -> tuple[object, ...]:
    """Return right, wrong, missed, precision, recall, F1 and F2."""
    return (
        tally.right, tally.wrong, tally.missed,
        tally.precision, tally.recall, tally.f(1), tally.f(2),
    )  # fmt: skip


def against(board: Board, rows: Sequence[Row], scanner: Scanner) -> Tally:
    """Return the lenient total when a part of something wider counts as wrong."""
    total = Tally()
    total.add(board.total(exact=False, without=UNSTRUCTURED))
    parts = frozenset(PART_OF)
    for row in rows:
        for one in scanner.scan(row.text, parts):
            if row.scope is not None and one.entity not in row.scope:
                continue
            total.wrong += any(
                each.type == PART_OF[one.entity] and each.start <= one.start and one.end <= each.end
                for each in row.spans or ()
            )
    return total


def alarms(scanner: Scanner, texts: Sequence[str]) -> tuple[int, int, float, str]:
    """Return how many texts there are, in how many something is found, per 1,000, and what.

    Addresses of the web and of mail are what they seem to be in any text: they are no alarms.
    """
    plain = (asked() | asked("phi.any")) - {"pii.url", "pii.email", "pii.ip"}
    found = [frozenset(one.entity for one in scanner.scan(text, plain)) for text in texts]
    rows = sum(map(bool, found))
    kinds = ", ".join(sorted(frozenset().union(*found))) if texts else ""
    return len(texts), rows, 1000 * rows / max(1, len(texts)), kinds


def texts_of(folder: Path, kind: str, half: Half) -> list[str]:
    """Return the texts of *kind* in which no personal data was put."""
    return [
        row.text
        for file in sorted(folder.glob(f"{kind}/*.jsonl*"))
        for row in read_rows(file, half)
        if not row.label
    ]


def report(folder: Path) -> Iterator[str]:
    """Yield the lines of the report on the files in *folder*."""
    scanner = build_scanner((), {})
    rows = {half: rows_of(folder, half) for half in HALVES}
    boards = {half: scored(scanner, rows[half]) for half in HALVES}
    yield HEAD
    yield from table(
        "All structured types",
        ("half", "measure", *NAMES),
        (
            (half, measure, *figures(tally))
            for half, board in boards.items()
            for measure, tally in (
                ("lenient", board.total(exact=False, without=UNSTRUCTURED)),
                ("strict", board.total(exact=True, without=UNSTRUCTURED)),
                ("lenient, counted against", against(board, rows[half], scanner)),
            )
        ),
    )
    for half, board in boards.items():
        yield from _types(half, board)
    yield from _alarms(folder, scanner, boards)
    yield from _long(scanner, rows["held"][::STRIDE])
    yield from _kinds()


def _types(half: Half, board: Board) -> Iterator[str]:
    yield from table(
        f"By type, half `{half}`",
        ("type", *NAMES, "strict precision", "strict recall"),
        (
            (name, *figures(tally), *_strict(board, name))
            for name, tally in sorted(board.overlapping.items())
            if name not in UNSTRUCTURED
        ),
    )


def _alarms(folder: Path, scanner: Scanner, boards: Mapping[Half, Board]) -> Iterator[str]:
    yield from table(
        "False alarms in texts without personal data",
        ("texts", "half", "rows", "rows with a finding", "per 1,000", "of which kinds"),
        (
            (name, half, *alarms(scanner, texts_of(folder, kind, half)))
            for half in HALVES
            for name, kind in (
                ("benign prompts and documents", "injection"),
                ("keys and passwords in code", "secrets"),
            )
        ),
    )
    yield from table(
        "Negative rows of the recognizers",
        ("half", "rows in which nothing is to be found", "rows with a finding", "per 1,000"),
        (
            (half, one.benign, one.alarmed, 1000 * one.alarmed / max(1, one.benign))
            for half, one in boards.items()
        ),
    )


def _long(scanner: Scanner, rows: Sequence[Row]) -> Iterator[str]:
    """Yield what is found of *rows* with other text around them."""
    around = PADDING * (PAD // len(PADDING))
    yield from table(
        "With 4 kB of unrelated text before and behind",
        ("rows", "text around", *NAMES),
        (
            (len(rows), size, *figures(board.total(exact=False, without=UNSTRUCTURED)))
            for size, board in (
                ("none", scored(scanner, rows)),
                ("8 kB", scored(scanner, rows, around=around)),
            )
        ),
    )


def _strict(board: Board, name: str) -> tuple[float, float]:
    tally = board.exact.get(name, Tally())
    return tally.precision, tally.recall


def _kinds() -> Iterator[str]:
    """Yield what is looked for."""
    yield from table(
        "What is looked for",
        ("namespace", "entities", "patterns"),
        (
            (space, len(found), sum(len(ENTITIES[one].patterns) for one in found))
            for space, found in (("pii", asked()), ("phi", asked("phi.any")))
        ),
    )


def main() -> int:
    """Print the report; without the folder, say so and leave."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    if not (folder / "pii").is_dir():
        sys.stderr.write(f"{folder} holds no labelled texts: nothing to report\n")
        return 0
    sys.stdout.write("\n".join(report(folder)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
