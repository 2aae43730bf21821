"""What a decision costs as its surroundings grow: rules, content, throttles, audit, ways to ask.

Every daemon is the real one, pinned to one core; only what a table names differs from the plain
one. The daemons of a table run beside each other and are asked in turns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from statistics import median
from time import sleep

from msgspec import structs

from bench.content_texts import fresh
from bench.goals import Goal, Result, Row
from bench.load import h2load
from bench.load.ahead import PAUSE, ahead
from bench.load.board import Board, Contender, in_flight, p50_of, rate_of, ratio
from bench.load.certificates import write_certificate
from bench.load.daemons import AUDITS
from bench.load.empty import empty
from bench.load.ours import our_daemon
from bench.load.plan import Plan
from bench.load.requests import Expected, expected_of
from bench.load.spec import Load
from bench.workloads import Workload, make_workload
from engine.content.entities import STRUCTURED

RULES = 100
MANY = 64
"""Requests in a batch, and in flight on a stream."""
BATCHES = (2, 4)
"""So many batches are in flight, so that the server need not wait for one."""
KB = 1024
TEXTS = 200
HALF = "50% of its maximum"
LEAN = "grpc.transport=lean"
FORGETS = "limits.remembered_bytes=0"
"""So that every content is a new one."""
BY_RULES, BY_CONTENT = "Rules, unary", "Content with all detectors, 100 rules"
CHECKED = "The load generator against h2load, one request over and over, one connection"
CHECKED_SECONDS = 0.5
BY_STATE, BY_WAY = "Throttles, 100 rules", "Ways to ask, 100 rules"
MOST = "What a decision can save that shares its call, server CPU"
DETECTORS = """package everything
policy everything "All that is looked for" {{
  default allow
  rule secrets {{ when content has secret.any then deny "a credential" }}
  rule personal {{ when content has {personal} then redact {personal} }}
  rule injection {{
    when stage == "request" and injection(content) >= 0.9
    then deny "an injection"
  }}
}}
"""
ALL = DETECTORS.format(personal="pii.any")
SHAPES = DETECTORS.format(
    personal=", ".join(sorted(one for one in STRUCTURED if one.startswith("pii.")))
)
"""What is found by its shape: all but the names of people and places, which a tagger reads for."""
LOOKING = {f"everything.everything.{name}" for name in ("secrets", "personal", "injection")}
WEIGHED = 4
"""Kilobytes with which the goal is."""
THROTTLES = """package limits
policy limits "Limits that nobody meets" {
  default allow
  rule by_tenant { then throttle 1000000000 requests per 1h by tenant.id }
  rule by_user { then throttle 1000000000 requests per 1m by tenant.id, user.id }
}
"""


def rows_of(board: Board, contenders: Sequence[Contender], column: str) -> list[Row]:
    """Return a row for each figure of the *contenders*."""
    return [
        {column: one.name, "asked": what, **figure.row(one.size)}
        for one in contenders
        for (name, what), figure in board.figures.items()
        if name == one.name
    ]


def by_rules(board: Board, plan: Plan, place: Path) -> Result:
    """Return what more rules cost."""
    with ExitStack() as stack:
        made = []
        for count in plan.rules:
            ours = stack.enter_context(
                our_daemon(
                    place / f"rules{count}",
                    make_workload(count, plan.requests),
                    LEAN,
                    *AUDITS["off"],
                )
            )
            made.append(ours.unary(f"{count:,} rules"))
        board.closed(made, (1, 32), plan.rounds, plan.seconds)
    rows: list[Row] = [
        {**row, "RSS MB": round(board.resident[str(row["rules"])])}
        for row in rows_of(board, made, "rules")
    ]
    most, few = made[-1].name, f"{RULES:,} rules"
    grown = ratio(board.figures[most, in_flight(1)], board.figures[few, in_flight(1)], p50_of)
    return Result({BY_RULES: rows}, [Goal(f"p50, 1 in flight, {most} against {RULES}", grown, 1.3)])


def passes(workload: Workload) -> Workload:
    """Return the workload with those of its requests alone that no rule denies."""
    some = zip(workload.requests, expected_of(workload), strict=True)
    return replace(workload, requests=tuple(one for one, (action, _) in some if action == "allow"))


def texts_of(kilobytes: int) -> list[str]:
    """Return contents, none like another: a quarter of them with personal data in each kilobyte."""
    size = kilobytes * KB
    plain, planted = fresh(size, TEXTS, 1, "chat"), fresh(size, TEXTS, 2, "full")
    return [(planted if number % 4 == 0 else plain)[number] for number in range(TEXTS)]


def seen(answer: Expected, expected: Expected) -> bool:
    """Return whether an answer may be: what the rules allow, detectors may still stop or redact."""
    return answer[0] == expected[0] or (expected[0] == "allow" and set(answer[1]) <= LOOKING)


def by_content(board: Board, plan: Plan, place: Path) -> Result:
    """Return what looking for everything in a content costs."""
    workload = passes(make_workload(RULES, plan.requests))
    looks = [(f"{size} KB", size, ALL) for size in plan.contents]
    looks.append((f"{WEIGHED} KB, all but names", WEIGHED, SHAPES))
    with ExitStack() as stack:
        made = []
        for number, (name, size, more) in enumerate(looks):
            daemon = our_daemon(
                place / f"content{number}",
                workload,
                LEAN,
                FORGETS,
                *AUDITS["off"],
                more=more,
                contents=texts_of(size) if size else [""],
                right=seen,
            )
            made.append(stack.enter_context(daemon).unary(name))
        board.closed(made, (1, 32), plan.rounds, plan.seconds)
        for number in range(plan.open_rounds):
            for one in made:
                rate = board.top(one.name).per_second / 2
                board.shoot(one, HALF, one.opened(rate, plan.open_seconds, number), number)
    goals = [
        Goal(f"p99, {words}, at half the maximum, ms", board.figures[name, HALF].p99 / 1000, 1)
        for name, words in (
            (f"{WEIGHED} KB", f"{WEIGHED} KB with all detectors"),
            (looks[-1][0], f"{WEIGHED} KB with all detectors but those of names"),
        )
    ]
    rows = [
        {"content": one.name, "asked": what, **figure.row(), **figure.noise()}
        for one in made
        for (name, what), figure in board.figures.items()
        if name == one.name
    ]
    return Result({BY_CONTENT: rows}, goals)


def by_state(board: Board, plan: Plan, place: Path) -> Result:
    """Return what throttles cost."""
    workload = make_workload(RULES)
    without = "no throttles"
    ways = {
        without: ("", "state=data"),
        "two throttles, in the data folder": (THROTTLES, "state=data"),
        "two throttles, in memory": (THROTTLES, "state=memory"),
    }
    with ExitStack() as stack:
        made = []
        for number, (name, (more, state)) in enumerate(ways.items()):
            folder = place / f"state{number}"
            daemon = our_daemon(
                folder, workload, LEAN, state, *AUDITS["off"], more=more, right=seen
            )
            made.append(stack.enter_context(daemon).unary(name))
        board.closed(made, (1, 32), plan.rounds, plan.seconds)
    return Result({BY_STATE: rows_of(board, made, "state")}, [])


TCP, UNIX, TLS = "unary, TCP", "unary, Unix socket", "unary, TLS"
SPREAD = "unary, 32 connections"
POLLING, POLLS = "unary, TCP, busy polling", "grpc.busy_poll_microseconds=1000"
WOKEN = 0.75
"""A processor that polls answers in so much of the time of one that each question wakes."""
STREAMED, BATCHED = "one stream", f"batches of {MANY}"
EMPTY = "unary, TCP, nothing decided"
POSSIBLE = 0.85
"""Of what streams and batches can save at most: all that a call costs beside its decision."""


def by_way(board: Board, plan: Plan, place: Path) -> Result:
    """Return what each way to ask costs."""
    workload = make_workload(RULES)
    place.mkdir(parents=True, exist_ok=True)
    certificate, key = write_certificate(place)
    secure = (f"grpc.tls.certificate_file={certificate}", f"grpc.tls.key_file={key}")
    with ExitStack() as stack:
        plain = stack.enter_context(our_daemon(place / "tcp", workload, LEAN, *AUDITS["off"]))
        tcp = plain.unary(TCP)
        some = [tcp, plain.unary(UNIX, plain.server.socket)]
        locked = stack.enter_context(
            our_daemon(
                place / "tls", workload, LEAN, *AUDITS["off"], *secure, ca_file=str(certificate)
            )
        )
        some.append(locked.unary(TLS, ca_file=str(certificate)))
        polling = stack.enter_context(
            our_daemon(place / "poll", workload, LEAN, *AUDITS["off"], POLLS)
        )
        some.append(polling.unary(POLLING))
        stream, batch = plain.stream(STREAMED), plain.batch(BATCHED, MANY)
        nothing = stack.enter_context(empty(EMPTY))
        spread = replace(tcp, name=SPREAD, load=spread_over(tcp, 32))
        board.closed(some, (1, 32), plan.rounds, plan.seconds)
        board.closed([tcp, stream, nothing], (MANY,), plan.rounds, plan.seconds)
        board.closed([spread], (32,), plan.rounds, plan.seconds)
        board.closed([batch], BATCHES, plan.rounds, plan.seconds)
        other = cross_check(Board(board.generator, board.pace), tcp, plan, place)
    rows = rows_of(board, [*some, spread, nothing, stream, batch], "way")
    figures = {BY_WAY: rows, MOST: saved(board), **({CHECKED: other} if other else {})}
    return Result(figures, list(way_goals(board)), () if other else (h2load.ABSENT,))


def spread_over(one: Contender, connections: int) -> Load:
    """Return its load over so many connections."""
    return structs.replace(one.load, connections=connections)


def cross_check(board: Board, one: Contender, plan: Plan, place: Path) -> list[Row]:
    """Return what another generator makes of the same server, in turns with ours.

    It knows but one request, which the server then knows well: ours asks the same one here.
    """
    rows: list[Row] = []
    alone = structs.replace(one.load, bodies=one.load.bodies[:1], proofs=one.load.proofs[:1])
    one = replace(one, load=alone)
    for many in (1, 32) if h2load.find() else ():
        rates = []
        for number in range(plan.rounds):
            load = one.closed(many, CHECKED_SECONDS)
            board.shoot(one, in_flight(many), load, number)
            calls = int(board.figures[one.name, in_flight(many)].per_second * CHECKED_SECONDS)
            with ahead(one.server.pid):
                rates.append(h2load.per_second(load, place, calls))
            sleep(PAUSE)
        ours = board.figures[one.name, in_flight(many)]
        rows.append(
            {
                "asked": in_flight(many),
                "this generator, calls/s": round(ours.per_second),
                "h2load, calls/s": round(median(rates)),
                "quiet rounds": ours.quiet,
            }
        )
    return rows


def way_goals(board: Board) -> Iterator[Goal]:
    """Yield what streams, batches and polling must gain."""
    unary = board.figures[TCP, in_flight(MANY)]
    stream = board.figures[STREAMED, in_flight(MANY)]
    batches = [board.figures[BATCHED, in_flight(many)] for many in BATCHES]
    words = f"{MANY} in flight, against unary"
    yield Goal(f"stream, {words}", ratio(stream, unary, rate_of), 2, "higher")
    yield Goal(f"stream, {words}, server CPU", unary.cpu_us / stream.cpu_us, 2, "higher")
    batch = max(ratio(one, unary, rate_of) * MANY for one in batches)
    each = f"{MANY} each, against unary, per decision"
    yield Goal(f"batches, {each}", batch, 3, "higher")
    least = min(one.cpu_us for one in batches) / MANY
    yield Goal(f"batches, {each}, server CPU", unary.cpu_us / least, 3, "higher")
    most = possible(unary.cpu_us, board.figures[EMPTY, in_flight(MANY)].cpu_us)
    for name, cpu_us in ((f"stream, {words}", stream.cpu_us), (f"batches, {each}", least)):
        gain = unary.cpu_us / cpu_us / most
        yield Goal(f"{name}, server CPU, of what is possible", gain, POSSIBLE, "higher")
    awake, asleep = (board.figures[name, in_flight(1)] for name in (POLLING, TCP))
    yield Goal(
        "p50, 1 in flight, busy polling against without", ratio(awake, asleep, p50_of), WOKEN
    )


def saved(board: Board) -> list[Row]:
    """Return how the most is made up that streams and batches can gain."""
    unary, call = (board.figures[name, in_flight(MANY)].cpu_us for name in (TCP, EMPTY))
    return [
        {
            "a decision with a call of its own, us": round(unary, 2),
            "a call that decides nothing, us": round(call, 2),
            "at most, times": round(possible(unary, call), 2),
        }
    ]


def possible(unary_us: float, call_us: float) -> float:
    """Return how many times less a decision can cost when it shares its call with many others.

    It saves what an empty call costs, and no more: to decide is the same work. The other's message
    is not free either, so nobody reaches it.
    """
    return unary_us / max(unary_us - call_us, 1e-9)
