"""Detectors run over labelled rows: boards of entities, injection scores, and both by threshold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from engine.content.entities import expand
from engine.content.findings import Finding, Injection
from engine.verify.rows import Row
from engine.verify.scoring import Board, Scores, count_row

THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
"""Least scores of findings for which a board is made; what scores below 0.5 is not reported."""

DOCUMENTS = frozenset({"indirect", "benign-document"})
"""Kinds of rows that came from a document or a tool, not from a user."""

Scan = Callable[[str, frozenset[str]], Sequence[Finding]]
Score = Callable[[str, str], Injection]


@dataclass(slots=True)
class Evaluation:
    """What came out: a board for each threshold, and the injection scores."""

    rows: int = 0
    boards: dict[float, Board] = field(default_factory=lambda: {one: Board() for one in THRESHOLDS})
    scores: Scores = field(default_factory=Scores)

    @property
    def has_spans(self) -> bool:
        """Whether any row said what is to be found in it."""
        board = self.boards[THRESHOLDS[0]]
        return bool(board.overlapping) or board.benign > 0

    @property
    def has_scores(self) -> bool:
        """Whether any row said whether it is an attack."""
        return bool(self.scores.attacks or self.scores.benign)


def wanted_entities(rows: Iterable[Row], known: frozenset[str]) -> frozenset[str]:
    """Return those of the *known* entities whose namespaces *rows* speak of."""
    spaces = set()
    for row in rows:
        names = [one.type for one in row.spans or ()]
        names += [row.type] if row.type else []
        names += row.scope or ()
        spaces |= {name.partition(".")[0] for name in names}
    return frozenset().union(*(expand(f"{space}.any", known) for space in spaces))


def evaluate(
    rows: Iterable[Row], entities: frozenset[str], scan: Scan, score: Score, made: Evaluation
) -> None:
    """Add to *made* what *scan* finds of *entities* in *rows*, and how *score* judges them."""
    for row in rows:
        made.rows += 1
        if row.spans is not None or row.contains is not None:
            found = scan(row.text, entities)
            for least, board in made.boards.items():
                count_row(board, row, [one for one in found if one.score >= least])
        if row.label is not None:
            role = "document" if row.kind in DOCUMENTS else "user"
            made.scores.add(row, score(row.text, role).score)
