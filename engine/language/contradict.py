"""Conditions that cannot hold, or cannot but hold: typed conditions in, warnings out.

What an ``and`` says about one attribute is intersected; when nothing is left, the part that left
nothing is pointed at. What an ``or`` says about one enumeration is united; when every word is in,
it always holds. Only what is certain is said.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator

from engine.language import catalog_warnings, typed
from engine.language.diagnostics import Report
from engine.language.region import Region, covers_all, intersect, surely, test_of
from engine.language.text import Span


def warn_about(condition: typed.Expr, report: Report) -> None:
    """Add a warning for every part of *condition* that is surely always true or always false."""
    waiting = [condition]
    while waiting:
        node = waiting.pop()
        if judge(node, condition.span, report):
            waiting.extend(parts_of(node))


def judge(  # noqa: C901 - a case for every kind of certainty
    node: typed.Expr, whole: Span, report: Report
) -> bool:
    """Warn about *node* itself; return whether to look into its parts too."""
    match node:
        case typed.Constant(bool() as value, _, span):
            if inside(span, whole) and span.end - span.start == len(str(value)):
                report.add(catalog_warnings.always(value, span))
            return False
        case typed.And(parts):
            conflict = find_conflict(conjuncts(parts))
            if conflict is not None:
                report.add(catalog_warnings.contradiction(*conflict))
            return conflict is None
        case typed.Or(parts):
            tests = [test_of(one) for one in parts]
            first = tests[0]
            if first is not None and all(one is not None and one[0] == first[0] for one in tests):
                regions = [one[2] for one in tests if one is not None]
                if covers_all(regions, first[1]):
                    report.add(catalog_warnings.always(value=True, at=node.span))
                    return False
            return True
        case typed.Compare(_, typed.Constant() as left, typed.Constant() as right):
            if inside(left.span, whole) and inside(right.span, whole):
                report.add(catalog_warnings.constant_comparison(node.span))
            return False
        case _:
            sure = surely(node)
            if sure is not None:
                report.add(catalog_warnings.always(sure, node.span))
                return False
            found = test_of(node)
            if found is None:
                return True
            if found[2].allowed is not None and found[2].empty:
                report.add(catalog_warnings.always(value=False, at=node.span))
                return False
            if covers_all([found[2]], found[1]):
                report.add(catalog_warnings.always(value=True, at=node.span))
                return False
            return True


def inside(span: Span, whole: Span) -> bool:
    """Return whether *span* lies in *whole*; a let's value does not, and may be a switch."""
    return span.path == whole.path and whole.start <= span.start and span.end <= whole.end


def conjuncts(parts: Iterable[typed.Expr]) -> Iterator[typed.Expr]:
    """Yield the parts of an ``and``, those of an inner ``and`` one by one."""
    for part in parts:
        if isinstance(part, typed.And):
            yield from conjuncts(part.parts)
        elif isinstance(part, typed.Not) and isinstance(part.inner, typed.Or):
            yield from conjuncts(typed.Not(one, part.type, one.span) for one in part.inner.parts)
        else:
            yield part


def find_conflict(parts: Iterable[typed.Expr]) -> tuple[Span, Span] | None:
    """Return the first part that leaves no value to what it tests, and what it contradicts."""
    left: dict[Hashable, tuple[Region, Span]] = {}
    for part in parts:
        found = test_of(part)
        if found is None:
            continue
        key, _, region = found
        before = left.get(key)
        if before is None:
            left[key] = region, part.span
            continue
        both = intersect(before[0], region)
        if both.empty and not before[0].empty and not region.empty:
            return part.span, before[1]
        left[key] = both, part.span
    return None


def warn_about_rule(
    applies: typed.Expr | None,
    when: typed.Expr | None,
    unless: typed.Expr | None,
    report: Report,
) -> None:
    """Add warnings about the conditions of a rule, alone and together with its policy's."""
    said = len(report.found)
    for one in (when, unless):
        if one is not None:
            warn_about(one, report)
    if len(report.found) > said:
        return
    positive = [one for one in (applies, when) if one is not None]
    together = len(positive) > 1  # alone, it was looked at above
    conflict = find_conflict(conjuncts(positive)) if together else None
    if conflict is not None:
        report.add(catalog_warnings.contradiction(*conflict))
    elif unless is not None:
        never = typed.Not(unless, unless.type, unless.span)
        conflict = find_conflict(conjuncts([*positive, never]))
        if conflict is not None:
            report.add(catalog_warnings.always_excepted(*conflict))


def left_of(path: str, conditions: Iterable[typed.Expr]) -> Region:
    """Return what the *conditions* together surely leave of the attribute at *path*."""
    left = Region()
    for part in conjuncts(conditions):
        found = test_of(part)
        if found is not None and found[0] == path:
            left = intersect(left, found[2])
    return left


def parts_of(node: typed.Expr) -> tuple[typed.Expr, ...]:
    """Return the conditions directly inside *node*."""
    match node:
        case typed.And(parts) | typed.Or(parts):
            return parts
        case typed.Not(inner):
            return (inner,)
        case typed.Quantifier(body=body):
            return (body,)
        case _:
            return ()
