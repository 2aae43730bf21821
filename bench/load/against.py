"""Against others: grpcio's server with the same handlers, Cerbos, OPA, an empty grpc-go server.

All have the same rules, inputs and core, and are asked in turns. What each of them answers is
compared with what the rules say before anything is timed, and again in every call. Closed loops
find out how much each can do; open loops ask each at shares of its own maximum, and ours at the
peers' rates too: only so can latencies be compared.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.goals import Goal, Result, Row
from bench.load import cerbos, floor, opa, opa_library
from bench.load.board import Board, Contender, Figure, in_flight, p50_of, p99_of, rate_of, ratio
from bench.load.daemons import AUDITS
from bench.load.ours import our_daemon
from bench.load.plan import Plan
from bench.load.requests import expected_of
from bench.load.spec import Load
from bench.workloads import Workload, make_workload

RULES = 100
MANY_RULES = 10_000
OFF, WRITTEN, SYNCED = "lean", "lean, audit written", "lean, audit synced"
GRPCIO, GRPCIO_WRITTEN = "grpcio", "grpcio, audit written"
CERBOS, CERBOS_REST, OPA, GO = "Cerbos, gRPC", "Cerbos, REST", "OPA, REST", "empty grpc-go"
PEERS = (CERBOS, CERBOS_REST, OPA)
CLOSED, OPENED = "Closed loop, 100 rules, one server core", "Open loop, 100 rules, one server core"
SPENT = "CPU time of a decision with 32 in flight (least of all rounds), and memory"
MANY = f"Closed loop, {MANY_RULES:,} rules, one server core"
OWN = "What a call costs the load generator"
ENGINE = "OPA's engine in process, no server, one by one"
MS = 1000.0


@dataclass(frozen=True, slots=True)
class Field:
    """Who takes part, and who does not."""

    contenders: Sequence[Contender]
    absent: list[str]

    def named(self, name: str) -> Contender | None:
        """Return the contender of that *name*, if it takes part."""
        return next((one for one in self.contenders if one.name == name), None)


def gather(stack: ExitStack, place: Path, workload: Workload, *, full: bool) -> Field:
    """Start all that can be had."""
    made: list[Contender] = []
    ways = [(OFF, "lean", "off"), (WRITTEN, "lean", "written"), (GRPCIO, "grpcio", "off")]
    ways.append((GRPCIO_WRITTEN, "grpcio", "written"))
    if full:
        ways.append((SYNCED, "lean", "synced"))
    for name, transport, audit in ways:
        settings = (f"grpc.transport={transport}", *AUDITS[audit])
        ours = stack.enter_context(our_daemon(place / name, workload, *settings))
        made.append(ours.unary(name))
    absent: list[str] = []
    made += cerbos_peers(stack, place, workload, absent)
    made += opa_peers(stack, place, workload, absent)
    binary = floor.find()
    if binary is None:
        absent.append(floor.ABSENT)
    else:
        server = stack.enter_context(floor.server(binary))
        bodies = made[0].load.bodies
        load = Load(server.address, floor.CALL, bodies, [[floor.ANSWER]] * len(bodies))
        made.append(Contender(GO, server, load))
    return Field(made, absent)


def cerbos_peers(
    stack: ExitStack, place: Path, workload: Workload, absent: list[str]
) -> Iterator[Contender]:
    """Yield Cerbos, asked over gRPC and over REST."""
    binary = cerbos.find()
    if binary is None:
        absent.append(cerbos.ABSENT)
        return
    server, rest = stack.enter_context(cerbos.server(place / "cerbos", binary, workload))
    expected = expected_of(workload)
    bodies = cerbos.grpc_bodies(workload)
    if cerbos.look(server.address, bodies) != [action for action, _ in expected]:
        sys.exit("Cerbos does not decide as the rules say")
    proofs = cerbos.grpc_proofs(expected)
    yield Contender(CERBOS, server, Load(server.address, cerbos.CHECK, bodies, proofs))
    asked, proofs = cerbos.rest_bodies(workload), cerbos.rest_proofs(expected)
    load = Load(rest, cerbos.REST, asked, proofs, kind="http1")
    yield Contender(CERBOS_REST, server, load)


def opa_peers(
    stack: ExitStack, place: Path, workload: Workload, absent: list[str]
) -> Iterator[Contender]:
    """Yield OPA, asked over REST."""
    binary = opa.find()
    if binary is None:
        absent.append(opa.ABSENT)
        return
    server = stack.enter_context(opa.server(place / "opa", binary, workload))
    expected = expected_of(workload)
    bodies = opa.bodies(workload)
    if opa.look(server.address, bodies) != [names for _, names in opa.denied(expected)]:
        sys.exit("OPA does not decide as the rules say")
    load = Load(server.address, opa.REST, bodies, opa.proofs(expected), kind="http1")
    yield Contender(OPA, server, load)


def share_of(name: str, share: float) -> str:
    """Return what an open loop is called: at a share of the maximum of *name*."""
    return f"{share:.0%} of {name}'s maximum"


def open_loops(board: Board, field: Field, plan: Plan) -> None:
    """Ask each at shares of its own maximum, and ours at those of the peers."""
    some = field.contenders if plan.full else [one for one in field.contenders if one.name != GO]
    for number in range(plan.open_rounds):
        for share in plan.shares:
            for one in some:
                rate = share * board.top(one.name).per_second
                what = share_of(one.name, share)
                load = one.opened(rate, plan.open_seconds, number)
                board.shoot(one, what, load, number)
                ours = field.named(OFF)
                if one.name in PEERS and ours is not None:
                    board.shoot(ours, what, ours.opened(rate, plan.open_seconds, number), number)


def run(board: Board, plan: Plan, place: Path) -> Result:
    """Measure it all."""
    workload = make_workload(RULES)
    with ExitStack() as stack:
        field = gather(stack, place, workload, full=plan.full)
        board.closed(field.contenders, plan.flying, plan.rounds, plan.seconds)
        open_loops(board, field, plan)
    field.absent.extend([] if opa_library.find() else [opa_library.ABSENT])
    figures = {**tables(board), **spent(board), OWN: own_rows(board)}
    return Result(figures, list(goals(board, field, plan)), field.absent)


def own_rows(board: Board) -> list[Row]:
    """Return the generator's own cost: its least over all servers asked in the same way."""
    least: dict[str, float] = {}
    for (_, what), figure in board.figures.items():
        if not figure.shots[0].rate:
            least[what] = min(figure.own_us, least.get(what, figure.own_us))
    return [{"asked": what, "us": round(spent, 1)} for what, spent in least.items()]


def many(board: Board, plan: Plan, place: Path) -> Result:
    """Return the same with many more rules: our lean server and the peers, closed loops."""
    workload = make_workload(MANY_RULES)
    absent: list[str] = []
    with ExitStack() as stack:
        settings = ("grpc.transport=lean", *AUDITS["off"])
        ours = stack.enter_context(our_daemon(place / "ours", workload, *settings))
        made = [ours.unary(OFF), *cerbos_peers(stack, place, workload, absent)]
        made += opa_peers(stack, place, workload, absent)
        board.closed(made, (1, 32), plan.rounds, plan.seconds)
    rows: list[Row] = [
        {"server": name, "asked": what, **figure.row(), "RSS MB": round(board.resident[name])}
        for (name, what), figure in board.figures.items()
    ]
    return Result({MANY: sorted(rows, key=lambda row: str(row["server"]))}, ())


def spent(board: Board) -> dict[str, list[Row]]:
    """Return what a decision costs the servers, and OPA's engine without one."""
    rows: list[Row] = [
        {"server": name, "us": round(figure.cpu_us, 1), "RSS MB": round(board.resident[name])}
        for (name, what), figure in board.figures.items()
        if what == in_flight(32)
    ]
    if opa_library.find():
        alone = round(opa_library.in_child(RULES), 1)
        rows.append({"server": ENGINE, "us": alone, "RSS MB": None})
    return {SPENT: sorted(rows, key=lambda row: float(str(row["us"])))}


def tables(board: Board) -> dict[str, list[Row]]:
    """Return the figures."""
    closed: list[Row] = [
        {"server": name, "asked": what, **figure.row()}
        for (name, what), figure in board.figures.items()
        if not figure.shots[0].rate
    ]
    opened: list[Row] = [
        {
            "server": name,
            "load": what,
            "asked/s": round(figure.typical(lambda one: one.rate)),
            **figure.row(),
            **figure.noise(),
        }
        for (name, what), figure in board.figures.items()
        if figure.shots[0].rate
    ]
    key = "server"
    return {
        CLOSED: sorted(closed, key=lambda row: str(row[key])),
        OPENED: sorted(opened, key=lambda row: str(row[key])),
    }


def goals(board: Board, field: Field, plan: Plan) -> Iterator[Goal]:
    """Yield what was to be reached."""
    figures = board.figures
    alone, some = in_flight(1), in_flight(32)
    for ours, theirs, audit in ((OFF, GRPCIO, "off"), (WRITTEN, GRPCIO_WRITTEN, "written")):
        words = f"against grpcio, audit {audit}"
        gain = ratio(figures[ours, some], figures[theirs, some], rate_of)
        yield Goal(f"decisions, 32 in flight, {words}", gain, 6, "higher")
        less = figures[theirs, some].cpu_us / figures[ours, some].cpu_us
        yield Goal(f"server CPU of a decision, 32 in flight, {words}", less, 6, "higher")
        for what, bound in ((alone, 0.5), (some, 0.2)):
            slower = ratio(figures[ours, what], figures[theirs, what], p50_of)
            yield Goal(f"p50, {what}, {words}", slower, bound)
        if 0.8 in plan.shares:
            p99 = figures[ours, share_of(ours, 0.8)].p99 / MS
            yield Goal(f"p99 at 80 % of the maximum, audit {audit}, ms", p99, 1)
    peers = [one.name for one in field.contenders if one.name in PEERS]
    if peers:
        best = max(peers, key=lambda name: board.top(name).per_second)
        words = f"the best of {', '.join(peers)}"
        yield Goal(f"decisions against {words}", against(board, best), 5, "higher")
        less = least_cpu(board, peers) / least_cpu(board, [OFF])
        yield Goal("server CPU of a decision, that of the best peer", less, 5, "higher")
        yield Goal(
            "p99 against peers, the worst of all loads that both hold",
            max(p99s(figures, peers, plan)),
            1,
        )
    if field.named(GO):
        yield Goal("decisions against an empty grpc-go server", against(board, GO), 1, "higher")


def against(board: Board, name: str) -> float:
    """Return how many times the decisions of *name* ours makes, each at its best."""
    return ratio(board.top(OFF), board.top(name), rate_of)


def least_cpu(board: Board, names: Sequence[str]) -> float:
    """Return the least CPU time of a decision in any closed loop of these."""
    return min(
        figure.cpu_us
        for (name, _), figure in board.figures.items()
        if name in names and not figure.shots[0].rate
    )


def p99s(
    figures: dict[tuple[str, str], Figure], peers: Sequence[str], plan: Plan
) -> Iterator[float]:
    """Yield our p99 against each peer's, at each load."""
    for peer in peers:
        for many in plan.flying:
            what = in_flight(many)
            yield ratio(figures[OFF, what], figures[peer, what], p99_of)
        for share in plan.shares:
            what = share_of(peer, share)
            yield ratio(figures[OFF, what], figures[peer, what], p99_of)
