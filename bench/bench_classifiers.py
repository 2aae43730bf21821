"""What does asking a model server cost a decision?

    python bench/bench_classifiers.py [--rounds 9] [--calls 100] [--json]

The example's server (`policies/examples/classifier/server.py`) runs beside the bench, once over
gRPC and once over HTTP, on the loopback address. A decision asks it about a text that is new, or
one that it was asked about before, or is one that needs no answer; and many decisions wait at the
same time in one event loop, so that their questions share calls. The measure, in the same run, is a
bare call of the same server with one text, by the same libraries. Figures are medians of
interleaved rounds in wall time: the other side's work and the way there count. Before anything is
timed, an answer must decide.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter_ns

import grpc

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.goals import Goal, Result, Row, show
from engine.classifiers.hub import Hub
from engine.runtime.decision import Decision
from engine.runtime.memory import MemoryStore
from engine.service.asking import Undecided
from engine.service.bundles import Recipe, load_folder
from engine.service.gate import Gate
from engine.wire import classifier_pb2 as wire

KEY = b"a key of the benchmark, 32 bytes"
ROOT = Path(__file__).parent.parent
SERVER = ROOT / "policies/examples/classifier/server.py"
TOGETHER = 64
PLAIN = 'rule words { when content contains "forbidden" then deny }'
ASKING = """
classifier toxicity { endpoint = "ENDPOINT" timeout = 20s }
policy bench { default allow
  PLAIN
  rule rude { when stage == "request" and classifier.toxicity(content) >= 0.9 then deny }
}
"""
RUDE = "you worthless idiot"
TEXT = "the plan was discussed at length by both teams and nobody objected to it on that day"


@dataclass(slots=True)
class Contender:
    """One thing to do again and again: how many decisions it is, and microseconds for each."""

    name: str
    act: Callable[[], object]
    decisions: int = 1
    figures: list[float] = field(default_factory=list)

    @property
    def typical(self) -> float:
        """The median round."""
        return statistics.median(self.figures)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return 0; leave with 1 when an answer does not decide."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--calls", type=int, default=100, help="in one round of one thing")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    with ExitStack() as stack:
        contenders = [Contender("without classifiers", plain())]
        shared: dict[str, Callable[[], float]] = {}
        for way in ("gRPC", "HTTP"):
            endpoint = stack.enter_context(server(way))
            made, shared[way] = asking(way, endpoint, stack)
            contenders += made
        for _ in range(options.rounds):
            for one in contenders:
                one.figures.append(round_of(one, options.calls))
        figures = {one.name: one.typical for one in contenders}
        result = judge(figures, {way: count() for way, count in shared.items()})
    show(result, as_json=options.json)
    return 0


@contextmanager
def server(way: str) -> Iterator[str]:
    """Run the example's server; give its endpoint."""
    words = [sys.executable, str(SERVER), "--port", "0", *(["--http"] if way == "HTTP" else [])]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, text=True, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def gate_of(policies: str, classifiers: Hub | None = None) -> Gate:
    """Return a gate with *policies*."""
    gate = Gate(MemoryStore(), secret=KEY, classifiers=classifiers)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "bench.pol").write_text(policies)
        gate.swap(load_folder(Path(folder), Recipe(KEY, prepare=True)))
    return gate


def request(text: str, stage: str = "request") -> dict[str, object]:
    """Return what is asked about *text*."""
    return {"tenant": {"id": "n"}, "user": {"id": "u"}, "stage": stage, "content": text}


def plain() -> Callable[[], object]:
    """Return a decision by policies without classifiers."""
    gate = gate_of(f"policy bench {{ default allow {PLAIN} }}")
    return lambda: gate.decide(request(TEXT))


def asking(
    way: str, endpoint: str, stack: ExitStack
) -> tuple[list[Contender], Callable[[], float]]:
    """Return what is measured at *endpoint*, and what tells how many texts a call had."""
    hub = Hub(KEY)
    gate = gate_of(ASKING.replace("ENDPOINT", endpoint).replace("PLAIN", PLAIN), hub)
    stack.callback(gate.close)
    loop = asyncio.new_event_loop()
    stack.callback(loop.close)
    if gate.decide(request(RUDE)).action != "deny" or gate.decide(request(TEXT)).action != "allow":
        sys.exit(f"the answers over {way} do not decide")
    numbers = itertools.count()

    def new() -> dict[str, object]:
        return request(f"{TEXT} {way} {next(numbers)}")

    async def one() -> Decision:
        step = gate.begin(new())
        while isinstance(step, Undecided):
            await step.hear()
            step = gate.go_on(step)
        return step

    async def many() -> None:
        await asyncio.gather(*(one() for _ in range(TOGETHER)))

    calls, texts = 0, 0

    def together() -> None:
        nonlocal calls, texts
        before = told(hub)
        loop.run_until_complete(many())
        after = told(hub)
        calls += after[0] - before[0]
        texts += after[1] - before[1]

    bare = bare_grpc if way == "gRPC" else bare_http
    return [
        Contender(f"{way}: a bare call", bare(endpoint, stack)),
        Contender(f"{way}: a new text", lambda: gate.decide(new())),
        Contender(f"{way}: a text asked about before", lambda: gate.decide(request(TEXT))),
        Contender(f"{way}: no answer needed", lambda: gate.decide(request(TEXT, "response"))),
        Contender(f"{way}: {TOGETHER} new texts together", together, TOGETHER),
    ], lambda: texts / calls


def told(hub: Hub) -> tuple[int, int]:
    """Return how many calls *hub* has made, and of how many texts."""
    count = hub.tally.counts()["toxicity"]
    return sum(count.calls.values()), count.texts


def bare_grpc(endpoint: str, stack: ExitStack) -> Callable[[], object]:
    """Return a call by grpcio alone."""
    channel = stack.enter_context(grpc.insecure_channel(endpoint.removeprefix("grpc://")))
    call = channel.unary_unary(
        "/engine.classifier.v1.Classifier/Classify",
        wire.ClassifyRequest.SerializeToString,
        wire.ClassifyResponse.FromString,
    )
    return lambda: call(wire.ClassifyRequest(texts=[TEXT]), timeout=20)


def bare_http(endpoint: str, stack: ExitStack) -> Callable[[], object]:
    """Return a call by http.client alone."""
    host, _, path = endpoint.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=20)
    stack.callback(connection.close)

    def call() -> object:
        body = json.dumps({"texts": [TEXT]})
        connection.request("POST", f"/{path}", body, {"Content-Type": "application/json"})
        return json.loads(connection.getresponse().read())

    return call


def round_of(contender: Contender, calls: int) -> float:
    """Return the microseconds of a decision, of about so many *calls*."""
    rounds = max(1, calls // contender.decisions)
    begin = perf_counter_ns()
    for _ in range(rounds):
        contender.act()
    return (perf_counter_ns() - begin) / rounds / contender.decisions / 1000


def judge(figures: Mapping[str, float], shared: Mapping[str, float]) -> Result:
    """Return *figures* as tables, and the goals."""
    rows: list[Row] = [{"what": name, "microseconds": value} for name, value in figures.items()]
    gathered: list[Row] = [{"way": way, "texts a call": count} for way, count in shared.items()]
    goals = []
    for way in shared:
        new, known = figures[f"{way}: a new text"], figures[f"{way}: a text asked about before"]
        many = figures[f"{way}: {TOGETHER} new texts together"]
        idle = figures[f"{way}: no answer needed"]
        goals += [
            Goal(
                f"a new text over {way}, against a bare call",
                new / figures[f"{way}: a bare call"],
                3.0,
            ),
            Goal(f"a text asked about before, {way}, share of a new one", known / new, 0.15),
            Goal(f"many together, {way}, each, share of one alone", many / new, 0.6),
            Goal(
                f"no answer needed, {way}, against policies without classifiers",
                idle / figures["without classifiers"],
                2.0,
            ),
        ]
    return Result(
        {"A decision, wall time": rows, f"{TOGETHER} decisions together": gathered}, goals
    )


if __name__ == "__main__":
    sys.exit(main())
