"""An evaluation in, a picture of its threshold curves out. Needs the extra ``charts``."""

from __future__ import annotations

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from engine.verify.detecting import Evaluation
from engine.verify.scoring import area, rate

STEPS = tuple(step / 50 for step in range(51))


def draw_curves(made: Evaluation, file: Path) -> None:
    """Draw precision and recall of entities, and recall and false alarms of the injection score.

    The picture has one panel for each that was measured. Raises OSError when *file* cannot be
    written, ValueError for a name whose ending is no format of pictures.
    """
    panels = [made.has_spans, made.has_scores]
    figure = Figure(figsize=(6.0 * sum(panels) or 6.0, 4.5), layout="constrained")
    axes = iter(figure.subplots(1, max(1, sum(panels)), squeeze=False)[0])
    if made.has_spans:
        _entities(next(axes), made)
    if made.has_scores:
        _injection(next(axes), made)
    figure.savefig(file, dpi=120)


def _entities(axes: Axes, made: Evaluation) -> None:
    least = sorted(made.boards)
    totals = [made.boards[one].total(exact=False) for one in least]
    axes.plot(least, [one.precision for one in totals], marker="o", label="precision")
    axes.plot(least, [one.recall for one in totals], marker="s", label="recall")
    axes.plot(least, [one.f(2) for one in totals], marker="^", label="F2")
    axes.set(title="Entities", xlabel="least score of a finding", ylim=(0, 1.02))
    axes.grid(alpha=0.3)
    axes.legend(loc="lower left")


def _injection(axes: Axes, made: Evaluation) -> None:
    scores = made.scores
    for kind, each in sorted(scores.attacks.items()):
        axes.plot(STEPS, [rate({kind: each}, one) for one in STEPS], label=f"found: {kind}")
    if scores.benign:
        alarms = [rate(scores.benign, one) for one in STEPS]
        axes.plot(STEPS, alarms, color="black", linestyle="--", label="false alarms")
    title = f"Injection score, area under ROC {area(scores):.3f}"
    axes.set(title=title, xlabel="threshold", ylim=(0, 1.02))
    axes.grid(alpha=0.3)
    axes.legend(loc="upper right")
