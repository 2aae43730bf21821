"""The figures of the load benches in, small PNG pictures for the report out.

matplotlib draws them; where it is not installed there are none, and the report says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bench.goals import Result, Row

FOLDER = Path(__file__).with_name("plots")
CLOSED, OPENED = "Closed loop, 100 rules, one server core", "Open loop, 100 rules, one server core"
BY_RULES = "Rules, unary"
COLOURS = {
    "lean": "#0b5fa5",
    "lean, audit written": "#4f9bd9",
    "lean, audit synced": "#9cc9ee",
    "grpcio": "#d9720f",
    "grpcio, audit written": "#f0a860",
    "Cerbos, gRPC": "#6a3d9a",
    "Cerbos, REST": "#a98bc9",
    "OPA, REST": "#2e8b57",
    "empty grpc-go": "#888888",
}
OTHER = "#444444"
SIZE = (7.2, 4.0)
DOTS = 100
WHOLE = "{x:,.0f}"
Figures = Mapping[str, Sequence[Row]]


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture: its file, what it shows, and who draws it."""

    file: str
    shows: str
    table: str
    """It is drawn when there is this table."""
    draw: Callable[[Any, Sequence[Row]], None]


def draw_all(result: Result, folder: Path = FOLDER) -> Iterator[tuple[Path, str]]:
    """Yield the file of each picture that could be drawn, and what it shows."""
    if find_spec("matplotlib") is None:
        return
    for one in PICTURES:
        rows = result.figures.get(one.table)
        if not rows:
            continue
        figure, axes = canvas()
        one.draw(axes, rows)
        figure.tight_layout()
        folder.mkdir(parents=True, exist_ok=True)
        # Without the version of the library in it, the same figures give the same file.
        figure.savefig(folder / one.file, dpi=DOTS, metadata={"Software": None})
        yield folder / one.file, one.shows


def canvas() -> tuple[Any, Any]:
    """Return a figure and its axes, without a screen."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - an extra that need not be there

    figure = Figure(figsize=SIZE)
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)
    return figure, axes


def number(row: Row, column: str) -> float:
    """Return a number of a table."""
    value = row[column]
    assert isinstance(value, int | float)
    return float(value)


def by_server(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Return the rows of each server, in the order of the colours."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(str(row["server"]), []).append(row)
    order = list(COLOURS)
    return dict(
        sorted(found.items(), key=lambda each: order.index(each[0]) if each[0] in order else 99)
    )


def throughput(axes: Any, rows: Sequence[Row]) -> None:
    """Draw the most decisions a second of each server."""
    best = {
        name: max(number(row, "decisions/s") for row in some)
        for name, some in by_server(rows).items()
    }
    names = list(reversed(best))
    colours = [COLOURS.get(name, OTHER) for name in names]
    bars = axes.barh(names, [best[name] for name in names], color=colours, height=0.7)
    axes.bar_label(bars, labels=[f" {best[name]:,.0f}" for name in names], fontsize=8)
    axes.set_xlabel("decisions a second, one server core, the best closed loop")
    axes.margins(x=0.12)
    axes.xaxis.set_major_formatter(WHOLE)
    axes.grid(visible=False, axis="y")
    axes.tick_params(labelsize=8)


def latency(axes: Any, rows: Sequence[Row]) -> None:
    """Draw p50 and p99 over the load."""
    for name, some in by_server(rows).items():
        line = sorted(some, key=lambda row: number(row, "asked/s"))
        loads = [number(row, "asked/s") for row in line]
        colour = COLOURS.get(name, OTHER)
        p99 = [number(row, "p99 us") for row in line]
        axes.plot(loads, p99, color=colour, marker="o", markersize=3, linewidth=1.6, label=name)
        p50 = [number(row, "p50 us") for row in line]
        axes.plot(loads, p50, color=colour, linestyle=":", linewidth=1.3)
    axes.axhline(1000, color="#bbbbbb", linewidth=0.8, zorder=0)
    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(WHOLE)
        axis.set_minor_formatter("")
    axes.set_xlabel("decisions asked a second (open loop)")
    axes.set_ylabel("latency in us: p99, and p50 dotted")
    axes.legend(fontsize=7, frameon=False)
    axes.tick_params(labelsize=8)


def rules(axes: Any, rows: Sequence[Row]) -> None:
    """Draw the CPU time of a decision by the number of rules."""
    lines: dict[str, list[tuple[int, float]]] = {}
    for row in rows:
        count = int(str(row["rules"]).partition(" ")[0].replace(",", ""))
        lines.setdefault(str(row["asked"]), []).append((count, number(row, "server CPU us")))
    for (asked, points), colour in zip(lines.items(), ("#4f9bd9", "#0b5fa5"), strict=False):
        axes.plot(*zip(*sorted(points), strict=True), color=colour, marker="o", label=asked)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(WHOLE)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("rules")
    axes.set_ylabel("server CPU us a decision")
    axes.legend(fontsize=8, frameon=False)
    axes.tick_params(labelsize=8)


PICTURES = (
    Picture("throughput.png", "Decisions a second of one server core", CLOSED, throughput),
    Picture("latency.png", "Latency as the load grows", OPENED, latency),
    Picture("rules.png", "CPU time of a decision as the rules grow", BY_RULES, rules),
)
