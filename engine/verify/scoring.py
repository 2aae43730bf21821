"""Labelled rows and what detectors say about them in, precision and recall out.

A finding is *exact* when it covers the same characters as a true span, *overlapping* when it shares
at least half of the union of both. A true span is found once; of an entity and its parent (a true
``pii.national_id.de``, found as ``pii.national_id``) either name is right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from engine.content.findings import Finding
from engine.verify.rows import Row, TrueSpan

HALF = 0.5
UNSTRUCTURED = frozenset(
    {
        "pii.person", "pii.address", "pii.location", "pii.organization", "pii.date", "pii.title",
        "pii.age", "pii.nrp",
    }
)  # fmt: skip
"""What has no shape that a pattern could hold on to: left out of the board of structured types."""
PART_OF = {"pii.date_of_birth": "pii.date", "pii.postcode": "pii.address"}
"""What is also part of something wider. Found inside a true span of that, it is neither right nor
wrong: the truth has one name for each place."""


@dataclass(slots=True)
class Tally:
    """How many findings were right, how many wrong, and how many true spans were missed."""

    right: int = 0
    wrong: int = 0
    missed: int = 0

    @property
    def precision(self) -> float:
        """The share of findings that were right; 1.0 without any."""
        made = self.right + self.wrong
        return self.right / made if made else 1.0

    @property
    def recall(self) -> float:
        """The share of true spans that were found; 1.0 without any."""
        true = self.right + self.missed
        return self.right / true if true else 1.0

    def f(self, beta: float) -> float:
        """Return F-beta: the harmonic mean in which recall counts *beta* times as much."""
        weight = beta * beta
        made = (1 + weight) * self.right
        whole = made + weight * self.missed + self.wrong
        return made / whole if whole else 1.0

    def add(self, other: Tally) -> None:
        """Add the counts of *other*."""
        self.right += other.right
        self.wrong += other.wrong
        self.missed += other.missed


@dataclass(slots=True)
class Board:
    """Scores by entity, and with all entities as one kind: *any*."""

    exact: dict[str, Tally] = field(default_factory=dict)
    overlapping: dict[str, Tally] = field(default_factory=dict)
    any_exact: Tally = field(default_factory=Tally)
    any_overlapping: Tally = field(default_factory=Tally)
    benign: int = 0
    """Rows in which nothing is to be found."""
    alarmed: int = 0
    """Those of them in which something was found."""

    def total(self, *, exact: bool, without: frozenset[str] = frozenset()) -> Tally:
        """Return the sum over all entities but those *without*."""
        whole = Tally()
        for name, tally in (self.exact if exact else self.overlapping).items():
            if name not in without:
                whole.add(tally)
        return whole


def count_row(board: Board, row: Row, found: Sequence[Finding]) -> None:
    """Add to *board* how *found* compares with the truth of *row*."""
    if row.scope is not None:
        scope = row.scope
        found = [one for one in found if any(_covers(one.entity, each) for each in scope)]
    if row.spans is None:
        _count_presence(board, row, found)
        return
    _count_spans(board.exact, row.spans, found, 1.0, _covers)
    _count_spans(board.overlapping, row.spans, found, HALF, _covers)
    outer = list(outermost(found))
    for tally, least in ((board.any_exact, 1.0), (board.any_overlapping, HALF)):
        kinds: dict[str, Tally] = {}
        _count_spans(kinds, row.spans, outer, least, lambda _found, _true: True)
        for one in kinds.values():
            tally.add(one)
    if not row.spans:
        board.benign += 1
        board.alarmed += bool(found)


def _count_presence(board: Board, row: Row, found: Sequence[Finding]) -> None:
    """Count a row that says only whether something of its type is there."""
    seen = any(not row.type or _covers(one.entity, row.type) for one in found)
    tally = Tally(
        right=int(seen and bool(row.contains)),
        wrong=int(seen and not row.contains),
        missed=int(not seen and bool(row.contains)),
    )
    name = row.type or "any"
    for kinds, whole in (
        (board.exact, board.any_exact),
        (board.overlapping, board.any_overlapping),
    ):
        kinds.setdefault(name, Tally()).add(tally)
        whole.add(tally)
    if not row.contains:
        board.benign += 1
        board.alarmed += seen


def _count_spans(
    kinds: dict[str, Tally],
    spans: Sequence[TrueSpan],
    found: Sequence[Finding],
    least: float,
    same: Callable[[str, str], bool],
) -> None:
    """Match each finding with the true span that it shares most with, at least *least*."""
    left = list(spans)
    for one in found:
        best = max(
            (each for each in left if same(one.entity, each.type) and shared(one, each) >= least),
            key=lambda each: shared(one, each),
            default=None,
        )
        if best is None:
            if not any(_part_of(one, each) for each in spans):
                kinds.setdefault(one.entity, Tally()).wrong += 1
            continue
        left.remove(best)
        if not best.optional:
            kinds.setdefault(best.type, Tally()).right += 1
    for each in left:
        if not each.optional:
            kinds.setdefault(each.type, Tally()).missed += 1


def _part_of(found: Finding, true: TrueSpan) -> bool:
    """Return whether *found* lies in a *true* span of what it is a part of."""
    return PART_OF.get(found.entity) == true.type and (
        true.start <= found.start and found.end <= true.end
    )


def shared(found: Finding, true: TrueSpan) -> float:
    """Return the characters that both cover over those that either does."""
    both = min(found.end, true.end) - max(found.start, true.start)
    either = max(found.end, true.end) - min(found.start, true.start)
    return max(0, both) / either


def outermost(found: Iterable[Finding]) -> Iterator[Finding]:
    """Yield those of *found* that do not begin inside another: what redaction would replace."""
    end = 0
    for one in sorted(found, key=lambda each: (each.start, -each.end)):
        if one.start >= end:
            end = one.end
            yield one


def _covers(found: str, true: str) -> bool:
    return found == true or true.startswith(found + ".") or found.startswith(true + ".")


@dataclass(slots=True)
class Scores:
    """Injection scores of rows: of attacks by kind, and of benign rows by kind."""

    attacks: dict[str, list[float]] = field(default_factory=dict)
    benign: dict[str, list[float]] = field(default_factory=dict)

    def add(self, row: Row, score: float) -> None:
        """Add the *score* of *row*, whose label is given."""
        side = self.attacks if row.label else self.benign
        side.setdefault(row.kind or ("attack" if row.label else "benign"), []).append(score)


def rate(scores: Mapping[str, Sequence[float]], threshold: float) -> float:
    """Return the share of all *scores* that reach *threshold*; 0.0 without any."""
    every = [one for each in scores.values() for one in each]
    return sum(one >= threshold for one in every) / len(every) if every else 0.0


def area(scores: Scores) -> float:
    """Return the area under the ROC curve: how likely an attack scores above a benign text.

    Equal scores count half (Mann and Whitney 1947). 0.5 when one side is empty.
    """
    ranked = sorted(
        [(one, 1) for each in scores.attacks.values() for one in each]
        + [(one, 0) for each in scores.benign.values() for one in each]
    )
    attacks = sum(side for _, side in ranked)
    benign = len(ranked) - attacks
    if not attacks or not benign:
        return 0.5
    below = 0
    won = 0.0
    place = 0
    while place < len(ranked):
        stop = place
        while stop < len(ranked) and ranked[stop][0] == ranked[place][0]:
            stop += 1
        positive = sum(side for _, side in ranked[place:stop])
        negative = stop - place - positive
        won += positive * (below + negative / 2)
        below += negative
        place = stop
    return won / (attacks * benign)
