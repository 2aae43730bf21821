from __future__ import annotations

from pathlib import Path

import pytest

from engine.content.entities import ENTITIES, STRUCTURED
from engine.content.findings import Finding, Injection
from engine.verify.detecting import Evaluation, evaluate, wanted_entities
from engine.verify.rows import LONGEST_LINE, Row, RowError, TrueSpan, read_rows
from engine.verify.scoring import (
    UNSTRUCTURED,
    Board,
    Scores,
    Tally,
    area,
    count_row,
    outermost,
    rate,
)


def row(*spans: tuple[int, int, str], scope: tuple[str, ...] | None = None) -> Row:
    return Row("x" * 100, spans=tuple(TrueSpan(*one) for one in spans), scope=scope)


def found(entity: str, start: int, end: int, score: float = 1.0) -> Finding:
    return Finding(entity, start, end, score)


def board(one: Row, *findings: Finding) -> Board:
    made = Board()
    count_row(made, one, findings)
    return made


def counts(tally: Tally) -> tuple[int, int, int]:
    return tally.right, tally.wrong, tally.missed


def test_precision_recall_and_f() -> None:
    tally = Tally(right=6, wrong=2, missed=6)
    assert (tally.precision, tally.recall) == (0.75, 0.5)
    assert tally.f(1) == pytest.approx(0.6)
    assert tally.f(2) == pytest.approx(5 * 0.75 * 0.5 / (4 * 0.75 + 0.5))
    assert (Tally().precision, Tally().recall, Tally().f(2)) == (1.0, 1.0, 1.0)


def test_the_same_characters_are_exact_and_half_of_them_overlap() -> None:
    made = board(row((10, 20, "pii.email")), found("pii.email", 10, 16))
    assert counts(made.exact["pii.email"]) == (0, 1, 1)
    assert counts(made.overlapping["pii.email"]) == (1, 0, 0)
    less = board(row((10, 20, "pii.email")), found("pii.email", 10, 14))
    assert counts(less.overlapping["pii.email"]) == (0, 1, 1)


def test_a_true_span_is_found_once() -> None:
    twice = (found("pii.email", 10, 20), found("pii.email", 10, 19))
    assert counts(board(row((10, 20, "pii.email")), *twice).overlapping["pii.email"]) == (1, 1, 0)


def test_of_another_type_is_wrong_but_right_by_any_name() -> None:
    made = board(row((10, 20, "secret.github")), found("secret.generic", 10, 20))
    assert counts(made.exact["secret.generic"]) == (0, 1, 0)
    assert counts(made.exact["secret.github"]) == (0, 0, 1)
    assert counts(made.any_exact) == (1, 0, 0)


def test_a_parent_counts_for_its_children() -> None:
    made = board(row((0, 5, "pii.national_id.de")), found("pii.national_id", 0, 5))
    assert counts(made.exact["pii.national_id.de"]) == (1, 0, 0)


def test_a_part_of_something_wider_is_neither_right_nor_wrong() -> None:
    truth = row((10, 40, "pii.address"), (50, 60, "pii.date"), (70, 75, "pii.postcode"))
    inside = board(truth, found("pii.postcode", 35, 40), found("pii.date_of_birth", 50, 60))
    assert "pii.date_of_birth" not in inside.overlapping
    assert counts(inside.overlapping["pii.postcode"]) == (0, 0, 1)
    assert counts(inside.overlapping["pii.date"]) == (0, 0, 1)
    elsewhere = board(truth, found("pii.postcode", 39, 44), found("pii.date_of_birth", 10, 20))
    assert counts(elsewhere.overlapping["pii.postcode"]) == (0, 1, 1)
    assert counts(elsewhere.overlapping["pii.date_of_birth"]) == (0, 1, 0)
    assert counts(board(truth, found("pii.postcode", 70, 75)).exact["pii.postcode"]) == (1, 0, 0)


def test_optional_spans_are_neither_right_nor_wrong() -> None:
    optional = Row("x" * 9, spans=(TrueSpan(0, 5, "pii.email", optional=True),))
    assert counts(board(optional, found("pii.email", 0, 5)).total(exact=True)) == (0, 0, 0)
    assert counts(board(optional).total(exact=True)) == (0, 0, 0)


def test_outside_its_scope_a_row_says_nothing() -> None:
    made = board(row(scope=("pii.phone",)), found("pii.email", 0, 5))
    assert counts(made.total(exact=True)) == (0, 0, 0)


def test_rows_that_only_say_whether() -> None:
    yes = Row("x" * 9, contains=True, type="pii.phone")
    no = Row("x" * 9, contains=False)
    assert counts(board(yes, found("pii.phone", 0, 5)).overlapping["pii.phone"]) == (1, 0, 0)
    assert counts(board(yes, found("pii.email", 0, 5)).exact["pii.phone"]) == (0, 0, 1)
    made = board(no, found("pii.email", 0, 5))
    assert (counts(made.any_exact), made.benign, made.alarmed) == ((0, 1, 0), 1, 1)


def test_boards_add_up_with_and_without_what_has_no_shape() -> None:
    made = board(row((0, 5, "pii.person"), (10, 20, "pii.email")), found("pii.email", 10, 20))
    assert counts(made.total(exact=False)) == (1, 0, 1)
    assert counts(made.total(exact=False, without=UNSTRUCTURED)) == (1, 0, 0)
    assert ENTITIES.keys() - STRUCTURED == UNSTRUCTURED


def test_findings_inside_others_are_one() -> None:
    inner = found("a.b", 3, 5), found("a.c", 0, 9), found("a.d", 9, 12)
    assert [one.entity for one in outermost(inner)] == ["a.c", "a.d"]


def test_the_area_under_the_curve_counts_ties_half() -> None:
    scores = Scores()
    for value, label in ((0.9, 1), (0.4, 1), (0.4, 0), (0.1, 0)):
        scores.add(Row("x", label=label), value)
    assert area(scores) == pytest.approx((1 + 1 + 0.5 + 1) / 4)
    assert rate(scores.attacks, 0.5) == 0.5
    assert (area(Scores()), rate({}, 0.5)) == (0.5, 0.0)


def test_the_namespaces_that_rows_speak_of_are_asked_for() -> None:
    known = frozenset({"pii.email", "pii.phone", "secret.github", "phi.mrn"})
    rows = [row((0, 1, "pii.email")), Row("x", contains=True, type="phi.mrn"), row(scope=("zz.a",))]
    assert wanted_entities(rows, known) == {"pii.email", "pii.phone", "phi.mrn"}


def test_least_scores_make_boards_of_their_own() -> None:
    made = Evaluation()
    rows = [row((0, 5, "pii.email")), Row("x", label=1, kind="indirect"), Row("x", label=0)]
    evaluate(
        rows,
        frozenset({"pii.email"}),
        lambda _text, _entities: [found("pii.email", 0, 5, 0.75)],
        lambda _text, role: Injection(0.9 if role == "document" else 0.2, ()),
        made,
    )
    assert (made.rows, made.has_spans, made.has_scores) == (3, True, True)
    assert [made.boards[one].total(exact=True).right for one in (0.7, 0.8)] == [1, 0]
    assert (made.scores.attacks, made.scores.benign) == ({"indirect": [0.9]}, {"benign": [0.2]})


def test_a_line_without_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b" " * LONGEST_LINE + b"{}")
    with pytest.raises(RowError, match="longer than"):
        list(read_rows(path))
