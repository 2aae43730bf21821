"""How long do reviewers wait for a list and a claim, with 10,000 open reviews?

    python -m bench.bench_reviews [--reviews 10000] [--rounds 30] [--claims 1000] [--json]

Reviews of 20 queues and 10 tenants are opened in SQLite and in a PostgreSQL server of its own, on
loopback and with its usual care for the disk. Then each page and each filter of a list is asked
for, reviews are claimed, and counted; beside a plain look-up by the primary key on the same store
in the same rounds. At last two processes race for every claim: who won is counted.

Without a PostgreSQL server that one is left out, and that is said.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.goals import Goal, Result, Row, show
from engine.runtime.decision import Reason
from engine.storage.reviews import SECOND, Move, Question, Refused, Shown, Wanted
from engine.storage.reviews_acts import begin
from engine.storage.reviews_database import Session
from engine.storage.reviews_kept import KeptReviews
from engine.storage.reviews_postgres import PostgresReviews
from engine.storage.reviews_postgres_address import read_url
from engine.storage.reviews_sqlite import SqliteReviews
from tests.storage import postgres

ROOT = Path(__file__).parent.parent
NOW = 1_767_225_600 * SECOND
KEY = b"k" * 32
QUEUES, TENANTS = 20, 10
PAGE = 100
PATIENCE = 60.0
"""Seconds: a bench on a busy machine is not about time-outs."""
SIDES = ("bob", "eve")
MOST_MS = 20.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return 0; 1 when a claim has not exactly one winner."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--reviews", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--claims", type=int, default=1000)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--side", nargs=2, metavar=("PLACE", "WHO"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.side:
        place, who = options.side
        side(place, who, options.claims)
        return 0
    figures: dict[str, dict[str, float]] = {}
    winners: dict[str, int] = {}
    with places() as found:
        for name, place in found.items():
            store = opened(place)
            fill(store, options.reviews)
            figures[name] = measure(store, options.reviews, options.rounds)
            winners[name] = race(place, store, options.claims)
            store.close()
    absent = [] if "PostgreSQL" in figures else [postgres.MISSING]
    show(judge(figures, winners, options.claims, absent), as_json=options.json)
    return int(any(won != options.claims for won in winners.values()))


@contextmanager
def places() -> Iterator[dict[str, str]]:
    """Give the places of both stores, as far as they can be had."""
    with tempfile.TemporaryDirectory() as folder:
        found = {"SQLite": str(Path(folder) / "reviews.db")}
        if postgres.programs() is None:
            yield found
            return
        server = postgres.Server("fsync=on", "shared_buffers=64MB")
        try:
            yield found | {"PostgreSQL": server.url}
        finally:
            server.stop()


def opened(place: str) -> KeptReviews:
    """Return the store at *place*."""
    if "://" in place:
        return PostgresReviews(read_url(place), KEY, PATIENCE)
    return SqliteReviews(Path(place), PATIENCE, KEY)


def question(number: int, prefix: str = "r") -> Question:
    """Return a question of a kilobyte or so."""
    severity = ("", "low", "medium", "high", "critical")[number % 5]
    return Question(
        review_id=f"{prefix}{number:063d}",
        tenant=f"tenant-{number % TENANTS}",
        user=f"user-{number}",
        stage="request",
        queue=f"queue-{number % QUEUES}",
        revision="0" * 64,
        reasons=(Reason(policy="p", rule="p.big", action="escalate", severity=severity),),
        shown=Shown(content="a refund of 600 for the customer, who waits " * 20),
        expires_at=NOW + 3600 * SECOND,
        within=3600 * SECOND,
        otherwise="deny",
        session=f"session-{number // 10}",
    )


def fill(store: KeptReviews, reviews: int, prefix: str = "r") -> None:
    """Open *reviews* reviews, all in one go."""

    def write(session: Session) -> None:
        for number in range(reviews):
            made = begin(question(number, prefix), NOW + number)
            store._write(session, made, "opened", NOW + number, new=True)  # noqa: SLF001

    store.do(write)


def measure(store: KeptReviews, reviews: int, rounds: int) -> dict[str, float]:
    """Return the median milliseconds of each question, asked by turns."""
    tokens = ["", middle(store, reviews // 2), middle(store, reviews - PAGE)]
    wanted = {
        "all": Wanted(),
        "open": Wanted(state="open"),
        "a queue": Wanted(queue="queue-3"),
        "a queue, open": Wanted(queue="queue-3", state="open"),
        "a tenant": Wanted(tenant="tenant-3"),
        "a tenant, open": Wanted(tenant="tenant-3", state="open"),
        "a queue of a tenant, open": Wanted(queue="queue-3", tenant="tenant-3", state="open"),
        "a queue without reviews": Wanted(queue="none", state="open"),
        "a state without reviews": Wanted(state="rejected"),
    }
    turn = iter(range(1 << 30))
    look_up = "SELECT body FROM reviews WHERE review_id = ?"
    asked: dict[str, Callable[[], object]] = {
        "plain look-up by key": lambda: store.look(
            lambda session: session.rows(look_up, (question(next(turn) % reviews).review_id,))
        )
    }
    for place, token in zip(("first", "middle", "last"), tokens, strict=True):
        for name, one in wanted.items():
            asked[f"list {name}, {place} page"] = lambda one=one, token=token: store.browse(  # type: ignore[misc]
                one, token, PAGE, NOW + SECOND
            )
    claim = Move(verb="claim", who="bob")
    asked["join an open review"] = lambda: store.open_or_join(question(next(turn) % reviews), NOW)
    asked["claim"] = lambda: store.act(question(next(turn) % reviews).review_id, claim, NOW)
    asked["counts"] = lambda: store.counts(NOW)
    took: dict[str, list[float]] = {name: [] for name in asked}
    for _ in range(rounds):
        for name, ask in asked.items():
            began = perf_counter()
            ask()
            took[name].append((perf_counter() - began) * 1000)
    return {name: median(each) for name, each in took.items()}


def middle(store: KeptReviews, skipped: int) -> str:
    """Return the token of the page that begins after *skipped* reviews."""
    token = ""
    for _ in range(max(1, skipped // 1000)):
        token = store.browse(Wanted(), token, 1000, NOW + SECOND).token or token
    return token


# --- exactness -----------------------------------------------------------------------------------


def race(place: str, store: KeptReviews, claims: int) -> int:
    """Let two processes try every claim; return how many have exactly one winner."""
    fill(store, claims, "c")
    command = [sys.executable, "-m", "bench.bench_reviews", "--claims", str(claims), "--side"]
    sides = [
        subprocess.Popen(
            [*command, place, who],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for who in SIDES
    ]
    for one in sides:
        assert one.stdout is not None
        one.stdout.readline()
    for one in sides:
        assert one.stdin is not None
        one.stdin.write("\n")
        one.stdin.flush()
    won = Counter(each for one in sides for each in one.communicate(timeout=600)[0].split())
    return sum(times == 1 for times in won.values())


def side(place: str, who: str, claims: int) -> None:
    """Try every claim once, when a line is read; print what was won."""
    store = opened(place)
    store.find(question(0, "c").review_id, NOW)
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(claims):
        review_id = question(number, "c").review_id
        try:
            store.act(review_id, Move(verb="claim", who=who), NOW)
        except Refused:
            continue
        print(review_id)
    store.close()


def judge(
    figures: dict[str, dict[str, float]], winners: dict[str, int], claims: int, absent: list[str]
) -> Result:
    """Return the figures and the goals."""
    rows: list[Row] = []
    goals: list[Goal] = []
    for question_ in next(iter(figures.values())):
        row: dict[str, float | str] = {"asked": question_}
        row |= {f"{name}, ms": round(each[question_], 3) for name, each in figures.items()}
        rows.append(row)
    for name, each in figures.items():
        plain = each["plain look-up by key"]
        slowest = max(ms for asked, ms in each.items() if asked.startswith("list"))
        goals += [
            Goal(f"{name}: the slowest list, ms", slowest, MOST_MS),
            Goal(f"{name}: a claim, ms", each["claim"], MOST_MS),
            Goal(
                f"{name}: a list of {PAGE} against look-ups of as many", slowest / PAGE / plain, 1.0
            ),
            Goal(f"{name}: a claim against a look-up", each["claim"] / plain, 20.0),
            Goal(f"{name}: claims with one winner", winners[name] / claims, 1.0, "higher"),
        ]
    won: list[Row] = [
        {"two processes race": name, "claims": claims, "with exactly one winner": number}
        for name, number in winners.items()
    ]
    return Result({"milliseconds": rows, "exactness": won}, goals, absent)


if __name__ == "__main__":
    sys.exit(main())
