"""How much quicker are decisions over the lean HTTP/2 server than over grpcio's?

    python -m bench.bench_transport [--seconds 1] [--rounds 5] [--json]

The same door, with the same 100 rules (and then with all starter packs beside them, whose deciding
weighs more than any transport), runs over each server in a process of
its own on one core; ``h2load`` (package nghttp2-client) asks from another, over one connection. The
servers are asked in turns, so that the ratios hold whatever else the machine does. Every answer is
looked at once before anything is timed.
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
import uvloop
from pol_client import Request
from pol_client.request import build_request

from bench.bench_grpc import ASKED, SECRET
from bench.goals import Goal, Result, Row, show
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
FLYING = (1, 32)
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
    """One round: decisions a second; p50 and p99 in us."""

    per_second: float
    p50_us: float
    p99_us: float


Rounds = dict[tuple[str, Transport, int], list[Figure]]
"""By policies, server and how many are in flight."""

PLAIN, PACKS = f"{RULES} rules", f"{RULES} rules and the starter packs"


def serve(folder: Path, transport: Transport) -> None:
    """Serve until the parent goes away; print the address."""
    pin(SERVER_CORE)
    uvloop.run(serve_door(folder, transport))


async def serve_door(folder: Path, transport: Transport) -> None:
    """Serve the door in this loop."""
    gate = Gate(MemoryStore(), secret=SECRET)
    gate.swap(load_folder(folder, Recipe(SECRET)))
    door = Door(Service(gate, "bench"), [Listener("127.0.0.1:0")], transport=transport)
    (address,) = await door.start()
    sys.stdout.write(f"{address}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    await door.drain(0)


def pin(core: int) -> None:
    """Keep this process on one core, where there are more."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[core % len(cores)]})


def write_policies(folder: Path, policies: str) -> None:
    """Write the policies that are served."""
    folder.mkdir()
    starter, tests = ROOT / "policies/starter", shutil.ignore_patterns("*_test.pol")
    if policies == PACKS:
        shutil.copytree(starter, folder, ignore=tests, dirs_exist_ok=True)
    made = "".join(RULE.format(number=n, tenant=n % RULES) for n in range(10, 10 + RULES))
    Path(folder, "bench.pol").write_text(POLICY.format(rules=made), encoding="utf-8")


@contextmanager
def child(folder: Path, transport: Transport) -> Iterator[str]:
    """Yield the address of a door over *transport*."""
    command = [sys.executable, "-m", "bench.bench_transport", "--serve", str(folder), transport]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.communicate()


def look(address: str, raw: bytes) -> wire.Decision:
    """Return the decision that the door makes, without what differs every time."""
    with grpc.insecure_channel(address) as channel:
        made = wire.Decision.FromString(channel.unary_unary(PATH, None, None)(raw, timeout=30))
    made.ClearField("decision_id")
    made.ClearField("evaluated_in_ns")
    return made


def load(address: str, body: Path, log: Path, flying: int, count: int) -> Figure:
    """Ask *count* times."""
    log.unlink(missing_ok=True)
    command = ["h2load", "-n", str(count), "-c", "1", "-m", str(flying), "-d", str(body)]
    command += ["-H", "content-type: application/grpc", "-H", "te: trailers"]
    command += [f"--log-file={log}", f"http://{address}{PATH}"]
    core = sorted(os.sched_getaffinity(0))[LOAD_CORE % len(os.sched_getaffinity(0))]
    subprocess.run(["taskset", "-c", str(core), *command], check=True, capture_output=True)
    times = [line.split("\t") for line in log.read_text().splitlines()]
    taken = sorted(int(one[2]) for one in times)
    if any(one[1] != "200" for one in times):
        sys.exit("an answer was no answer")
    begun = [int(one[0]) for one in times]
    span = (max(begun) - min(begun)) / 1e6 + taken[-1] / 1e6
    return Figure(len(taken) / span, taken[len(taken) // 2], taken[len(taken) * 99 // 100])


def measure(policies: str, rounds: int, seconds: float) -> Rounds:
    """Ask both servers in turns, with *policies*."""
    context = {"app": "support", "channel": "chat", "verified": True} if policies == PACKS else {}
    asked: Request = {**ASKED, "tenant": "acme-shop", "context": {"bench_amount": 1.5, **context}}
    raw = build_request(asked).SerializeToString()
    found: Rounds = {}
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder, work = Path(name, "policies"), Path(name)
        write_policies(folder, policies)
        body = work / "body"
        body.write_bytes(b"\0" + len(raw).to_bytes(4) + raw)
        doors = {one: stack.enter_context(child(folder, one)) for one in TRANSPORTS}
        if len({look(address, raw).SerializeToString() for address in doors.values()}) > 1:
            sys.exit("the two do not answer the same")
        for _ in range(rounds):
            for flying in FLYING:
                for transport, address in doors.items():
                    few = load(address, body, work / "log", flying, FEW)
                    count = max(FEW, int(few.per_second * seconds))
                    made = load(address, body, work / "log", flying, count)
                    found.setdefault((policies, transport, flying), []).append(made)
    return found


def judge(found: Rounds) -> Result:
    """Return the figures and the goals: medians of the rounds, ratios within each round."""
    rows: list[Row] = [
        {
            "policies": policies,
            "server": transport,
            "in flight": flying,
            "decisions a second": round(median(one.per_second for one in rounds)),
            "p50 us": round(median(one.p50_us for one in rounds)),
            "p99 us": round(median(one.p99_us for one in rounds)),
        }
        for (policies, transport, flying), rounds in found.items()
    ]

    def ratio(flying: int, what: str) -> float:
        pairs = zip(found[PLAIN, "lean", flying], found[PLAIN, "grpcio", flying], strict=True)
        return round(
            float(median(getattr(one, what) / getattr(two, what) for one, two in pairs)), 3
        )

    goals = [
        Goal("lean against grpcio, decisions, 32 in flight", ratio(32, "per_second"), 6, "higher"),
        Goal("lean against grpcio, p50, 1 in flight", ratio(1, "p50_us"), 0.5),
        Goal("lean against grpcio, p50, 32 in flight", ratio(32, "p50_us"), 0.2),
    ]
    return Result({"Decisions over one connection, one server core": rows}, goals)


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
            **measure(PLAIN, given.rounds, given.seconds),
            **measure(PACKS, given.rounds, given.seconds),
        }
        show(judge(found), as_json=given.json)


if __name__ == "__main__":
    main()
