"""What does redaction cost beyond the scan?

    python bench/bench_redaction.py [--rounds 25] [--seconds 0.02] [--json]

4,000 characters of prose hold 20 findings: addresses, social security numbers and cards. *redact*
replaces what the scan of the same run has found, by each strategy. *a decision that redacts* goes
the whole way through the gate and is compared with one that only looks for the same entities; its
token is sealed and kept in LMDB. *turned back* is the way of an answer with 20 placeholders in the
same session. The measure is replacing by hand: slices of the text and one join. Figures are the
smallest CPU times of interleaved rounds. Before anything is timed, what is replaced must be what
was found, and what is turned back the text.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import process_time_ns

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.goals import Goal, Result, Row, show
from engine.content.findings import Finding
from engine.content.hyper import VERSION
from engine.content.net import Net, pack_net
from engine.content.pseudonyms import Tokens, find_digits, restore, vault_of
from engine.content.redact import Strategy, redact_text
from engine.content.scan import build_scanner
from engine.runtime.keys import join_key
from engine.runtime.store import NANO
from engine.service.bundles import Recipe, load_folder
from engine.service.cache import open_cache
from engine.service.gate import Gate
from engine.state.lmdb import LmdbStore

NOW = 1_767_225_600 * NANO
KEY = b"a key of the benchmark, 32 bytes"
SIZE, FINDINGS = 4_000, 20
ENTITIES = frozenset({"pii.email", "pii.ssn", "pii.card"})
PROSE = "the plan was discussed at length by both teams and nobody objected to it on that day. "
STRATEGIES = {
    "label": Strategy("label"),
    "mask": Strategy("mask", "*", 4),
    "hash": Strategy("hash"),
    "token": Strategy("token"),
    "drop": Strategy("drop"),
}
SPELT = {"mask": 'mask("*", 4)'}
SCOPE = join_key(("north", "s1"))
BY_HAND = "by hand"
LOOKING = "a decision that only looks"


@dataclass(slots=True)
class Contender:
    """One thing to do again and again, with its figures in microseconds."""

    name: str
    act: Callable[[], object]
    figures: list[float] = field(default_factory=list)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return 0; leave with 1 when not what was found is replaced."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--seconds", type=float, default=0.02, help="of one round of one thing")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    text = sample()
    with tempfile.TemporaryDirectory() as folder, closing(LmdbStore(f"{folder}/state")) as store:
        contenders = [
            *redactions(text),
            *reversals(text, store),
            *decisions(text, Path(folder), store),
        ]
        for _ in range(options.rounds):
            for one in contenders:
                one.figures.append(round_of(one.act, options.seconds))
    show(judge({one.name: min(one.figures) for one in contenders}), as_json=options.json)
    return 0


def sample() -> str:
    """Return the text: in every 200 characters one finding."""
    found = [
        (f"ann.lee{number}@example.org", f"536-90-{4300 + number}", "4111 1111 1111 1111")
        for number in range(FINDINGS)
    ]
    texts = [kinds[number % 3] for number, kinds in enumerate(found)]
    room = SIZE // FINDINGS
    return "".join(f"{one} {PROSE * 3}"[: room - 1] + " " for one in texts)


def scanned(text: str) -> tuple[Callable[[], tuple[Finding, ...]], tuple[Finding, ...]]:
    """Return a scan of *text*, and what it finds."""
    scanner = build_scanner((), {})
    if VERSION:
        scanner.cast(Net(pack_net(scanner.wanted(ENTITIES))))
    scanner.prepare(ENTITIES)
    found = scanner.scan(text, ENTITIES)
    if len(found) != FINDINGS:
        sys.exit(f"{len(found)} findings instead of {FINDINGS}")
    return lambda: scanner.scan(text, ENTITIES), found


def redactions(text: str) -> Iterator[Contender]:
    """Yield the scan, replacing by hand, and the strategies."""
    scan, found = scanned(text)
    yield Contender("the scan", scan)

    def by_hand() -> str:
        pieces: list[str] = []
        done = 0
        for one in found:
            pieces += text[done : one.start], "[EMAIL]"
            done = one.end
        return "".join((*pieces, text[done:]))

    yield Contender(BY_HAND, by_hand)
    for name, strategy in STRATEGIES.items():
        how = dict.fromkeys(ENTITIES, strategy)
        redacted = redact_text(text, found, how, KEY, SCOPE)
        if [one[1:3] for one in redacted.spans] != [(one.start, one.end) for one in found]:
            sys.exit(f"not what was found is replaced by {name}")
        act = partial(redact_text, text, found, how, KEY, SCOPE)
        yield Contender(f"redact, {name}", act)


def reversals(text: str, store: LmdbStore) -> Iterator[Contender]:
    """Yield what it takes to keep what tokens stand for, and to turn them back."""
    _, found = scanned(text)
    how = dict.fromkeys(ENTITIES, STRATEGIES["token"])
    vault = vault_of(KEY)
    sessions = itertools.count()

    def keep(session: str) -> str:
        made: Tokens = {}
        scope = join_key(("north", session))
        redacted = redact_text(text, found, how, KEY, scope, tokens=made)
        sealed = dict(vault.seal_all(scope, made))
        store.remember("north", session, sealed, NOW)
        return redacted.text

    said = keep("s1")

    def back() -> str:
        sealed = store.recall("north", "s1", find_digits(said), NOW)
        opened = {digits: vault.open(SCOPE, digits, value) for digits, value in sealed.items()}
        return restore(said, {digits: one for digits, one in opened.items() if one})[0]

    if back() != text:
        sys.exit("what is turned back is not the text")
    yield Contender("redact, token, sealed and kept", lambda: keep(f"new {next(sessions)}"))
    yield Contender("redact, token, kept before", lambda: keep("s1"))
    yield Contender("turned back", back)


def decisions(text: str, folder: Path, store: LmdbStore) -> Iterator[Contender]:
    """Yield whole decisions: one that only looks, and one for each strategy."""
    names = ", ".join(sorted(ENTITIES))
    rules = {LOOKING: f"when content has {names} then allow"}
    rules |= {
        f"a decision that redacts, {one}": f"then redact {names} as {SPELT.get(one, one)}"
        for one in STRATEGIES
    }
    request = {
        "tenant": {"id": "north"},
        "user": {"id": "u1"},
        "session": {"id": "s1"},
        "stage": "request",
        "content": text,
    }
    for number, (name, rule) in enumerate(rules.items()):
        root = folder / f"policies{number}"
        root.mkdir()
        (root / "bench.pol").write_text(f"policy bench {{ default allow rule r {{ {rule} }} }}")
        gate = Gate(store, secret=KEY, clock=lambda: NOW)
        gate.swap(load_folder(root, Recipe(KEY, prepare=True), open_cache(folder / "cache")))
        if len(gate.decide(request).redactions) != FINDINGS * (name != LOOKING):
            sys.exit(f"not what was found is replaced by {name}")
        yield Contender(name, partial(gate.decide, request))


def round_of(act: Callable[[], object], seconds: float) -> float:
    """Return the microseconds of *act*, done for about so many *seconds* of CPU."""
    begin = process_time_ns()
    stop = begin + int(seconds * 1e9)
    count = 0
    while process_time_ns() < stop:
        for _ in range(10):
            act()
        count += 10
    return (process_time_ns() - begin) / count / 1000


def judge(figures: Mapping[str, float]) -> Result:
    """Return *figures* as tables, and the goals."""
    rows: list[Row] = [{"what": name, "microseconds": value} for name, value in figures.items()]
    goals = [
        Goal(
            f"a decision that redacts, beyond one that looks, {one}, microseconds",
            figures[f"a decision that redacts, {one}"] - figures[LOOKING],
            100.0,
        )
        for one in STRATEGIES
    ]
    kept = figures["redact, token, sealed and kept"]
    goals += [
        Goal("redact, token, sealed and kept, microseconds", kept, 250.0),
        Goal("turned back, microseconds", figures["turned back"], 250.0),
        Goal("redact, label, against by hand", figures["redact, label"] / figures[BY_HAND], 12.0),
        Goal(
            "redact, label, share of the scan", figures["redact, label"] / figures["the scan"], 1.0
        ),
    ]
    return Result({f"{SIZE:,} characters, {FINDINGS} findings": rows}, goals)


if __name__ == "__main__":
    sys.exit(main())
