"""What does a decision cost between the bytes of its request and the bytes of its answer?

    python -m bench.bench_lane [--rules 10 100 10000] [--rounds 15] [--json]

No socket and no HTTP/2: what the lean server calls for a message is called in this process, with
metrics on, over realistic rules (see `bench.workloads`), with and without an audit trail. The
measure, in the same run: reading the same requests and writing the same answers with protobuf, by
which nothing is decided. Figures are CPU times, the smallest of interleaved rounds.
"""

from __future__ import annotations

import argparse
import gc
import json
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from time import process_time_ns
from typing import Any

from bench.goals import Goal, Result, Row, show
from bench.workloads import make_workload, pol_files
from engine.daemon.counts import Metrics
from engine.doors.grpc.convert import STAGES
from engine.doors.grpc.handlers import Handlers
from engine.doors.grpc.lean_call import Call, Served
from engine.doors.grpc.lean_head import Head, read_head
from engine.doors.grpc.lean_room import Room
from engine.doors.grpc.methods import ENGINE, METHODS, Direct, Pipelined, Together
from engine.doors.grpc.open_calls import refuse_late
from engine.doors.grpc.service import Service
from engine.doors.http2.connection import Connection
from engine.doors.http2.limits import Limits
from engine.doors.http2.stream import Stream
from engine.runtime.memory import MemoryStore
from engine.runtime.policyset import PolicySet
from engine.service.audit import Audit
from engine.service.bundles import Recipe, load_folder
from engine.service.gate import Gate
from engine.storage.durability import Way
from engine.wire import engine_pb2 as wire

SECRET = b"a secret for a bench, 32 bytes.."
NUMBERS = {name: number for number, name in STAGES.items()}
RULES = 100
"""With so many the ways of asking are compared."""
REQUESTS = 200
MANY = 64
"""Requests in a batch, or in flight on a stream."""
TENANTS_A_FILE = 50
LEAST_NS = 20_000_000
"""A round of one way lasts at least this long."""

Ask = Callable[[], int]
"""Asks for a while; returns how many decisions that were."""


@dataclass(slots=True)
class Lane:
    """One way to ask, and its figures in us of CPU time a decision."""

    rules: int
    audit: str
    way: str
    ask: Ask
    figures: list[float] = field(default_factory=list)


def make_call() -> Call:
    """Return a call without a deadline, as a handler sees it: of a connection to nobody."""
    connection = Connection(nobody_asks, read_head, Limits())
    room = Room(tasks=MANY, calls=MANY, held=1 << 30)
    served = Served(one_asks=True, apart=never)
    return Call(Stream(connection, 1, 0, 0), Head("", None, ()), served, 1 << 20, room)


def nobody_asks(_stream: Stream, _head: Head) -> Call:
    """End the bench: the handlers are called here, not by a connection."""
    sys.exit("the connection has heard of a call")


async def never(_message: bytes | None, _call: Call) -> bytes | None:
    """End the bench: the handlers are called here, not by the call."""
    sys.exit("the call has called")


def requests_of(rules: int, *, struct: bool = False) -> list[bytes]:
    """Return the requests of the workload as they are sent; the context may be a *struct*."""
    made = []
    for number, asked in enumerate(make_workload(rules, REQUESTS).requests):
        message = wire.DecideRequest(
            request_id=f"request-{number}",
            tenant_id=asked["tenant"]["id"],
            user_id=asked["user"]["id"],
            user_roles=asked["user"]["roles"],
            stage=NUMBERS[asked["stage"]],  # type: ignore[arg-type]
            content=asked["content"],
            attributes_json=json.dumps(
                {
                    "tenant": {"plan": asked["tenant"]["plan"]},
                    "user": {"clearance": asked["user"]["clearance"]},
                }
            ).encode(),
            tool=wire.Tool(name=asked["tool"]["name"]),
            session=wire.Session(turn=asked["session"]["turn"]),
        )
        if struct:
            message.context.update(asked["context"])
        else:
            message.context_json = json.dumps(asked["context"]).encode()
        made.append(message.SerializeToString())
    return made


def load(rules: int, *, struct: bool = False) -> PolicySet:
    """Return the policies of the workload, ready to decide. A *struct* knows no integers."""
    with tempfile.TemporaryDirectory() as name:
        for path, text in pol_files(make_workload(rules), TENANTS_A_FILE).items():
            known = re.sub(r"(context\.\w+: +)int", r"\1float", text) if struct else text
            Path(name, path).write_text(known, encoding="utf-8")
        return load_folder(Path(name), Recipe(SECRET))


def make_service(policies: PolicySet, folder: Path | None) -> Service:
    """Return what a daemon with metrics serves; with a *folder*, it keeps an audit trail there."""
    audit = None
    if folder is not None:
        way = Way(durability="written")
        audit = Audit(folder, folder / "key", way, name="bench", time=lambda: "2026-01-01T00:00:00")
    gate = Gate(MemoryStore(), audit, secret=SECRET, observer=Metrics())
    gate.swap(policies)
    return Service(gate, "bench")


def unary(service: Service, raws: Sequence[bytes]) -> Ask:
    """Return what asks with one call a request."""
    method = METHODS[ENGINE]["Decide"]
    assert isinstance(method, Direct)
    handle: Any = Handlers(service).inline(method)
    call = make_call()
    assert all(handle(raw, call) for raw in raws), "a request was refused"

    def ask() -> int:
        for raw in raws:
            handle(raw, call)
        return len(raws)

    return ask


def one_read(service: Service, raws: Sequence[bytes]) -> Ask:
    """Return what asks with one call a request, of which many come in one read."""
    method = METHODS[ENGINE]["Decide"]
    assert isinstance(method, Direct)
    assert method.many is not None
    many, call = method.many, make_call()
    some = [raws[start : start + MANY] for start in range(0, len(raws), MANY)]
    assert all(isinstance(one, bytes) for one in many(service, raws, lambda _: None))

    def ask() -> int:
        for one in some:
            many(service, one, lambda _: refuse_late(call))
        return len(raws)

    return ask


def batches(service: Service, raws: Sequence[bytes]) -> Ask:
    """Return what asks with batches."""
    method = METHODS[ENGINE]["DecideBatch"]
    assert isinstance(method, Together)
    handle: Any = Handlers(service).inline(method)
    some = [raws[start : start + MANY] for start in range(0, len(raws), MANY)]
    whole = [one for one in some if len(one) == MANY]
    batch = [
        wire.DecideBatchRequest(
            requests=[wire.DecideRequest.FromString(raw) for raw in one]
        ).SerializeToString()
        for one in whole
    ]
    call = make_call()

    def ask() -> int:
        for raw in batch:
            handle(raw, call)
        return len(batch) * MANY

    return ask


def stream(service: Service, raws: Sequence[bytes]) -> Ask:
    """Return what asks on a stream, where requests have come together."""
    method = METHODS[ENGINE]["DecideStream"]
    assert isinstance(method, Pipelined)
    many, call = method.many, make_call()
    some = [raws[start : start + MANY] for start in range(0, len(raws), MANY)]

    def ask() -> int:
        for one in some:
            many(service, one, lambda: refuse_late(call))
        return len(raws)

    return ask


def protobuf(service: Service, raws: Sequence[bytes]) -> Ask:
    """Return what reads the requests and writes their answers, without deciding."""
    handle: Any = Handlers(service).inline(METHODS[ENGINE]["Decide"])  # type: ignore[arg-type]
    answers = [wire.Decision.FromString(handle(raw, make_call())) for raw in raws]
    read, write = wire.DecideRequest.FromString, wire.Decision.SerializeToString

    def ask() -> int:
        for raw, answer in zip(raws, answers, strict=True):
            read(raw)
            write(answer)
        return len(raws)

    return ask


BARE, UNARY, STRUCT = "protobuf alone", "unary", "unary, context as a Struct"
ONE_READ = "unary, 64 in one read"
BATCH, STREAM = "batches of 64", "stream, 64 in flight"
OFF, WRITTEN = "off", "written"


def lanes(sizes: Sequence[int], stack: ExitStack) -> Iterator[Lane]:
    """Yield what is measured."""
    for rules in sizes:
        policies, raws = load(rules), requests_of(rules)
        for audit in (OFF, WRITTEN):
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            service = make_service(policies, folder if audit == WRITTEN else None)
            yield Lane(rules, audit, UNARY, unary(service, raws))
            if audit == OFF:
                yield Lane(rules, audit, BARE, protobuf(service, raws))
            if audit == OFF and rules == RULES:
                floats = make_service(load(rules, struct=True), None)
                structs = requests_of(rules, struct=True)
                yield Lane(rules, audit, STRUCT, unary(floats, structs))
            if rules == RULES:
                yield Lane(rules, audit, ONE_READ, one_read(service, raws))
                yield Lane(rules, audit, BATCH, batches(service, raws))
                yield Lane(rules, audit, STREAM, stream(service, raws))


def measure(ask: Ask) -> float:
    """Return the CPU time of a decision in us, over one round."""
    ask()
    done, start = 0, process_time_ns()
    while True:
        done += ask()
        passed = process_time_ns() - start
        if passed > LEAST_NS:
            return passed / done / 1000


def judge(found: Sequence[Lane]) -> Result:
    """Return the figures and the goals."""
    least = {(one.rules, one.audit, one.way): min(one.figures) for one in found}
    rows: list[Row] = [
        {
            "rules": f"{rules:,}",
            "audit": audit,
            "asked by": way,
            "us": spent,
            "against protobuf alone": spent / least[rules, OFF, BARE],
        }
        for (rules, audit, way), spent in least.items()
    ]
    goals = []
    sizes = sorted({one.rules for one in found})
    if RULES in sizes:
        goals += [
            Goal(f"{way}, audit {audit}, against protobuf alone", spent / bare, bound)
            for way, audit, bound in (
                (UNARY, OFF, 16.0),
                (UNARY, WRITTEN, 32.0),
                (BATCH, OFF, 15.0),
                (BATCH, WRITTEN, 24.0),
                (STREAM, OFF, 16.0),
                (STRUCT, OFF, 20.0),
            )
            if (spent := least[RULES, audit, way]) and (bare := least[RULES, OFF, BARE])
        ]
        grown = least[sizes[-1], OFF, UNARY] / least[RULES, OFF, UNARY]
        goals.append(Goal(f"growth: {sizes[-1]:,} rules against {RULES}", grown, 1.3))
    return Result({"CPU time of a decision, bytes to bytes": rows}, goals)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--rules", type=int, nargs="+", default=[10, RULES, 10_000])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with ExitStack() as stack:
        found = list(lanes(given.rules, stack))
        gc.collect()
        gc.freeze()
        for _ in range(given.rounds):
            for lane in found:
                lane.figures.append(measure(lane.ask))
        show(judge(found), as_json=given.json)


if __name__ == "__main__":
    main()
