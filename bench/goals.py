"""What every bench hands over: its figures as tables, and its goals with what was reached.

As JSON ``{"engine": "compiled" | "interpreted", "figures": {title: [row, ...]}, "goals": {name:
{"value", "bound", "better", "met"}}}``: a row is a flat object, all rows of a table have the same
keys. `bench.report` reads it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from engine.sources import is_compiled

Cell = str | int | float | None
Row = Mapping[str, Cell]


@dataclass(frozen=True, slots=True)
class Goal:
    """What was to be reached: *value* at most (or at least) *bound*."""

    name: str
    value: float
    bound: float
    better: Literal["lower", "higher"] = "lower"

    @property
    def met(self) -> bool:
        """Whether it was reached."""
        return self.value <= self.bound if self.better == "lower" else self.value >= self.bound


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of one bench; *absent* names the peers that are not installed."""

    figures: Mapping[str, Sequence[Row]]
    goals: Sequence[Goal]
    absent: Sequence[str] = field(default=())


def how_it_runs() -> str:
    """Return whether the engine runs compiled."""
    return "compiled" if is_compiled() else "interpreted"


def to_json(result: Result) -> str:
    """Return *result* in the shape that the module describes."""
    goals = {
        goal.name: {
            "value": goal.value,
            "bound": goal.bound,
            "better": goal.better,
            "met": goal.met,
        }
        for goal in result.goals
    }
    told = {"figures": result.figures, "goals": goals, "absent": result.absent}
    return json.dumps({"engine": how_it_runs(), **told})


def from_json(text: str) -> Result:
    """Return the result that `to_json` wrote."""
    raw = json.loads(text)
    goals = [
        Goal(name, one["value"], one["bound"], one["better"]) for name, one in raw["goals"].items()
    ]
    return Result(raw["figures"], goals, raw["absent"])


def show_number(value: Cell) -> str:
    """Return *value* as the tables show it: three digits, thousands apart."""
    match value:
        case float() if abs(value) >= 100:
            return f"{value:,.0f}"
        case float() if abs(value) >= 10:
            return f"{value:.1f}"
        case float() if abs(value) >= 1:
            return f"{value:.2f}"
        case float():
            return f"{value:.3g}"
        case int():
            return f"{value:,}"
        case None:
            return "-"
        case str():
            return value


def table_lines(rows: Sequence[Row]) -> Iterator[str]:
    """Yield *rows* as a table for people, its columns as wide as needed."""
    if not rows:
        return
    cells = [list(rows[0]), *([show_number(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for line in cells:
        first, *others = (cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        yield "  ".join([first.strip().ljust(widths[0]), *others])


def goal_lines(goals: Sequence[Goal]) -> Iterator[str]:
    """Yield a line a goal: what was reached, its bound, and whether that is enough."""
    width = max((len(goal.name) for goal in goals), default=0)
    for goal in goals:
        word = "at most" if goal.better == "lower" else "at least"
        mark = "met   " if goal.met else "MISSED"
        bound = f"{word} {show_number(goal.bound)}"
        yield f"{mark} {goal.name:<{width}} {show_number(goal.value):>9}   ({bound})"


def show(result: Result, *, as_json: bool) -> None:
    """Print *result*, for people or for `bench.report`."""
    if as_json:
        print(to_json(result))
        return
    print(f"The engine runs {how_it_runs()}.\n")
    for title, rows in result.figures.items():
        print(f"{title}\n")
        print("\n".join(table_lines(rows)), end="\n\n")
    print("\n".join(goal_lines(result.goals)))
    for name in result.absent:
        print(f"not measured: {name}")
