"""Labelled rows, where they are present, and the arithmetic of precision and recall over them."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from engine.content.findings import Finding

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "data"


@dataclass
class Score:
    """Findings that were right, wrong, and true spans that were not found."""

    right: int = 0
    wrong: int = 0
    missed: int = 0
    errors: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def precision(self) -> float:
        return self.right / max(1, self.right + self.wrong)

    @property
    def recall(self) -> float:
        return self.right / max(1, self.right + self.missed)

    @property
    def f1(self) -> float:
        return 2 * self.precision * self.recall / max(1e-9, self.precision + self.recall)


def rows(file: str, half: str) -> Iterator[dict[str, object]]:
    """Yield the rows of *file* that belong to *half*: ``tune`` or ``held`` or ``all``."""
    with gzip.open(FOLDER / file, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            key = str(row.get("template") or row["id"])
            tune = hashlib.sha256(key.encode()).digest()[0] % 2 == 0
            if half == "all" or tune == (half == "tune"):
                yield row


def overlap(one: tuple[int, int], other: tuple[int, int]) -> float:
    """Return intersection over union of two spans."""
    both = min(one[1], other[1]) - max(one[0], other[0])
    return max(0, both) / (max(one[1], other[1]) - min(one[0], other[0]))


def covers(parent: str, child: str) -> bool:
    return child == parent or child.startswith(parent + ".")


def compare(
    score: Score,
    row: dict[str, object],
    findings: Sequence[Finding],
    same: Callable[[str, str], bool],
    wanted: Callable[[str], bool],
) -> None:
    """Add to *score* how *findings* compare with the spans of *row* whose type is *wanted*."""
    text = str(row["text"])
    spans: list[dict[str, object]] = row.get("spans", [])  # type: ignore[assignment]
    open_spans = list(spans)
    for finding in findings:
        best = max(
            (
                span
                for span in open_spans
                if same(finding.entity, str(span["type"]))
                and overlap((finding.start, finding.end), _place(span)) >= 0.5
            ),
            key=lambda span: overlap((finding.start, finding.end), _place(span)),
            default=None,
        )
        if best is None:
            score.wrong += 1
            place = finding.start, finding.end
            score.errors.append(("wrong", finding.entity, _marked(text, *place)))
            continue
        open_spans.remove(best)
        score.right += not best.get("optional") and wanted(str(best["type"]))
    for span in open_spans:
        if wanted(str(span["type"])) and not span.get("optional"):
            score.missed += 1
            score.errors.append(("missed", str(span["type"]), _marked(text, *_place(span))))


def _place(span: dict[str, object]) -> tuple[int, int]:
    return int(str(span["start"])), int(str(span["end"]))


def _marked(text: str, start: int, end: int) -> str:
    return f"{text[max(0, start - 60) : start]}>>{text[start:end]}<<{text[end : end + 40]}"
