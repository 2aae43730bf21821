"""What does the record of a decision cost, and what do values and content add to it?

    python bench/bench_record.py [--rounds 30] [--json]

One request is decided once; then the same decision is recorded again and again, as the gate does
it: the entry made, encoded, and framed as in a trail (a checksum and two SHA-256), but not written.
With no values, with those that the deciding rule has read, with the content, labels in it, and with
that sealed under its tenant's key. The measure, in the same run: the decision itself. Figures are
the smallest CPU times of interleaved rounds.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import process_time_ns

import msgspec

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.goals import Goal, Result, Row, show
from engine.runtime.decide import decide
from engine.runtime.memory import MemoryStore
from engine.runtime.policyset import PolicySet
from engine.runtime.witness import Witness
from engine.service.bundles import Recipe, load_folder
from engine.service.entries import Line
from engine.service.keeping import Keeper
from engine.service.laid import Laid
from engine.service.making import Making
from engine.service.record import NoRecorder
from engine.service.telling import Telling
from engine.service.vault import Vault
from engine.storage.frames import make_frame

SECRET = b"a secret of the benchmark, 32 by"
NOW = 1_767_225_600_000_000_000
TIMES = 2_000
POLICIES = """\
schema { context.amount: int  context.purpose: string?  tenant.plan: "free" | "pro" ? }
policy desk {
  default allow
  rule large {
    when context.amount > 500 and (tenant.plan ?? "free") == "free" and user.roles contains "clerk"
    then deny "too much" severity high
  }
  rule mails { when content has pii.email then redact pii.email }
}
"""
PLAINLY = "Please send the invoice of March to Ann, who will pay it in the course of the week. " * 4
MAIL = PLAINLY.replace("Ann", "ann@example.com")
CASES = {"an allow": (5, PLAINLY), "a redact": (5, MAIL), "a deny": (900, MAIL)}
"""By what comes of it, the amount and the content that are sent."""
PLAIN, VALUES, SHOWN, SEALED = "no values", "values", "content", "content, sealed"
ITSELF = "the decision itself"


class Framing(NoRecorder):
    """Encodes and frames what it is given, and forgets it."""

    lays = True

    def __init__(self) -> None:
        self._encode = msgspec.json.Encoder(enc_hook=str).encode
        self._digest = bytes(32)
        self._number = 0
        self.size = 0

    def write(self, entry: Line) -> None:
        """Make a frame of *entry*."""
        payload = entry.raw if isinstance(entry, Laid) else self._encode(entry)
        self.size = len(payload)
        _, _, self._digest = make_frame(self._digest, self._number, payload)
        self._number += 1


@dataclass(slots=True)
class Contender:
    """One thing to do again and again, how many bytes it made, and its times in microseconds."""

    case: str
    name: str
    act: Callable[[], object]
    size: int = 0
    figures: list[float] = field(default_factory=list)

    @property
    def best(self) -> float:
        """The quickest round, a time."""
        return min(self.figures)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return 0."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "policies").mkdir()
        (root / "policies/desk.pol").write_text(POLICIES, encoding="utf-8")
        policies = load_folder(root / "policies", Recipe(SECRET))
        vault = Vault(root / "keys", SECRET)
        contenders = [
            one for case in CASES for one in contenders_of(case, *CASES[case], policies, vault)
        ]
        for _ in range(options.rounds):
            for one in contenders:
                one.figures.append(timed(one.act))
    show(judge({(one.case, one.name): one for one in contenders}), as_json=options.json)
    return 0


def timed(act: Callable[[], object]) -> float:
    """Return the microseconds of CPU that *act* takes."""
    start = process_time_ns()
    for _ in range(TIMES):
        act()
    return (process_time_ns() - start) / TIMES / 1000


def contenders_of(
    case: str, amount: int, content: str, policies: PolicySet, vault: Vault
) -> list[Contender]:
    """Return the ways to record one decision, and the decision."""
    store = MemoryStore()
    record = policies.reader.read(
        {
            "tenant": {"id": "north", "plan": "free"},
            "user": {"id": "u1", "roles": ["clerk"]},
            "stage": "request",
            "session": {"id": "s-0001"},
            "content": content,
            "context": {"amount": amount, "purpose": "billing"},
        }
    )
    witness = Witness()
    again = partial(decide, policies, record, store, NOW, decision_id="0" * 36, witness=witness)
    decision = again()
    ways = {
        PLAIN: Telling(values="none"),
        VALUES: Telling(values="restricted"),
        SHOWN: Telling(content="redacted"),
        SEALED: Telling(content="redacted", vault=vault),
    }
    made = [Contender(case, ITSELF, again)]
    for name, telling in ways.items():
        framing = Framing()
        keeper = Keeper(framing, secret=SECRET, telling=telling)
        making = Making(now=NOW, record=record)
        making.seen, making.read, making.decide = witness.seen, 9_000, 20_000
        act = partial(keeper.keep, policies, making, decision)
        act()
        made.append(Contender(case, name, act, framing.size))
    return made


def judge(found: dict[tuple[str, str], Contender]) -> Result:
    """Return the figures and the goals."""
    rows: list[Row] = [
        {"what": one.case, "recorded": one.name, "bytes": one.size or None, "us": one.best}
        for one in found.values()
    ]
    allow, _, deny = (
        {name: one for (of, name), one in found.items() if of == case} for case in CASES
    )
    goals = [
        Goal(
            "values behind a deny, microseconds more",
            deny[VALUES].best - deny[PLAIN].best,
            1.5,
        ),
        Goal(
            "values behind a deny, against a record without",
            deny[VALUES].best / deny[PLAIN].best,
            1.3,
        ),
        Goal(
            "no values behind an allow, against a record without",
            allow[VALUES].best / allow[PLAIN].best,
            1.05,
        ),
        Goal("content, against a record without", deny[SHOWN].best / deny[VALUES].best, 3.0),
        Goal(
            "content sealed, against content in the open", deny[SEALED].best / deny[SHOWN].best, 2.0
        ),
        Goal("a deny, microseconds", deny[VALUES].best, 12.0),
    ]
    return Result({"One record, CPU time": rows}, goals)


if __name__ == "__main__":
    sys.exit(main())
