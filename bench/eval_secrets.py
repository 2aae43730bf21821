"""A folder of labelled texts to a report of the detectors of secrets: found, missed, false alarms.

::

    python -m bench.eval_secrets ../shared/data > bench/SECRETS.md

Rows of ``secrets/`` are ``{"id", "text", "spans"}``, those of ``pii/`` and ``injection/`` are texts
that hold no secret. Half of all, by the hash of their ids, served to write patterns; both halves
are reported, and the figures of the half held out are those that count.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.eval_injection import table
from engine.content.entities import expand
from engine.content.findings import Finding
from engine.content.scan import build_scanner
from engine.verify.rows import Half, Row, TrueSpan, read_rows

ALIKE = 0.5
"""From so much overlap, intersection over union, a finding is that of a true span."""
SAME_AS = {
    "secret.url_credentials": "secret.connection_string",
    "secret.1password": "secret.onepassword",
}
"""Kinds that the rows call otherwise."""
WEAK = 0.95
FEW = 3
"""Kinds with so few true spans say nothing about recall."""
HALVES: tuple[Half, ...] = ("held", "tune")

HEAD = """\
# The detectors of secrets on labelled texts

`python -m bench.eval_secrets FOLDER`. The rows of the half `held` were not read while patterns were
written, but its totals were watched, so they flatter a little. Without types any finding that
covers a true span is right, by at least half of what the two cover together; findings inside
another are not counted. With types it must also be of the kind that the row says: where the rows
name a rule and its provider, `secret.generic` is not enough."""

Find = Callable[[str], Sequence[Finding]]
Same = Callable[[str, str], bool]


@dataclass(slots=True)
class Count:
    """What was right, wrong and missed, and the kinds of the true spans and of those missed."""

    right: int = 0
    wrong: int = 0
    missed: int = 0
    true: Counter[str] = field(default_factory=Counter)
    unseen: Counter[str] = field(default_factory=Counter)

    def figures(self) -> tuple[int, int, int, float, float, float]:
        """Return right, wrong, missed, precision, recall and F1."""
        precision = self.right / max(1, self.right + self.wrong)
        recall = self.right / max(1, self.right + self.missed)
        f1 = 2 * precision * recall / max(1e-9, precision + recall)
        return self.right, self.wrong, self.missed, precision, recall, f1

    def add(self, other: Count) -> None:
        """Add what *other* counted."""
        self.right += other.right
        self.wrong += other.wrong
        self.missed += other.missed
        self.true += other.true
        self.unseen += other.unseen


def untyped(_found: str, _true: str) -> bool:
    """Return that any secret is as good as any other."""
    return True


def typed(found: str, true: str) -> bool:
    """Return whether a finding is of the kind that the row says."""
    return found == SAME_AS.get(true, true)


def outermost(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield those of *findings* that do not begin inside another."""
    end = 0
    for finding in sorted(findings, key=lambda one: (one.start, -one.end)):
        if finding.start >= end:
            end = finding.end
            yield finding


def overlap(one: Finding, other: TrueSpan) -> float:
    """Return intersection over union."""
    both = min(one.end, other.end) - max(one.start, other.start)
    return max(0, both) / (max(one.end, other.end) - min(one.start, other.start))


def count(row: Row, found: Iterable[Finding], same: Same) -> Count:
    """Return how *found* compares with the true spans of *row*, each of which is found once."""
    made = Count()
    left = list(row.spans or ())
    made.true.update(one.type for one in left if not one.optional)
    for finding in found:
        fitting = [
            one for one in left if same(finding.entity, one.type) and overlap(finding, one) >= ALIKE
        ]
        if not fitting:
            made.wrong += 1
            continue
        best = max(fitting, key=lambda one: overlap(finding, one))
        left.remove(best)
        made.right += not best.optional
    made.unseen.update(one.type for one in left if not one.optional)
    made.missed = made.unseen.total()
    return made


def count_file(file: Path, half: Half, find: Find, same: Same) -> Count:
    """Return the sums over the rows of *file* that belong to *half* and say where secrets stand."""
    total = Count()
    for row in read_rows(file, half):
        if row.spans is None:
            continue
        found = find(row.text)
        if same is typed:
            # At a place where several kinds are found the one that the row says counts.
            kinds = {SAME_AS.get(one.type, one.type) for one in row.spans}
            found = [one for one in found if one.entity in kinds] or found
        kept = list(outermost(found))
        if row.scope is not None and not row.spans:
            kept = [one for one in kept if one.entity in row.scope]
        total.add(count(row, kept, same))
    return total


def alarms(file: Path, half: Half, find: Find) -> tuple[int, int]:
    """Return how many rows of *file* are benign, and in how many of them a secret is found."""
    texts = [row.text for row in read_rows(file, half) if not row.label]
    return len(texts), sum(bool(find(text)) for text in texts)


def report(folder: Path) -> Iterator[str]:
    """Yield the lines of the report on the files in *folder*."""
    scanner, asked = build_scanner((), {}), expand("secret.any")

    def find(text: str) -> Sequence[Finding]:
        return scanner.scan(text, asked)

    yield HEAD
    files = sorted((folder / "secrets").glob("*.jsonl.gz"))
    heads = ("file", "half", "right", "wrong", "missed", "precision", "recall", "F1")
    for title, same in (("Without types", untyped), ("With types", typed)):
        rows: list[Sequence[object]] = []
        totals: list[Sequence[object]] = []
        for half in HALVES:
            total = Count()
            for file in files:
                one = count_file(file, half, find, same)
                total.add(one)
                rows.append((_name(file), half, *one.figures()))
            totals.append(("**all**", half, *total.figures()))
        yield from table(title, heads, [*totals, *rows])
        if same is untyped:
            yield from _weak(total_of(files, find))
    benign = sorted(
        [*(folder / "pii").glob("*.jsonl.gz"), *(folder / "injection").glob("*.jsonl.gz")]
    )
    yield from table(
        "False alarms in texts without secrets",
        ("file", "half", "rows", "with a finding", "per 1,000"),
        (
            (f"{file.parent.name}/{_name(file)}", half, size, hits, 1000 * hits / size)
            for file in benign
            for half in HALVES
            for size, hits in [alarms(file, half, find)]
            if size
        ),
    )


def total_of(files: Iterable[Path], find: Find) -> Count:
    """Return the sums of the half held out."""
    total = Count()
    for file in files:
        total.add(count_file(file, "held", find, untyped))
    return total


def _name(file: Path) -> str:
    return file.name.removesuffix(".jsonl.gz")


def _weak(total: Count) -> Iterator[str]:
    """Yield a table of the kinds that are found least of all."""
    kinds = sorted(
        (1 - total.unseen[kind] / size, kind, size, total.unseen[kind])
        for kind, size in total.true.items()
        if size >= FEW and 1 - total.unseen[kind] / size < WEAK
    )
    heads = ("recall", "kind", "true spans", "missed")
    yield from table("Kinds of which some are missed in the half held out", heads, kinds)


def main() -> int:
    """Print the report; without the labelled texts say so, and that is no failure."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    if not (folder / "secrets").is_dir():
        sys.stderr.write(f"there are no labelled texts in {folder}: skipped\n")
        return 0
    sys.stdout.write("\n".join(report(folder)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
