"""A folder of labelled texts to a report of the injection score: recall, false alarms, calibration.

::

    python -m bench.eval_injection ../shared/data/injection > bench/INJECTION.md

Rows are ``{"id", "text", "label", "kind"}``, one a line, in gzipped files. Half of them, by the
hash of their ids, served to choose phrases and weights; the figures are of the other half. Texts of
the kinds ``indirect`` and ``benign-document`` are scored as documents, all others as a user's.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import sys
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import orjson

from engine.content.injection import score_injection

THRESHOLD = 0.8
DIRECT = frozenset({"direct", "jailbreak"})
IN_DOCUMENTS = frozenset({"indirect", "benign-document"})
PADDING = (
    "The quarterly figures were discussed at length, and the minutes are attached to this mail. "
    "Deliveries to the southern depots were late in the bad weather; a new carrier starts in May.\n"
)
EDGES = (0.0, 1e-9, 0.2, 0.4, 0.6, 0.8, 0.9, 0.99, 1.01)
MIXTURE = "1.5 attacks to a\nharmless text among what users say and 1.02 among documents"
BENIGN_SHARE = 0.99
"""How much of real traffic the reliability table takes to be benign."""


HEAD = f"""\
# The injection score on labelled texts

`python -m bench.eval_injection FOLDER`; held-out half, one threshold: {THRESHOLD}. Rows split by
the inserted text are those whose attack is in the held-out half (wherever the row itself is):
attacks of one file recur in both halves of its rows.

The texts of this half were not read while phrases and weights were chosen, but its totals were
watched, and one of them (benign texts scored as documents) moved the mixture of documents from 1.1
to 1.02: they flatter a little. Of the attacks split by text, some were read. The terms of the
model of wording were learnt from texts of this project's own (`bench/training/injection.py`); what
was chosen with the other half of these rows is which phrases there are and what they weigh, four
numbers of the model, and the mixture that its curves stand for.

A score above 0 is the probability of an attack on that mixture: made texts, one in ten of the
harmless of which is talk about attacks or looks like one, with {MIXTURE}.
It was chosen so that 0.8, the threshold that policies have, stays the one for alarms.
Where attacks are rarer, an alarm is right less often: the last column of the table says how often.
0 says that nothing was found.

What is bad: general tasks inside of documents (`bipia_train`) are seen only where they speak of an
answer or are worded as orders, questions never; attacks that only the system prompt would give
away (`cyberseceval_en`), orders to read files (`exfil`) and many sentences in rare languages
(`spikee`) are missed; minimal pairs of attack and talk (`defenseclaw_rules`) are where false alarms
are. Text without a full stop before other text is one sentence with it, and may say less there."""


@dataclass(frozen=True, slots=True)
class Row:
    """A labelled text, of file *file*; *attack* is what was put into it, if that is known."""

    file: str
    name: str
    text: str
    bad: bool
    kind: str
    attack: str

    @property
    def role(self) -> str:
        """Who says it."""
        return "document" if self.kind in IN_DOCUMENTS else "user"


def read(folder: Path) -> Iterator[Row]:
    """Yield the rows of all files in *folder*."""
    for path in sorted(folder.glob("*.jsonl.gz")):
        with gzip.open(path) as lines:
            for line in lines:
                raw = orjson.loads(line)
                yield Row(
                    path.name.removesuffix(".jsonl.gz"),
                    str(raw["id"]),
                    raw["text"],
                    raw["label"] == 1,
                    raw["kind"],
                    raw.get("attack") or "",
                )


def held(key: str) -> bool:
    """Return whether rows with *key* are reported on, and were not tuned on."""
    return hashlib.sha256(key.encode()).digest()[0] % 2 == 1


def alarms(scores: Sequence[float]) -> float:
    """Return the share of *scores* from the threshold on."""
    return sum(score >= THRESHOLD for score in scores) / max(1, len(scores))


def area(bad: Sequence[float], benign: Sequence[float]) -> float:
    """Return the area under the ROC curve: how often a bad text scores above a benign one."""
    ordered = sorted(benign)
    ranks = ((bisect_left(ordered, one) + bisect_right(ordered, one)) / 2 for one in bad)
    return sum(ranks) / max(1, len(bad) * len(benign))


def table(title: str, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Yield a Markdown table."""
    yield from ("", f"## {title}", "", "| " + " | ".join(heads) + " |", "|" + "---|" * len(heads))
    for row in rows:
        cells = (f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in row)
        yield "| " + " | ".join(cells) + " |"


def report(rows: Sequence[Row]) -> Iterator[str]:
    """Yield the lines of the report on *rows*, those to be reported on and the others."""
    mine = [row for row in rows if held(row.name)]
    scores = [score_injection(row.text, row.role).score for row in mine]
    groups: dict[tuple[str, str], list[float]] = defaultdict(list)
    for row, score in zip(mine, scores, strict=True):
        groups[row.file, row.kind].append(score)
    benign = _scores(mine, scores, lambda row: not row.bad)
    direct = _scores(mine, scores, lambda row: row.bad and row.kind in DIRECT)
    indirect = _scores(mine, scores, lambda row: row.bad and row.kind == "indirect")
    fresh = [
        score_injection(row.text, row.role).score
        for row in rows
        if row.bad and row.attack and row.kind == "indirect" and held(row.attack)
    ]
    yield HEAD
    yield from table(
        "Together",
        ("texts", "rows", "alarms", "area under ROC"),
        (
            ("direct and jailbreak", len(direct), alarms(direct), area(direct, benign)),
            ("indirect", len(indirect), alarms(indirect), area(indirect, benign)),
            (
                "indirect, split by the inserted text",
                len(fresh),
                alarms(fresh),
                area(fresh, benign),
            ),
            ("all benign", len(benign), alarms(benign), ""),
        ),
    )
    yield from table(
        "By file and kind",
        ("file", "kind", "rows", "alarms", "mean score"),
        ((*key, len(one), alarms(one), sum(one) / len(one)) for key, one in sorted(groups.items())),
    )
    yield from table(
        "What a score means",
        (
            "score", "benign", "bad", "mean score", "share bad if half are",
            f"where {BENIGN_SHARE:.0%} are benign",
        ),
        _reliability(benign, direct + indirect),
    )  # fmt: skip
    yield from _errors(benign, direct + indirect)
    yield from table(
        "With unrelated text around", ("kB around", "direct", "indirect", "benign"), _long(mine)
    )


def _scores(
    rows: Sequence[Row], scores: Sequence[float], wanted: Callable[[Row], bool]
) -> list[float]:
    return [score for row, score in zip(rows, scores, strict=True) if wanted(row)]


def error(benign: Sequence[float], bad: Sequence[float], least: float) -> float:
    """Return the expected calibration error of scores from *least* on; both kinds weigh alike."""
    total = wrong = 0.0
    for low, high in pairwise(EDGES):
        good, evil = _between(benign, max(low, least), high), _between(bad, max(low, least), high)
        here = len(good) / len(benign) + len(evil) / len(bad)
        if here:
            mean = (sum(good) / len(benign) + sum(evil) / len(bad)) / here
            wrong += here * abs(mean - len(evil) / len(bad) / here)
            total += here
    return wrong / total


def _errors(benign: Sequence[float], bad: Sequence[float]) -> Iterator[str]:
    yield ""
    yield (
        "Expected calibration error, of a mixture half of which is bad: "
        f"{error(benign, bad, 0.0):.3f}; of the texts in which something was found: "
        f"{error(benign, bad, 1e-9):.3f}."
    )


def _between(scores: Sequence[float], low: float, high: float) -> list[float]:
    return [score for score in scores if low <= score < high]


def _reliability(benign: Sequence[float], bad: Sequence[float]) -> Iterator[Sequence[object]]:
    for low, high in pairwise(EDGES):
        good, evil = _between(benign, low, high), _between(bad, low, high)
        mine = len(good) / max(1, len(benign)), len(evil) / max(1, len(bad))
        mean = (sum(good) / len(benign) + sum(evil) / len(bad)) / sum(mine) if sum(mine) else ""
        wild = BENIGN_SHARE * mine[0], (1 - BENIGN_SHARE) * mine[1]
        yield (
            "0" if high < 0.1 else f"{low:.2f} - {min(high, 1.0):.2f}", len(good), len(evil), mean,
            mine[1] / sum(mine) if sum(mine) else "",
            wild[1] / sum(wild) if sum(wild) else "",
        )  # fmt: skip


def _long(rows: Sequence[Row]) -> Iterator[Sequence[object]]:
    for size in (0, 4, 32):
        around = PADDING * (size * 1000 // 2 // len(PADDING))
        found: dict[str, list[float]] = defaultdict(list)
        for row in rows[:: 1 if size < 32 else 4]:
            score = score_injection(around + row.text + "\n" + around, row.role).score
            kind = "benign" if not row.bad else "direct" if row.kind in DIRECT else row.kind
            found[kind].append(score)
        yield size, *(alarms(found[kind]) for kind in ("direct", "indirect", "benign"))


def main() -> int:
    """Print the report; without labelled texts say so, and that is no failure."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    rows = list(read(folder))
    if not rows:
        sys.stderr.write(f"there are no labelled texts in {folder}: skipped\n")
        return 0
    sys.stdout.write("\n".join(report(rows)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
