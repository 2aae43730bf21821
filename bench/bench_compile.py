"""How long does it take to check and compile policies, cold and after a change?

    python bench/bench_compile.py [--rules 1000 10000] [--rounds 3] [--json]

*cold*: all files, nothing cached. *one file changed*: one file of the folder was edited and the
rest comes from the cache; *nothing changed*: all of it does. Then the time to load the compiled
units and to link them into a matcher, and to decode the checked tree where somebody asks for it.
*whole folder* is all that a reload waits for before it links: reading the files, compiling, and
writing the bundle, with a cache in a real folder. Figures are medians; ratios are between figures
of the same run, and what was compiled with the cache is compared with what was compiled without.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.goals import Goal, Result, Row, show
from bench.workloads import make_workload, pol_files
from engine.language.compile import Compiled, compile_sources
from engine.language.environment import Known
from engine.language.text import Source
from engine.runtime.index import link
from engine.runtime.judge import Judge
from engine.service.cache import open_cache
from engine.service.compiled import compile_folder
from engine.service.stored import Bundle

KNOWN = Known({}, frozenset())
GOALS = (
    # what, the figure of how many rules, its bound in seconds or as a share of cold
    ("cold, 1,000 rules, seconds", 1000, "cold", None, 3.0),
    ("cold, 10,000 rules, seconds", 10_000, "cold", None, 30.0),
    ("one file of 1,000 changed, share of cold", 10_000, "one file changed", "cold", 0.05),
    ("one file of 100 changed, share of cold", 1000, "one file changed", "cold", 0.05),
    (
        "one file of 1,000 changed, whole folder, share of cold",
        10_000,
        "whole folder, one file changed",
        "whole folder, cold",
        0.05,
    ),
)


class Memory:
    """A cache in memory: what a file system adds is not the compiler's."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def get(self, name: str) -> bytes | None:
        """Return what was put under *name*."""
        return self.kept.get(name)

    def put(self, name: str, data: bytes) -> None:
        """Keep *data*."""
        self.kept[name] = data


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return 0; 1 when the cache changes what is compiled."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--rules", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    figures: dict[int, dict[str, float]] = {}
    for rules in options.rules:
        sources = [Source(path, text) for path, text in pol_files(make_workload(rules)).items()]
        changed = edited(sources)
        if not same(sources, changed):
            print(f"the cache changes what {rules} rules compile to", file=sys.stderr)
            return 1
        figures[rules] = measure(sources, changed, options.rounds)
    show(judge(figures), as_json=options.json)
    return 0


def edited(sources: Sequence[Source]) -> list[Source]:
    """Return *sources* with one reason in the last file changed."""
    last = sources[-1]
    return [*sources[:-1], Source(last.path, last.text.replace("of t", "of the tenant t"))]


def same(sources: Sequence[Source], changed: Sequence[Source]) -> bool:
    """Return whether compiling with a cache gives what compiling without does."""
    cache = Memory()
    compile_sources(sources, KNOWN, cache)
    warm = compile_sources(changed, KNOWN, cache)
    plain = compile_sources(changed, KNOWN)
    assert not plain.failed, plain.diagnostics
    return warm.units == plain.units and warm.program == plain.program


def measure(sources: Sequence[Source], changed: Sequence[Source], rounds: int) -> dict[str, float]:
    """Return the median times in seconds."""
    laps = [lap(sources, changed) | whole_lap(sources, changed) for _ in range(rounds)]
    return {what: median(one[what] for one in laps) for what in laps[0]}


def lap(sources: Sequence[Source], changed: Sequence[Source]) -> dict[str, float]:
    """Return the times of one round in seconds."""
    times: dict[str, float] = {}

    def timed(what: str, some: Sequence[Source], cache: Memory | None) -> Compiled:
        start = perf_counter()
        made = compile_sources(some, KNOWN, cache)
        times[what] = perf_counter() - start
        return made

    timed("cold", sources, None)
    cache = Memory()
    timed("cold, filling the cache", sources, cache)
    filled = dict(cache.kept)
    warm = timed("one file changed", changed, cache)
    cache.kept = filled
    timed("nothing changed", sources, cache)
    start = perf_counter()
    units = warm.units
    times["loading the units"] = perf_counter() - start
    start = perf_counter()
    link(units, {}, Judge(lambda: warm.program, {}))
    times["linking"] = perf_counter() - start
    start = perf_counter()
    assert warm.program.rules
    times["decoding the program"] = perf_counter() - start
    return times


def whole_lap(sources: Sequence[Source], changed: Sequence[Source]) -> dict[str, float]:
    """Return the times of one round with files, a cache folder and a bundle, in seconds."""
    times: dict[str, float] = {}
    with TemporaryDirectory(prefix="bench-") as place:
        root = Path(place, "policies")
        cache = open_cache(Path(place, "cache"))

        def timed(what: str, some: Sequence[Source]) -> Bundle:
            write_changes(root, some)
            start = perf_counter()
            made = compile_folder(root, cache)
            times[what] = perf_counter() - start
            return made

        timed("whole folder, cold", sources)
        made = timed("whole folder, one file changed", changed)
        timed("whole folder, nothing changed", changed)
        assert made == compile_folder(root), "the cache changes what a folder compiles to"
    return times


def write_changes(root: Path, sources: Sequence[Source]) -> None:
    """Write those *sources* below *root* that are not there as they are."""
    for source in sources:
        path = root / source.path
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text() != source.text:
            path.write_text(source.text)


def judge(figures: Mapping[int, Mapping[str, float]]) -> Result:
    """Return the figures and the goals."""
    rows: list[Row] = [
        {"what": what, **{f"{size:,} rules": some[what] for size, some in figures.items()}}
        for what in next(iter(figures.values()))
    ]
    goals = [
        Goal(text, figures[rules][what] / (figures[rules][base] if base else 1), bound)
        for text, rules, what, base, bound in GOALS
        if rules in figures
    ]
    return Result({"Seconds, median of the rounds": rows}, goals)


if __name__ == "__main__":
    sys.exit(main())
