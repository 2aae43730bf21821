"""Detectors and how well they do in, text for people and JSON for machines out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from engine.content.detectors import THRESHOLD, Entity, Pattern
from engine.language.render import inert
from engine.verify.detecting import THRESHOLDS, Evaluation
from engine.verify.scoring import UNSTRUCTURED, Board, Tally, area, rate

CURVE = tuple(step / 20 for step in range(1, 21))
BAR = 30


def entity_json(entity: Entity) -> dict[str, object]:
    """Return *entity* in JSON-ready values."""
    return {
        "name": entity.name,
        "doc": entity.doc,
        "near": list(entity.near),
        "patterns": [
            {
                "regex": one.regex,
                "score": one.score,
                "keywords": list(one.keywords),
                "checked": one.check is not None or one.fit is not None,
            }
            for one in entity.patterns
        ],
        "finder": entity.finder or None,
    }


def describe_entity(entity: Entity) -> str:
    """Return *entity* for people."""
    lines = [entity.name, f"  {entity.doc}"]
    if entity.near:
        lines.append(f"  context words   {', '.join(entity.near)}")
    for one in entity.patterns:
        lines += [f"  pattern         {inert(one.regex)}", f"    score         {_scored(one)}"]
        if one.keywords:
            lines.append(f"    only with     {', '.join(map(inert, one.keywords))}")
        if one.check is not None or one.fit is not None:
            lines.append("    and           the match must pass a check of its own")
    if entity.finder:
        lines.append(f"  found by        {entity.finder}, a small model that reads the sentence")
        lines.append(f"    score         how sure it is; reported from {THRESHOLD:g} on")
    return "\n".join(lines)


def _scored(pattern: Pattern) -> str:
    if pattern.score < THRESHOLD:
        return f"{pattern.score:g}: reported only with a context word within 60 characters"
    return f"{pattern.score:g}"


def describe_evaluation(made: Evaluation, threshold: float, *, curves: bool) -> Iterator[str]:
    """Yield the lines for people: boards of entities, then the injection score."""
    yield "1 row" if made.rows == 1 else f"{made.rows:,} rows"
    if made.has_spans:
        yield from _boards(made.boards[THRESHOLDS[0]])
        if curves:
            yield from _curve_of_entities(made)
    if made.has_scores:
        yield from _injection(made, threshold)
        if curves:
            yield from _curve_of_scores(made)


def _boards(board: Board) -> Iterator[str]:
    names = sorted(board.overlapping.keys() | board.exact.keys())
    width = max(12, *map(len, names)) if names else 12
    head = "precision recall    F1    F2"
    yield ""
    yield f"{'':<{width}}  {'exact':<28}   {'overlapping by half':<28}"
    yield f"{'entity':<{width}}  {head}   {head}   right wrong missed"
    for name in names:
        exact, loose = board.exact.get(name, Tally()), board.overlapping.get(name, Tally())
        yield f"{inert(name):<{width}}  {_figures(exact)}   {_figures(loose)}   {_counts(loose)}"
    yield ""
    for title, without in (("structured", UNSTRUCTURED), ("all", frozenset[str]())):
        exact = board.total(exact=True, without=without)
        loose = board.total(exact=False, without=without)
        yield f"{title:<{width}}  {_figures(exact)}   {_figures(loose)}   {_counts(loose)}"
    exact, loose = board.any_exact, board.any_overlapping
    yield f"{'by any name':<{width}}  {_figures(exact)}   {_figures(loose)}   {_counts(loose)}"
    if board.benign:
        yield ""
        share = 1000 * board.alarmed / board.benign
        yield f"false alarms  {share:.1f} per 1,000 rows, {board.alarmed} of {board.benign:,} rows"


def _figures(one: Tally) -> str:
    return f"{one.precision:>9.3f} {one.recall:>6.3f} {one.f(1):>5.3f} {one.f(2):>5.3f}"


def _counts(one: Tally) -> str:
    return f"{one.right:>5} {one.wrong:>5} {one.missed:>6}"


def _curve_of_entities(made: Evaluation) -> Iterator[str]:
    yield ""
    yield "least score  precision recall    F1    F2"
    for least, board in sorted(made.boards.items()):
        yield f"{least:>11.2f}  {_figures(board.total(exact=False))}"


def _injection(made: Evaluation, threshold: float) -> Iterator[str]:
    scores = made.scores
    yield ""
    yield f"injection score, counted from {threshold:g} on"
    for word, side in (("found", scores.attacks), ("false alarms", scores.benign)):
        for kind, each in sorted(side.items()):
            hits = sum(one >= threshold for one in each)
            share = rate({kind: each}, threshold)
            yield f"  {word:<12}  {share:>6.1%}  {inert(kind)}, {hits} of {len(each):,} rows"
    yield f"  area under ROC  {area(scores):.3f}"


def _curve_of_scores(made: Evaluation) -> Iterator[str]:
    yield ""
    yield "threshold   found  alarms"
    for threshold in CURVE:
        found = rate(made.scores.attacks, threshold)
        alarms = rate(made.scores.benign, threshold)
        bar = "#" * round(BAR * found)
        yield f"{threshold:>9.2f}  {found:>6.1%}  {alarms:>6.1%}  {bar}".rstrip()


def evaluation_json(made: Evaluation, threshold: float) -> dict[str, object]:
    """Return all figures in JSON-ready values."""
    board = made.boards[THRESHOLDS[0]]
    scores = made.scores
    return {
        "rows": made.rows,
        "entities": {
            name: {
                "exact": _json(board.exact.get(name, Tally())),
                "overlapping": _json(board.overlapping.get(name, Tally())),
            }
            for name in sorted(board.overlapping.keys() | board.exact.keys())
        },
        "structured": _both(board, UNSTRUCTURED),
        "all": _both(board, frozenset()),
        "any": {"exact": _json(board.any_exact), "overlapping": _json(board.any_overlapping)},
        "false_alarms": {"rows": board.benign, "alarmed": board.alarmed},
        "by_least_score": {
            f"{least:g}": _json(one.total(exact=False)) for least, one in made.boards.items()
        },
        "injection": {
            "threshold": threshold,
            "found": _rates(scores.attacks.items(), threshold),
            "false_alarms": _rates(scores.benign.items(), threshold),
            "area_under_roc": area(scores),
            "curve": [[one, rate(scores.attacks, one), rate(scores.benign, one)] for one in CURVE],
        }
        if made.has_scores
        else None,
    }


def _both(board: Board, without: frozenset[str]) -> dict[str, object]:
    return {
        "exact": _json(board.total(exact=True, without=without)),
        "overlapping": _json(board.total(exact=False, without=without)),
    }


def _rates(kinds: Iterable[tuple[str, list[float]]], threshold: float) -> dict[str, object]:
    return {
        kind: {"rows": len(each), "share": rate({kind: each}, threshold)} for kind, each in kinds
    }


def _json(one: Tally) -> dict[str, object]:
    return {
        "precision": one.precision,
        "recall": one.recall,
        "f1": one.f(1),
        "f2": one.f(2),
        "right": one.right,
        "wrong": one.wrong,
        "missed": one.missed,
    }
