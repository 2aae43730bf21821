"""How much quicker are decisions over the lean HTTP/2 server than over grpcio's?

    python -m bench.bench_transport [--seconds 1] [--rounds 5] [--json]

The same door, with the same 100 rules (and then with all starter packs beside them, whose deciding
weighs more than any transport), runs over each server in a process of
its own on one core; ``h2load`` (package nghttp2-client) asks from another, over one connection. The
servers are asked in turns, so that the ratios hold whatever else the machine does. Every answer is
looked at once before anything is timed. What the transport alone costs is seen with handlers that
give back what they got: no deciding, no protobuf. The server's CPU time a call is its whole
process's, the kernel's part included.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import grpc
import grpc.aio
import uvloop
from pol_client import Request
from pol_client.request import build_request

from bench.bench_grpc import ASKED, SECRET
from bench.goals import Goal, Result, Row, show
from engine.doors.grpc.lean_server import LeanServer
from engine.doors.grpc.listener import Listener
from engine.doors.grpc.server import Door, Transport
from engine.doors.grpc.service import Service
from engine.runtime.memory import MemoryStore
from engine.service.bundles import Recipe, load_folder
from engine.service.gate import Gate
from engine.wire import engine_pb2 as wire

ROOT = Path(__file__).parent.parent
PATH = "/engine.v1.PolicyEngine/Decide"
TRANSPORTS: tuple[Transport, ...] = ("grpcio", "lean")
RULES = 100
FLYING = (1, 8, 32)
FEW = 1_000
"""So many requests tell how many there must be."""
SERVER_CORE, LOAD_CORE = 0, 1

RULE = """
  rule r{number} {{
    when tenant.id == "t{tenant}" and (context.bench_amount ?? 0.0) > {number}
    then deny "too much"
  }}"""
POLICY = """package bench
schema {{
  context.bench_amount: float?
}}
policy limits {{
  default allow
{rules}
}}
"""


@dataclass(frozen=True, slots=True)
class Figure:
    """One round: calls a second; p50, p99 and the server's CPU time of a call in us."""

    per_second: float
    p50_us: float
    p99_us: float
    cpu_us: float


@dataclass(frozen=True, slots=True)
class Served:
    """A server: its address and its process."""

    address: str
    process: int

    def cpu_seconds(self) -> float:
        """Return the time that its threads have run."""
        tasks = Path(f"/proc/{self.process}/task").iterdir()
        return sum(int(Path(one, "schedstat").read_text().split()[0]) for one in tasks) / 1e9


Rounds = dict[tuple[str, Transport, int], list[Figure]]
"""By policies, server and how many are in flight."""

PLAIN, PACKS = f"{RULES} rules", f"{RULES} rules and the starter packs"
NOTHING = "no deciding"
EMPTY_BYTES = 400
"""Of what is sent and given back where nothing is decided: as large as a request for a decision."""


def serve(folder: Path, transport: Transport) -> None:
    """Serve until the parent goes away; print the address."""
    pin(SERVER_CORE)
    uvloop.run(serve_door(folder, transport) if any(folder.iterdir()) else serve_echo(transport))


async def serve_echo(transport: Transport) -> None:
    """Serve a method that gives back what it gets, in this loop."""

    async def echo(raw: bytes, _call: object) -> bytes:
        return raw

    service, _, method = PATH[1:].partition("/")
    handlers = {method: grpc.unary_unary_rpc_method_handler(echo)}
    generic = grpc.method_handlers_generic_handler(service, handlers)
    if transport == "lean":
        lean = LeanServer()
        lean.add_generic_rpc_handlers([generic])
        lean.inline[PATH] = lambda raw, _call: raw
        address = lean.listen(Listener("127.0.0.1:0"))
        await lean.start()
        await talk(address)
        await lean.stop(0)
        return
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((generic,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    await talk(f"127.0.0.1:{port}")
    await server.stop(0)


async def talk(address: str) -> None:
    """Tell the parent the address, and wait until it goes away."""
    sys.stdout.write(f"{address}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)


async def serve_door(folder: Path, transport: Transport) -> None:
    """Serve the door in this loop."""
    gate = Gate(MemoryStore(), secret=SECRET)
    gate.swap(load_folder(folder, Recipe(SECRET)))
    door = Door(Service(gate, "bench"), [Listener("127.0.0.1:0")], transport=transport)
    (address,) = await door.start()
    await talk(address)
    await door.drain(0)


def pin(core: int) -> None:
    """Keep this process on one core, where there are more."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[core % len(cores)]})


def write_policies(folder: Path, policies: str) -> None:
    """Write the policies that are served; none where nothing is decided."""
    folder.mkdir()
    if policies == NOTHING:
        return
    starter, tests = ROOT / "policies/starter", shutil.ignore_patterns("*_test.pol")
    if policies == PACKS:
        shutil.copytree(starter, folder, ignore=tests, dirs_exist_ok=True)
    made = "".join(RULE.format(number=n, tenant=n % RULES) for n in range(10, 10 + RULES))
    Path(folder, "bench.pol").write_text(POLICY.format(rules=made), encoding="utf-8")


@contextmanager
def child(folder: Path, transport: Transport) -> Iterator[Served]:
    """Yield a server over *transport*."""
    command = [sys.executable, "-m", "bench.bench_transport", "--serve", str(folder), transport]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield Served(process.stdout.readline().strip(), process.pid)
        process.communicate()


def look(address: str, raw: bytes) -> bytes:
    """Return the answer that comes, without what differs in every decision."""
    with grpc.insecure_channel(address) as channel:
        answer: bytes = channel.unary_unary(PATH, None, None)(raw, timeout=30)
    if answer == raw:
        return raw
    made = wire.Decision.FromString(answer)
    made.ClearField("decision_id")
    made.ClearField("evaluated_in_ns")
    return made.SerializeToString()


def load(served: Served, body: Path, log: Path, flying: int, count: int) -> Figure:
    """Ask *count* times."""
    log.unlink(missing_ok=True)
    before = served.cpu_seconds()
    command = ["h2load", "-n", str(count), "-c", "1", "-m", str(flying), "-d", str(body)]
    command += ["-H", "content-type: application/grpc", "-H", "te: trailers"]
    command += [f"--log-file={log}", f"http://{served.address}{PATH}"]
    core = sorted(os.sched_getaffinity(0))[LOAD_CORE % len(os.sched_getaffinity(0))]
    subprocess.run(["taskset", "-c", str(core), *command], check=True, capture_output=True)
    cpu_us = (served.cpu_seconds() - before) / count * 1e6
    times = [line.split("\t") for line in log.read_text().splitlines()]
    taken = sorted(int(one[2]) for one in times)
    if any(one[1] != "200" for one in times):
        sys.exit("an answer was no answer")
    begun = [int(one[0]) for one in times]
    span = (max(begun) - min(begun)) / 1e6 + taken[-1] / 1e6
    return Figure(len(taken) / span, taken[len(taken) // 2], taken[len(taken) * 99 // 100], cpu_us)


def measure(policies: str, rounds: int, seconds: float) -> Rounds:
    """Ask both servers in turns, with *policies*."""
    context = {"app": "support", "channel": "chat", "verified": True} if policies == PACKS else {}
    asked: Request = {**ASKED, "tenant": "acme-shop", "context": {"bench_amount": 1.5, **context}}
    raw = build_request(asked).SerializeToString()
    if policies == NOTHING:
        raw = bytes(EMPTY_BYTES)
    found: Rounds = {}
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder, work = Path(name, "policies"), Path(name)
        write_policies(folder, policies)
        body = work / "body"
        body.write_bytes(b"\0" + len(raw).to_bytes(4) + raw)
        doors = {one: stack.enter_context(child(folder, one)) for one in TRANSPORTS}
        if len({look(one.address, raw) for one in doors.values()}) > 1:
            sys.exit("the two do not answer the same")
        for _ in range(rounds):
            for flying in FLYING:
                for transport, served in doors.items():
                    few = load(served, body, work / "log", flying, FEW)
                    count = max(FEW, int(few.per_second * seconds))
                    made = load(served, body, work / "log", flying, count)
                    found.setdefault((policies, transport, flying), []).append(made)
    return found


def judge(found: Rounds) -> Result:
    """Return the figures and the goals: medians of the rounds, ratios within each round."""
    rows: list[Row] = [
        {
            "policies": policies,
            "server": transport,
            "in flight": flying,
            "calls a second": round(median(one.per_second for one in rounds)),
            "p50 us": round(median(one.p50_us for one in rounds)),
            "p99 us": round(median(one.p99_us for one in rounds)),
            "server CPU us": round(min(one.cpu_us for one in rounds), 1),
        }
        for (policies, transport, flying), rounds in found.items()
    ]

    def ratio(flying: int, what: str, policies: str = PLAIN) -> float:
        pairs = zip(found[policies, "lean", flying], found[policies, "grpcio", flying], strict=True)
        return round(
            float(median(getattr(one, what) / getattr(two, what) for one, two in pairs)), 3
        )

    goals = [
        Goal("lean against grpcio, decisions, 32 in flight", ratio(32, "per_second"), 6, "higher"),
        Goal("the same where nothing is decided", ratio(32, "per_second", NOTHING), 8, "higher"),
        Goal("lean against grpcio, p50, 1 in flight", ratio(1, "p50_us"), 0.5),
        Goal("lean against grpcio, p50, 32 in flight", ratio(32, "p50_us"), 0.2),
    ]
    return Result({"Calls over one connection, one server core": rows}, goals)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0, help="of one measurement")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--serve", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(Path(given.serve[0]), "lean" if given.serve[1] == "lean" else "grpcio")
    elif shutil.which("h2load") is None:
        show(Result({}, (), ("h2load",)), as_json=given.json)
    else:
        found = {
            **measure(NOTHING, given.rounds, given.seconds),
            **measure(PLAIN, given.rounds, given.seconds),
            **measure(PACKS, given.rounds, given.seconds),
        }
        show(judge(found), as_json=given.json)


if __name__ == "__main__":
    main()
